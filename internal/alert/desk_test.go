package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

func (f *fixture) mustAct(t *testing.T, a incident.Act) []incident.Told {
	t.Helper()
	told, refused, err := f.act(t.Context(), f.stamped(a))
	if err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	f.mustDeliver(t)
	return told
}

// stamped gives an act what it would have from the desk.
func (f *fixture) stamped(a incident.Act) incident.Act {
	a.KindName, a.At, a.Actor = incident.KindAct, f.now, "ada"
	return a
}

func entries(t *testing.T, l *ledger.Ledger) (kinds []string) {
	t.Helper()
	if err := l.Each(t.Context(), "", 0, func(e ledger.Entry) error { kinds = append(kinds, e.Kind+" "+e.Actor); return nil }); err != nil {
		t.Fatal(err)
	}
	return kinds
}

func story(inc []incident.Incident) string {
	b, err := json.Marshal(inc)
	if err != nil {
		return err.Error()
	}
	return string(b)
}

// Acts are entries beside findings: a restart folds both as they came, and people are told of each once.
func TestActsAreEntries(t *testing.T) {
	l := open(t)
	sink := &recorder{name: "rec"}
	f := newFixture(t, l, sink)
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault), fault(t, "b", 1, finding.Fault)))
	id := f.book.Incidents()[0].ID
	ack := incident.Act{ID: "1", Verb: incident.Acknowledge, Incident: id}
	f.mustAct(t, ack)
	f.mustAct(t, ack)
	f.mustAct(t, incident.Act{ID: "2", Verb: incident.Split, Incident: id, Subjects: []string{"b"}})
	f.mustFold(t, records(t, 2, fault(t, "a", 50, finding.Equivalent)))
	f.mustAct(t, incident.Act{ID: "3", Verb: incident.Judge, Incident: id, Verdict: incident.FalseAlarm})
	if got, want := strings.Join(entries(t, l), ", "), "finding detector, finding detector, act ada, act ada, finding detector, act ada"; got != want {
		t.Errorf("entries %s, want %s", got, want)
	}
	var told []string
	for i := range sink.got {
		told = append(told, fmt.Sprintf("%s %t", sink.got[i].Change, sink.got[i].Calls))
	}
	if got, want := strings.Join(told, ", "), "opened true, acknowledged false, split false, split false, resolved false"; got != want {
		t.Errorf("told %s, want %s", got, want)
	}
	again := newFixture(t, l)
	if _, err := again.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := story(again.book.Incidents()), story(f.book.Incidents()); got != want {
		t.Errorf("after the restart\n%s\nbefore\n%s", got, want)
	}
	if _, refused, _ := again.act(t.Context(), again.stamped(ack)); refused != nil || len(entries(t, l)) != 6 {
		t.Errorf("the same act after the restart: %v, entries %q", refused, entries(t, l))
	}
	if _, err := l.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// What is refused enters nothing.
func TestRefusedActs(t *testing.T) {
	l := open(t)
	f := newFixture(t, l)
	_, refused, err := f.act(t.Context(), f.stamped(incident.Act{ID: "1", Verb: incident.Acknowledge, Incident: "nope"}))
	if !errors.Is(refused, incident.ErrUnknown) || err != nil || len(entries(t, l)) != 0 {
		t.Errorf("%v, %v, entries %q", refused, err, entries(t, l))
	}
}

// In a silence people hear nothing, then that it is over; the end is an entry and comes once.
func TestSilenceEnds(t *testing.T) {
	l := open(t)
	sink := &recorder{name: "rec"}
	f := newFixture(t, l, sink)
	f.mustAct(t, incident.Act{ID: "1", Verb: incident.Hush, Model: "credit", Until: f.now.Add(time.Hour)})
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	if len(sink.got) != 0 {
		t.Errorf("told in a silence: %q", sink.titles())
	}
	f.now = f.now.Add(time.Hour)
	for range 2 {
		if err := f.endSilences(t.Context()); err != nil {
			t.Fatal(err)
		}
		f.mustDeliver(t)
	}
	if len(sink.got) != 1 || sink.got[0].Change != incident.Unsilenced || !sink.got[0].Calls {
		t.Errorf("at its end: %+v", sink.got)
	}
	if got := entries(t, l); got[len(got)-1] != "act alerter" || len(got) != 3 {
		t.Errorf("entries %q", got)
	}
}

// Acts that come in while nobody works wait, and are told that they were not done.
func TestDesk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := open(t)
		f := newFixture(t, l)
		f.o.Desk = NewDesk()
		f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
		act := incident.Act{ID: "1", Actor: "ada", Verb: incident.Acknowledge, Incident: f.book.Incidents()[0].ID}
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := f.o.Desk.Do(short, act); !errors.Is(err, ErrAway) {
			t.Errorf("nobody works: %v", err)
		}
		ctx, stop := context.WithCancel(t.Context())
		worked := make(chan error)
		go func() { worked <- f.work(ctx, make(chan kgo.Fetches), targets{}) }()
		told, err := f.o.Desk.Do(t.Context(), act)
		if err != nil || told[0].Incident.Status != incident.Acknowledged || !told[0].Incident.Timeline[1].At.Equal(f.now) {
			t.Errorf("done: %+v, %v", told, err)
		}
		if _, err := f.o.Desk.Do(t.Context(), incident.Act{ID: "2", Actor: "ada", Verb: incident.Remark, Incident: act.Incident}); !errors.Is(err, incident.ErrAct) {
			t.Errorf("an empty comment: %v", err)
		}
		stop()
		if err := <-worked; err != nil {
			t.Error(err)
		}
	})
}

// Webhooks overtake one another. That somebody resolved or acknowledged elsewhere what has come back since closes nothing, also after a restart and whichever brought
// it back, a signal or a person; what they do after that counts, however late it is heard of; and what has no time of its own counts as it comes.
func TestALateWebhookClosesNothingThatIsBack(t *testing.T) {
	l := open(t)
	f := newFixture(t, l, &recorder{name: "rec"})
	minute := func(n int) time.Time { return f.now.Add(time.Duration(n) * time.Minute) }
	start := f.now
	at := func(n int) time.Time { return start.Add(time.Duration(n) * time.Minute) }
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	id := f.book.Incidents()[0].ID
	try := func(f *fixture, act string, verb incident.Verb, happened time.Time) error {
		t.Helper()
		_, refused, err := f.act(t.Context(), f.stamped(incident.Act{ID: act, Verb: verb, Incident: id, Happened: happened}))
		if err != nil {
			t.Fatal(err)
		}
		return refused
	}
	status := func(f *fixture) incident.Status { inc, _ := f.book.Find(id); return inc.Status }
	if err := try(f, "resolve", incident.Resolve, at(-1)); err != nil || status(f) != incident.Resolved {
		t.Fatalf("%v, it is %s", err, status(f))
	}
	f.mustFold(t, records(t, 1, fault(t, "a", 50, finding.Equivalent)))
	f.now = minute(10)
	f.mustFold(t, records(t, 2, fault(t, "a", 60, finding.Fault)))
	if status(f) != incident.OpenAgain {
		t.Fatalf("it is %s, want it back", status(f))
	}
	f.now = minute(10)
	for _, of := range []string{"live", "restarted"} {
		if of == "restarted" {
			again := newFixture(t, l, &recorder{name: "rec"})
			again.now = f.now
			if _, err := again.restore(t.Context()); err != nil {
				t.Fatal(err)
			}
			f = again
		}
		for _, verb := range []incident.Verb{incident.Resolve, incident.Acknowledge, incident.Mitigate} {
			if err := try(f, of+string(verb), verb, at(9)); !errors.Is(err, incident.ErrConflict) || status(f) != incident.OpenAgain {
				t.Errorf("%s: a late %s: %v, it is %s", of, verb, err, status(f))
			}
		}
	}
	if err := try(f, "now", incident.Resolve, at(11)); err != nil || status(f) != incident.Resolved {
		t.Errorf("a resolve of after that: %v, it is %s", err, status(f))
	}
	if err := try(f, "by hand", incident.Reopen, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := try(f, "late", incident.Resolve, at(15)); !errors.Is(err, incident.ErrConflict) {
		t.Errorf("a resolve of before somebody reopened it: %v", err)
	}
	if err := try(f, "timeless", incident.Resolve, time.Time{}); err != nil || status(f) != incident.Resolved {
		t.Errorf("one without a time: %v", err)
	}
}
