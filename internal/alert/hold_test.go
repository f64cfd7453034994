package alert

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// alerters are processes over one ledger; each writes an entry a second while it holds the lease.
type alerters struct {
	t    *testing.T
	l    *ledger.Ledger
	mu   sync.Mutex
	errs []error
}

func (a *alerters) start(name string) (stop func(), stopped <-chan error) {
	k := &keeper{ledger: a.l, holder: name, now: time.Now, log: zap.NewNop()}
	ctx, cancel := context.WithCancel(a.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- k.hold(ctx, func(ctx context.Context, mine *ledger.Ledger) error {
			for ctx.Err() == nil {
				if err := mine.Append(ctx, []ledger.Entry{{At: time.Now(), Kind: "k", Actor: name, Body: []byte("0")}}, nil, nil); err != nil && ctx.Err() == nil {
					a.mu.Lock()
					a.errs = append(a.errs, err)
					a.mu.Unlock()
					return err
				}
				pause(ctx, time.Second)
			}
			return nil
		})
	}()
	return cancel, done
}

// actors are who wrote, in order, each run of entries once.
func (a *alerters) actors() []string {
	var out []string
	if err := a.l.Each(a.t.Context(), "", 0, func(e ledger.Entry) error { out = append(out, e.Actor); return nil }); err != nil {
		a.t.Fatal(err)
	}
	return slices.Compact(out)
}

// One works while the other stands by; who stops gives way at once; who takes over fences the other off, wherever it is.
func TestOneAlerterWorks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alerters{t: t, l: open(t)}
		stopA, doneA := a.start("a")
		time.Sleep(time.Second)
		stopB, doneB := a.start("b")
		time.Sleep(time.Minute)
		if got := a.actors(); !slices.Equal(got, []string{"a"}) {
			t.Errorf("wrote: %q, want a only", got)
		}
		stopA()
		if err := <-doneA; err != nil {
			t.Error(err)
		}
		time.Sleep(leaseRetry + time.Second)
		if got := a.actors(); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("wrote: %q, want a, then b", got)
		}
		// One whose clock runs ahead takes the lease from b, which finds out by its next write or when it renews it, whichever is first, and stands by.
		took, err := a.l.Acquire(t.Context(), "ahead", time.Now().Add(time.Hour), time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		written := len(entries(t, a.l))
		time.Sleep(2 * time.Second)
		if after := len(entries(t, a.l)); after != written {
			t.Errorf("b wrote %d entries under another's lease", after-written)
		}
		a.mu.Lock()
		if slices.ContainsFunc(a.errs, func(err error) bool { return !errors.Is(err, ledger.ErrFenced) }) {
			t.Errorf("b met %v", a.errs)
		}
		a.mu.Unlock()
		if err := a.l.Release(t.Context(), took); err != nil {
			t.Fatal(err)
		}
		time.Sleep(leaseRetry + time.Second)
		before := len(entries(t, a.l))
		time.Sleep(5 * time.Second)
		if after := len(entries(t, a.l)); after <= before {
			t.Error("b doesn't go on after the lease was given back")
		}
		stopB()
		if err := <-doneB; err != nil {
			t.Error(err)
		}
		if _, err := a.l.Verify(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// One that is killed keeps the lease for as long as it was taken; then the next one works.
func TestTheNextOneWaitsForADeadOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := &alerters{t: t, l: open(t)}
		if _, err := a.l.Acquire(t.Context(), "dead", time.Now(), leaseFor); err != nil {
			t.Fatal(err)
		}
		stop, done := a.start("b")
		time.Sleep(leaseFor - time.Second)
		if got := a.actors(); len(got) != 0 {
			t.Errorf("wrote before the lease was over: %q", got)
		}
		time.Sleep(leaseRetry + time.Second)
		if got := a.actors(); !slices.Equal(got, []string{"b"}) {
			t.Errorf("wrote: %q, want b", got)
		}
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
