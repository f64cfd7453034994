package truth

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Binary are the labelled counts of a binary model. The curve's predictions are those that wait for an outcome, where whoever made it knows them: see
// Expect.
type Binary struct {
	*sketch.Curve
	score  *plan.Score // what it says of missing outcomes; nil: that none is
	sample float64     // share of the predictions that one is waited for
}

// Of is counts that stand for themselves, whatever the contract says of missing outcomes.
func Of(c *sketch.Curve) Binary { return Binary{Curve: c, sample: 1} }

func binary(p *plan.Plan, c *sketch.Curve) Binary { return Binary{c, p.Score, p.Sampled()} }

// Labels implements Counts.
func (b Binary) Labels() (n int64) {
	for _, of := range b.Curve.Labels {
		n += of
	}
	return n
}

// Merge implements Counts.
func (b Binary) Merge(c Counts) error {
	o, ok := c.(Binary)
	if !ok {
		return fmt.Errorf("merge outcomes: %w", errTask)
	}
	return b.Curve.Merge(o.Curve)
}

// Clone implements Counts.
func (b Binary) Clone() Counts { return Binary{b.Curve.Clone(), b.score, b.sample} }

// CurveOf is the reliability curve of a binary model's counts, as they were counted; nil for those of another task.
func CurveOf(c Counts) *sketch.Curve {
	if b, ok := c.(Binary); ok {
		return b.Curve
	}
	return nil
}
