package check_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// swapped are events whose vectors have the same numbers from the 25th day on, the first two in each other's place: neither norm
// nor dimension tells.
func swapped(t *testing.T) (text string, vectors [][]float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	var b strings.Builder
	for i, l := range lines(32) {
		e := []float64{rng.NormFloat64(), 5 + rng.NormFloat64(), 10, rng.Float64()}
		if i >= 25*perDay {
			e[0], e[1] = e[1], e[0]
		}
		v, err := json.Marshal(map[string]any{
			"id": l.id, "ts": l.at.Format(time.RFC3339), "cat": l.cat, "score": l.score, "y": json.Number(l.y), "in": map[string]any{"e": e},
		})
		if err != nil {
			t.Fatal(err)
		}
		b.Write(append(v, '\n'))
		vectors = append(vectors, e)
	}
	return b.String(), vectors
}

// What only the components show is found in their columns, by their own bins and sums.
func TestAShiftInOneComponent(t *testing.T) {
	text, vectors := swapped(t)
	onset := time.Date(2024, 1, 26, 0, 0, 0, 0, time.UTC)
	mean := func(component, fromDay, toDay int) float64 {
		sum := 0.0
		for _, v := range vectors[fromDay*perDay : toDay*perDay] {
			sum += v[component]
		}
		return sum / float64((toDay-fromDay)*perDay)
	}
	for input, want := range map[string][]string{
		"e: {type: vector, path: in.e}":                nil,
		"e: {type: vector, path: in.e, components: 1}": {"e.component_0"},
		"e: {type: vector, path: in.e, components: 4}": {"e.component_0", "e.component_1"},
		"e: {type: vector, path: in.e, components: 6}": {"e.component_0", "e.component_1"}, // two that no event has
	} {
		r := run(t, parse(t, strings.Replace(head, "x: {type: numeric}", input, 1)), in(map[string]string{"a.jsonl": text}, "a.jsonl", "a.jsonl"))
		var got []string
		for _, f := range r.Findings {
			got = append(got, f.Subject)
			if !f.Onset.Equal(onset) {
				t.Errorf("%s: %s %s began at %s", input, f.Subject, f.Metric, f.Onset)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(want, slices.Compact(got)); d != "" {
			t.Errorf("%s: %s", input, d)
		}
		means := 0
		for _, f := range r.Findings {
			day := int(f.Window.Start.Sub(time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)).Hours()) / 24
			for _, n := range f.Numbers {
				if n.Name != "mean "+f.Subject {
					continue
				}
				means++
				at := slices.Index(want, f.Subject)
				before, now := mean(at, 0, 20), mean(at, day, day+1)
				if math.Abs(float64(n.Before)-before) > 1e-6 || math.Abs(float64(n.Now)-now) > 1e-6 {
					t.Errorf("%s: the mean of %s went from %v to %v, want %v to %v", input, f.Subject, n.Before, n.Now, before, now)
				}
			}
		}
		if means == 0 && want != nil {
			t.Errorf("%s: no finding shows a mean", input)
		}
	}
}
