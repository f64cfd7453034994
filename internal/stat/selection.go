package stat

import "math"

// Selection is how many of the predictions of each score bin have an outcome, the bins ascending in score. Both vectors have one length.
// N may be less than Labels where outcomes came of predictions that were too late to be counted: then all have one.
type Selection struct {
	N      []float64 // predictions an outcome is waited for
	Labels []int64   // of which the outcome is known
}

// Total is how many predictions there are and how many of them have an outcome.
func (s Selection) Total() (n float64, labels int64) {
	for b, k := range s.Labels {
		n += s.of(b)
		labels += k
	}
	return n, labels
}

func (s Selection) of(b int) float64 { return max(s.N[b], float64(s.Labels[b])) }

// Share is the share of predictions with an outcome; NaN without predictions.
func (s Selection) Share() float64 {
	n, k := s.Total()
	return float64(k) / n
}

const (
	// almostAll is the share of predictions with an outcome from which on the others change little: a rate by a tenth at most.
	almostAll = 0.9
	// evenWithin is the spread of the share labelled over the score, as a standard deviation over predictions, that is too small to matter.
	evenWithin = 0.05
	// unevenAlpha is how seldom chance alone may pass for a spread.
	unevenAlpha = 1e-3
)

// Uneven reports whether what is known of outcomes is of a selection: fewer than nine tenths of the predictions have one, and not as often at every
// score. That is so where the variance of the share labelled over the bins, less what chance adds (r(1-r)(bins-1)/n), is above 0.05 squared, and Pearson's
// chi-square of the same says that it isn't chance (1 in 1,000).
func (s Selection) Uneven() bool {
	n, k := s.Total()
	r := float64(k) / n
	if !(n > 0) || r >= almostAll {
		return false
	}
	var ss float64
	used := 0
	for b, l := range s.Labels {
		if m := s.of(b); m > 0 {
			used++
			ss += sq(float64(l)-m*r) / m
		}
	}
	v := r * (1 - r)
	if used < 2 || !(v > 0) {
		return false
	}
	df := float64(used - 1)
	return ss/n-v*df/n > evenWithin*evenWithin && ChiSquareSF(ss/v, df) < unevenAlpha
}

// fewestExpected is how many outcomes a bin must have let expect before it is called unlabelled for having none: with that many, chance leaves it without
// one time in twenty (exp(-3)).
const fewestExpected = 3

// Weights is what the outcomes of each bin stand for, in predictions: those of the bin by its outcomes. Where a bin has no outcome and, at the share of the
// nearest bin on its side of the decision (from bin positive on), fewer than three were to be expected, its predictions are added to that bin's. Not ok where
// more were: then nothing is known at those scores; nor without any outcome.
func (s Selection) Weights(positive int) (weights []float64, ok bool) {
	stands := make([]float64, len(s.Labels))
	known := false
	for b, k := range s.Labels {
		if k < 0 {
			return nil, false
		}
		if k > 0 {
			stands[b] += s.of(b)
			known = true
			continue
		}
		if s.N[b] <= 0 {
			continue
		}
		to, found := s.nearest(b, positive)
		if !found || s.N[b]*float64(s.Labels[to])/s.of(to) >= fewestExpected {
			return nil, false
		}
		stands[to] += s.N[b]
	}
	for b, k := range s.Labels {
		if k > 0 {
			stands[b] /= float64(k)
		}
	}
	return stands, known
}

// nearest is the nearest bin with outcomes on the same side of the decision; of two the lower.
func (s Selection) nearest(b, positive int) (at int, ok bool) {
	lo, hi := 0, len(s.Labels)
	if b < positive {
		hi = positive
	} else {
		lo = positive
	}
	for d := 1; b-d >= lo || b+d < hi; d++ {
		if b-d >= lo && s.Labels[b-d] > 0 {
			return b - d, true
		}
		if b+d < hi && s.Labels[b+d] > 0 {
			return b + d, true
		}
	}
	return 0, false
}

// Effective is how many outcomes of a sample at random the weighted ones are worth: the square of their sum by the sum of their squares (Kish 1965).
func (s Selection) Effective(weights []float64) float64 {
	var sum, squares float64
	for b, k := range s.Labels {
		sum += weights[b] * float64(k)
		squares += weights[b] * weights[b] * float64(k)
	}
	return sum * sum / squares
}

// Standing is a curve whose outcomes stand for all predictions. Its counts are scaled to integers large enough that rounding changes no metric by more than
// 1e-7, so their number says nothing of how much is known: Effective does.
type Standing struct {
	Reliability
	Effective float64 // outcomes at random that it is worth
}

// standingFor is what the largest bin of scaled counts comes to. Sums of scores are below 2^61 then.
const standingFor = 1 << 31

// Reweighted returns the curve with the outcomes of each bin standing for all its predictions (Horvitz & Thompson 1952; normed by the sum of the weights as
// Hajek 1971), of which share had one waited for (1: all). It is right where which predictions of a score get an outcome has nothing to do with what it is. Decisions
// are those of a threshold at bin positive; where they aren't (own), nothing is said of them. A curve in which every prediction has an outcome is
// returned as it is. Not ok where too little is known, see Selection.Weights.
func (r Reliability) Reweighted(share float64, positive int, own bool) (Standing, bool) {
	s := r.selection(share)
	if s.Labels == nil {
		return Standing{}, false
	}
	n, labels := s.Total()
	if n == float64(labels) {
		return Standing{r, float64(labels)}, labels > 0
	}
	w, ok := s.Weights(positive)
	if !ok {
		return Standing{}, false
	}
	largest := 0.
	for b, k := range s.Labels {
		largest = max(largest, w[b]*float64(k))
	}
	k := standingFor / largest
	out := r.like()
	for b, n := range r.Labels {
		f := w[b] * k
		out.set(b, f*float64(n), f*float64(r.Pos[b]), f*float64(r.LS[b]), f*float64(r.LS2[b]), f*float64(r.PS[b]))
	}
	return Standing{out.decide(positive, own), s.Effective(w)}, true
}

// Completed returns the curve with every prediction's outcome, where only positive ones are reported and arrived (0 to 1, above 0) of them have come: positives are
// those that came by arrived, all else is negative. share is which part of the predictions one was waited for. Decisions as for Reweighted. It is right where how
// late a positive comes has nothing to do with its score. Not ok without predictions.
func (r Reliability) Completed(share, arrived float64, positive int, own bool) (Standing, bool) {
	s := r.selection(share)
	if s.Labels == nil || !(arrived > 0 && arrived <= 1) {
		return Standing{}, false
	}
	largest, total := 0., 0.
	for b := range s.Labels {
		largest = max(largest, s.of(b), float64(r.Pos[b])/arrived)
		total += s.of(b)
	}
	if !(total > 0) {
		return Standing{}, false
	}
	k := standingFor / largest
	out := r.like()
	for b := range s.Labels {
		up := k / arrived
		out.set(b, k*max(s.of(b), float64(r.Pos[b])/arrived), up*float64(r.Pos[b]),
			k*max(share*float64(r.S[b]), float64(r.PS[b])/arrived), k*max(share*float64(r.S2[b]), float64(r.LS2[b])), up*float64(r.PS[b]))
	}
	return Standing{out.decide(positive, own), total * arrived}, true
}

// Selected is how many of the predictions of each bin have an outcome; share is which part of them one was waited for. Not ok where the vectors don't fit.
func (r Reliability) Selected(share float64) (Selection, bool) {
	s := r.selection(share)
	return s, s.Labels != nil
}

func (r Reliability) selection(share float64) Selection {
	k := len(r.Labels)
	for _, v := range [][]int64{r.N, r.S, r.S2, r.Pos, r.LS, r.LS2, r.PS} {
		if len(v) != k {
			return Selection{}
		}
	}
	s := Selection{N: make([]float64, k), Labels: r.Labels}
	for b, n := range r.N {
		s.N[b] = share * float64(n)
	}
	return s
}

// like is a curve of the same shape, with the predictions of r and no outcomes.
func (r Reliability) like() Reliability {
	k := len(r.Labels)
	slab := make([]int64, 5*k)
	out := Reliability{N: r.N, S: r.S, S2: r.S2}
	for i, v := range []*[]int64{&out.Labels, &out.Pos, &out.LS, &out.LS2, &out.PS} {
		*v = slab[i*k : (i+1)*k : (i+1)*k]
	}
	return out
}

// set rounds the outcomes of a bin, so that none contradicts another.
func (r *Reliability) set(b int, labels, pos, ls, ls2, ps float64) {
	r.Labels[b] = int64(math.Round(labels))
	r.Pos[b] = min(int64(math.Round(pos)), r.Labels[b])
	r.LS[b], r.LS2[b] = int64(math.Round(ls)), int64(math.Round(ls2))
	r.PS[b] = min(int64(math.Round(ps)), r.LS[b])
}

func (r Reliability) decide(positive int, own bool) Reliability {
	if own {
		return r
	}
	out, _ := r.DecidedAt(positive) // of counts that set made, at a bin of theirs
	return out
}

// Unknown is how the decisions of some predictions turned out, as far as is known: the rest may have turned out either way.
type Unknown struct {
	TP, FP, FN, TN int64
	Positive       float64 // decided positive, without an outcome
	Negative       float64 // decided negative, likewise
	Undecided      float64 // without an outcome, and how it was decided isn't known either
}

// Unknown says what r leaves open of the predictions, of which share had an outcome waited for. Decisions as for Reweighted.
func (r Reliability) Unknown(share float64, positive int, own bool) (Unknown, bool) {
	s := r.selection(share)
	if _, _, _, _, _, ok := r.decided(); !ok || s.Labels == nil {
		return Unknown{}, false
	}
	u := Unknown{TP: r.TP, FP: r.FP, FN: r.FN, TN: r.TN}
	for b, k := range s.Labels {
		switch left := s.of(b) - float64(k); {
		case own:
			u.Undecided += left
		case b >= positive:
			u.Positive += left
		default:
			u.Negative += left
		}
	}
	return u, true
}

// Interval is the smallest and the largest value that what isn't known leaves a number (Manski 1990). It holds nothing of chance.
type Interval struct{ Low, High float64 }

// worst spans what a number comes to where the undecided were all decided positive and where all negative.
func (u Unknown) worst(of func(positive, negative float64) Interval) (Interval, bool) {
	a, b := of(u.Positive+u.Undecided, u.Negative), of(u.Positive, u.Negative+u.Undecided)
	out := Interval{min(a.Low, b.Low), max(a.High, b.High)}
	return out, !math.IsNaN(out.Low) && !math.IsNaN(out.High)
}

func (u Unknown) total(positive, negative float64) float64 {
	return float64(u.TP+u.FP+u.FN+u.TN) + positive + negative
}

// Accuracy bounds the share of right decisions.
func (u Unknown) Accuracy() (Interval, bool) {
	return u.worst(func(p, q float64) Interval {
		right, n := float64(u.TP+u.TN), u.total(p, q)
		return Interval{right / n, (right + p + q) / n}
	})
}

// LabelRate bounds the share of positives.
func (u Unknown) LabelRate() (Interval, bool) {
	return u.worst(func(p, q float64) Interval {
		pos, n := float64(u.TP+u.FN), u.total(p, q)
		return Interval{pos / n, (pos + p + q) / n}
	})
}

// Precision bounds the share of positives among positive decisions; not ok without any.
func (u Unknown) Precision() (Interval, bool) {
	return u.worst(func(p, _ float64) Interval {
		n := float64(u.TP+u.FP) + p
		return Interval{float64(u.TP) / n, (float64(u.TP) + p) / n}
	})
}

// Recall bounds the share of positives that were decided positive; not ok where there may be none.
func (u Unknown) Recall() (Interval, bool) {
	return u.worst(func(p, q float64) Interval { return amongKnown(float64(u.TP), float64(u.FN), p, q) })
}

// Specificity bounds the share of negatives that were decided negative; not ok where there may be none.
func (u Unknown) Specificity() (Interval, bool) {
	return u.worst(func(p, q float64) Interval { return amongKnown(float64(u.TN), float64(u.FP), q, p) })
}

// amongKnown bounds k/(k+m), where k may be up to a more, and m up to b.
func amongKnown(k, m, a, b float64) Interval {
	return Interval{k / (k + m + b), (k + a) / (k + a + m)}
}

// F1 bounds 2TP/(2TP+FP+FN).
func (u Unknown) F1() (Interval, bool) {
	return u.worst(func(p, q float64) Interval {
		tp, wrong := float64(u.TP), float64(u.FP+u.FN)
		return Interval{2 * tp / (2*tp + wrong + p + q), 2 * (tp + p) / (2*(tp+p) + wrong)}
	})
}

// ExpectedCost bounds the cost of a decision.
func (u Unknown) ExpectedCost(c Costs) (Interval, bool) {
	return u.worst(func(p, q float64) Interval {
		known := float64(u.TP)*c.TP + float64(u.FP)*c.FP + float64(u.FN)*c.FN + float64(u.TN)*c.TN
		n := u.total(p, q)
		return Interval{(known + p*min(c.TP, c.FP) + q*min(c.FN, c.TN)) / n, (known + p*max(c.TP, c.FP) + q*max(c.FN, c.TN)) / n}
	})
}
