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
	logit := func(name string, f func(c Classes) (Estimate, bool), predicted bool) ClassMetric {
		return ClassMetric{Name: name, Band: func(c Classes, alpha float64) (Band, bool) { return c.logitBand(f, predicted, alpha) }}
	}
	averaged := func(name string, f func(c Classes, a Average) (Estimate, bool), a Average, predicted bool) ClassMetric {
		return logit(name, func(c Classes) (Estimate, bool) { return f(c, a) }, predicted)
	}
	correlation := func(name string, f func(c Classes) (Estimate, bool)) ClassMetric {
		return ClassMetric{Name: name, Band: func(c Classes, alpha float64) (Band, bool) {
			e, ok := f(c)
			if !ok || !usable(alpha) {
				return Band{}, false
			}
			return fisherBand(e, alpha, c.few(false)), true
		}}
	}
	return []ClassMetric{
		{Name: "accuracy", Band: Classes.accuracyBand},
		logit("balanced_accuracy", Classes.BalancedAccuracy, false),
		averaged("macro_precision", Classes.Precision, Macro, true),
		averaged("macro_recall", Classes.Recall, Macro, false),
		averaged("macro_f1", Classes.F1, Macro, false),
		{Name: "micro_precision", Band: Classes.accuracyBand},
		{Name: "micro_recall", Band: Classes.accuracyBand},
		{Name: "micro_f1", Band: Classes.accuracyBand},
		averaged("weighted_precision", Classes.Precision, Weighted, true),
		{Name: "weighted_recall", Band: Classes.accuracyBand},
		averaged("weighted_f1", Classes.F1, Weighted, false),
		correlation("mcc", Classes.MCC),
		correlation("kappa", Classes.Kappa),
		{Name: "log_loss", Band: Classes.logLossBand},
		{Name: "brier", Band: Classes.brierBand},
		{Name: "ece", Band: Classes.eceBand},
	}
}

// few says that a class that occurs is too rare: it has turned out, or (predicted) been predicted, fewer than so many times.
func (c Classes) few(predicted bool) bool {
	m, ok := c.margins()
	if !ok || m.n < fewEvents {
		return true
	}
	for i := range m.k {
		count := m.actual[i]
		if predicted {
			count = m.predicted[i]
		}
		if m.occurs(i) && count < fewOfAKind {
			return true
		}
	}
	return false
}

func (c Classes) logitBand(f func(c Classes) (Estimate, bool), predicted bool, alpha float64) (Band, bool) {
	e, ok := f(c)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	return logitBand(e, alpha, c.few(predicted)), true
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

func (c Classes) brierBand(alpha float64) (Band, bool) {
	e, ok := c.Brier()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, _, _ := c.curves()
	_, second, third := centralMoments(brierLosses(bins, e.Value))
	return meanBand(e, second, third, alpha, 0, 2), true
}

// eceBand lies between two: the law of the sum over all classes' groups as if they were independent (see Reliability.eceBand), and the mean of the
// classes' own bands, as if they all erred at once. One event is in a group of every class, so the truth is in between; how far is simulated.
func (c Classes) eceBand(alpha float64) (Band, bool) {
	e, ok := c.ClasswiseECE(ECEGroups)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	var all gaps
	few := false
	var least, most float64
	for _, r := range c.Curves {
		bins, n, _, _ := r.outcomes()
		g := gapsOf(equalWidth(bins, ECEGroups), n)
		lo, hi := g.sizes(alpha)
		least += lo / float64(c.K)
		most += hi / float64(c.K)
		for _, w := range g.weight {
			all.weight = append(all.weight, w/float64(c.K))
		}
		all.gap = append(all.gap, g.gap...)
		all.noise = append(all.noise, g.noise...)
		few = few || r.calibrationFew()
	}
	lo, hi := all.sizes(alpha)
	const apart = 0.6
	return newBand(e, apart*lo+(1-apart)*least, apart*hi+(1-apart)*most, 0, 1, few), true
}
