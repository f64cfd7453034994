package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// loss is what the outcomes of one view have cost beyond the reference since they began to deviate.
type loss struct {
	SoFar float64 `json:"so_far"`
}

// pane adds one truth pane and says what it costs. Decisions a day are the pane's own; the band is 95 %. It returns nil where decisions
// aren't priced.
func (l *loss) pane(e *Engine, v *plan.View, t *truthPane, deviating bool) *finding.Impact {
	m, _ := Find(e.plan.Score.Task, expectedCost)
	ref, had := v.Measured(m.Name, e.plan.Policy.Costs)
	now, ok := m.Value(t.whole, e.plan.Policy.Costs)
	if !ok || !had {
		return nil
	}
	if !deviating {
		l.SoFar = 0
		return nil
	}
	n := truth.Decisions(e.plan, t.whole) // the sample stands for all decisions
	l.SoFar += (now - ref.Value) * n
	reach := e.reach(t)
	perDay := n / (float64(t.end-t.start) / 86400e6)
	band := [2]finding.Number{finding.Number((now - ref.Value - reach) * perDay), finding.Number((now - ref.Value + reach) * perDay)}
	return &finding.Impact{
		Currency: e.plan.Policy.Costs.Currency, PerDay: finding.Number((now - ref.Value) * perDay), Band: band,
		SoFar: finding.Number(math.Round(l.SoFar*100) / 100), Basis: "measured",
	}
}

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
