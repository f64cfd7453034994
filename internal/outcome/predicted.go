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
	pr = &Prediction{}
	if !pr.Read(p, bins, b, row) {
		return nil, false
	}
	pr.Plan, pr.Version, pr.Pane, pr.Slice = p.Digest(), k.Version, k.Pane, k.Slice
	return pr, true
}

// Read sets what Predicted returns, but for the cell that the row was counted in. It reports false, and leaves pr as it is, where the
// event has no usable score. bins are the plan's.
func (pr *Prediction) Read(p *plan.Plan, bins *sketch.ScoreBins, b *plan.Batch, row int) bool {
	r := &p.Prediction.Roles
	if p.Score == nil || r.Score < 0 || b.Cols[r.Score].State[row] != plan.OK {
		return false
	}
	score := b.Cols[r.Score].Num[row]
	fixed, ok := sketch.ScoreFixed(score)
	if !ok {
		return false
	}
	positive, ok := sketch.Decide(p, b, row)
	if !ok {
		return false
	}
	pr.Bin, pr.Score, pr.Positive = bins.Of(score), fixed, positive
	return true
}
