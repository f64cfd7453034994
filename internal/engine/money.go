package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// moneyAlpha makes the bands of prices 95 %.
const moneyAlpha = 0.05

// onePoint is one percentage point of recall.
const onePoint = 0.01

// Money is what the decisions of one view cost by the contract's prices: to look at; no finding comes of it. Amounts are in the contract's
// currency, a benefit is negative. Bands are 95 % ones, widened by the square root of the dispersion that outcomes showed in the reference.
type Money struct {
	Slice       map[string]string `json:"slice,omitempty"` // none: the whole
	Currency    string            `json:"currency"`
	Labels      int64             `json:"labels"` // decisions whose outcome is known
	PerDecision Priced            `json:"per_decision"`
	PerDay      Priced            `json:"per_day"` // at as many decisions a day as the outcomes stand for
	Threshold   *PricedThreshold  `json:"threshold,omitempty"`
	Recall      *PricedRecall     `json:"recall,omitempty"` // none: where the events decide by themselves, or no positive lies below the threshold
}

// Priced is an amount with its band. Few says that there are too few outcomes to rely on it.
type Priced struct {
	Value finding.Number    `json:"value"`
	Band  [2]finding.Number `json:"band"`
	Few   bool              `json:"too_few,omitempty"`
}

// PricedThreshold is what other thresholds would have cost. Thresholds are edges of the score's bins: one decides positive from the score given
// on; above 1, never.
type PricedThreshold struct {
	Now      finding.Number    `json:"now"` // none: the events decide by themselves
	Cheapest finding.Number    `json:"cheapest"`
	Band     [2]finding.Number `json:"band"`                // of those whose cost is not beyond chance above the least
	Cost     finding.Number    `json:"cost"`                // of a decision at the cheapest: too low on average, as it was picked as the least
	Regret   *Priced           `json:"regret,omitempty"`    // what a decision costs now above the least
	Floor    finding.Number    `json:"floor"`               // a regret that is too small to matter
	Advise   bool              `json:"advise"`              // the regret is above the floor for sure
	Few      bool              `json:"too_few,omitempty"`   // too few outcomes of a kind to rely on the edges
	Pointed  finding.Number    `json:"if_calibrated"`       // where scores are probabilities (Elkan 2001, eq. 2)
	OwnRule  bool              `json:"own_rule,omitempty"`  // the events decide by themselves
	Unplaced bool              `json:"off_edges,omitempty"` // the threshold in use is no edge of the bins: no regret
}

// PricedRecall is what it costs to find one more percentage point of the positives by a lower threshold.
type PricedRecall struct {
	Points      finding.Number `json:"points"`
	Threshold   finding.Number `json:"threshold"` // that would find them, or lower
	PerDecision Priced         `json:"per_decision"`
	PerDay      Priced         `json:"per_day"`
}

// Prices says what the decisions of each view cost, the whole first; known are the counts of p.Score.Views over so many days of event
// time. Views without an outcome are left out; nil where decisions aren't priced, and where outcomes stand for others than
// themselves: its bands take each for one decision.
func Prices(p *plan.Plan, known []*sketch.Curve, days float64) []Money {
	if p.Policy.Costs == nil || !p.Score.Binary() || p.Score.Missing != plan.Unstated || !(days > 0) {
		return nil
	}
	var out []Money
	for i, c := range known {
		if c == nil || i >= len(p.Score.Views) {
			continue
		}
		if m, ok := pricesOf(p, truth.Reliability(c), days); ok {
			m.Slice = p.Score.Views[i].Slice
			out = append(out, m)
		}
	}
	return out
}

// Known is what is known of the outcomes of a cohort, by p.Score.Views: with every correction, as it is now. It is nil for plans without a
// score.
func Known(p *plan.Plan, revised func(dims, codes []int) (truth.Counts, error)) ([]truth.Counts, error) {
	if p.Score == nil {
		return nil, nil
	}
	out := make([]truth.Counts, max(1, len(p.Score.Views)))
	for i := range out {
		var v plan.View
		if i < len(p.Score.Views) {
			v = p.Score.Views[i]
		}
		c, err := revised(v.Dims, v.Codes)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

func pricesOf(p *plan.Plan, r stat.Reliability, days float64) (Money, bool) {
	c := prices(p.Policy.Costs)
	alpha := widened(moneyAlpha, p.Score.Dispersion)
	band, ok := r.ExpectedCostBand(c, alpha)
	n := r.TP + r.FP + r.FN + r.TN
	if !ok || n <= 0 {
		return Money{}, false
	}
	perDay := float64(n) / p.Sampled() / days // the sample stands for all decisions
	m := Money{
		Currency: p.Policy.Costs.Currency, Labels: n, PerDecision: priced(band, 1), PerDay: priced(band, perDay),
	}
	now, placed := edgeNow(p.Score)
	m.Threshold = pricedThreshold(p, r, c, alpha, now, placed)
	if !placed {
		return m, true
	}
	if more, ok := r.CostOfRecall(now, onePoint, c, alpha); ok {
		m.Recall = &PricedRecall{
			Points: onePoint, Threshold: scoreFrom(p.Score, more.Edge), PerDecision: priced(more.Cost, 1), PerDay: priced(more.Cost, perDay),
		}
	}
	return m, true
}

func pricedThreshold(p *plan.Plan, r stat.Reliability, c stat.Costs, alpha float64, now int, placed bool) *PricedThreshold {
	alpha /= float64(max(1, r.Edges()-1)) // the cheapest is picked among so many: Bonferroni, as Dunnett's (1955) constants are bounded by
	best, ok := r.CheapestEdge(c, alpha)
	if !ok {
		return nil
	}
	m, _ := Find(plan.TwoClasses, expectedCost)
	out := &PricedThreshold{
		Now: finding.None(), Cheapest: scoreFrom(p.Score, best.Edge), Band: [2]finding.Number{scoreFrom(p.Score, best.Low), scoreFrom(p.Score, best.High)},
		Cost: finding.Number(best.Cost.Value), Floor: finding.Number(m.floor(p)), Few: best.Few, Pointed: finding.Number(best.Pointed),
		OwnRule: p.Score.Own, Unplaced: !placed && !p.Score.Own,
	}
	if !p.Score.Own {
		out.Now = finding.Number(p.Score.Threshold)
	}
	if !placed {
		return out
	}
	if regret, ok := r.Regret(now, c, alpha); ok {
		told := priced(regret, 1)
		out.Regret = &told
		out.Advise = !regret.Few && regret.Low > m.floor(p)
	}
	return out
}

func priced(b stat.Band, times float64) Priced {
	return Priced{
		Value: finding.Number(b.Value * times), Band: [2]finding.Number{finding.Number(b.Low * times), finding.Number(b.High * times)}, Few: b.Few,
	}
}

// widened is the error rate at which a normal interval is as wide as that of alpha times the square root of a dispersion.
func widened(alpha, dispersion float64) float64 {
	z := -stat.NormalQuantile(alpha/2) * math.Sqrt(max(1, dispersion))
	return max(1e-12, 2*stat.NormalSF(z))
}

// edgeNow is the edge of the bins that the threshold in use is, as stat's edges are counted: so many bins lie below it. The baseline makes the
// largest double below the threshold an edge.
func edgeNow(s *plan.Score) (edge int, ok bool) {
	if s.Own {
		return 0, false
	}
	below := math.Nextafter(s.Threshold, math.Inf(-1))
	for i, e := range s.Edges {
		if e == below {
			return i + 1, true
		}
	}
	return 0, false
}

// scoreFrom is the smallest score that is decided positive at an edge: 0 is always, none is never.
func scoreFrom(s *plan.Score, edge int) finding.Number {
	switch {
	case edge <= 0:
		return 0
	case edge > len(s.Edges):
		return finding.None()
	}
	return finding.Number(math.Nextafter(s.Edges[edge-1], math.Inf(1)))
}
