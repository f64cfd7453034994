package main

import (
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/record"
)

// What is a sum of the terms is found again, and told of a shape that it was not made of.
func TestSolve(t *testing.T) {
	want := form{1000, 20, -3, 40, 0.5, 6, 7, 80, 9}
	shapes := formShapes()
	sizes := make([]float64, len(shapes))
	for i, s := range shapes {
		sizes[i] = want.of(s)
	}
	got, err := solve(shapes, sizes)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-6 {
			t.Errorf("coefficient %d is %g, want %g", i, got[i], want[i])
		}
	}
	if told, is := got.of(large), want.of(large); math.Abs(told/is-1) > 1e-9 {
		t.Errorf("of %s it says %g, want %g", large, told, is)
	}
	shapes[8] = shapes[7]
	if _, err := solve(shapes, sizes); !errors.Is(err, errSingular) {
		t.Errorf("of two shapes that are the same it says %v", err)
	}
}

// The detectors hold every model once.
func TestFleetIsDealt(t *testing.T) {
	seen := map[string]int{}
	for d := range detectors {
		for _, name := range (fleetJob{Models: models, Detectors: detectors, Detector: d}).names() {
			seen[name]++
		}
	}
	for name, n := range seen {
		if n != 1 {
			t.Errorf("%s is held %d times", name, n)
		}
	}
	if len(seen) != models {
		t.Errorf("%d models are held, want %d", len(seen), models)
	}
}

// A copy has the columns that were asked for, the score always, and is a plan of its own.
func TestCopied(t *testing.T) {
	p, err := sizedPlan()
	if err != nil {
		t.Fatal(err)
	}
	whole, err := copied(p, p.Model, sizedNumbers, sizedTexts)
	if err != nil {
		t.Fatal(err)
	}
	if whole.Digest() != p.Digest() {
		t.Errorf("a copy of all columns is another plan, %s and not %s", whole.Digest(), p.Digest())
	}
	narrow, err := copied(p, "other", 3, 2)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for i := range narrow.Columns {
		names = append(names, narrow.Columns[i].Name)
	}
	if want := []string{"n0", "n1", "n2", "t0", "t1", "score"}; !slices.Equal(names, want) || narrow.Model != "other" || narrow.Digest() == p.Digest() {
		t.Errorf("%s has the columns %v, want %v", narrow.Model, names, want)
	}
}

// Every slice occurs in every pane, and what ends holds every event.
func TestCollected(t *testing.T) {
	p, err := sizedPlan()
	if err != nil {
		t.Fatal(err)
	}
	const rows = 2000
	e, err := collected(p, 2, sizedSlices, rows)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[record.Kind]int{}
	for i := range e.counted {
		kinds[e.counted[i].Kind]++
	}
	if got, want := kinds[record.Counted]+kinds[record.Described], 2*sizedEpochs*(sizedSlices+1); got != want {
		t.Errorf("%d cells of predictions, want %d", got, want)
	}
	if kinds[record.Momentary] == 0 {
		t.Error("no moments were counted")
	}
	if e.ended.Rows() != rows || e.cohort.Outcomes() < rows/5 || len(e.cohort.OnTime) != sizedSlices {
		t.Errorf("%d rows have ended, with %d outcomes in %d slices", e.ended.Rows(), e.cohort.Outcomes(), len(e.cohort.OnTime))
	}
}
