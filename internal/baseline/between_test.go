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

// Halves that differ by chance alone are hardly ever told apart; how often those with two standard deviations of their panes between
// them are, is said by how many panes there are, and how long they remember.
func TestHalvesThatDifferByChance(t *testing.T) {
	const draws, each = 20_000, 1e-4
	for _, c := range []struct {
		n     int
		rho   float64
		wrong int // of the draws, at most
		right int // of 200, with two standard deviations between the halves, at least
	}{
		{16, 0, 8, 6}, {28, 0, 8, 60}, {28, .5, 80, 12}, {336, 0, 8, 200}, {336, .5, 10, 200}, {336, .9, 20, 15}, {672, .9, 20, 100},
	} {
		rng := rand.New(rand.NewPCG(1, uint64(c.n)))
		wrong, right := 0, 0
		for range draws {
			if between(wander(rng, c.n, c.rho), each) != 0 {
				wrong++
			}
		}
		for range 200 {
			x := wander(rng, c.n, c.rho)
			for i := range x[len(x)/2:] {
				x[len(x)/2+i] += 2
			}
			if between(x, each) > 0 {
				right++
			}
		}
		t.Logf("%d panes, autocorrelation %v: %d of %d told apart by chance, %d of 200 with two standard deviations between", c.n, c.rho, wrong, draws, right)
		if wrong > c.wrong || right < c.right {
			t.Errorf("%d panes, autocorrelation %v: %d of %d told apart by chance (at most %d), %d of 200 rightly (at least %d)", c.n, c.rho, wrong, draws, c.wrong, right, c.right)
		}
	}
	if d := between(make([]float64, 100), each); d != 0 {
		t.Errorf("of a constant: %v", d)
	}
	if d := between([]float64{1, 2, 3, 4, 5, 6, 7}, each); d != 0 {
		t.Errorf("of too few: %v", d)
	}
}

// The stronger a drift, the surer it is told, however it goes: a slope must not pass for memory.
func TestHalvesOfARamp(t *testing.T) {
	const draws, chance = 200, 1e-4
	rng := rand.New(rand.NewPCG(3, 3))
	for _, noise := range []float64{.1, 1} {
		before := 0
		for _, ramp := range []float64{1, 2, 5, 10, 50} {
			told := 0
			for range draws {
				x := wander(rng, 336, .3)
				for i := range x {
					x[i] = noise*x[i] + ramp*float64(i)/float64(len(x))
				}
				if d := between(x, chance); math.Abs(d-ramp/2) < ramp/4+noise {
					if d != 0 {
						told++
					}
				}
			}
			t.Logf("noise %v, a ramp of %v: told %d of %d times", noise, ramp, told, draws)
			if told < before-5 || ramp >= 5*noise && told < draws-5 {
				t.Errorf("noise %v, a ramp of %v: told %d of %d times, a weaker one %d", noise, ramp, told, draws, before)
			}
			before = told
		}
	}
}
