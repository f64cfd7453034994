package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
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
}
