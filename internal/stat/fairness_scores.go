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
// edge; within bins it can be larger by at most the largest bin's share. The interval is Newcombe's at that edge, less what the search over edges
// finds by chance.
func ScoreKS(g, ref Reliability, alpha float64) (Band, bool) {
	n, m, ok := totals(g.N, ref.N)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	var a, b, ka, kb int64
	d := 0.
	for i := range g.N {
		a += g.N[i]
		b += ref.N[i]
		if x := math.Abs(float64(a)/float64(n) - float64(b)/float64(m)); x >= d {
			d, ka, kb = x, a, b
		}
	}
	lo, hi := Newcombe(ka, n, kb, m, alpha)
	least, most := sizeOf(lo, hi)
	p, q := float64(ka)/float64(n), float64(kb)/float64(m)
	e := Estimate{Value: d, SE: math.Sqrt(p*(1-p)/float64(n) + q*(1-q)/float64(m)), N: n + m}
	return newBand(e, least, most, 0, 1, min(n, m) < fairEvents), true
}

// ScoreW1 returns the Wasserstein-1 distance of two groups' scores, every bin's scores taken at their mean over both groups: the mean
// difference of scores between people of the same rank. Its standard error is that of the two means of the bins' positions, each counted
// up where one group lies lower and down where it lies higher.
func ScoreW1(g, ref Reliability, alpha float64) (Band, bool) {
	n, m, ok := totals(g.N, ref.N)
	if !ok || !usable(alpha) || len(g.S) != len(g.N) || len(ref.S) != len(ref.N) {
		return Band{}, false
	}
	var at, last, w1 float64
	var a, b int64
	var first, second []weighted
	for i := range g.N {
		c := g.N[i] + ref.N[i]
		if c == 0 {
			continue
		}
		mean := (float64(g.S[i]) + float64(ref.S[i])) / scoreScale / float64(c)
		if a+b > 0 {
			gap := float64(a)/float64(n) - float64(b)/float64(m)
			w1 += math.Abs(gap) * (mean - last)
			at += math.Copysign(mean-last, gap)
		}
		a += g.N[i]
		b += ref.N[i]
		last = mean
		first = append(first, weighted{at, float64(g.N[i])})
		second = append(second, weighted{at, float64(ref.N[i])})
	}
	_, v1, _ := centralMoments(first)
	_, v2, _ := centralMoments(second)
	e := Estimate{Value: w1, SE: math.Sqrt(v1/float64(n) + v2/float64(m)), N: n + m}
	return plainBand(e, alpha, 0, 1, min(n, m) < fairEvents), true
}
