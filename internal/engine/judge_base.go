package engine

import (
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// fewest is how many events a window must hold before a share of them means anything.
const fewest = plan.FewestRows

// hardFault is a test that needs no statistics: it looks at one column of one pane. moved is how many of rows are at fault.
type hardFault struct {
	channel, metric string
	applies         func(*plan.Column) bool
	count           func(*plan.Column, *sketch.Column) (moved, rows int64)
	faulty          func(moved, rows int64) bool
	holds           func(moved, rows int64) bool // so many in a test pane, and it is not over
}

// constantFault: a column that never moved in the reference has no spread to judge by, so any movement is a fault.
var constantFault = hardFault{
	"constant", "share_other_than_constant",
	(*plan.Column).Steady,
	func(c *plan.Column, n *sketch.Column) (int64, int64) { return odd(c, n), sum(n.Bins) },
	func(moved, _ int64) bool { return moved > 0 },
	func(moved, _ int64) bool { return moved > 0 },
}

// missingFault: a column that was mostly there is missing from every event.
var missingFault = hardFault{
	"missing", "missing_share",
	func(c *plan.Column) bool { return c.Reference.N > 0 && 2*c.Reference.Missing < c.Reference.N },
	func(_ *plan.Column, n *sketch.Column) (int64, int64) { return n.Missing, n.N },
	func(moved, rows int64) bool { return rows >= fewest && moved == rows },
	func(moved, rows int64) bool { return 2*moved > rows },
}

var hardFaults = []*hardFault{&constantFault, &missingFault}

// signalOf names the signal of a fault of a column.
func (h *hardFault) signalOf(c *plan.Column) string { return h.channel + "\x00" + c.Name }

// odd is how many values differ from the one value a constant column had in the reference.
func odd(c *plan.Column, n *sketch.Column) int64 {
	if c.Layout.Categorical {
		return sum(n.Bins) - n.Bins[0]
	}
	return n.Below + n.Above
}

// judgeBase looks for hard faults in one base pane, while its test pane may still be open: those that no moment has shown.
func (e *Engine) judgeBase(p *window.Pane, emit func(finding.Finding) error) error {
	e.recent.hours.count(p.Start, p.Rows())
	e.recent.hours.Ahead = e.panes.Ahead(max(e.low, p.End) + e.plan.Ahead().Microseconds())
	if !e.monitored(p.Start, p.End) {
		return nil
	}
	return e.judgeFaults(p, false, emit)
}

// judgeFaults opens faults on base panes and closes them on test panes: one clean hour mends nothing, and one that was
// at fault for most of its events isn't clean. A column that is missing may take a test pane to be sure of, where a base pane holds few events.
func (e *Engine) judgeFaults(p *window.Pane, mend bool, emit func(finding.Finding) error) error {
	set, err := p.Whole(e.plan)
	if err != nil {
		return err
	}
	for i := range e.plan.Columns {
		c, n := &e.plan.Columns[i], &set.Columns[i]
		for _, h := range hardFaults {
			if c.Layout.Empty || !h.applies(c) {
				continue
			}
			moved, rows := h.count(c, n)
			s := e.signal(h.signalOf(c))
			if rows == 0 || s.Open != mend && !(mend && h == &missingFault) {
				continue
			}
			if s.Open && p.End <= s.Onset { // told of a moment, while the pane before it was still open
				continue
			}
			faulty := h.faulty
			if s.Open {
				faulty = h.holds
			}
			did := s.update(p.Start, faulty(moved, rows), 1)
			if did != opened && did != recovered {
				continue
			}
			f := e.fault(h, c, p.Start, p.End, p.Version(), offsets(p), moved, rows)
			f.Onset = plan.FromMicros(s.Onset)
			if did == recovered {
				f.Verdict, f.Severity = finding.Equivalent, finding.Info
			}
			f.Numbers = faultNumbers(h.channel, c, n)
			if err := emit(f); err != nil {
				return err
			}
			if did == recovered {
				if err := e.glimpseAgain(i, p.End, emit); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// fault is the finding of moved values among rows that are at fault. Its onset is its start.
func (e *Engine) fault(h *hardFault, c *plan.Column, start, end int64, version string, at finding.Offsets, moved, rows int64) finding.Finding {
	f := e.finding(start, end, version, c.Name, h.channel)
	f.Offsets = at
	f.Metric, f.Value, f.Reference, f.Threshold = h.metric, share(moved, rows), 0, 0
	f.N = finding.Sizes{Reference: c.Reference.N, Current: rows}
	f.Verdict, f.Severity = finding.Fault, finding.Page
	return f
}

func faultNumbers(channel string, c *plan.Column, n *sketch.Column) []finding.Figure {
	if channel == "missing" {
		return []finding.Figure{{Name: "missing", Before: 100 * share(c.Reference.Missing, c.Reference.N), Now: 100 * share(n.Missing, n.N), Unit: "%"}}
	}
	if c.Layout.Categorical {
		return nil
	}
	return []finding.Figure{{Name: c.Name, Before: finding.Number(c.Layout.Lo), Now: mean(n)}}
}

func sum(v []int64) int64 {
	var n int64
	for _, x := range v {
		n += x
	}
	return n
}

// mean is the mean of a column's finite values.
func mean(n *sketch.Column) finding.Number {
	values := n.N - n.Missing - n.Invalid - n.Overflow
	if values == 0 {
		return finding.None()
	}
	return finding.Number(n.Sum.Float() / float64(values))
}

func share(k, n int64) finding.Number {
	if n == 0 {
		return finding.None()
	}
	return finding.Number(float64(k) / float64(n))
}
