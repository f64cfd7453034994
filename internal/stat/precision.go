package stat

import (
	"math"
	"slices"
)

// AveragePrecision returns the area under the precision-recall curve as the mean precision over the positives, sum of
// (R_b - R_(b+1)) P_b with recall and precision at the bins' lower edges (Boyd, Eng & Page 2013), scores of one bin counting as
// tied: exact where bins are distinct scores, see AveragePrecisionBounds otherwise. The standard error is the delta method's over
// the counts of both classes by bin. Not ok without positives.
func (r Reliability) AveragePrecision() (Estimate, bool) {
	bins, n, pos, ok := r.outcomes()
	if !ok || pos == 0 {
		return Estimate{}, false
	}
	p := float64(pos)
	// From the highest score down: t and f are the positives and negatives so far.
	precision := make([]float64, len(bins))
	gainT, gainF := make([]float64, len(bins)), make([]float64, len(bins))
	var t, f, ap float64
	for b, l := range slices.Backward(bins) {
		t += l.pos
		f += l.n - l.pos
		precision[b] = t / (t + f)
		ap += l.pos / p * precision[b]
		gainT[b] = l.pos / p * f / (t + f) / (t + f)
		gainF[b] = l.pos / p * t / (t + f) / (t + f)
	}
	// A positive more in bin b raises the precision there and below; it also takes its share of the mean.
	var below, lost, v float64
	for b, l := range bins {
		below += gainT[b]
		lost += gainF[b]
		v += l.pos*sq((precision[b]-ap)/p+below) + (l.n-l.pos)*lost*lost
	}
	return Estimate{Value: ap, SE: math.Sqrt(v), N: n}, true
}

// AveragePrecisionBounds are the smallest and largest average precision that scores within these bins can have: all negatives of
// each bin above its positives, and all below. Not ok without positives.
func (r Reliability) AveragePrecisionBounds() (lo, hi float64, ok bool) {
	bins, _, pos, ok := r.outcomes()
	if !ok || pos == 0 {
		return math.NaN(), math.NaN(), false
	}
	var t, f float64
	for _, l := range slices.Backward(bins) {
		neg := l.n - l.pos
		lo += meanPrecision(t, f+neg, l.pos)
		hi += meanPrecision(t, f, l.pos)
		t += l.pos
		f += neg
	}
	return lo / float64(pos), hi / float64(pos), true
}

// meanPrecision is the sum over k = 1..n of (t+k)/(t+k+f).
func meanPrecision(t, f, n float64) (sum float64) {
	if f == 0 {
		return n
	}
	if n > manySteps { // Euler & Maclaurin's formula to the second term; the next one is below 1/(12 (t+f))
		return n - f*math.Log((t+f+n)/(t+f)) + ((t+n)/(t+n+f)-t/(t+f))/2
	}
	for k := 1.; k <= n; k++ {
		sum += (t + k) / (t + k + f)
	}
	return sum
}

// manySteps is where sums over single events become integrals.
const manySteps = 1 << 16

// ROCAUCBounds are the smallest and largest area that scores within these bins can have: every pair that shares a bin lost, or
// won. Not ok without both classes.
func (r Reliability) ROCAUCBounds() (lo, hi float64, ok bool) {
	e, ok := r.ROCAUC()
	if !ok {
		return math.NaN(), math.NaN(), false
	}
	bins, n, pos, _ := r.outcomes()
	var tied float64
	for _, l := range bins {
		tied += l.pos / float64(pos) * (l.n - l.pos) / float64(n-pos)
	}
	return e.Value - tied/2, e.Value + tied/2, true
}

// LogLossBounds are the smallest and largest log loss that scores with these sums can have: by Jensen's inequality at least
// LogLoss; at most that of scores at the bins' edges with the same sums, as -ln is convex. edges are the bins' upper edges, one
// fewer than bins, ascending within 0..1. Not ok without outcomes or with edges that don't fit.
func (r Reliability) LogLossBounds(edges []float64) (lo, hi float64, ok bool) {
	e, ok := r.LogLoss()
	if !ok || len(edges)+1 != len(r.Labels) {
		return math.NaN(), math.NaN(), false
	}
	var sum float64
	for b, n := range r.Labels {
		from, to := 0., 1.
		if b > 0 {
			from = edges[b-1]
		}
		if b < len(edges) {
			to = edges[b]
		}
		if p := r.Pos[b]; p > 0 {
			sum += float64(p) * chord(float64(r.PS[b])/scoreScale/float64(p), from, to)
		}
		if q := n - r.Pos[b]; q > 0 {
			sum += float64(q) * chord(1-float64(r.LS[b]-r.PS[b])/scoreScale/float64(q), 1-to, 1-from)
		}
	}
	return e.Value, max(e.Value, sum/float64(e.N)), true
}

// chord is the mean of -ln over a law on the two ends with this mean.
func chord(mean, from, to float64) float64 {
	a, b := -math.Log(max(from, MinScore)), -math.Log(max(to, MinScore))
	if !(to > from) {
		return a
	}
	w := min(max((mean-from)/(to-from), 0), 1)
	return a + w*(b-a)
}

// aucBand is on the logit scale (Pepe 2003, sec. 5.2).
func (r Reliability) aucBand(alpha float64) (Band, bool) {
	e, ok := r.ROCAUC()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	_, n, pos, _ := r.outcomes()
	return logitBand(e, alpha, min(pos, n-pos) < fewOfAKind), true
}

// precisionBand is on the logit scale (Boyd, Eng & Page 2013).
func (r Reliability) precisionBand(alpha float64) (Band, bool) {
	e, ok := r.AveragePrecision()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	_, n, pos, _ := r.outcomes()
	return logitBand(e, alpha, min(pos, n-pos) < fewOfAKind), true
}
