package stat

import "math"

// BinaryMetric is a number that the counts of a binary model's curve determine, and its band.
type BinaryMetric struct {
	Name  string // as contracts write it
	Band  func(r Reliability, alpha float64) (Band, bool)
	Truth string // what the interval holds, where that is not what Value tends to from its middle; else empty
}

// ECEGroups is how many groups the calibration errors of the tables of metrics are taken over.
const ECEGroups = 10

// BinaryMetrics are all metrics of a binary model but those that need prices (ExpectedCostBand), in a fixed order.
func BinaryMetrics() []BinaryMetric {
	share := func(name string, f func(r Reliability) (k, n int64)) BinaryMetric {
		return BinaryMetric{Name: name, Band: func(r Reliability, alpha float64) (Band, bool) {
			if _, _, _, _, _, ok := r.decided(); !ok {
				return Band{}, false
			}
			k, n := f(r)
			return shareBand(k, n, alpha)
		}}
	}
	beta := func(name string, b float64) BinaryMetric {
		return BinaryMetric{Name: name, Band: func(r Reliability, alpha float64) (Band, bool) { return r.fBetaBand(b, alpha) }}
	}
	const unbiased = "the value is biased upwards in small samples, the interval is not"
	return []BinaryMetric{
		share("accuracy", func(r Reliability) (k, n int64) { return r.TP + r.TN, r.TP + r.FP + r.FN + r.TN }),
		{Name: "balanced_accuracy", Band: Reliability.balancedBand},
		share("precision", func(r Reliability) (k, n int64) { return r.TP, r.TP + r.FP }),
		share("recall", func(r Reliability) (k, n int64) { return r.TP, r.TP + r.FN }),
		share("specificity", func(r Reliability) (k, n int64) { return r.TN, r.TN + r.FP }),
		share("npv", func(r Reliability) (k, n int64) { return r.TN, r.TN + r.FN }),
		share("false_omission_rate", func(r Reliability) (k, n int64) { return r.FN, r.TN + r.FN }),
		share("false_positive_rate", func(r Reliability) (k, n int64) { return r.FP, r.TN + r.FP }),
		share("false_negative_rate", func(r Reliability) (k, n int64) { return r.FN, r.TP + r.FN }),
		share("positive_rate", func(r Reliability) (k, n int64) { return r.TP + r.FP, r.TP + r.FP + r.FN + r.TN }),
		beta("f1", 1),
		beta("f2", 2),
		beta("f05", 0.5),
		{Name: "mcc", Band: Reliability.mccBand},
		{Name: "roc_auc", Band: Reliability.aucBand},
		{Name: "pr_auc", Band: Reliability.precisionBand},
		{Name: "log_loss", Band: Reliability.logLossBand},
		{Name: "brier", Band: Reliability.brierBand},
		{Name: "brier_reliability", Band: Reliability.reliabilityBand, Truth: unbiased},
		{Name: "brier_resolution", Band: Reliability.resolutionBand, Truth: unbiased},
		{Name: "brier_uncertainty", Band: Reliability.uncertaintyBand},
		{Name: "ece", Band: func(r Reliability, alpha float64) (Band, bool) {
			return r.eceBand(func(bins []labelled) []group { return equalWidth(bins, ECEGroups) }, alpha)
		}, Truth: unbiased},
		{Name: "ece_equal_mass", Band: func(r Reliability, alpha float64) (Band, bool) {
			return r.eceBand(func(bins []labelled) []group { return equalMass(bins, ECEGroups) }, alpha)
		}, Truth: unbiased},
		{Name: "ece_debiased", Band: Reliability.debiasedBand},
		{Name: "calibration_slope", Band: func(r Reliability, alpha float64) (Band, bool) { return r.mapBand(true, alpha) }},
		{Name: "calibration_intercept", Band: func(r Reliability, alpha float64) (Band, bool) { return r.mapBand(false, alpha) }},
		{Name: "calibration_bias", Band: Reliability.biasBand},
		{Name: "spiegelhalter_z", Band: Reliability.spiegelhalterBand},
		{Name: "label_rate", Band: func(r Reliability, alpha float64) (Band, bool) {
			_, n, pos, ok := r.outcomes()
			if !ok {
				return Band{}, false
			}
			return shareBand(pos, n, alpha)
		}},
	}
}

// FindBinary is the metric of that name.
func FindBinary(name string) (BinaryMetric, bool) {
	for _, m := range BinaryMetrics() {
		if m.Name == name {
			return m, true
		}
	}
	return BinaryMetric{}, false
}

// spread lists what each event of a bin adds to a mean: f of the mean score of the bin's positives, g of its negatives.
func spread(bins []labelled, f, g func(score float64) float64) []weighted {
	xs := make([]weighted, 0, 2*len(bins))
	for _, l := range bins {
		if l.pos > 0 {
			xs = append(xs, weighted{f(l.posMean), l.pos})
		}
		if l.pos < l.n {
			xs = append(xs, weighted{g(l.negMean), l.n - l.pos})
		}
	}
	return xs
}

// scoreBand is the band of the mean of f over positives and g over negatives.
func (r Reliability) scoreBand(e Estimate, ok bool, f, g func(score float64) float64, alpha, lo, hi float64) (Band, bool) {
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, n, pos, _ := r.outcomes()
	_, second, third := centralMoments(spread(bins, f, g))
	b := meanBand(e, second, third, alpha, lo, hi)
	b.Few = b.Few || min(pos, n-pos) < fewOfAKind
	return b, true
}

func (r Reliability) brierBand(alpha float64) (Band, bool) {
	e, ok := r.Brier()
	return r.scoreBand(e, ok, func(s float64) float64 { return (1 - s) * (1 - s) }, func(s float64) float64 { return s * s }, alpha, 0, 1)
}

func (r Reliability) logLossBand(alpha float64) (Band, bool) {
	e, ok := r.LogLoss()
	return r.scoreBand(e, ok,
		func(s float64) float64 { return -math.Log(clip(s, MinScore)) },
		func(s float64) float64 { return -math.Log1p(-clip(s, MinScore)) }, alpha, 0, math.Inf(1))
}

func (r Reliability) biasBand(alpha float64) (Band, bool) {
	e, ok := r.Bias()
	return r.scoreBand(e, ok, func(s float64) float64 { return 1 - s }, func(s float64) float64 { return -s }, alpha, -1, 1)
}
