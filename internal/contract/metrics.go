package contract

import "slices"

// Unit is what a metric is measured in, and so how its limits are written.
type Unit string

// The units.
const (
	Share    Unit = "share"    // 0..1; written 0.1 or 10%
	Ratio    Unit = "ratio"    // 0 and up, 1 = 100 %; written 0.1 or 10%
	Seconds  Unit = "seconds"  // written as a duration
	Currency Unit = "currency" // of the contract's costs, per decision
	Events   Unit = "events"   // a count over the promise's window
	Plain    Unit = "number"   // without a unit, or in the label's own
)

// Direction says which way a metric gets better.
type Direction string

// The directions.
const (
	Lower  Direction = "lower"  // promise max or max_increase
	Higher Direction = "higher" // promise min
	Either Direction = "either" // promise min, max or max_increase
)

// Metric is something a promise can be made on.
type Metric struct {
	Name        string
	Unit        Unit
	Direction   Direction
	Least, Most float64 // smallest and largest possible value, where Bounded
	Bounded     bool
	Needs       Needs
}

// Needs is what a contract must hold for a metric to exist.
type Needs struct {
	Outcome  bool // an outcome stream
	Score    bool // a score field in the prediction stream
	Decision bool // binary: a threshold, cheapest, or a decision field; else a decision or score field
	Latency  bool // a latency field in the prediction stream
	Reasons  bool // a field with reason codes in the prediction stream; a promise says of which decisions
	Costs    bool
	Each     bool // multiclass: a probability of each class
	Interval bool // regression: the bounds of an interval
	Groups   bool // protected attributes: the metric compares groups, and a promise's by names attributes, not slices
}

var (
	fromScore       = Needs{Outcome: true, Score: true}
	fromDecision    = Needs{Outcome: true, Decision: true}
	fromLabel       = Needs{Outcome: true}
	fromLatency     = Needs{Latency: true}
	fromEach        = Needs{Outcome: true, Score: true, Each: true}
	fromInterval    = Needs{Outcome: true, Score: true, Interval: true}
	decided         = Needs{Score: true, Decision: true, Groups: true}
	turnedOut       = Needs{Outcome: true, Score: true, Decision: true, Groups: true}
	fairnessMetrics = []Metric{
		{Name: "demographic_parity_ratio", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: decided},
		{Name: "demographic_parity_difference", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: decided},
		{Name: "equal_opportunity_difference", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: turnedOut},
		{Name: "equalized_odds_difference", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: turnedOut},
		{Name: "predictive_parity_difference", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: turnedOut},
		{Name: "false_omission_difference", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: turnedOut},
	}
	sharedMetrics = []Metric{
		{Name: "label_coverage", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromLabel},
		{Name: ReasonCodeCoverage, Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: Needs{Reasons: true}},
		{Name: "scoring_latency_p50", Unit: Seconds, Direction: Lower, Needs: fromLatency},
		{Name: "scoring_latency_p95", Unit: Seconds, Direction: Lower, Needs: fromLatency},
		{Name: "scoring_latency_p99", Unit: Seconds, Direction: Lower, Needs: fromLatency},
		{Name: "freshness", Unit: Seconds, Direction: Lower},
		{Name: "volume", Unit: Events, Direction: Either},
	}
	taskMetrics = map[TaskType][]Metric{
		Binary: {
			{Name: "expected_cost", Unit: Currency, Direction: Lower, Needs: Needs{Outcome: true, Decision: true, Costs: true}},
			{Name: "roc_auc", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromScore},
			{Name: "brier", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: fromScore},
			{Name: "ece", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: fromScore},
			{Name: "log_loss", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "precision", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "recall", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "specificity", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "f1", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "mcc", Unit: Plain, Direction: Higher, Least: -1, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "positive_rate", Unit: Share, Direction: Either, Most: 1, Bounded: true, Needs: Needs{Decision: true}},
			{Name: "label_rate", Unit: Share, Direction: Either, Most: 1, Bounded: true, Needs: fromLabel},
			{Name: "calibration_slope", Unit: Plain, Direction: Either, Needs: fromScore},
			{Name: "calibration_intercept", Unit: Plain, Direction: Either, Needs: fromScore},
		},
		Multiclass: {
			{Name: "accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "balanced_accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "macro_precision", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "macro_recall", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "macro_f1", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "micro_precision", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "micro_recall", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "micro_f1", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "weighted_precision", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "weighted_recall", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "weighted_f1", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "mcc", Unit: Plain, Direction: Higher, Least: -1, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "kappa", Unit: Plain, Direction: Higher, Least: -1, Most: 1, Bounded: true, Needs: fromDecision},
			{Name: "log_loss", Unit: Plain, Direction: Lower, Needs: fromEach},
			{Name: "brier", Unit: Plain, Direction: Lower, Most: 2, Bounded: true, Needs: fromEach},
			{Name: "ece", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: fromScore},
			{Name: "classwise_ece", Unit: Share, Direction: Lower, Most: 1, Bounded: true, Needs: fromEach},
			{Name: "top_2_accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromEach},
			{Name: "top_3_accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromEach},
			{Name: "top_5_accuracy", Unit: Share, Direction: Higher, Most: 1, Bounded: true, Needs: fromEach},
		},
		Regression: {
			{Name: "mae", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "rmse", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "mape", Unit: Ratio, Direction: Lower, Needs: fromScore},
			{Name: "bias", Unit: Plain, Direction: Either, Needs: fromScore},
			{Name: "r2", Unit: Plain, Direction: Higher, Needs: fromScore},
			{Name: "smape", Unit: Ratio, Direction: Lower, Most: 2, Bounded: true, Needs: fromScore},
			{Name: "median_ae", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_05", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_10", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_25", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_50", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_75", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_90", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "quantile_loss_95", Unit: Plain, Direction: Lower, Needs: fromScore},
			{Name: "interval_coverage", Unit: Share, Direction: Either, Most: 1, Bounded: true, Needs: fromInterval},
		},
	}
)

// ReasonCodeCoverage is the share of decisions that carry reason codes.
const ReasonCodeCoverage = "reason_code_coverage"

// MetricsOf are the metrics a task of type t can have, those of the task first, then those of any task; nil for a type that
// doesn't exist.
func MetricsOf(t TaskType) []Metric {
	own, ok := taskMetrics[t]
	if !ok {
		return nil
	}
	if t == Binary {
		return slices.Concat(own, fairnessMetrics, sharedMetrics)
	}
	return slices.Concat(own, sharedMetrics)
}

// Metrics are the names of MetricsOf(t), in its order.
func Metrics(t TaskType) []string {
	var out []string
	for _, m := range MetricsOf(t) {
		out = append(out, m.Name)
	}
	return out
}

// MetricOf is the metric of a task of type t called name.
func MetricOf(t TaskType, name string) (Metric, bool) {
	for _, m := range MetricsOf(t) {
		if m.Name == name {
			return m, true
		}
	}
	return Metric{}, false
}
