package change_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// What is in force changes with every plan after the first; the events can be read by whoever reads changes, and say the same again.
func TestOfPlans(t *testing.T) {
	under := func(contract, policy string, from time.Time) *plan.Plan {
		return &plan.Plan{Model: "credit", Contract: "sha256:" + contract, Policy: plan.Policy{Digest: policy}, From: from}
	}
	h := plan.History{under("aaaaaaaaaaaaaaaa", "p1", time.Time{}), under("bbbbbbbbbbbbbbbb", "p2", at), under("cccccccccccccccc", "p2", at.Add(time.Hour))}
	h[2].Accepted = &plan.Accepted{By: "ada", Why: "a new tariff"}
	got := change.OfPlans(h)
	if len(got) != 2 || len(change.OfPlans(h[:1])) != 0 || len(change.OfPlans(nil)) != 0 {
		t.Fatalf("%+v", got)
	}
	if e := got[0]; e.What != change.Policy || !e.At.Equal(at) || e.From != "aaaaaaaaaaaa" || e.Version != "bbbbbbbbbbbb" || e.Actor != "plumbline" || e.Models[0] != "credit" {
		t.Errorf("%+v", e)
	}
	if e := got[1]; e.Actor != "ada" || e.Comment != "a new normal was accepted: a new tariff" {
		t.Errorf("%+v", e)
	}
	if d := cmp.Diff(got, change.OfPlans(h)); d != "" {
		t.Error(d)
	}
	for _, e := range append(got, change.OfVersion("credit", "v8", "v7", at)) {
		body, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := change.Read(body); err != nil || !cmp.Equal(back, e) {
			t.Errorf("%s: %v %s", body, err, cmp.Diff(e, back))
		}
	}
}
