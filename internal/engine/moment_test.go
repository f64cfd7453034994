package engine_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// swift has 300 events an hour, a test pane an hour and moments of ten minutes.
func swift(tb testing.TB, change func(s *sample, rng *rand.Rand)) *world {
	tb.Helper()
	w := learn(tb, 2, generate(3, 3, 7200, change), "")
	if w.plan.Moment() != 10*time.Minute || w.plan.Pane != time.Hour {
		tb.Fatalf("moments of %s in panes of %s", w.plan.Moment(), w.plan.Pane)
	}
	return w
}

// clock is the time of day, on the day after the reference.
func clock(hour, minute int) time.Time {
	return day(2).Add(time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute)
}

// faults says the hard faults, with their windows, and how many events they are of.
func faults(findings []finding.Finding) []string {
	out := []string{}
	for i := range findings {
		f := &findings[i]
		if f.Verdict == finding.Fault || f.Channel == "missing" || f.Channel == "constant" {
			out = append(out, fmt.Sprintf("%s %s %s %s-%s: %.3g of %d, offsets %v", f.Subject, f.Channel, f.Verdict,
				f.Window.Start.Format("15:04"), f.Window.End.Format("15:04"), float64(f.Value), f.N.Current, f.Offsets["p"]["0"]))
		}
	}
	return out
}

// A column that goes missing in the middle of an hour is told half an hour later, with the moment it began; one that was constant with the
// moment it first moved. Both are told once, and end with the third whole test pane without them.
func TestHardFaultsAreToldWhileThePaneIsOpen(t *testing.T) {
	t.Parallel()
	w := swift(t, func(s *sample, _ *rand.Rand) {
		if !s.at.Before(clock(5, 20)) && s.at.Before(clock(6, 50)) {
			s.x = math.NaN()
		}
		if s.at.Equal(clock(6, 15)) {
			s.k = 4
		}
	})
	want := []string{
		"x missing fault 05:20-05:50: 1 of 150, offsets [16000 16149]",
		"k constant fault 06:10-06:20: 0.02 of 50, offsets [16250 16299]",
		"x missing equivalent 09:00-10:00: 0 of 300, offsets [17100 17399]",
		"k constant equivalent 09:00-10:00: 0 of 300, offsets [17100 17399]",
	}
	p, o := w.epochs(1)
	found := w.judge(interleave(p, o))
	if d := cmp.Diff(want, faults(found)); d != "" {
		t.Error(d)
	}
	for i := range found {
		if f := &found[i]; f.Verdict == finding.Fault && f.Severity != finding.Page {
			t.Errorf("%s is a %s", f.Subject, f.Severity)
		}
	}

	// Not how it is cut, nor stopping anywhere, shows.
	for name, got := range map[string][]finding.Finding{
		"epochs of a day": w.judge(interleave(w.epochs(24))),
		"stopped after every epoch": func() (out []finding.Finding) {
			at := w.start()
			for _, ep := range interleave(p, o) {
				out = w.feed(at, &ep, out)
				at = w.restarted(at)
			}
			return out
		}(),
	} {
		panes, _ := lanes(got)
		mine, _ := lanes(found)
		if d := cmp.Diff(encode(t, mine), encode(t, panes)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// What is missing from two moments only, or from all events but one of each, is no fault; nor is what is odd in the reference's own time or
// in a declared odd period.
func TestMomentsThatTellNothing(t *testing.T) {
	t.Parallel()
	change := func(s *sample, _ *rand.Rand) {
		switch minute := s.at.Minute(); {
		case s.at.After(clock(5, 20)) && s.at.Before(clock(5, 39)):
			s.x = math.NaN()
		case s.at.After(clock(8, 0)) && s.at.Before(clock(9, 0)) && (minute%10 != 3 || s.at.Second() != 0):
			s.x = math.NaN()
		case s.at.Before(day(1)) && s.at.After(day(0).Add(20*time.Hour)) && minute < 30: // less than a hundredth of the reference
			if s.at.Hour() == 21 {
				s.x = math.NaN()
			}
		}
	}
	if got := faults(swift(t, change).run()); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	all := func(s *sample, _ *rand.Rand) {
		if s.at.After(clock(5, 0)) && s.at.Before(clock(7, 30)) {
			s.x, s.k = math.NaN(), 9
		}
	}
	w := swift(t, all)
	w.plan.Policy.Calendar = []plan.Span{{From: clock(4, 0), To: clock(8, 0)}}
	if got := faults(w.run()); len(got) > 0 {
		t.Errorf("in a declared odd period: %v", got)
	}
	w.plan.Policy.Calendar = nil
	got := faults(w.run())
	if len(got) == 0 || !slices.ContainsFunc(got, func(s string) bool { return s[:1] == "k" }) {
		t.Errorf("without the declaration: %v", got)
	}
}

// What is written is what was moved. A time without events passes moments, and an engine that goes on from what was written before must not take
// for open what has been passed.
func TestMomentsThatPassWithoutEvents(t *testing.T) {
	t.Parallel()
	w := swift(t, func(s *sample, _ *rand.Rand) {
		if s.at.Equal(clock(6, 1)) {
			s.k = 4
		}
	})
	epochs := interleave(w.epochs(1))
	p, found := w.start(), []finding.Finding{}
	upTo := 2 * (2*24 + 6) // to 6 o'clock
	for i := range epochs[:upTo] {
		found = w.feed(p, &epochs[i], found)
	}
	idle := func(at time.Time) epoch {
		last := *epochs[upTo-2].coverage
		last.From, last.Watermark = last.To, plan.Micros(at)
		return epoch{coverage: &last, marks: []record.Mark{{Source: last.Source, Watermark: last.Watermark}}}
	}
	first, second := idle(clock(6, 14)), idle(clock(6, 24))
	found = w.feed(p, &first, found)
	written := w.restarted(p)
	p.engine.Moved()
	found = w.feed(p, &second, found)
	if len(found) > 0 {
		t.Fatalf("found %v", lines(found))
	}
	if p.engine.Moved() { // as a detector does
		written = w.restarted(p)
	}
	written.clock = p.clock // which is written always
	late := epochs[upTo]
	late.coverage, late.marks = nil, nil
	if a, b := faults(w.feed(p, &late, nil)), faults(w.feed(written, &late, nil)); !slices.Equal(a, b) {
		t.Errorf("found %v, and after a restart %v", a, b)
	}
}

// A fault is told once what has come of its moments has had the time that faults wait, not all the time that events may be late; and as if it had been
// told at once where the stream is cut otherwise.
func TestHardFaultsDoNotWaitForLateEvents(t *testing.T) {
	t.Parallel()
	broken := func(s *sample, _ *rand.Rand) {
		if !s.at.Before(clock(5, 20)) {
			s.x = math.NaN()
		}
	}
	for _, c := range []struct {
		faults time.Duration
		want   string // when the last event before it was told came
	}{
		{5 * time.Second, "06:00"}, {time.Hour, "07:00"},
	} {
		w := swift(t, broken)
		w.plan.Lateness, w.plan.FaultLateness = time.Hour, &c.faults
		p, found := w.start(), []finding.Finding{}
		got := ""
		for _, ep := range interleave(w.epochs(1)) {
			if found = w.feed(p, &ep, found); len(faults(found)) > 0 && got == "" && ep.coverage != nil {
				got = plan.FromMicros(ep.coverage.Watermark).Round(time.Minute).Format("15:04")
			}
		}
		if got != c.want {
			t.Errorf("faults wait %s: told at %s, want %s", c.faults, got, c.want)
		}
		if list := faults(found); len(list) == 0 || list[0] != "x missing fault 05:20-05:50: 1 of 150, offsets [16000 16149]" {
			t.Errorf("faults wait %s: %v", c.faults, list)
		}
	}
}

// A few events that are far ahead of all others don't speak for them: what a fast clock sends is judged with the rest, once that has come.
func TestFewEventsDoNotSpeakForAll(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		few  int // one in so many events is early, and has no x
		soon []string
		then []string
	}{
		{5, []string{}, []string{}},
		{2, []string{"x missing fault 05:00-05:12: 1 of 30, offsets [15900 15958]"}, []string{"x missing fault 05:00-05:12: 1 of 30, offsets [15900 15958]"}},
	} {
		w := swift(t, func(*sample, *rand.Rand) {})
		w.plan.ReferenceRows *= 4 // of which 300 an hour are a quarter
		w.plan.Lateness = time.Hour
		if w.plan.Moment() != 2*time.Minute {
			t.Fatalf("moments of %s", w.plan.Moment())
		}
		counter, err := collect.New(w.plan, collect.NewJoiner(func(string) *plan.Plan { return w.plan }))
		if err != nil {
			t.Fatal(err)
		}
		p, found := w.start(), []finding.Finding{}
		send := func(early bool, upTo time.Time) {
			for i := range w.samples {
				s := &w.samples[i]
				if s.at.Before(clock(5, 0)) || !s.at.Before(clock(5, 55)) || (i%c.few == 0) != early {
					continue
				}
				if early {
					s.x = math.NaN()
				}
				counter.Predictions(collect.Source{Topic: "p"}, w.predictions(i, i+1))
			}
			src := record.Source{Topic: "p", Partitions: 1}
			found = w.feed(p, &epoch{cells: counter.Take(), coverage: &record.Coverage{Source: src, Watermark: plan.Micros(upTo)}}, found)
		}
		send(true, clock(5, 56))
		if d := cmp.Diff(c.soon, faults(found)); d != "" {
			t.Errorf("one in %d, before the others have come: %s", c.few, d)
		}
		send(false, clock(6, 56))
		if d := cmp.Diff(c.then, faults(found)); d != "" {
			t.Errorf("one in %d, after they have come: %s", c.few, d)
		}
	}
}

// A fault that comes back right after it was mended is told with the moment in which it came back, though what was glimpsed of it came while it was still open.
func TestFaultsThatComeBackAreDated(t *testing.T) {
	t.Parallel()
	told := func(late *time.Duration, hours int) []string {
		w := swift(t, func(s *sample, _ *rand.Rand) {
			if !s.at.Before(clock(5, 20)) && s.at.Before(clock(6, 50)) || !s.at.Before(clock(10, 0)) {
				s.x, s.k = math.NaN(), 4
			}
		})
		w.plan.Lateness, w.plan.FaultLateness = time.Hour, late
		return faults(w.judge(interleave(w.epochs(hours))))
	}
	soon := 5 * time.Second
	want := told(nil, 1)
	for _, hours := range []int{1, 3, 24} {
		got := told(&soon, hours)
		slices.Sort(got)
		sorted := slices.Sorted(slices.Values(want))
		if d := cmp.Diff(sorted, got); d != "" {
			t.Errorf("epochs of %d hours: %s", hours, d)
		}
	}
	if !slices.Contains(want, "x missing fault 10:00-10:30: 1 of 150, offsets [17400 17549]") {
		t.Errorf("%v", want)
	}
}
