package alert

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/ledger"
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

// deliverDue sends what is due. After a failure the rest of that sink's messages wait their turn, so that they arrive in order.
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
		failed := map[string]time.Time{}
		for _, w := range due {
			sink := sinks[w.Sink]
			if sink == nil {
				err = s.o.Ledger.Abandon(ctx, w.ID, w.Sink, "the sink is no longer configured")
			} else if until, down := failed[w.Sink]; down {
				err = s.o.Ledger.Retry(ctx, w.ID, w.Sink, until, "waits for the message before it")
			} else {
				err = s.send(ctx, sink, w, failed)
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

func (s *service) send(ctx context.Context, sink Sink, w ledger.Waiting, failed map[string]time.Time) error {
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := sink.Send(sendCtx, w.ID, w.Body)
	if err == nil {
		s.m.sent.WithLabelValues(w.Sink, "delivered").Inc()
		return s.o.Ledger.Delivered(ctx, w.ID, w.Sink)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	var refused *RefusedError
	if errors.As(err, &refused) || w.Attempts >= mostAttempts {
		s.m.sent.WithLabelValues(w.Sink, "abandoned").Inc()
		s.log.Error("give up a message", zap.String("sink", w.Sink), zap.String("message", w.ID), zap.Error(err))
		return s.o.Ledger.Abandon(ctx, w.ID, w.Sink, err.Error())
	}
	s.m.sent.WithLabelValues(w.Sink, "retried").Inc()
	pause := min(pauseMin<<min(w.Attempts, 10), pauseMax)
	until := s.o.Now().Add(pause)
	failed[w.Sink] = until
	s.log.Warn("send a message: will try again", zap.String("sink", w.Sink), zap.Duration("pause", pause), zap.Error(err))
	return s.o.Ledger.Retry(ctx, w.ID, w.Sink, until, err.Error())
}
