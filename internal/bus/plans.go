package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// PublishPlan writes a sealed plan to the plans topic and waits until it is there.
func PublishPlan(ctx context.Context, cl *kgo.Client, p *plan.Plan) error {
	body, err := p.JSON()
	if err != nil {
		return err
	}
	if err := cl.ProduceSync(ctx, planRecords(p.Key(), body)...).FirstErr(); err != nil {
		return fmt.Errorf("publish plan of %s: %w", p.Model, err)
	}
	return nil
}

// Plans are the plans that are or were in force, or are to be, by model.
type Plans map[string]plan.History

// ReadPlans reads all plans from the plans topic. What can't be read, or doesn't count, is passed over and logged.
func ReadPlans(ctx context.Context, s Settings, log *zap.Logger) (Plans, error) {
	plans, whole := Plans{}, &planPieces{}
	err := ReadState(ctx, s, TopicPlans, 0, func(r *kgo.Record) error {
		plans.take(whole.join(r), log)
		return nil
	})
	return plans, err
}

// ReadEveryPlan visits all plans on the plans topic that this build can read, also those that don't count any more.
func ReadEveryPlan(ctx context.Context, s Settings, visit func(*plan.Plan)) error {
	whole := &planPieces{}
	return ReadState(ctx, s, TopicPlans, 0, func(r *kgo.Record) error {
		if r = whole.join(r); r == nil || len(r.Value) == 0 {
			return nil
		}
		if p, err := plan.Read(r.Value); err == nil {
			visit(p)
		}
		return nil
	})
}

// Digest finds a plan by its digest, nil if there is none.
func (p Plans) Digest(digest string) *plan.Plan {
	for _, h := range p {
		if g := h.Governed(digest); len(g) > 0 {
			return g[0]
		}
	}
	return nil
}

// Strangers finds out about plans that records name and a service doesn't know. It belongs to one goroutine.
type Strangers struct {
	settings Settings
	unknown  map[string]bool
}

// InForce asks the plans topic whether a plan is in force for a model at an event time (microseconds), other than the service
// knows: its former plan may have been put in force again. The error is as that of Look. Nothing is remembered: the answer holds
// for records that were there when it was given.
func (s *Strangers) InForce(ctx context.Context, model, digest string, us int64) error {
	plans, err := ReadPlans(ctx, s.settings, zap.NewNop())
	if err != nil {
		return fmt.Errorf("%w: look for plan %s: %w", ErrRetry, digest, err)
	}
	if p := plans[model].At(us); p != nil && p.Digest() == digest {
		return fmt.Errorf("%w: plan %s of %s is in force at %s, which this service doesn't know", ErrRetry, digest, model, plan.FromMicros(us))
	}
	return nil
}

// NewStrangers makes one that has not asked yet.
func NewStrangers(s Settings) *Strangers { return &Strangers{settings: s, unknown: map[string]bool{}} }

// Look asks the plans topic for a plan that a record names. Whoever wrote the record had read the plan there, so a service that
// doesn't know it is behind: the error is ErrRetry, the service is about to be started afresh with newer plans. It is nil
// where the topic doesn't hold such a plan either (it was withdrawn, or this build can't read it): then the record's counts
// can only be set aside.
func (s *Strangers) Look(ctx context.Context, digest string) error {
	if s.unknown[digest] {
		return nil
	}
	plans, err := ReadPlans(ctx, s.settings, zap.NewNop())
	if err != nil {
		return fmt.Errorf("%w: look for plan %s: %w", ErrRetry, digest, err)
	}
	if plans.Digest(digest) != nil {
		return fmt.Errorf("%w: plan %s is newer than what this service runs under", ErrRetry, digest)
	}
	s.unknown[digest] = true
	return nil
}

// Supervise keeps a service running under the plans in force: it starts run once there is a plan, starts it afresh when the
// plans change, and after an error, with growing pauses. It returns when ctx ends and run has stopped. A plan that can't be
// read is logged and skipped; the model's former plan stays in force.
//
// ready, which may be nil, learns how far that has come; run tells it the rest.
func Supervise(ctx context.Context, s Settings, log *zap.Logger, ready *Readiness, run func(context.Context, Plans) error) error {
	ready.NotYet("reading the plans")
	changed := make(chan Plans, 1)
	watching := make(chan error, 1)
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { watching <- watchPlans(ctx, s, log, ready, changed) }()

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
		under := plans // the next ones may come before this has begun
		go func() { done <- run(runCtx, under) }()
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
			ready.NotYet("stopped, starting again: %w", err)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			pause = min(2*pause, retryPauseMax)
		case err := <-watching:
			cancel()
			stopped := <-done
			if ctx.Err() != nil { // told to stop: what the run says to that is of no interest
				stopped = nil
			}
			return errors.Join(err, stopped)
		}
	}
}

// watchPlans reads the plans topic from the start and sends the plans in force whenever they changed, until ctx ends.
func watchPlans(ctx context.Context, s Settings, log *zap.Logger, ready *Readiness, changed chan Plans) error {
	// First all that is there: a service that starts with some of the plans would pass over the cells of the others.
	plans, whole, from := Plans{}, &planPieces{}, kgo.NewOffset().AtStart()
	for pause := retryPauseMin; ; pause = min(2*pause, retryPauseMax) {
		err := ReadState(ctx, s, TopicPlans, 0, func(r *kgo.Record) error {
			plans.take(whole.join(r), log)
			from = kgo.NewOffset().At(r.Offset + 1) // what was read is not news
			return nil
		})
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			break
		}
		// A broker that is away must not end the service: it would only be started again and find it away again.
		log.Warn("read plans, trying again", zap.Error(err), zap.Duration("pause", pause))
		ready.NotYet("reading the plans: %w", err)
		sleep(ctx, pause)
		plans, whole, from = Plans{}, &planPieces{}, kgo.NewOffset().AtStart()
	}
	if len(plans) > 0 {
		changed <- maps.Clone(plans)
	} else {
		ready.Ready() // no contract is in force, and there is nothing to do
	}
	cl, err := s.NewClient(log, nil, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{TopicPlans: {0: from}}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
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
		fetches.EachRecord(func(r *kgo.Record) { news = next.take(whole.join(r), log) || news })
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
//
// The log of plans is only added to: panes of every plan on it may be open, in a service that has not come as far, and what was
// counted under a plan that is gone could not be read. So the first plan of a model with a From is the one, for everybody who
// reads the log; another one, and the withdrawal of a single plan, are logged and passed over.
func (p Plans) take(r *kgo.Record, log *zap.Logger) bool {
	if r == nil {
		return false
	}
	log = log.With(zap.ByteString("key", r.Key), zap.Int64("offset", r.Offset))
	if len(r.Value) == 0 {
		model, _, dated := strings.Cut(string(r.Key), "@")
		if dated {
			log.Error("skip withdrawal of a plan: its panes may be open, and only a later plan takes over from it")
			return false
		}
		_, was := p[model] // a key without a time stands for the model, which is retired
		delete(p, model)
		return was
	}
	read, err := plan.Read(r.Value)
	if err == nil {
		_, err = drift.Open(read) // a detector would find out in the middle of an epoch, and never get past it
	}
	for _, share := range drift.TruthShares() {
		if err == nil {
			_, err = share.Open(read)
		}
	}
	if err == nil {
		_, err = drift.OpenCalibration(read)
	}
	if err == nil {
		_, err = drift.OpenGaps(read)
	}
	if err != nil {
		log.Error("skip plan", zap.Error(err))
		return false
	}
	for _, q := range p[read.Model] {
		if !q.From.Equal(read.From) {
			continue
		}
		if q.Digest() != read.Digest() || q.Policy.Digest != read.Policy.Digest {
			log.Error("skip plan: another one of the model is in force from the same time on, and was first", zap.String("model", read.Model),
				zap.Time("from", read.From), zap.String("plan", read.Digest()), zap.String("first", q.Digest()), zap.String("contract", read.Contract))
		}
		return false
	}
	p[read.Model] = p[read.Model].With(read)
	return true
}
