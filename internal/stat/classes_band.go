package stat

import "math"

// ClassMetric is a number that the counts of a model of several classes determine, and its band.
type ClassMetric struct {
	Name string // as contracts write it
	Band func(c Classes, alpha float64) (Band, bool)
}

// ClassMetrics are all metrics of a model of several classes but top-k accuracy (TopKBand) and those of one class (Class), in a fixed
// order.
func ClassMetrics() []ClassMetric {
	logit := func(name string, f func(c Classes) (Estimate, bool)) ClassMetric {
		return ClassMetric{Name: name, Band: func(c Classes, alpha float64) (Band, bool) { return c.logitBand(f, alpha) }}
	}
	averaged := func(name string, f func(c Classes, a Average) (Estimate, bool), a Average) ClassMetric {
		return logit(name, func(c Classes) (Estimate, bool) { return f(c, a) })
	}
	correlation := func(name string, f func(c Classes) (Estimate, bool)) ClassMetric {
		return ClassMetric{Name: name, Band: func(c Classes, alpha float64) (Band, bool) {
			e, ok := f(c)
			if !ok || !usable(alpha) {
				return Band{}, false
			}
			return fisherBand(e, alpha, c.few()), true
		}}
	}
	return []ClassMetric{
		{Name: "accuracy", Band: Classes.accuracyBand},
		logit("balanced_accuracy", Classes.BalancedAccuracy),
		averaged("macro_precision", Classes.Precision, Macro),
		averaged("macro_recall", Classes.Recall, Macro),
		averaged("macro_f1", Classes.F1, Macro),
		{Name: "micro_precision", Band: Classes.accuracyBand},
		{Name: "micro_recall", Band: Classes.accuracyBand},
		{Name: "micro_f1", Band: Classes.accuracyBand},
		averaged("weighted_precision", Classes.Precision, Weighted),
		{Name: "weighted_recall", Band: Classes.accuracyBand},
		averaged("weighted_f1", Classes.F1, Weighted),
		correlation("mcc", Classes.MCC),
		correlation("kappa", Classes.Kappa),
		{Name: "log_loss", Band: Classes.logLossBand},
		{Name: "brier", Band: Classes.brierBand},
		{Name: "ece", Band: Classes.eceBand},
	}
}

// few says that a class that matters is too rare: one that occurs has turned out, or was predicted, fewer than so many times.
func (c Classes) few() bool {
	m, ok := c.margins()
	if !ok || m.n < fewEvents {
		return true
	}
	for i := range m.k {
		if m.occurs(i) && min(m.actual[i], m.predicted[i]) < fewOfAKind {
			return true
		}
	}
	return m.hits < fewOfAKind || m.n-m.hits < fewOfAKind
}

func (c Classes) logitBand(f func(c Classes) (Estimate, bool), alpha float64) (Band, bool) {
	e, ok := f(c)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	return logitBand(e, alpha, c.few()), true
}

func (c Classes) accuracyBand(alpha float64) (Band, bool) {
	m, ok := c.margins()
	if !ok {
		return Band{}, false
	}
	return shareBand(int64(m.hits), int64(m.n), alpha)
}

// TopKBand returns TopK with its Wilson interval.
func (c Classes) TopKBand(k int, alpha float64) (Band, bool) {
	hits, n, ok := c.topK(k)
	if !ok {
		return Band{}, false
	}
	return shareBand(hits, n, alpha)
}

func (c Classes) logLossBand(alpha float64) (Band, bool) {
	e, ok := c.LogLoss()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, _, _ := c.curves()
	_, second, third := centralMoments(ownScores(bins))
	return meanBand(e, second, third, alpha, 0, math.Inf(1)), true
}

// brierBand knows of each class's errors, not of what the classes of one event share: it is too wide, never too narrow. Jackknife over
// panes gives the narrower one.
func (c Classes) brierBand(alpha float64) (Band, bool) {
	e, ok := c.Brier()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	return plainBand(e, alpha, 0, 2, e.N < fewEvents), true
}

// eceBand is the mean of the classes' bands: wider than need be, as the classes don't all err the same way at once.
func (c Classes) eceBand(alpha float64) (Band, bool) {
	e, ok := c.ClasswiseECE(ECEGroups)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	out := Band{Estimate: e}
	for _, r := range c.Curves {
		b, ok := r.eceBand(func(bins []labelled) []group { return equalWidth(bins, ECEGroups) }, alpha)
		if !ok {
			return Band{}, false
		}
		out.Low += b.Low / float64(c.K)
		out.High += b.High / float64(c.K)
		out.Few = out.Few || b.Few
	}
	return out, true
}
