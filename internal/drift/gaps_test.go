package drift_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// grouped is a plan of one attribute with three groups, the first of which the others are compared with, and what its reference of so many days counted: six
// hours hold perPane, 60 and 4 decisions.
func grouped(tb testing.TB, days, perPane int) (*plan.Plan, *fairness.Tally, []drift.Stretch) {
	tb.Helper()
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	p := &plan.Plan{
		Model: "m", Score: &plan.Score{}, Slices: []plan.Dimension{{Name: "sex", Values: []string{"a", "b", "c"}}},
		Fairness: &plan.Fairness{Attributes: []plan.Attribute{{}}}, Reference: plan.Span{From: start, To: start.AddDate(0, 0, days)},
		Policy: plan.Policy{Tickets: 4. / 30},
	}
	rng := rand.New(rand.NewPCG(5, 6))
	all := fairness.NewTally(p)
	var panes []drift.Stretch
	for i := range 4 * days {
		s := drift.Stretch{Start: plan.Micros(start.Add(time.Duration(i) * 6 * time.Hour)), Tally: fairness.NewTally(p)}
		s.End = s.Start + (6 * time.Hour).Microseconds()
		for code, n := range []int{perPane, 60, 4} {
			set := &sketch.Set{Decided: int64(n)}
			for range n {
				if rng.Float64() < []float64{0.3, 0.2, 0.25}[code] {
					set.Positive++
				}
			}
			if err := s.Tally.Set(string([]byte{0, byte(code)}), set); err != nil {
				tb.Fatal(err)
			}
		}
		if err := all.Merge(s.Tally); err != nil {
			tb.Fatal(err)
		}
		panes = append(panes, s)
	}
	return p, all, panes
}

// Gaps are learnt of groups that the reference holds enough of, with panes that hold enough of both; their weights together are the budget's.
func TestLearnGaps(t *testing.T) {
	t.Parallel()
	p, all, panes := grouped(t, 28, 300)
	var err error
	if p.Fairness.Growth, err = drift.LearnGaps(p, all, panes, nil); err != nil {
		t.Fatal(err)
	}
	gaps, err := drift.OpenGaps(p)
	if err != nil || len(gaps) != 1 {
		t.Fatalf("%d gaps, %v", len(gaps), err)
	}
	g := &gaps[0]
	if g.Code != 1 || g.Rate != drift.Selected || g.Need != 10 || g.Labels(p)["sex"] != "b" || math.Abs(g.Home()-math.Log(2./3)) > 0.1 || g.Usual() != 12 {
		t.Errorf("%+v, home %g, %g h", g, g.Home(), g.Usual())
	}
	if n, c := g.Count(p, panes[0].Tally); n != 360 || c[0].N != 60 || c[0].Base.N != 300 {
		t.Errorf("%d, %+v", n, c)
	}
	gather := g.Gather()
	for i, want := range []bool{false, true, false} {
		n, c := g.Count(p, panes[i].Tally)
		if _, ok, err := gather.Add(panes[i].Start, panes[i].End, n, c); err != nil || ok != want {
			t.Errorf("pane %d: %t, %v", i, ok, err)
		}
	}
	// A week is the least, and of days without anybody nothing is learnt.
	for _, c := range []struct{ days, perPane int }{{6, 300}, {28, 0}} {
		p, all, panes := grouped(t, c.days, c.perPane)
		if b, err := drift.LearnGaps(p, all, panes, nil); b != nil || err != nil {
			t.Errorf("%d days of %d: %d bytes, %v", c.days, c.perPane, len(b), err)
		}
	}
	if drift.OfInputs+float64(len(drift.TruthShares()))*drift.OfTruthShare+drift.OfGaps > 1-0.10-0.15 { // long windows and calibration have the rest
		t.Errorf("the parts of the budget of tickets are more than the whole")
	}
}

// All rates may fall alike; the ratio's variance is that of the usual ratio with the events that there are.
func TestAllFallAlike(t *testing.T) {
	t.Parallel()
	p, all, panes := grouped(t, 28, 300)
	var err error
	if p.Fairness.Growth, err = drift.LearnGaps(p, all, panes, nil); err != nil {
		t.Fatal(err)
	}
	gaps, err := drift.OpenGaps(p)
	if err != nil {
		t.Fatal(err)
	}
	at := plan.Micros(p.Reference.To)
	rng := rand.New(rand.NewPCG(7, 8))
	draw := func(n int, q float64) (k float64) {
		for range n {
			if rng.Float64() < q {
				k++
			}
		}
		return k
	}
	watch := func(q, base float64) (alarms int) {
		for range 40 {
			c := sequential.Counts{N: 120, Hits: draw(120, q), Base: sequential.Base{N: 600, Hits: draw(600, base)}}
			pane := sequential.Pane{Start: at, End: at + (12 * time.Hour).Microseconds(), N: 720, Counts: []sequential.Counts{c}}
			pane.Season[0] = 1
			step, err := gaps[0].Engine.Advance(&pane)
			if err != nil {
				t.Fatal(err)
			}
			at, alarms = pane.End, alarms+len(step.Alarms)
		}
		return alarms
	}
	if n := watch(0.10, 0.15); n != 0 {
		t.Errorf("%d alarms where both fell by half", n)
	}
	if n := watch(0.04, 0.15); n != 1 {
		t.Errorf("%d alarms where one fell", n)
	}
}

// Damaged bytes are refused, and what is accepted can be watched.
func FuzzOpenGaps(f *testing.F) {
	p, all, panes := grouped(f, 28, 300)
	b, err := drift.LearnGaps(p, all, panes, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:len(b)/2])
	f.Fuzz(func(t *testing.T, b []byte) {
		q := *p
		q.Fairness = &plan.Fairness{Attributes: p.Fairness.Attributes, Growth: bytes.Clone(b)}
		gaps, err := drift.OpenGaps(&q)
		if err != nil {
			return
		}
		for i := range gaps {
			if err := gaps[i].Govern(&q, len(gaps)); err != nil {
				t.Fatal(err)
			}
			gaps[i].Count(&q, all)
		}
	})
}
