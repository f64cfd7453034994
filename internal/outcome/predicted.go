package outcome

import (
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Predicted is what one row of a prediction batch brings to the join, without its place. ok is false where the event has no
// usable score: such a prediction is counted, but no outcome can be held against it. bins are the plan's.
func Predicted(p *plan.Plan, bins *sketch.ScoreBins, b *plan.Batch, row int) (pr *Prediction, ok bool) {
	r := &p.Prediction.Roles
	k := sketch.Key{Pane: p.PaneStart(b.Cols[r.Time].Int[row]), Slice: sketch.SliceCode(p, b, row)}
	if r.Version >= 0 && b.Cols[r.Version].State[row] == plan.OK {
		k.Version = strings.Clone(b.Cols[r.Version].Str[row])
	}
	if p.Score == nil || r.Score < 0 || b.Cols[r.Score].State[row] != plan.OK {
		return nil, false
	}
	score := b.Cols[r.Score].Num[row]
	fixed, ok := sketch.ScoreFixed(score)
	if !ok {
		return nil, false
	}
	positive, ok := sketch.Decide(p, b, row)
	if !ok {
		return nil, false
	}
	return &Prediction{
		Plan: p.Digest(), Version: k.Version, Pane: k.Pane, Slice: k.Slice, Bin: bins.Of(score), Score: fixed, Positive: positive,
	}, true
}
