package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

const servicePromises = `
promises:
  - {metric: scoring_latency_p99, max: 100ms, over: 6h, then: page, agreed: [ops, shop], until: 2030-12-31}
  - {metric: scoring_latency_p50, max: 30ms, over: 6h, by: [seg], then: ticket}
  - {metric: volume, min: 400, over: 6h, then: ticket}
  - {metric: freshness, max: 1h, over: 6h, then: ticket}
  - {metric: label_coverage, min: 90%, over: 1d, then: ticket}
`

// served is a stream whose service goes wrong: it is slow for some on day 16, sends nothing for hours on day 18, and outcomes of day 19 are lost.
func served(tb testing.TB) *world {
	tb.Helper()
	samples := generate(31, busyRef+9, busy, func(s *sample, rng *rand.Rand) {
		switch {
		case s.between(16, 17) && s.seg == "n" && rng.IntN(2) == 0:
			s.latency = 150
		case s.between(19, 20) && rng.IntN(3) == 0:
			s.lost = true
		}
	})
	quiet := func(s sample) bool {
		return !s.at.Before(day(18).Add(2*time.Hour)) && s.at.Before(day(18).Add(5*time.Hour+10*time.Minute))
	}
	return learn(tb, busyRef, slices.DeleteFunc(samples, quiet), costs+servicePromises)
}

// brokenAt lists when windows of a promise were told broken, in days and hours, with their slice.
func brokenAt(findings []finding.Finding, metric string) []string {
	out := []string{}
	for _, f := range findings {
		if f.Channel == "promise" && f.Metric == metric && f.Verdict == finding.Breach {
			out = append(out, stamp(f.Window.Start)+sliced(&f))
		}
	}
	return out
}

func TestServicePromises(t *testing.T) {
	t.Parallel()
	w := served(t)
	found := w.run()
	// Every window by brute force over the events.
	slow := func(from, to time.Time, seg string, limit float64) (k, n int64) {
		for _, s := range w.samples {
			if !s.at.Before(from) && s.at.Before(to) && (seg == "" || s.seg == seg) {
				n++
				if s.latency > limit {
					k++
				}
			}
		}
		return k, n
	}
	p99, p50, few := []string{}, []string{}, []string{}
	for from := day(busyRef); from.Before(day(busyRef + 8)); from = from.Add(6 * time.Hour) {
		to := from.Add(6 * time.Hour)
		k, n := slow(from, to, "", 100)
		if lo, _ := stat.Wilson(k, n, 0.1); lo > 0.01 {
			p99 = append(p99, stamp(from))
		}
		if n < 400 {
			few = append(few, stamp(from))
		}
		for _, seg := range []string{"n", "s"} {
			k, n := slow(from, to, seg, 30)
			if lo, _ := stat.Wilson(k, n, 0.1); lo > 0.5 {
				p50 = append(p50, stamp(from)+" in seg="+seg)
			}
		}
	}
	if len(p99) != 4 || len(p50) != 4 || len(few) != 1 {
		t.Fatalf("the stream breaks %v, %v and %v", p99, p50, few)
	}
	for metric, want := range map[string][]string{
		"scoring_latency_p99_share_above": p99, "scoring_latency_p50_share_above": p50, "volume": few,
		"freshness": {"18d0h"}, "label_coverage": {"19d0h"},
	} {
		if d := cmp.Diff(want, brokenAt(found, metric)); d != "" {
			t.Errorf("%s (-want +got):\n%s", metric, d)
		}
	}
	kept := 0
	for _, f := range found {
		if f.Channel != "promise" {
			continue
		}
		if f.Verdict == finding.Equivalent {
			kept++
		}
		switch f.Metric {
		case "scoring_latency_p99_share_above":
			k, n := slow(f.Window.Start, f.Window.End, "", 100)
			if !near(f.Value, float64(k)/float64(n), 1e-12) || f.N.Current != n || !near(f.Threshold, 0.01, 1e-12) {
				t.Errorf("%s: %v of %d, want %d of %d", stamp(f.Window.Start), f.Value, f.N.Current, k, n)
			}
			if f.Verdict == finding.Breach && (f.Severity != finding.Page || f.Numbers[1].Name != "agreed by ops, shop, until 2030-12-31") {
				t.Errorf("%s: %s, %+v", stamp(f.Window.Start), f.Severity, f.Numbers)
			}
			if f.Subject != "promise: 99 % latency at most 0.1 s" {
				t.Error(f.Subject)
			}
		case "freshness":
			if f.Verdict == finding.Breach && (f.Value < 2*3600 || f.Value > 3*3600+600) { // the units around the silence held events
				t.Errorf("silent for %v s", f.Value)
			}
		case "label_coverage":
			var n, k int64
			for _, s := range w.samples {
				if !s.at.Before(f.Window.Start) && s.at.Before(f.Window.End) {
					n++
					if !s.lost {
						k++
					}
				}
			}
			if !near(f.Value, float64(k)/float64(n), 1e-12) || f.N.Current != n {
				t.Errorf("%s: coverage %v of %d, want %d of %d", stamp(f.Window.Start), f.Value, f.N.Current, k, n)
			}
		}
	}
	if kept != 5 { // one per promise, that by slice in one slice
		t.Errorf("%d promises were told to be kept again", kept)
	}
}

// ordered is what was found in an order of its own: three lanes go by themselves.
func ordered(tb testing.TB, findings []finding.Finding) string {
	tb.Helper()
	out := slices.Clone(findings)
	slices.SortFunc(out, finding.Compare)
	return encode(tb, out)
}

// Restarts, the cutting into epochs and which lane comes first don't show in promises on the service, nor in burn rates.
func TestServicePromisesReplay(t *testing.T) {
	t.Parallel()
	w := served(t)
	p, o := w.epochs(5)
	want := ordered(t, w.judge(interleave(p, o)))
	if !strings.Contains(want, "label_coverage") {
		t.Fatal("nothing was found of coverage")
	}
	if d := cmp.Diff(want, ordered(t, w.judge(slices.Concat(p, o)))); d != "" {
		t.Errorf("lanes: %s", d)
	}
	for _, hours := range []int{1, 24 * 100} {
		if d := cmp.Diff(want, ordered(t, w.judge(interleave(w.epochs(hours))))); d != "" {
			t.Errorf("epochs of %d h: %s", hours, d)
		}
	}
	at, found := w.start(), []finding.Finding{}
	epochs := interleave(p, o)
	for i := range epochs {
		found = w.feed(at, &epochs[i], found)
		if i%7 == 3 {
			at = w.restarted(at)
		}
	}
	if d := cmp.Diff(want, ordered(t, found)); d != "" {
		t.Errorf("restarts: %s", d)
	}
}

// A promise on the service that is withdrawn ends its alarm.
func TestServicePromiseWithdrawn(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(32, busyRef+6, busy, func(s *sample, _ *rand.Rand) {
		if s.between(15, 25) {
			s.latency = 400
		}
	}), costs+"promises: [{metric: scoring_latency_p50, max: 100ms, over: 6h, then: ticket}]\n")
	later := *w.plan
	later.Policy.Promises = nil
	later.From = day(17)
	var found []finding.Finding
	p := w.start()
	p.engine.Govern(plan.History{w.plan, &later})
	epochs := interleave(w.epochs(24))
	for i := range epochs {
		found = w.feed(p, &epochs[i], found)
	}
	got := about(found, "promise: median latency at most 0.1 s", "promise")
	if len(got) < 2 || got[0].Verdict != finding.Breach || got[len(got)-1].Verdict != finding.Equivalent || got[len(got)-1].At.After(day(17).Add(2*time.Hour)) {
		t.Errorf("%v", lines(got))
	}
}

// Burn rates tell before the window is over, and the numbers follow from the events by hand.
func TestBurnRates(t *testing.T) {
	t.Parallel()
	const bad = busyRef + 16
	samples := generate(33, busyRef+30, busy, func(s *sample, _ *rand.Rand) {
		if s.between(bad, bad+14) {
			s.score *= 0.3
		}
	})
	w := learn(t, busyRef, samples, costs+"promises: [{metric: expected_cost, max: 20, over: 28d, then: page, agreed: [trading], until: 2030-01-01}]\n")
	cost := func(from, to time.Time) (sum float64, n int) {
		for i := range samples {
			if s := &samples[i]; !s.at.Before(from) && s.at.Before(to) {
				sum += s.cost()
				n++
			}
		}
		return sum, n
	}
	got := about(w.run(), "promise: cost per decision at most 20 EUR", "promise")
	if len(got) == 0 {
		t.Fatal("nothing burns")
	}
	f := got[0]
	if f.Verdict != finding.Breach || f.Severity != finding.Page || f.At.Before(day(bad)) || f.At.After(day(bad+3)) {
		t.Fatalf("%v", lines(got))
	}
	refSum, refN := cost(day(0), day(busyRef))
	ref := refSum / float64(refN)
	burn := func(from, to time.Time) float64 {
		sum, n := cost(from, to)
		return (sum/float64(n) - ref) / (20 - ref)
	}
	factor, short := 3., 6*time.Hour
	if f.Window.End.Sub(f.Window.Start) == 72*time.Hour {
		factor, short = 1, 24*time.Hour
	}
	long, latest := burn(f.Window.Start, f.Window.End), burn(f.Window.End.Add(-short), f.Window.End)
	if !near(f.Numbers[0].Now, long, 1e-9) || !near(f.Numbers[1].Now, latest, 1e-9) || !(long > factor && latest > factor) || float64(f.Numbers[0].Before) != factor {
		t.Errorf("%+v; by hand %g and %g", f.Numbers, long, latest)
	}
	sum, n := cost(f.Window.Start, f.Window.End)
	if !near(f.Value, sum/float64(n), 1e-9) {
		t.Errorf("value %v, by hand %g", f.Value, sum/float64(n))
	}
	over := 28 * 24 * time.Hour
	month := plan.FromMicros(plan.Align(plan.Micros(f.Window.End)-1, over))
	since := month
	if since.Before(day(busyRef)) { // nothing of the reference counts
		since = day(busyRef)
	}
	spent := burn(since, f.Window.End) * float64(f.Window.End.Sub(month)) / float64(over)
	if left := fmt.Sprint(f.Numbers[2].Name); left != "left of the budget of 28 d" || !near(f.Numbers[2].Now, 100*(1-spent), 1e-7) {
		t.Errorf("%+v", f.Numbers[2])
	}
	if f.Numbers[3].Name != "agreed by trading, until 2030-01-01" {
		t.Errorf("%+v", f.Numbers)
	}
	// The promise is kept where nothing happens.
	fine := learn(t, busyRef, generate(34, busyRef+30, busy, nil), costs+"promises: [{metric: expected_cost, max: 20, over: 28d, then: page}, {metric: accuracy, min: 60%, over: 7d, then: page}]\n")
	if got := about(fine.run(), "", "promise"); len(got) > 0 {
		t.Errorf("%v", lines(got))
	}
}

// A KPI of the contract's own is judged like a metric: this one is the negative cost per decision, doubled.
func TestKPIPromise(t *testing.T) {
	t.Parallel()
	samples := generate(9, quietRef+29, quiet, func(s *sample, _ *rand.Rand) {
		if s.between(quietRef+7, quietRef+14) {
			s.score *= 0.3
		}
	})
	var week float64
	for _, s := range samples[77*quiet : 84*quiet] {
		week -= 2 * s.cost() / (7 * quiet)
	}
	w := learn(t, quietRef, samples, costs+`
promises:
  - {metric: profit, expr: "0.0 - 2.0 * expected_cost", min: -50, over: 7d, then: ticket}
  - {metric: odd, expr: "expected_cost + volume", max: 5, over: 7d, then: ticket}
`)
	got := about(w.run(), "", "promise")
	expect(t, []string{
		"84d0h promise: profit at least -50 promise profit: breach ticket since 77d0h",
		"91d0h promise: profit at least -50 promise profit: equivalent info since 77d0h",
	}, got)
	if !near(got[0].Value, week, 1e-9) {
		t.Errorf("profit %v, by hand %g", got[0].Value, week)
	}
	if !slices.Contains(w.plan.Unjudged, "the promise on odd is not judged: compile odd: volume is no metric of outcomes") {
		t.Errorf("%q", w.plan.Unjudged)
	}
}
