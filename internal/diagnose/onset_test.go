package diagnose_test

import (
	"math/rand/v2"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/diagnose"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// binned draws a pane of n values over the bins by weight.
func binned(r *rand.Rand, n int, weights []float64) *sketch.Column {
	c := &sketch.Column{N: int64(n), Bins: make([]int64, len(weights))}
	for range n {
		u := r.Float64()
		at := 0
		for at < len(weights)-1 && u >= weights[at] {
			u -= weights[at]
			at++
		}
		c.Bins[at]++
	}
	return c
}

// A change of a tenth of the values is dated to the pane in nearly every draw; without one nothing is.
func TestOnset(t *testing.T) {
	before, after := []float64{0.25, 0.25, 0.25, 0.25}, []float64{0.15, 0.25, 0.25, 0.35}
	right, dated, none := 0, 0, 0
	const draws = 200
	for seed := range uint64(draws) {
		r := rand.New(rand.NewPCG(seed, 5))
		ref := binned(r, 20_000, before)
		const from, panes = 5, 12
		var planted, clean []*sketch.Column
		for i := range panes {
			w := before
			if i >= from {
				w = after
			}
			planted = append(planted, binned(r, 300, w))
			clean = append(clean, binned(r, 300, before))
		}
		if at, ok := diagnose.Onset(ref, planted, len(planted)); ok {
			dated++
			if at >= from-1 && at <= from+1 {
				right++
			}
		}
		if _, ok := diagnose.Onset(ref, clean, len(clean)); ok {
			none++
		}
	}
	if dated < 198 || right < 190 || none > 0 {
		t.Errorf("of %d changes %d were dated, %d within a pane; of as many without one %d", draws, dated, right, none)
	}
}
