package stat

import (
	"math"
	"math/rand/v2"
	"testing"
)

// A share that wanders makes sums of its counts scatter more than their single ones do, which independent counts don't; what is tested upwards only learns no such thing.
func TestRareKnowsHowLongDeviationsLast(t *testing.T) {
	const panes, size, share = 336, 200, 0.02
	rng := rand.New(rand.NewPCG(1, 2))
	sizes, still, wandering := make([]float64, panes), make([]float64, panes), make([]float64, panes)
	u := rng.NormFloat64()
	for i := range sizes {
		sizes[i] = size
		u = 0.97*u + math.Sqrt(1-0.97*0.97)*rng.NormFloat64()
		for range size {
			if rng.Float64() < share {
				still[i]++
			}
			if rng.Float64() < share*math.Exp(0.5*u) {
				wandering[i]++
			}
		}
	}
	dispersion := func(counts []float64, twosided bool) float64 {
		k := 0.
		for _, c := range counts {
			k += c
		}
		r, ok := NewRare(k, panes*size, counts, sizes, RareFloor{H: 0.05, Share: 0.005}, twosided)
		if !ok {
			t.Fatal("no test of these counts")
		}
		return r.Dispersion
	}
	if d := dispersion(still, true); d > 1.2 {
		t.Errorf("independent counts: dispersion %.2f", d)
	}
	once, lasting := dispersion(wandering, false), dispersion(wandering, true)
	if once < 1.2 || once > 4 || lasting < 3*once {
		t.Errorf("counts of a share that wanders for days: dispersion %.2f of single ones, %.2f of many", once, lasting)
	}
}
