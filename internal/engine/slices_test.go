package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// slice is the segment of a finding, "" of one on the whole.
func segment(f *finding.Finding) string { return f.Slice["seg"] }

func onX(list []finding.Finding, seg string, v finding.Verdict) (out []finding.Finding) {
	for _, f := range about(list, "x", "") {
		if segment(&f) == seg && f.Verdict == v {
			out = append(out, f)
		}
	}
	return out
}

// What happens in one slice is told of that slice, and its recovery; restarts don't show.
func TestASliceIsNamed(t *testing.T) {
	t.Parallel()
	shift := func(s *sample, _ *rand.Rand) {
		if s.seg == "n" && s.between(18, 20) {
			s.x++
		}
	}
	w := learn(t, busyRef, generate(1, busyRef+10, busy, shift), "")
	learnt, err := drift.Open(w.plan)
	if err != nil || len(learnt.Slices) != 2 {
		t.Fatalf("%d slices are followed, %v", len(learnt.Slices), err)
	}
	epochs := interleave(w.epochs(12))
	got := w.judge(epochs)
	found := onX(got, "n", finding.Drift)
	if len(found) != 1 || len(onX(got, "n", finding.Equivalent)) != 1 || len(onX(got, "s", finding.Drift)) != 0 {
		t.Fatalf("%v", lines(got))
	}
	f := found[0]
	if f.Channel != "location" || f.Onset.Before(day(17)) || f.Onset.After(day(18).AddDate(0, 0, 1)) || f.Value < 0.7 || f.Value > 1.3 || f.Severity != finding.Ticket {
		t.Errorf("%+v", f)
	}
	if f.N.Reference < busyRef*busy*2/5 || f.N.Reference > busyRef*busy*3/5 || f.N.Current < 200 || len(f.Offsets["p"]) != 1 {
		t.Errorf("n %+v, offsets %v", f.N, f.Offsets)
	}
	if m := f.Numbers[0]; m.Name != "mean x in seg=n" || m.Before < -0.1 || m.Before > 0.1 || m.Now < 0.7 {
		t.Errorf("%+v", m)
	}
	restarts := w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) })
	if d := cmp.Diff(encode(t, got), encode(t, restarts)); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// What the whole does is told of the whole; a slice that goes on when the whole has come to rest, or moves much further, is told too.
func TestSlicesGoWithTheWhole(t *testing.T) {
	t.Parallel()
	w := learn(t, busyRef, generate(2, busyRef+10, busy, func(s *sample, _ *rand.Rand) {
		if s.between(17, 20) {
			s.x++
		}
	}), "")
	got := w.run()
	if len(onX(got, "", finding.Drift)) != 1 || len(onX(got, "n", finding.Drift))+len(onX(got, "s", finding.Drift)) != 0 {
		t.Errorf("all move: %v", lines(got))
	}
	w = learn(t, busyRef, generate(2, busyRef+20, busy, func(s *sample, _ *rand.Rand) {
		switch {
		case s.between(17, 20):
			s.x++
		case s.between(20, 30) && s.seg == "s": // less than half of the whole's band
			s.x += 0.6
		case s.between(20, 30):
			s.x -= 0.6
		}
	}), "")
	got = w.run()
	if len(onX(got, "s", finding.Drift)) != 1 || len(onX(got, "n", finding.Drift)) != 1 {
		t.Errorf("one stays: %v", lines(got))
	}
}

// Without slices in the contract nothing is followed but the whole, and without drift nothing is told of any slice.
func TestSlicesWithoutDrift(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := learn(t, busyRef, generate(seed, busyRef+15, busy, nil), "")
		got := w.run()
		if i := slices.IndexFunc(got, func(f finding.Finding) bool { return segment(&f) != "" && f.Subject != "outcome" }); i >= 0 {
			t.Errorf("seed %d: %v", seed, lines(got))
		}
	}
}
