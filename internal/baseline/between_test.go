package baseline

import (
	"math"
	"math/rand/v2"
	"testing"
)

// wander is an autoregressive stretch of panes, of variance 1.
func wander(rng *rand.Rand, n int, rho float64) []float64 {
	x := make([]float64, n)
	v := rng.NormFloat64()
	for i := range x {
		x[i] = v
		v = rho*v + math.Sqrt(1-rho*rho)*rng.NormFloat64()
	}
	return x
}

// Halves that differ by chance alone are hardly ever told apart, and those that differ by a standard deviation are, where there are enough
// panes for it.
func TestHalvesThatDifferByChance(t *testing.T) {
	const draws = 20_000
	for _, c := range []struct {
		n     int
		rho   float64
		wrong int // of the draws, at most
		right int // of 200, with two standard deviations between the halves, at least
	}{
		{16, 0, 8, 10}, {28, 0, 8, 80}, {28, .5, 60, 15}, {336, 0, 8, 200}, {336, .5, 10, 200}, {336, .9, 30, 45}, {672, .9, 30, 130},
	} {
		rng := rand.New(rand.NewPCG(1, uint64(c.n)))
		wrong, right := 0, 0
		for range draws {
			if between(wander(rng, c.n, c.rho)) != 0 {
				wrong++
			}
		}
		for range 200 {
			x := wander(rng, c.n, c.rho)
			for i := range x[len(x)/2:] {
				x[len(x)/2+i] += 2
			}
			if between(x) > 0 {
				right++
			}
		}
		t.Logf("%d panes, autocorrelation %v: %d of %d told apart by chance, %d of 200 with two standard deviations between", c.n, c.rho, wrong, draws, right)
		if wrong > c.wrong || right < c.right {
			t.Errorf("%d panes, autocorrelation %v: %d of %d told apart by chance (at most %d), %d of 200 rightly (at least %d)", c.n, c.rho, wrong, draws, c.wrong, right, c.right)
		}
	}
	if d := between(make([]float64, 100)); d != 0 {
		t.Errorf("of a constant: %v", d)
	}
	if d := between([]float64{1, 2, 3, 4, 5, 6, 7}); d != 0 {
		t.Errorf("of too few: %v", d)
	}
}
