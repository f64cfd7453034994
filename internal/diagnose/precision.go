package diagnose

import (
	"fmt"
	"math"
)

// rounded looks for values that have lost digits, while their distribution is what it was.
func (n *numeric) rounded(occupied float64, panes int) *Cause {
	if n.cur.valid < fewestRows || !n.described() || n.moved > max(0.2, 2*n.noise) {
		return nil
	}
	was, is := n.wholeBeside(n.ref), n.wholeBeside(n.cur)
	step := n.step()
	coarse := occupied > 0 && panes > 0 && float64(len(n.cur.bins)) < 0.5*occupied && step > 0
	whole := was < 0.5 && is > 0.98
	part := was < 0.5 && is-was > 0.03 && away(int64(is*float64(n.cur.valid)), n.cur.valid, int64(was*float64(n.ref.valid)), n.ref.valid, n.deff) > 6
	if !whole && !coarse && !part {
		return nil
	}
	out := &Cause{
		Kind: PrecisionLoss, Columns: []string{n.name()}, Parameters: map[string]string{}, Weight: n.weight(max(n.moved, is-was)), Confidence: 0.9,
		Fix: "find where it is rounded or cast; digits that are gone don't come back", Evidence: []string{fmt.Sprintf("%s of its values are whole numbers (was %s)", percent(is), percent(was))},
	}
	switch {
	case whole && step < 1:
		step = 1
	case step == 0:
		return nil // more of them are whole, and nothing shows a grid
	}
	if step > 0 {
		out.Parameters["step"] = number(step)
	}
	if coarse {
		out.Evidence = append(out.Evidence, fmt.Sprintf("they lie in %d bins of its histogram, where %.0f were in use in a pane of the reference", len(n.cur.bins), occupied))
	}
	return out
}

// wholeBeside is the share of whole numbers among values other than 0.
func (n *numeric) wholeBeside(v *numbers) float64 {
	return float64(v.whole-v.zero) / float64(max(1, v.valid-v.zero))
}

// step is the largest power of ten, or five times one, of which every value may be a multiple, and which bins would show if they weren't; 0: none.
func (n *numeric) step() float64 {
	for e := 6; e >= -6; e-- {
		for _, f := range []float64{5, 1} {
			step := f * math.Pow(10, float64(e))
			if n.onGrid(step) && !n.refOnGrid(step) {
				return step
			}
		}
	}
	return 0
}

// onGrid reports whether every bin holds a multiple of step, and enough bins are too narrow for that to be chance.
func (n *numeric) onGrid(step float64) bool { return grid(n.cur, step) }

func (n *numeric) refOnGrid(step float64) bool { return grid(n.ref, step) }

func grid(v *numbers, step float64) bool {
	telling := 0
	for _, b := range v.bins {
		width := b.High - b.Low
		if b.Low <= 0 && b.High >= 0 {
			continue
		}
		multiple := math.Ceil(b.Low/step-1e-6) * step
		if multiple > b.High+1e-6*step {
			return false
		}
		if width < step/2 {
			telling++
		}
	}
	return telling >= 4
}
