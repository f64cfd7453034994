package detect

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

var update = flag.Bool("update", false, "write the golden files")

const day = 24 * time.Hour

// once fails where a pane is in the history twice.
func (r *rig) once(before ...endedPane) {
	r.t.Helper()
	whose := map[int64]string{}
	for _, e := range append(before, r.parts[0].panes...) {
		if other, twice := whose[e.pane.Start]; twice {
			r.t.Errorf("the pane at %s is of plan %s and of plan %s", plan.FromMicros(e.pane.Start), other, e.plan.Digest())
		}
		whose[e.pane.Start] = e.plan.Digest()
	}
}

// A former plan that comes back for panes that another has judged meanwhile doesn't judge them again, whatever comes of them and
// however often the detector is restarted; what was open is its own.
func TestPlanComesBackForPanesThatWereJudged(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	_, again := succeeded(t, 2, func(*plan.Plan) {})
	r := newRig(t, a, b)
	judged, open := again.From.Add(10*time.Minute), again.From.Add(day+10*time.Minute)
	r.fold(fixture.Start, r.counted(a, fixture.Start)...)
	r.fold(b.From, r.counted(b, b.From)...)
	r.fold(judged, r.counted(b, judged)...)
	r.fold(open, r.counted(b, open)...)
	done := r.parts[0].panes
	if last := done[len(done)-1]; last.pane.Start != plan.Micros(again.From) || last.plan.Digest() != b.Digest() {
		t.Fatalf("the last pane judged begins at %s, of plan %s", plan.FromMicros(last.pane.Start), last.plan.Digest())
	}
	r.commit()
	for range 2 {
		r = restarted(t, r, a, b, again)
		r.fold(open, r.counted(a, judged)...)
		r.fold(open, r.counted(a, open)...)
		r.commit()
	}
	r.fold(open.Add(30 * day))
	r.once(done...)
	if late := r.parts[0].engines[idOf(a)].Late(); late != 2 {
		t.Errorf("%d events of a judged pane are late, want 2", late)
	}
	if n := len(r.parts[0].panes); n != 1 || r.parts[0].panes[0].pane.Rows() != 2 || r.parts[0].panes[0].plan.Digest() != a.Digest() {
		t.Errorf("%d panes, want the one that was open, of the former plan, with two events", n)
	}
}

// Cohorts are handed out by one plan as panes are.
func TestPlanComesBackForCohortsThatWereJudged(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	_, again := succeeded(t, 2, func(*plan.Plan) {})
	r := newRig(t, a, b)
	of := func(p *plan.Plan, at time.Time) []record.Cell {
		var out []record.Cell
		for _, kind := range []record.Kind{record.OnTime, record.Labelled} {
			c := r.outcomes(kind, at, 5)
			c.Plan = p.Digest()
			out = append(out, c)
		}
		return out
	}
	later := again.From.Add(60 * day)
	r.joined(b.From, of(b, again.From)...)
	r.joined(later)
	if _, mature := r.parts[0].engines[idOf(b)].Reached(); mature <= plan.Micros(again.From) {
		t.Fatal("the cohort was not handed out")
	}
	r.commit()
	r = restarted(t, r, a, b, again)
	r.joined(later, of(a, again.From)...)
	r.joined(later.Add(60 * day))
	if late, n := r.parts[0].engines[idOf(a)].Late(), len(r.parts[0].engines[idOf(a)].TakeCohorts()); late != 5 || n != 0 {
		t.Errorf("%d outcomes are late and %d cohorts handed out, want 5 and none", late, n)
	}
}

// Outcomes that a cohort holds when another plan takes over there late are said to be missing, as events are; also of a cohort that
// waits for its truth pane to end, which the state must not name any longer.
func TestOutcomesOfAnotherPlanAreTold(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	long := *a
	long.TruthPane = 7 * a.TestPane
	if err := long.Seal(); err != nil {
		t.Fatal(err)
	}
	a = &long
	r := newRig(t, a)
	waits, open := b.From, b.From.Add(a.TestPane)
	for _, at := range []time.Time{b.From.Add(-a.TestPane), waits, open} {
		r.joined(b.From, r.outcomes(record.OnTime, at, 5), r.outcomes(record.Labelled, at, 7))
	}
	r.joined(waits.Add(a.TestPane + a.MatureAfter + a.Lateness))
	if _, mature := r.parts[0].engines[idOf(a)].Reached(); mature != plan.Micros(open) {
		t.Fatalf("handed out up to %s", plan.FromMicros(mature))
	}
	r.commit()
	r = restarted(t, r, a, b)
	var told []string
	for _, f := range r.parts[0].findings {
		told = append(told, fmt.Sprintf("%s %g from %s to %s: %s", f.Metric, f.Value, f.Window.Start.Sub(b.From), f.Window.End.Sub(b.From), f.Subject))
	}
	want := []string{
		fmt.Sprintf("outcomes_of_another_plan 7 from 0s to %s: plan %s", a.TestPane, a.Digest()),
		fmt.Sprintf("outcomes_of_another_plan 7 from %s to %s: plan %s", a.TestPane, 2*a.TestPane, a.Digest()),
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error("told (-want +got):", diff)
	}
	r.joined(b.From)
	r.commit()
	r = restarted(t, r, a, b)
	if n := len(r.parts[0].findings); n > 0 {
		t.Errorf("%d findings in another restart", n)
	}
}

// A plan that was known all along and that nothing has come of begins with its own first event, although others have walked on.
func TestPlanWithoutEventsBeginsWithItsOwn(t *testing.T) {
	a, b := succeeded(t, 1, func(p *plan.Plan) { p.Baseline += "2"; p.Lateness = 12 * time.Hour })
	r := newRig(t, a, b)
	r.fold(fixture.Start, r.counted(a, fixture.Start)...)
	r.fold(b.From.Add(10 * time.Hour))
	if closed, _ := r.parts[0].engines[idOf(a)].Reached(); closed <= plan.Micros(b.From) {
		t.Fatal("the first plan has not walked on")
	}
	r.commit()
	r = restarted(t, r, a, b)
	r.fold(b.From.Add(10*time.Hour), r.counted(b, b.From)...)
	if got := r.rows(b, b.From.Add(30*day)); got != 1 {
		t.Errorf("%d events, want 1", got)
	}
}

// The state of a build that wrote no past is read as before: a plan without a state begins where those before it ended.
func TestStateWithoutPast(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a)
	at := b.From.Add(10 * time.Minute)
	r.fold(at.Add(3*time.Hour), r.counted(a, at)...)
	r.commit()
	delete(r.parts[0].committed, pastKey(a.Model))
	r = restarted(t, r, a, b)
	r.fold(at.Add(3*time.Hour), r.counted(b, at)...)
	if late := r.parts[0].engines[idOf(b)].Late(); late != 1 {
		t.Errorf("%d events of a judged pane are late, want 1", late)
	}
}

// A model that was retired and comes back under another plan: what its plan of then has judged can't be read any more, and is known
// all the same.
func TestPastOfAPlanThatIsGone(t *testing.T) {
	a, b := succeeded(t, 1, anotherBaseline)
	r := newRig(t, a)
	r.fold(fixture.Start.Add(10*time.Minute), r.counted(a, fixture.Start.Add(10*time.Minute))...)
	r.fold(fixture.Start.Add(2 * day))
	done := r.parts[0].panes
	r.commit()
	r = restarted(t, r, b)
	r.fold(fixture.Start.Add(2*day), r.counted(b, fixture.Start.Add(10*time.Minute))...)
	r.fold(fixture.Start.Add(30 * day))
	r.once(done...)
	if late := r.parts[0].engines[idOf(b)].Late(); late != 1 || len(done) != 1 {
		t.Errorf("%d events late, want 1; %d panes before, want 1", late, len(done))
	}
}

// Whatever plans follow one another in whatever order they are heard of: a pane is taken from a plan where another was in force
// when it was judged, and nowhere else.
func TestPastSettles(t *testing.T) {
	const panes = 12
	plans := map[string]*plan.Plan{}
	for _, name := range []string{"a", "b", "c"} {
		p := *fixture.Build(t, fixture.Contract)
		p.Baseline = name
		if err := p.Seal(); err != nil {
			t.Fatal(err)
		}
		plans[name] = &p
	}
	histories := rapid.Custom(func(t *rapid.T) plan.History {
		var h plan.History
		for _, from := range rapid.SliceOfNDistinct(rapid.Int64Range(1, panes-1), 0, 4, rapid.ID).Draw(t, "from") {
			p := *plans[rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "plan")]
			p.From = plan.FromMicros(from)
			h = h.With(&p)
		}
		p := *plans[rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "first")]
		p.From = plan.FromMicros(0)
		return h.With(&p)
	})
	rapid.Check(t, func(t *rapid.T) {
		closed := map[string]int64{}
		reached := func(digest string) (int64, int64) {
			if c, ok := closed[digest]; ok {
				return c, record.NoTime
			}
			return record.NoTime, record.NoTime
		}
		h := histories.Draw(t, "history")
		p, taken := pastOf(h.Eras(), reached), [panes]bool{}
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			for _, pl := range plans {
				if rapid.Bool().Draw(t, "judges") {
					closed[pl.Digest()] = max(closed[pl.Digest()], rapid.Int64Range(0, panes).Draw(t, "closed"))
				}
			}
			stretches := p.panes
			p = pastOf(h.Eras(), reached)
			p.panes = stretches
			back, err := readPast(p.appendBinary(nil))
			if err != nil || !reflect.DeepEqual(back, p) {
				t.Fatalf("read back as %+v, was %+v: %v", back, p, err)
			}
			next := histories.Draw(t, "next")
			for pane := range int64(panes) {
				before := h.At(pane).Digest()
				if c, ok := closed[before]; ok && pane < c && next.At(pane).Digest() != before {
					taken[pane] = true
				}
			}
			p = back
			p.settle(next.Eras())
			h = next
			for pane := range int64(panes) {
				got := false
				for _, s := range p.panes {
					got = got || pane >= s.From && pane < s.To
				}
				if got != taken[pane] {
					t.Fatalf("pane %d: taken %t, want %t: %+v", pane, got, taken[pane], p.panes)
				}
			}
			if len(p.cohorts) > 0 {
				t.Fatalf("cohorts %+v", p.cohorts)
			}
		}
	})
}

// The past outlives the build that wrote it: what is written never changes.
func TestGoldenPast(t *testing.T) {
	p := &past{
		reigns: []reign{
			{"plan-a", math.MinInt64, 1_704_067_200_000_000, record.NoTime},
			{"plan-b", 1_704_067_200_000_000, record.NoTime, record.NoTime},
			{"plan-a", 1_704_153_600_000_000, 1_704_240_000_000_000, 1_704_200_000_000_000},
		},
		panes:   []window.Stretch{{From: math.MinInt64, To: -5}, {From: 7, To: 1_704_067_200_000_000}},
		cohorts: []window.Stretch{{From: 0, To: 1}},
	}
	file := filepath.Join("testdata", "v1", "past.bin")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, p.appendBinary(nil), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := readPast(b); err != nil || !reflect.DeepEqual(got, p) || !bytes.Equal(p.appendBinary(nil), b) {
		t.Errorf("read %+v, %v", got, err)
	}
}

func FuzzPast(f *testing.F) {
	b, err := os.ReadFile(filepath.Join("testdata", "v1", "past.bin"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add((&past{}).appendBinary(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := readPast(b)
		if err != nil {
			return
		}
		if n := len(p.reigns) + len(p.panes) + len(p.cohorts); n > len(b) {
			t.Fatal(fmt.Sprint(n, " parts of ", len(b), " bytes"))
		}
		again, err := readPast(p.appendBinary(nil))
		if err != nil || !reflect.DeepEqual(p, again) {
			t.Fatalf("%+v is read back as %+v, %v", p, again, err)
		}
	})
}
