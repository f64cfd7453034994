package demo

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

func replayed(t *testing.T) Result {
	t.Helper()
	var got Result
	err := Run(t.Context(), Options{
		Screen: Silent{}, Logger: zap.NewNop(), Metrics: prometheus.NewRegistry(),
		Drained: func(_ context.Context, r Result) error { got = r; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// encode renders what is compared; of incidents without how retraining stands, which bears the alerter's clock and is no matter of check.
func encode(t *testing.T, v any) string {
	t.Helper()
	if all, ok := v.([]incident.Incident); ok {
		all = slices.Clone(all)
		for i := range all {
			all[i].Retraining = nil
		}
		v = all
	}
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// withoutOffsets leaves out what only says where the events lay.
func withoutOffsets(in []finding.Finding) []finding.Finding {
	out := slices.Clone(in)
	for i := range out {
		out[i].Offsets = nil
	}
	return out
}

// withoutClock leaves out what the alerter did by the clock: whether retraining is looked at during a run depends on how long it takes.
func withoutClock(in []incident.Incident) []incident.Incident {
	out := slices.Clone(in)
	for i := range out {
		out[i].Retraining = nil
	}
	return out
}

// Two replays give the same bytes, and a check of the file gives what the stream gave.
func TestStreamAndCheckAgree(t *testing.T) {
	first, second := replayed(t), replayed(t)
	if diff := cmp.Diff(encode(t, withoutClock(first.Incidents)), encode(t, withoutClock(second.Incidents))); diff != "" {
		t.Errorf("two runs differ in their incidents:\n%s", diff)
	}
	if diff := cmp.Diff(encode(t, first.Findings), encode(t, second.Findings)); diff != "" {
		t.Errorf("two runs differ in their findings:\n%s", diff)
	}
	c, err := Contract()
	if err != nil {
		t.Fatal(err)
	}
	report, err := check.Run(c, Files(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) == 0 {
		t.Fatal("no findings to compare")
	}
	if diff := cmp.Diff(encode(t, withoutOffsets(report.Findings)), encode(t, withoutOffsets(first.Findings))); diff != "" {
		t.Errorf("check and stream differ in their findings (-check +stream):\n%s", diff)
	}
	if diff := cmp.Diff(encode(t, report.Incidents), encode(t, withoutClock(first.Incidents))); diff != "" {
		t.Errorf("check and stream differ in their incidents (-check +stream):\n%s", diff)
	}
	story(t, first)
}

// story holds what the demo must tell.
func story(t *testing.T, r Result) {
	t.Helper()
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	var decay, market *incident.Incident
	for i := range r.Incidents {
		inc := &r.Incidents[i]
		if inc.Severity == finding.Page && inc.OpenedAt.Before(at("1997-03-08T00:00:00Z")) {
			t.Errorf("a page before 1997-03-08: %s", inc.Title)
		}
		if (inc.Cause.Kind == "concept_drift" || inc.Cause.Kind == "performance") && decay == nil {
			decay = inc
		}
		if inc.Cause.Kind == "released" && market == nil {
			market = inc
		}
	}
	if decay == nil || !decay.Onset.Equal(at("1997-03-10T00:00:00Z")) || !decay.OpenedAt.Before(at("1997-04-01T00:00:00Z")) || decay.Impact == nil || !(decay.Impact.PerDay > 0) {
		t.Errorf("the model's decay of 1997-03-10 is not told: %s", encode(t, decay))
	}
	if market == nil || !market.Onset.Equal(at("1997-05-05T00:00:00Z")) {
		t.Fatalf("the opening of the market on 1997-05-05 is not told: %s", encode(t, market))
	}
	var names []string
	for _, s := range market.Subjects {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if !slices.Equal(names, []string{"transfer", "vicdemand", "vicprice"}) {
		t.Errorf("the opening of the market names %v", names)
	}
}
