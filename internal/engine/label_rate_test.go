package engine_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// The label rate alarms once, with what it was and is, recovers, and restarts don't show; declared odd days are left out.
func TestLabelRate(t *testing.T) {
	t.Parallel()
	more := func(from, to int) func(s *sample, rng *rand.Rand) {
		return func(s *sample, rng *rand.Rand) {
			if s.between(from, to) && rng.IntN(3) == 0 {
				s.positive = true
			}
		}
	}
	w := learn(t, busyRef, generate(3, busyRef+14, busy, more(18, 21)), "")
	if len(w.plan.DriftLabels) == 0 {
		t.Fatal("nothing was learnt of the label rate")
	}
	epochs := interleave(w.epochs(12))
	got := about(w.judge(epochs), "outcome", "label_rate")
	if len(got) != 2 || got[0].Verdict != finding.Drift || got[1].Verdict != finding.Equivalent {
		t.Fatalf("%v", lines(got))
	}
	f := got[0]
	if f.Onset.Before(day(17)) || f.Onset.After(day(18)) || f.At.After(day(19)) || f.Severity != finding.Ticket || f.N.Current < 200 {
		t.Errorf("%+v", f)
	}
	// A half of the outcomes was positive; of the other half a third became so.
	if n := f.Numbers[0]; n.Before < 48 || n.Before > 52 || n.Now < 60 || n.Now > 73 || f.Value < 0.1 {
		t.Errorf("%+v", n)
	}
	all := w.fed(epochs, func(int, *pair) {})
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
	odd := "watch:\n  calendar: [{name: odd, from: 2024-01-19, to: 2024-01-22}]\n"
	w = learn(t, busyRef, generate(3, busyRef+14, busy, more(18, 21)), odd)
	if got := about(w.run(), "outcome", "label_rate"); len(got) != 0 {
		t.Errorf("on odd days: %v", lines(got))
	}
}

// A model of few outcomes is judged by cohorts of several days, and restarts within one don't show.
func TestLabelRateOfFew(t *testing.T) {
	t.Parallel()
	const few, ref = 12, 150
	w := learn(t, ref, generate(6, ref+80, few, func(s *sample, _ *rand.Rand) {
		if s.between(ref+20, ref+80) {
			s.positive = true
		}
	}), "")
	epochs := interleave(w.epochs(24))
	want := w.fed(epochs, func(int, *pair) {})
	if got := about(want, "outcome", "label_rate"); len(got) != 1 || got[0].N.Current < 30 {
		t.Errorf("%v", lines(got))
	}
	if d := cmp.Diff(encode(t, want), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// Cohorts without an outcome, and days without a cohort, are waited through alike with and without restarts.
func TestLabelRateWithoutOutcomes(t *testing.T) {
	t.Parallel()
	const few, ref = 12, 150
	w := learn(t, ref, generate(6, ref+80, few, nil), "")
	epochs := interleave(w.epochs(24))
	nothing := sketch.NewCurve(w.plan.Score.Bins()).AppendBinary(nil)
	on := func(c *record.Cell, days ...time.Weekday) bool {
		at := plan.FromMicros(c.Pane)
		return c.Kind == record.OnTime && !at.Before(day(ref)) && slices.Contains(days, at.Weekday())
	}
	for i := range epochs {
		epochs[i].cells = slices.DeleteFunc(epochs[i].cells, func(c record.Cell) bool { return on(&c, time.Monday) })
		for j := range epochs[i].cells {
			if c := &epochs[i].cells[j]; on(c, time.Thursday, time.Friday, time.Saturday, time.Sunday) {
				c.Body = nothing
			}
		}
	}
	state := func(before func(i int, p *pair)) []byte {
		p := w.start()
		for i := range epochs {
			before(i, &p)
			w.feed(p, &epochs[i], nil)
		}
		b, err := p.engine.AppendDrift(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if !bytes.Equal(state(func(int, *pair) {}), state(func(_ int, p *pair) { *p = w.restarted(*p) })) {
		t.Error("restarts show")
	}
}
