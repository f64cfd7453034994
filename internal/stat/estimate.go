package stat

import "math"

// Expected is how the decisions of some predictions will turn out if their scores mean what a calibration map says: no outcome enters it.
// It is confidence-based performance estimation on a histogram (CBPE: Kivimaki et al. 2024, 2025), with the Poisson-binomial law of the
// outcomes and, by the delta method, the uncertainty of the map.
//
// It rests on one assumption: that the same score still means the same outcome. Where that is broken (concept drift, prior
// shift) every number here is wrong, and nothing here shows it.
type Expected struct {
	TP, FP, FN, TN float64 // expected counts; they sum to the predictions
	N              int64

	// By bin: predictions, sum of p and of p(1-p), and the derivatives of the former by the map's A and B.
	bins []expectedBin
	m    Map
	// positive is the first bin that is decided positive.
	positive int
}

type expectedBin struct{ n, pos, variance, da, db float64 }

// Expect expects the outcomes of the predictions N, S, S2 of r, labelled or not, under a map; decisions are positive from bin positive on (0 to the number
// of bins). A bin's scores count as two points, one standard deviation to either side of its mean: exact to second order, and exact for the
// identity. scale widens the map's own errors and the outcomes' scatter: it is the dispersion of outcomes given the score
// (OutcomeDispersion), at least 1. Not ok without predictions or where the vectors don't fit.
func (r Reliability) Expect(m Map, positive int, scale float64) (Expected, bool) {
	k := len(r.N)
	if len(r.S) != k || len(r.S2) != k || positive < 0 || positive > k || !(scale >= 1) {
		return Expected{}, false
	}
	e := Expected{m: m, positive: positive, bins: make([]expectedBin, k)}
	root := math.Sqrt(scale)
	e.m.SEA, e.m.SEB, e.m.Cov = m.SEA*root, m.SEB*root, m.Cov*scale
	for b, n := range r.N {
		if n < 0 || n > maxPerBin || r.S[b] < 0 {
			return Expected{}, false
		}
		if n == 0 {
			continue
		}
		e.N += n
		nf := float64(n)
		mean := float64(r.S[b]) / scoreScale / nf
		sd := math.Sqrt(max(0, float64(r.S2[b])/scoreScale/nf-mean*mean))
		out := expectedBin{n: nf}
		for _, s := range [2]float64{mean - sd, mean + sd} {
			s = min(max(s, 0), 1)
			p := m.At(s)
			x := Logit(clip(s, LogitClip))
			w := nf / 2 * p * (1 - p)
			out.pos += nf / 2 * p
			out.variance += w
			out.da += w
			out.db += w * x
		}
		out.variance *= scale
		e.bins[b] = out
		if b >= positive {
			e.TP += out.pos
			e.FP += nf - out.pos
		} else {
			e.FN += out.pos
			e.TN += nf - out.pos
		}
	}
	return e, e.N > 0
}

// spread is the standard error of a number whose derivative by the positives of a bin is grad(bin): the outcomes' own scatter, then the map's.
func (e *Expected) spread(grad func(b int) float64) float64 {
	var own, da, db float64
	for b := range e.bins {
		g := grad(b)
		own += g * g * e.bins[b].variance
		da += g * e.bins[b].da
		db += g * e.bins[b].db
	}
	m := &e.m
	return math.Sqrt(own + max(0, da*da*m.SEA*m.SEA+2*da*db*m.Cov+db*db*m.SEB*m.SEB))
}

// by is spread for a number whose derivative is one thing in the bins decided positive and another in the others.
func (e *Expected) by(positive, negative float64) float64 {
	return e.spread(func(b int) float64 {
		if b >= e.positive {
			return positive
		}
		return negative
	})
}

// LabelRate is the expected share of positives.
func (e *Expected) LabelRate() (Estimate, bool) {
	n := float64(e.N)
	return Estimate{Value: (e.TP + e.FN) / n, SE: e.by(1/n, 1/n), N: e.N}, e.N > 0
}

// Accuracy is the expected share of right decisions.
func (e *Expected) Accuracy() (Estimate, bool) {
	n := float64(e.N)
	return Estimate{Value: (e.TP + e.TN) / n, SE: e.by(1/n, -1/n), N: e.N}, e.N > 0
}

// Precision is the expected share of positives among positive decisions; not ok without any.
func (e *Expected) Precision() (Estimate, bool) {
	n := e.TP + e.FP
	return Estimate{Value: e.TP / n, SE: e.by(1/n, 0), N: e.N}, n > 0
}

// Recall is the expected share of positives that are decided positive: the ratio of expectations.
func (e *Expected) Recall() (Estimate, bool) {
	p := e.TP + e.FN
	r := e.TP / p
	return Estimate{Value: r, SE: e.by((1-r)/p, -r/p), N: e.N}, p > 0
}

// Specificity is the expected share of negatives that are decided negative: the ratio of expectations.
func (e *Expected) Specificity() (Estimate, bool) {
	q := e.FP + e.TN
	s := e.TN / q
	// A positive more is a negative less: of FP where the decision is positive, of TN where it isn't.
	return Estimate{Value: s, SE: e.by(s/q, (s-1)/q), N: e.N}, q > 0
}

// F1 is 2TP/(2TP+FP+FN) of the expected counts.
func (e *Expected) F1() (Estimate, bool) {
	d := 2*e.TP + e.FP + e.FN
	f := 2 * e.TP / d
	return Estimate{Value: f, SE: e.by((2-f)/d, -f/d), N: e.N}, d > 0
}

// ExpectedCost is the expected cost of a decision, in the currency of the costs. Not ok if a cost isn't finite.
func (e *Expected) ExpectedCost(c Costs) (Estimate, bool) {
	n := float64(e.N)
	v := (e.TP*c.TP + e.FP*c.FP + e.FN*c.FN + e.TN*c.TN) / n
	if e.N == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return Estimate{}, false
	}
	return Estimate{Value: v, SE: e.by((c.TP-c.FP)/n, (c.FN-c.TN)/n), N: e.N}, true
}

// ROCAUC is the expected area under the curve, a tie (the same bin) counting half; not ok where all outcomes are expected alike.
func (e *Expected) ROCAUC() (Estimate, bool) {
	var p, q float64
	for i := range e.bins {
		p += e.bins[i].pos
		q += e.bins[i].n - e.bins[i].pos
	}
	if !(p > 0) || !(q > 0) {
		return Estimate{}, false
	}
	below := make([]float64, len(e.bins)) // negatives below, half of the bin's own
	above := make([]float64, len(e.bins)) // positives above, half of the bin's own
	var sum, neg, pos float64
	for b := range e.bins {
		l := &e.bins[b]
		below[b] = neg + (l.n-l.pos)/2
		above[b] = p - pos - l.pos/2
		sum += l.pos * below[b]
		neg += l.n - l.pos
		pos += l.pos
	}
	auc := sum / p / q
	return Estimate{Value: auc, SE: e.spread(func(b int) float64 {
		return (below[b]-auc*q)/p/q - (above[b]-auc*p)/p/q
	}), N: e.N}, true
}
