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
	cl, err := s.NewClient(log, nil, kgo.TransactionalID(TopicPlans+"-"+model), kgo.TransactionTimeout(changeTimeout), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	if _, _, err := cl.ProducerID(ctx); err != nil { // from here on those before are fenced
		return nil, fmt.Errorf("begin to change the plans of %s: %w", model, overtaken(err))
	}
	plans, err := ReadPlans(ctx, s, log)
	if err != nil {
		return nil, err
	}
	next, err := decide(plans)
	if err != nil {
		return nil, err
	}
	if err := cl.BeginTransaction(); err != nil {
		return nil, fmt.Errorf("begin to change the plans of %s: %w", model, overtaken(err))
	}
	if err := PublishPlan(ctx, cl, next); err != nil {
		// Fenced, there is nothing to abort; else the broker does it if this can't.
		_ = cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryAbort)
		return nil, overtaken(err)
	}
	switch err := overtaken(cl.EndTransaction(context.WithoutCancel(ctx), kgo.TryCommit)); {
	case errors.Is(err, ErrOvertaken):
		return nil, err
	case err != nil:
		return nil, fmt.Errorf("change the plans of %s: %w: %w", model, ErrUnclear, err)
	}
	return next, nil
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
