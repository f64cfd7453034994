package engine_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Plans of formats before 5 name a latency and don't count it: promises on it are told as not judged.
func TestPlansThatCountNoLatency(t *testing.T) {
	without := 0
	for _, file := range []string{"v3", "v4", "v5"} {
		b, err := os.ReadFile("../plan/testdata/" + file + "/plan.json")
		if err != nil {
			t.Fatal(err)
		}
		var raw map[string]any
		if err := json.Unmarshal(b, &raw); err != nil {
			t.Fatal(err)
		}
		p, err := plan.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		counted := false
		for i := range p.Columns {
			counted = counted || p.Columns[i].Field == p.Prediction.Roles.Latency
		}
		limit := 0.25
		pr := plan.Promise{Metric: "scoring_latency_p95", Max: &limit, Over: p.TestPane, Then: []string{"ticket"}}
		why := engine.Unjudged(p, &pr)
		if p.Prediction.Roles.Latency < 0 || counted {
			continue
		}
		if without++; !strings.Contains(why, "--relearn") {
			t.Errorf("%s, of format %v: %q", file, raw["format"], why)
		}
	}
	if without == 0 {
		t.Error("no plan names a latency without counting it")
	}
}
