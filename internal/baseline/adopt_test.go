package baseline_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// A contract that names a baseline gets the plan that holds it, under its own policy; one that counts otherwise is told where.
func TestAdopt(t *testing.T) {
	holder := build(t, draft(t, 8, ""), steady(9, 48))
	holder.Accepted = &plan.Accepted{By: "ada", Why: "new meters"}
	another := func(more string, change func(string) string) *plan.Plan {
		text := change(head) + more + "watch: {reference: {baseline: " + holder.Baseline + "}, false_alarms: {tickets: 9/30d}}\n"
		p, err := plan.Draft(parsed(t, text))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	same := func(s string) string { return s }
	got, err := baseline.Adopt(another("", same), holder)
	if err != nil {
		t.Fatal(err)
	}
	if got.Digest() != holder.Digest() || got.Baseline != holder.Baseline || got.Contract == holder.Contract || got.Policy.Tickets == holder.Policy.Tickets || got.Accepted == nil {
		t.Errorf("plan %s with baseline %s, want %s and %s; contract %s, %g tickets", got.Digest(), got.Baseline, holder.Digest(), holder.Baseline, got.Contract, got.Policy.Tickets)
	}
	if d := cmp.Diff(holder.Unjudged, got.Unjudged); d != "" {
		t.Error(d)
	}
	for want, p := range map[string]*plan.Plan{
		"in the inputs and derived columns": another("", func(s string) string { return strings.Replace(s, "  x: {type: numeric}", "  z: {type: numeric}", 1) }),
		"in what the contract says of x": another("", func(s string) string {
			return strings.Replace(s, "x: {type: numeric}", "x: {type: numeric, range: [0, 1]}", 1)
		}),
		"in the rules":                          another("rules: [{name: small, expr: \"x < 1.0\"}]\n", same),
		"in the slices":                         another("", func(s string) string { return strings.Replace(s, "slices: [[seg]]", "slices: [[cat]]", 1) }),
		"in what is read, joined or decided":    another("", func(s string) string { return strings.Replace(s, "keep: 2d", "keep: 3d", 1) }),
		"in the score and what outcomes showed": another("decision: {threshold: 0.7}\n", same),
	} {
		if _, err := baseline.Adopt(p, holder); !errors.Is(err, baseline.ErrAdopt) || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	if holder.Score.Threshold != .5 || holder.Columns[0].Name != "x" {
		t.Error("the plan that holds it was changed")
	}
}

// A baseline from before the time that predictions took was counted goes on being one: that column is left out.
func TestAdoptFromBeforeLatencyWasCounted(t *testing.T) {
	timed := strings.Replace(head, "score: score}", "score: score, latency: took}", 1)
	contract := func(reference string) *plan.Plan {
		p, err := plan.Draft(parsed(t, timed+"watch: {reference: {"+reference+"}}\n"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	old := contract("from: 2024-01-01, to: 2024-01-09")
	if last := old.Columns[len(old.Columns)-1]; last.Name != "took" {
		t.Fatalf("the last column is %s", last.Name)
	}
	old.Columns = old.Columns[:len(old.Columns)-1]
	holder := build(t, old, steady(9, 48))
	holder.Format = 4 // as it was published
	got, err := baseline.Adopt(contract("baseline: "+holder.Baseline), holder)
	if err != nil || got.Digest() != holder.Digest() {
		t.Errorf("%+v, %v", got, err)
	}
}
