package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// usual is how much of the latest past a baseline is learnt from where nobody says how much: four of each weekday.
const usual = 28 * 24 * time.Hour

// minutes is how moments of event time are said to people.
const minutes = "2006-01-02 15:04"

// ErrRange is returned for panes that no baseline can be learnt from.
var ErrRange = baseline.ErrRange

// ErrTooLittle is returned by Accept for panes that teach too little: less would be found than under the baseline in force.
var ErrTooLittle = errors.New("too little for a new normal")

// Rebuild learns a baseline from the panes and cohorts that the services have counted of a model in a stretch of event time, in the layout of its
// last plan, which is returned too. A zero end is that of the last pane that has ended; a zero start lies four weeks before the end, or where the first
// pane begins whose counts merge with the last plan's. Nothing is put in force. The error is ErrNoPlan, ErrRange or ErrUnknownPlan where the fault is that
// of what was asked for.
func (p *Parts) Rebuild(ctx context.Context, model string, from, to time.Time) (next, last *plan.Plan, err error) {
	plans, err := p.Published(ctx)
	if err != nil {
		return nil, nil, err
	}
	h := plans[model]
	if last = h.Last(); last == nil {
		return nil, nil, fmt.Errorf("%w for %s", ErrNoPlan, model)
	}
	span, err := p.stretch(ctx, h, from, to)
	if err != nil {
		return nil, nil, err
	}
	r, err := baseline.NewRange(last, span)
	if err != nil {
		return nil, nil, err
	}
	known := func(digest string) *plan.Plan { return plans.Digest(digest) }
	err = detect.ReadHistory(ctx, p.Kafka, p.Layout, model, plan.Micros(span.From), plan.Micros(span.To), known, func(e detect.Ended) error {
		if e.Pane != nil {
			return r.Pane(e.Plan, e.Pane)
		}
		return r.Cohort(e.Plan, e.Cohort)
	})
	if err != nil {
		return nil, nil, err
	}
	next, err = r.Build()
	return next, last, err
}

// stretch fills in the ends that are not given, and refuses those beyond what has been counted.
func (p *Parts) stretch(ctx context.Context, h plan.History, from, to time.Time) (plan.Span, error) {
	last := h.Last()
	starts, err := detect.Starts(ctx, p.Kafka, p.Layout, last.Model)
	if err != nil {
		return plan.Span{}, err
	}
	if len(starts) == 0 {
		return plan.Span{}, fmt.Errorf("%w: no test pane of %s has ended yet; see plumbline panes %s, and plumbline backfill --help", ErrRange, last.Model, last.Model)
	}
	first, latest := starts[0], starts[len(starts)-1]
	begin, end := plan.FromMicros(first), plan.FromMicros(latest).Add(h.At(latest).TestPane)
	span := plan.Span{From: from.UTC(), To: to.UTC()}
	if to.IsZero() {
		span.To = end
	}
	if from.IsZero() {
		span.From = span.To.Add(-usual)
		since, err := alikeSince(h)
		if err != nil {
			return plan.Span{}, err
		}
		at, _ := slices.BinarySearch(starts, since)
		if at < len(starts) && plan.FromMicros(starts[at]).After(span.From) {
			span.From = plan.FromMicros(starts[at])
		}
	}
	if span.From.Before(begin) || span.To.After(end) {
		return plan.Span{}, fmt.Errorf("%w: of %s the test panes from %s to %s have ended and are kept, and %s to %s was asked for",
			ErrRange, last.Model, begin.Format(minutes), end.Format(minutes), span.From.Format(minutes), span.To.Format(minutes))
	}
	return span, nil
}

// alikeSince is the event time from which on all plans count like the last one, microseconds.
func alikeSince(h plan.History) (int64, error) {
	eras := h.Eras()
	since := eras[len(eras)-1].From
	for _, e := range slices.Backward(eras) {
		alike, err := e.Plan.CountsLike(h.Last())
		if err != nil || !alike {
			return since, err
		}
		since = e.From
	}
	return since, nil
}

// Accept is a person's act: what a model did in a stretch of event time is its new normal.
type Accept struct {
	From, To time.Time // see Rebuild
	By, Why  string    // neither may be empty
	DryRun   bool      // put nothing in force
}

// Acceptance is what became of it.
type Acceptance struct {
	Before, After *plan.Plan
	Change        Change // Same: what the panes teach is in force already, and nothing was written
}

// Accept learns a baseline as Rebuild does and puts it in force, under the contract in force, from the first moment on at which panes of both plans begin and
// up to which nothing was counted. Alarms of the plan before are superseded then. Who did it, why and by which panes is in the plan. Beside the
// errors of Rebuild and Apply there is ErrTooLittle.
func (p *Parts) Accept(ctx context.Context, model string, a Accept) (*Acceptance, error) {
	next, last, err := p.Rebuild(ctx, model, a.From, a.To)
	if err != nil {
		return nil, err
	}
	if next.Digest() == last.Digest() {
		return &Acceptance{Before: last, After: last, Change: Same}, nil
	}
	if len(next.Drift) == 0 && len(last.Drift) > 0 && !baseline.TooLarge(next) {
		return nil, fmt.Errorf("%w: from %s to %s are %d events in %s; to follow drift takes a week of panes, and 14 that hold 200 events, or a day and 30, each: begin earlier, or wait until there is more",
			ErrTooLittle, next.Reference.From.Format(minutes), next.Reference.To.Format(minutes), next.ReferenceRows, contract.Span(next.Reference.To.Sub(next.Reference.From)))
	}
	next.Accepted = &plan.Accepted{By: a.By, Why: a.Why, Panes: next.Reference, Before: last.Baseline}
	if a.DryRun {
		next, err = p.succeed(ctx, last, next, time.Time{})
	} else {
		next, err = p.publish(ctx, last, next, time.Time{})
	}
	if err != nil {
		return nil, err
	}
	return &Acceptance{Before: last, After: next, Change: Afresh}, nil
}
