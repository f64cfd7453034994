package truth

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Numbers are the labelled counts of a regression model. Pairs that are too large to be counted are among its labels, and in no metric:
// see sketch.Errors.
type Numbers struct{ *sketch.Errors }

func (n Numbers) label(said *Number, l *Label, sign int64) {
	n.Label(sketch.Pair{Predicted: said.Value, Actual: l.Value, Low: said.Low, High: said.High, Interval: said.Interval}, sign)
}

// Labels implements Counts.
func (n Numbers) Labels() int64 { return n.N + n.Unusable }

// Merge implements Counts.
func (n Numbers) Merge(c Counts) error {
	o, ok := c.(Numbers)
	if !ok {
		return fmt.Errorf("merge outcomes: %w", errTask)
	}
	n.Errors.Merge(o.Errors)
	return nil
}

// Clone implements Counts.
func (n Numbers) Clone() Counts { return Numbers{n.Errors.Clone()} }
