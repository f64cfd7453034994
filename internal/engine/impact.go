package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// spent is how decisions have turned out since something began. It is priced when it is told: the contract's prices may change meanwhile.
type spent struct {
	Turned turned `json:"turned"`
	// Money is what was spent before, in the states of earlier builds: they kept it at the prices of then.
	Money float64 `json:"so_far,omitempty"`
}

func (s *spent) add(o spent) {
	s.Turned.add(o.Turned)
	s.Money += o.Money
}

// beyond is what decisions on a view have cost beyond the reference, at the prices in force; 0 where decisions aren't priced.
func (e *Engine) beyond(v *plan.View, s *spent) float64 {
	c := e.plan.Policy.Costs
	ref, had := v.Measured(expectedCost, c)
	if !had || c == nil {
		return 0
	}
	var cost float64
	for i, price := range [decisions]float64{c.TruePositive, c.FalsePositive, c.FalseNegative, c.TrueNegative} {
		cost += float64(s.Turned[i]) * (price - ref.Value)
	}
	return s.Money + cost/e.plan.Sampled() // the sample stands for all decisions
}

// loss is what the outcomes of one view have come to since they began to deviate.
type loss struct {
	spent

	End int64 `json:"end,omitempty"` // of the last truth pane; 0 in the states of earlier builds
}

// pane adds one truth pane and says what it costs. Decisions a day are the pane's own; the band is 95 %. It returns nil where decisions
// aren't priced.
func (l *loss) pane(e *Engine, v *plan.View, t *truthPane, deviating bool) *finding.Impact {
	if !deviating || e.superseded(l.End, t.start) {
		l.spent = spent{}
	}
	l.End = t.end
	if curve := truth.CurveOf(t.whole); deviating && curve != nil {
		l.Turned.add(turnedUnder(e.plan, curve))
	}
	m, _ := Find(e.plan.Score.Task, expectedCost)
	ref, had := v.Measured(m.Name, e.plan.Policy.Costs)
	now, ok := m.Value(t.whole, e.plan.Policy.Costs)
	if !ok || !had || !deviating {
		return nil
	}
	n := truth.Decisions(e.plan, t.whole) // the sample stands for all decisions
	reach := e.reach(t)
	perDay := n / (float64(t.end-t.start) / 86400e6)
	band := [2]finding.Number{finding.Number((now - ref.Value - reach) * perDay), finding.Number((now - ref.Value + reach) * perDay)}
	return &finding.Impact{
		Currency: e.plan.Policy.Costs.Currency, PerDay: finding.Number((now - ref.Value) * perDay), Band: band,
		SoFar: cents(e.beyond(v, &l.spent)), Basis: finding.Measured, Burn: e.burnOf(v, now, now-reach),
	}
}

// cents rounds an amount for people.
func cents(amount float64) finding.Number { return finding.Number(math.Round(amount*100) / 100) }

// reach is half the width of the 95 % band of the cost per decision: from the scatter of the pane's own test panes, or, where
// it holds too few, the multinomial one widened by the dispersion that outcomes showed in the reference.
func (e *Engine) reach(t *truthPane) float64 {
	m, _ := Find(e.plan.Score.Task, expectedCost)
	if se, _, ok := jackknife(t.leftOut(), &m, e.plan.Policy.Costs); ok {
		return stat.StudentQuantile(0.975, float64(len(t.parts)-1)) * se
	}
	est, _ := costOf(t.whole, e.plan.Policy.Costs)
	return stat.NormalQuantile(0.975) * est.SE * math.Sqrt(max(1, e.plan.Score.Dispersion))
}

// costOf is the expected cost of a decision, with the standard error of as many independent outcomes as the counts are worth.
func costOf(c truth.Counts, costs *plan.Costs) (stat.Estimate, bool) {
	s, ok := truth.Stand(c)
	if !ok || !(s.Effective > 0) {
		return stat.Estimate{}, false
	}
	est, ok := s.ExpectedCost(prices(costs))
	est.SE *= math.Sqrt(float64(est.N) / s.Effective)
	return est, ok
}
