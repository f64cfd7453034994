package stat

import "math"

// Edges is the number of bin edges a decision can be taken at, one more than there are bins: at edge 0 every event is decided
// positive, at the last none.
func (r Reliability) Edges() int { return len(r.Labels) + 1 }

// DecidedAt returns the curve with the decisions that a threshold at this edge would have taken: positive from bin edge on. The
// counts of the outcomes make them, so they are exact. Not ok for an edge outside 0..Edges()-1 or for counts that contradict
// themselves.
func (r Reliability) DecidedAt(edge int) (Reliability, bool) {
	if edge < 0 || edge >= r.Edges() || len(r.Pos) != len(r.Labels) {
		return Reliability{}, false
	}
	r.TP, r.FP, r.FN, r.TN = 0, 0, 0, 0
	for b, n := range r.Labels {
		p := r.Pos[b]
		if p < 0 || p > n {
			return Reliability{}, false
		}
		if b >= edge {
			r.TP += p
			r.FP += n - p
		} else {
			r.FN += p
			r.TN += n - p
		}
	}
	return r, true
}

// PositiveRate returns the share of positive decisions among those with known outcome.
func (r Reliability) PositiveRate() (Estimate, bool) {
	return r.share(r.TP+r.FP, r.TP+r.FP+r.FN+r.TN)
}

// NPV returns the negative predictive value, the share of negatives among negative decisions; not ok without any.
func (r Reliability) NPV() (Estimate, bool) { return r.share(r.TN, r.TN+r.FN) }

// FalseOmission returns 1 - NPV, the share of positives among negative decisions.
func (r Reliability) FalseOmission() (Estimate, bool) { return r.share(r.FN, r.TN+r.FN) }

// FalsePositiveRate returns 1 - specificity.
func (r Reliability) FalsePositiveRate() (Estimate, bool) { return r.share(r.FP, r.TN+r.FP) }

// FalseNegativeRate returns 1 - recall.
func (r Reliability) FalseNegativeRate() (Estimate, bool) { return r.share(r.FN, r.TP+r.FN) }

// BalancedAccuracy returns the mean of recall and specificity; not ok without both classes.
func (r Reliability) BalancedAccuracy() (Estimate, bool) {
	recall, ok := r.Recall()
	specificity, ok2 := r.Specificity()
	if !ok || !ok2 {
		return Estimate{}, false
	}
	return Estimate{
		Value: (recall.Value + specificity.Value) / 2,
		SE:    math.Hypot(recall.SE, specificity.SE) / 2,
		N:     recall.N + specificity.N,
	}, true
}

// FBeta returns the weighted harmonic mean of precision and recall, (1+beta^2)TP/((1+beta^2)TP+beta^2 FN+FP), in which recall counts
// beta times as much (van Rijsbergen 1979), with the delta-method standard error. Not ok if all three counts are 0 or beta isn't
// positive and finite.
func (r Reliability) FBeta(beta float64) (Estimate, bool) {
	tp, fp, fn, _, n, ok := r.decided()
	b := beta * beta
	d := (1+b)*tp + b*fn + fp
	if !ok || !(d > 0) || !(beta > 0) || math.IsInf(b, 0) {
		return Estimate{}, false
	}
	f := (1 + b) * tp / d
	// The sum over cells of count times squared derivative; F doesn't depend on scale, so the multinomial term vanishes.
	v := tp*sq((1+b)*(1-f)/d) + fn*sq(b*f/d) + fp*sq(f/d)
	return Estimate{Value: f, SE: math.Sqrt(v), N: n}, true
}

// fBetaBand rests on F/(1-F) = (1+beta^2) TP/E with E = beta^2 FN + FP. E scatters as E^2/(beta^4 FN + FP) events do, so TP among
// TP and that many is a share with Wilson's interval, exactly so at beta = 1, where it is Jaccard's TP/(TP+FP+FN).
func (r Reliability) fBetaBand(beta, alpha float64) (Band, bool) {
	est, ok := r.FBeta(beta)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	tp, fp, fn, _, _, _ := r.decided()
	b := beta * beta
	e, v := b*fn+fp, b*b*fn+fp
	m, scale := 0., (1+b)/2 // without errors: as if a half of each kind
	if e > 0 {
		m = e * e / v
		scale = (1 + b) * m / e
	}
	lo, hi := wilsonOf(tp, tp+m, alpha)
	odds := func(p float64) float64 {
		if p >= 1 {
			return 1
		}
		o := scale * p / (1 - p)
		return o / (1 + o)
	}
	return newBand(est, odds(lo), odds(hi), 0, 1, tp+fp+fn < fewEvents), true
}

// balancedBand joins the Wilson intervals of recall and specificity (the square-and-add rule, Zou & Donner 2008).
func (r Reliability) balancedBand(alpha float64) (Band, bool) {
	e, ok := r.BalancedAccuracy()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	recall, _ := shareBand(r.TP, r.TP+r.FN, alpha)
	specificity, _ := shareBand(r.TN, r.TN+r.FP, alpha)
	lo := math.Hypot(recall.Value-recall.Low, specificity.Value-specificity.Low) / 2
	hi := math.Hypot(recall.High-recall.Value, specificity.High-specificity.Value) / 2
	few := min(r.TP+r.FN, r.TN+r.FP) < fewOfAKind
	return newBand(e, e.Value-lo, e.Value+hi, 0, 1, few), true
}

// mccBand is on Fisher's scale.
func (r Reliability) mccBand(alpha float64) (Band, bool) {
	e, ok := r.MCC()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	few := min(r.TP+r.FP, r.TP+r.FN, r.TN+r.FP, r.TN+r.FN) < fewOfAKind
	return fisherBand(e, alpha, few), true
}

// ExpectedCostBand returns ExpectedCost with its 1-alpha interval, see meanBand.
func (r Reliability) ExpectedCostBand(c Costs, alpha float64) (Band, bool) {
	e, ok := r.ExpectedCost(c)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	return costBand(e, []weighted{{c.TP, float64(r.TP)}, {c.FP, float64(r.FP)}, {c.FN, float64(r.FN)}, {c.TN, float64(r.TN)}}, alpha), true
}

func costBand(e Estimate, xs []weighted, alpha float64) Band {
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range xs {
		lo, hi = min(lo, v.x), max(hi, v.x)
	}
	_, second, third := centralMoments(xs)
	return meanBand(e, second, third, alpha, lo, hi)
}
