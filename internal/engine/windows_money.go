package engine

import (
	"errors"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// tallies are what prices are made of, for all views of a plan's outcomes: a small part of their curves, in one slab. Per view: outcomes by
// score bin, positive ones by score bin, predictions that wait for one by score bin, then how decisions turned out.
type tallies struct {
	bins, views int
	slab        []int64
}

const decisions = 4 // true and false positives, false and true negatives

var errTallies = errors.New("tallies of other views or score bins")

// tally takes what prices are made of out of the counts of a plan's views; nil where the outcomes have no curve.
func tally(p *plan.Plan, known []truth.Counts) *tallies {
	bins := p.Score.Bins()
	t := &tallies{bins: bins, views: len(known), slab: make([]int64, 0, len(known)*(3*bins+decisions))}
	for _, k := range known {
		c := truth.CurveOf(k)
		if c == nil || c.Bins() != bins {
			return nil
		}
		t.slab = append(append(append(append(t.slab, c.Labels...), c.Pos...), c.N...), c.TP, c.FP, c.FN, c.TN)
	}
	return t
}

// curves are the views' counts as curves that hold nothing else.
func (t *tallies) curves() []*sketch.Curve {
	out := make([]*sketch.Curve, t.views)
	for i := range out {
		s := t.slab[i*(3*t.bins+decisions):]
		c := sketch.NewCurve(t.bins)
		copy(c.Labels, s[:t.bins])
		copy(c.Pos, s[t.bins:2*t.bins])
		copy(c.N, s[2*t.bins:3*t.bins])
		d := s[3*t.bins:]
		c.TP, c.FP, c.FN, c.TN = d[0], d[1], d[2], d[3]
		out[i] = c
	}
	return out
}

// Merge implements window.Mergeable.
func (t *tallies) Merge(o *tallies) error {
	if t.bins != o.bins || t.views != o.views {
		return errTallies
	}
	for i, v := range o.slab {
		t.slab[i] += v
	}
	return nil
}

// Clone implements window.Mergeable.
func (t *tallies) Clone() *tallies {
	return &tallies{bins: t.bins, views: t.views, slab: slices.Clone(t.slab)}
}
