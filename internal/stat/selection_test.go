package stat

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// person is a prediction whose outcome is known to the simulation, and to the curve only where seen.
type person struct {
	score    float64 // a multiple of 1/64
	positive bool
	seen     bool
}

// half is where the simulations decide positive, in eighths and in distinct scores.
const (
	halfOfEighths  = 4
	halfOfDistinct = 32
)

func selectedCurve(people []person, bins int, bin func(float64) int) Reliability {
	var all, seen []event
	for _, p := range people {
		all = append(all, event{p.score, p.positive})
		if p.seen {
			seen = append(seen, event{p.score, p.positive})
		}
	}
	r, whole := curveOf(seen, bins, bin), curveOf(all, bins, bin)
	r.N, r.S, r.S2 = whole.N, whole.S, whole.S2
	return r
}

func drawPeople(t *rapid.T, most int) []person {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) person {
		return person{float64(rapid.IntRange(0, 64).Draw(t, "s64")) / 64, rapid.Bool().Draw(t, "y"), rapid.Bool().Draw(t, "seen")}
	}), 1, most).Draw(t, "people")
}

// Every outcome that is known counts as many times as its bin has predictions by its outcomes: the oracle weights people one by one.
func TestReweightedIsTheWeightedMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people := drawPeople(t, 60)
		r := selectedCurve(people, 8, eighthBin)
		for b, n := range r.N { // where a bin has no outcome, others stand in: told apart below
			if n > 0 && r.Labels[b] == 0 {
				t.Skip()
			}
		}
		got, ok := r.Reweighted(1, halfOfEighths, false)
		if !ok {
			t.Fatalf("nothing of %+v", r)
		}
		var w, right, positive, brier, squares, n float64
		for _, p := range people {
			if !p.seen {
				continue
			}
			b := eighthBin(p.score)
			of := float64(r.N[b]) / float64(r.Labels[b])
			y := 0.
			if p.positive {
				y = 1
			}
			w, squares, n = w+of, squares+of*of, n+1
			positive += of * y
			brier += of * (p.score - y) * (p.score - y)
			if (p.score >= 0.5) == p.positive {
				right += of
			}
		}
		near := func(what string, e Estimate, ok bool, want float64) {
			if !ok || math.Abs(e.Value-want) > 1e-7 {
				t.Fatalf("%s is %v, %t, want %v", what, e.Value, ok, want)
			}
		}
		e, ok := got.Accuracy()
		near("accuracy", e, ok, right/w)
		e, ok = got.LabelRate()
		near("label rate", e, ok, positive/w)
		e, ok = got.Brier()
		near("Brier", e, ok, brier/w)
		if want := w * w / squares; math.Abs(got.Effective-want) > 1e-6*want {
			t.Fatalf("worth %v, want %v", got.Effective, want)
		}
		if got.Effective > n*(1+1e-9) {
			t.Fatalf("%v of %v outcomes are worth more than they are", got.Effective, n)
		}
	})
}

// Where all outcomes are known nothing is touched, bit for bit.
func TestReweightedLeavesWholeCurvesAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		people := drawPeople(t, 40)
		for i := range people {
			people[i].seen = true
		}
		r := selectedCurve(people, 65, distinctBin)
		got, ok := r.Reweighted(1, halfOfDistinct, false)
		if !ok || !slices.Equal(got.Pos, r.Pos) || !slices.Equal(got.LS2, r.LS2) || got.TP != r.TP || got.TN != r.TN || got.Effective != float64(len(people)) {
			t.Fatalf("%+v became %+v", r, got)
		}
		if s, _ := r.Selected(1); s.Uneven() {
			t.Fatal("a selection of everything")
		}
		u, _ := r.Unknown(1, halfOfDistinct, false)
		if iv, _ := u.Accuracy(); iv.Low != iv.High {
			t.Fatalf("nothing is unknown, and the accuracy is %+v", iv)
		}
	})
}

// Bins without outcomes: a few predictions are lent to the nearest bin of the same decision, many are too much to say anything.
func TestWeightsOfEmptyBins(t *testing.T) {
	for name, c := range map[string]struct {
		n      []float64
		labels []int64
		want   []float64 // nil: not ok
	}{
		"few, to the nearest":              {[]float64{10, 2, 10, 10}, []int64{5, 0, 5, 5}, []float64{2.4, 0, 2, 2}},
		"few, on the side of the decision": {[]float64{10, 10, 2, 10}, []int64{5, 5, 0, 5}, []float64{2, 2, 0, 2.4}},
		"three were to be expected":        {[]float64{10, 6, 10, 10}, []int64{5, 0, 5, 5}, nil},
		"a side without outcomes":          {[]float64{10, 10, 1, 0}, []int64{5, 5, 0, 0}, nil},
		"an empty bin":                     {[]float64{10, 10, 0, 10}, []int64{5, 5, 0, 5}, []float64{2, 2, 0, 2}},
		"none at all":                      {[]float64{1, 1, 0, 0}, []int64{0, 0, 0, 0}, nil},
		"outcomes of late predictions":     {[]float64{4, 10, 0, 10}, []int64{5, 5, 0, 5}, []float64{1, 2, 0, 2}},
	} {
		got, ok := Selection{N: c.n, Labels: c.labels}.Weights(2)
		if ok != (c.want != nil) {
			t.Errorf("%s: ok is %t", name, ok)
			continue
		}
		for b, want := range c.want {
			if math.Abs(got[b]-want) > 1e-12 {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
	}
}

// Of a simulated population, whose truth is known, outcomes are kept by a law of the score: what is known alone is off, re-weighted it isn't. The jackknife over days,
// as promises are judged by, holds the truth in 95 of 100 windows.
func TestReweightedFindsThePopulation(t *testing.T) {
	const windows, days, perDay = 600, 20, 150
	rng := rand.New(rand.NewPCG(8, 1))
	keep := func(s float64) float64 { return 0.15 + 0.8*s } // low scores are seldom looked into
	truths := map[string]float64{}
	metrics := map[string]func(Reliability) (Estimate, bool){
		"accuracy": Reliability.Accuracy, "recall": Reliability.Recall, "precision": Reliability.Precision, "brier": Reliability.Brier, "roc_auc": Reliability.ROCAUC,
		"label_rate": Reliability.LabelRate,
		"cost":       func(r Reliability) (Estimate, bool) { return r.ExpectedCost(Costs{FP: 1, FN: 4}) },
	}
	draw := func() person {
		s := float64(1+rng.IntN(63)) / 64
		return person{s, rng.Float64() < 0.1+0.7*s*s, rng.Float64() < keep(s)}
	}
	var population []event
	for range 400_000 {
		p := draw()
		population = append(population, event{p.score, p.positive})
	}
	all := curveOf(population, 65, distinctBin)
	for name, of := range metrics {
		e, _ := of(all)
		truths[name] = e.Value
	}
	held, raw, said := map[string]int{}, map[string]float64{}, 0
	for range windows {
		parts := make([]Reliability, days)
		for d := range parts {
			people := make([]person, perDay)
			for i := range people {
				people[i] = draw()
			}
			parts[d] = selectedCurve(people, 65, distinctBin)
		}
		whole := sumOf(parts, -1)
		st, ok := whole.Reweighted(1, halfOfDistinct, false)
		if !ok {
			continue
		}
		said++
		for name, of := range metrics {
			x, _ := of(st.Reliability)
			var without []float64
			for d := range parts {
				rest, ok := sumOf(parts, d).Reweighted(1, halfOfDistinct, false)
				if !ok {
					break
				}
				v, _ := of(rest.Reliability)
				without = append(without, v.Value)
			}
			lo, hi := math.Inf(-1), math.Inf(1)
			if len(without) == days {
				if b, ok := Jackknife(x.Value, int64(st.Effective), without, 0.05, lo, hi); ok && b.Low <= truths[name] && truths[name] <= b.High {
					held[name]++
				}
			}
			y, _ := of(whole)
			raw[name] += y.Value / windows
		}
	}
	if said < windows*95/100 {
		t.Errorf("too few to say in %d of %d windows", windows-said, windows)
	}
	for name := range metrics {
		share := 100 * float64(held[name]) / float64(said)
		t.Logf("%s: truth %.4f, held by %.1f %% of the bands; what is known alone says %.4f", name, truths[name], share, raw[name])
		if share < 92.5 || share > 97.5 {
			t.Errorf("%s: %.1f %% of the bands held", name, share)
		}
	}
	if math.Abs(raw["label_rate"]-truths["label_rate"]) < 0.05 {
		t.Error("the selection selects nothing: the test shows nothing")
	}
}

// sumOf adds curves up, but for one.
func sumOf(parts []Reliability, but int) Reliability {
	out := curveOf(nil, len(parts[0].N), distinctBin)
	for i, p := range parts {
		if i == but {
			continue
		}
		for _, of := range [][2][]int64{{out.N, p.N}, {out.S, p.S}, {out.S2, p.S2}, {out.Labels, p.Labels}, {out.Pos, p.Pos}, {out.LS, p.LS}, {out.LS2, p.LS2}, {out.PS, p.PS}} {
			for b, v := range of[1] {
				of[0][b] += v
			}
		}
		out.TP, out.FP, out.FN, out.TN = out.TP+p.TP, out.FP+p.FP, out.FN+p.FN, out.TN+p.TN
	}
	return out
}

// Only positives are reported, and a part of them has come: completed, the curve says what the whole population does.
func TestCompletedFindsThePopulation(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 2))
	const arrived = 0.7
	var all []event
	var people []person
	for range 200_000 {
		s := float64(1+rng.IntN(63)) / 64
		y := rng.Float64() < 0.6*s*s
		all = append(all, event{s, y})
		people = append(people, person{s, y, y && rng.Float64() < arrived})
	}
	whole := curveOf(all, 65, distinctBin)
	got, ok := selectedCurve(people, 65, distinctBin).Completed(1, arrived, halfOfDistinct, false)
	if !ok {
		t.Fatal("nothing")
	}
	for name, of := range map[string]func(Reliability) (Estimate, bool){
		"accuracy": Reliability.Accuracy, "recall": Reliability.Recall, "precision": Reliability.Precision, "specificity": Reliability.Specificity,
		"brier": Reliability.Brier, "roc_auc": Reliability.ROCAUC, "label_rate": Reliability.LabelRate,
	} {
		want, _ := of(whole)
		x, ok := of(got.Reliability)
		if !ok || math.Abs(x.Value-want.Value) > 5*want.SE/math.Sqrt(arrived)+1e-6 {
			t.Errorf("%s is %v, want %v +- %v", name, x.Value, want.Value, want.SE)
		}
	}
	if all, ok := selectedCurve(people, 65, distinctBin).Completed(1, 1, halfOfDistinct, false); !ok {
		t.Error("nothing")
	} else if x, _ := all.LabelRate(); x.Value > 0.75*float64(sumInts(whole.Pos))/float64(len(people)) {
		t.Errorf("late positives are counted: %v", x.Value)
	}
}

func sumInts(v []int64) (n int64) {
	for _, x := range v {
		n += x
	}
	return n
}

// Bounds are the smallest and largest of all ways in which the unknown outcomes may come: of few people all are tried.
func TestBoundsAreThoseOfEveryCompletion(t *testing.T) {
	costs := Costs{TP: -1, FP: 2, FN: 5, TN: 0.5}
	metrics := map[string]struct {
		of    func(Reliability) (Estimate, bool)
		bound func(Unknown) (Interval, bool)
	}{
		"accuracy": {Reliability.Accuracy, Unknown.Accuracy}, "label rate": {Reliability.LabelRate, Unknown.LabelRate}, "precision": {Reliability.Precision, Unknown.Precision},
		"recall": {Reliability.Recall, Unknown.Recall}, "specificity": {Reliability.Specificity, Unknown.Specificity}, "F1": {Reliability.F1, Unknown.F1},
		"cost": {
			func(r Reliability) (Estimate, bool) { return r.ExpectedCost(costs) },
			func(u Unknown) (Interval, bool) { return u.ExpectedCost(costs) },
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		people := drawPeople(t, 9)
		var hidden []int
		for i, p := range people {
			if !p.seen {
				hidden = append(hidden, i)
			}
		}
		u, ok := selectedCurve(people, 8, eighthBin).Unknown(1, halfOfEighths, false)
		if ok == (len(hidden) == len(people)) {
			t.Fatalf("ok is %t, and %d of %d are hidden", ok, len(hidden), len(people))
		}
		if !ok {
			t.Skip()
		}
		for name, m := range metrics {
			lo, hi := math.Inf(1), math.Inf(-1)
			always := true
			for way := range 1 << len(hidden) {
				var all []event
				for i, p := range people {
					y := p.positive
					if at := slices.Index(hidden, i); at >= 0 {
						y = way>>at&1 == 1
					}
					all = append(all, event{p.score, y})
				}
				x, ok := m.of(curveOf(all, 8, eighthBin))
				always = always && ok
				if ok {
					lo, hi = min(lo, x.Value), max(hi, x.Value)
				}
			}
			iv, ok := m.bound(u)
			if always && (!ok || math.Abs(iv.Low-lo) > 1e-9 || math.Abs(iv.High-hi) > 1e-9) {
				t.Fatalf("%s lies between %v and %v, not %+v (%t), of %+v", name, lo, hi, iv, ok, people)
			}
			if ok && (iv.Low > lo+1e-9 || iv.High < hi-1e-9) {
				t.Fatalf("%s may be %v to %v, outside %+v", name, lo, hi, iv)
			}
		}
	})
}

// A selection is called so where it matters and isn't chance; by chance alone it hardly ever is.
func TestUneven(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 3))
	count := func(share func(bin int) float64, n int) int {
		said := 0
		for range 1000 {
			s := Selection{N: make([]float64, 20), Labels: make([]int64, 20)}
			for range n {
				b := rng.IntN(20)
				s.N[b]++
				if rng.Float64() < share(b) {
					s.Labels[b]++
				}
			}
			if s.Uneven() {
				said++
			}
		}
		return said
	}
	if n := count(func(int) float64 { return 0.5 }, 200); n > 5 {
		t.Errorf("at random, 200: %d of 1,000", n)
	}
	if n := count(func(int) float64 { return 0.5 }, 5000); n > 0 {
		t.Errorf("at random, 5,000: %d of 1,000", n)
	}
	if n := count(func(b int) float64 { return 0.48 + 0.002*float64(b) }, 20_000); n > 0 {
		t.Errorf("too little to matter: %d of 1,000", n)
	}
	if n := count(func(b int) float64 { return 0.2 + 0.03*float64(b) }, 1000); n < 990 {
		t.Errorf("from 20 to 77 %%: %d of 1,000", n)
	}
	if n := count(func(b int) float64 { return 1 - 0.1*float64(b/15) }, 20_000); n > 0 {
		t.Errorf("nearly all: %d of 1,000", n)
	}
}
