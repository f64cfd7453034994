package plan_test

import (
	"math"
	"os"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

var day0 = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// sealed is a plan in force from a day on; edge makes it another plan, pages another policy.
func sealed(t interface{ Fatal(...any) }, day int, edge, pages float64) *plan.Plan {
	p := full()
	p.From, p.Columns[0].Layout.Edges[1], p.Policy.Pages = day0.AddDate(0, 0, day), edge, pages
	if err := p.Seal(); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestOnePlanIsInForceAtAnyTime(t *testing.T) {
	a, repriced, b := sealed(t, 0, 2, 1), sealed(t, 5, 2, 9), sealed(t, 10, 2.5, 9)
	again := sealed(t, 20, 2, 1)
	h := plan.History{}.With(b).With(again).With(a).With(repriced)
	for day, want := range map[int]*plan.Plan{-100: a, -1: a, 0: a, 4: a, 5: repriced, 9: repriced, 10: b, 19: b, 20: again, 999: again} {
		if got := h.At(plan.Micros(day0.AddDate(0, 0, day))); got != want {
			t.Errorf("on day %d plan %s under %g pages", day, got.Digest(), got.Policy.Pages)
		}
	}
	if got := h.At(plan.Micros(day0.AddDate(0, 0, 10)) - 1); got != repriced {
		t.Error("a microsecond before the boundary the next plan is in force")
	}
	eras := h.Eras()
	if len(eras) != 3 || len(eras[0].Policies) != 2 || eras[0].From != math.MinInt64 || eras[2].To != math.MaxInt64 {
		t.Fatalf("%d eras: %+v", len(eras), eras)
	}
	for i := range eras[:2] {
		if eras[i].To != eras[i+1].From {
			t.Errorf("era %d ends at %d, the next begins at %d", i, eras[i].To, eras[i+1].From)
		}
	}
	if g := h.Governed(a.Digest()); len(g) != 3 || g[2] != again {
		t.Errorf("%d policies of the first plan", len(g))
	}
	if h := h.With(sealed(t, 10, 3, 1)); len(h) != 4 || h[2].Digest() == b.Digest() {
		t.Error("a plan of the same From does not take the other's place")
	}
	if h := h.Without(b.From); len(h) != 3 || len(h.Eras()) != 1 {
		t.Errorf("without the second plan there are %d eras", len(h.Eras()))
	}
	if (plan.History{}).At(0) != nil || (plan.History{}).Last() != nil {
		t.Error("an empty history has a plan")
	}
}

// TestEveryMomentHasOneEra: eras tile event time, and the era that holds a moment is of the plan in force then.
func TestEveryMomentHasOneEra(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var h plan.History
		for range rapid.IntRange(1, 6).Draw(t, "plans") {
			h = h.With(sealed(t, rapid.IntRange(-3, 30).Draw(t, "day"), rapid.SampledFrom([]float64{2, 2.5, 3}).Draw(t, "edge"), rapid.SampledFrom([]float64{1, 2}).Draw(t, "pages")))
		}
		at := rapid.Int64Range(plan.Micros(day0.AddDate(0, 0, -10)), plan.Micros(day0.AddDate(0, 0, 40))).Draw(t, "at")
		held := 0
		for _, e := range h.Eras() {
			if e.Holds(at) {
				held++
				if e.Plan.Digest() != h.At(at).Digest() || e.Policies.At(at) != h.At(at) {
					t.Errorf("era of %s, in force %s", e.Plan.Digest(), h.At(at).Digest())
				}
			}
		}
		if held != 1 {
			t.Errorf("%d eras hold the moment", held)
		}
	})
}

func TestBoundary(t *testing.T) {
	quick := func(edge float64, pane time.Duration) *plan.Plan {
		p := full()
		p.Columns[0].Layout.Edges[1], p.TestPane = edge, pane
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	at := day0.Add(90 * time.Minute)
	for _, c := range []struct {
		at   time.Time
		a, b *plan.Plan
		want time.Time
	}{
		{at, quick(2, time.Hour), quick(2, time.Hour), day0.Add(2 * time.Hour)}, // only the policy changes
		{at, quick(2, time.Hour), quick(3, time.Hour), day0.AddDate(0, 0, 1)},
		{day0, quick(2, time.Hour), quick(3, time.Hour), day0},
		{at, quick(2, time.Hour), quick(3, 48*time.Hour), time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)},
	} {
		if got := plan.Boundary(c.at, c.a, c.b); !got.Equal(c.want) {
			t.Errorf("boundary after %s of panes of %s and %s: %s, want %s", c.at, c.a.TestPane, c.b.TestPane, got, c.want)
		}
	}
}

// TestCostsArePolicy: the cost of the reference at any prices is what counting it at those prices would have given.
func TestCostsArePolicy(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		share := rapid.Float64Range(0, 1)
		rows := make([][4]float64, rapid.IntRange(2, 12).Draw(t, "panes"))
		s := plan.Shares{Panes: len(rows)}
		for i := range rows {
			for j := range rows[i] {
				rows[i][j] = share.Draw(t, "share")
				s.Mean[j] += rows[i][j] / float64(len(rows))
			}
		}
		for _, r := range rows {
			for i := range r {
				for j := range r {
					s.Cov[i][j] += (r[i] - s.Mean[i]) * (r[j] - s.Mean[j]) / float64(len(rows)-1)
				}
			}
		}
		price := rapid.Float64Range(-100, 100)
		c := plan.Costs{TruePositive: price.Draw(t, "tp"), FalsePositive: price.Draw(t, "fp"), FalseNegative: price.Draw(t, "fn"), TrueNegative: price.Draw(t, "tn")}
		var mean, ss float64
		cost := make([]float64, len(rows))
		for i, r := range rows {
			cost[i] = r[0]*c.TruePositive + r[1]*c.FalsePositive + r[2]*c.FalseNegative + r[3]*c.TrueNegative
			mean += cost[i] / float64(len(rows))
		}
		for _, x := range cost {
			ss += (x - mean) * (x - mean)
		}
		m, ok := (&plan.View{Shares: &s}).Measured("expected_cost", &c)
		if sd := math.Sqrt(ss / float64(len(rows)-1)); !ok || m.Null.Panes != len(rows) || math.Abs(m.Null.Mean-mean) > 1e-9 || math.Abs(m.Null.SD-sd) > 1e-6 {
			t.Errorf("%+v, want mean %g, sd %g", m, mean, sd)
		}
	})
	v := plan.View{Metrics: map[string]plan.Measured{"expected_cost": {Value: 3}}}
	if m, ok := v.Measured("expected_cost", &plan.Costs{}); !ok || m.Value != 3 {
		t.Error("a plan of format 1 has lost its cost")
	}
	if _, ok := v.Measured("expected_cost", nil); ok {
		t.Error("there is a cost without prices")
	}
}

func TestPolicedKeepsWhatWasLearnt(t *testing.T) {
	p := sealed(t, 0, 2, 1)
	draft := full()
	draft.Contract, draft.Learns, draft.Policy.Costs = "sha256:other", "sha256:l2", &plan.Costs{Currency: "EUR", FalsePositive: 9}
	q, err := p.Policed(draft)
	if err != nil || q.Digest() != p.Digest() || q.Contract != "sha256:other" || q.Policy.Costs.FalsePositive != 9 || q.ReferenceRows != p.ReferenceRows {
		t.Errorf("%+v, %v", q, err)
	}
	draft.Policy.Calendar = []plan.Span{{From: day0, To: day0.AddDate(0, 0, 1)}}
	if _, err := p.Policed(draft); err == nil {
		t.Error("another calendar is taken for policy")
	}
}

// TestPlansOfEveryFormatAreRead: the golden files are plans as builds of their format published them.
func TestPlansOfEveryFormatAreRead(t *testing.T) {
	const now = "testdata/v8/plan.json"
	if *update {
		if err := os.WriteFile(now, append(encoded(t, full()), '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for file, format := range map[string]int{"testdata/v3/plan.json": 3, "testdata/v4/plan.json": 4, "testdata/v5/plan.json": 5, "testdata/v6/plan.json": 6, "testdata/v7/plan.json": 7, now: plan.Format} {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		p, err := plan.Read(b)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		want := full()
		if p.Format != format || p.Model != want.Model || !p.From.Equal(want.From) || len(p.Columns) != len(want.Columns) || p.Columns[0].Reference.N != want.Columns[0].Reference.N {
			t.Errorf("%s is read as %+v", file, p)
		}
		if format == plan.Format && string(encoded(t, want))+"\n" != string(b) {
			t.Errorf("%s: plans of format %d are written otherwise now: that is a new format", file, format)
		}
	}
}
