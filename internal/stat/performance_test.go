package stat

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

type event struct {
	score   float64 // a multiple of 1/64
	outcome bool
}

// curveOf sums events into a reliability curve; bin gives the bin of a score.
func curveOf(events []event, bins int, bin func(score float64) int) Reliability {
	v := func() []int64 { return make([]int64, bins) }
	r := Reliability{N: v(), S: v(), S2: v(), Labels: v(), Pos: v(), LS: v(), LS2: v(), PS: v()}
	for _, e := range events {
		b := bin(e.score)
		s, s2 := int64(e.score*scoreScale), int64(e.score*e.score*scoreScale)
		r.N[b]++
		r.S[b] += s
		r.S2[b] += s2
		r.Labels[b]++
		r.LS[b] += s
		r.LS2[b] += s2
		if e.outcome {
			r.Pos[b]++
			r.PS[b] += s
		}
		switch {
		case e.score >= 0.5 && e.outcome:
			r.TP++
		case e.score >= 0.5:
			r.FP++
		case e.outcome:
			r.FN++
		default:
			r.TN++
		}
	}
	return r
}

func distinctBin(s float64) int { return int(s * 64) }
func eighthBin(s float64) int   { return min(int(s*8), 7) }

func drawEvents(t *rapid.T) []event {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) event {
		return event{score: float64(rapid.IntRange(0, 64).Draw(t, "s64")) / 64, outcome: rapid.Bool().Draw(t, "y")}
	}), 1, 40).Draw(t, "events")
}

// The area by counting pairs, and DeLong's error by its definition.
func TestAUCIsTheShareOfPairs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		for name, bin := range map[string]func(float64) int{"distinct": distinctBin, "eighths": eighthBin} {
			var pos, neg []int
			for _, e := range events {
				if e.outcome {
					pos = append(pos, bin(e.score))
				} else {
					neg = append(neg, bin(e.score))
				}
			}
			est, ok := curveOf(events, 65, bin).ROCAUC()
			if defined := len(pos) > 0 && len(neg) > 0; ok != defined {
				t.Fatalf("%s: ok %v with %d positives and %d negatives", name, ok, len(pos), len(neg))
			}
			if !ok {
				continue
			}
			won := 0.
			for _, p := range pos {
				for _, n := range neg {
					switch {
					case p > n:
						won++
					case p == n:
						won += 0.5
					}
				}
			}
			if want := won / float64(len(pos)*len(neg)); math.Abs(est.Value-want) > 1e-12 {
				t.Fatalf("%s: AUC %v, want %v", name, est.Value, want)
			}
			if (len(pos) > 1 && len(neg) > 1) == math.IsNaN(est.SE) {
				t.Fatalf("%s: SE %v with %d and %d", name, est.SE, len(pos), len(neg))
			}
		}
	})
}

// Scores and outcomes one by one against the sums; wide bins must not change what is stated to be exact.
func TestSumsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := drawEvents(t)
		n := float64(len(events))
		var brier, bias, z, zVar float64
		for _, e := range events {
			y := 0.
			if e.outcome {
				y = 1
			}
			brier += (e.score - y) * (e.score - y) / n
			bias += (y - e.score) / n
			z += (y - e.score) * (1 - 2*e.score)
			zVar += (1 - 2*e.score) * (1 - 2*e.score) * e.score * (1 - e.score)
		}
		for name, bin := range map[string]func(float64) int{"distinct": distinctBin, "eighths": eighthBin} {
			r := curveOf(events, 65, bin)
			got, ok := r.Brier()
			parts, _ := r.BrierParts()
			sum := parts.Reliability - parts.Resolution + parts.Uncertainty + parts.WithinVariance - parts.WithinCovariance
			if !ok || math.Abs(got.Value-brier) > 1e-12 || math.Abs(sum-brier) > 1e-12 {
				t.Fatalf("%s: Brier %v, sum of parts %v, want %v", name, got.Value, sum, brier)
			}
			if got, _ := r.Bias(); math.Abs(got.Value-bias) > 1e-12 {
				t.Fatalf("%s: bias %v, want %v", name, got.Value, bias)
			}
			if got, ok := r.SpiegelhalterZ(); name == "distinct" && ok && math.Abs(got.Value-z/math.Sqrt(zVar)) > 1e-9 {
				t.Fatalf("Spiegelhalter %v, want %v", got.Value, z/math.Sqrt(zVar))
			}
			for name, f := range everyEstimate(r) {
				if e, ok := f(); ok && (math.IsNaN(e.Value) || math.IsInf(e.Value, 0) || e.SE < 0 || e.N <= 0) {
					t.Fatalf("%s: %+v", name, e)
				}
			}
			wide, _ := r.ECEWidth(8)
			mass, _ := r.ECEMass(1)
			if wide.Value < 0 || wide.Value > 1 || math.Abs(mass.Value-math.Abs(bias)) > 1e-12 {
				t.Fatalf("%s: ECE %v, on one group %v, want the bias %v", name, wide.Value, mass.Value, bias)
			}
		}
	})
}

// Without outcomes, or with vectors that don't fit, there is no estimate at all.
func TestCurvesOfNothing(t *testing.T) {
	empty := curveOf(nil, 8, eighthBin)
	var zero Reliability
	ragged := curveOf([]event{{0.5, true}, {0.25, false}}, 8, eighthBin)
	ragged.Pos = ragged.Pos[:7]
	ragged.S = nil
	ragged.N = nil
	ragged.TP = -1
	contradiction := curveOf([]event{{0.5, true}}, 8, eighthBin)
	contradiction.Pos[4] = 2
	for name, r := range map[string]Reliability{"empty": empty, "zero": zero, "ragged": ragged} {
		for what, f := range everyEstimate(r) {
			if e, ok := f(); ok {
				t.Errorf("%s: %s = %+v", name, what, e)
			}
		}
		if _, ok := r.BrierParts(); ok {
			t.Errorf("%s: Brier parts", name)
		}
		if _, ok := r.CalibrationMap(); ok {
			t.Errorf("%s: calibration map", name)
		}
	}
	if e, ok := contradiction.Brier(); ok {
		t.Errorf("more positives than outcomes, but Brier %+v", e)
	}
	for _, k := range []int{-1, 0, maxGroups + 1} {
		if _, ok := empty.ECEWidth(k); ok {
			t.Errorf("ECE on %d groups", k)
		}
	}
}

func TestUndefinedMetricsSaySo(t *testing.T) {
	all := curveOf([]event{{0.25, true}, {0.125, true}}, 8, eighthBin) // positives only, all decided negative
	for name, f := range map[string]func() (Estimate, bool){"auc": all.ROCAUC, "precision": all.Precision, "specificity": all.Specificity, "mcc": all.MCC} {
		if e, ok := f(); ok {
			t.Errorf("%s of one class = %+v", name, e)
		}
	}
	if e, ok := all.Recall(); !ok || e.Value != 0 || e.N != 2 {
		t.Errorf("recall %+v, %v, want 0 of 2", e, ok)
	}
	for name, events := range map[string][]event{
		"one class":  {{0.25, true}, {0.5, true}},
		"one score":  {{0.25, true}, {0.25, false}},
		"separated":  {{0.25, false}, {0.75, true}},
		"separated2": {{0.125, false}, {0.25, false}, {0.5, true}, {0.75, true}},
	} {
		if m, ok := curveOf(events, 65, distinctBin).CalibrationMap(); ok {
			t.Errorf("%s: map %+v", name, m)
		}
	}
	if e, ok := all.ExpectedCost(Costs{FN: math.Inf(1)}); ok {
		t.Errorf("an infinite cost gives %+v", e)
	}
	sure := curveOf([]event{{0, true}, {1, false}}, 65, distinctBin)
	if e, ok := sure.LogLoss(); !ok || math.Abs(e.Value+math.Log(MinScore)) > 1e-6 {
		t.Errorf("log loss of certain and wrong scores %+v, want %v", e, -math.Log(MinScore))
	}
}

// Duplicating every event a million times changes no value, and divides every standard error by a thousand.
func TestLargeCountsKeepTheValues(t *testing.T) {
	const k = 1_000_000
	small := curveOf([]event{{0.125, false}, {0.25, false}, {0.25, true}, {0.5, false}, {0.75, true}, {0.875, true}, {0.75, false}, {0.625, true}}, 8, eighthBin)
	times := func(x []int64) []int64 {
		out := slices.Clone(x)
		for i := range out {
			out[i] *= k
		}
		return out
	}
	large := Reliability{
		N: times(small.N), S: times(small.S), S2: times(small.S2), Labels: times(small.Labels), Pos: times(small.Pos),
		LS: times(small.LS), LS2: times(small.LS2), PS: times(small.PS), TP: small.TP * k, FP: small.FP * k, FN: small.FN * k, TN: small.TN * k,
	}
	big := everyEstimate(large)
	for name, f := range everyEstimate(small) {
		a, ok := f()
		b, ok2 := big[name]()
		if !ok || !ok2 {
			t.Errorf("%s: %v, %v", name, ok, ok2)
			continue
		}
		switch name {
		case "ece debiased": // the correction shrinks with the counts
			continue
		case "spiegelhalter": // a test statistic grows with the root of the counts
			near(t, name, b.Value, a.Value*math.Sqrt(k), 1e-9)
			continue
		case "auc": // its error has divisors n-1
			near(t, name, b.Value, a.Value, 1e-12)
			continue
		}
		near(t, name, b.Value, a.Value, 1e-12)
		near(t, name+" SE", b.SE, a.SE/math.Sqrt(k), 1e-9)
	}
	p, _ := small.CalibrationMap()
	q, ok := large.CalibrationMap()
	if !ok {
		t.Fatal("no map on large counts")
	}
	near(t, "A", q.A, p.A, 1e-6)
	near(t, "B", q.B, p.B, 1e-6)
	near(t, "SE of B", q.SEB, p.SEB/math.Sqrt(k), 1e-6)
}

func TestCalibrationMapRecoversTheTruth(t *testing.T) {
	// Expected counts of a model whose log-odds are too extreme: logit P = 0.3 + 0.6 logit s.
	var r Reliability
	const n = 1 << 20
	for i := 1; i < 64; i++ {
		s := float64(i) / 64
		pos := int64(math.Round(n * Expit(0.3+0.6*Logit(s))))
		fx := int64(s * scoreScale)
		r.Labels = append(r.Labels, n)
		r.Pos = append(r.Pos, pos)
		r.LS = append(r.LS, n*fx)
		r.LS2 = append(r.LS2, n*int64(s*s*scoreScale))
		r.PS = append(r.PS, pos*fx)
	}
	m, ok := r.CalibrationMap()
	if !ok || math.Abs(m.A-0.3) > 1e-5 || math.Abs(m.B-0.6) > 1e-5 {
		t.Fatalf("map %+v, %v, want A 0.3, B 0.6", m, ok)
	}
	near(t, "the map at 0.25", m.At(0.25), Expit(0.3+0.6*Logit(0.25)), 1e-5)
	// The gap is systematic, so taking chance out of the calibration error must leave it standing.
	if e, ok := r.ECEDebiased(20); !ok || e.Value < 0.05 {
		t.Errorf("debiased ECE %+v, want clearly above 0", e)
	}
}

func TestOutcomeDispersion(t *testing.T) {
	if d := OutcomeDispersion(nil, nil, nil); d != 1 {
		t.Errorf("of nothing: %v", d)
	}
	if d := OutcomeDispersion([]float64{1, 2}, []float64{1}, []float64{0}); d != 1 {
		t.Errorf("without variance: %v", d)
	}
	// r = 3 every day: mean square 9, and no autocorrelation about the mean.
	y, p, v := make([]float64, 40), make([]float64, 40), make([]float64, 40)
	for i := range y {
		y[i], p[i], v[i] = 16, 10, 4
	}
	if d := OutcomeDispersion(y, p, v); math.Abs(d-9) > 1e-12 {
		t.Errorf("constant residual 3: %v, want 9", d)
	}
	// Blocks of ten days at +1 and -1: mean square 1, long positive autocorrelations.
	for i := range y {
		y[i] = 10 + 2*float64(1-2*(i/10%2))
	}
	if d := OutcomeDispersion(y, p, v); d < 3 {
		t.Errorf("blocks: %v, want well above 1", d)
	}
}
