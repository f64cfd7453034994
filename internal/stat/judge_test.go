package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestJudgeAgreesWithSciPy(t *testing.T) {
	seen := map[State]int{}
	for i, g := range readGolden(t).Judgements {
		v := Judge(g.Cur, g.Ref, g.Floor, g.Deff, g.Alpha)
		seen[v.State]++
		if v.State != g.State || v.DF != g.DF {
			t.Errorf("case %d: %s with %d degrees of freedom, want %s with %d", i, v.State, v.DF, g.State, g.DF)
		}
		near(t, "psi", v.PSI, float64(g.PSI), 1e-9)
		near(t, "psi corrected", v.PSICorrected, float64(g.PSICorrected), 1e-8)
		near(t, "threshold", v.Threshold, float64(g.Threshold), 1e-8)
		near(t, "x2", v.X2, float64(g.X2), 1e-9)
		near(t, "effective", v.Effective, g.Effective, 1e-12)
		if (v.Needed == 0) != (v.State != Undecided) {
			t.Errorf("case %d: %s but needed %d", i, v.State, v.Needed)
		}
		if v.Needed > 0 && v.Needed <= v.N {
			t.Errorf("case %d: undecided with %d, but %d would do", i, v.N, v.Needed)
		}
	}
	for _, s := range []State{Drift, Equivalent, Undecided} {
		if seen[s] == 0 {
			t.Errorf("no case is %s", s)
		}
	}
}

// multinomial draws n events over cells of the given shares.
func multinomial(rng *rand.Rand, n int, share []float64) []int64 {
	cum := make([]float64, len(share))
	total := 0.
	for i, s := range share {
		total += s
		cum[i] = total
	}
	out := make([]int64, len(share))
	for range n {
		i, _ := slices.BinarySearch(cum, rng.Float64()*total)
		out[min(i, len(out)-1)]++
	}
	return out
}

func uniform(b int) []float64 { return slices.Repeat([]float64{1 / float64(b)}, b) }

// shifted returns the shares of b bins, equally likely under N(0, 1), under N(d, 1).
func shifted(b int, d float64) []float64 {
	out := make([]float64, b)
	last := 0.
	for i := range b {
		c := 1.
		if i < b-1 {
			c = NormalCDF(NormalQuantile(float64(i+1)/float64(b)) - d)
		}
		out[i] = c - last
		last = c
	}
	return out
}

// The law of PSI without drift: mean (B-1)/N, and the share above the threshold is alpha.
func TestPSIFollowsItsLaw(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const reps, n, m, b = 2000, 1000, 2000, 10
	var mean, corrected, x2 float64
	above, equal := 0, 0
	for range reps {
		cur, ref := multinomial(rng, n, uniform(b)), multinomial(rng, m, uniform(b))
		mean += PSI(cur, ref) / reps
		corrected += PSICorrected(cur, ref) / reps
		x, _ := ChiSquare(cur, ref)
		x2 += x / reps
		v := Judge(cur, ref, 0, 1, 0.05)
		if v.State == Drift {
			above++
		}
		if v.State == Equivalent {
			equal++
		}
	}
	if want := (b - 1) / EffectiveSize(n, m); math.Abs(mean/want-1) > 0.03 || math.Abs(corrected) > 0.03*want {
		t.Errorf("mean PSI %.6f (corrected %.6f), want %.6f (0) within 3 %%", mean, corrected, want)
	}
	if math.Abs(x2/(b-1)-1) > 0.03 {
		t.Errorf("mean X2 %.3f, want %d within 3 %%", x2, b-1)
	}
	if share := float64(above) / reps; math.Abs(share-0.05) > 0.015 {
		t.Errorf("share above the threshold %.4f, want 0.05 (3 standard errors: 0.015)", share)
	}
	if equal != 0 {
		t.Errorf("%d samples were equivalent to a floor of 0", equal)
	}
}

// At the floor itself both errors stay below alpha; well away from it the right answer is nearly certain.
func TestJudgeKeepsItsErrorRates(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const reps, n, m, b, alpha = 250, 2000, 8000, 10, 0.05
	const d0 = 0.3
	for _, c := range []struct {
		shift                float64
		maxDrift, maxEqual   float64
		leastDrift, leastEqu float64
	}{
		{0, 0.01, 1, 0, 0.99},
		// Bins see a little less than the shift, so drift is rarer than alpha at the floor and equivalence a little more common.
		{d0, 0.08, 0.16, 0, 0},
		{0.6, 1, 0, 0.99, 0},
	} {
		var drift, equal float64
		for range reps {
			switch Judge(multinomial(rng, n, shifted(b, c.shift)), multinomial(rng, m, uniform(b)), d0*d0, 1, alpha).State {
			case Drift:
				drift++
			case Equivalent:
				equal++
			}
		}
		drift /= reps
		equal /= reps
		if drift > c.maxDrift || equal > c.maxEqual || drift < c.leastDrift || equal < c.leastEqu {
			t.Errorf("shift %.2f: drift %.3f, equivalent %.3f", c.shift, drift, equal)
		}
	}
}

// With Needed events the expected statistic just decides; with a tenth fewer it doesn't.
func TestNeededIsWhereTheExpectedStatisticDecides(t *testing.T) {
	for _, c := range []struct{ phi2, floor, deff, k float64 }{
		{0, 0.01, 1, 9}, {0.002, 0.01, 1, 9}, {0.03, 0.01, 1, 9}, {0.05, 0.0025, 4, 19}, {0.05, 0, 1, 4},
	} {
		const m, alpha = 1_000_000, 0.05
		n := needed(10, m, c.deff, c.phi2, c.k, c.floor, alpha)
		if n <= 10 {
			t.Errorf("%+v: needed %d", c, n)
			continue
		}
		decides := func(n int64) bool {
			size := EffectiveSize(n, m) / c.deff
			x := c.k + size*c.phi2
			if c.phi2 > c.floor {
				return NonCentralChiSquareSF(x, c.k, size*c.floor) < alpha
			}
			return NonCentralChiSquareCDF(x, c.k, size*c.floor) < alpha
		}
		if !decides(n+n/20) || decides(n-n/10) {
			t.Errorf("%+v: %d events are not the boundary", c, n)
		}
	}
}

func TestJudgeWithoutAnAnswer(t *testing.T) {
	one := []int64{100, 100}
	for _, c := range []struct {
		name               string
		cur, ref           []int64
		floor, deff, alpha float64
		reachable          bool
	}{
		{"no current events", []int64{0, 0}, []int64{5e5, 5e5}, 0.01, 1, 0.05, true},
		{"a handful", []int64{1, 2}, []int64{5e5, 5e5}, 0.01, 1, 0.05, true},
		{"small reference", []int64{1, 2}, one, 0.0001, 1, 0.05, false},
		{"no reference", one, []int64{0, 0}, 0.01, 1, 0.05, false},
		{"nothing", nil, nil, 0.01, 1, 0.05, false},
		{"lengths differ", one, []int64{1}, 0.01, 1, 0.05, false},
		{"negative count", []int64{-1, 5}, one, 0.01, 1, 0.05, false},
		{"one value only", []int64{100, 0}, []int64{100, 0}, 0.01, 1, 0.05, false},
		{"negative floor", one, one, -1, 1, 0.05, false},
		{"floor not a number", one, one, math.NaN(), 1, 0.05, false},
		{"design effect not a number", one, one, 0.01, math.NaN(), 0.05, false},
		{"alpha 0", one, one, 0.01, 1, 0, false},
		{"alpha 1", one, one, 0.01, 1, 1, false},
	} {
		v := Judge(c.cur, c.ref, c.floor, c.deff, c.alpha)
		if v.State != Undecided {
			t.Errorf("%s: %s", c.name, v.State)
		}
		if c.reachable != (v.Needed > 0) {
			t.Errorf("%s: needed %d", c.name, v.Needed)
		}
	}
}

// A value that only the current sample has must count, however rare its cell is in the reference.
func TestJudgeSeesANewCellNextToAnAtom(t *testing.T) {
	v := Judge([]int64{800, 100, 100}, []int64{9000, 0, 1000}, 0.01, 1, 0.001)
	if v.State != Drift || v.DF != 2 {
		t.Errorf("%+v, want drift on three cells", v)
	}
}

func TestLimitsNeedEightWindows(t *testing.T) {
	if _, ok := RangeLimit(1, 1, 7, 0.01); ok {
		t.Error("a limit from 7 windows")
	}
	if _, ok := WindowLimit([]float64{1, 2, 3, 4, 5, 6, 7, math.NaN(), -1, math.Inf(1)}, 0.01); ok {
		t.Error("a limit from 7 usable windows")
	}
	if d, ok := Dispersion([]float64{9, 9, 9, 9, 9, 9, 9}, []int{3, 3, 3, 3, 3, 3, 3}); ok || d != 1 {
		t.Errorf("a dispersion %v from 7 windows", d)
	}
	if d, ok := Dispersion(slices.Repeat([]float64{9}, 8), slices.Repeat([]int{3}, 8)); !ok || d != 3 {
		t.Errorf("dispersion %v, %v, want 3", d, ok)
	}
	if d, ok := Dispersion(slices.Repeat([]float64{1}, 8), slices.Repeat([]int{3}, 8)); !ok || d != 1 {
		t.Errorf("dispersion %v, %v, want at least 1", d, ok)
	}
	if l, ok := RangeLimit(2, 0, 8, 0.01); !ok || l != 2 {
		t.Errorf("limit without spread %v, %v", l, ok)
	}
}
