package engine_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// ended is what an engine has handed over of a stream, in order.
type ended struct {
	panes   []*window.Pane
	cohorts []ripe
}

type ripe struct {
	start  int64
	known  truth.Counts
	groups *fairness.Tally
}

func (w *world) ended() ended {
	w.tb.Helper()
	var out ended
	p := w.start()
	epochs := interleave(w.epochs(24))
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		out.panes = append(out.panes, p.engine.TakeEnded()...)
		for _, co := range p.engine.TakeCohorts() {
			known, err := co.Revised(w.plan, nil, nil)
			if err != nil {
				w.tb.Fatal(err)
			}
			groups, err := engine.GroupsOf(w.plan, co)
			if err != nil {
				w.tb.Fatal(err)
			}
			out.cohorts = append(out.cohorts, ripe{co.Start, known, groups})
		}
	}
	return out
}

func shown(tb testing.TB, w *engine.Windows) []engine.WindowSnapshot {
	tb.Helper()
	s, err := w.Show()
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// near holds a against b with so much relative error, NaN against NaN.
func near(a finding.Number, b, within float64) bool {
	if math.IsNaN(b) {
		return math.IsNaN(float64(a))
	}
	return math.Abs(float64(a)-b) <= within*max(1, math.Abs(b))
}

// After every pane each window shows what the events themselves say of the time it covers.
func TestWindowsShowTheirEvents(t *testing.T) {
	w := learn(t, busyRef, generate(3, busyRef+12, busy, func(s *sample, _ *rand.Rand) {
		if s.between(busyRef+3, busyRef+5) {
			s.x++
		}
		if s.between(busyRef+4, busyRef+6) {
			s.r = math.NaN()
		}
	}), costs+"watch:\n  windows: [7d, 6h, 1d]\n")
	if want := []time.Duration{7 * 24 * time.Hour, 6 * time.Hour, 24 * time.Hour}; !slices.Equal(w.plan.Policy.Windows, want) {
		t.Fatalf("the plan shows %v, want %v", w.plan.Policy.Windows, want)
	}
	test := w.plan.TestPane
	step := test * time.Duration((7*24*time.Hour/test+31)/32)
	if test != 3*time.Hour || step != 6*time.Hour {
		t.Fatalf("test panes of %s and steps of %s: the test wants both to differ", test, step)
	}
	ws := engine.NewWindows()
	if s := shown(t, ws); s != nil {
		t.Errorf("before the first pane: %+v", s)
	}
	for _, pane := range w.ended().panes {
		if err := ws.Pane(w.plan, pane); err != nil {
			t.Fatal(err)
		}
		all := shown(t, ws)
		if len(all) != 3 || all[0].Over != "6h" || all[1].Over != "1d" || all[2].Over != "1w" {
			t.Fatalf("windows %+v", all)
		}
		for i, over := range []time.Duration{6 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour} {
			got := all[i]
			if !got.Pane.End.Equal(plan.FromMicros(pane.End)) || got.Pane.Start.Sub(start)%step != 0 {
				t.Fatalf("the %s that end at %s: %+v", got.Over, plan.FromMicros(pane.End), got.Pane)
			}
			if covers := got.Pane.End.Sub(got.Pane.Start); covers > max(over, step) || covers <= over-step {
				t.Fatalf("%s covers %s", got.Over, covers)
			}
			w.check(t, &got)
		}
	}
}

// check holds a window against the events in it.
func (w *world) check(t *testing.T, got *engine.WindowSnapshot) {
	t.Helper()
	var x, r []float64
	rows, cats := 0, map[string]bool{}
	for i := range w.samples {
		s := &w.samples[i]
		if s.at.Before(got.Pane.Start) || !s.at.Before(got.Pane.End) {
			continue
		}
		rows++
		x, cats[s.cat] = append(x, s.x), true
		if !math.IsNaN(s.r) {
			r = append(r, s.r)
		}
	}
	column := func(name string) *engine.ColumnInWindow {
		return &got.Columns[slices.IndexFunc(got.Columns, func(c engine.ColumnInWindow) bool { return c.Name == name })]
	}
	if got.Rows != int64(rows) || column("cat").Rows != int64(rows) || column("cat").Distinct != int64(len(cats)) {
		t.Fatalf("%s to %s: %d rows, %d texts; want %d, %d", got.Pane.Start, got.Pane.End, got.Rows, column("cat").Distinct, rows, len(cats))
	}
	mean, sd := moments(x)
	if c := column("x"); !near(c.Mean, mean, 1e-9) || !near(c.SD, sd, 1e-9) || c.Missing != 0 {
		t.Fatalf("x: %+v; want mean %g, sd %g of %d", *c, mean, sd, rows)
	}
	slices.Sort(x)
	if q := float64(column("x").Quantile["p50"]); q < x[rows*45/100] || q > x[rows*55/100] {
		t.Fatalf("the median of x is %g, not %g", q, x[rows/2])
	}
	mean, sd = moments(r)
	if c := column("r"); !near(c.Mean, mean, 1e-9) || !near(c.SD, sd, 1e-9) || !near(c.Missing, 1-float64(len(r))/float64(rows), 1e-9) {
		t.Fatalf("r: %+v; want mean %g, sd %g of %d in %d", *c, mean, sd, len(r), rows)
	}
	at := slices.IndexFunc(w.plan.Columns, func(c plan.Column) bool { return c.Name == "x" })
	bins := make([]int64, w.plan.Columns[at].Layout.Bins())
	for _, v := range x {
		bins[sketch.Bin(&w.plan.Columns[at].Layout, v)]++
	}
	if c := column("x"); !near(c.PSI, stat.PSI(bins, w.plan.Columns[at].Reference.Bins), 1e-9) {
		t.Fatalf("psi of x is %g, want %g", c.PSI, stat.PSI(bins, w.plan.Columns[at].Reference.Bins))
	}
}

func moments(v []float64) (mean, sd float64) {
	if len(v) == 0 {
		return math.NaN(), math.NaN()
	}
	for _, x := range v {
		mean += x / float64(len(v))
	}
	for _, x := range v {
		sd += (x - mean) * (x - mean) / float64(len(v))
	}
	return mean, math.Sqrt(sd)
}

// Outcomes are shown as they are known now: a cohort that is revised replaces what was known of it.
func TestWindowsReviseOutcomes(t *testing.T) {
	w := learn(t, busyRef, generate(5, busyRef+9, busy, nil), costs)
	all := w.ended()
	ws := engine.NewWindows()
	for _, pane := range all.panes {
		if err := ws.Pane(w.plan, pane); err != nil {
			t.Fatal(err)
		}
	}
	revised := len(all.cohorts) - 4
	want := truth.New(w.plan)
	for i, co := range all.cohorts {
		if i == revised { // known before as something else, twice
			for range 2 {
				if err := ws.Cohort(w.plan, co.start, all.cohorts[0].known); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := ws.Cohort(w.plan, co.start, co.known); err != nil {
			t.Fatal(err)
		}
		if i >= len(all.cohorts)-8 { // a day of three hours each
			if err := want.Merge(co.known); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := shown(t, ws)[0].Truth
	if got == nil || got.Labels != want.Labels() || got.Pane.End.Sub(got.Pane.Start) != 24*time.Hour {
		t.Fatalf("%+v, want %d labels", got, want.Labels())
	}
	if l := got.Labelled; len(l) != 1 || l[0].Predictions != want.Labels() || l[0].Labels != want.Labels() || l[0].Share != 1 || l[0].Selective || len(l[0].ByScore) != w.plan.Score.Bins() || len(l[0].Bands) != 4 || l[0].States != "" {
		t.Errorf("all have an outcome: %+v", l)
	}
	brier, _ := engine.Find(plan.TwoClasses, "brier")
	if v, _ := brier.Value(want, w.plan.Policy.Costs); !near(got.Metrics["brier"], v, 1e-9) || v < 0.05 {
		t.Errorf("brier %g, want %g", got.Metrics["brier"], v)
	}
}

// Panes of two plans can't be added up: with the first pane under another plan windows begin anew, and what comes late of the former
// one is left out.
func TestWindowsBeginAnewWithAPlan(t *testing.T) {
	w := learn(t, busyRef, generate(7, busyRef+4, busy, nil), costs)
	other := *w.plan
	other.Baseline += "2"
	if err := other.Seal(); err != nil {
		t.Fatal(err)
	}
	panes := w.ended().panes
	ws := engine.NewWindows()
	n := len(panes)
	for _, pane := range panes[:n-3] {
		if err := ws.Pane(w.plan, pane); err != nil {
			t.Fatal(err)
		}
	}
	if before := shown(t, ws)[1].Rows; before <= 3*panes[0].Rows() {
		t.Fatalf("%d rows in a week", before)
	}
	for _, of := range []struct {
		p    *plan.Plan
		pane *window.Pane
	}{{&other, panes[n-2]}, {w.plan, panes[n-3]}, {&other, panes[n-1]}} {
		if err := ws.Pane(of.p, of.pane); err != nil {
			t.Fatal(err)
		}
	}
	want := panes[n-2].Rows() + panes[n-1].Rows()
	for _, s := range shown(t, ws) {
		if s.Rows != want {
			t.Errorf("%s: %d rows, want %d", s.Over, s.Rows, want)
		}
	}
	if d := cmp.Diff(w.plan.Policy.Shown(), []time.Duration{24 * time.Hour, 7 * 24 * time.Hour}); d != "" || w.plan.Policy.Windows != nil {
		t.Error("a plan without windows shows a day and a week:", d)
	}
}
