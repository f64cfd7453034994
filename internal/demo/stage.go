package demo

import (
	"context"
	"errors"
	"time"

	"github.com/plumbline-ml/plumbline/internal/app"
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
