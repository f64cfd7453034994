package engine_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// fed is what an engine finds of epochs, with what is done before each of them.
func (w *world) fed(epochs []epoch, before func(i int, p *pair)) []finding.Finding {
	p, out := w.start(), []finding.Finding(nil)
	for i := range epochs {
		before(i, &p)
		out = w.feed(p, &epochs[i], out)
	}
	return out
}

// Another budget takes effect with the pane it is in force for, and neither it nor a restart under it shows in what was learnt: with hardly any
// tickets a small shift is let by, with more of them it is told.
func TestABudgetIsPolicy(t *testing.T) {
	shift := func(s *sample, _ *rand.Rand) {
		if s.between(80, 110) {
			s.x += 0.5
		}
	}
	w := learn(t, quietRef, generate(3, quietRef+40, quiet, shift), "watch:\n  false_alarms: {tickets: 1/365d}\n")
	generous := *w.plan
	generous.Policy.Tickets, generous.Policy.Digest, generous.From = 1, "generous", day(78)
	if err := generous.Seal(); err != nil {
		t.Fatal(err)
	}
	if generous.Digest() != w.plan.Digest() {
		t.Fatal("it is no policy")
	}
	epochs := interleave(w.epochs(24))
	under := func(reigns plan.History, restarts bool) []finding.Finding {
		return w.fed(epochs, func(i int, p *pair) {
			if restarts {
				*p = w.restarted(*p)
			}
			p.engine.Govern(reigns)
		})
	}
	sparing := under(plan.History{w.plan}, false)
	both := under(plan.History{w.plan, &generous}, false)
	first := func(list []finding.Finding) time.Time {
		at := slices.IndexFunc(list, func(f finding.Finding) bool { return f.Channel == "location" })
		if at < 0 {
			return time.Time{}
		}
		return list[at].At
	}
	if a, b := first(both), first(sparing); a.IsZero() || !b.IsZero() && !a.Before(b) {
		t.Errorf("found %s with tickets, %s without", a, b)
	}
	if d := cmp.Diff(encode(t, both), encode(t, under(plan.History{w.plan, &generous}, true))); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// A plan that gave way and comes back follows drift anew: what was open has been superseded, and no recovery is told of it.
func TestAPlanThatComesBackBeginsAnew(t *testing.T) {
	shift := func(s *sample, _ *rand.Rand) {
		if s.between(75, 90) {
			s.x += 2
		}
	}
	w := learn(t, quietRef, generate(4, quietRef+40, quiet, shift), "")
	epochs := interleave(w.epochs(24))
	kept := slices.DeleteFunc(slices.Clone(epochs), func(e epoch) bool { // the days of another plan
		return slices.ContainsFunc(e.cells, func(c record.Cell) bool { return c.Pane >= plan.Micros(day(85)) && c.Pane < plan.Micros(day(95)) })
	})
	whole := w.fed(kept, func(int, *pair) {})
	anew := w.fed(kept, func(i int, p *pair) {
		if i%3 == 0 {
			*p = w.restarted(*p)
		}
		p.engine.GivesWay([]int64{plan.Micros(day(85))})
	})
	count := func(list []finding.Finding, v finding.Verdict) (n int) {
		for _, f := range list {
			if f.Subject == "x" && f.Verdict == v {
				n++
			}
		}
		return n
	}
	if count(whole, finding.Drift) != 1 || count(whole, finding.Equivalent) != 1 {
		t.Fatalf("%v", lines(whole))
	}
	if count(anew, finding.Drift) != 1 || count(anew, finding.Equivalent) != 0 {
		t.Errorf("%v", lines(anew))
	}
}

// A model of a few events a day is judged by panes of several days, and neither restarts within one show nor odd days beside one.
func TestFewEventsADay(t *testing.T) {
	const few, ref = 12, 120
	gone := func(s *sample, _ *rand.Rand) {
		if s.between(ref+30, ref+90) {
			s.x = math.NaN()
		}
	}
	odd := "watch:\n  calendar: ["
	for d := 6; d < ref+90; d += 35 {
		odd += fmt.Sprintf("{name: d%d, from: %s, to: %s}, ", d, day(d).Format(time.DateOnly), day(d+1).Format(time.DateOnly))
	}
	w := learn(t, ref, generate(5, ref+90, few, gone), odd[:len(odd)-2]+"]\n")
	if len(w.plan.Drift) == 0 {
		t.Fatalf("nothing was learnt: %q", w.plan.Unjudged)
	}
	epochs := interleave(w.epochs(24))
	want := w.fed(epochs, func(int, *pair) {})
	at := slices.IndexFunc(want, func(f finding.Finding) bool { return f.Metric == "missing_share_change" })
	if at < 0 {
		t.Fatalf("%v", lines(want))
	}
	if f := want[at]; f.N.Current < 30 || f.Window.End.Sub(f.Window.Start) < 48*time.Hour || len(f.Offsets["p"]) != 1 {
		t.Errorf("%+v", f)
	} else if span := f.Offsets["p"]["0"]; span[1]-span[0]+1 != f.N.Current {
		t.Errorf("%d events at offsets %v", f.N.Current, span)
	}
	got := w.fed(epochs, func(_ int, p *pair) { *p = w.restarted(*p) })
	if d := cmp.Diff(encode(t, want), encode(t, got)); d != "" {
		t.Errorf("restarts show: %s", d)
	}
}

// Values that are no longer missing are told as such.
func TestFewerMissing(t *testing.T) {
	some := func(s *sample, rng *rand.Rand) {
		if rng.IntN(10) < 3 && !s.between(80, 100) {
			s.x = math.NaN()
		}
	}
	w := learn(t, quietRef, generate(6, quietRef+20, quiet, some), "")
	got := w.run()
	at := slices.IndexFunc(got, func(f finding.Finding) bool { return f.Subject == "x" })
	if at < 0 || got[at].Channel != "missing" || got[at].Value >= 0 || got[at].Numbers[0].Now >= got[at].Numbers[0].Before {
		t.Errorf("%v", lines(got))
	}
}

// What is being gathered has a place on its topic: a state that lost it is refused, not gone on with.
func TestCountsWithoutAPlaceAreRefused(t *testing.T) {
	w := learn(t, 100, generate(1, 100+20, 12, nil), "")
	epochs := interleave(w.epochs(24))
	p := w.start()
	refused := 0
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		b, err := p.engine.AppendDrift(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, place := range regexp.MustCompile(`"offsets":\{[^}]*\}\}`).FindAllIndex(b, -1) {
			damaged := slices.Clone(b)
			copy(damaged[place[0]:place[1]], fmt.Sprintf("%-*s", place[1]-place[0], `"offsets":null`))
			if err := engine.New(w.plan).ReadDrift(wire.NewReader(damaged)); err == nil {
				t.Fatalf("epoch %d: read", i)
			}
			refused++
		}
	}
	if refused < 10 {
		t.Errorf("%d were tried", refused)
	}
}

// A damaged drift state may be refused or read, but never break anything, nor be half read.
func FuzzReadDrift(f *testing.F) {
	w := learn(f, 100, generate(1, 100+20, 12, nil), "")
	if len(w.plan.Drift) == 0 {
		f.Fatal("nothing was learnt")
	}
	fuzzDrift(f, w)
}

// The same of a plan that compares groups.
func FuzzReadGroups(f *testing.F) {
	w := learn(f, 28, generate(1, 28+20, 200, nil), protectSeg+"promises:\n  - {metric: equalized_odds_difference, max: 0.5, over: 7d}\n")
	if len(w.plan.Fairness.Growth) == 0 {
		f.Fatal("nothing was learnt")
	}
	fuzzDrift(f, w)
}

func fuzzDrift(f *testing.F, w *world) {
	f.Helper()
	epochs := interleave(w.epochs(24))
	p := w.start()
	for i := range epochs {
		w.feed(p, &epochs[i], nil)
		if i%5 == 0 && i > len(epochs)-40 {
			b, err := p.engine.AppendDrift(nil)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(b)
		}
	}
	f.Add([]byte{})
	none, err := engine.New(w.plan).AppendDrift(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e := engine.New(w.plan)
		if err := e.ReadDrift(wire.NewReader(b)); err != nil {
			if held, err := e.AppendDrift(nil); err != nil || !bytes.Equal(held, none) {
				t.Fatalf("half read (%v)", err)
			}
			return
		}
		again, err := e.AppendDrift(nil)
		if err != nil {
			return
		}
		d := engine.New(w.plan)
		if err := d.ReadDrift(wire.NewReader(again)); err != nil {
			t.Fatal(err)
		}
		if third, err := d.AppendDrift(nil); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("other bytes (%v)", err)
		}
	})
}
