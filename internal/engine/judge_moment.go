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
	e.moved = true
	if !e.monitored(m.Start, m.End) {
		clear(e.absent)
		return nil
	}
	whole := m.Whole()
	for i := range e.plan.Columns {
		c := &e.plan.Columns[i]
		if c.Steady() {
			if err := e.judgeOdd(c, m, whole.Odd(i), whole.Rows, emit); err != nil {
				return err
			}
		}
		if c.Filled() {
			if err := e.judgeAbsent(c, m, whole.Missing(i), whole.Rows, emit); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) judgeOdd(c *plan.Column, m *window.Moment, odd, rows int64, emit func(finding.Finding) error) error {
	s := e.signal(constantFault.signalOf(c))
	if s.Open || odd == 0 {
		return nil
	}
	s.update(m.Start, true, 1)
	return emit(e.fault(&constantFault, c, m.Start, m.End, m.Version(), offsetsOf(m.Spans()), odd, rows))
}

func (e *Engine) judgeAbsent(c *plan.Column, m *window.Moment, missing, rows int64, emit func(finding.Finding) error) error {
	s := e.signal(missingFault.signalOf(c))
	if missing < rows || s.Open {
		delete(e.absent, c.Name)
		return nil
	}
	run := e.absent[c.Name]
	if run == nil {
		run = &absence{Since: m.Start}
		e.absent[c.Name] = run
	}
	run.Moments, run.Rows, run.Spans = run.Moments+1, run.Rows+rows, window.AddSpans(run.Spans, m.Spans())
	if run.Moments < persist || run.Rows < plan.FewestRows {
		return nil
	}
	delete(e.absent, c.Name)
	s.update(run.Since, true, 1)
	f := e.fault(&missingFault, c, run.Since, m.End, m.Version(), offsetsOf(run.Spans), run.Rows, run.Rows)
	f.Numbers = faultNumbers(missingFault.channel, c, &sketch.Column{N: run.Rows, Missing: run.Rows})
	return emit(f)
}
