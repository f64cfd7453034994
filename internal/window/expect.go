package window

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// expects reports whether cohorts know which predictions wait for an outcome: those of binary models, which are counted by score. Builds before it read such
// cohorts, and hand some out that hold no outcome yet.
func expects(p *plan.Plan) bool { return p.Outcome != nil && p.Score.Binary() }

// expect adds the predictions of a test pane that has ended to its cohort, cell by cell: of them outcomes are waited for. Predictions that come later are in no
// test, and in no cohort but by their outcomes.
func (a *Assembler) expect(t *Pane) error {
	if !expects(a.plan) || t.Start < a.mature || a.others(t.Start) {
		return nil
	}
	co := a.cohorts[t.Start]
	for _, k := range slices.SortedFunc(maps.Keys(t.cells), Cell.compare) {
		set := t.cells[k]
		if set.Curve == nil || set.Scored == 0 {
			continue
		}
		if co == nil {
			co = newCohort(t.Start, t.End)
			a.cohorts[t.Start] = co
		}
		known := co.OnTime[k]
		if known == nil {
			known = truth.New(a.plan)
			co.OnTime[k] = known
		}
		if err := truth.Expect(truth.CurveOf(known), a.waiting(set.Curve)); err != nil {
			return fmt.Errorf("count predictions that wait for an outcome: %w", err)
		}
	}
	a.giveUp()
	return nil
}

// waiting is what a cohort has to know of predictions: how many there are by score, and where those without an outcome count as negative, their scores.
func (a *Assembler) waiting(c *sketch.Curve) *sketch.Curve {
	if a.plan.Score.Missing == plan.PositivesOnly {
		return c
	}
	out, nothing := *c, make([]int64, c.Bins())
	out.S, out.S2 = nothing, nothing
	return &out
}

// mostWaiting bounds the cohorts that wait for their first outcome. Where outcomes don't come at all, nothing else would; where they lag behind predictions by
// more test panes, the earliest don't know their predictions.
const mostWaiting = 2048

// giveUp drops the earliest of too many cohorts that wait.
func (a *Assembler) giveUp() {
	if len(a.cohorts) <= mostWaiting {
		return
	}
	var waiting []int64
	for start, co := range a.cohorts {
		if start >= a.mature && len(co.All) == 0 && co.known() == 0 {
			waiting = append(waiting, start)
		}
	}
	slices.Sort(waiting)
	for _, start := range waiting[:max(0, len(waiting)-mostWaiting)] {
		delete(a.cohorts, start)
	}
}

// counted is how far cohorts may be handed out at ready: not before their predictions are counted, which come through another lane. As a rule that lane is ahead: a
// mark is written after the coverage it repeats. An idle partition that wakes is the exception.
func (a *Assembler) counted(ready int64) int64 {
	if !expects(a.plan) || a.closed == record.NoTime {
		return ready
	}
	return min(ready, a.closed)
}

// known is how many outcomes came in time.
func (c *Cohort) known() (n int64) {
	for _, v := range c.OnTime {
		n += v.Labels()
	}
	return n
}
