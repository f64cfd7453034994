package alert

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

const (
	deliverEvery = time.Second
	refreshFirst = 5 * time.Second // after a start: what the outbox knows of the sink is known then
)

// Refresher is a sink that forgets what it isn't told again.
type Refresher interface {
	Every() time.Duration
	Refresh(ctx context.Context, open []incident.Incident) error
}

// deliver empties the outbox until ctx ends: a courier for each sink that has ever had something to bring.
func (s *service) deliver(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	couriers := map[string]*courier{}
	start := func(name string) *courier {
		c := s.courier(name)
		couriers[name] = c
		all.Go(func() { c.run(ctx) })
		return c
	}
	for name, k := range s.sinks {
		if r, ok := k.(Refresher); ok {
			c := start(name)
			all.Go(func() { s.refresh(ctx, c, r) })
		}
	}
	tick := time.NewTicker(deliverEvery)
	defer tick.Stop()
	for {
		queues, err := s.o.Ledger.Queues(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("read outbox", zap.Error(err))
		}
		s.m.outbox.Reset()
		for _, q := range queues {
			s.m.outbox.WithLabelValues(q.Sink, "pending").Set(float64(q.Pending))
			s.m.outbox.WithLabelValues(q.Sink, "abandoned").Set(float64(q.Abandoned))
			if q.Pending == 0 {
				continue
			}
			c := couriers[q.Sink]
			if c == nil {
				start(q.Sink)
				continue
			}
			select {
			case c.wake <- struct{}{}:
			default:
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.queued:
		}
	}
}

// refresh tells a sink of the incidents that aren't over, again and again, and beside what its courier brings.
func (s *service) refresh(ctx context.Context, c *courier, r Refresher) {
	timer := time.NewTimer(refreshFirst)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		next := r.Every()
		switch wait := c.paused.until().Sub(s.o.Now()); {
		case wait > 0: // it asked to be left alone
			next = wait
		case !s.again(ctx, c, r): // soon: it may be about to forget
			next = pauseSink
		}
		timer.Reset(next)
	}
}

// again tells the sink once more what isn't over, and reports whether it took that.
func (s *service) again(ctx context.Context, c *courier, r Refresher) bool {
	open := s.active.Load()
	if open == nil || len(*open) == 0 {
		return true
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := r.Refresh(sendCtx, *open)
	if err == nil || ctx.Err() != nil {
		return true
	}
	if later, ok := errors.AsType[*sink.LaterError](err); ok {
		c.paused.extend(s.o.Now().Add(later.After + time.Microsecond))
	}
	s.m.sent.WithLabelValues(c.name, "not_refreshed").Inc()
	s.log.Warn("tell a sink again what isn't over", zap.String("sink", c.name), zap.Error(err))
	return false
}
