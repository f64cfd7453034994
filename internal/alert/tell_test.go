package alert

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/notify"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// targets are recorders made for whom routes name.
type recorders map[string]*recorder

func (r recorders) make(t notify.Target) (Sink, error) {
	if t.Address == "nobody" {
		return nil, errors.New("no routing key for it")
	}
	if r[t.Name()] == nil {
		r[t.Name()] = &recorder{name: t.Name()}
	}
	return r[t.Name()], nil
}

func routed(t *testing.T, l *ledger.Ledger, rs recorders, routes ...plan.Route) *fixture {
	t.Helper()
	f := newFixture(t, l)
	f.o.Target = rs.make
	f.setRoutes("credit", &plan.Policy{Owners: map[string]string{"data": "team"}, Notify: routes})
	return f
}

func (f *fixture) mustTick(t *testing.T) {
	t.Helper()
	if err := f.tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mustDeliver(t)
}

func (f *fixture) mustDo(t *testing.T, verb incident.Verb, id string) {
	t.Helper()
	_, refused, err := f.act(t.Context(), incident.Act{KindName: incident.KindAct, ID: string(verb) + id, At: f.now, Actor: "ada", Verb: verb, Incident: id})
	if err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	f.mustDeliver(t)
}

func statuses(r *recorder) []string {
	var out []string
	if r != nil {
		for i := range r.got {
			out = append(out, string(r.got[i].Status))
		}
	}
	return out
}

// Who was told of an incident is told how it goes on; an escalation comes once nobody has acknowledged it, also after a restart, and once.
func TestEscalation(t *testing.T) {
	for _, acknowledged := range []bool{false, true} {
		l, rs := open(t), recorders{}
		routes := []plan.Route{{Severity: "page", PagerDuty: "ops"}, {Severity: "page", After: 15 * time.Minute, PagerDuty: "boss"}, {Severity: "ticket", Slack: "#tickets"}, {PagerDuty: "nobody"}}
		f := routed(t, l, rs, routes...)
		f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
		id := f.book.Incidents()[0].ID
		f.now = f.now.Add(14 * time.Minute)
		f.mustTick(t)
		if acknowledged {
			f.mustDo(t, incident.Acknowledge, id)
		}

		again := routed(t, l, rs, routes...)
		again.now = f.now
		if _, err := again.restore(t.Context()); err != nil {
			t.Fatal(err)
		}
		again.mustTick(t)
		if len(statuses(rs["pagerduty:boss"])) != 0 {
			t.Error("escalated early")
		}
		again.now = again.now.Add(time.Minute)
		again.mustTick(t)
		again.mustTick(t)
		again.mustFold(t, records(t, 1, fault(t, "a", 50, finding.Equivalent)))
		ops, boss := []string{"open", "resolved"}, []string{"open", "resolved"}
		if acknowledged {
			ops, boss = []string{"open", "acknowledged", "resolved"}, nil
		}
		if got := statuses(rs["pagerduty:ops"]); !slices.Equal(got, ops) {
			t.Errorf("acknowledged %t: ops were told %q, want %q", acknowledged, got, ops)
		}
		if got := statuses(rs["pagerduty:boss"]); !slices.Equal(got, boss) {
			t.Errorf("acknowledged %t: boss was told %q, want %q", acknowledged, got, boss)
		}
		if got := statuses(rs["slack:#tickets"]); got != nil {
			t.Errorf("a page went to the tickets: %q", got)
		}
		given, err := l.Abandoned(t.Context(), "", "", 10)
		if err != nil || len(given) == 0 || given[0].Sink != "pagerduty:nobody" {
			t.Errorf("whom nothing leads to: %+v, %v; want a message given up", given, err)
		}
	}
}

// What is still open when hours begin is told then; a silence keeps it from being told until it ends.
func TestHoursAndSilence(t *testing.T) {
	rs := recorders{}
	f := routed(t, open(t), rs, plan.Route{Hours: &[2]int{9 * 60, 17 * 60}, Slack: "#day"}, plan.Route{Slack: "#all"}) // the fixture's clock begins at midnight
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	id := f.book.Incidents()[0].ID
	f.now = f.now.Add(9*time.Hour - time.Second)
	f.mustTick(t)
	if got := statuses(rs["slack:#day"]); got != nil {
		t.Errorf("told before its hours: %q", got)
	}
	_, refused, err := f.act(t.Context(), incident.Act{KindName: incident.KindAct, ID: "s", At: f.now, Actor: "ada", Verb: incident.Hush, Incident: id, Until: f.now.Add(time.Hour)})
	if err != nil || refused != nil {
		t.Fatal(err, refused)
	}
	f.now = f.now.Add(30 * time.Minute)
	f.mustTick(t)
	if got := statuses(rs["slack:#day"]); got != nil {
		t.Errorf("told in a silence: %q", got)
	}
	f.now = f.now.Add(31 * time.Minute)
	f.mustTick(t)
	if got := statuses(rs["slack:#day"]); len(got) != 1 {
		t.Errorf("after the silence, in its hours: %q, want it told once", got)
	}
	f.mustTick(t)
	if got := statuses(rs["slack:#day"]); len(got) != 1 {
		t.Errorf("told again: %q", got)
	}
}

// A digest is sent once at its time, whatever restarts.
func TestDigest(t *testing.T) {
	l, rs := open(t), recorders{}
	route := plan.Route{Digest: plan.Daily, At: 9 * 60, Slack: "#week"}
	f := routed(t, l, rs, route)
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	sent := func() int {
		n := 0
		if err := l.Each(t.Context(), entryDigest, 0, func(ledger.Entry) error { n++; return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	f.now = f.now.Add(8 * time.Hour)
	f.mustTick(t) // for yesterday's nine o'clock
	first := sent()
	for range 3 {
		f.now = f.now.Add(time.Hour)
		f.mustTick(t)
	}
	again := routed(t, l, rs, route)
	again.now = f.now
	if _, err := again.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	again.mustTick(t)
	if first != 1 || sent() != 2 || len(statuses(rs["slack:#week"])) != 2 {
		t.Errorf("%d digests before nine, %d in all, %d arrived; want 1, 2 and 2", first, sent(), len(statuses(rs["slack:#week"])))
	}
}
