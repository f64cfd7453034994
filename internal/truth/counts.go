package truth

import (
	"errors"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Counts are the labelled counts of one cell, or of several that were added up. All counts of one plan have one shape.
type Counts interface {
	// Label counts the outcome of a prediction, with sign +1; -1 takes it back exactly.
	Label(a *Answer, l Label, sign int64)
	// Labels is how many outcomes are counted.
	Labels() int64
	// Merge adds other counts, which stay as they are; those of another shape are refused, and nothing is added.
	Merge(Counts) error
	// Clone is a deep copy.
	Clone() Counts
	// AppendBinary writes the counts; Read reads them. Equal counts have equal bytes.
	AppendBinary(b []byte) []byte
}

// Answer is what a prediction said, as the join carries it.
type Answer struct {
	Bin      int   // score bin, of plan.Score
	Score    int64 // fixed point, sketch.ScoreScale
	Positive bool  // the decision
}

// Label is what turned out.
type Label struct {
	Positive bool
}

var (
	errTask    = errors.New("labelled counts of another task")
	errNoScore = errors.New("outcomes for a plan without a score")
)

// New makes empty counts of the shape that a plan with a score asks for.
func New(p *plan.Plan) Counts { return Binary{sketch.NewCurve(p.Score.Bins())} }

// Read reads what AppendBinary wrote of counts under p.
func Read(p *plan.Plan, r *wire.Reader) (Counts, error) {
	if p.Score == nil {
		return nil, errNoScore
	}
	c, err := sketch.ReadCurve(p.Score.Bins(), r)
	if err != nil {
		return nil, err
	}
	return Binary{c}, nil
}

// ReadAll is Read of bytes that hold nothing else.
func ReadAll(p *plan.Plan, body []byte) (Counts, error) {
	r := wire.NewReader(body)
	c, err := Read(p, r)
	if err != nil {
		return nil, err
	}
	return c, r.Close()
}

// Fits reports whether a prediction's answer can be counted under a plan: rows of a damaged record, or of a plan that was made by hand,
// may not.
func Fits(p *plan.Plan, a *Answer) bool { return a.Bin >= 0 && a.Bin < p.Score.Bins() }
