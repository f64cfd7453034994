package stat

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// everyBand are all bands that counts give, by name; ok ones only.
func everyBand(r Reliability, alpha float64) map[string]Band {
	out := map[string]Band{}
	for _, m := range BinaryMetrics() {
		if b, ok := m.Band(r, alpha); ok {
			out[m.Name] = b
		}
	}
	c := Costs{FP: 3, FN: 20, TP: -1}
	if b, ok := r.ExpectedCostBand(c, alpha); ok {
		out["expected_cost"] = b
	}
	if b, ok := r.Regret(2, c, alpha); ok {
		out["regret"] = b
	}
	if b, ok := r.CostBetweenBand(1, 3, c, alpha); ok {
		out["cost between"] = b
	}
	if m, ok := r.CostOfRecall(3, 0.01, c, alpha); ok {
		out["more recall"] = m.Cost
	}
	return out
}

// Whatever the counts, an interval is one, it holds its value unless it says that the value is biased, and a larger alpha gives no wider one.
func TestBandsAreIntervals(t *testing.T) {
	biased := map[string]bool{"regret": true}
	for _, m := range BinaryMetrics() {
		biased[m.Name] = m.Truth != ""
	}
	biased["ece_debiased"] = true // cut at 0 while its interval isn't
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		r := curveOf(events, 8, eighthBin)
		wide, tight := everyBand(r, 0.05), everyBand(r, 0.2)
		for name, b := range wide {
			if !(b.Low <= b.High) || math.IsNaN(b.Value) {
				t.Fatalf("%s: %+v", name, b)
			}
			if !biased[name] && (b.Value < b.Low-1e-9 || b.Value > b.High+1e-9) {
				t.Fatalf("%s: %+v does not hold its value", name, b)
			}
			if n := tight[name]; !b.Few && n.High-n.Low > b.High-b.Low+1e-9 {
				t.Fatalf("%s: %v..%v at 95 %%, %v..%v at 80 %%", name, b.Low, b.High, n.Low, n.High)
			}
		}
	})
}

// No counts, however senseless, make it panic, and what they say is a number.
func TestSenselessCountsGiveNoBand(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := func(name string) []int64 {
			return rapid.SliceOfN(rapid.Int64Range(-2, 5), 0, 4).Draw(t, name)
		}
		n := func(name string) int64 { return rapid.Int64Range(-2, 5).Draw(t, name) }
		r := Reliability{
			N: v("n"), S: v("s"), S2: v("s2"), Labels: v("labels"), Pos: v("pos"), LS: v("ls"), LS2: v("ls2"), PS: v("ps"),
			TP: n("tp"), FP: n("fp"), FN: n("fn"), TN: n("tn"),
		}
		for name, b := range everyBand(r, 0.05) {
			if math.IsNaN(b.Value) || math.IsNaN(b.Low) || math.IsNaN(b.High) {
				t.Fatalf("%s of %+v: %+v", name, r, b)
			}
		}
		r.ROCAUCBounds()
		r.AveragePrecisionBounds()
		r.LogLossBounds([]float64{0.5})
		r.DecidedAt(int(n("edge")))
		if b, ok := ScoreKS(r, r, 0.05); ok && b.Value != 0 {
			t.Fatalf("KS of a group and itself: %+v", b)
		}
		if b, ok := ScoreW1(r, r, 0.05); ok && b.Value != 0 {
			t.Fatalf("W1 of a group and itself: %+v", b)
		}
		c := Classes{K: int(n("k")), Counts: v("counts"), Ranks: v("ranks"), Curves: []Reliability{r, r}}
		for _, m := range ClassMetrics() {
			if b, ok := m.Band(c, 0.05); ok && (math.IsNaN(b.Value) || !(b.Low <= b.High)) {
				t.Fatalf("%s of %+v: %+v", m.Name, c, b)
			}
		}
		c.TopK(int(n("top")))
		c.Class(int(n("class")))
		cells := v("cells")
		MutualInformation(cells, int(n("rows")), int(n("columns")), 0.05)
		Stratify([]Stratum{{K1: n("k1"), N1: n("n1"), K2: n("k2"), N2: n("n2")}}, 0.05)
		e := Residuals{N: n("pairs"), Abs: 1, Square: 1, Counts: v("bins"), Middles: []float64{-1, 0, 1}, Intervals: n("intervals"), Covered: n("covered")}
		for _, m := range NumberMetrics() {
			if b, ok := m.Value(e); ok && math.IsNaN(b.Value) {
				t.Fatalf("%s of %+v: %+v", m.Name, e, b)
			}
			if m.Band != nil {
				if b, ok := m.Band(e, 0.05); ok && !(b.Low <= b.High) {
					t.Fatalf("%s of %+v: %+v", m.Name, e, b)
				}
			}
		}
	})
}

func TestMeansWithoutSkewnessHaveStudentsInterval(t *testing.T) {
	b := meanBand(Estimate{Value: 3, N: 50}, 4, 0, 0.05, math.Inf(-1), math.Inf(1))
	half := StudentQuantile(0.975, 49) * 2 / 7
	if math.Abs(b.Low-(3-half)) > 1e-12 || math.Abs(b.High-(3+half)) > 1e-12 || b.Few {
		t.Errorf("%+v, want 3 -+ %v", b, half)
	}
	// With large values rare on the right, more of the interval lies there.
	s := meanBand(Estimate{Value: 3, N: 50}, 4, 16, 0.05, math.Inf(-1), math.Inf(1))
	if !(s.High-3 > half && 3-s.Low < half) {
		t.Errorf("skewed to the right: %+v", s)
	}
}

func TestF1HasJaccardsInterval(t *testing.T) {
	r := Reliability{TP: 60, FP: 25, FN: 15, TN: 300}
	b, ok := r.fBetaBand(1, 0.05)
	lo, hi := Wilson(60, 100, 0.05)
	if !ok || math.Abs(b.Low-2*lo/(1+lo)) > 1e-12 || math.Abs(b.High-2*hi/(1+hi)) > 1e-12 {
		t.Errorf("%+v, want that of 60 of 100 as 2J/(1+J): %v..%v", b, 2*lo/(1+lo), 2*hi/(1+hi))
	}
	perfect := Reliability{TP: 50, TN: 50}
	if b, ok := perfect.fBetaBand(2, 0.05); !ok || b.Value != 1 || b.High != 1 || b.Low > 0.99 || b.Low < 0.8 {
		t.Errorf("F2 without an error: %+v", b)
	}
}

func TestFoldedNormalMoments(t *testing.T) {
	for _, c := range [][2]float64{{0, 1}, {0.3, 1}, {-2, 4}, {5, 0.25}} {
		sd := math.Sqrt(c[1])
		var m, v, mass float64
		for x := -12.; x <= 12; x += 1e-3 { // by sum
			w := math.Exp(-x * x / 2)
			y := math.Abs(c[0] + sd*x)
			mass, m, v = mass+w, m+w*y, v+w*y*y
		}
		m /= mass
		v = v/mass - m*m
		gotM, gotV := folded(c[0], c[1])
		if math.Abs(gotM-m) > 1e-5 || math.Abs(gotV-v) > 1e-5 {
			t.Errorf("folded%v = %v, %v, want %v, %v", c, gotM, gotV, m, v)
		}
	}
}

// The jackknife of a mean of parts of one size is the classical error of a mean.
func TestJackknifeOfAMean(t *testing.T) {
	x := []float64{3, 5, 4, 8, 1, 6, 7, 2, 5, 9, 4, 6}
	k := float64(len(x))
	m, variance := mean(x), 0.
	for _, v := range x {
		variance += (v - m) * (v - m) / (k - 1)
	}
	var left []float64
	for _, v := range x {
		left = append(left, (k*m-v)/(k-1))
	}
	b, ok := Jackknife(m, 360, left, 0.05, math.Inf(-1), math.Inf(1))
	half := StudentQuantile(0.975, k-1) * math.Sqrt(variance/k)
	if !ok || b.Few || math.Abs(b.High-m-half) > 1e-12 || math.Abs(m-b.Low-half) > 1e-12 {
		t.Errorf("%+v, want %v -+ %v", b, m, half)
	}
	if b, ok := Jackknife(m, 360, left[:2], 0.05, 0, 10); ok {
		t.Errorf("two parts: %+v", b)
	}
	if b, ok := Jackknife(m, 360, left[:5], 0.05, 0, 10); !ok || !b.Few || b.Low < 0 || b.High > 10 {
		t.Errorf("five parts: %+v", b)
	}
	left[3] = math.NaN()
	if b, ok := Jackknife(m, 360, left, 0.05, 0, 10); ok {
		t.Errorf("a part without the metric: %+v", b)
	}
}

func TestTopKNeedsItsRanks(t *testing.T) {
	c := Classes{K: 5, Ranks: []int64{50, 30, 20}}
	for k, want := range map[int]float64{1: 0.5, 2: 0.8, 5: 1} {
		if got, ok := c.TopK(k); !ok || math.Abs(got.Value-want) > 1e-12 {
			t.Errorf("top %d = %v, %v, want %v", k, got.Value, ok, want)
		}
	}
	for _, k := range []int{0, 3, 4, 6} {
		if got, ok := c.TopK(k); ok {
			t.Errorf("top %d of ranks 1, 2 and more = %v", k, got.Value)
		}
	}
}

// Of two classes the matrix is a binary model's.
func TestTwoClassesAreABinaryModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := func(name string) int64 { return rapid.Int64Range(1, 300).Draw(t, name) }
		r := Reliability{TP: n("tp"), FP: n("fp"), FN: n("fn"), TN: n("tn")}
		c := Classes{K: 2, Counts: []int64{r.TN, r.FP, r.FN, r.TP}}
		for name, pair := range map[string][2]func() (Estimate, bool){
			"mcc":               {r.MCC, c.MCC},
			"accuracy":          {r.Accuracy, c.Accuracy},
			"balanced accuracy": {r.BalancedAccuracy, c.BalancedAccuracy},
		} {
			a, _ := pair[0]()
			b, _ := pair[1]()
			if off(a.Value, b.Value, 1e-6) > 1e-9 || off(a.SE, b.SE, 1e-6) > 1e-6 {
				t.Fatalf("%s: %+v as binary, %+v as two classes", name, a, b)
			}
		}
	})
}

func TestMedianOfSizes(t *testing.T) {
	r := Residuals{N: 7, Abs: 1, Square: 1, Middles: []float64{-4, -1, 0, 2, 3}, Counts: []int64{1, 2, 1, 2, 1}}
	// Sizes: 0 1 1 2 2 3 4.
	if got, ok := r.MedianAbsolute(); !ok || got.Value != 2 {
		t.Errorf("median %v, %v, want 2", got.Value, ok)
	}
	r.Counts = []int64{1, 2, 1, 1, 1} // 0 1 1 2 3 4
	r.N = 6
	if got, ok := r.MedianAbsolute(); !ok || got.Value != 1.5 {
		t.Errorf("median %v, %v, want 1.5", got.Value, ok)
	}
}

func TestAveragePrecisionOfManyTies(t *testing.T) {
	// 100,000 positives tied with as many negatives: bounds by the integral against the sum.
	var sum float64
	const n = 100_000
	for k := 1.; k <= n; k++ {
		sum += (5 + k) / (5 + k + n)
	}
	if got := meanPrecision(5, n, n); math.Abs(got-sum) > 1e-6*sum {
		t.Errorf("mean precision %v, want %v", got, sum)
	}
}

func TestRanksOfEdges(t *testing.T) {
	r := curveOf([]event{{0.1, false}, {0.3, true}, {0.6, false}, {0.9, true}}, 8, eighthBin)
	var recalls []float64
	for e := range r.Edges() {
		d, ok := r.DecidedAt(e)
		if !ok {
			t.Fatalf("edge %d", e)
		}
		recall, _ := d.Recall()
		recalls = append(recalls, recall.Value)
	}
	if !slices.Equal(recalls, []float64{1, 1, 1, 0.5, 0.5, 0.5, 0.5, 0.5, 0}) {
		t.Errorf("recall by edge: %v", recalls)
	}
}
