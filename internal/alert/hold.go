package alert

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

const (
	leaseFor   = 15 * time.Second // how long a dead alerter keeps the others waiting
	leaseRenew = 5 * time.Second
	leaseRetry = 3 * time.Second
)

// keeper holds the lease while the alerter works, and waits for it while another does.
type keeper struct {
	ledger *ledger.Ledger
	holder string
	now    func() time.Time
	log    *zap.Logger
	ready  *bus.Readiness
}

// hold runs work whenever the lease is ours, until ctx ends. work gets the ledger under the lease, and a context that ends with it. It
// returns what work returns.
//
// An alerter that lost the lease may still be sending: that a message arrives twice is possible, that two of them write is not.
func (k *keeper) hold(ctx context.Context, work func(context.Context, *ledger.Ledger) error) error {
	name := k.holder
	for n := 2; ; n++ {
		held, err := k.acquire(ctx, name)
		if err != nil || ctx.Err() != nil {
			return err
		}
		lost, err := k.during(ctx, held, work)
		if !lost || ctx.Err() != nil {
			return errors.Join(err, k.release(ctx, held))
		}
		k.log.Warn("lost the lease to another alerter; waiting for it", zap.String("holder", name), zap.Error(err))
		// Under the same name it would be ours again at once: two processes that were given one name by mistake would take it from each
		// other for ever.
		name = fmt.Sprintf("%s (%d)", k.holder, n)
	}
}

// acquire waits until the lease is ours. Who waits stands by: that is ready.
func (k *keeper) acquire(ctx context.Context, name string) (ledger.Lease, error) {
	said := ""
	for ctx.Err() == nil {
		held, err := k.ledger.Acquire(ctx, name, k.now(), leaseFor)
		if err == nil {
			k.log.Info("holds the lease", zap.String("holder", name), zap.Int64("token", held.Token))
			return held, nil
		}
		var other *ledger.HeldError
		switch {
		case ctx.Err() != nil:
		case errors.As(err, &other):
			if said != other.Holder {
				k.log.Info("stands by: another alerter holds the lease", zap.String("holder", other.Holder))
			}
			said = other.Holder
			k.ready.Ready()
		default:
			k.log.Warn("take the lease: will try again", zap.Error(err))
			k.ready.NotYet("take the ledger's lease: %w", err)
		}
		pause(ctx, leaseRetry)
	}
	return ledger.Lease{}, nil
}

// during runs work and renews the lease beside it. It reports whether the lease was lost.
func (k *keeper) during(ctx context.Context, held ledger.Lease, work func(context.Context, *ledger.Ledger) error) (lost bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() { done <- work(ctx, k.ledger.Under(held)) }()
	tick := time.NewTicker(leaseRenew)
	defer tick.Stop()
	for {
		select {
		case err := <-done:
			return errors.Is(err, ledger.ErrFenced), err
		case <-tick.C:
			renewed, err := k.ledger.Renew(ctx, held, k.now(), leaseFor)
			switch {
			case err == nil:
				held = renewed
			case ctx.Err() != nil: // work is ending
			case errors.Is(err, ledger.ErrFenced) || !k.now().Before(held.Until):
				stop()
				return true, errors.Join(err, <-done)
			default:
				k.log.Warn("renew the lease: will try again", zap.Error(err))
			}
		}
	}
}

// release lets the next one begin at once.
func (k *keeper) release(ctx context.Context, held ledger.Lease) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseRetry)
	defer cancel()
	return k.ledger.Release(ctx, held)
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
