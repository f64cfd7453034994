package baseline_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// learnt is a baseline whose x are the values, at equal distances.
func learnt(tb testing.TB, values []float64, cats []string) *plan.Plan {
	tb.Helper()
	rows := steady(1, len(values))
	for i := range rows {
		rows[i].x = values[i]
		if cats != nil {
			rows[i].cat = cats[i]
		}
	}
	return build(tb, draft(tb, 1, ""), rows)
}

func differenceOf(tb testing.TB, a, b *plan.Plan, column string) baseline.Difference {
	tb.Helper()
	list := baseline.Diff(a, b)
	at := slices.IndexFunc(list, func(d baseline.Difference) bool { return d.Column == column })
	if at < 0 {
		tb.Fatalf("no %s among %d columns", column, len(list))
	}
	return list[at]
}

// The distance is never more than the Kolmogorov-Smirnov distance of all values, and no less than that less a bin of either side.
func TestDiffOfNumbersIsCertain(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(r, "seed"), 1))
		draw := func(name string) []float64 {
			n := rapid.IntRange(40, 400).Draw(r, name)
			shift, scale, round := rng.NormFloat64(), math.Exp(rng.NormFloat64()/2), rng.IntN(2) == 0
			out := make([]float64, n)
			for i := range out {
				out[i] = shift + scale*rng.NormFloat64()
				if round {
					out[i] = math.Round(out[i])
				}
			}
			return out
		}
		x, y := draw("x"), draw("y")
		a, b := learnt(t, x, nil), learnt(t, y, nil)
		d := differenceOf(t, a, b, "x")
		share := func(of []float64, at float64) float64 {
			n := 0
			for _, v := range of {
				if v <= at {
					n++
				}
			}
			return float64(n) / float64(len(of))
		}
		ks := 0.
		for _, v := range slices.Concat(x, y) {
			ks = max(ks, math.Abs(share(x, v)-share(y, v)))
		}
		widest := 0.
		for _, p := range []*plan.Plan{a, b} {
			ref := p.Columns[0].Reference
			widest = max(widest, float64(slices.Max(ref.Bins))/float64(ref.N))
		}
		if d.Distance > ks+1e-12 || d.Distance < ks-2*widest-1e-12 {
			r.Fatalf("distance %v of values that are %v apart; widest bin %v", d.Distance, ks, widest)
		}
		if back := differenceOf(t, b, a, "x"); back.Distance != d.Distance {
			r.Fatalf("%v one way, %v the other", d.Distance, back.Distance)
		}
		if same := differenceOf(t, a, learnt(t, x, nil), "x"); same.Distance != 0 || !same.Same {
			r.Fatalf("the same values: %+v", same)
		}
	})
}

func TestDiffOfCategories(t *testing.T) {
	cats := func(n int, of ...string) (out []string) {
		for i := range n {
			out = append(out, of[i%len(of)])
		}
		return out
	}
	x := make([]float64, 400)
	a, b := learnt(t, x, cats(400, "a", "b")), learnt(t, x, cats(400, "a", "c"))
	d := differenceOf(t, a, b, "cat")
	if d.Distance != 0.5 || d.Same {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff([][]string{{"c"}, {"b"}}, [][]string{d.Appeared, d.Gone}); diff != "" {
		t.Error(diff)
	}
	d = differenceOf(t, a, learnt(t, x, cats(400, "a", "b", "b", "b")), "cat")
	if math.Abs(d.Distance-.25) > 1e-12 || len(d.Appeared)+len(d.Gone) != 0 {
		t.Errorf("a quarter moved from a to b: %+v", d)
	}
}

// Columns whose bins look alike are not the same if something else was learnt of them.
func TestDiffSeesWhatBinsDoNot(t *testing.T) {
	values := func(of ...float64) (out []float64) {
		for i := range 400 {
			out = append(out, of[i%len(of)])
		}
		return out
	}
	a, b := learnt(t, values(20, 40), nil), learnt(t, values(20, 80), nil)
	if d := differenceOf(t, a, b, "x"); d.Same || d.Distance != 0 || d.Mean != [2]float64{30, 50} {
		t.Errorf("%+v", d)
	}
	if got := baseline.Apart(a, b); len(got) != 0 {
		t.Errorf("%q", got)
	}
	c := learnt(t, values(20, 40), nil)
	c.Reference.To = c.Reference.To.AddDate(0, 0, 1)
	c.Columns[0].Ignore.Shift = 7
	c.Score.Labels++
	want := []string{"the reference range", "the score and what outcomes showed", "what the contract says of x"}
	if diff := cmp.Diff(want, baseline.Apart(a, c)); diff != "" {
		t.Error(diff)
	}
	digest, err := baseline.Digest(a)
	if err != nil || digest != a.Baseline {
		t.Errorf("digest %s, %v, want %s", digest, err, a.Baseline)
	}
	a.Columns[0].Reference.Mean++
	if digest, _ = baseline.Digest(a); digest == a.Baseline {
		t.Error("another mean, the same digest")
	}
}

// What only one side has, or has as another kind, is there without a distance.
func TestDiffOfOtherColumns(t *testing.T) {
	values := make([]float64, 100)
	for i := range values {
		values[i] = float64(i)
	}
	a, b := learnt(t, values, nil), learnt(t, values, nil)
	b.Columns[0].Name = "y"
	b.Columns[1].Layout.Categorical = false
	list := baseline.Diff(a, b)
	if len(list) != len(a.Columns)+1 {
		t.Fatalf("%d columns", len(list))
	}
	gone, kind, added := list[0], list[1], list[len(list)-1]
	if gone.Column != "x" || gone.After != nil || !math.IsNaN(gone.Mean[1]) || gone.Mean[0] != 49.5 || !math.IsNaN(gone.Distance) {
		t.Errorf("gone: %+v", gone)
	}
	if added.Column != "y" || added.Before != nil || !math.IsNaN(added.Missing[0]) || added.Missing[1] != 0 || !math.IsNaN(added.Distance) {
		t.Errorf("added: %+v", added)
	}
	if !math.IsNaN(kind.Distance) || kind.Same {
		t.Errorf("another kind: %+v", kind)
	}
}
