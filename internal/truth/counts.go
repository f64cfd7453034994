package truth

import (
	"errors"
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Counts are the labelled counts of one cell, or of several that were added up. All counts of one plan have one shape.
type Counts interface {
	// Labels is how many outcomes are counted.
	Labels() int64
	// Merge adds other counts, which stay as they are; those of another shape are refused, and nothing is added.
	Merge(Counts) error
	// Clone is a deep copy.
	Clone() Counts
	// AppendBinary writes the counts; Read reads them. Equal counts have equal bytes.
	AppendBinary(b []byte) []byte
}

var (
	errTask    = errors.New("outcomes of another task")
	errNoScore = errors.New("outcomes for a plan without a score")
)

// New makes empty counts of the shape that a plan with a score asks for.
func New(p *plan.Plan) Counts {
	switch p.Score.Task {
	case plan.Classes:
		return newClasses(p.Score)
	case plan.Numbers:
		return Numbers{&sketch.Errors{}}
	default:
		return binary(p, sketch.NewCurve(p.Score.Bins()))
	}
}

// Read reads what AppendBinary wrote of counts under p.
func Read(p *plan.Plan, r *wire.Reader) (Counts, error) {
	switch {
	case p.Score == nil:
		return nil, errNoScore
	case p.Score.Task == plan.Classes:
		return readClasses(p.Score, r)
	case p.Score.Task == plan.Numbers:
		e, err := sketch.ReadErrors(r)
		if err != nil {
			return nil, err
		}
		return Numbers{e}, nil
	}
	c, err := sketch.ReadCurve(p.Score.Bins(), r)
	if err != nil {
		return nil, err
	}
	return binary(p, c), nil
}

// ReadAll is Read of bytes that hold nothing else.
func ReadAll(p *plan.Plan, body []byte) (Counts, error) {
	r := wire.NewReader(body)
	c, err := Read(p, r)
	if err != nil {
		return nil, err
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read outcomes: %w", err)
	}
	return c, nil
}

// Count counts the outcome of a prediction, with sign +1; -1 takes it back exactly. Both fit the plan of c: see Fits. It is no method of Counts, for what is handed to
// one lies on the heap, and this is done for every outcome.
func Count(c Counts, a *Answer, l *Label, sign int64) {
	switch c := c.(type) {
	case Binary:
		c.Label(a.Bin, a.Score, a.Positive, l.Positive, sign)
	case *Classes:
		c.label(a.Other.Class, l, sign)
	case Numbers:
		c.label(a.Other.Number, l, sign)
	}
}

// Fits reports whether an answer and a label can be counted under a plan. They can't where outcomes came under a plan of another task, nor
// do rows of a damaged record.
func Fits(p *plan.Plan, a *Answer, l *Label) bool {
	switch p.Score.Task {
	case plan.Classes:
		return a.Other != nil && a.Other.Class != nil && l.Kind == Name && a.Other.Class.fits(p.Score)
	case plan.Numbers:
		return a.Other != nil && a.Other.Number != nil && l.Kind == Value
	default:
		return a.Other == nil && l.Kind == Sign && a.Bin >= 0 && a.Bin < p.Score.Bins()
	}
}
