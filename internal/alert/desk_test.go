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
