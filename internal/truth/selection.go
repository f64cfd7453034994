package truth

import (
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Expect counts the predictions of from, which wait for an outcome, beside the outcomes of into. Outcomes of from are left out.
func Expect(into, from *sketch.Curve) error {
	predictions := sketch.Curve{
		N: from.N, S: from.S, S2: from.S2,
		Labels: make([]int64, from.Bins()), Pos: make([]int64, from.Bins()), LS: make([]int64, from.Bins()), LS2: make([]int64, from.Bins()), PS: make([]int64, from.Bins()),
	}
	return into.Merge(&predictions)
}

// Alone is a curve's outcomes without the predictions beside them. It shares memory with c.
func Alone(c *sketch.Curve) *sketch.Curve {
	out, nothing := *c, make([]int64, c.Bins())
	out.N, out.S, out.S2 = nothing, nothing, nothing
	return &out
}

// ForgetExpected leaves the outcomes of a curve alone.
func ForgetExpected(c *sketch.Curve) {
	for _, of := range [][]int64{c.N, c.S, c.S2} {
		clear(of)
	}
}

// Stand is what binary counts say of all predictions, by what the contract states of those without an outcome: as they are where it states nothing; re-weighted by
// score where they are missing at random; completed where only positives are reported. Not ok for counts of another task, and where too little is known.
func Stand(c Counts) (stat.Standing, bool) {
	b, ok := c.(Binary)
	if !ok {
		return stat.Standing{}, false
	}
	r := Reliability(b.Curve)
	if b.score == nil {
		return stat.Standing{Reliability: r, Effective: float64(b.Labels())}, true
	}
	switch b.score.Missing {
	case plan.AtRandomGivenScore:
		return r.Reweighted(b.sample, side(b.score), b.score.Own)
	case plan.PositivesOnly:
		if b.score.Arrived == nil {
			return stat.Standing{}, false
		}
		return r.Completed(b.sample, b.score.Arrived.Share(), side(b.score), b.score.Own)
	default:
		return stat.Standing{Reliability: r, Effective: float64(b.Labels())}, true
	}
}

// StandAmongPositives is Stand for what only positive outcomes decide, such as recall: it takes no delay law.
func StandAmongPositives(c Counts) (stat.Standing, bool) {
	if b, ok := c.(Binary); ok && b.score != nil && b.score.Missing == plan.PositivesOnly {
		return stat.Standing{Reliability: Reliability(b.Curve), Effective: float64(b.Labels())}, true
	}
	return Stand(c)
}

// side is where decisions turn positive; 0 where the score doesn't decide.
func side(s *plan.Score) int {
	if s.Own {
		return 0
	}
	return s.FirstPositive()
}

// Effective is how many outcomes at random the counts are worth, at most as many as they hold; 0 where too little is known.
func Effective(c Counts) float64 {
	if b, ok := c.(Binary); ok && b.score != nil && b.score.Missing == plan.AtRandomGivenScore {
		s, ok := Stand(c)
		if !ok {
			return 0
		}
		return s.Effective
	}
	return float64(c.Labels())
}

// Selected is how many of the predictions of each score bin have an outcome; not ok for counts of another task, and where nobody counted predictions.
func Selected(c Counts) (stat.Selection, bool) {
	b, ok := c.(Binary)
	if !ok {
		return stat.Selection{}, false
	}
	n := int64(0)
	for _, k := range b.N {
		n += k
	}
	if n <= 0 {
		return stat.Selection{}, false
	}
	return Reliability(b.Curve).Selected(b.sample)
}

// Selective reports whether the outcomes of counts are of a selection of the predictions and the contract states nothing of the others: see
// stat.Selection.Uneven. Then what hangs on the others is not identified; elsewhere what is known stands for all.
func Selective(c Counts) bool {
	b, is := c.(Binary)
	if !is || b.score == nil || b.score.Missing != plan.Unstated {
		return false
	}
	s, ok := Selected(c)
	return ok && s.Uneven()
}

// Unknown says what counts leave open of how decisions turned out; not ok for those of another task.
func Unknown(c Counts) (stat.Unknown, bool) {
	b, ok := c.(Binary)
	if !ok || b.score == nil {
		return stat.Unknown{}, false
	}
	return Reliability(b.Curve).Unknown(b.sample, side(b.score), b.score.Own)
}

// Told is the curve whose outcomes are those that each prediction has when its cohort is mature: where only positives are reported, what none was
// reported of counts as negative, whether it is or its outcome is late. That is so in a reference and after it alike. It shares memory with c.
func Told(p *plan.Plan, c *sketch.Curve) *sketch.Curve {
	if c == nil || p.Score.Missing != plan.PositivesOnly {
		return c
	}
	out := *c
	out.Labels, out.LS, out.LS2 = sampled(p, c.N, c.Labels), sampled(p, c.S, c.LS), sampled(p, c.S2, c.LS2)
	return &out
}

// sampled is the part of counts that is joined, and at least what is known.
func sampled(p *plan.Plan, of, known []int64) []int64 {
	out := make([]int64, len(of))
	for i, n := range of {
		if p.Sample > 0 && p.Sample < 1 {
			n = int64(p.Sample * float64(n))
		}
		out[i] = max(n, known[i])
	}
	return out
}

// Under is a curve as the counts of a plan, which says what is missing.
func Under(p *plan.Plan, c *sketch.Curve) Binary { return binary(p, c) }

// Decisions is how many decisions counts of a plan stand for: those whose outcome is known, and where the contract states which are missing, all.
func Decisions(p *plan.Plan, c Counts) float64 {
	if b, ok := c.(Binary); ok && p.Score.Missing != plan.Unstated {
		n := 0.
		for bin, k := range b.N {
			n += max(float64(k), float64(b.Curve.Labels[bin])/p.Sampled())
		}
		return n
	}
	return float64(c.Labels()) / p.Sampled()
}
