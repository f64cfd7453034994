package diagnose

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// mostAbsent is the share of all values from which on it is told that they went missing even where those that are left have moved, by less.
const mostAbsent = 0.35

// absent looks for values that went missing, or can't be read any more, while those that are left are as before.
func absent(c *plan.Column, ref, cur *sketch.Column, moved, noise float64) *Cause {
	if cur.N < fewestRows/5 {
		return nil
	}
	look := func(kind Kind, now, before int64, words, fix string) *Cause {
		is, was := float64(now)/float64(cur.N), float64(before)/float64(max(1, ref.N))
		if is < was+0.02 || away(now, cur.N, before, ref.N, max(1, c.Reference.Null.Deff)) < 5 {
			return nil
		}
		out := &Cause{
			Kind: kind, Columns: []string{c.Name}, Weight: (is - was) / max(noise, 1e-6), Fix: fix,
			Parameters: map[string]string{"share": number((is - was) / max(1e-9, 1-was))},
			Evidence:   []string{fmt.Sprintf("%s of its values %s (was %s)", percent(is), words, percent(was))}, Confidence: 0.99,
		}
		if moved > max(least, noise) {
			if moved > (is-was)/2 && !(is-was > mostAbsent && moved < is-was) {
				return nil // what is left has changed, too: it is more than that
			}
			out.Confidence = explained(is-was+moved, moved)
			out.Against = append(out.Against, "the values that are left lie elsewhere as well")
		}
		return out
	}
	if out := look(SchemaChange, cur.Invalid, ref.Invalid, "can't be read", "look at how the field is written: its type, or its form, is another one"); out != nil {
		return out
	}
	return look(Missing, cur.Missing, ref.Missing, "are missing", "find what has stopped to fill it in")
}

// shifted looks for a location and a spread that have moved while the shape stayed: a world that moved, no corruption.
func (n *numeric) shifted() *Cause {
	if !n.described() || n.indicator() || n.cur.valid < manyRows || n.moved <= max(0.05, n.noise) || n.ref.sd <= 0 || math.IsNaN(n.ref.sd) || math.IsNaN(n.cur.sd) || n.cur.sd <= 0 {
		return nil
	}
	t := affine{n.cur.sd / n.ref.sd, 0}
	t.offset = n.cur.mean - t.factor*n.ref.mean
	left := apart(n.ref, n.cur, t)
	if left > max(least, n.noise) || left > n.moved/2 {
		return nil
	}
	return &Cause{
		Kind: CovariateShift, Columns: []string{n.name()}, Weight: n.weight(n.moved), Confidence: explained(n.moved, left),
		Parameters: map[string]string{"shift": number((n.cur.mean - n.ref.mean) / n.ref.sd), "spread": number(t.factor)},
		Evidence:   append(n.meansInWords(), fmt.Sprintf("moved by %.3g of its standard deviations and spread %.3g times as wide it is as before, to within %.3f", (n.cur.mean-n.ref.mean)/n.ref.sd, t.factor, left)),
		Fix:        "ask whether the world has moved; no known conversion explains it",
	}
}
