package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/app"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What people and programs read of a history.
func TestPanePrinter(t *testing.T) {
	start := time.Date(2026, 4, 1, 0, 0, 0, 0, time.UTC)
	end := start.Add(3 * time.Hour)
	cells := []app.EndedCell{
		{
			Kind: app.KindTest, Model: "churn", Plan: "0011223344556677", Start: start, End: end, Version: "v2",
			Slice: map[string]string{"plan": "pro", "region": "other"}, Rows: 120,
			Columns: []app.EndedColumn{
				{Name: "amount", Rows: 120, Missing: 2, Invalid: 1, Above: 3, Bins: []int64{40, 40, 37}, Integral: 5, Sum: 5912.25, SumSquares: 3.1e21},
				{Name: "plan", Rows: 120, New: 1, Bins: []int64{119, 1}},
			},
			Rules: map[string]int64{"amount-positive": 4}, Scores: &app.EndedScores{Scored: 118, Invalid: 1, Decided: 118, Positive: 30, Bins: []int64{88, 30}},
		},
		{Kind: app.KindTest, Model: "churn", Plan: "0011223344556677", Start: end, End: end.Add(3 * time.Hour), Slice: map[string]string{}, Rows: 1},
		{
			Kind: app.KindCohort, Model: "churn", Plan: "0011223344556677", Start: start, End: end, Version: "v2",
			Slice:  map[string]string{"plan": "pro", "region": "other"},
			OnTime: &app.EndedCurve{Labels: []int64{80, 20}, Positives: []int64{8, 15}, TP: 15, FP: 5, FN: 8, TN: 72},
			All:    &app.EndedCurve{Labels: []int64{85, 29}, Positives: []int64{9, 22}, TP: 22, FP: 7, FN: 9, TN: 76},
		},
		{
			Kind: app.KindCohort, Model: "churn", Plan: "0011223344556677", Start: end, End: end.Add(3 * time.Hour), Slice: map[string]string{},
			All: &app.EndedCurve{Labels: []int64{1, 0}, Positives: []int64{0, 0}, TN: 1},
		},
	}
	for name, asJSON := range map[string]bool{"panes.txt": false, "panes.jsonl": true} {
		var out bytes.Buffer
		p := newPanePrinter(&out, asJSON)
		for i := range cells {
			if err := p.print(&cells[i]); err != nil {
				t.Fatal(err)
			}
		}
		if err := p.flush(); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), out.String()); d != "" {
			t.Errorf("%s (-want +got): %s", name, d)
		}
	}
}
