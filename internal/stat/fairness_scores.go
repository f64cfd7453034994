package stat

import "math"

// CalibrationGap returns the difference of two groups' calibration bias (mean outcome less mean score), and its interval: 0 where the
// scores mean the same in both. Newcombe's square-and-add rule joins the groups' own intervals.
func CalibrationGap(g, ref Reliability, alpha float64) (Band, bool) {
	a, ok := g.biasBand(alpha)
	b, ok2 := ref.biasBand(alpha)
	if !ok || !ok2 {
		return Band{}, false
	}
	return difference(a, b, -2, 2), true
}

// difference joins two independent bands (Zou & Donner 2008).
func difference(a, b Band, lo, hi float64) Band {
	e := Estimate{Value: a.Value - b.Value, SE: math.Hypot(a.SE, b.SE), N: a.N + b.N}
	return newBand(e,
		e.Value-math.Hypot(a.Value-a.Low, b.High-b.Value),
		e.Value+math.Hypot(a.High-a.Value, b.Value-b.Low),
		lo, hi, a.Few || b.Few)
}

// ScoreKS returns the Kolmogorov-Smirnov distance of two groups' scores at the bin edges: the largest difference of the shares below an
// edge; within bins it can be larger by at most the largest bin's share. The interval is the difference's own at that edge, less what the
// search over edges adds by chance: its lower end is 0 unless the two-sample test (Stephens 1970) tells the groups apart.
func ScoreKS(g, ref Reliability, alpha float64) (Band, bool) {
	n, m, ok := totals(g.N, ref.N)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	nf, mf := float64(n), float64(m)
	var a, b float64
	var at, next float64 // the distance at its edge, and its variance
	for i := range g.N {
		a += float64(g.N[i]) / nf
		b += float64(ref.N[i]) / mf
		if d := math.Abs(a - b); d >= at {
			at, next = d, a*(1-a)/nf+b*(1-b)/mf
		}
	}
	e := Estimate{Value: at, SE: math.Sqrt(next), N: n + m}
	z := -NormalQuantile(alpha / 2)
	low, high := at-1.2*z*e.SE, at+z*e.SE // the largest of many is picked, so the true one lies lower; the factor is simulated
	if _, p := KS(g.N, ref.N); p > alpha {
		low = 0
	}
	return newBand(e, low, high, 0, 1, min(n, m) < fairEvents), true
}

// ScoreW1 returns the Wasserstein-1 distance of two groups' scores, every bin's scores taken at their mean over both groups: the mean
// difference of scores between people of the same rank. It is a sum of sizes of correlated gaps, biased upwards by chance as a calibration
// error is, and its interval is found the same way: within the family of gaps k times the observed.
func ScoreW1(g, ref Reliability, alpha float64) (Band, bool) {
	n, m, ok := totals(g.N, ref.N)
	if !ok || !usable(alpha) || len(g.S) != len(g.N) || len(ref.S) != len(ref.N) {
		return Band{}, false
	}
	s := newSteps(g, ref, float64(n), float64(m))
	if len(s.width) == 0 {
		return newBand(Estimate{Value: 0, SE: 0, N: n + m}, 0, 0, 0, 1, true), true
	}
	z := -NormalQuantile(alpha / 2)
	e := Estimate{Value: s.total(), SE: s.deviation(1), N: n + m}
	return newBand(e, e.Value*s.multiple(z), e.Value*s.multiple(-z), 0, 1, min(n, m) < fairEvents), true
}

// steps are the two cumulated shares between the bins: the gap of the two, its standard deviation, and how wide the step is.
type steps struct {
	width, gap, sd []float64
	null           []float64 // covariance of the sizes of two gaps without any true difference
	correlation    []float64
}

func newSteps(g, ref Reliability, n, m float64) *steps {
	s := &steps{}
	var pooled []float64
	var last, a, b float64
	begun := false
	for i := range g.N {
		c := g.N[i] + ref.N[i]
		if c == 0 {
			continue
		}
		mean := (float64(g.S[i]) + float64(ref.S[i])) / scoreScale / float64(c)
		if begun {
			s.width = append(s.width, mean-last)
			s.gap = append(s.gap, a-b)
			s.sd = append(s.sd, math.Sqrt(a*(1-a)/n+b*(1-b)/m))
			pooled = append(pooled, (n*a+m*b)/(n+m))
		}
		a += float64(g.N[i]) / n
		b += float64(ref.N[i]) / m
		last, begun = mean, true
	}
	k := len(s.width)
	s.null, s.correlation = make([]float64, k*k), make([]float64, k*k)
	for i := range k {
		for j := range k {
			lo, hi := min(pooled[i], pooled[j]), max(pooled[i], pooled[j])
			r := math.Sqrt(lo * (1 - hi) / (hi * (1 - lo))) // of a Brownian bridge
			r = min(r, 1)
			s.correlation[i*k+j] = r
			// Of the sizes of two normal variables (Nabeya 1951).
			s.null[i*k+j] = 2 / math.Pi * (r*math.Asin(r) + math.Sqrt(1-r*r) - 1)
		}
	}
	return s
}

func (s *steps) total() (t float64) {
	for i, w := range s.width {
		t += w * math.Abs(s.gap[i])
	}
	return t
}

// mean is that of the total if the true gaps are k times the observed.
func (s *steps) mean(k float64) (t float64) {
	for i, w := range s.width {
		m, _ := folded(k*s.gap[i], s.sd[i]*s.sd[i])
		t += w * m
	}
	return t
}

// deviation is the total's: gaps that are surely of one sign scatter as they do themselves, gaps of no sure sign as their sizes do.
func (s *steps) deviation(k float64) float64 {
	n := len(s.width)
	sure, open := make([]float64, n), make([]float64, n)
	for i, w := range s.width {
		if s.sd[i] == 0 {
			continue
		}
		c := 1 - 2*NormalCDF(-k*s.gap[i]/s.sd[i])
		sure[i] = w * s.sd[i] * c
		open[i] = w * s.sd[i] * (1 - math.Abs(c))
	}
	var v float64
	for i := range n {
		for j := range n {
			v += sure[i]*sure[j]*s.correlation[i*n+j] + open[i]*open[j]*s.null[i*n+j]
		}
	}
	return math.Sqrt(max(0, v))
}

// multiple is the k at which the total lies so many deviations above its mean; 0 if it does so for none.
func (s *steps) multiple(z float64) float64 {
	t := s.total()
	return fallsBelow(func(k float64) float64 { return t - s.mean(k) - z*s.deviation(k) }, 40) // each look goes over all pairs of bins
}
