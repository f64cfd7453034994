package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The same scores mean other outcomes in one slice: it is told once, of that slice, as what it is, with what it costs, and is over when it is over; restarts
// don't show, and estimates stand still meanwhile.
func TestConceptDrift(t *testing.T) {
	t.Parallel()
	const from, to = busyRef + 3, busyRef + 12
	flip := func(s *sample, rng *rand.Rand) {
		if s.between(from, to) && s.seg == "s" && rng.IntN(2) == 0 {
			s.positive = !s.positive
		}
	}
	w := learn(t, busyRef, generate(8, busyRef+24, busy, flip), costs)
	if len(w.plan.Concept) == 0 {
		t.Fatal("nothing was learnt of what scores mean")
	}
	epochs := interleave(w.epochs(12))
	all := w.fed(epochs, func(int, *pair) {})
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
	got := slices.DeleteFunc(about(all, "outcome", "calibration"), func(f finding.Finding) bool { return f.Slice["seg"] != "s" || f.Verdict == finding.Undecided })
	if len(got) != 2 || got[0].Verdict != finding.Drift || got[1].Verdict != finding.Equivalent {
		t.Fatalf("%v", lines(got))
	}
	f := got[0]
	if f.Cause != "concept_drift" || f.Severity != finding.Ticket || f.Metric != "shift_in_logits" || f.Onset.Before(day(from-1)) || f.Onset.After(day(from+1)) || f.At.After(day(from+4)) {
		t.Errorf("%+v", f)
	}
	if f.Impact == nil || !(f.Impact.PerDay > 0) || !(f.Impact.Band[0] < f.Impact.PerDay && f.Impact.PerDay < f.Impact.Band[1]) || f.N.Current == 0 || f.Evidence.Log10 < f.Evidence.Needed {
		t.Errorf("%+v, %+v", f.Impact, f)
	}
	if got[1].At.Before(day(to)) || got[1].At.After(day(to+6)) {
		t.Errorf("over at %s", got[1].At)
	}
	for _, f := range about(all, "outcome", "") {
		if f.Metric == "ece" || f.Metric == "calibration_bias" {
			t.Errorf("calibration is judged pane by pane, too: %s of %v", f.Metric, f.Slice)
		}
	}
}

// What is expected of decisions before their outcomes holds, and stands still while scores are known to mean something else.
func TestEstimates(t *testing.T) {
	t.Parallel()
	const from = busyRef + 10
	flip := func(s *sample, rng *rand.Rand) {
		if s.between(from, from+10) && rng.IntN(2) == 0 {
			s.positive = !s.positive
		}
	}
	w := learn(t, busyRef, generate(8, busyRef+20, busy, flip), costs)
	p := w.start()
	epochs := interleave(w.epochs(12))
	seen, suspended := false, false
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		s := p.engine.Snapshot()
		for _, x := range s.Estimates {
			if x.Suspended != "" {
				suspended = true
				if len(x.Metrics) > 0 {
					t.Fatal("suspended, and with numbers")
				}
				continue
			}
			if len(x.Slice) > 0 {
				continue
			}
			seen = true
			for _, name := range []string{"roc_auc", "f1", "precision", "recall", "specificity", "accuracy", "expected_cost", "label_rate"} {
				m, ok := x.Metrics[name]
				if !ok || !(m.Band[0] <= m.Value && m.Value <= m.Band[1]) {
					t.Fatalf("%s: %+v of %+v", name, m, x)
				}
			}
		}
	}
	if !seen || !suspended {
		t.Errorf("estimated %t, suspended %t", seen, suspended)
	}
	s := p.engine.Snapshot()
	for name, x := range s.Scored {
		if x.Panes < 5 || float64(x.Inside) < 0.5*float64(x.Panes) {
			t.Errorf("%s: %+v", name, x)
		}
	}
	if len(s.Scored) < 7 {
		t.Errorf("%+v", s.Scored)
	}
	for _, of := range s.ScoredSlices {
		for name, x := range of.Metrics {
			if x.Panes < 5 || float64(x.Inside) < 0.5*float64(x.Panes) || x == s.Scored[name] {
				t.Errorf("%v, %s: %+v", of.Slice, name, x)
			}
		}
	}
	if len(s.ScoredSlices) == 0 {
		t.Error("no slice's estimates are scored")
	}
	again := w.restarted(p).engine.Snapshot()
	if d := cmp.Diff(s.ScoredSlices, again.ScoredSlices); d != "" {
		t.Errorf("a restart shows: %s", d)
	}
	if d := cmp.Diff(s.Scored, again.Scored); d != "" {
		t.Errorf("a restart shows: %s", d)
	}
}

// What an incident has cost is told at the prices in force, also of decisions from before they were.
func TestPricesChangeWhileAnIncidentIsOpen(t *testing.T) {
	t.Parallel()
	const from, dearer = busyRef + 3, busyRef + 8
	w := learn(t, busyRef, generate(8, busyRef+14, busy, func(s *sample, rng *rand.Rand) {
		if s.between(from, from+20) && rng.IntN(2) == 0 {
			s.positive = !s.positive
		}
	}), costs)
	later := *w.plan
	later.From = day(dearer)
	later.Policy.Costs = &plan.Costs{Currency: "EUR", FalsePositive: 100, FalseNegative: 250, TruePositive: -1, TrueNegative: -2}
	if err := later.Seal(); err != nil {
		t.Fatal(err)
	}
	// beyond is what the decisions in a stretch have cost beyond the reference, by hand.
	beyond := func(from, to time.Time, slice map[string]string, dear bool) float64 {
		price := map[[2]bool]float64{{true, true}: -10, {true, false}: 40, {false, true}: 90}
		if dear {
			price = map[[2]bool]float64{{true, true}: -1, {true, false}: 100, {false, true}: 250, {false, false}: -2}
		}
		mean := func(from, to time.Time) (sum, n float64) {
			for i := range w.samples {
				s := &w.samples[i]
				if !s.at.Before(from) && s.at.Before(to) && (len(slice) == 0 || slice["seg"] == s.seg) {
					sum, n = sum+price[[2]bool{s.score >= 0.5, s.positive}], n+1
				}
			}
			return sum, n
		}
		before, rows := mean(day(0), day(busyRef))
		sum, n := mean(from, to)
		return sum - n*before/rows
	}
	epochs := interleave(w.epochs(6))
	under := func(restarts bool) []finding.Finding {
		return w.fed(epochs, func(_ int, p *pair) {
			if restarts {
				*p = w.restarted(*p)
			}
			p.engine.Govern(plan.History{w.plan, &later})
		})
	}
	all := under(false)
	if d := cmp.Diff(encode(t, all), encode(t, under(true))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
	seen := map[string]int{}
	for _, f := range all {
		if f.Impact == nil || f.Channel != "calibration" && (f.Channel != "cost" || len(f.Slice) > 0) {
			continue
		}
		onset, to, dear := f.Onset, f.Window.End, !f.Window.Start.Before(day(dearer))
		if f.Channel == "calibration" {
			to = to.Truncate(24 * time.Hour) // days that are over
		}
		if want := beyond(onset, to, f.Slice, dear); !near(f.Impact.SoFar, want, 0.006) {
			t.Errorf("%s %s%s: %v so far, by hand %.2f", stamp(f.At), f.Channel, sliced(&f), f.Impact.SoFar, want)
		}
		if dear {
			seen[f.Channel]++
		}
	}
	if seen["calibration"] == 0 || seen["cost"] == 0 {
		t.Errorf("seen under the other prices: %v", seen)
	}
}

// The states of the build before held money. Whoever goes on from one tells the same amounts, while prices are what they were.
func TestStatesThatHoldMoney(t *testing.T) {
	t.Parallel()
	const from = quietRef + 2
	w := learn(t, quietRef, generate(8, quietRef+20, 200, func(s *sample, rng *rand.Rand) {
		if s.between(from, from+20) && rng.IntN(2) == 0 {
			s.positive = !s.positive
		}
	}), costs)
	former := func(p pair) pair {
		b, err := p.engine.AppendFormer(nil)
		if err != nil {
			t.Fatal(err)
		}
		r := wire.NewReader(b)
		if p.engine, err = engine.ReadEngine(w.plan, r); err != nil {
			t.Fatal(err)
		}
		if err := p.engine.ReadDrift(r); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
		return p
	}
	epochs := interleave(w.epochs(12))
	amounts := func(restart func(pair) pair) (out []string) {
		for _, f := range w.fed(epochs, func(_ int, p *pair) { *p = restart(*p) }) {
			if f.Impact != nil {
				out = append(out, fmt.Sprintf("%s %s%s %.1f", stamp(f.At), f.Channel, sliced(&f), float64(f.Impact.SoFar)))
			}
		}
		return out
	}
	want := amounts(func(p pair) pair { return p })
	if len(want) < 10 || !strings.Contains(strings.Join(want, ""), "calibration") {
		t.Fatalf("%v", want)
	}
	if d := cmp.Diff(want, amounts(former)); d != "" {
		t.Error(d)
	}
}
