package engine

import (
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// absence is a run of moments in which a column was missing from every event.
type absence struct {
	Since   int64         `json:"since"` // start of the first of them
	Moments int           `json:"moments"`
	Rows    int64         `json:"rows"`
	Spans   []record.Span `json:"spans"` // of all their events
}

// judgeMoment looks for hard faults in a moment, while its base pane is still open. A column that never moved is at fault with its first
// movement. One that was nearly always there is at fault once it is missing from every event of three moments that had any, and
// from so many events that a share of them means something. What lasts no longer is left to the base pane.
func (e *Engine) judgeMoment(m *window.Moment, emit func(finding.Finding) error) error {
	return e.lookAt(m, e.absent, func(*absence, int64) bool { return true }, emit)
}

// judgeGlimpse is judgeMoment of what has come of a moment so far. That speaks for the rest where it isn't scarce; where it is, judgeMoment decides.
func (e *Engine) judgeGlimpse(m *window.Moment, emit func(finding.Finding) error) error {
	return e.lookAt(m, e.glimpsed, e.speaks, emit)
}

// speaks reports whether a run that ends at an event time speaks for all events, though not all may have come.
func (e *Engine) speaks(run *absence, end int64) bool { return !e.plan.Scarce(run.Rows, end-run.Since) }

// glimpseAgain looks at a column in what was glimpsed from an event time on: a fault that was open until then has hidden whether it goes on.
func (e *Engine) glimpseAgain(at int, from int64, emit func(finding.Finding) error) error {
	for _, m := range e.panes.GlimpsedSince(from) {
		if !e.monitored(m.Start, m.End) {
			delete(e.glimpsed, e.plan.Columns[at].Name)
			continue
		}
		if err := e.lookAtColumn(at, m, m.Whole(), e.glimpsed, e.speaks, emit); err != nil {
			return err
		}
	}
	return nil
}

// lookAt looks for hard faults in a moment. runs are those of the moments before; speaks reports whether a run that ends at an event time speaks for all events.
func (e *Engine) lookAt(m *window.Moment, runs map[string]*absence, speaks func(*absence, int64) bool, emit func(finding.Finding) error) error {
	e.moved = true
	if !e.monitored(m.Start, m.End) {
		clear(runs)
		return nil
	}
	whole := m.Whole()
	for i := range e.plan.Columns {
		if err := e.lookAtColumn(i, m, whole, runs, speaks, emit); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) lookAtColumn(at int, m *window.Moment, whole *sketch.Moment, runs map[string]*absence, speaks func(*absence, int64) bool, emit func(finding.Finding) error) error {
	c := &e.plan.Columns[at]
	if c.Steady() {
		if err := e.judgeOdd(c, m, whole.Odd(at), whole.Rows, emit); err != nil {
			return err
		}
	}
	if !c.Filled() {
		return nil
	}
	run := e.absentIn(c, m, whole.Missing(at), whole.Rows, runs)
	if run == nil || !speaks(run, m.End) {
		return nil
	}
	delete(runs, c.Name)
	return e.tellAbsent(c, m, run, emit)
}

func (e *Engine) judgeOdd(c *plan.Column, m *window.Moment, odd, rows int64, emit func(finding.Finding) error) error {
	s := e.signal(constantFault.signalOf(c))
	if s.Open || odd == 0 {
		return nil
	}
	s.update(m.Start, true, 1)
	return emit(e.fault(&constantFault, c, m.Start, m.End, m.Version(), offsetsOf(m.Spans()), odd, rows))
}

// absentIn adds a moment to the run of those in which a column was missing from every event, and returns the run if it is long enough to be told.
func (e *Engine) absentIn(c *plan.Column, m *window.Moment, missing, rows int64, runs map[string]*absence) *absence {
	if missing < rows || e.signal(missingFault.signalOf(c)).Open {
		delete(runs, c.Name)
		return nil
	}
	run := runs[c.Name]
	if run == nil {
		run = &absence{Since: m.Start}
		runs[c.Name] = run
	}
	run.Moments, run.Rows, run.Spans = run.Moments+1, run.Rows+rows, window.AddSpans(run.Spans, m.Spans())
	if run.Moments < persist || run.Rows < plan.FewestRows {
		return nil
	}
	return run
}

// tellAbsent opens the fault of a column that was missing from every event of a run.
func (e *Engine) tellAbsent(c *plan.Column, m *window.Moment, run *absence, emit func(finding.Finding) error) error {
	e.signal(missingFault.signalOf(c)).update(run.Since, true, 1)
	f := e.fault(&missingFault, c, run.Since, m.End, m.Version(), offsetsOf(run.Spans), run.Rows, run.Rows)
	f.Numbers = faultNumbers(missingFault.channel, c, &sketch.Column{N: run.Rows, Missing: run.Rows})
	return emit(f)
}
