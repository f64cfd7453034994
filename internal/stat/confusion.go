package stat

import "math"

// decided returns the four counts; ok is false without decisions or with a negative count.
func (r Reliability) decided() (tp, fp, fn, tn float64, n int64, ok bool) {
	if r.TP < 0 || r.FP < 0 || r.FN < 0 || r.TN < 0 {
		return 0, 0, 0, 0, 0, false
	}
	n = r.TP + r.FP + r.FN + r.TN
	return float64(r.TP), float64(r.FP), float64(r.FN), float64(r.TN), n, n > 0
}

// share returns k/n of the decisions; ok is false if the counts are not valid or n is 0.
func (r Reliability) share(k, n int64) (Estimate, bool) {
	if _, _, _, _, _, ok := r.decided(); !ok {
		return Estimate{}, false
	}
	return proportion(k, n)
}

// Accuracy returns the share of right decisions.
func (r Reliability) Accuracy() (Estimate, bool) {
	return r.share(r.TP+r.TN, r.TP+r.FP+r.FN+r.TN)
}

// Precision returns the share of positives among positive decisions; not ok without any.
func (r Reliability) Precision() (Estimate, bool) { return r.share(r.TP, r.TP+r.FP) }

// Recall returns the share of positives that were decided positive; not ok without positives.
func (r Reliability) Recall() (Estimate, bool) { return r.share(r.TP, r.TP+r.FN) }

// Specificity returns the share of negatives that were decided negative; not ok without negatives.
func (r Reliability) Specificity() (Estimate, bool) { return r.share(r.TN, r.TN+r.FP) }

// F1 returns 2TP/(2TP+FP+FN), the harmonic mean of precision and recall, with the delta-method standard error; not ok if all
// three counts are 0.
func (r Reliability) F1() (Estimate, bool) {
	tp, fp, fn, _, n, ok := r.decided()
	d := 2*tp + fp + fn
	if !ok || d == 0 {
		return Estimate{}, false
	}
	// The sum over cells of count times squared derivative; the multinomial term vanishes because F1 doesn't depend on scale.
	e := (fp + fn) / d
	t := tp / d
	return Estimate{Value: 2 * t, SE: 2 * math.Sqrt(t*e*(t+e)/d), N: n}, true
}

// MCC returns Matthews' (1975) correlation of decision and outcome, -1..1, with the delta-method standard error; not ok if the
// decisions or the outcomes are all the same.
func (r Reliability) MCC() (Estimate, bool) {
	tp, fp, fn, tn, n, ok := r.decided()
	a, b, c, d := tp+fp, tp+fn, tn+fp, tn+fn
	if !ok || a == 0 || b == 0 || c == 0 || d == 0 {
		return Estimate{}, false
	}
	root := math.Sqrt(a) * math.Sqrt(b) * math.Sqrt(c) * math.Sqrt(d)
	m := tp/root*tn - fp/root*fn
	g := [4]float64{
		tn/root - m/2*(1/a+1/b),
		-fn/root - m/2*(1/a+1/c),
		-fp/root - m/2*(1/b+1/d),
		tp/root - m/2*(1/c+1/d),
	}
	var v float64
	for i, count := range [4]float64{tp, fp, fn, tn} {
		v += count * g[i] * g[i]
	}
	return Estimate{Value: m, SE: math.Sqrt(v), N: n}, true
}

// Costs prices one decision of each kind, in any currency; a benefit is negative.
type Costs struct{ FP, FN, TP, TN float64 }

// ExpectedCost returns the mean cost of a decision with known outcome, in the currency of the costs, with the multinomial
// standard error. Not ok without decisions or if a cost isn't finite.
func (r Reliability) ExpectedCost(c Costs) (Estimate, bool) {
	tp, fp, fn, tn, n, ok := r.decided()
	if !ok {
		return Estimate{}, false
	}
	nf := float64(n)
	mean := (tp*c.TP + fp*c.FP + fn*c.FN + tn*c.TN) / nf
	v := (tp*sq(c.TP-mean) + fp*sq(c.FP-mean) + fn*sq(c.FN-mean) + tn*sq(c.TN-mean)) / nf
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Estimate{}, false
	}
	return Estimate{Value: mean, SE: math.Sqrt(v / nf), N: n}, true
}

func sq(x float64) float64 { return x * x }
