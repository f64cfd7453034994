package demo

import (
	"context"
	"errors"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/produce"
)

// services are all four, running over parts.
type services struct {
	failed  chan struct{} // closed when they ended
	stop    context.CancelFunc
	running chan error
}

func start(ctx context.Context, parts *app.Parts) *services {
	ctx, stop := context.WithCancel(ctx)
	s := &services{failed: make(chan struct{}), stop: stop, running: make(chan error, 1)}
	go func() {
		err := app.Together(ctx, parts.All())
		close(s.failed)
		s.running <- err
	}()
	return s
}

// publishing is ready to publish a replay, under a plan that is in force: its topics are there.
func publishing(ctx context.Context, parts *app.Parts, log *zap.Logger, events *produce.Replay, p *plan.Plan) (*kgo.Client, error) {
	cl, err := produce.NewClient(parts.Kafka, log)
	if err != nil {
		return nil, err
	}
	if err = events.MakeTopics(ctx, cl); err == nil {
		err = bus.PublishPlan(ctx, parts.Producer, p)
	}
	if err != nil {
		cl.Close()
		return nil, err
	}
	return cl, nil
}

// end stops them and waits.
func (s *services) end() error {
	s.stop()
	select {
	case err := <-s.running:
		return err
	case <-time.After(stopWithin):
		return errors.New("the services did not stop in time")
	}
}

// errStopped is why a run ends whose services did.
var errStopped = errors.New("the services stopped before everything was judged; --log-level info shows why")
