package engine_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const protectSeg = "protected: {seg: {privileged: n, justification: for the test}}\ndecision: {threshold: 0.5}\n"

// lose takes a part of a segment's positive decisions away, from day to day more.
func lose(seg string, from, to int, perDay float64) func(s *sample, rng *rand.Rand) {
	return func(s *sample, rng *rand.Rand) {
		if s.between(from, to) && s.seg == seg && rng.Float64() < perDay*s.at.Sub(day(from)).Hours()/24 {
			s.score *= 0.4
		}
	}
}

func ofGroups(all []finding.Finding) (out []finding.Finding) {
	for _, f := range all {
		if f.Channel == "fairness" || f.Channel == "fairness_outcomes" {
			out = append(out, f)
		}
	}
	return out
}

// A gap that stands in the reference is a note of the baseline and no finding, however long it stands.
func TestGapThatStands(t *testing.T) {
	t.Parallel()
	stands := func(s *sample, rng *rand.Rand) {
		if s.seg == "s" && rng.IntN(2) == 0 {
			s.score *= 0.4
			s.positive = rng.Float64() < s.score
		}
	}
	w := learn(t, busyRef, generate(11, busyRef+10, busy, stands), protectSeg)
	noted := 0
	for _, n := range w.plan.Unjudged {
		if strings.Contains(n, "a gap stands in the reference: of seg=s against seg=n, selection rates, smaller over larger, 0.48") {
			noted++
		}
	}
	if noted != 1 {
		t.Errorf("noted %d times: %q", noted, w.plan.Unjudged)
	}
	expect(t, []string{}, ofGroups(w.run()))
}

// A gap that grows names the group, with what it was and is, and restarts don't show.
func TestGapThatGrows(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(12, busyRef+15, busy, lose("s", busyRef+2, busyRef+10, 0.1)), protectSeg)
	epochs := interleave(w.epochs(12))
	all := w.judge(epochs)
	got := ofGroups(all)
	decisions := about(got, "seg", "fairness")
	if len(decisions) != 2 || decisions[0].Verdict != finding.Drift || decisions[1].Verdict != finding.Equivalent {
		t.Fatalf("%v", lines(got))
	}
	f := decisions[0]
	if f.Slice["seg"] != "s" || f.Severity != finding.Ticket || f.Metric != "selection_log_ratio_change" || f.Value > -0.1 ||
		f.Onset.Before(day(busyRef+1)) || f.At.After(day(busyRef+8)) || len(f.Offsets) == 0 {
		t.Errorf("%+v", f)
	}
	if n := f.Numbers; len(n) != 3 || math.Abs(float64(n[0].Before)-1) > 0.06 || !(n[0].Now < 0.92) || !(n[1].Now < n[1].Before-3) || math.Abs(float64(n[2].Now-n[2].Before)) > 8 {
		t.Errorf("%+v", n)
	}
	if got := about(got, "seg", "fairness_outcomes"); len(got) == 0 || got[0].Metric != "true_positive_log_ratio_change" && got[0].Metric != "false_positive_log_ratio_change" {
		t.Errorf("outcomes: %v", lines(got))
	}
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// Where all rates fall alike nothing happened between groups; and a gap that closes is none that grows.
func TestGapThatDoesNotGrow(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *sample, rng *rand.Rand){
		"all fall": func(s *sample, rng *rand.Rand) {
			if s.between(busyRef+2, busyRef+12) && rng.IntN(2) == 0 {
				s.score *= 0.4
			}
		},
		"it closes": func(s *sample, rng *rand.Rand) {
			if s.seg == "s" && rng.IntN(2) == 0 && !s.between(busyRef+2, busyRef+30) {
				s.score *= 0.4
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := learn(t, busyRef, generate(13, busyRef+12, busy, change), protectSeg)
			expect(t, []string{}, about(ofGroups(w.run()), "seg", "fairness"))
		})
	}
}

// A gap that first closes and then opens the other way, wider than it was, is told of.
func TestGapThatTurns(t *testing.T) {
	t.Parallel()
	turns := func(s *sample, rng *rand.Rand) {
		switch {
		case !s.between(busyRef+2, busyRef+40):
			if s.seg == "s" && rng.IntN(5) == 0 {
				s.score *= 0.4
			}
		case s.between(busyRef+2, busyRef+6): // none
		case s.seg == "n" && rng.IntN(2) == 0:
			s.score *= 0.4
		}
	}
	w := learn(t, busyRef, generate(14, busyRef+12, busy, turns), protectSeg)
	got := about(ofGroups(w.run()), "seg", "fairness")
	if len(got) != 1 || got[0].Verdict != finding.Drift || got[0].At.Before(day(busyRef+6)) || got[0].At.After(day(busyRef+8)) || got[0].Numbers[0].Now < 1.3 {
		t.Fatalf("%v", lines(got))
	}
}

// Promises on groups are judged by the near end of an interval, in each lane apart; a group that is too small waits for the next windows.
func TestGroupPromises(t *testing.T) {
	t.Parallel()
	const ref = 70 // ends on a Monday
	w := learn(t, ref, generate(15, ref+36, 60, func(s *sample, rng *rand.Rand) {
		if s.between(ref+7, ref+21) && s.seg == "s" && rng.Float64() < 0.85 {
			s.score *= 0.4
		}
	}), protectSeg+`
promises:
  - {metric: demographic_parity_ratio, min: 80%, over: 7d, by: [seg], then: page}
  - {metric: equal_opportunity_difference, max: 0.2, over: 7d, then: ticket}
  - {metric: demographic_parity_difference, max: 90%, over: 7d}
`)
	epochs := interleave(w.epochs(12))
	all := w.judge(epochs)
	var got []finding.Finding
	for _, f := range ofGroups(all) {
		if !strings.Contains(f.Metric, "log_ratio") {
			got = append(got, f)
		}
	}
	expect(t, []string{
		"84d0h seg fairness demographic_parity_ratio in seg=s: breach page since 77d0h",
		"91d0h seg fairness demographic_parity_ratio in seg=s: breach page since 77d0h",
		"98d0h seg fairness demographic_parity_ratio in seg=s: equivalent info since 77d0h",
	}, about(got, "seg", "fairness"))
	outcomes := about(got, "seg", "fairness_outcomes")
	if len(outcomes) < 2 || outcomes[0].Verdict != finding.Breach || outcomes[0].Severity != finding.Ticket || outcomes[len(outcomes)-1].Verdict != finding.Equivalent {
		t.Errorf("%v", lines(outcomes))
	}
	var selected, decided [2]float64
	for _, s := range w.samples[77*60 : 84*60] {
		at := map[string]int{"n": 0, "s": 1}[s.seg]
		decided[at]++
		if s.score >= 0.5 {
			selected[at]++
		}
	}
	if f := got[0]; math.Abs(float64(f.Value)-(selected[1]/decided[1])/(selected[0]/decided[0])) > 1e-9 || f.Threshold != 0.8 || f.N != (finding.Sizes{Reference: int64(decided[0]), Current: int64(decided[1])}) {
		t.Errorf("%+v; want %v of %v", f, selected, decided)
	}
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
	again, err := plan.Read(must(w.plan.JSON()))
	if err != nil || again.Digest() != w.plan.Digest() {
		t.Errorf("the plan read again is another: %v", err)
	}
}

// With 20 events a day a week holds fewer than a hundred of a group: its counts wait until there are.
func TestGroupsWait(t *testing.T) {
	t.Parallel()
	const ref = 70
	w := learn(t, ref, generate(16, ref+43, 20, func(s *sample, _ *rand.Rand) {
		if s.between(ref, ref+43) && s.seg == "s" {
			s.score *= 0.4
		}
	}), protectSeg+"promises:\n  - {metric: demographic_parity_ratio, min: 80%, over: 7d, by: [seg], then: page}\n")
	var got []finding.Finding
	for _, f := range about(ofGroups(w.run()), "seg", "fairness") {
		if f.Metric == "demographic_parity_ratio" {
			got = append(got, f)
		}
	}
	if len(got) == 0 || !got[0].At.Equal(day(ref+14)) || got[0].N.Current < 100 || got[0].N.Current > 180 {
		t.Fatalf("%v", lines(got))
	}
}

// A window compares the groups of the events that it covers.
func TestWindowsCompareGroups(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(17, busyRef+9, busy, lose("s", busyRef, busyRef+9, 0.05)), protectSeg)
	all := w.ended()
	ws := engine.NewWindows()
	for _, pane := range all.panes {
		if err := ws.Pane(w.plan, pane); err != nil {
			t.Fatal(err)
		}
	}
	for _, co := range all.cohorts {
		for range 2 { // a cohort that is revised is no second one
			if err := ws.Groups(w.plan, co.start, co.groups); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, s := range shown(t, ws) {
		var decided, selected, labels int64
		for i := range w.samples {
			x := &w.samples[i]
			if x.seg != "s" || x.at.Before(s.Pane.Start) || !x.at.Before(s.Pane.End) {
				continue
			}
			decided++
			if x.score >= 0.5 {
				selected++
			}
		}
		if s.Fairness == nil || len(s.Fairness.Views) != 1 || len(s.Fairness.Views[0].Groups) != 2 {
			t.Fatalf("%s: %+v", s.Over, s.Fairness)
		}
		g := s.Fairness.Views[0].Groups[1]
		for _, v := range s.Fairness.Views[0].Groups {
			labels += v.Labels
		}
		if g.Group["seg"] != "s" || g.Decided != decided || g.Selected != selected || !s.Fairness.Window.End.Equal(s.Pane.End) {
			t.Errorf("%s: %+v, want %d of %d", s.Over, g, selected, decided)
		}
		if days := s.Pane.End.Sub(s.Pane.Start).Hours() / 24; math.Abs(float64(labels)-days*busy) > busy/8+1 {
			t.Errorf("%s: %d outcomes in %g days", s.Over, labels, days)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
