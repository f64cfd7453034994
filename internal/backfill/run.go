package backfill

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Ended is a test pane or a mature cohort, and the plan it was counted under: exactly one of Pane and Cohort is set.
type Ended struct {
	Plan   *plan.Plan
	Pane   *window.Pane
	Cohort *window.Cohort
}

// Run counts files by the plans of a model and visits what has ended: test panes, of each plan in the order of their starts,
// then cohorts likewise. progress, if not nil, is told how many rows more were read; its error, or that of visit, ends the run
// and is returned as it is.
func Run(files check.Files, plans plan.History, progress func(stage string, rows int64) error, visit func(Ended) error) (*Report, error) {
	if progress == nil {
		progress = func(string, int64) error { return nil }
	}
	r := &run{files: files, progress: progress, visit: visit, report: &Report{Readings: []Reading{}}}
	byDigest := map[string]*counter{}
	r.joiner = collect.NewJoiner(func(digest string) *plan.Plan {
		if c := byDigest[digest]; c != nil {
			return c.plan
		}
		return nil
	})
	for _, era := range plans.Eras() {
		digest := era.Plan.Digest()
		if byDigest[digest] == nil {
			c, err := collect.New(era.Plan, r.joiner)
			if err != nil {
				return nil, err
			}
			byDigest[digest] = &counter{
				plan: era.Plan, collector: c, panes: window.NewAssembler(era.Plan),
				predicted: window.NewWatermark(), known: window.NewWatermark(), said: window.NewWatermark(),
			}
			r.counters = append(r.counters, byDigest[digest])
		}
		byDigest[digest].eras = append(byDigest[digest].eras, era)
	}
	events, err := r.predictions()
	if err != nil {
		return nil, err
	}
	if err := r.attributes(); err != nil {
		return nil, err
	}
	if err := r.outcomes(byDigest); err != nil {
		return nil, err
	}
	r.report.Events = events.public()
	for _, c := range r.counters {
		r.report.Late += c.panes.Late()
		if c.holds(events.last) && events.last != record.NoTime {
			from, ok := c.panes.Closed()
			if !ok {
				from = max(events.first, c.eras[0].From)
			}
			r.report.Open = &plan.Span{
				From: plan.FromMicros(c.plan.TestStart(from)),
				To:   plan.FromMicros(c.plan.TestStart(events.last) + c.plan.TestPane.Microseconds()),
			}
		}
	}
	return r.report, nil
}

type run struct {
	files    check.Files
	counters []*counter // in the order in which their plans first came into force
	joiner   *collect.Joiner
	progress func(stage string, rows int64) error
	visit    func(Ended) error
	report   *Report
}

// counter counts under one plan.
type counter struct {
	plan      *plan.Plan
	eras      []plan.Era
	collector *collect.Collector
	panes     *window.Assembler

	predicted, known, said window.Watermark // of the streams as the plan reads them
}

func (c *counter) clock(stream string) *window.Watermark {
	switch stream {
	case outcomes:
		return &c.known
	case attributes:
		return &c.said
	default:
		return &c.predicted
	}
}

func (r *run) predictions() (span, error) {
	events := newSpan()
	err := r.each(predictions, func(c *counter, b *plan.Batch) error {
		for _, us := range b.Cols[c.plan.Prediction.Roles.Time].Int[:b.N] {
			events.see(us)
		}
		c.collector.Predictions(collect.Source{}, b)
		cells := c.collector.Take()
		for i := range cells {
			cells[i].Spans = nil // lines of a file are no offsets of a topic
			if err := c.panes.Add(&cells[i]); err != nil {
				return err
			}
		}
		return r.ended(c, c.predicted.At())
	})
	if err != nil {
		return events, err
	}
	for _, c := range r.counters { // a plan that can't read what came after it doesn't see that its panes are over
		if err := r.ended(c, r.reached(predictions)); err != nil {
			return events, err
		}
	}
	return events, nil
}

// reached is how far a stream has come, as far as any plan can read it.
func (r *run) reached(stream string) int64 {
	us := int64(record.NoTime)
	for _, c := range r.counters {
		us = max(us, c.clock(stream).At())
	}
	return us
}

// ended hands out the test panes that are over once the predictions have reached low.
func (r *run) ended(c *counter, low int64) error {
	return c.panes.Advance(low, func(n window.Ended) error {
		if n.Test == nil {
			return nil
		}
		return r.visit(Ended{Plan: c.plan, Pane: n.Test})
	})
}

// attributes joins what is known of the ids' groups, before outcomes are counted in them. All of it is read by then: nothing waits for it.
func (r *run) attributes() error {
	return r.each(attributes, func(c *counter, b *plan.Batch) error {
		c.collector.Attributes(collect.Source{}, b)
		return nil
	})
}

// outcomes joins the outcomes with all predictions and hands out the cohorts that are mature at the end. Until then nothing
// matures: the outcomes of one plan's predictions may be read by the next plan.
func (r *run) outcomes(byDigest map[string]*counter) error {
	err := r.each(outcomes, func(c *counter, b *plan.Batch) error {
		c.collector.Outcomes(collect.Source{}, b)
		cells := r.joiner.Take()
		for i := range cells {
			if err := byDigest[cells[i].Plan].panes.Add(&cells[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	low := min(r.reached(predictions), r.reached(outcomes))
	if low == record.NoTime { // no outcomes, or no predictions
		return nil
	}
	for _, c := range r.counters {
		if err := c.panes.Mature(low, func(window.Ended) error { return nil }); err != nil {
			return fmt.Errorf("end cohorts of %s: %w", c.plan.Model, err)
		}
		for _, co := range c.panes.TakeCohorts() {
			if err := r.visit(Ended{Plan: c.plan, Cohort: co}); err != nil {
				return err
			}
		}
	}
	return nil
}
