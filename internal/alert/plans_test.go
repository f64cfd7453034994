package alert

import (
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// A contract that was put in force is a change event, once, whatever restarts; an incident that begins with it names it.
func TestContractsAreChanges(t *testing.T) {
	l := open(t)
	plans := bus.Plans{"credit": plan.History{
		{Model: "credit", Contract: "sha256:aaaaaaaaaaaaaa"},
		{Model: "credit", Contract: "sha256:bbbbbbbbbbbbbb", From: onset.Add(-time.Hour), Policy: plan.Policy{Digest: "p2"}},
	}}
	f := newFixture(t, l)
	f.plans = plans
	for range 2 {
		if err := f.foldPlans(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	again := newFixture(t, l)
	again.plans = plans
	if _, err := again.restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := again.foldPlans(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(entries(t, l), ", "); got != "change plumbline, finding detector" {
		t.Errorf("entries %s", got)
	}
	inc := again.book.Incidents()[0]
	if len(inc.Changes) != 1 || inc.Changes[0].What != "policy" || inc.Changes[0].Version != "bbbbbbbbbbbb" || inc.Changes[0].Names != "model" || inc.Changes[0].Before != 3600 {
		t.Errorf("changes %+v", inc.Changes)
	}
	// One that comes while the incident is open, and was in force before it began, is shown in it then.
	again.plans["credit"] = append(again.plans["credit"], &plan.Plan{Model: "credit", Contract: "sha256:cccccccccccccc", From: onset.Add(-time.Minute)})
	if err := again.foldPlans(t.Context()); err != nil {
		t.Fatal(err)
	}
	if inc := again.book.Incidents()[0]; len(inc.Changes) != 2 || inc.Changes[0].Version != "cccccccccccc" {
		t.Errorf("changes %+v", inc.Changes)
	}
}
