package baseline

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// fewest is how many events a pane must hold to say anything about scatter.
const fewest = 30

// scatter fills in what the reference counted of each column, and how its test panes scattered around that. singles are the categories that
// occur once, by column.
func scatter(p *plan.Plan, singles []int64, panes []*sketch.Set) {
	whole := sketch.NewSet(p)
	for _, s := range panes {
		if err := whole.Merge(s); err != nil {
			panic("sets of one plan don't merge: " + err.Error()) // they were made by NewSet(p): a bug, not an input
		}
	}
	for i := range p.Rules {
		p.Rules[i].Share = float64(whole.Rules[i]) / float64(max(1, whole.Rows))
	}
	for i := range p.Columns {
		c, n := &p.Columns[i], &whole.Columns[i]
		r := plan.Reference{N: n.N, Missing: n.Missing, Invalid: n.Invalid, Broken: n.Broken, Bins: append([]int64{}, n.Bins...)}
		if values := float64(n.N - n.Missing - n.Invalid - n.Overflow); values > 0 && !c.Layout.Categorical {
			r.Mean = n.Sum.Float() / values
		}
		if c.Layout.Categorical {
			r.Singles = singles[i]
		}
		r.Null = null(panes, i, n.Bins, c.Layout.Categorical)
		c.Reference = r
	}
}

// null learns the cube root of PSI per pane (close to normal: Wilson & Hilferty 1931) and the design effect: how much more
// the panes' chi-square scatters than independent events would (Rao & Scott 1981).
func null(panes []*sketch.Set, column int, whole []int64, categorical bool) plan.Null {
	var roots, x2 []float64
	var df []int
	for _, s := range panes {
		cur, ref := s.Columns[column].Bins, whole
		var n int64
		for _, k := range cur {
			n += k
		}
		if n < fewest {
			continue
		}
		if categorical {
			cur, ref = stat.MergeRare(cur, ref)
		}
		v := stat.Judge(cur, ref, 0, 1, 0.05) // for its statistics, on the very cells that a test pane of this size is judged on
		if v.DF < 1 {
			continue
		}
		x2, df = append(x2, v.X2), append(df, v.DF)
		roots = append(roots, math.Cbrt(v.PSI))
	}
	out := moments(roots)
	out.Deff, _ = stat.Dispersion(x2, df)
	return out
}

// moments are the mean and standard deviation of a statistic over panes.
func moments(x []float64) plan.Null {
	n := plan.Null{Panes: len(x)}
	for _, v := range x {
		n.Mean += v / float64(len(x))
	}
	if len(x) > 1 {
		var ss float64
		for _, v := range x {
			ss += (v - n.Mean) * (v - n.Mean)
		}
		n.SD = math.Sqrt(ss / float64(len(x)-1))
	}
	return n
}
