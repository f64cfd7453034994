package app

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Compile makes the plan of a contract from the events on its topics.
func (p *Parts) Compile(ctx context.Context, c *contract.Contract, progress func(topic string, events int64)) (*plan.Plan, *History, error) {
	draft, err := plan.Draft(c)
	if err != nil {
		return nil, nil, err
	}
	h := p.History(ctx, draft, progress)
	built, err := baseline.Build(draft, h)
	return built, h, err
}

// Published returns the plans on the plans topic, by model.
func (p *Parts) Published(ctx context.Context) (bus.Plans, error) {
	plans := bus.Plans{}
	err := bus.ReadState(ctx, p.Kafka, bus.TopicPlans, 0, func(rec *kgo.Record) error {
		if len(rec.Value) == 0 {
			delete(plans, string(rec.Key))
			return nil
		}
		if pl, err := plan.Read(rec.Value); err == nil { // one of another version is for whoever runs it to tell
			plans[pl.Model] = pl
		}
		return nil
	})
	return plans, err
}
