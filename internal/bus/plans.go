package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// PublishPlan writes a sealed plan to the plans topic and waits until it is there.
func PublishPlan(ctx context.Context, cl *kgo.Client, p *plan.Plan) error {
	body, err := p.JSON()
	if err != nil {
		return err
	}
	rec := &kgo.Record{Topic: TopicPlans, Partition: 0, Key: []byte(p.Model), Value: body}
	if err := cl.ProduceSync(ctx, rec).FirstErr(); err != nil {
		return fmt.Errorf("publish plan of %s: %w", p.Model, err)
	}
	return nil
}

// Plans are the plans in force by model.
type Plans map[string]*plan.Plan

// Supervise keeps a service running under the plans in force: it starts run once there is a plan, starts it afresh when the
// plans change, and after an error, with growing pauses. It returns when ctx ends and run has stopped. A plan that can't be
// read is logged and skipped; the model's former plan stays in force.
func Supervise(ctx context.Context, s Settings, log *zap.Logger, run func(context.Context, Plans) error) error {
	changed := make(chan Plans, 1)
	watching := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { watching <- watchPlans(ctx, s, log, changed) }()

	var plans Plans
	pause := retryPauseMin
	for {
		if len(plans) == 0 {
			select {
			case plans = <-changed:
				continue
			case err := <-watching:
				return err
			}
		}
		runCtx, cancel := context.WithCancel(ctx)
		done := make(chan error, 1)
		started := time.Now()
		go func() { done <- run(runCtx, plans) }()
		select {
		case plans = <-changed:
			cancel()
			if err := <-done; err != nil {
				log.Warn("stopped with an error", zap.Error(err))
			}
			log.Info("plans changed, starting afresh", zap.Int("models", len(plans)))
		case err := <-done:
			cancel()
			if ctx.Err() != nil {
				return <-watching
			}
			if time.Since(started) > retryPauseMax {
				pause = retryPauseMin
			}
			log.Error("stopped, starting again", zap.Error(err), zap.Duration("pause", pause))
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, retryPauseMax)
		case err := <-watching:
			cancel()
			return errors.Join(err, <-done)
		}
	}
}

// watchPlans reads the plans topic from the start and sends the plans in force whenever they changed, until ctx ends.
func watchPlans(ctx context.Context, s Settings, log *zap.Logger, changed chan Plans) error {
	// First all that is there: a service that starts with some of the plans would pass over the cells of the others.
	plans, from := Plans{}, kgo.NewOffset().AtStart()
	err := ReadState(ctx, s, TopicPlans, 0, func(r *kgo.Record) error {
		plans.take(r, log)
		from = kgo.NewOffset().At(r.Offset + 1) // what was read is not news
		return nil
	})
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	if len(plans) > 0 {
		changed <- maps.Clone(plans)
	}
	cl, err := s.NewClient(log, nil, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{TopicPlans: {0: from}}))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(t string, p int32, err error) {
			log.Warn("read plans", zap.String("topic", t), zap.Int32("partition", p), zap.Error(err))
		})
		next, news := maps.Clone(plans), false
		fetches.EachRecord(func(r *kgo.Record) { news = next.take(r, log) || news })
		if !news {
			continue
		}
		plans = next
		select { // only the newest matters
		case <-changed:
		default:
		}
		changed <- plans
	}
}

// take brings one record into effect and reports whether that changed anything. A plan that can't be read is logged, and the
// model's former plan stays.
func (p Plans) take(r *kgo.Record, log *zap.Logger) bool {
	model := string(r.Key)
	was := p[model]
	if len(r.Value) == 0 {
		delete(p, model)
		return was != nil
	}
	read, err := plan.Read(r.Value)
	if err != nil {
		log.Error("skip plan", zap.String("model", model), zap.Int64("offset", r.Offset), zap.Error(err))
		return false
	}
	p[model] = read
	return was == nil || was.Digest() != read.Digest() || was.Policy.Digest != read.Policy.Digest
}
