package alert

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

const (
	deliverBatch = 200
	deliverEvery = time.Second
	sendTimeout  = 10 * time.Second
	pauseMin     = time.Second
	pauseMax     = 5 * time.Minute
	mostAttempts = 50 // about four hours
)

// deliver empties the outbox until ctx ends.
func (s *service) deliver(ctx context.Context) {
	tick := time.NewTicker(deliverEvery)
	defer tick.Stop()
	for {
		if err := s.deliverDue(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("read outbox", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.queued:
		}
	}
}

// deliverDue sends what is due. The messages of one sink keep their order: behind one that failed the others wait.
func (s *service) deliverDue(ctx context.Context) error {
	sinks := map[string]Sink{}
	for _, k := range s.o.Sinks {
		sinks[k.Name()] = k
	}
	for {
		due, err := s.o.Ledger.Pending(ctx, s.o.Now(), deliverBatch)
		if err != nil {
			return err
		}
		down := map[string]bool{}
		for _, w := range due {
			switch to := sinks[w.Sink]; {
			case to == nil:
				err = s.o.Ledger.Abandon(ctx, w.ID, w.Sink, "the sink is no longer configured")
			case down[w.Sink]: // waits for the one before it; the ledger holds it back, too
			default:
				down[w.Sink], err = s.send(ctx, to, w)
			}
			if err != nil {
				return err
			}
		}
		if len(due) < deliverBatch {
			return nil
		}
	}
}

// send tries one message and reports whether the sink is down.
func (s *service) send(ctx context.Context, to Sink, w ledger.Waiting) (down bool, err error) {
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err = to.Send(sendCtx, w.ID, w.Body)
	if err == nil {
		s.m.sent.WithLabelValues(w.Sink, "delivered").Inc()
		return false, s.o.Ledger.Delivered(ctx, w.ID, w.Sink)
	}
	if ctx.Err() != nil {
		return true, ctx.Err()
	}
	var refused *sink.RefusedError
	if errors.As(err, &refused) || w.Attempts >= mostAttempts {
		s.m.sent.WithLabelValues(w.Sink, "abandoned").Inc()
		s.log.Error("give up a message", zap.String("sink", w.Sink), zap.String("message", w.ID), zap.Error(err))
		return false, s.o.Ledger.Abandon(ctx, w.ID, w.Sink, err.Error())
	}
	s.m.sent.WithLabelValues(w.Sink, "retried").Inc()
	pause := min(pauseMin<<min(w.Attempts, 10), pauseMax)
	until := s.o.Now().Add(pause)
	s.log.Warn("send a message: will try again", zap.String("sink", w.Sink), zap.Duration("pause", pause), zap.Error(err))
	return true, s.o.Ledger.Retry(ctx, w.ID, w.Sink, until, err.Error())
}
