package engine

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Engine judges one model under one plan. It belongs to one goroutine.
type Engine struct {
	plan    *plan.Plan
	panes   *window.Assembler
	signals map[string]*signal
	losses  []loss                 // one per plan.Score.Views: what outcomes cost beyond the reference
	kept    map[string]*windowKept // by promise, see promiseKey

	snapshot Snapshot
	ended    []*window.Pane // not handed over yet
	moved    bool           // since Moved was asked
}

// New makes the engine of a plan, with nothing seen yet.
func New(p *plan.Plan) *Engine {
	e := &Engine{plan: p, panes: window.NewAssembler(p), signals: map[string]*signal{}}
	if p.Score != nil {
		e.losses = make([]loss, len(p.Score.Views))
	}
	e.kept = make(map[string]*windowKept, len(p.Policy.Promises))
	for i := range p.Policy.Promises {
		e.kept[promiseKey(&p.Policy.Promises[i])] = &windowKept{}
	}
	return e
}

// Plan is the plan the engine judges by.
func (e *Engine) Plan() *plan.Plan { return e.plan }

// Late is how many events came after their pane was closed.
func (e *Engine) Late() int64 { return e.panes.Late() }

// Add takes one cell into account; nothing is judged before Advance.
func (e *Engine) Add(c *record.Cell) error { return e.panes.Add(c) }

// Advance judges everything that has ended by the clock and hands out what was found, in the order it was decided.
func (e *Engine) Advance(c *window.Clock, emit func(finding.Finding) error) error {
	closed, mature := e.panes.Reached()
	defer func() {
		nowClosed, nowMature := e.panes.Reached()
		e.moved = e.moved || closed != nowClosed || mature != nowMature
	}()
	send := func(f finding.Finding) error {
		if err := f.Seal(); err != nil {
			return err
		}
		return emit(f)
	}
	if low, ok := c.Low(e.plan.Prediction.Topic); ok {
		if err := e.panes.Advance(low, func(n window.Ended) error { return e.judge(n, send) }); err != nil {
			return fmt.Errorf("judge panes of %s: %w", e.plan.Model, err)
		}
	}
	if e.plan.Outcome == nil || e.plan.Score == nil {
		return nil
	}
	if low, ok := c.LowJoined(e.plan.Prediction.Topic, e.plan.Outcome.Topic); ok {
		if err := e.panes.Mature(low, func(n window.Ended) error { return e.judge(n, send) }); err != nil {
			return fmt.Errorf("judge outcomes of %s: %w", e.plan.Model, err)
		}
	}
	return nil
}

func (e *Engine) judge(n window.Ended, emit func(finding.Finding) error) error {
	switch {
	case n.Base != nil:
		return e.judgeBase(n.Base, emit)
	case n.Test != nil:
		e.ended = append(e.ended, n.Test)
		return e.judgeTest(n.Test, emit)
	default:
		return e.judgeTruth(n.Truth, emit)
	}
}

// monitored reports whether a window is one to judge: after the reference, and not in a declared odd period.
func (e *Engine) monitored(start, end int64) bool {
	if start < plan.Micros(e.plan.From) {
		return false
	}
	for _, c := range e.plan.Policy.Calendar {
		if start < plan.Micros(c.To) && end > plan.Micros(c.From) {
			return false
		}
	}
	return true
}

// finding fills in what every finding says.
func (e *Engine) finding(start, end int64, version, subject, channel string) finding.Finding {
	none := finding.None()
	return finding.Finding{
		Model: e.plan.Model, Version: version, At: plan.FromMicros(end),
		Window: finding.Window{Start: plan.FromMicros(start), End: plan.FromMicros(end)}, Onset: plan.FromMicros(start),
		Subject: subject, Channel: channel, Value: none, Reference: none, IgnoreBelow: none, Threshold: none,
		Evidence: finding.Evidence{Log10: none, Needed: none}, Baseline: e.plan.Baseline, Contract: e.plan.Contract,
	}
}

// offsets are where a pane's own events lie.
func offsets(p *window.Pane) finding.Offsets {
	out := finding.Offsets{}
	for _, s := range p.Spans() {
		topic := out[s.Topic]
		if topic == nil {
			topic = map[string][2]int64{}
			out[s.Topic] = topic
		}
		topic[fmt.Sprint(s.Partition)] = [2]int64{s.First, s.Last}
	}
	return out
}

// Moved reports whether anything was judged or passed since the last call, cells apart: then the state is another one.
func (e *Engine) Moved() bool {
	moved := e.moved
	e.moved = false
	return moved
}

// TakeEnded hands over the test panes that ended since the last call, for the history.
func (e *Engine) TakeEnded() []*window.Pane {
	out := e.ended
	e.ended = nil
	return out
}

// CoverageFinding says that some offsets of a source are not accounted for exactly once.
func (e *Engine) CoverageFinding(p window.Problem) finding.Finding {
	at := p.At
	if at == record.NoTime {
		at = plan.Micros(e.plan.From)
	}
	f := e.finding(at, at, "", fmt.Sprintf("%s/%d", p.Topic, p.Partition), "coverage")
	f.Metric, f.Value = "offsets_"+string(p.Kind), finding.Number(p.To-p.From)
	f.Verdict, f.Severity = finding.Fault, finding.Ticket
	if p.From < p.To {
		f.Offsets = finding.Offsets{p.Topic: {fmt.Sprint(p.Partition): {p.From, p.To - 1}}}
	}
	return f
}
