package baseline_test

import (
	"math"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// partitions is a source of several partitions, whose offsets all begin at 0.
type partitions []memory

func (s partitions) Predictions(visit func(*plan.Batch) error) error {
	for _, m := range s {
		if err := m.Predictions(visit); err != nil {
			return err
		}
	}
	return nil
}

func (s partitions) Outcomes(visit func(*plan.Batch) error) error {
	for _, m := range s {
		if err := m.Outcomes(visit); err != nil {
			return err
		}
	}
	return nil
}

// Duplicates may lie in another partition at the very offset of the first: they must not be taken for it.
func TestDuplicatesAtTheSameOffset(t *testing.T) {
	rows := steady(8, 48)
	var again []row
	for i, r := range rows {
		r.at, r.known = r.at.Add(time.Minute), time.Time{}
		r.score = 0.99
		if i%2 == 0 {
			r.score = 7 // none: no outcome can be held against it
		}
		again = append(again, r)
	}
	p := draft(t, 8, "")
	got, err := baseline.Build(p, partitions{{p, rows, 97}, {p, again, 97}})
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(len(rows)); got.Score.Labels != want {
		t.Errorf("%d outcomes, want %d", got.Score.Labels, want)
	}
	if mean := got.Score.Views[0].Metrics["mean_score"].Value; math.Abs(mean-0.25) > 1e-9 {
		t.Errorf("mean score %g: a duplicate counts", mean)
	}
}
