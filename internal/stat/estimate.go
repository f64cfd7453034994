package stat

import "math"

// Calibration is what scores meant, by bin: the share of positives, which never falls from one bin to the next.
type Calibration struct {
	p     []float64
	block []int     // of bins that share one share
	v     []float64 // by block, the variance of that share
}

// borrowed is how many outcomes each bin takes from the logistic map beside its own: where it has few, a share of its own would be chance.
const borrowed = 3

// Calibrate learns what the scores of r's outcomes meant: isotonic regression of the bins' shares (pool adjacent violators: Ayer et al. 1955), each
// eased by three outcomes as the logistic map m has them. scale widens its errors: the dispersion of outcomes given the score (OutcomeDispersion), at
// least 1. Not ok without outcomes.
func (r Reliability) Calibrate(m Map, scale float64) (Calibration, bool) {
	if _, _, _, ok := r.outcomes(); !ok || !(scale >= 1) {
		return Calibration{}, false
	}
	k := len(r.Labels)
	c := Calibration{p: make([]float64, k), block: make([]int, k)}
	type pool struct{ n, pos float64 }
	var pools []pool
	for b, n := range r.Labels {
		var own pool
		if n > 0 {
			own = pool{float64(n) + borrowed, float64(r.Pos[b]) + borrowed*m.At(float64(r.LS[b])/scoreScale/float64(n))}
		}
		if own.n == 0 && len(pools) > 0 { // no outcomes of its own: as the bin below
			c.block[b] = len(pools) - 1
			continue
		}
		c.block[b] = len(pools)
		pools = append(pools, own)
		for last := len(pools) - 1; last > 0 && (pools[last-1].n == 0 || pools[last-1].pos*pools[last].n >= pools[last].pos*pools[last-1].n); last-- {
			pools[last-1].n += pools[last].n
			pools[last-1].pos += pools[last].pos
			pools = pools[:last]
		}
		for at := b; at >= 0 && c.block[at] >= len(pools); at-- {
			c.block[at] = len(pools) - 1
		}
	}
	c.v = make([]float64, len(pools))
	for i, l := range pools {
		p := l.pos / l.n
		c.v[i] = scale * p * (1 - p) / l.n
	}
	for b, i := range c.block {
		c.p[b] = pools[i].pos / pools[i].n
	}
	return c, true
}

// At is the share of positives that a bin's scores meant.
func (c *Calibration) At(bin int) float64 { return c.p[bin] }

// Expected is how the decisions of some predictions will turn out if their scores mean what a calibration says: no outcome enters it.
// It is confidence-based performance estimation on a histogram (CBPE: Kivimaki et al. 2024, 2025), with the Poisson-binomial law of the
// outcomes and, by the delta method, the uncertainty of the calibration.
//
// It rests on one assumption: that the same score still means the same outcome. Where that is broken (concept drift, prior
// shift) every number here is wrong, and nothing here shows it.
type Expected struct {
	TP, FP, FN, TN float64 // expected counts; they sum to the predictions
	N              int64

	n, pos   []float64 // by bin: predictions, expected positives
	by       *Calibration
	scale    float64
	positive int // the first bin that is decided positive
}

// Expect expects the outcomes of so many predictions by bin, labelled or not; decisions are positive from bin positive on (0 to the number of bins). scale
// widens the outcomes' own scatter, as for Calibrate. Not ok without predictions or where the vectors don't fit.
func (c *Calibration) Expect(n []int64, positive int, scale float64) (Expected, bool) {
	if len(n) != len(c.p) || positive < 0 || positive > len(n) || !(scale >= 1) {
		return Expected{}, false
	}
	e := Expected{by: c, scale: scale, positive: positive, n: make([]float64, len(n)), pos: make([]float64, len(n))}
	for b, k := range n {
		if k < 0 || k > maxPerBin {
			return Expected{}, false
		}
		e.N += k
		e.n[b], e.pos[b] = float64(k), float64(k)*c.p[b]
		if b >= positive {
			e.TP += e.pos[b]
			e.FP += e.n[b] - e.pos[b]
		} else {
			e.FN += e.pos[b]
			e.TN += e.n[b] - e.pos[b]
		}
	}
	return e, e.N > 0
}

// spread is the standard error of a number whose derivative by the positives of a bin is grad(bin): the outcomes' own scatter, then the calibration's, which
// the bins of a block share.
func (e *Expected) spread(grad func(b int) float64) float64 {
	var own float64
	shared := make([]float64, len(e.by.v))
	for b, n := range e.n {
		g := grad(b)
		own += g * g * e.pos[b] * (1 - e.by.p[b]) * e.scale
		shared[e.by.block[b]] += g * n
	}
	for i, g := range shared {
		own += g * g * e.by.v[i]
	}
	return math.Sqrt(own)
}

// split is spread for a number whose derivative is one thing in the bins decided positive and another in the others.
func (e *Expected) split(positive, negative float64) float64 {
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
	return Estimate{Value: (e.TP + e.FN) / n, SE: e.split(1/n, 1/n), N: e.N}, e.N > 0
}

// Accuracy is the expected share of right decisions.
func (e *Expected) Accuracy() (Estimate, bool) {
	n := float64(e.N)
	return Estimate{Value: (e.TP + e.TN) / n, SE: e.split(1/n, -1/n), N: e.N}, e.N > 0
}

// Precision is the expected share of positives among positive decisions; not ok without any.
func (e *Expected) Precision() (Estimate, bool) {
	n := e.TP + e.FP
	return Estimate{Value: e.TP / n, SE: e.split(1/n, 0), N: e.N}, n > 0
}

// Recall is the expected share of positives that are decided positive: the ratio of expectations.
func (e *Expected) Recall() (Estimate, bool) {
	p := e.TP + e.FN
	r := e.TP / p
	return Estimate{Value: r, SE: e.split((1-r)/p, -r/p), N: e.N}, p > 0
}

// Specificity is the expected share of negatives that are decided negative: the ratio of expectations.
func (e *Expected) Specificity() (Estimate, bool) {
	q := e.FP + e.TN
	s := e.TN / q
	// A positive more is a negative less: of FP where the decision is positive, of TN where it isn't.
	return Estimate{Value: s, SE: e.split(s/q, (s-1)/q), N: e.N}, q > 0
}

// F1 is 2TP/(2TP+FP+FN) of the expected counts.
func (e *Expected) F1() (Estimate, bool) {
	d := 2*e.TP + e.FP + e.FN
	f := 2 * e.TP / d
	return Estimate{Value: f, SE: e.split((2-f)/d, -f/d), N: e.N}, d > 0
}

// ExpectedCost is the expected cost of a decision, in the currency of the costs. Not ok if a cost isn't finite.
func (e *Expected) ExpectedCost(c Costs) (Estimate, bool) {
	n := float64(e.N)
	v := (e.TP*c.TP + e.FP*c.FP + e.FN*c.FN + e.TN*c.TN) / n
	if e.N == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return Estimate{}, false
	}
	return Estimate{Value: v, SE: e.split((c.TP-c.FP)/n, (c.FN-c.TN)/n), N: e.N}, true
}

// ROCAUC is the expected area under the curve, a tie (the same bin) counting half; not ok where all outcomes are expected alike.
func (e *Expected) ROCAUC() (Estimate, bool) {
	var p, q float64
	for b, n := range e.n {
		p += e.pos[b]
		q += n - e.pos[b]
	}
	if !(p > 0) || !(q > 0) {
		return Estimate{}, false
	}
	below := make([]float64, len(e.n)) // negatives below, half of the bin's own
	above := make([]float64, len(e.n)) // positives above, half of the bin's own
	var sum, neg, pos float64
	for b, n := range e.n {
		below[b] = neg + (n-e.pos[b])/2
		above[b] = p - pos - e.pos[b]/2
		sum += e.pos[b] * below[b]
		neg += n - e.pos[b]
		pos += e.pos[b]
	}
	auc := sum / p / q
	return Estimate{Value: auc, SE: e.spread(func(b int) float64 {
		return (below[b]-auc*q)/p/q - (above[b]-auc*p)/p/q
	}), N: e.N}, true
}
