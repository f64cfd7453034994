package stat

import "math"

// smallestShare keeps a cumulated share away from 0 and 1, where its normal quantile is infinite.
const smallestShare = 1e-12

// Scores read a change of location, spread and shape off the counts of a numeric column's bins, on the scale of reference
// standard deviations whatever the column's own law: each bin stands for the mean of a normal variable within it (van der Waerden
// 1952; as components of a smooth test Neyman 1937). They are frozen with the reference.
type Scores struct {
	shares   []float64 // of the reference by bin, summing to 1
	edges    []float64 // normal quantiles of the cumulated shares; the ends are infinite
	location []float64 // per bin; mean 0 and variance 1 under the reference
	spread   []float64 // the same, and uncorrelated with location; nil if the bins can't tell a spread
}

// Smoothed are the shares of counts with half an event more in each bin (Krichevsky & Trofimov 1981): they sum to 1, and none is 0.
func Smoothed(counts []int64) []float64 {
	var n float64
	for _, c := range counts {
		n += float64(c)
	}
	shares := make([]float64, len(counts))
	for i, c := range counts {
		shares[i] = (float64(c) + 0.5) / (n + 0.5*float64(len(counts)))
	}
	return shares
}

// NewScores makes the scores of a reference with these shares by bin, ascending. ok is false unless there are two bins or more,
// all shares are positive, and they sum to 1 within 1e-9.
func NewScores(shares []float64) (s *Scores, ok bool) {
	if !sharesOK(shares) {
		return nil, false
	}
	b := len(shares)
	s = &Scores{shares: shares, edges: make([]float64, b+1), location: make([]float64, b)}
	density := make([]float64, b+1)
	moment := make([]float64, b+1) // z phi(z), 0 at both ends
	s.edges[0], s.edges[b] = math.Inf(-1), math.Inf(1)
	var cumulated float64
	for i := range b - 1 {
		cumulated += shares[i]
		z := NormalQuantile(min(max(cumulated, smallestShare), 1-smallestShare))
		s.edges[i+1] = z
		density[i+1] = math.Exp(-z*z/2 - halfLogTwoPi)
		moment[i+1] = z * density[i+1]
	}
	spread := make([]float64, b)
	for i, q := range shares {
		s.location[i] = (density[i] - density[i+1]) / q
		spread[i] = 1 + (moment[i]-moment[i+1])/q
	}
	centre(s.location, shares)
	if norm(s.location, shares) == 0 {
		return nil, false
	}
	centre(spread, shares)
	var along float64
	for i, q := range shares {
		along += q * spread[i] * s.location[i]
	}
	for i := range spread {
		spread[i] -= along * s.location[i]
	}
	if b > 2 && norm(spread, shares) > 1e-6 {
		s.spread = spread
	}
	return s, true
}

func sharesOK(shares []float64) bool {
	var sum float64
	for _, q := range shares {
		if !(q > 0) {
			return false
		}
		sum += q
	}
	return len(shares) > 1 && math.Abs(sum-1) < 1e-9
}

func centre(x, weights []float64) {
	var mean float64
	for i, w := range weights {
		mean += w * x[i]
	}
	for i := range x {
		x[i] -= mean
	}
}

// norm scales x to variance 1 and returns the standard deviation it had; one that is 0 stays.
func norm(x, weights []float64) float64 {
	var ss float64
	for i, w := range weights {
		ss += w * x[i] * x[i]
	}
	sd := math.Sqrt(ss)
	if sd > 1e-6 {
		for i := range x {
			x[i] /= sd
		}
		return sd
	}
	return 0
}

// HasSpread reports whether the bins can tell a change of spread: at least three of them, and not symmetric atoms.
func (s *Scores) HasSpread() bool { return s.spread != nil }

// Bins is how many bins the scores are for.
func (s *Scores) Bins() int { return len(s.shares) }

// Location returns the mean score of the counts, in reference standard deviations, and the sampling variance of one event's
// score: the mean's own is v/n. Fewer than two events say nothing: x is 0 and v is 1.
func (s *Scores) Location(counts []int64) (x, v float64) { return meanScore(s.location, counts) }

// Spread returns the relative change of the variance divided by the square root of 2, free of the location x and its
// sampling variance v as Location returned them, and the sampling variance of one event. A standard deviation 5 % larger is
// about 0.07. Only where HasSpread.
func (s *Scores) Spread(counts []int64, x, v float64) (g, vg float64) {
	n := total(counts)
	if n < 2 || s.spread == nil {
		return 0, 1
	}
	g, vg = meanScore(s.spread, counts)
	return g - (x*x-v/float64(n))/math.Sqrt2, vg
}

func meanScore(score []float64, counts []int64) (mean, variance float64) {
	var n int64
	var sum, squares float64
	for b, c := range counts {
		n += c
		sum += float64(c) * score[b]
		squares += float64(c) * score[b] * score[b]
	}
	if n < 2 {
		return 0, 1
	}
	mean = sum / float64(n)
	return mean, (squares/float64(n) - mean*mean) * float64(n) / float64(n-1)
}

// Shape returns the cube root of Pearson's statistic per degree of freedom (Wilson & Hilferty 1931) of the counts against the
// reference moved to location x and spread g, so that it sees neither. Groups joins bins (see GroupNeighbours); what is left has
// three degrees of freedom fewer than groups. Without shape change it is about normal with variance 2/(9 (groups-3)).
func (s *Scores) Shape(counts []int64, x, g float64, groups []int) float64 {
	n := total(counts)
	if n < 2 {
		return 1
	}
	sd := math.Sqrt(min(max(1+math.Sqrt2*g, 0.2), 5))
	least := 0.01 / float64(len(counts))
	lower := 0.
	return cubeRoot(counts, n, groups, 3, func(b int) float64 {
		upper := 1.
		if b < len(counts)-1 {
			upper = NormalCDF((s.edges[b+1] - x) / sd)
		}
		e := max(upper-lower, least)
		lower = upper
		return e
	})
}

// Omnibus returns the cube root of Pearson's statistic per degree of freedom of counts against reference shares; groups as
// GroupRare made them. Without change it is about normal with variance 2/(9 (groups-1)).
func Omnibus(counts []int64, shares []float64, groups []int) float64 {
	n := total(counts)
	if n < 2 {
		return 1
	}
	return cubeRoot(counts, n, groups, 1, func(b int) float64 { return shares[b] })
}

// cubeRoot is (X2/df)^(1/3) over groups of bins; expected is asked for every bin in order. Groups ascend within a scan or not:
// the sums are kept per group.
func cubeRoot(counts []int64, n int64, groups []int, lost int, expected func(b int) float64) float64 {
	k := 0
	var gap, want [mostGroups]float64
	for b, c := range counts {
		e := expected(b)
		gap[groups[b]] += float64(c)/float64(n) - e
		want[groups[b]] += e
		k = max(k, groups[b]+1)
	}
	var x2 float64
	for i := range k {
		x2 += gap[i] * gap[i] / want[i]
	}
	return math.Cbrt(float64(n) * x2 / float64(k-lost))
}

// mostGroups is the largest number of groups a cube root is taken over.
const mostGroups = 64

// GroupNeighbours joins adjacent bins from the left until each group expects at least 5 of n events (Cochran 1954), and returns
// the group of every bin and how many groups there are. A rest that expects fewer joins the last group. With more than 64 bins
// the last ones share a group.
func GroupNeighbours(shares []float64, n float64) (groups []int, k int) {
	groups = make([]int, len(shares))
	var rest float64
	for _, q := range shares {
		rest += q
	}
	var run float64
	for b, q := range shares {
		groups[b] = k
		run += q * n
		rest -= q
		if run >= minExpected && b < len(shares)-1 && rest*n >= minExpected && k < mostGroups-1 {
			k++
			run = 0
		}
	}
	return groups, k + 1
}

// GroupRare keeps categories that expect at least 5 of n events and joins all others in one group, the last. Where that
// expects fewer itself, it joins the rarest of the kept.
func GroupRare(shares []float64, n float64) (groups []int, k int) {
	groups = make([]int, len(shares))
	least := -1
	var rest float64
	small := false
	for b, q := range shares {
		if q*n >= minExpected && k < mostGroups-1 {
			groups[b] = k
			k++
			if least < 0 || q < shares[least] {
				least = b
			}
			continue
		}
		groups[b], small = -1, true
		rest += q
	}
	if !small {
		return groups, k
	}
	last := k
	if rest*n < minExpected && least >= 0 {
		last = groups[least]
	} else {
		k++
	}
	for b := range groups {
		if groups[b] < 0 {
			groups[b] = last
		}
	}
	return groups, k
}

// CohenH returns the difference of a share c/n from q on the arc-sine scale (Cohen 1988; c and n shifted as Anscombe 1948),
// where its sampling variance is 1/n whatever q is. c need not be whole: a sum of scores between 0 and 1 scatters less.
func CohenH(c, n, q float64) float64 {
	return 2 * (math.Asin(math.Sqrt((c+0.375)/(n+0.75))) - math.Asin(math.Sqrt(q)))
}

// ShareAt returns the share that lies h beyond q on the arc-sine scale, 0..1.
func ShareAt(q, h float64) float64 {
	a := math.Asin(math.Sqrt(q)) + h/2
	s := math.Sin(min(max(a, 0), math.Pi/2))
	return s * s
}

func total(counts []int64) (n int64) {
	for _, c := range counts {
		n += c
	}
	return n
}
