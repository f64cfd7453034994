package fairness_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// protecting is a plan of two attributes and one more dimension.
func protecting() *plan.Plan {
	return &plan.Plan{
		Model: "m", Outcome: &plan.Projection{}, Score: &plan.Score{Edges: []float64{0.5}, Threshold: 0.5},
		Slices:   []plan.Dimension{{Name: "sex", Values: []string{"f", "m"}}, {Name: "race", Values: []string{"a", "b", "c"}}, {Name: "dept", Values: []string{"x", "y"}}},
		Fairness: &plan.Fairness{Attributes: []plan.Attribute{{Dim: 0, Privileged: "m", Against: 1}, {Dim: 1, Against: plan.Rest}}},
	}
}

func code(codes ...int) string {
	var b []byte
	for _, c := range codes {
		b = append(b, byte(c>>8), byte(c))
	}
	return string(b)
}

func add(t testing.TB, tally *fairness.Tally, slice string, decided, selected int64) {
	t.Helper()
	if err := tally.Set(slice, &sketch.Set{Decided: decided, Positive: selected}); err != nil {
		t.Fatal(err)
	}
}

func drawn(t *rapid.T, p *plan.Plan, label string) *fairness.Tally {
	out := fairness.NewTally(p)
	for i := range rapid.IntRange(0, 6).Draw(t, label) {
		slice := code(rapid.IntRange(0, 2).Draw(t, "sex"), rapid.IntRange(0, 3).Draw(t, "race"), rapid.SampledFrom([]int{0, 1, plan.NoValue}).Draw(t, "dept"))
		c := sketch.NewCurve(2)
		for range rapid.IntRange(0, 5).Draw(t, "outcomes") {
			c.Label(rapid.IntRange(0, 1).Draw(t, "bin"), int64(i)<<20, rapid.Bool().Draw(t, "decision"), rapid.Bool().Draw(t, "positive"), 1)
		}
		decided := rapid.Int64Range(0, 1000).Draw(t, "decided")
		set := &sketch.Set{Decided: decided, Positive: rapid.Int64Range(0, decided).Draw(t, "selected"), Curve: sketch.NewCurve(2)}
		if err := out.Set(slice, set); err != nil {
			t.Fatal(err)
		}
		if err := out.Outcomes(slice, truth.Binary{Curve: c}); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// Tallies add up in any order, and are read as they were written.
func TestTalliesMerge(t *testing.T) {
	t.Parallel()
	p := protecting()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawn(t, p, "a"), drawn(t, p, "b"), drawn(t, p, "c")
		left, right := a.Clone(), c.Clone()
		for _, err := range []error{left.Merge(b), left.Merge(c), right.Merge(b), right.Merge(a)} {
			if err != nil {
				t.Fatal(err)
			}
		}
		one, other := left.AppendBinary(nil), right.AppendBinary(nil)
		if !bytes.Equal(one, other) {
			t.Fatal("the order shows")
		}
		r := wire.NewReader(one)
		again, err := fairness.ReadTally(p, r)
		if err != nil || r.Close() != nil || !bytes.Equal(again.AppendBinary(nil), one) {
			t.Fatalf("read otherwise: %v", err)
		}
	})
}

// Damaged bytes are refused, and what is accepted is written as it was read.
func FuzzReadTally(f *testing.F) {
	p := protecting()
	t := fairness.NewTally(p)
	add(f, t, code(0, 1, 0), 10, 3)
	c := sketch.NewCurve(2)
	c.Label(1, 1<<29, true, true, 1)
	if err := t.Outcomes(code(1, 0, plan.NoValue), truth.Binary{Curve: c}); err != nil {
		f.Fatal(err)
	}
	f.Add(t.AppendBinary(nil))
	f.Add(fairness.NewTally(p).AppendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r := wire.NewReader(b)
		got, err := fairness.ReadTally(p, r)
		if err != nil || r.Close() != nil {
			return
		}
		again, err := fairness.ReadTally(p, wire.NewReader(got.AppendBinary(nil)))
		if err != nil || !bytes.Equal(again.AppendBinary(nil), got.AppendBinary(nil)) {
			t.Fatalf("not written as it was read: %v", err)
		}
		fairness.Describe(p, got, got) // whatever it holds, it is no reason to stop
	})
}

// groups are two groups with so many decisions; outcomes are counted like decisions.
func pairOf(k1, n1, k0, n0 int64) *fairness.Pair {
	return &fairness.Pair{Group: fairness.Group{Counts: fairness.Counts{Decided: n1, Selected: k1}}, Other: fairness.Counts{Decided: n0, Selected: k0}}
}

// The three states, by hand: the interval is Newcombe's method 10 of his own example (1998, table II, a: 56/70 - 48/80 is 0.2, 0.0524 to 0.3339).
func TestStates(t *testing.T) {
	t.Parallel()
	d, _ := fairness.Find("demographic_parity_difference")
	g, _ := d.Compare(pairOf(56, 70, 48, 80), 0.05)
	if math.Abs(g.Value-0.2) > 1e-12 || math.Abs(g.Low-0.0524) > 5e-5 || math.Abs(g.High-0.3339) > 5e-5 {
		t.Errorf("%+v", g)
	}
	if back, _ := d.Compare(pairOf(48, 80, 56, 70), 0.05); math.Abs(back.Low-g.Low) > 1e-12 || math.Abs(back.High-g.High) > 1e-12 || back.Signed != -g.Signed {
		t.Errorf("the other way round %+v", back)
	}
	ratio, _ := fairness.Find("demographic_parity_ratio")
	for _, c := range []struct {
		m              fairness.Metric
		k1, n1, k0, n0 int64
		want           fairness.State
	}{
		{ratio, 100, 1000, 200, 1000, fairness.Violated},
		{ratio, 200, 1000, 100, 1000, fairness.Violated}, // whoever is favoured
		{ratio, 160, 1000, 200, 1000, fairness.Undecided},
		{ratio, 1950, 10_000, 2000, 10_000, fairness.Kept},
		{ratio, 5, 99, 20, 100, fairness.TooFew},
		{ratio, 0, 100, 4, 100, fairness.TooFew}, // four expected
		{ratio, 0, 200, 20, 200, fairness.Violated},
		{ratio, 0, 0, 20, 200, fairness.Undefined},
		{d, 100, 1000, 300, 1000, fairness.Violated},
		{d, 195, 1000, 300, 1000, fairness.Undecided},
		{d, 290, 1000, 300, 1000, fairness.Kept},
		{d, 100, 100, 100, 100, fairness.TooFew}, // none expected that isn't selected
	} {
		g, s := c.m.Compare(pairOf(c.k1, c.n1, c.k0, c.n0), 0.05)
		if got := c.m.Judge(g, s, c.m.Limit); got != c.want {
			t.Errorf("%s of %d/%d and %d/%d: %s, want %s (%+v)", c.m.Name, c.k1, c.n1, c.k0, c.n0, got, c.want, g)
		}
	}
}

// Each metric compares what it says it does.
func TestMetricsOfOutcomes(t *testing.T) {
	t.Parallel()
	p := &fairness.Pair{
		Group: fairness.Group{Counts: fairness.Counts{TP: 120, FN: 280, FP: 80, TN: 520}},
		Other: fairness.Counts{TP: 240, FN: 160, FP: 120, TN: 480},
	}
	for name, want := range map[string]float64{
		"equal_opportunity_difference": -0.3, // 120/400 - 240/400
		"equalized_odds_difference":    -0.3, // the false positive rates differ by 80/600 - 120/600
		"predictive_parity_difference": 120./200 - 240./360,
		"false_omission_difference":    280./800 - 160./640,
	} {
		m, ok := fairness.Find(name)
		g, s := m.Compare(p, 0.05)
		if !ok || s != fairness.Undecided || math.Abs(g.Signed-want) > 1e-12 || math.Abs(g.Value-math.Abs(want)) > 1e-12 || g.Low > g.Value || g.High < g.Value {
			t.Errorf("%s: %+v %s, want %g", name, g, s, want)
		}
	}
	p.FP, p.TN = 0, 0
	m, _ := fairness.Find("equalized_odds_difference")
	if _, s := m.Compare(p, 0.05); s != fairness.Undefined {
		t.Errorf("without a negative outcome: %s", s)
	}
}

// The group others are compared with: the contract's, else the largest, else all others together.
func TestChoose(t *testing.T) {
	t.Parallel()
	p := protecting()
	tally := fairness.NewTally(p)
	add(t, tally, code(0, 2, 0), 500, 1)
	add(t, tally, code(1, 0, 0), 100, 1)
	add(t, tally, code(1, 1, 0), 300, 1)
	add(t, tally, code(1, plan.NoValue, 0), 5000, 1)
	fairness.Choose(p, tally)
	if a := p.Fairness.Attributes; a[0].Against != 1 || a[1].Against != 2 {
		t.Errorf("%+v", a)
	}
	if got := fairness.Against(p, []int{0, 1}); !cmp.Equal(got, []int{1, 2}) {
		t.Errorf("of the cross %v", got)
	}
	p.Fairness.Attributes[0].Privileged = "nobody"
	fairness.Choose(p, tally)
	if a := p.Fairness.Attributes; a[0].Against != 1 { // the largest
		t.Errorf("%+v", a)
	}
	// Many small groups: all others together.
	p.Slices[1].Values = strings.Split("a b c d e f", " ")
	even := fairness.NewTally(p)
	for i := range 6 {
		add(t, even, code(0, i, 0), 100, 10)
	}
	fairness.Choose(p, even)
	if a := p.Fairness.Attributes[1]; a.Against != plan.Rest {
		t.Errorf("%+v", a)
	}
	pairs := fairness.Pairs(even.By([]int{1}), fairness.Against(p, []int{1}))
	if len(pairs) != 6 || pairs[0].Other.Decided != 500 || pairs[0].Other.Selected != 50 {
		t.Errorf("%+v", pairs)
	}
}

// The admissions of Berkeley, autumn 1973, departments A and F (Bickel, Hammel & O'Connell 1975; R's UCBAdmissions): women did better in both, and worse in
// the sum of them.
func TestSimpson(t *testing.T) {
	t.Parallel()
	p := protecting()
	p.Fairness.Attributes = p.Fairness.Attributes[:1]
	tally := fairness.NewTally(p)
	add(t, tally, code(0, 0, 0), 108, 89)  // department A, women
	add(t, tally, code(1, 0, 0), 825, 512) // men
	add(t, tally, code(0, 0, 1), 341, 24)  // department F
	add(t, tally, code(1, 0, 1), 373, 22)
	got := fairness.Reversed(p, tally, 0)
	if len(got) != 1 || !strings.HasPrefix(got[0], "sex=f is selected less often than sex=m, but more often in each of 2 parts by dept") {
		t.Fatalf("%q", got)
	}
	add(t, tally, code(0, 1, 0), 100, 0) // and not where a part agrees
	add(t, tally, code(1, 1, 0), 10, 10)
	if got := fairness.Reversed(p, tally, 0); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// Mutual information of a table by hand: a column that is the attribute tells all of it, an independent one nothing.
func TestProxies(t *testing.T) {
	t.Parallel()
	p := protecting()
	p.Columns = []plan.Column{{Name: "same", Field: 0}, {Name: "none", Field: 1}, {Name: "some", Field: 2}, {Name: "sex", Field: 3}}
	p.Prediction.Roles = plan.NoRoles()
	sets := map[string]*sketch.Set{}
	for code1, bins := range map[int][4][2]int64{
		0: {{400, 0}, {100, 300}, {300, 100}, {400, 0}},
		1: {{0, 400}, {100, 300}, {100, 300}, {0, 400}},
	} {
		s := &sketch.Set{Columns: make([]sketch.Column, 4)}
		for i, b := range bins {
			s.Columns[i] = sketch.Column{N: b[0] + b[1], Bins: []int64{b[0], b[1]}}
		}
		sets[code(code1, 0, 0)] = s
	}
	got := fairness.Proxies(p, 0, sets)
	if len(got) != 2 || got[0].Column != 0 || got[1].Column != 2 {
		t.Fatalf("%+v", got)
	}
	// 1 - H(1/4) bits, less (4-2-2+1)/(2 x 800) nats; of a column that is the attribute two of the four cells are empty.
	h := -(0.25*math.Log2(0.25) + 0.75*math.Log2(0.75))
	chance := 1 / (1600 * math.Ln2)
	if math.Abs(got[0].Bits-(1+chance)) > 1e-8 || got[0].Share != 1 || math.Abs(got[1].Bits-(1-h-chance)) > 1e-8 || got[1].Share != got[1].Bits {
		t.Errorf("%+v, want %g and %g", got, 1+chance, 1-h-chance)
	}
}

// A small cross leans on its attributes' groups, a large one hardly.
func TestReportLeans(t *testing.T) {
	t.Parallel()
	p := protecting()
	tally := fairness.NewTally(p)
	for i, n := range []int64{120, 4000, 4000, 4000, 4000, 4000} {
		rate := []float64{0, 0.20, 0.30, 0.12, 0.40, 0.28}[i]
		add(t, tally, code(i%2, i/2, 0), n, int64(rate*float64(n)))
	}
	r := fairness.Describe(p, tally, tally)
	if len(r.Views) != 3 {
		t.Fatalf("%d views", len(r.Views))
	}
	v := r.Views[2]
	if len(v.Groups) != 6 || v.Against != nil {
		t.Fatalf("%+v", v)
	}
	for _, g := range v.Groups {
		moved := math.Abs(float64(*g.Shrunk - g.Rates.Selection))
		if small := g.Decided == 120; small != (moved > 0.01) {
			t.Errorf("%v of %d: %v shown as %v", g.Group, g.Decided, g.Rates.Selection, *g.Shrunk)
		}
	}
	var b bytes.Buffer
	fairness.Write(&b, r)
	if !strings.Contains(b.String(), "by sex x race, against all others together") {
		t.Error(b.String())
	}
}
