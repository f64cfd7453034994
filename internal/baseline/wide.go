package baseline

import (
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// wides are the lengths of windows that are held against the reference itself, the best first: of a few events a day a week says nothing.
var wides = []time.Duration{7 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour, 24 * time.Hour}

// learnWide learns how windows of the longest length of which the reference holds enough scattered around the whole: only windows of the same
// length tell what is usual for one.
func learnWide(p *plan.Plan, panes []drift.Pane) {
	p.Wide = 0
	if len(p.Drift) == 0 {
		return // then test panes are held against the reference
	}
	for _, length := range wides {
		if length < p.TestPane || length%p.TestPane != 0 {
			continue
		}
		sets := windows(p, panes, length)
		if len(sets) < stat.MinWindows {
			continue
		}
		for i := range p.Columns {
			c := &p.Columns[i]
			if n := null(sets, i, c.Reference.Bins, c.Layout.Categorical); n.Panes >= stat.MinWindows {
				p.Wide, c.Reference.Wide = length, &n
			}
		}
		if p.Wide > 0 {
			return
		}
	}
}

// windows adds the reference's test panes up to windows that lie wholly inside it.
func windows(p *plan.Plan, panes []drift.Pane, length time.Duration) (out []*sketch.Set) {
	var last int64
	for i := range panes {
		start := plan.Align(panes[i].Start, length)
		end := start + length.Microseconds()
		if start < plan.Micros(p.Reference.From) || end > plan.Micros(p.Reference.To) || p.Policy.OddForWide(start, end) {
			continue
		}
		if len(out) == 0 || start != last {
			out, last = append(out, sketch.NewSet(p)), start
		}
		if err := out[len(out)-1].Merge(panes[i].Set); err != nil {
			panic("sets of one plan don't merge: " + err.Error()) // they were made by NewSet(p): a bug, not an input
		}
	}
	return out
}
