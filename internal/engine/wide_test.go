package engine_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/finding"
)

// A change so slow that the sequential engine takes it for the stream's own wander is told against the reference, once, and so is its end.
func TestSlowChange(t *testing.T) {
	t.Parallel()
	const rises, end = 300, 400 // days until it is up, and back again
	level, last := 0., -1
	slow := func(s *sample, rng *rand.Rand) {
		d := int(s.at.Sub(start).Hours() / 24)
		if d != last { // a wander from day to day
			level, last = 0.8*level+0.25*rng.NormFloat64(), d
		}
		s.x += level
		switch d -= quietRef; {
		case d > 0 && d < rises:
			s.x += 1.5 * float64(d) / rises
		case d >= rises && d < end:
			s.x += 1.5
		}
	}
	w := learn(t, quietRef, generate(7, quietRef+end+100, quiet, slow), "")
	if w.plan.Wide.Hours() != 168 {
		t.Fatalf("windows of %s", w.plan.Wide)
	}
	epochs := interleave(w.epochs(24))
	all := w.fed(epochs, func(int, *pair) {})
	got := about(all, "x", "level")
	if len(got) != 2 || got[0].Verdict != finding.Drift || got[1].Verdict != finding.Equivalent {
		t.Fatalf("%v", lines(all))
	}
	f := got[0]
	if !f.At.After(day(quietRef)) || f.At.After(day(quietRef+rises)) || !f.Window.End.Equal(f.At) || f.Window.End.Sub(f.Window.Start) != w.plan.Wide || f.Severity != finding.Ticket {
		t.Errorf("%+v", f)
	}
	if got[1].At.Before(day(quietRef + end)) {
		t.Errorf("over at %s", stamp(got[1].At))
	}
	if d := cmp.Diff(encode(t, all), encode(t, w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) }))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// What the sequential engine has told is not told again by the window it lies in.
func TestSuddenChangeIsToldOnce(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		w := learn(t, quietRef, generate(seed, quietRef+40, quiet, func(s *sample, _ *rand.Rand) {
			if s.between(quietRef+9, quietRef+20) {
				s.x += 2
			}
		}), "")
		if got := w.run(); len(about(got, "x", "")) != 2 || len(about(got, "x", "level")) != 0 {
			t.Errorf("seed %d: %v", seed, lines(got))
		}
	}
}

// weekends are unlike other days.
func weekends(s *sample, _ *rand.Rand) {
	if weekend(s.at) {
		s.x++
	}
}

func weekend(at time.Time) bool { return at.Weekday() == time.Saturday || at.Weekday() == time.Sunday }

// Weeks of which only weekends are not declared odd say nothing of the level of weeks.
func TestWideWindowsBesideOddDays(t *testing.T) {
	t.Parallel()
	odd := "watch:\n  calendar: ["
	for d := quietRef + 14; d < quietRef+35; d++ {
		if !weekend(day(d)) {
			odd += fmt.Sprintf("{name: d%d, from: %s, to: %s}, ", d, day(d).Format(time.DateOnly), day(d+1).Format(time.DateOnly))
		}
	}
	w := learn(t, quietRef, generate(1, quietRef+60, quiet, weekends), odd[:len(odd)-2]+"]\n")
	if w.plan.Wide.Hours() != 168 {
		t.Fatalf("windows of %s", w.plan.Wide)
	}
	if got := w.run(); len(about(got, "x", "")) != 0 {
		t.Errorf("%v", lines(got))
	}
}

// A week in whose midst the plan began is none.
func TestWideWindowsBeginWhole(t *testing.T) {
	t.Parallel()
	const ref = quietRef + 5 // up to a Saturday
	w := learn(t, ref, generate(1, ref+4, quiet, weekends), "")
	if w.plan.Wide.Hours() != 168 {
		t.Fatalf("windows of %s", w.plan.Wide)
	}
	p := w.start()
	for _, ep := range interleave(w.epochs(12)) {
		w.feed(p, &ep, nil)
		p = w.restarted(p)
		b, err := p.engine.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(b, []byte(`"wide\u0000x"`)) {
			t.Fatal("a weekend deviates from weeks")
		}
	}
}
