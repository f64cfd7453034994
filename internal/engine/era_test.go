package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// absent is a plan that gives way to another at the start of a day and comes back later, or at once, under a policy of its own.
type absent struct {
	*world
	gives, back int
	again       *plan.Plan
}

func (w *world) absent(gives, back int, again func(*plan.Policy)) *absent {
	w.tb.Helper()
	q := *w.plan
	q.From = day(back)
	q.Policy.Promises = slices.Clone(q.Policy.Promises)
	again(&q.Policy)
	if err := q.Seal(); err != nil {
		w.tb.Fatal(err)
	}
	return &absent{w, gives, back, &q}
}

func (a *absent) away(us int64) bool {
	return us >= plan.Micros(day(a.gives)) && us < plan.Micros(day(a.back))
}

// own are epochs of so many hours, without what is counted under the other plan.
func (a *absent) own(hours int) (predictions, outcomes []epoch) {
	p, o := a.epochs(hours)
	for _, list := range [][]epoch{p, o} {
		for i := range list {
			list[i].cells = slices.DeleteFunc(list[i].cells, func(c record.Cell) bool { return a.away(c.Pane) })
		}
	}
	return p, o
}

// find judges epochs. Live, policies and the other plan are heard of as late as may be; a replay knows them.
func (a *absent) find(epochs []epoch, live, restarts bool) []finding.Finding {
	a.tb.Helper()
	p, found := a.start(), []finding.Finding{}
	reached := int64(0)
	for i := range epochs {
		if restarts && i%5 == 2 {
			p = a.restarted(p)
		}
		ep := &epochs[i]
		if ep.coverage != nil {
			reached = max(reached, ep.coverage.Watermark)
		}
		reigns, ways := plan.History{a.plan}, []int64(nil)
		if a.gives < a.back && (!live || reached >= plan.Micros(day(a.gives))) {
			ways = []int64{plan.Micros(day(a.gives))}
		}
		if !live || reached >= plan.Micros(day(a.back)) {
			reigns = append(reigns, a.again)
		}
		p.engine.Govern(reigns)
		p.engine.GivesWay(ways)
		found = a.feed(p, ep, found)
	}
	return found
}

// replays are the same stream in other cuts; all must find the same.
func (a *absent) replays(t *testing.T) []finding.Finding {
	t.Helper()
	p, o := a.own(6)
	found := a.find(interleave(p, o), true, false)
	want := told(found)
	for name, got := range map[string][]finding.Finding{
		"restarts":             a.find(interleave(p, o), true, true),
		"replay":               a.find(interleave(p, o), false, false),
		"replay, lane by lane": a.find(slices.Concat(p, o), false, false),
		"replay in one epoch":  a.find(interleave(a.own(24*1000)), false, false),
		"live, by the day":     a.find(interleave(a.own(24)), true, false),
	} {
		if d := cmp.Diff(want, told(got)); d != "" {
			t.Errorf("%s (-live +%s): %s", name, name, d)
		}
	}
	return found
}

// told says findings a line each, in an order of their own; the id stands for all that is not in the line.
func told(found []finding.Finding) []string {
	sorted := slices.SortedFunc(slices.Values(found), finding.Compare)
	out := []string{}
	for _, f := range sorted {
		out = append(out, fmt.Sprintf("%s %s %s%s: %s since %s, %s", stamp(f.At), f.Subject, f.Metric, sliced(&f), f.Verdict, stamp(f.Onset), f.ID))
	}
	return out
}

// inside complains of promises that are judged by a window of which not all was the plan's.
func (a *absent) inside(t *testing.T, found []finding.Finding) {
	t.Helper()
	gives, back := day(a.gives), day(a.back)
	for _, f := range found {
		if f.Verdict == finding.Superseded || f.Channel != "promise" && f.Channel != "fairness" && f.Channel != "fairness_outcomes" {
			continue
		}
		if f.Window.Start.Before(back) && f.Window.End.After(gives) {
			t.Errorf("judged %s to %s, and the other plan was in force from %s to %s: %v", stamp(f.Window.Start), stamp(f.Window.End), stamp(gives), stamp(back), lines([]finding.Finding{f}))
		}
	}
}

// story is what became of a metric's promise: each change.
func story(found []finding.Finding, metric string) []string {
	out := []string{}
	last := finding.Verdict("")
	for _, f := range found {
		if f.Metric == metric && f.Channel != "cost" && f.Verdict != last {
			out = append(out, fmt.Sprintf("%s%s %s", stamp(f.At), sliced(&f), f.Verdict))
			last = f.Verdict
		}
	}
	return out
}

// Promises on the service say nothing of the time of another plan, and begin anew when their plan is back.
func TestServicePromisesOfAPlanThatComesBack(t *testing.T) {
	t.Parallel()
	const gives, back = busyRef + 3, busyRef + 5
	samples := generate(35, busyRef+9, busy, func(s *sample, rng *rand.Rand) {
		if s.between(gives-1, back+1) {
			s.latency = 150
			s.lost = rng.IntN(3) == 0
		}
	})
	w := learn(t, busyRef, samples, costs+`
promises:
  - {metric: scoring_latency_p99, max: 100ms, over: 6h, then: page}
  - {metric: scoring_latency_p50, max: 100ms, over: 3d, then: page}
  - {metric: volume, min: 400, over: 6h, then: ticket}
  - {metric: freshness, max: 1h, over: 6h, then: ticket}
  - {metric: label_coverage, min: 90%, over: 1d, then: ticket}
`)
	a := w.absent(gives, back, func(*plan.Policy) {})
	found := a.replays(t)
	a.inside(t, found)
	for metric, want := range map[string][]string{
		"scoring_latency_p99_share_above": {"16d6h breach", "17d0h superseded", "19d6h breach", "20d6h equivalent"},
		"scoring_latency_p50_share_above": {},
		"volume":                          {},
		"freshness":                       {},
		"label_coverage":                  {"17d0h breach", "17d0h superseded", "20d0h breach", "21d0h equivalent"},
	} {
		if d := cmp.Diff(want, story(found, metric)); d != "" {
			t.Errorf("%s (-want +got): %s", metric, d)
		}
	}
}

// Coverage is judged under the policy in force: with its severity, until its end, and by the slices that it asks for since then, whoever comes to know of it when.
func TestCoverageUnderAnotherPolicy(t *testing.T) {
	t.Parallel()
	const from = busyRef + 4
	w := learn(t, busyRef, generate(36, busyRef+11, busy, func(s *sample, rng *rand.Rand) {
		s.lost = s.between(from-1, from+6) && rng.IntN(3) == 0
	}), costs+`
promises:
  - {metric: label_coverage, min: 90%, over: 1d, then: ticket}
`)
	a := w.absent(from, from, func(p *plan.Policy) {
		p.Promises[0].Then, p.Promises[0].Until = []string{"page"}, day(from+3)
		low := 0.8
		p.Promises = append(p.Promises, plan.Promise{Metric: "label_coverage", Min: &low, Over: 4 * 24 * time.Hour, By: []int{0}, Then: []string{"ticket"}})
	})
	got := []string{}
	for _, f := range a.replays(t) {
		if f.Metric != "label_coverage" {
			continue
		}
		got = append(got, fmt.Sprintf("%s%s %s %s", stamp(f.At), sliced(&f), f.Verdict, f.Severity))
		if len(f.Slice) == 0 {
			continue
		}
		var n int64
		for _, s := range w.samples { // since the promise is one
			if !s.at.Before(day(from)) && !s.at.Before(f.Window.Start) && s.at.Before(f.Window.End) && s.seg == f.Slice["seg"] {
				n++
			}
		}
		if f.N.Current != n {
			t.Errorf("%s to %s: of %d, want %d", stamp(f.Window.Start), stamp(f.Window.End), f.N.Current, n)
		}
	}
	slices.Sort(got)
	want := []string{
		"18d0h breach ticket", "19d0h breach page", "20d0h breach page", "21d0h breach page",
		"21d0h in seg=n breach ticket", "21d0h in seg=s breach ticket", "22d0h equivalent info",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// Promises on outcomes and on groups, and how fast their budgets burn, reach back over no other plan's time.
func TestPromisesOfAPlanThatComesBack(t *testing.T) {
	t.Parallel()
	const ref, gives, back = 70, 79, 82 // windows of a week begin on days 70, 77, 84
	w := learn(t, ref, generate(37, ref+36, 240, func(s *sample, rng *rand.Rand) {
		if s.between(ref+2, ref+21) {
			s.positive = s.positive != (rng.IntN(3) == 0)
			if s.seg == "s" && rng.Float64() < 0.85 {
				s.score *= 0.4
			}
		}
	}), costs+`protected: {seg: {privileged: n, justification: for the test}}
promises:
  - {metric: expected_cost, max: 15, over: 7d, then: ticket}
  - {metric: expected_cost, max: 20, over: 28d, then: page}
  - {metric: accuracy, min: 65%, over: 3d, then: ticket}
  - {metric: demographic_parity_ratio, min: 80%, over: 7d, by: [seg], then: page}
  - {metric: equal_opportunity_difference, max: 0.2, over: 7d, then: ticket}
`)
	a := w.absent(gives, back, func(*plan.Policy) {})
	found := a.replays(t)
	a.inside(t, found)
	var burns, weeks []finding.Finding
	for _, f := range found {
		switch f.Subject {
		case "promise: cost per decision at most 20 EUR":
			burns = append(burns, f)
		case "promise: cost per decision at most 15 EUR":
			weeks = append(weeks, f)
		}
	}
	for name, got := range map[string][2][]string{
		"burn rate": {{"75d0h breach", "79d0h superseded", "85d0h breach"}, story(burns, "expected_cost")},
		"a week":    {{"77d0h breach", "79d0h superseded", "91d0h breach", "98d0h equivalent"}, story(weeks, "expected_cost")},
		"3 days":    {{"77d0h breach", "79d0h superseded", "86d0h breach", "95d0h equivalent"}, story(found, "accuracy")},
		"decisions": {{"77d0h in seg=s breach", "79d0h in seg=s superseded", "91d0h in seg=s breach", "98d0h in seg=s equivalent"}, story(found, "demographic_parity_ratio")},
		"outcomes":  {{"77d0h in seg=s breach", "79d0h in seg=s superseded", "91d0h in seg=s breach", "98d0h in seg=s equivalent"}, story(found, "equal_opportunity_difference")},
	} {
		if d := cmp.Diff(got[0], got[1]); d != "" {
			t.Errorf("%s (-want +got): %s", name, d)
		}
	}
	// What trouble costs is counted anew, too: by hand, from the return on.
	var reference float64
	for i := range w.samples[:ref*240] {
		reference += w.samples[i].cost() / (ref * 240)
	}
	at := slices.IndexFunc(found, func(f finding.Finding) bool {
		return f.Channel == "cost" && f.Impact != nil && len(f.Slice) == 0 && !f.Window.Start.Before(day(back))
	})
	if at < 0 {
		t.Fatal("nothing was told of what it costs")
	}
	var spent float64
	for i := range w.samples {
		if s := &w.samples[i]; !s.at.Before(day(back)) && s.at.Before(found[at].Window.End) {
			spent += s.cost() - reference
		}
	}
	if !near(found[at].Impact.SoFar, spent, 0.006) {
		t.Errorf("%s: %v so far, by hand %.2f", stamp(found[at].At), found[at].Impact.SoFar, spent)
	}
}

// A plan that is back before its truth pane is over has outcomes of both eras in it. That shows in no cut and no order of lanes, and coverage, which knows no truth panes,
// ends with the era itself.
func TestATruthPaneOfTwoEras(t *testing.T) {
	t.Parallel()
	const ref, gives, back = 140, 150, 152
	w := learn(t, ref, generate(37, ref+36, 20, func(s *sample, rng *rand.Rand) {
		if s.between(ref+2, ref+21) {
			s.positive = s.positive != (rng.IntN(3) == 0)
			s.lost = rng.IntN(3) == 0
		}
	}), costs+`promises:
  - {metric: label_coverage, min: 90%, over: 2d, then: ticket}
  - {metric: label_coverage, min: 80%, over: 7d, then: ticket}
  - {metric: expected_cost, max: 20, over: 28d, then: page}
  - {metric: accuracy, min: 65%, over: 3d, then: ticket}
`)
	if w.plan.TruthPane != 7*24*time.Hour {
		t.Fatalf("truth panes of %s", w.plan.TruthPane)
	}
	a := w.absent(gives, back, func(*plan.Policy) {})
	found := a.replays(t)
	a.inside(t, found)
	if d := cmp.Diff([]string{"146d0h breach", "154d0h superseded", "158d0h breach", "164d0h equivalent"}, story(found, "accuracy")); d != "" {
		t.Errorf("accuracy: %s", d)
	}
	for _, f := range found {
		if f.Verdict == finding.Superseded && (f.Metric == "label_coverage") != f.At.Equal(day(gives)) {
			t.Errorf("%s is superseded at %s", f.Metric, stamp(f.At))
		}
	}
}
