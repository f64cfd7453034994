package truth

import (
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Reliability is a curve's counts as the statistics read them. It shares the curve's memory.
func Reliability(c *sketch.Curve) stat.Reliability {
	return stat.Reliability{
		N: c.N, S: c.S, S2: c.S2, Labels: c.Labels, Pos: c.Pos, LS: c.LS, LS2: c.LS2, PS: c.PS,
		TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN,
	}
}

// Confusion is the counts of classes as the statistics read them. What stands for all classes that the plan doesn't name is a class if it occurs.
func Confusion(c *Classes) stat.Classes {
	k := c.Classes()
	named := k - 1
	used := named
	for pair := range c.All() {
		if pair[0] == named || pair[1] == named {
			used = k
		}
	}
	out := stat.Classes{K: used, Counts: make([]int64, used*used), Ranks: c.Ranks}
	for pair, n := range c.All() {
		out.Counts[pair[0]*used+pair[1]] = n
	}
	if len(c.Each) >= used {
		out.Curves = make([]stat.Reliability, used)
		for i := range out.Curves {
			out.Curves[i] = Reliability(c.Each[i])
		}
	}
	return out
}

// Residuals is the counts of errors as the statistics read them.
func Residuals(e *sketch.Errors) stat.Residuals {
	out := stat.Residuals{
		N: e.N, Sum: e.Sum.Float(), Abs: e.Abs.Float(), Square: e.Square.Float(), Actual: e.Actual.Float(), ActualSq: e.ActualSq.Float(),
		Share: e.Share.Float(), ShareN: e.ShareN, Symmetric: e.Symmetric.Float(), Intervals: e.Intervals, Covered: e.Covered,
		Above: e.Above, Below: e.Below, Equal: e.Equal, Relative: 1. / 64,
	}
	for middle, n := range e.Bins() {
		out.Middles, out.Counts = append(out.Middles, middle), append(out.Counts, n)
	}
	return out
}
