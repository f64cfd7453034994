package stat

import "math"

// maxClasses bounds K, so that K*K fits memory.
const maxClasses = 1 << 12

// Classes are the counts of a model that picks one of K classes. Of the three parts each gives its own metrics; what a part lacks is
// not ok there.
type Classes struct {
	K int
	// Counts is the K x K confusion matrix, row by row: how often class j was predicted where class i turned out is at i*K+j.
	Counts []int64
	// Curves are the reliability curves of each class against the rest: the score is the model's probability of the class, the outcome is
	// whether it turned out. K of them, or none. They give log loss, Brier score and calibration.
	Curves []Reliability
	// Ranks is how often the class that turned out had the highest score, the second highest and so on; the last counts all that are
	// further down. It gives top-k accuracy for k below its length.
	Ranks []int64
}

// margins are what the metrics of a confusion matrix are made of.
type margins struct {
	k                        int
	actual, predicted, right []float64
	n, hits                  float64
}

func (c Classes) margins() (m margins, ok bool) {
	if c.K < 1 || c.K > maxClasses || len(c.Counts) != c.K*c.K {
		return m, false
	}
	m = margins{k: c.K, actual: make([]float64, c.K), predicted: make([]float64, c.K), right: make([]float64, c.K)}
	for i := range c.K {
		for j, v := range c.Counts[i*c.K : (i+1)*c.K] {
			if v < 0 {
				return m, false
			}
			x := float64(v)
			m.actual[i] += x
			m.predicted[j] += x
			m.n += x
			if i == j {
				m.right[i] += x
				m.hits += x
			}
		}
	}
	return m, m.n > 0
}

// occurs reports whether class i turned out or was predicted: only those enter means over classes.
func (m margins) occurs(i int) bool { return m.actual[i]+m.predicted[i] > 0 }

func (m margins) occurring() (k float64) {
	for i := range m.k {
		if m.occurs(i) {
			k++
		}
	}
	return k
}

// gradient is the derivative of a metric by the counts of a confusion matrix, which is a sum: by what turned out, what was predicted,
// whether it was right, and by all events.
type gradient struct {
	value                    float64
	actual, predicted, right []float64
	all                      float64
}

func (m margins) gradient() gradient {
	return gradient{actual: make([]float64, m.k), predicted: make([]float64, m.k), right: make([]float64, m.k)}
}

// estimate gives the metric its multinomial standard error: the delta method over all cells.
func (c Classes) estimate(g gradient, n float64) Estimate {
	var sum, squares float64
	for i := range c.K {
		for j, v := range c.Counts[i*c.K : (i+1)*c.K] {
			if v == 0 {
				continue
			}
			d := g.actual[i] + g.predicted[j] + g.all
			if i == j {
				d += g.right[i]
			}
			sum += float64(v) * d
			squares += float64(v) * d * d
		}
	}
	return Estimate{Value: g.value, SE: math.Sqrt(max(0, squares-sum*sum/n)), N: int64(n)}
}

// Average says how the metrics of single classes become one.
type Average string

// The averages. Classes that neither turned out nor were predicted don't count; a class whose own metric isn't defined (no prediction
// of it, or it never turned out) counts as 0.
const (
	Macro    Average = "macro"    // every class alike
	Weighted Average = "weighted" // by how often it turned out
	Micro    Average = "micro"    // over all events: the accuracy, as every event has one class
)

// Precision returns the average precision of the classes.
func (c Classes) Precision(a Average) (Estimate, bool) {
	return c.average(a, func(m margins, i int) (v, dActual, dPredicted, dRight float64) {
		if m.predicted[i] == 0 {
			return 0, 0, 0, 0
		}
		v = m.right[i] / m.predicted[i]
		return v, 0, -v / m.predicted[i], 1 / m.predicted[i]
	})
}

// Recall returns the average recall of the classes.
func (c Classes) Recall(a Average) (Estimate, bool) {
	return c.average(a, func(m margins, i int) (v, dActual, dPredicted, dRight float64) {
		if m.actual[i] == 0 {
			return 0, 0, 0, 0
		}
		v = m.right[i] / m.actual[i]
		return v, -v / m.actual[i], 0, 1 / m.actual[i]
	})
}

// F1 returns the average F1 of the classes (of the class scores, not the F1 of average precision and recall).
func (c Classes) F1(a Average) (Estimate, bool) {
	return c.average(a, func(m margins, i int) (v, dActual, dPredicted, dRight float64) {
		s := m.actual[i] + m.predicted[i]
		if s == 0 {
			return 0, 0, 0, 0
		}
		v = 2 * m.right[i] / s
		return v, -v / s, -v / s, 2 / s
	})
}

// average takes the mean over classes of a metric and its derivatives.
func (c Classes) average(a Average, of func(m margins, i int) (v, dActual, dPredicted, dRight float64)) (Estimate, bool) {
	m, ok := c.margins()
	if !ok {
		return Estimate{}, false
	}
	switch a {
	case Micro:
		return c.Accuracy()
	case Macro, Weighted:
	default:
		return Estimate{}, false
	}
	g := m.gradient()
	k := m.occurring()
	for i := range m.k {
		if !m.occurs(i) {
			continue
		}
		v, da, dp, dr := of(m, i)
		w := 1 / k
		if a == Weighted {
			w = m.actual[i] / m.n
			g.actual[i] += v / m.n
		}
		g.value += w * v
		g.actual[i] += w * da
		g.predicted[i] += w * dp
		g.right[i] += w * dr
	}
	if a == Weighted {
		g.all = -g.value / m.n
	}
	return c.estimate(g, m.n), true
}

// Accuracy returns the share of right predictions.
func (c Classes) Accuracy() (Estimate, bool) {
	m, ok := c.margins()
	if !ok {
		return Estimate{}, false
	}
	return proportion(int64(m.hits), int64(m.n))
}

// BalancedAccuracy returns the mean recall of the classes that turned out.
func (c Classes) BalancedAccuracy() (Estimate, bool) {
	m, ok := c.margins()
	if !ok {
		return Estimate{}, false
	}
	g := m.gradient()
	var k float64
	for _, n := range m.actual {
		if n > 0 {
			k++
		}
	}
	for i, n := range m.actual {
		if n == 0 {
			continue
		}
		v := m.right[i] / n
		g.value += v / k
		g.actual[i] = -v / n / k
		g.right[i] = 1 / n / k
	}
	return c.estimate(g, m.n), true
}

// Kappa returns Cohen's (1960) kappa, the agreement beyond what the margins alone would give; its standard error is that of Fleiss,
// Cohen & Everitt (1969). Not ok if the margins leave nothing to agree on.
func (c Classes) Kappa() (Estimate, bool) {
	m, ok := c.margins()
	if !ok {
		return Estimate{}, false
	}
	po := m.hits / m.n
	var pe float64
	for i := range m.k {
		pe += m.actual[i] / m.n * m.predicted[i] / m.n
	}
	if !(pe < 1) {
		return Estimate{}, false
	}
	g := m.gradient()
	g.value = (po - pe) / (1 - pe)
	// By po it is 1/(1-pe), by pe (po-1)/(1-pe)^2; what all events add vanishes in estimate, which takes out the mean.
	byPe := (po - 1) / (1 - pe) / (1 - pe)
	for i := range m.k {
		g.actual[i] = byPe * m.predicted[i] / m.n / m.n
		g.predicted[i] = byPe * m.actual[i] / m.n / m.n
		g.right[i] = 1 / (1 - pe) / m.n
	}
	return c.estimate(g, m.n), true
}

// MCC returns the correlation of Matthews (1975) for K classes (Gorodkin 2004). Not ok if only one class turned out or was predicted.
func (c Classes) MCC() (Estimate, bool) {
	m, ok := c.margins()
	if !ok {
		return Estimate{}, false
	}
	var both, aa, pp float64
	for i := range m.k {
		both += m.actual[i] / m.n * m.predicted[i] / m.n
		aa += m.actual[i] / m.n * m.actual[i] / m.n
		pp += m.predicted[i] / m.n * m.predicted[i] / m.n
	}
	cov, va, vp := m.hits/m.n-both, 1-aa, 1-pp
	if !(va > 0 && vp > 0) {
		return Estimate{}, false
	}
	g := m.gradient()
	root := math.Sqrt(va * vp)
	g.value = cov / root
	for i := range m.k {
		g.actual[i] = (-m.predicted[i]/root + g.value*m.actual[i]/va) / m.n / m.n
		g.predicted[i] = (-m.actual[i]/root + g.value*m.predicted[i]/vp) / m.n / m.n
		g.right[i] = 1 / root / m.n
	}
	return c.estimate(g, m.n), true
}

// Class returns class i against the rest: its curve if there is one, with the decisions of the confusion matrix.
func (c Classes) Class(i int) (Reliability, bool) {
	m, ok := c.margins()
	if !ok || i < 0 || i >= c.K {
		return Reliability{}, false
	}
	var r Reliability
	if len(c.Curves) == c.K {
		r = c.Curves[i]
	}
	r.TP = int64(m.right[i])
	r.FN = int64(m.actual[i]) - r.TP
	r.FP = int64(m.predicted[i]) - r.TP
	r.TN = int64(m.n) - r.TP - r.FN - r.FP
	return r, true
}

// curves returns the outcomes of each class's curve; all must count the same events, each with one class.
func (c Classes) curves() (bins [][]labelled, n int64, ok bool) {
	if c.K < 1 || len(c.Curves) != c.K {
		return nil, 0, false
	}
	var turned int64
	for i, r := range c.Curves {
		b, events, pos, ok := r.outcomes()
		if !ok || i > 0 && events != n {
			return nil, 0, false
		}
		n = events
		turned += pos
		bins = append(bins, b)
	}
	return bins, n, turned == n
}

// LogLoss returns the mean of -ln of the score of the class that turned out, in nats. Every score counts as the mean of its bin's
// positives: exact where a bin holds one score, otherwise low, by no more than LogLossBounds of the class curves say. Scores are cut
// at MinScore and not normalised.
func (c Classes) LogLoss() (Estimate, bool) {
	bins, n, ok := c.curves()
	if !ok {
		return Estimate{}, false
	}
	mean, second, _ := centralMoments(ownScores(bins))
	return Estimate{Value: mean, SE: math.Sqrt(second / float64(n)), N: n}, true
}

// ownScores lists -ln of the scores of the classes that turned out.
func ownScores(bins [][]labelled) (xs []weighted) {
	for _, class := range bins {
		for _, l := range class {
			if l.pos > 0 {
				xs = append(xs, weighted{-math.Log(clip(l.posMean, MinScore)), l.pos})
			}
		}
	}
	return xs
}

// Brier returns the mean over events of the sum over classes of (score-outcome)^2, 0..2 (Brier 1950); exact. What the other classes
// add to an event's own (1-score)^2 is counted over all events only, so the standard error takes it as the same share of each.
func (c Classes) Brier() (Estimate, bool) {
	bins, n, ok := c.curves()
	if !ok {
		return Estimate{}, false
	}
	out := Estimate{N: n}
	for _, r := range c.Curves {
		e, _ := r.Brier()
		out.Value += e.Value
	}
	_, second, _ := centralMoments(brierLosses(bins, out.Value))
	out.SE = math.Sqrt(second / float64(n))
	return out, true
}

// brierLosses lists the losses of events by the score of the class that turned out, scaled to this mean.
func brierLosses(bins [][]labelled, mean float64) (xs []weighted) {
	var own, n float64
	for _, class := range bins {
		for _, l := range class {
			if l.pos > 0 {
				x := (1 - l.posMean) * (1 - l.posMean)
				xs = append(xs, weighted{x, l.pos})
				own += l.pos * x
				n += l.pos
			}
		}
	}
	if own > 0 {
		for i := range xs {
			xs[i].x *= mean * n / own
		}
	}
	return xs
}

// ClasswiseECE returns the mean over the classes of ECEWidth on k groups (Kull et al. 2019, eq. 3). SE is NaN.
func (c Classes) ClasswiseECE(k int) (Estimate, bool) {
	if _, _, ok := c.curves(); !ok {
		return Estimate{}, false
	}
	out := Estimate{SE: math.NaN()}
	for _, r := range c.Curves {
		e, ok := r.ECEWidth(k)
		if !ok {
			return Estimate{}, false
		}
		out.Value += e.Value / float64(c.K)
		out.N = e.N
	}
	return out, true
}

// TopK returns the share of events whose class was among the k with the highest scores; k from 1 to len(Ranks)-1, or K. Whoever counts the
// ranks decides what ties mean; scikit-learn ranks a tie by the class's number.
func (c Classes) TopK(k int) (Estimate, bool) {
	hits, n, ok := c.topK(k)
	if !ok {
		return Estimate{}, false
	}
	return proportion(hits, n)
}

func (c Classes) topK(k int) (hits, n int64, ok bool) {
	if k < 1 || k >= len(c.Ranks) && k != c.K {
		return 0, 0, false
	}
	for i, v := range c.Ranks {
		if v < 0 {
			return 0, 0, false
		}
		n += v
		if i < k {
			hits += v
		}
	}
	if k == c.K {
		hits = n
	}
	return hits, n, n > 0
}
