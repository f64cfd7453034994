package plan_test

import (
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline/fixture"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Who accepted a baseline, and why, is kept and changes nothing that is counted; a plan without it says nothing of it.
func TestAcceptedIsNotInTheDigest(t *testing.T) {
	p := fixture.Build(t, fixture.Contract)
	digest := p.Digest()
	b, err := p.JSON()
	if err != nil || strings.Contains(string(b), "accepted") {
		t.Fatalf("%v: %s", err, b)
	}
	q := *p
	q.Accepted = &plan.Accepted{By: "ada", Why: "new meters", From: p.From, Panes: p.Reference, Before: p.Baseline}
	if err := q.Seal(); err != nil || q.Digest() != digest {
		t.Errorf("the digest is %s, was %s: %v", q.Digest(), digest, err)
	}
	if b, err = q.JSON(); err != nil {
		t.Fatal(err)
	}
	back, err := plan.Read(b)
	if err != nil || back.Digest() != digest || back.Accepted == nil || *back.Accepted != *q.Accepted {
		t.Errorf("reads back as %+v: %v", back, err)
	}
	dearer := *p
	dearer.Policy.Digest, dearer.Policy.Tickets = "sha256:other", 9
	if governed, err := back.Policed(&dearer); err != nil || governed.Accepted == nil {
		t.Errorf("another policy forgets who accepted it: %v", err)
	}
}

// Panes merge where bins, fields and lengths are the same, whatever was learnt beside them and whatever the policy is.
func TestCountsLike(t *testing.T) {
	p := fixture.Build(t, fixture.Contract)
	for name, c := range map[string]struct {
		change func(*plan.Plan)
		want   bool
	}{
		"itself": {func(*plan.Plan) {}, true},
		"reference": {func(q *plan.Plan) {
			q.Baseline, q.Reference.From, q.ReferenceRows, q.Drift, q.TruthPane = "sha256:1", q.Reference.To, 7, []byte{1}, 48*time.Hour
			q.Columns[0].Reference.Mean, q.Columns[0].Reference.N = 5, 8
			q.Score.Labels, q.Score.Dispersion, q.Score.Views = 3, 2, nil
		}, true},
		"policy and era":    {func(q *plan.Plan) { q.Policy.Calendar, q.From = []plan.Span{q.Reference}, q.From.AddDate(1, 0, 0) }, true},
		"edges":             {func(q *plan.Plan) { q.Columns[0].Layout.Hi++ }, false},
		"score edges":       {func(q *plan.Plan) { q.Score.Edges = q.Score.Edges[1:] }, false},
		"threshold":         {func(q *plan.Plan) { q.Score.Threshold = .7 }, false},
		"length of a pane":  {func(q *plan.Plan) { q.TestPane *= 2 }, false},
		"promised range":    {func(q *plan.Plan) { q.Columns[0].Range = &[2]float64{0, 1} }, false},
		"what is read":      {func(q *plan.Plan) { q.Prediction.Where = "k > 1.0" }, false},
		"when it is mature": {func(q *plan.Plan) { q.MatureAfter += time.Hour }, false},
	} {
		b, err := p.JSON()
		if err != nil {
			t.Fatal(err)
		}
		q, err := plan.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		c.change(q)
		if err := q.Seal(); err != nil {
			t.Fatal(err)
		}
		got, err := p.CountsLike(q)
		if err != nil || got != c.want {
			t.Errorf("%s: %t, want %t (%v)", name, got, c.want, err)
		}
		if back, err := q.CountsLike(p); err != nil || back != got {
			t.Errorf("%s: the other way round %t, %v", name, back, err)
		}
	}
	if p.Columns[0].Reference.N == 0 || p.Score.Labels == 0 {
		t.Error("asking changed the plan")
	}
}
