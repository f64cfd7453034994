package alert

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

const deliverEvery = time.Second

// Refresher is a sink that forgets what it isn't told again.
type Refresher interface {
	Every() time.Duration
	Refresh(ctx context.Context, open []incident.Incident) error
}

// deliver empties the outbox until ctx ends: a courier for each sink that has ever had something to bring.
func (s *service) deliver(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, k := range s.sinks {
		if r, ok := k.(Refresher); ok {
			all.Go(func() { s.refresh(ctx, k.Name(), r) })
		}
	}
	couriers := map[string]*courier{}
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
				c = s.courier(q.Sink)
				couriers[q.Sink] = c
				all.Go(func() { c.run(ctx) })
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

// refresh tells a sink of the incidents that aren't over, again and again.
func (s *service) refresh(ctx context.Context, name string, r Refresher) {
	tick := time.NewTicker(r.Every())
	defer tick.Stop()
	for {
		if open := s.active.Load(); open != nil && len(*open) > 0 {
			sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
			err := r.Refresh(sendCtx, *open)
			cancel()
			if err != nil && ctx.Err() == nil {
				s.m.sent.WithLabelValues(name, "not_refreshed").Inc()
				s.log.Warn("tell a sink again what isn't over", zap.String("sink", name), zap.Error(err))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
