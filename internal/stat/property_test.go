package stat

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// pair draws two count vectors of one length, each with at least one event; empty cells and ties are common.
func pair(t *rapid.T) (cur, ref []int64) {
	b := rapid.IntRange(1, 24).Draw(t, "cells")
	count := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 300), rapid.Int64Range(0, 1e9))
	cur = rapid.SliceOfN(count, b, b).Draw(t, "cur")
	ref = rapid.SliceOfN(count, b, b).Draw(t, "ref")
	cur[rapid.IntRange(0, b-1).Draw(t, "i")]++
	ref[rapid.IntRange(0, b-1).Draw(t, "j")]++
	return cur, ref
}

func close12(a, b float64) bool { return off(a, b, 1e-12) < 1e-9 }

func TestDistanceProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cur, ref := pair(t)
		psi := PSI(cur, ref)
		if !(psi >= 0) || math.IsInf(psi, 1) || !close12(psi, PSI(ref, cur)) {
			t.Fatalf("PSI %v, swapped %v", psi, PSI(ref, cur))
		}
		if PSI(cur, cur) != 0 || Phi2(cur, cur) != 0 || Hellinger(cur, cur) != 0 || JensenShannonDistanceBits(cur, cur) != 0 || LInfinity(cur, cur) != 0 {
			t.Fatal("a sample differs from itself")
		}
		if d, p := KS(cur, cur); d != 0 || p != 1 {
			t.Fatalf("KS of a sample with itself: %v, p %v", d, p)
		}
		d, p := KS(cur, ref)
		h, js, tv, linf := Hellinger(cur, ref), JensenShannonDistanceBits(cur, ref), totalVariation(cur, ref), LInfinity(cur, ref)
		for name, v := range map[string]float64{"KS": d, "p": p, "Hellinger": h, "JS": js, "Linf": linf} {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("%s = %v", name, v)
			}
		}
		// Textbook inequalities, all of them independent of the formulas used.
		const eps = 1e-9
		if d > tv+eps || linf > tv+eps || h*h > tv+eps || tv > h*math.Sqrt(2-h*h)+eps || js*js > tv+eps || tv*tv > 2*math.Ln2*js*js+eps {
			t.Fatalf("KS %v, Linf %v, Hellinger %v, JS %v against total variation %v", d, linf, h, js, tv)
		}
		phi2 := Phi2(cur, ref)
		if 4*tv*tv > phi2*(1+eps)+eps {
			t.Fatalf("phi2 %v below 4 TV^2 = %v", phi2, 4*tv*tv)
		}
		x2, df := ChiSquare(cur, ref)
		rx2, rdf := ChiSquare(ref, cur)
		if !(x2 >= 0) || df < 0 || df >= len(cur) || df != rdf || !close12(x2, rx2) {
			t.Fatalf("X2 %v on %d, swapped %v on %d", x2, df, rx2, rdf)
		}
		if pv := ChiSquareSF(x2, float64(df)); df > 0 && !(pv >= 0 && pv <= 1) {
			t.Fatalf("p-value %v", pv)
		}
	})
}

func totalVariation(cur, ref []int64) float64 {
	n, m, _ := totals(cur, ref)
	var sum float64
	for b := range cur {
		sum += math.Abs(float64(cur[b])/float64(n)-float64(ref[b])/float64(m)) / 2
	}
	return sum
}

// Joining cells loses information (data processing): no unsmoothed divergence may grow.
func TestMergingNeverIncreasesADivergence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cur, ref := pair(t)
		if len(cur) < 2 {
			return
		}
		i := rapid.IntRange(0, len(cur)-2).Draw(t, "joined")
		join := func(x []int64) []int64 {
			out := slices.Clone(x)
			out[i] += out[i+1]
			return slices.Delete(out, i+1, i+2)
		}
		c, r := join(cur), join(ref)
		ks, _ := KS(cur, ref)
		joined, _ := KS(c, r)
		for _, v := range [][2]float64{
			{Phi2(c, r), Phi2(cur, ref)},
			{JensenShannonDistanceBits(c, r), JensenShannonDistanceBits(cur, ref)},
			{Hellinger(c, r), Hellinger(cur, ref)},
			{joined, ks},
			{pearson(c, r), pearson(cur, ref)},
		} {
			if v[0] > v[1]*(1+1e-9)+1e-12 {
				t.Fatalf("joining cells %d and %d: %v became %v", i, i+1, v[1], v[0])
			}
		}
	})
}

func TestMergesKeepEveryEvent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cur, ref := pair(t)
		n, m, _ := totals(cur, ref)
		for name, merge := range map[string]func(c, r []int64) ([]int64, []int64){"neighbours": MergeNeighbours, "rare": MergeRare} {
			c, r := merge(cur, ref)
			a, b, ok := totals(c, r)
			if !ok || a != n || b != m {
				t.Fatalf("%s: %d and %d events, want %d and %d", name, a, b, n, m)
			}
			for i := range c {
				if e := float64(min(n, m)) / float64(n+m) * float64(c[i]+r[i]); len(c) > 1 && e < 5*(1-1e-12) {
					t.Fatalf("%s: cell %d expects %v", name, i, e)
				}
			}
			if again, _ := MergeNeighbours(c, r); !slices.Equal(again, c) {
				t.Fatalf("%s: merging twice changes %v to %v", name, c, again)
			}
		}
	})
}

// Quantiles are inverses, wherever the function isn't flat to rounding.
func TestQuantilesInvert(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.OneOf(rapid.Float64Range(1e-12, 1-1e-9), rapid.Float64Range(0.01, 0.99)).Draw(t, "p")
		df := math.Exp(rapid.Float64Range(-0.5, 9).Draw(t, "ln df"))
		lambda := math.Exp(rapid.Float64Range(-6, 12).Draw(t, "ln lambda"))
		a, b := math.Exp(rapid.Float64Range(-1, 12).Draw(t, "ln a")), math.Exp(rapid.Float64Range(-1, 12).Draw(t, "ln b"))
		for _, c := range []struct {
			name string
			got  float64
		}{
			{"normal", NormalCDF(NormalQuantile(p))},
			{"chi-square", ChiSquareCDF(ChiSquareQuantile(p, df), df)},
			{"non-central", NonCentralChiSquareCDF(NonCentralChiSquareQuantile(p, df, lambda), df, lambda)},
			{"student", StudentCDF(StudentQuantile(p, df), df)},
			{"beta", BetaCDF(BetaQuantile(p, a, b), a, b)},
		} {
			if off(c.got, p, 0) > 1e-7 {
				t.Fatalf("%s: the function at the %v quantile is %v", c.name, p, c.got)
			}
		}
		if x := df + lambda; !close12(NonCentralChiSquareCDF(x, df, lambda)+NonCentralChiSquareSF(x, df, lambda), 1) {
			t.Fatal("the two tails don't add up")
		}
	})
}

// Nothing panics or hangs, whatever comes in.
func TestNoInputPanics(t *testing.T) {
	ints := rapid.SliceOfN(rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 50)), 0, 6)
	f := rapid.OneOf(rapid.Float64(), rapid.SampledFrom([]float64{0, 1, -1, 1e-300, 1e300, math.NaN(), math.Inf(1), math.Inf(-1)}))
	rapid.Check(t, func(t *rapid.T) {
		a, b := ints.Draw(t, "a"), ints.Draw(t, "b")
		x, y, z := f.Draw(t, "x"), f.Draw(t, "y"), f.Draw(t, "z")
		k, n := rapid.Int64().Draw(t, "k"), rapid.Int64().Draw(t, "n")
		Distances(a, b, true, []float64{x, y, z}, x)
		Distances(a, b, false, nil, y)
		Judge(a, b, x, y, z)
		MergeRare(a, b)
		fl := Floor{Shift: x}
		fl.JS()
		r := Reliability{
			N: a, S: b, S2: a, Labels: ints.Draw(t, "l"), Pos: ints.Draw(t, "p"), LS: ints.Draw(t, "ls"), LS2: ints.Draw(t, "ls2"), PS: ints.Draw(t, "ps"),
			TP: k, FP: n, FN: k, TN: n,
		}
		for _, g := range everyEstimate(r) {
			g()
		}
		r.BrierParts()
		r.CalibrationMap()
		OutcomeDispersion([]float64{x, y}, []float64{z}, []float64{x, y, z})
		RangeLimit(x, y, int(k), z)
		WindowLimit([]float64{x, y, z, 1, 2, 3, 4, 5, 6}, x)
		Dispersion([]float64{x, y, z}, []int{int(k), 1})
		Wilson(k, n, x)
		Newcombe(k, n, n, k, x)
		KatzRatio(k, n, n, k, x)
		NormalQuantile(x)
		ChiSquareQuantile(x, y)
		ChiSquareCDF(x, y)
		NonCentralChiSquareCDF(x, y, z)
		NonCentralChiSquareQuantile(x, y, z)
		StudentQuantile(x, y)
		StudentCDF(x, y)
		BetaQuantile(x, y, z)
		BetaCDF(x, y, z)
		KolmogorovSF(x)
		BinomialCDF(k, n, x)
		BinomialSF(k, n, x)
		BinomialPMF(k, n, x)
	})
}

// everyEstimate lists the estimates with typical arguments.
func everyEstimate(r Reliability) map[string]func() (Estimate, bool) {
	return map[string]func() (Estimate, bool){
		"mean score": r.MeanScore, "label rate": r.LabelRate, "label coverage": r.LabelCoverage, "bias": r.Bias, "brier": r.Brier,
		"log loss": r.LogLoss, "auc": r.ROCAUC, "accuracy": r.Accuracy, "precision": r.Precision, "recall": r.Recall,
		"specificity": r.Specificity, "f1": r.F1, "mcc": r.MCC, "spiegelhalter": r.SpiegelhalterZ,
		"cost":         func() (Estimate, bool) { return r.ExpectedCost(Costs{FP: 1, FN: 5}) },
		"ece width":    func() (Estimate, bool) { return r.ECEWidth(10) },
		"ece mass":     func() (Estimate, bool) { return r.ECEMass(10) },
		"ece debiased": func() (Estimate, bool) { return r.ECEDebiased(10) },
	}
}
