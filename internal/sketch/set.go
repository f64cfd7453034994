package sketch

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Set is everything that is counted of the predictions of one cell: a pane, a model version, a finest slice.
type Set struct {
	Rows    int64
	Columns []Column // by plan.Columns
	Rules   []int64  // rows that broke plan.Rules[i]

	LatencyN int64 // rows with a latency

	Scored, ScoreInvalid int64  // of a binary model: scores in [0, 1]; scores that are there, but outside or unreadable
	Decided, Positive    int64  // likewise: decisions taken, positive ones (see Decide)
	Curve                *Curve // predictions by score bin; nil of others

	Reasons []int64 // predictions by decision and whether they carry reason codes, see Reasoned; nil where the plan names none

	shape [4]byte // see shapeOf
}

// NewSet makes an empty set of the shape a plan asks for.
func NewSet(p *plan.Plan) *Set {
	s := &Set{Columns: make([]Column, len(p.Columns)), Rules: make([]int64, len(p.Rules))}
	total := 0
	for i := range p.Columns {
		total += p.Columns[i].Layout.Bins()
	}
	slab := make([]int64, total) // one allocation for all columns
	for i := range s.Columns {
		n := p.Columns[i].Layout.Bins()
		s.Columns[i].Bins, slab = slab[:n:n], slab[n:]
	}
	if p.Score.Binary() {
		s.Curve = NewCurve(p.Score.Bins())
	}
	if p.Reasons != nil {
		s.Reasons = make([]int64, reasonsCounts)
	}
	s.shape = shapeOf(s)
	return s
}

// Merge adds o, which stays as it is and shares nothing with s afterwards. A set of another shape is refused and nothing is
// added.
func (s *Set) Merge(o *Set) error {
	if err := s.fits(o); err != nil {
		return fmt.Errorf("merge sets: %w", err)
	}
	s.Rows += o.Rows
	for i := range s.Columns {
		s.Columns[i].merge(&o.Columns[i])
	}
	addInts(s.Rules, o.Rules)
	addInts(s.Reasons, o.Reasons)
	s.LatencyN += o.LatencyN
	s.Scored += o.Scored
	s.ScoreInvalid += o.ScoreInvalid
	s.Decided += o.Decided
	s.Positive += o.Positive
	if s.Curve != nil {
		return s.Curve.Merge(o.Curve) // fits
	}
	return nil
}

func (s *Set) fits(o *Set) error {
	if len(s.Columns) != len(o.Columns) || len(s.Rules) != len(o.Rules) || (s.Curve == nil) != (o.Curve == nil) {
		return fmt.Errorf("%w: %d columns, %d rules, curve %t and %d columns, %d rules, curve %t", errShape,
			len(s.Columns), len(s.Rules), s.Curve != nil, len(o.Columns), len(o.Rules), o.Curve != nil)
	}
	if len(s.Reasons) != len(o.Reasons) {
		return fmt.Errorf("%w: one counts reason codes, the other doesn't", errShape)
	}
	for i := range s.Columns {
		if err := s.Columns[i].fits(&o.Columns[i]); err != nil {
			return fmt.Errorf("column %d: %w", i, err)
		}
	}
	if s.Curve != nil && s.Curve.Bins() != o.Curve.Bins() {
		return fmt.Errorf("%w: %d score bins and %d", errShape, s.Curve.Bins(), o.Curve.Bins())
	}
	return nil
}

// Clone is a deep copy.
func (s *Set) Clone() *Set {
	c := *s
	c.Columns = slices.Clone(s.Columns)
	for i := range c.Columns {
		col := &c.Columns[i]
		col.Bins = slices.Clone(col.Bins)
	}
	c.Rules, c.Reasons = slices.Clone(s.Rules), slices.Clone(s.Reasons)
	if s.Curve != nil {
		c.Curve = s.Curve.Clone()
	}
	return &c
}
