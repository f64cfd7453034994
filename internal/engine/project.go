package engine

import (
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
)

// projected is what the decisions on a pane that alarms are expected to cost a day beyond the reference, by what their scores meant there: the price of a
// drift before its outcomes are known. It is nil where decisions aren't priced, where the scores' meaning isn't known, or in slices whose isn't.
// Nothing of outcomes enters, so that it is the same whenever they come: whoever reads it has to know whether scores still mean that.
func (e *Engine) projected(of *followed, pane *sequential.Pane, onset int64) (*finding.Impact, error) {
	if e.plan.Policy.Costs == nil || e.plan.Score == nil || of.set == nil || of.set.Curve == nil {
		return nil, nil
	}
	var slice map[string]string
	if of.slice != nil {
		slice = of.slice.Labels(e.plan)
	}
	meanings, err := e.knownMeanings()
	if err != nil {
		return nil, err
	}
	for i := range meanings {
		v := &e.plan.Score.Views[meanings[i].View]
		if finding.SliceKey(v.Slice) != finding.SliceKey(slice) {
			continue
		}
		n, metrics := estimate(e.plan, meanings[i].Null(), of.set.Curve.N)
		x, ok := metrics[expectedCost]
		ref, had := v.Measured(expectedCost, e.plan.Policy.Costs)
		if !ok || !had || n == 0 {
			return nil, nil
		}
		days := float64(pane.End-pane.Start) / 86400e6
		perDay := float64(n) / days
		beyond := func(cost finding.Number) finding.Number { return cents((float64(cost) - ref.Value) * perDay) }
		return &finding.Impact{
			Currency: e.plan.Policy.Costs.Currency, PerDay: beyond(x.Value), Band: [2]finding.Number{beyond(x.Band[0]), beyond(x.Band[1])},
			SoFar: cents(float64(beyond(x.Value)) * float64(pane.End-onset) / 86400e6), Basis: finding.Estimated,
			Burn: e.burnOf(v, float64(x.Value), float64(x.Band[0])),
		}, nil
	}
	return nil, nil
}

// burnOf is how fast decisions that cost so much, and at least low, spend what the contract's promise on their expected cost allows: 1 lasts exactly. Without
// such a promise it is how many times the reference's cost they are; nil where that is none.
func (e *Engine) burnOf(v *plan.View, cost, low float64) *finding.Burn {
	ref, had := v.Measured(expectedCost, e.plan.Policy.Costs)
	if !had {
		return nil
	}
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		if pr.Metric != expectedCost || pr.Expr != "" {
			continue
		}
		if b, ok := burningOf(e.plan, v, pr); ok {
			return &finding.Burn{Rate: finding.Number((cost - b.base) / b.budget), Low: finding.Number((low - b.base) / b.budget), Of: finding.OfBudget}
		}
	}
	if !(ref.Value > 0) {
		return nil
	}
	return &finding.Burn{Rate: finding.Number(cost / ref.Value), Low: finding.Number(low / ref.Value), Of: finding.OfReference}
}
