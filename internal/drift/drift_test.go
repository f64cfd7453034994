package drift_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

func watched() *plan.Plan {
	day := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	ignore := plan.Ignore{Shift: 0.2, Spread: 0.1, Rate: 0.01}
	return &plan.Plan{
		Model: "m", Columns: []plan.Column{
			{Name: "income", Ignore: ignore, Layout: plan.Layout{Edges: []float64{1, 2}, Lo: 0, Hi: 3}},
			{Name: "fixed", Ignore: ignore, Layout: plan.Layout{Lo: 3, Hi: 3}},
			{Name: "never", Ignore: ignore, Layout: plan.Layout{Empty: true}},
			{Name: "region", Ignore: ignore, Layout: plan.Layout{Categorical: true, Categories: []string{"n", "s"}}, Reference: plan.Reference{Singles: 4}},
			{Name: "id", Ignore: ignore, Layout: plan.Layout{Categorical: true, Open: true}},
		},
		Rules:  []plan.Rule{{Name: "income"}}, // as a column is called
		Policy: plan.Policy{Tickets: 4. / 30, Floor: 0.005, Calendar: []plan.Span{{From: day, To: day.AddDate(0, 0, 1)}}},
	}
}

// What is constant or empty isn't watched; the others share the budget of inputs alike, by names that tell a rule from a column.
func TestWatch(t *testing.T) {
	p := watched()
	spec := drift.Watch(p)
	var names []string
	sum := 0.
	for i, s := range spec.Streams {
		names = append(names, s.Name)
		sum += s.Weight
		if at := drift.Streams(p)[i]; at.Subject(p) == "" {
			t.Errorf("%s has no subject", s.Name)
		}
	}
	if d := cmp.Diff([]string{"column income", "column region", "column id", "rule income", "volume volume"}, names); d != "" {
		t.Error(d)
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("the weights sum to %g", sum)
	}
	if want := 0.6 * 4. / 30 * sequential.Month / 24; math.Abs(spec.Budget-want) > 1e-12 {
		t.Errorf("a budget of %g a month, want %g", spec.Budget, want)
	}
	if len(spec.Calendar) != 1 || spec.Calendar[0].To-spec.Calendar[0].From != 24*time.Hour.Microseconds() {
		t.Errorf("calendar %+v", spec.Calendar)
	}
	f := spec.Streams[0].Floors
	if f.Shift != 0.2 || f.Spread != 0.1 || f.Rate != 0.01 || math.Abs(f.Shape-(math.Exp(0.16)-1)) > 1e-12 {
		t.Errorf("floors %+v", f)
	}
	if s := spec.Streams[1]; s.Kind != sequential.Categorical || s.Singles != 4 {
		t.Errorf("%+v", s)
	}
	p.Policy.Tickets = 0
	if b := drift.Watch(p).Budget; !(b > 0 && b < 0.01) {
		t.Errorf("no tickets at all are a budget of %g", b)
	}
}

// The engine's budget is what is in force, not what the contract asks for.
func TestWatchUnderACap(t *testing.T) {
	p := watched()
	p.Policy.Digest = "sha256:own"
	capped, err := p.Granted(budget.Grant{Rates: budget.Rates{Tickets: 1. / 30}, TicketsBy: budget.Fleet})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drift.Watch(capped).Budget, drift.Watch(p).Budget/4; math.Abs(got-want) > 1e-12 {
		t.Errorf("under a cap of a quarter the budget is %g a month, want %g", got, want)
	}
	lifted, err := capped.Granted(budget.Grant{Rates: capped.Policy.Asks()})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := drift.Watch(lifted).Budget, drift.Watch(p).Budget; got != want {
		t.Errorf("with the cap lifted the budget is %g a month, want %g", got, want)
	}
}

func TestCount(t *testing.T) {
	p := watched()
	set := sketch.NewSet(p)
	set.Rows = 10
	set.Rules[0] = 3
	set.Columns[0] = sketch.Column{N: 10, Missing: 1, Invalid: 2, Below: 1, Above: 2, Bins: []int64{3, 1, 3}}
	set.Columns[3] = sketch.Column{N: 10, New: 2, Bins: []int64{5, 3, 2}}
	set.Columns[4] = sketch.Column{N: 10, New: 9, Bins: []int64{10}}
	want := []sequential.Counts{
		{N: 10, Missing: 3, Below: 1, Above: 2, Bins: []int64{3, 1, 3}},
		{N: 10, New: 2, Bins: []int64{5, 3, 2}},
		{N: 10, Bins: []int64{10}}, // of an open vocabulary nothing is new
		{N: 10, Hits: 3},
		{N: 10},
	}
	if d := cmp.Diff(want, drift.Count(p, set)); d != "" {
		t.Error(d)
	}
}

// A reference of a few panes teaches nothing, and says so by nothing.
func TestLearnFromLittle(t *testing.T) {
	p := watched()
	p.Reference = plan.Span{From: plan.FromMicros(0), To: plan.FromMicros(40 * 24 * time.Hour.Microseconds())}
	var panes []drift.Pane
	for i := range 13 {
		set := sketch.NewSet(p)
		set.Rows = 300
		start := int64(i) * 24 * time.Hour.Microseconds()
		panes = append(panes, drift.Pane{Start: start, End: start + 24*time.Hour.Microseconds(), Set: set})
	}
	if b, err := drift.Learn(p, panes); b != nil || err != nil {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	panes[3], panes[4] = panes[4], panes[3]
	if _, err := drift.Learn(p, panes); err == nil {
		t.Error("panes out of order teach something")
	}
}

// Declared odd days teach nothing, and where they leave too little, nothing is learnt: which is no error.
func TestLearnBesideOddDays(t *testing.T) {
	day := 24 * time.Hour.Microseconds()
	for _, c := range []struct{ days, odd, least int }{{20, 0, 1}, {20, 3, 1}, {20, 7, 0}, {14, 1, 0}, {28, 28, 0}} {
		p := watched()
		p.Reference = plan.Span{From: plan.FromMicros(0), To: plan.FromMicros(int64(c.days) * day)}
		p.Policy.Calendar = nil
		var panes []drift.Pane
		for i := range int64(c.days) {
			set := sketch.NewSet(p)
			set.Rows = 300 + i%3
			for at := range set.Columns {
				n := &set.Columns[at]
				n.N = set.Rows
				if len(n.Bins) > 0 {
					n.Bins[0], n.Bins[len(n.Bins)-1] = set.Rows/2, n.Bins[len(n.Bins)-1]+set.Rows-set.Rows/2
				}
				if len(n.Bins) == 1 {
					n.Bins[0] = set.Rows
				}
			}
			panes = append(panes, drift.Pane{Start: i * day, End: (i + 1) * day, Set: set})
			if i < int64(c.odd) { // an hour of each
				p.Policy.Calendar = append(p.Policy.Calendar, plan.Span{From: plan.FromMicros(i*day + day/2), To: plan.FromMicros(i*day + day/2 + day/24)})
			}
		}
		b, err := drift.Learn(p, panes)
		if err != nil || (len(b) > 0) != (c.least > 0) {
			t.Errorf("%d days, %d odd: %d bytes, %v", c.days, c.odd, len(b), err)
		}
		// Half days at the ends of a reference are none.
		p.Reference.From, p.Reference.To = p.Reference.From.Add(time.Hour), p.Reference.To.Add(-time.Hour)
		if c.days == 20 && c.odd == 0 {
			if whole, err := drift.Learn(p, panes[1:19]); err != nil || len(whole) == 0 {
				t.Errorf("18 days: %d bytes, %v", len(whole), err)
			} else if cut, err := drift.Learn(p, panes); err != nil || !bytes.Equal(cut, whole) {
				t.Errorf("18 of 20 days: %d bytes, %v", len(cut), err)
			}
		}
	}
}
