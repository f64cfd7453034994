package truth

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Binary are the labelled counts of a binary model.
type Binary struct{ *sketch.Curve }

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
func (b Binary) Clone() Counts { return Binary{b.Curve.Clone()} }

// CurveOf is the reliability curve of a binary model's counts; nil for those of another task.
func CurveOf(c Counts) *sketch.Curve {
	if b, ok := c.(Binary); ok {
		return b.Curve
	}
	return nil
}
