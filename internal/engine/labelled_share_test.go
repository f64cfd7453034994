package engine_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Outcomes of a half of the high scores are lost for three days: that alarms, with what it was and is, recovers, and neither restarts nor which lane is ahead show. Where
// nothing is lost, nothing is said.
func TestLabelledShare(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(3, busyRef+14, busy, func(s *sample, rng *rand.Rand) {
		if s.between(18, 21) && s.score > 0.5 && rng.IntN(2) == 0 {
			s.lost = true
		}
	}), "")
	if len(w.plan.DriftLabelled) == 0 {
		t.Fatal("nothing was learnt of the share labelled")
	}
	epochs := interleave(w.epochs(12))
	all := w.fed(epochs, func(int, *pair) {})
	open := map[string]finding.Finding{}
	whole := false
	for _, f := range about(all, "outcome", "labelled_share") {
		switch f.Verdict {
		case finding.Drift:
			open[f.Metric] = f
			whole = whole || f.Metric == "labelled_share_change"
			if f.Onset.Before(day(17)) || f.Onset.After(day(19)) || f.Severity != finding.Ticket || len(f.Numbers) != 2 {
				t.Errorf("%+v", f)
			}
			if n := f.Numbers[0]; n.Before != 100 || !(n.Now < 85) || !strings.HasPrefix(n.Name, "predictions with an outcome") || strings.Contains(n.Name, "up to 0.2") {
				t.Errorf("%+v", n)
			}
		case finding.Equivalent:
			delete(open, f.Metric)
		default:
			t.Errorf("%+v", f)
		}
	}
	if !whole || len(open) != 0 {
		t.Errorf("told of the whole: %t; left open: %d", whole, len(open))
	}
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
	_, truth := lanes(all)
	if _, other := lanes(w.judge(interleave(w.epochs(24 * 100)))); encode(t, truth) != encode(t, other) {
		t.Error("epochs show")
	}
	w = learn(t, busyRef, generate(3, busyRef+14, busy, nil), "")
	if got := about(w.run(), "outcome", "labelled_share"); len(got) != 0 {
		t.Errorf("nothing was lost: %v", lines(got))
	}
}

// A mature cohort holds the predictions of its test pane by score and slice, those without an outcome too, and corrections leave them alone.
func TestCohortsKnowTheirPredictions(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(9, busyRef+4, busy, func(s *sample, rng *rand.Rand) {
		s.lost = rng.IntN(3) == 0 || s.between(busyRef+1, busyRef+2)
	}), "")
	bins, p := sketch.NewScoreBins(w.plan), w.start()
	cohorts := 0
	epochs := interleave(w.epochs(24))
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		for _, co := range p.engine.TakeCohorts() {
			cohorts++
			for _, v := range append([]plan.View{{}}, w.plan.Score.Views...) {
				want := make([]int64, w.plan.Score.Bins())
				labels := int64(0)
				for _, s := range w.samples {
					us := plan.Micros(s.at)
					if us < co.Start || us >= co.End || v.Slice["seg"] != "" && v.Slice["seg"] != s.seg {
						continue
					}
					want[bins.Of(s.score)]++
					if !s.lost {
						labels++
					}
				}
				for what, view := range map[string]func(*plan.Plan, []int, []int) (truth.Counts, error){"on time": co.View, "revised": co.Revised} {
					known, err := view(w.plan, v.Dims, v.Codes)
					if err != nil {
						t.Fatal(err)
					}
					if d := cmp.Diff(want, truth.CurveOf(known).N); d != "" || known.Labels() != labels {
						t.Fatalf("%s, %v: %d labels, want %d; %s", what, v.Slice, known.Labels(), labels, d)
					}
				}
			}
		}
	}
	if cohorts < 20 {
		t.Errorf("%d cohorts", cohorts)
	}
}
