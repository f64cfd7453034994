package stat

import "math"

// scoreScale is the fixed point of the score sums: one unit is 2^-30.
const scoreScale = 1 << 30

// MinScore is half a unit of the fixed point: a recorded score of 0 may be anything below it, so logarithms are cut there and at
// 1-MinScore.
const MinScore = 1. / (2 * scoreScale)

// maxPerBin is how many events a bin's fixed-point sums can hold.
const maxPerBin = 1 << 33

// Reliability is a binary model's reliability curve: integer sums per score bin, the bins ascending in score. Sums of scores
// are fixed point, in units of 2^-30; they hold up to 2^33 events per bin. The first three vectors count all predictions, the
// next five those whose outcome is known; the last four counts are the decisions among the latter. Vectors of a group have
// one length.
type Reliability struct {
	N, S, S2       []int64 // predictions: count, sum of score, of score^2
	Labels, Pos    []int64 // outcomes: count, positives
	LS, LS2, PS    []int64 // with outcome: sum of score, of score^2, of score over positives
	TP, FP, FN, TN int64   // decisions with outcome
}

// Estimate is a number with its standard error and the events it rests on. SE is NaN where none is defined, and takes events
// as independent.
type Estimate struct {
	Value, SE float64
	N         int64
}

// labelled is one bin's outcomes in floating point: n, positives, mean score, mean score of positives and of negatives,
// variance of the score (divisor n). Means of nothing are 0.
type labelled struct {
	n, pos                  float64
	mean, posMean, negMean  float64
	variance, brier, excess float64 // brier: sum of (score-outcome)^2; excess: sum of outcome-score
}

// outcomes returns the bins that hold outcomes, in order, and their totals. ok is false if there is none, the
// vectors don't fit together or a bin contradicts itself.
func (r Reliability) outcomes() (bins []labelled, n, pos int64, ok bool) {
	k := len(r.Labels)
	if len(r.Pos) != k || len(r.LS) != k || len(r.LS2) != k || len(r.PS) != k {
		return nil, 0, 0, false
	}
	for b := range k {
		c, p := r.Labels[b], r.Pos[b]
		if c < 0 || c > maxPerBin || p < 0 || p > c || r.PS[b] < 0 || r.LS[b] < r.PS[b] || r.LS2[b] < 0 {
			return nil, 0, 0, false
		}
		if c == 0 {
			continue
		}
		n += c
		pos += p
		l := labelled{n: float64(c), pos: float64(p)}
		l.mean = float64(r.LS[b]) / scoreScale / l.n
		if p > 0 {
			l.posMean = float64(r.PS[b]) / scoreScale / l.pos
		}
		if p < c {
			l.negMean = float64(r.LS[b]-r.PS[b]) / scoreScale / float64(c-p)
		}
		l.variance = max(0, float64(r.LS2[b])/scoreScale/l.n-l.mean*l.mean)
		// (s-y)^2 = s^2 - 2sy + y: the differences are taken in integers, where nothing is lost.
		one := p * scoreScale
		l.brier = (float64(r.LS2[b]-r.PS[b]) + float64(one-r.PS[b])) / scoreScale
		l.excess = float64(one-r.LS[b]) / scoreScale
		bins = append(bins, l)
	}
	return bins, n, pos, n > 0
}

// MeanScore returns the mean score of all predictions, with or without outcome; exact.
func (r Reliability) MeanScore() (Estimate, bool) {
	if len(r.S) != len(r.N) || len(r.S2) != len(r.N) {
		return Estimate{}, false
	}
	var n int64
	var sum, sq float64
	for b := range r.N {
		n += r.N[b]
		sum += float64(r.S[b]) / scoreScale
		sq += float64(r.S2[b]) / scoreScale
	}
	if n <= 0 {
		return Estimate{}, false
	}
	nf := float64(n)
	mean := sum / nf
	return Estimate{Value: mean, SE: math.Sqrt(max(0, sq/nf-mean*mean) / nf), N: n}, true
}

// LabelRate returns the share of positives among the outcomes; exact.
func (r Reliability) LabelRate() (Estimate, bool) {
	_, n, pos, ok := r.outcomes()
	if !ok {
		return Estimate{}, false
	}
	return proportion(pos, n)
}

// LabelCoverage returns the share of predictions whose outcome is known. It may exceed 1 where outcomes and predictions were
// counted over different spans; the standard error is then NaN.
func (r Reliability) LabelCoverage() (Estimate, bool) {
	var n, labels int64
	for _, c := range r.N {
		n += c
	}
	for _, c := range r.Labels {
		labels += c
	}
	if n <= 0 || labels < 0 {
		return Estimate{}, false
	}
	return proportion(labels, n)
}

// proportion returns k/n with the binomial standard error.
func proportion(k, n int64) (Estimate, bool) {
	if n <= 0 {
		return Estimate{}, false
	}
	p := float64(k) / float64(n)
	return Estimate{Value: p, SE: math.Sqrt(p * (1 - p) / float64(n)), N: n}, true
}

// Bias returns the mean of outcome minus score over the events with outcome: positive if the scores are too low. Value and
// standard error are exact.
func (r Reliability) Bias() (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok {
		return Estimate{}, false
	}
	var excess, brier float64
	for _, l := range bins {
		excess += l.excess
		brier += l.brier
	}
	nf := float64(n)
	mean := excess / nf
	return Estimate{Value: mean, SE: math.Sqrt(max(0, brier/nf-mean*mean) / nf), N: n}, true
}

// Brier returns the mean of (score-outcome)^2 (Brier 1950). The value is exact; the standard error takes every score as its
// bin's mean among positives or negatives.
func (r Reliability) Brier() (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok {
		return Estimate{}, false
	}
	var sum, mean, sq float64
	for _, l := range bins {
		sum += l.brier
		a, b := (1-l.posMean)*(1-l.posMean), l.negMean*l.negMean
		mean += l.pos*a + (l.n-l.pos)*b
		sq += l.pos*a*a + (l.n-l.pos)*b*b
	}
	nf := float64(n)
	mean /= nf
	return Estimate{Value: sum / nf, SE: math.Sqrt(max(0, sq/nf-mean*mean) / nf), N: n}, true
}

// BrierParts splits the Brier score over the bins (Murphy 1973) with the two within-bin terms that make the sum exact for
// binned scores (Stephenson, Coelho & Jolliffe 2008, eq. 7):
//
//	Brier = Reliability - Resolution + Uncertainty + WithinVariance - WithinCovariance
type BrierParts struct {
	Reliability      float64 // weighted mean of (mean score - mean outcome)^2: lower is better
	Resolution       float64 // weighted mean of (mean outcome - base rate)^2: higher is better
	Uncertainty      float64 // base rate (1 - base rate): nothing the model can change
	WithinVariance   float64 // variance of the score within bins
	WithinCovariance float64 // twice the covariance of score and outcome within bins
	N                int64
}

// BrierParts returns the decomposition; exact.
func (r Reliability) BrierParts() (BrierParts, bool) {
	bins, n, pos, ok := r.outcomes()
	if !ok {
		return BrierParts{}, false
	}
	nf := float64(n)
	base := float64(pos) / nf
	out := BrierParts{Uncertainty: base * (1 - base), N: n}
	for _, l := range bins {
		y := l.pos / l.n
		out.Reliability += l.n / nf * (l.mean - y) * (l.mean - y)
		out.Resolution += l.n / nf * (y - base) * (y - base)
		out.WithinVariance += l.n / nf * l.variance
		out.WithinCovariance += 2 * l.pos / nf * (l.posMean - l.mean)
	}
	return out, true
}

// LogLoss returns the mean negative log-likelihood in nats. The sums hold no logarithms, so every score counts as the mean of
// its bin's positives or negatives: exact where a bin holds one score, otherwise slightly low (by Jensen's inequality, about
// the within-bin variance over twice the squared score). Scores are cut at MinScore.
func (r Reliability) LogLoss() (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok {
		return Estimate{}, false
	}
	var sum, sq float64
	for _, l := range bins {
		a := -math.Log(clip(l.posMean, MinScore))
		b := -math.Log1p(-clip(l.negMean, MinScore))
		if l.pos > 0 {
			sum += l.pos * a
			sq += l.pos * a * a
		}
		if l.pos < l.n {
			sum += (l.n - l.pos) * b
			sq += (l.n - l.pos) * b * b
		}
	}
	nf := float64(n)
	mean := sum / nf
	return Estimate{Value: mean, SE: math.Sqrt(max(0, sq/nf-mean*mean) / nf), N: n}, true
}

// clip keeps p in [eps, 1-eps].
func clip(p, eps float64) float64 { return min(max(p, eps), 1-eps) }
