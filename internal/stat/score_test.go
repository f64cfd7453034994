package stat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// normalCounts are the expected counts of n events of a normal law in bins that hold the given shares of the standard one.
func normalCounts(shares []float64, mean, sd, n float64) (out []int64) {
	var cumulated, below float64
	for b, q := range shares {
		cumulated += q
		upper := 1.
		if b < len(shares)-1 {
			upper = NormalCDF((NormalQuantile(cumulated) - mean) / sd)
		}
		out = append(out, int64(math.Round(n*(upper-below))))
		below = upper
	}
	return out
}

func drawShares(t *rapid.T) []float64 {
	weights := rapid.SliceOfN(rapid.Float64Range(0.01, 1), 2, 30).Draw(t, "weights")
	var sum float64
	for _, w := range weights {
		sum += w
	}
	for i := range weights {
		weights[i] /= sum
	}
	return weights
}

// Under the reference itself scores have mean 0, variance 1 and no correlation, whatever its bins.
func TestScoresAreOrthonormal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawShares(t)
		s, ok := NewScores(q)
		if !ok {
			t.Fatalf("no scores of %v", q)
		}
		var m [5]float64
		for b, p := range q {
			l, g := s.location[b], 0.
			if s.HasSpread() {
				g = s.spread[b]
			}
			for i, v := range []float64{l, l * l, g, g * g, l * g} {
				m[i] += p * v
			}
			if b > 0 && l <= s.location[b-1] {
				t.Fatalf("location scores fall at bin %d: %v", b, s.location)
			}
		}
		want := [5]float64{0, 1, 0, 1, 0}
		if !s.HasSpread() {
			want[3] = 0
		}
		for i := range m {
			if math.Abs(m[i]-want[i]) > 1e-9 {
				t.Fatalf("moment %d is %g, want %g", i, m[i], want[i])
			}
		}
	})
}

// A normal variable that moves by d reads d, one that widens by a factor f reads (f^2-1)/sqrt 2, and neither shows in the other or
// in the shape: that is what the scale of effects means.
func TestScoresReadShiftsInStandardDeviations(t *testing.T) {
	q := make([]float64, 20)
	for b := range q {
		q[b] = 0.05
	}
	s, _ := NewScores(q)
	groups, k := GroupNeighbours(q, 1e6)
	for _, c := range []struct{ mean, sd float64 }{{0, 1}, {0.05, 1}, {-0.1, 1}, {0.25, 1}, {0, 1.05}, {0, 0.95}, {0.1, 1.05}} {
		counts := normalCounts(q, c.mean, c.sd, 1e7)
		x, v := s.Location(counts)
		g, _ := s.Spread(counts, x, v)
		y := s.Shape(counts, x, g, groups)
		// Bins lose a little of what lies far out: 20 of them about 2 % of a shift and 12 % of a widening.
		if math.Abs(x-c.mean) > 0.03*math.Abs(c.mean)+1e-3 {
			t.Errorf("%+v: location %.4f", c, x)
		}
		if want := (c.sd*c.sd - 1) / math.Sqrt2; math.Abs(g-want) > 0.13*math.Abs(want)+0.004 {
			t.Errorf("%+v: spread %.4f, want about %.4f", c, g, want)
		}
		if phi2 := y * y * y * float64(k-3) / 1e7; phi2 > 5e-4 {
			t.Errorf("%+v: divergence of shape %.2g", c, phi2)
		}
	}
	// Half of the mass in two humps at the same mean and variance: all of it is shape.
	humps := make([]int64, 20)
	for _, m := range []float64{-0.8, 0.8} {
		for b, n := range normalCounts(q, m, 0.6, 5e5) {
			humps[b] += n
		}
	}
	x, v := s.Location(humps)
	g, _ := s.Spread(humps, x, v)
	if y := s.Shape(humps, x, g, groups); math.Abs(x) > 0.01 || y*y*y*17/1e6 < 0.05 {
		t.Errorf("two humps: location %g, shape %g", x, y)
	}
}

// Without change the cube roots are normal with the variance that is assumed of them.
func TestCubeRootsHaveTheirVariance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	q := make([]float64, 20)
	for b := range q {
		q[b] = 0.05
	}
	s, _ := NewScores(q)
	const panes, events = 4000, 500
	groups, k := GroupNeighbours(q, events)
	for _, c := range []struct {
		name string
		lost int
		f    func([]int64) float64
	}{
		{"shape", 3, func(n []int64) float64 {
			x, v := s.Location(n)
			g, _ := s.Spread(n, x, v)
			return s.Shape(n, x, g, groups)
		}},
		{"omnibus", 1, func(n []int64) float64 { return Omnibus(n, q, groups) }},
	} {
		var sum, squares float64
		for range panes {
			n := make([]int64, 20)
			for range events {
				n[rng.IntN(20)]++
			}
			y := c.f(n)
			sum += y
			squares += y * y
		}
		df := float64(k - c.lost)
		m := sum / panes
		sd, want := math.Sqrt(squares/panes-m*m), math.Sqrt(2/(9*df))
		if math.Abs(sd/want-1) > 0.06 || math.Abs(m-(1-2/(9*df))) > 0.02 {
			t.Errorf("%s: mean %.4f, sd %.4f; want %.4f, %.4f", c.name, m, sd, 1-2/(9*df), want)
		}
	}
}

// Groups hold enough each, and every bin is in one.
func TestGroupsHoldEnough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		q := drawShares(t)
		n := rapid.Float64Range(1, 1e4).Draw(t, "n")
		for name, f := range map[string]func([]float64, float64) ([]int, int){"neighbours": GroupNeighbours, "rare": GroupRare} {
			groups, k := f(q, n)
			sum := make([]float64, k)
			for b, g := range groups {
				sum[g] += q[b] * n
				if name == "neighbours" && b > 0 && g != groups[b-1] && g != groups[b-1]+1 {
					t.Fatalf("groups %v", groups)
				}
			}
			for g, e := range sum {
				if e < minExpected-1e-9 && k > 1 {
					t.Fatalf("%s: group %d of %v expects %g of %g", name, g, groups, e, n)
				}
			}
		}
	})
}

// For every tolerated share the capped ratio is at most 1 on average, exactly: the sum over all counts says so.
func TestRareIsAFairBet(t *testing.T) {
	const most = 5.5
	checked := 0
	for _, ref := range []struct{ k, n float64 }{{0, 500}, {3, 20000}, {40, 60000}, {59990, 60000}, {7, 300}} {
		r, ok := NewRare(ref.k, ref.n, nil, nil, RareFloor{H: 0.05, Share: 0.005}, true)
		if !ok {
			t.Fatalf("%v: no test", ref)
		}
		low := max(r.Low, 0)
		for _, n := range []int64{30, 200, 2000} {
			for i := range 11 {
				p := low + (min(r.High, 1)-low)*float64(i)/10
				for _, above := range []bool{true, false} {
					for alt := range 3 {
						if !r.Uses(above, alt) {
							continue
						}
						var e float64
						for k := range n + 1 {
							c := float64(k)
							if r.Flipped {
								c = float64(n) - c
							}
							e += BinomialPMF(k, n, p) * math.Exp(min(r.LogRatio(c, float64(n), above, alt), most))
						}
						checked++
						if e > 1+1e-9 {
							t.Errorf("reference %v, n = %d, share %g, above %t, alternative %d: expectation %.12f", ref, n, p, above, alt, e)
						}
					}
				}
			}
		}
	}
	if checked < 500 {
		t.Errorf("%d expectations", checked)
	}
}

func TestRareKnowsBursts(t *testing.T) {
	floor := RareFloor{H: 0.05, Share: 0.005}
	counts, sizes := make([]float64, 100), make([]float64, 100)
	for i := range counts {
		sizes[i] = 1000
		if i%10 == 0 {
			counts[i] = 10 // ten at once, or none
		}
	}
	r, _ := NewRare(100, 100e3, counts, sizes, floor, false)
	calm, _ := NewRare(100, 100e3, nil, nil, floor, false)
	if r.Dispersion < 8 || calm.Dispersion != 1 || r.High < calm.High {
		t.Errorf("dispersion %g and %g, limits %g and %g", r.Dispersion, calm.Dispersion, r.High, calm.High)
	}
	if a, b := r.LogRatio(60, 1000, true, 1), calm.LogRatio(60, 1000, true, 1); a > b/7 || a <= 0 {
		t.Errorf("the same count is worth %g where bursts are usual and %g where not", a, b)
	}
	if _, ok := NewRare(5, 4, nil, nil, floor, false); ok {
		t.Error("more events than there are")
	}
	if _, ok := RestoreRare(0, math.NaN(), 1, false, false); ok {
		t.Error("an interval without an end")
	}
}

// The fitted wander is on the careful side: its long-run variance is seldom below that of what made the data.
func TestWanderIsCareful(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, c := range []struct{ rho, tau float64 }{{0, 0}, {0.5, 0.05}, {0.9, 0.05}} {
		const panes, noise = 672, 1. / 1000
		low, ratio := 0, 0.
		for range 40 {
			r, v := make([]float64, panes), make([]float64, panes)
			u := rng.NormFloat64()
			for t := range r {
				u = c.rho*u + math.Sqrt(1-c.rho*c.rho)*rng.NormFloat64()
				r[t], v[t] = c.tau*u+math.Sqrt(noise)*rng.NormFloat64(), noise
			}
			w, _ := FitWander(r, v, 1, CautiousRange)
			got := w.LongRun(noise)
			made := Wander{Rho: c.rho, Tau2: c.tau * c.tau, Sigma2: 1}.LongRun(noise)
			ratio += got / made / 40
			if got < made {
				low++
			}
		}
		if low > 6 || ratio > 4 {
			t.Errorf("%+v: below the truth in %d of 40, %.2f times it on average", c, low, ratio)
		}
	}
	if w, gain := FitWander(nil, nil, 1, CautiousRange); w != (Wander{Sigma2: 1}) || gain != 0 {
		t.Errorf("of nothing: %+v", w)
	}
}

func TestCohenHAndBack(t *testing.T) {
	for _, q := range []float64{0.001, 0.2, 0.5, 0.97} {
		if got := ShareAt(q, 0); math.Abs(got-q) > 1e-12 {
			t.Errorf("ShareAt(%g, 0) = %g", q, got)
		}
		p := ShareAt(q, 0.1)
		if h := CohenH(p*1e12, 1e12, q); math.Abs(h-0.1) > 1e-9 && p < 1 {
			t.Errorf("q = %g: h = %.12g of p = %g", q, h, p)
		}
	}
	if got := fmt.Sprint(ShareAt(0.9, 9), ShareAt(0.1, -9)); got != "1 0" {
		t.Error(got)
	}
}

// Independent residuals show next to no persistence, those of a wander of two speeds do.
func TestPersistenceIsOfTheSlowPart(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 9))
	draw := func(slow float64) []float64 {
		z := make([]float64, 640)
		u := rng.NormFloat64()
		for t := range z {
			u = 0.95*u + math.Sqrt(1-0.95*0.95)*rng.NormFloat64()
			z[t] = slow*u + math.Sqrt(1-slow*slow)*rng.NormFloat64()
		}
		return z
	}
	var still, moving float64
	for range 200 {
		still += Persistence(draw(0)) / 200
		moving += Persistence(draw(0.4)) / 200
	}
	// The slow part's variance of 0.16 counts 1 + 2 * 0.95/0.05 = 39 times in the long run: 0.84 + 0.16 * 39 = 7, over 96 hours some 5.
	if still > 1.2 || moving < 3 || moving > 7 {
		t.Errorf("persistence %.2f of independent values, %.2f with a slow part", still, moving)
	}
	if Persistence(nil) != 1 || Persistence(make([]float64, 100)) != 1 {
		t.Error("of nothing: not 1")
	}
}

// An empty sample has no distance from anything, on either side, and nothing is decided of it.
func TestDistancesOfNothingHaveNoValue(t *testing.T) {
	some, none := []int64{5, 0, 7, 1_000_000_000}, []int64{0, 0, 0, 0}
	for _, pair := range [][2][]int64{{some, none}, {none, some}, {none, none}, {nil, nil}} {
		cur, ref := pair[0], pair[1]
		x2, df := ChiSquare(cur, ref)
		ks, p := KS(cur, ref)
		for i, v := range []float64{
			PSI(cur, ref), PSICorrected(cur, ref), Phi2(cur, ref), x2, ks, p, JensenShannonDistanceBits(cur, ref), Hellinger(cur, ref),
			WassersteinSD(cur, ref, []float64{1, 2, 3, 4}[:len(cur)], 1), LInfinity(cur, ref),
		} {
			if !math.IsNaN(v) || df != 0 {
				t.Errorf("%v against %v: distance %d is %g", cur, ref, i, v)
			}
		}
		if v := Judge(cur, ref, 0.01, 1, 0.05); v.State != Undecided {
			t.Errorf("%v against %v: %s", cur, ref, v.State)
		}
	}
}
