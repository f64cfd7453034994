//go:build integration

package integration

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// What people type, on real parts: a file is published, counted and judged; the very events behind an incident are read again; a
// backfill of what was counted live changes nothing, and one of a history that was not makes the same panes.
func TestVerbs(t *testing.T) {
	s := fresh(t)
	s.ran("topics", "create")
	s.apply(contractFile())
	s.ran("produce", contractFile(), dataFile(), "--outcome-delay", "30m", "--partitions", "4", "--set", "model_version=v1") // tests before this one may have left a schema that has it
	s.startAll()
	s.settle()
	compare(t, "after produce", s.verdicts())

	if list := s.ran("contract", "list"); !strings.Contains(list, "electricity-price") {
		t.Errorf("contract list:\n%s", list)
	}
	s.inspected()

	counted := s.ran("panes", "electricity-price", "--json")
	if n := strings.Count(counted, `"kind":"test"`) + strings.Count(counted, `"kind": "test"`); n < 500 {
		t.Fatalf("%d cells of test panes:\n%s", n, tail(counted, 3))
	}
	s.ran("backfill", contractFile(), "--data", dataFile(), "--outcome-delay", "30m")
	if again := s.ran("panes", "electricity-price", "--json"); again != counted {
		t.Error("a backfill changed panes that were counted live")
	}

	// The same history into an installation that has read nothing.
	past := fresh(t)
	past.ran("topics", "create")
	past.apply(contractFile())
	past.ran("backfill", contractFile(), "--data", dataFile(), "--outcome-delay", "30m")
	if got := past.ran("panes", "electricity-price", "--json", "--to", "1998-01-01"); got != s.ran("panes", "electricity-price", "--json", "--to", "1998-01-01") {
		t.Error("the panes of a backfill are not those that were counted live")
	}
}

// inspected reads events again: of every incident of predictions some, and of a day each one.
func (s *system) inspected() {
	s.t.Helper()
	for _, object := range s.verdicts().incidents {
		var i struct {
			ID    string
			Onset time.Time
		}
		if err := json.Unmarshal([]byte(object), &i); err != nil {
			s.t.Fatal(err)
		}
		events := s.events("inspect", i.ID, "--json", "--limit", "5")
		if len(events) == 0 || len(events) > 5 { // a fault of an hour has two
			s.t.Errorf("inspect %s shows %d events", i.ID, len(events))
		}
		for _, e := range events {
			if e.Time.Before(i.Onset) {
				s.t.Errorf("inspect %s shows an event of %s, before the onset %s", i.ID, e.Time, i.Onset)
			}
		}
	}
	day := []string{"inspect", "--model", "electricity-price", "--window", "1997-05-05/1997-05-06", "--json", "--limit", "0"}
	all, moved := s.events(day...), s.events(append(day, "--where", "vicprice > 0.004")...)
	if len(all) != 48 {
		s.t.Errorf("a day has %d events, want one per half hour", len(all))
	}
	want := 0
	for _, e := range all {
		if v, ok := e.Inputs["vicprice"].(float64); ok && v > 0.004 {
			want++
		}
	}
	if want == 0 || want == len(all) || len(moved) != want {
		s.t.Errorf("%d events match the condition, want %d of %d", len(moved), want, len(all))
	}
}

type event struct {
	Time   time.Time
	Inputs map[string]any
}

func (s *system) events(args ...string) []event {
	s.t.Helper()
	var out []event
	for line := range strings.Lines(s.ran(args...)) {
		if !strings.HasPrefix(line, `{"kind":"event"`) {
			continue // the summary, from the error output
		}
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		out = append(out, e)
	}
	return out
}

// ran runs plumbline and returns what it said; it must succeed.
func (s *system) ran(args ...string) string {
	s.t.Helper()
	code, out := s.run(args...)
	if code != 0 {
		s.t.Fatalf("plumbline %s ends with %d:\n%s", strings.Join(args, " "), code, tail(out, 10))
	}
	return out
}
