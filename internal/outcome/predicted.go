package outcome

import (
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Predicted is what one row of a prediction batch brings to the join, without its place. ok is false where the event has no
// usable answer: such a prediction is counted, but no outcome can be held against it. bins are the plan's.
func Predicted(p *plan.Plan, bins *sketch.ScoreBins, b *plan.Batch, row int) (pr *Prediction, ok bool) {
	r := &p.Prediction.Roles
	k := sketch.Key{Pane: p.PaneStart(b.Cols[r.Time].Int[row]), Slice: sketch.SliceCode(p, b, row)}
	if r.Version >= 0 && b.Cols[r.Version].State[row] == plan.OK {
		k.Version = strings.Clone(b.Cols[r.Version].Str[row])
	}
	answer, ok := truth.Answered(p, bins, b, row)
	if !ok {
		return nil, false
	}
	pr = &Prediction{Plan: p.Digest(), Version: k.Version, Pane: k.Pane, Slice: k.Slice}
	pr.Say(answer)
	return pr, true
}
