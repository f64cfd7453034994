package incident_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// clock is when people act: a day after the findings of these tests begin.
var clock = start.Add(24 * time.Hour)

// life folds findings and acts; an act names incidents by their place, "#0" the first that opened.
type life struct {
	t    *testing.T
	book *incident.Book
	n    int
}

func newLife(t *testing.T) *life { return &life{t: t, book: incident.NewBook()} }

func (l *life) id(place string) string {
	var n int
	if _, err := fmt.Sscanf(place, "#%d", &n); err == nil {
		return l.book.Incidents()[n].ID
	}
	return place
}

func (l *life) found(f finding.Finding) incident.Incident {
	_, inc := l.book.Fold(f)
	return inc
}

func (l *life) act(verb incident.Verb, place string, change ...func(*incident.Act)) ([]incident.Told, error) {
	l.t.Helper()
	l.n++
	a := incident.Act{ID: fmt.Sprintf("act-%d", l.n), At: clock.Add(time.Duration(l.n) * time.Minute), Actor: "ada", Verb: verb, Incident: l.id(place)}
	for _, c := range change {
		c(&a)
	}
	return l.book.Act(a)
}

func (l *life) must(verb incident.Verb, place string, change ...func(*incident.Act)) []incident.Told {
	l.t.Helper()
	told, err := l.act(verb, place, change...)
	if err != nil {
		l.t.Fatal(err)
	}
	return told
}

func comment(s string) func(*incident.Act) { return func(a *incident.Act) { a.Comment = s } }
func into(id string) func(*incident.Act)   { return func(a *incident.Act) { a.Into = id } }
func until(d time.Duration) func(*incident.Act) {
	return func(a *incident.Act) { a.Until = a.At.Add(d) }
}
func subjects(s ...string) func(*incident.Act) { return func(a *incident.Act) { a.Subjects = s } }
func says(v incident.Alarm) func(*incident.Act) {
	return func(a *incident.Act) { a.Verdict = v }
}

// The life that the statuses describe, and who did what and when.
func TestLife(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift, page))
	var statuses []string
	step := func(verb incident.Verb, change ...func(*incident.Act)) {
		told := l.must(verb, "#0", change...)
		statuses = append(statuses, string(told[0].Incident.Status))
	}
	step(incident.Acknowledge)
	step(incident.Assign, func(a *incident.Act) { a.Assignee = "grid-data" })
	step(incident.Remark, comment("the feed was replaced"))
	step(incident.Mitigate)
	step(incident.Resolve, comment("rolled back"))
	step(incident.Judge, says(incident.TrueAlarm))
	step(incident.Reopen)
	step(incident.Acknowledge, func(a *incident.Act) { a.Actor = "bob" })
	if got, want := strings.Join(statuses, " "), "acknowledged acknowledged acknowledged mitigated resolved resolved reopened acknowledged"; got != want {
		t.Errorf("statuses %s, want %s", got, want)
	}
	inc := l.book.Incidents()[0]
	var lines []string
	for _, e := range inc.Timeline {
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %s %s %s", e.At.Format("02 15:04"), e.What, e.Who, e.Text)))
	}
	want := `25 01:00 opened a location
26 00:01 acknowledged ada
26 00:02 assigned ada to grid-data
26 00:03 commented ada the feed was replaced
26 00:04 mitigated ada
26 00:05 resolved ada rolled back
26 00:06 judged ada true alarm
26 00:07 reopened ada
26 00:08 acknowledged bob`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("timeline\n%s\nwant\n%s", got, want)
	}
	if inc.Assignee != "grid-data" || inc.Verdict.By != "ada" || inc.Reopenings != 1 || inc.Pages != 1 {
		t.Errorf("assigned to %s, verdict %+v, %d reopenings, %d pages", inc.Assignee, inc.Verdict, inc.Reopenings, inc.Pages)
	}
}

func TestWhatAnIncidentDoesNotAllow(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(l *life) error
		want error
		says string
	}{
		"an unknown incident": {func(l *life) error { _, err := l.act(incident.Acknowledge, "nope"); return err }, incident.ErrUnknown, "nope"},
		"an unknown verb":     {func(l *life) error { _, err := l.act("ack", "#0"); return err }, incident.ErrAct, "acknowledge, mitigate"},
		"twice": {func(l *life) error {
			l.must(incident.Acknowledge, "#0")
			_, err := l.act(incident.Acknowledge, "#0")
			return err
		}, incident.ErrConflict, "acknowledged"},
		"to end what is over": {func(l *life) error {
			l.must(incident.Resolve, "#0")
			_, err := l.act(incident.Resolve, "#0")
			return err
		}, incident.ErrConflict, "resolved"},
		"to open what is": {func(l *life) error { _, err := l.act(incident.Reopen, "#0"); return err }, incident.ErrConflict, "it is open"},
		"a silence in the past": {
			func(l *life) error { _, err := l.act(incident.Hush, "#0", until(-time.Second)); return err },
			incident.ErrAct, "later than now",
		},
		"a silence for ever": {
			func(l *life) error { _, err := l.act(incident.Hush, "#0", until(91*24*time.Hour)); return err },
			incident.ErrAct, "90 days",
		},
		"no words":   {func(l *life) error { _, err := l.act(incident.Remark, "#0", comment(" ")); return err }, incident.ErrAct, "says something"},
		"no verdict": {func(l *life) error { _, err := l.act(incident.Judge, "#0", says("maybe")); return err }, incident.ErrAct, "false_alarm"},
		"nobody": {func(l *life) error {
			_, err := l.act(incident.Resolve, "#0", func(a *incident.Act) { a.Actor = "" })
			return err
		}, incident.ErrAct, "an actor"},
		"two lines": {func(l *life) error {
			_, err := l.act(incident.Resolve, "#0", func(a *incident.Act) { a.Actor = "a\nb" })
			return err
		}, incident.ErrAct, "printable"},
		"with itself":    {func(l *life) error { _, err := l.act(incident.Merge, "#0", into(l.id("#0"))); return err }, incident.ErrAct, "the other"},
		"with nothing":   {func(l *life) error { _, err := l.act(incident.Merge, "#0", into("nope")); return err }, incident.ErrUnknown, "nope"},
		"another model":  {func(l *life) error { _, err := l.act(incident.Merge, "#0", into(l.id("#1"))); return err }, incident.ErrConflict, "of model n"},
		"nothing left":   {func(l *life) error { _, err := l.act(incident.Split, "#0", subjects("a")); return err }, incident.ErrConflict, "nothing would be left"},
		"a strange part": {func(l *life) error { _, err := l.act(incident.Split, "#0", subjects("z")); return err }, incident.ErrConflict, "it has a"},
		"of a model": {func(l *life) error {
			_, err := l.act(incident.Resolve, "", func(a *incident.Act) { a.Model = "m" })
			return err
		}, incident.ErrAct, "not about a model"},
	} {
		l := newLife(t)
		l.found(at(1, "a", "location", finding.Drift))
		l.found(at(1, "a", "location", finding.Drift, model("n")))
		if err := c.do(l); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", name, err, c.want, c.says)
		}
	}
}

func TestAnActCountsOnce(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	same := func(a *incident.Act) { a.ID = "same" }
	if told := l.must(incident.Remark, "#0", same, comment("once")); told[0].Change != incident.Commented {
		t.Errorf("first: %s", told[0].Change)
	}
	if told := l.must(incident.Remark, "#0", same, comment("once")); told[0].Change != incident.None || len(told[0].Incident.Timeline) != 2 {
		t.Errorf("again: %q, timeline %v", told[0].Change, told[0].Incident.Timeline)
	}
	if _, err := l.act(incident.Remark, "#0", same, comment("twice")); !errors.Is(err, incident.ErrConflict) {
		t.Errorf("another act under the same id: %v", err)
	}
}

// What a person resolved stays so while its signals only go on; it is back when they come back, and then somebody is called.
func TestResolvedByAPerson(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift, page))
	l.must(incident.Resolve, "#0")
	if inc := l.found(at(30, "a", "location", finding.Drift, page)); inc.Status != incident.Resolved || inc.Calls {
		t.Errorf("it goes on: %s, calls %t", inc.Status, inc.Calls)
	}
	if inc := l.found(at(31, "a", "location", finding.Equivalent)); inc.Status != incident.Resolved || inc.Change != incident.Updated {
		t.Errorf("it recovers: %s, %s", inc.Status, inc.Change)
	}
	if inc := l.found(at(40, "a", "location", finding.Drift, page)); inc.Status != incident.OpenAgain || !inc.Calls || inc.Pages != 2 {
		t.Errorf("it is back: %s, calls %t, %d pages", inc.Status, inc.Calls, inc.Pages)
	}
	l = newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	l.must(incident.Resolve, "#0")
	if inc := l.found(at(30, "a", "location", finding.Drift, page)); inc.Status != incident.OpenAgain || !inc.Calls {
		t.Errorf("it got worse: %s, calls %t", inc.Status, inc.Calls)
	}
}

func TestSilence(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	l.must(incident.Hush, "#0", until(time.Hour), comment("deploy"))
	inc := l.found(at(2, "b", "location", finding.Drift, page))
	if inc.Calls || inc.Pages != 0 || inc.Silence == nil || inc.Silence.By != "ada" || inc.Silence.Why != "deploy" {
		t.Errorf("in a silence: calls %t, %d pages, %+v", inc.Calls, inc.Pages, inc.Silence)
	}
	if over := l.book.Ended(clock.Add(time.Hour), "alerter"); len(over) != 0 {
		t.Errorf("over before its end: %+v", over)
	}
	over := l.book.Ended(clock.Add(time.Hour+time.Minute), "alerter")
	if len(over) != 1 {
		t.Fatalf("%d silences are over", len(over))
	}
	told, err := l.book.Act(over[0])
	if err != nil || !told[0].Incident.Calls || told[0].Incident.Pages != 1 || told[0].Incident.Silence != nil {
		t.Errorf("at its end: %+v, %v", told, err)
	}
	if again := l.book.Ended(clock.Add(2*time.Hour), "alerter"); len(again) != 0 {
		t.Errorf("it ends twice: %+v", again)
	}
}

// A maintenance window is for what the model has, and for what it gets; another model hears nothing of it.
func TestSilenceOfAModel(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift, page))
	whole := func(a *incident.Act) { a.Incident, a.Model = "", "m" }
	if told := l.must(incident.Hush, "", whole, until(time.Hour)); len(told) != 1 || !told[0].Incident.Silence.Model {
		t.Errorf("told %+v", told)
	}
	if inc := l.found(at(100, "b", "constant", finding.Fault, page)); inc.Calls || inc.Silence == nil {
		t.Errorf("a new one: calls %t, %v", inc.Calls, inc.Silence)
	}
	if inc := l.found(at(100, "b", "constant", finding.Fault, page, model("n"))); !inc.Calls || inc.Silence != nil {
		t.Errorf("of another model: calls %t, %v", inc.Calls, inc.Silence)
	}
	over := l.book.Ended(clock.Add(2*time.Hour), "alerter")
	if len(over) != 1 || over[0].Model != "m" {
		t.Fatalf("over: %+v", over)
	}
	told, err := l.book.Act(over[0])
	if err != nil || len(told) != 2 || told[0].Incident.Calls || !told[1].Incident.Calls {
		t.Errorf("at its end: %+v, %v; want a call for the second only", told, err)
	}
}

// Of an incident's own silence and its model's the later end counts, and each ends by itself.
func TestTwoSilences(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	whole := func(a *incident.Act) { a.Incident, a.Model = "", "m" }
	l.must(incident.Hush, "#0", until(2*time.Hour))
	if told := l.must(incident.Hush, "", whole, until(time.Hour)); told[0].Incident.Silence.Model {
		t.Error("the shorter one counts")
	}
	l.found(at(2, "b", "location", finding.Drift, page))
	told := l.must(incident.Unhush, "", whole)
	if inc := told[0].Incident; inc.Silence == nil || inc.Calls {
		t.Errorf("one of two is over: %+v, calls %t", inc.Silence, inc.Calls)
	}
	if told := l.must(incident.Unhush, "#0"); told[0].Incident.Silence != nil || !told[0].Incident.Calls {
		t.Errorf("both are over: %+v", told[0].Incident)
	}
	if _, err := l.act(incident.Unhush, "#0"); !errors.Is(err, incident.ErrConflict) {
		t.Errorf("a third time: %v", err)
	}
}

func TestMergeAndSplit(t *testing.T) {
	l := newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	l.found(at(50, "b", "location", finding.Drift, page))
	told := l.must(incident.Merge, "#1", into(l.id("#0")))
	if len(told) != 2 || told[0].Incident.Status != incident.Resolved || told[0].Incident.MergedInto != l.id("#0") || line(told[1].Incident) != "open page a,b 0s+2" || told[1].Incident.Calls {
		t.Fatalf("merged: %+v", told)
	}
	if inc := l.found(at(51, "b", "location", finding.Drift)); inc.ID != l.id("#0") {
		t.Errorf("what goes on, goes on in %s", inc.ID)
	}
	if _, err := l.act(incident.Remark, "#1", comment("x")); !errors.Is(err, incident.ErrConflict) {
		t.Errorf("an act on what was merged: %v", err)
	}
	told = l.must(incident.Split, "#0", subjects("b"))
	if len(told) != 2 || told[0].Incident.ID != l.id("#0") || told[1].Incident.SplitFrom != l.id("#0") || told[1].Incident.Severity != finding.Page {
		t.Fatalf("split: %+v", told)
	}
	if inc := l.found(at(52, "b", "location", finding.Equivalent)); inc.ID != told[1].Incident.ID || inc.Status != incident.Resolved {
		t.Errorf("what left recovers in %s, %s", inc.ID, inc.Status)
	}
	// What is left ends with the split where only what left was open.
	l = newLife(t)
	l.found(at(1, "a", "location", finding.Drift))
	l.found(at(1, "b", "location", finding.Drift))
	l.found(at(2, "a", "location", finding.Equivalent))
	told = l.must(incident.Split, "#0", subjects("b"))
	if len(told) != 3 || told[2].Change != incident.Closed || told[2].Incident.Status != incident.Resolved || told[1].Incident.Status != incident.Open {
		t.Errorf("split: %+v", told)
	}
}

func TestRates(t *testing.T) {
	l := newLife(t)
	for i, v := range []incident.Alarm{incident.FalseAlarm, incident.TrueAlarm, incident.FalseAlarm, ""} {
		l.found(at(float64(1+i*10*24), "a", "constant", finding.Fault, page))
		l.found(at(float64(2+i*10*24), "a", "constant", finding.Equivalent))
		if v != "" {
			l.must(incident.Judge, fmt.Sprintf("#%d", i), says(v))
		}
	}
	rates := incident.Rates(l.book.Incidents())
	var got []string
	for i := range rates {
		r := &rates[i]
		got = append(got, fmt.Sprintf("%s %s: %d opened, %d pages, %d of %d false", r.Model, r.Month, r.Opened, r.Pages, r.FalsePages, r.Judged()))
	}
	want := "m : 4 opened, 4 pages, 2 of 3 false; m 2026-03: 1 opened, 1 pages, 1 of 1 false; m 2026-04: 3 opened, 3 pages, 1 of 2 false"
	if s := strings.Join(got, "; "); s != want {
		t.Errorf("%s, want %s", s, want)
	}
	// Wilson's interval of 2 of 3, by hand: (p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
	z, p, n := 1.959963984540054, 2.0/3, 3.0
	half := z * math.Sqrt(p*(1-p)/n+z*z/(4*n*n))
	low, high := (p+z*z/(2*n)-half)/(1+z*z/n), (p+z*z/(2*n)+half)/(1+z*z/n)
	if r := rates[0]; math.Abs(float64(r.Band[0])-low) > 1e-9 || math.Abs(float64(r.Band[1])-high) > 1e-9 {
		t.Errorf("band %v, want %v %v", r.Band, low, high)
	}
}

// Whatever was found and done, in whatever order: folding the same entries again gives the same incidents, an act that comes
// again changes nothing, and what is over has no open signal that nobody knows of.
func TestTheSameEntriesGiveTheSameIncidents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type entry struct {
			f *finding.Finding
			a *incident.Act
		}
		var entries []entry
		b := incident.NewBook()
		hours := 0.0
		for i := range rapid.IntRange(1, 30).Draw(t, "entries") {
			all := b.Incidents()
			if len(all) == 0 || rapid.Bool().Draw(t, "finding") {
				hours += rapid.SampledFrom([]float64{0, 1, 13, 50, 200}).Draw(t, "hours")
				v := rapid.SampledFrom([]finding.Verdict{finding.Drift, finding.Fault, finding.Equivalent, finding.Undecided}).Draw(t, "verdict")
				f := at(hours, rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "subject"), rapid.SampledFrom([]string{"location", "constant", "level"}).Draw(t, "channel"), v)
				if rapid.Bool().Draw(t, "page") {
					page(&f)
				}
				b.Fold(f)
				entries = append(entries, entry{f: &f})
				continue
			}
			pick := func(name string) *incident.Incident { return &all[rapid.IntRange(0, len(all)-1).Draw(t, name)] }
			inc := pick("incident")
			a := incident.Act{
				ID: fmt.Sprintf("act-%d", i), At: clock.Add(time.Duration(i) * time.Minute), Actor: "ada", Incident: inc.ID,
				Verb: rapid.SampledFrom(incident.Verbs()).Draw(t, "verb"),
			}
			switch a.Verb {
			case incident.Remark:
				a.Comment = "so"
			case incident.Hush:
				a.Until = a.At.Add(time.Hour)
			case incident.Merge:
				a.Into = pick("into").ID
			case incident.Split:
				a.Subjects = []string{inc.Subjects[0].Name}
			case incident.Judge:
				a.Verdict = incident.FalseAlarm
			default:
			}
			before := text(t, b)
			if _, err := b.Act(a); err != nil {
				if after := text(t, b); after != before {
					t.Fatalf("%s was refused (%v) and changed\n%s\nto\n%s", a.Verb, err, before, after)
				}
				continue
			}
			entries = append(entries, entry{a: &a})
		}
		again := incident.NewBook()
		for _, e := range entries {
			if e.f != nil {
				again.Fold(*e.f)
				continue
			}
			for range 2 {
				if _, err := again.Act(*e.a); err != nil {
					t.Fatal(err)
				}
			}
		}
		if got, want := text(t, again), text(t, b); got != want {
			t.Fatalf("folded again\n%s\nfirst\n%s", got, want)
		}
		for _, inc := range b.Incidents() {
			if inc.Status.Active() == (inc.ResolvedAt != nil) || inc.Pages > 0 && inc.Severity != finding.Page {
				t.Fatalf("%+v", inc)
			}
		}
	})
}

func text(t *rapid.T, b *incident.Book) string {
	out, err := json.MarshalIndent(b.Incidents(), "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
