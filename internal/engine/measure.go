package engine

import (
	"errors"
	"math"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Metric is one quality of the labelled counts. Worse says which way is bad: +1 up, -1 down, 0 both.
type Metric struct {
	Name    string
	Channel string
	Worse   int
	Words   string
	value   func(truth.Counts) (stat.Estimate, bool)
	ownUnit bool // it is measured in the label's own unit
}

// eceBins is the number of equal-width bins of the expected calibration error (Naeini, Cooper & Hauskrecht 2015).
const eceBins = 10

// binaryJudged are the qualities judged of a binary model, the costliest first.
var binaryJudged = []Metric{
	{expectedCost, "cost", +1, "cost per decision", nil, false},
	{"brier", "performance", +1, "Brier score", curve(stat.Reliability.Brier), false},
	{"ece", "calibration", +1, "calibration error", curve(func(r stat.Reliability) (stat.Estimate, bool) { return r.ECEWidth(eceBins) }), false},
	{"calibration_bias", "calibration", 0, "outcomes above the score", curve(stat.Reliability.Bias), false},
	{"roc_auc", "performance", -1, "ROC AUC", curve(stat.Reliability.ROCAUC), false},
}

// binaryDescribed are further metrics: promises may name them, no test of its own looks at them.
var binaryDescribed = []Metric{
	{"accuracy", "performance", -1, "accuracy", curve(stat.Reliability.Accuracy), false},
	{"precision", "performance", -1, "precision", curve(stat.Reliability.Precision), false},
	{"recall", "performance", -1, "recall", ofPositives(stat.Reliability.Recall), false},
	{"specificity", "performance", -1, "specificity", curve(stat.Reliability.Specificity), false},
	{"f1", "performance", -1, "F1", curve(stat.Reliability.F1), false},
	{"mcc", "performance", -1, "Matthews correlation", curve(stat.Reliability.MCC), false},
	{"log_loss", "performance", +1, "log loss", curve(stat.Reliability.LogLoss), false},
	{"mean_score", "score", 0, "mean score", curve(meanScore), false},
	{"label_rate", "outcome", 0, "base rate", curve(stat.Reliability.LabelRate), false},
}

// promisable are metrics that promises may name, and nothing else looks at: the reference is not measured by them.
var promisable = []Metric{
	{"positive_rate", "performance", 0, "share of positive decisions", curve(stat.Reliability.PositiveRate), false},
	{"calibration_slope", "calibration", 0, "calibration slope", curve(calibrationSlope), false},
	{"calibration_intercept", "calibration", 0, "calibration intercept", curve(calibrationIntercept), false},
}

// curve is a metric of the reliability curve, which binary models have.
func curve(of func(stat.Reliability) (stat.Estimate, bool)) func(truth.Counts) (stat.Estimate, bool) {
	return func(c truth.Counts) (stat.Estimate, bool) {
		if s, ok := truth.Stand(c); ok {
			return of(s.Reliability)
		}
		return stat.Estimate{}, false
	}
}

// ofPositives is a metric that only positive outcomes decide.
func ofPositives(of func(stat.Reliability) (stat.Estimate, bool)) func(truth.Counts) (stat.Estimate, bool) {
	return func(c truth.Counts) (stat.Estimate, bool) {
		if s, ok := truth.StandAmongPositives(c); ok {
			return of(s.Reliability)
		}
		return stat.Estimate{}, false
	}
}

// Judged are the metrics that are held against the reference for a task, the costliest first.
func Judged(t plan.Task) []Metric {
	judged, _ := metricsOf(t)
	return judged
}

// Leading is the metric that tells how much a reference teaches of outcomes: every pane that holds enough of them has it.
func Leading(t plan.Task) string {
	switch t {
	case plan.Classes:
		return "accuracy"
	case plan.Numbers:
		return "mae"
	default:
		return "brier"
	}
}

// Find returns the metric of that name that a task has.
func Find(t plan.Task, name string) (Metric, bool) {
	judged, described := metricsOf(t)
	lists := [][]Metric{judged, described}
	if t == plan.TwoClasses {
		lists = append(lists, promisable)
	}
	for _, list := range lists {
		for _, m := range list {
			if m.Name == name {
				return m, true
			}
		}
	}
	return Metric{}, false
}

// All lists every metric this build can compute of a task's labelled counts.
func All(t plan.Task) []Metric {
	judged, described := metricsOf(t)
	return append(append([]Metric{}, judged...), described...)
}

func metricsOf(t plan.Task) (judged, described []Metric) {
	switch t {
	case plan.Classes:
		return classJudged, classDescribed
	case plan.Numbers:
		return numberJudged, numberDescribed
	default:
		return binaryJudged, binaryDescribed
	}
}

// Value computes m; ok is false where the counts don't determine it (no outcomes, one class only, no costs).
func (m *Metric) Value(c truth.Counts, costs *plan.Costs) (float64, bool) {
	var v stat.Estimate
	var ok bool
	switch {
	case m.value != nil:
		v, ok = m.value(c)
	case costs != nil && m.Name == expectedCost: // expected cost, the only metric that needs prices
		v, ok = curve(func(r stat.Reliability) (stat.Estimate, bool) { return r.ExpectedCost(prices(costs)) })(c)
	}
	return v.Value, ok && !math.IsNaN(v.Value) && !math.IsInf(v.Value, 0)
}

func prices(c *plan.Costs) stat.Costs {
	return stat.Costs{FP: c.FalsePositive, FN: c.FalseNegative, TP: c.TruePositive, TN: c.TrueNegative}
}

// meanScore is over the predictions whose outcome is known, so that it can be held against the base rate.
func meanScore(r stat.Reliability) (stat.Estimate, bool) {
	rate, ok := r.LabelRate()
	bias, ok2 := r.Bias()
	return stat.Estimate{Value: rate.Value - bias.Value, SE: math.NaN(), N: rate.N}, ok && ok2
}

// calibrationSlope and calibrationIntercept are of Cox's (1958) recalibration.
func calibrationSlope(r stat.Reliability) (stat.Estimate, bool) {
	m, ok := r.CalibrationMap()
	return stat.Estimate{Value: m.B, SE: m.SEB, N: m.N}, ok
}

func calibrationIntercept(r stat.Reliability) (stat.Estimate, bool) {
	m, ok := r.CalibrationMap()
	return stat.Estimate{Value: m.A, SE: m.SEA, N: m.N}, ok
}

// floor is the change of m that is too small to matter: the contract's rate, in the metric's own unit. For cost it is that
// share of decisions going wrong in the dearer way; for errors of numbers, plan.Score.Floor.
func (m *Metric) floor(of *plan.Plan) float64 {
	p := &of.Policy
	if m.ownUnit && of.Score != nil {
		return of.Score.Floor
	}
	if m.Name != "expected_cost" || p.Costs == nil {
		return p.Floor
	}
	c := p.Costs
	return p.Floor * max(math.Abs(c.FalsePositive-c.TrueNegative), math.Abs(c.FalseNegative-c.TruePositive))
}

// figures are the numbers that convince a person that a model went wrong: the metric that says so first.
func (e *Engine) figures(first *Metric, now truth.Counts, v *plan.View) []finding.Figure {
	var out []finding.Figure
	names := []string{first.Name}
	for _, name := range convincing(e.plan.Score.Task) {
		if name != first.Name {
			names = append(names, name)
		}
	}
	for _, name := range names {
		m, _ := Find(e.plan.Score.Task, name)
		x, ok := m.Value(now, e.plan.Policy.Costs)
		before, had := v.Measured(name, e.plan.Policy.Costs)
		if !ok || !had {
			continue
		}
		f := finding.Figure{Name: m.Words, Before: finding.Number(before.Value), Now: finding.Number(x)}
		if name == "expected_cost" {
			f.Unit = e.plan.Policy.Costs.Currency
		}
		out = append(out, f)
	}
	return out
}

// convincing are the metrics that are shown beside the one that says a model went wrong.
func convincing(t plan.Task) []string {
	switch t {
	case plan.Classes:
		return []string{"accuracy", "macro_f1", "ece"}
	case plan.Numbers:
		return []string{"mae", "rmse", "bias", "r2"}
	default:
		return []string{expectedCost, "brier", "mean_score", "label_rate"}
	}
}

const expectedCost = "expected_cost"

// leaveOneOut adds up parts without the first, without the second, and so on. Of each it is what came before and what comes after, so
// that 3 merges a part do; a part taken out of the sum would be another operation that has to be exact.
func leaveOneOut(nothing truth.Counts, parts []truth.Counts) ([]truth.Counts, error) {
	if len(parts) == 0 {
		return nil, nil
	}
	without := make([]truth.Counts, len(parts))
	without[len(parts)-1] = nothing.Clone()
	for i := len(parts) - 2; i >= 0; i-- {
		without[i] = without[i+1].Clone()
		if err := without[i].Merge(parts[i+1]); err != nil {
			return nil, err
		}
	}
	before := nothing.Clone()
	for i, p := range parts {
		if err := errors.Join(without[i].Merge(before), before.Merge(p)); err != nil {
			return nil, err
		}
	}
	return without, nil
}

// jackknife is the standard error of a metric of the sum of parts, from leaving out one part at a time (Quenouille 1956;
// Tukey 1958); without is what leaveOneOut makes of the parts. The parts are test panes, so that what outcomes of one day share is in it.
func jackknife(without []truth.Counts, m *Metric, costs *plan.Costs) (se float64, leftOut []float64, ok bool) {
	for _, rest := range without {
		v, ok := m.Value(rest, costs)
		if !ok {
			return 0, nil, false
		}
		leftOut = append(leftOut, v)
	}
	k := float64(len(leftOut))
	if k < 3 {
		return 0, leftOut, false
	}
	var mu, ss float64
	for _, v := range leftOut {
		mu += v / k
	}
	for _, v := range leftOut {
		ss += (v - mu) * (v - mu)
	}
	return math.Sqrt((k - 1) / k * ss), leftOut, true
}
