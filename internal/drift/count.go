package drift

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Count is what a pane's set holds of each of the plan's Streams. It shares the set's bins.
func Count(p *plan.Plan, set *sketch.Set) []sequential.Counts {
	streams := Streams(p)
	out := make([]sequential.Counts, len(streams))
	for i, s := range streams {
		out[i] = s.count(p, set)
	}
	return out
}

func (s Stream) count(p *plan.Plan, set *sketch.Set) sequential.Counts {
	switch s.Kind {
	case Rule:
		return sequential.Counts{N: set.Rows, Hits: float64(set.Rules[s.At])}
	case Volume:
		return sequential.Counts{N: set.Rows}
	default:
	}
	n := &set.Columns[s.At]
	out := sequential.Counts{N: n.N, Missing: n.Missing + n.Invalid, Below: n.Below, Above: n.Above, Bins: n.Bins}
	if l := &p.Columns[s.At].Layout; l.Categorical && !l.Open { // of an open vocabulary nothing is called new
		out.New = n.New
	}
	return out
}
