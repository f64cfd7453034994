package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// ErrOvertaken says that somebody else changed the plans of the model meanwhile, or is about to: nothing was written.
var ErrOvertaken = errors.New("overtaken")

// ErrUnclear says that the end of a transaction was not heard of: what it wrote may be there or not.
var ErrUnclear = errors.New("whether it is there is not known")

// changeTimeout is after how long the broker ends the transaction of somebody who died in it. Until then, or until the next one
// begins, readers of the topic wait.
const changeTimeout = 30 * time.Second

// ChangePlans adds a plan of a model to the plans topic, as the only one who does at the moment. decide makes it from the plans that
// are there; its error ends the change, and nothing is written.
//
// There is one transactional id per model. Whoever begins fences those who began before and are not done: the broker refuses
// their transaction. What they have committed is there by then, and decide sees it. So of several who change the plans of a model at
// the same moment each decides by what those before it have written, or is told ErrOvertaken. That rests on the broker.
func ChangePlans(ctx context.Context, s Settings, log *zap.Logger, model string, decide func(Plans) (*plan.Plan, error)) (*plan.Plan, error) {
	c, err := beginChange(ctx, s, log, model)
	if err != nil {
		return nil, err
	}
	defer c.close()
	plans, err := ReadPlans(ctx, s, log)
	if err != nil {
		return nil, err
	}
	next, err := decide(plans)
	if err != nil {
		return nil, err
	}
	if err := c.commit(ctx, next); err != nil {
		return nil, err
	}
	return next, nil
}

// ChangeManyPlans does what ChangePlans does for several models, and reads the topic once for all of them. Each model's change stands by
// itself: done is told how it ended, in the order of models, and by its own error ends the rest. decide may give no plan, and nothing
// changes. Each model takes a connection to the broker: a few dozen are as many as one call should be for.
func ChangeManyPlans(ctx context.Context, s Settings, log *zap.Logger, models []string, decide func(model string, there Plans) (*plan.Plan, error), done func(model string, p *plan.Plan, err error) error) error {
	begun := make([]*change, len(models))
	failed := make([]error, len(models))
	for i, model := range models {
		c, err := beginChange(ctx, s, log, model)
		if err != nil && !errors.Is(err, ErrOvertaken) {
			return err
		}
		if err == nil {
			defer c.close()
		}
		begun[i], failed[i] = c, err
	}
	plans, err := ReadPlans(ctx, s, log)
	if err != nil {
		return err
	}
	for i, model := range models {
		var next *plan.Plan
		err := failed[i]
		if err == nil {
			next, err = decide(model, plans)
		}
		if err == nil && next != nil {
			err = begun[i].commit(ctx, next)
		}
		if err != nil {
			next = nil
		}
		if err := done(model, next, err); err != nil {
			return err
		}
	}
	return nil
}

// change is one that has begun: those before it are fenced.
type change struct {
	model string
	cl    *kgo.Client
}

func beginChange(ctx context.Context, s Settings, log *zap.Logger, model string) (*change, error) {
	cl, err := s.NewClient(log, nil, kgo.TransactionalID(TopicPlans+"-"+model), kgo.TransactionTimeout(changeTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	if _, _, err := cl.ProducerID(ctx); err != nil { // from here on those before are fenced
		cl.Close()
		return nil, fmt.Errorf("begin to change the plans of %s: %w", model, overtaken(err))
	}
	return &change{model, cl}, nil
}

func (c *change) close() { c.cl.Close() }

// commit publishes a plan, if nobody has begun since.
func (c *change) commit(ctx context.Context, next *plan.Plan) error {
	if err := c.cl.BeginTransaction(); err != nil {
		return fmt.Errorf("begin to change the plans of %s: %w", c.model, overtaken(err))
	}
	if err := PublishPlan(ctx, c.cl, next); err != nil {
		// Fenced, there is nothing to abort; else the broker does it if this can't.
		_ = c.cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort)
		return overtaken(err)
	}
	switch err := overtaken(c.cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryCommit)); {
	case errors.Is(err, ErrOvertaken):
		return err
	case err != nil:
		return fmt.Errorf("change the plans of %s: %w: %w", c.model, ErrUnclear, err)
	}
	return nil
}

// overtaken marks the errors by which a broker tells a producer that it has been fenced.
func overtaken(err error) error {
	for _, fenced := range []error{kerr.ProducerFenced, kerr.InvalidProducerEpoch, kerr.InvalidProducerIDMapping} {
		if errors.Is(err, fenced) {
			return fmt.Errorf("%w: %w", ErrOvertaken, err)
		}
	}
	return err
}
