package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Compile makes the plan of a contract from the events on its topics.
func (p *Parts) Compile(ctx context.Context, c *contract.Contract, progress func(topic string, events int64)) (*plan.Plan, *History, error) {
	draft, err := plan.Draft(c)
	if err != nil {
		return nil, nil, err
	}
	if err := p.pin(ctx, draft); err != nil {
		return nil, nil, err
	}
	h := p.History(ctx, draft, progress)
	built, err := baseline.Build(draft, h)
	return built, h, err
}

// Published returns the plans on the plans topic, by model. What doesn't count there is logged.
func (p *Parts) Published(ctx context.Context) (bus.Plans, error) {
	return bus.ReadPlans(ctx, p.Kafka, p.Logger)
}

// Change is what putting a contract in force changes.
type Change string

// The changes.
const (
	Same   Change = "same"   // it is in force already
	First  Change = "first"  // the model had none
	Policy Change = "policy" // what was learnt stays
	Afresh Change = "plan"   // another plan takes over and begins afresh
)

// Apply says how a contract is to be put in force.
type Apply struct {
	Learn   func() (*plan.Plan, error) // compiles the contract; called only if something has to be learnt
	From    time.Time                  // event time; zero: as soon as no event counted before would be of it
	Relearn bool                       // learn also where the contract asks for nothing new
	// GivesWay, if not nil, is told of the baseline that a person had accepted, where one that is learnt anew takes its place.
	GivesWay func(*plan.Accepted)
}

// ErrFrom is returned for a From from which a plan can't be in force.
var ErrFrom = errors.New("not from then")

// Apply puts a contract in force, unless it is: it publishes its plan, with the event time from which it holds. A contract that
// differs in policy only (costs, promises, owners, routes, budget) goes on with what was learnt. Of the false alarms that it asks for it gets
// its model's share, see Parts.Budget.
func (p *Parts) Apply(ctx context.Context, c *contract.Contract, a Apply) (*plan.Plan, Change, error) {
	if out := c.Streams.Outcome; out != nil {
		if err := p.checkJoins(ctx, time.Duration(out.Keep)); err != nil {
			return nil, "", err
		}
	}
	plans, err := p.Published(ctx)
	if err != nil {
		return nil, "", err
	}
	last := plans[c.Metadata.Model].Last()
	if last != nil && last.Contract == c.Digest && !a.Relearn && a.From.IsZero() {
		next, err := p.share(plans, last, last)
		if err != nil || next == last {
			return last, Same, err
		}
		next, err = p.publish(ctx, last, next, a.From)
		return next, Policy, err
	}
	var next *plan.Plan
	if last != nil && last.Learns == c.Learns && !a.Relearn {
		draft, err := plan.Draft(c)
		if err != nil {
			return nil, "", err
		}
		if next, err = baseline.Govern(last, draft); err != nil {
			return nil, "", err
		}
	} else {
		learn := a.Learn
		if name := c.Watch.Reference.Baseline; name != "" {
			learn = func() (*plan.Plan, error) { return adopt(c, name, plans[c.Metadata.Model]) }
		}
		if next, err = learn(); err != nil {
			return nil, "", err
		}
		if err := p.pin(ctx, next); err != nil { // learnt from files, it has none yet
			return nil, "", err
		}
	}
	change := First
	switch {
	case last == nil && !a.From.IsZero():
		return nil, "", fmt.Errorf("%w: the first plan of %s is in force for all events, also past ones", ErrFrom, next.Model)
	case last != nil && last.Digest() == next.Digest():
		change = Policy
	case last != nil:
		change = Afresh
	}
	if next, err = p.publish(ctx, last, next, a.From); err != nil {
		return nil, "", err
	}
	if last != nil && last.Accepted != nil && next.Accepted == nil && a.GivesWay != nil {
		a.GivesWay(last.Accepted)
	}
	return next, change, nil
}

// ErrNoBaseline is returned for a contract that names a baseline which no plan of its model was put in force with.
var ErrNoBaseline = errors.New("no such baseline")

// adopt makes the plan of a contract that names a baseline, from the plan that was put in force with it.
func adopt(c *contract.Contract, name string, h plan.History) (*plan.Plan, error) {
	for _, p := range slices.Backward(h) {
		if p.Baseline != name {
			continue
		}
		draft, err := plan.Draft(c)
		if err != nil {
			return nil, err
		}
		return baseline.Adopt(draft, p)
	}
	return nil, fmt.Errorf("%w: no plan of %s was put in force with %s, which the contract's reference names by its digest; see plumbline baseline list", ErrNoBaseline, c.Metadata.Model, name)
}

// Again puts a former plan of a model in force again, with the share of false alarms that it gets now.
func (p *Parts) Again(ctx context.Context, former *plan.Plan, from time.Time) (*plan.Plan, error) {
	plans, err := p.Published(ctx)
	if err != nil {
		return nil, err
	}
	return p.publish(ctx, plans[former.Model].Last(), former, from)
}

// publish puts a plan in force after the last one, nil for none, unless another one has been put in force since last was read. What
// was learnt, and that nothing had to be learnt, was decided by last.
func (p *Parts) publish(ctx context.Context, last, next *plan.Plan, from time.Time) (*plan.Plan, error) {
	published, err := bus.ChangePlans(ctx, p.Kafka, p.Logger, next.Model, func(plans bus.Plans) (*plan.Plan, error) {
		if now := plans[next.Model].Last(); !same(now, last) {
			return nil, &Overtaken{next.Model, now}
		}
		next, err := p.share(plans, last, next)
		if err != nil {
			return nil, err
		}
		if last == nil {
			return next, nil
		}
		return p.succeed(ctx, last, next, from)
	})
	if _, told := errors.AsType[*Overtaken](err); told || !errors.Is(err, bus.ErrOvertaken) {
		return published, err
	}
	o := &Overtaken{Model: next.Model} // fenced; whoever did it may be done by now
	if plans, failed := p.Published(ctx); failed == nil && !same(plans[next.Model].Last(), last) {
		o.By = plans[next.Model].Last()
	}
	return nil, o
}

// Overtaken says that somebody else changed what is in force for a model while a plan of it was to be put in force. Nothing was
// written. It wraps bus.ErrOvertaken.
type Overtaken struct {
	Model string
	By    *plan.Plan // nil: not known yet
}

// Error says who was first, and what to do.
func (o *Overtaken) Error() string {
	what := "somebody else began to change what is in force for " + o.Model + " after this one, and goes first"
	if o.By != nil {
		from := "for all its events"
		if !o.By.From.IsZero() {
			from = "from " + o.By.From.UTC().Format(time.RFC3339) + " on"
		}
		what = fmt.Sprintf("somebody else put contract %s of %s in force, %s, while this one ran", o.By.Contract, o.Model, from)
	}
	return fmt.Sprintf("overtaken: %s; this one changed nothing: see plumbline contract list %s, and run it again if it is still wanted", what, o.Model)
}

// Unwrap is bus.ErrOvertaken.
func (o *Overtaken) Unwrap() error { return bus.ErrOvertaken }

// same reports whether two plans are the same one, under the same policy and from the same time on.
func same(a, b *plan.Plan) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.From.Equal(b.From) && a.Digest() == b.Digest() && a.Policy.Digest == b.Policy.Digest
}

// succeed sets from when a plan takes over from the last one: where test panes of both begin, and no event has been counted
// yet. What an ingestor counts under the old plan in spite of that is left out by the detector, and said.
func (p *Parts) succeed(ctx context.Context, last, next *plan.Plan, from time.Time) (*plan.Plan, error) {
	reached, seen, err := detect.Reached(ctx, p.Kafka, p.Layout, next.Model, last.Prediction.Topic)
	if err != nil {
		return nil, err
	}
	return follow(last, next, from, reached, seen)
}

// follow is succeed, where events of the model have been counted up to reached, if any was seen.
func follow(last, next *plan.Plan, from time.Time, reached int64, seen bool) (*plan.Plan, error) {
	earliest := last.From.Add(time.Second)
	if at := plan.FromMicros(reached).Add(last.Lateness + last.Pane); seen && at.After(earliest) {
		earliest = at
	}
	if a := next.Accepted; a != nil && a.From.IsZero() && a.Panes.To.After(earliest) {
		earliest = a.Panes.To // what it was learnt from belongs to the plan that counted it, also where nothing was counted live
	}
	if from.IsZero() {
		from = plan.Boundary(earliest, last, next)
	}
	switch at := plan.Boundary(from, last, next); {
	case from.Before(earliest):
		why := fmt.Sprintf("the contract before is in force from %s on", last.From.Format(time.RFC3339))
		if at := plan.FromMicros(reached); seen && at.After(last.From) {
			why = fmt.Sprintf("events up to %s have been counted under the plan in force", at.Format(time.RFC3339))
		}
		return nil, fmt.Errorf("%w: %s; the first time possible is %s", ErrFrom, why, plan.Boundary(earliest, last, next).Format(time.RFC3339))
	case !at.Equal(from):
		return nil, fmt.Errorf("%w: %s is in the middle of a pane; the next one begins at %s", ErrFrom, from.UTC().Format(time.RFC3339), at.Format(time.RFC3339))
	}
	q := *next
	q.From, q.IDs = from.UTC(), last.IDs
	if q.Accepted != nil && q.Accepted.From.IsZero() { // from now on it stays, also under later policies
		first := *q.Accepted
		first.From = q.From
		q.Accepted = &first
	}
	return &q, q.Seal()
}
