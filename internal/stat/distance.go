package stat

import "math"

// Distance is one comparison of a current sample with a reference, ready to be shown.
type Distance struct {
	Name  string  // psi, psi_corrected, phi2, chi2, ks, js, hellinger, wasserstein, linf
	Unit  string  // "" for a pure number, "sd" for reference standard deviations, "share" for a difference of shares
	Value float64 // finite, or +Inf for phi2 when the current sample has a value the reference never had
	N, M  int64   // events in the current sample and in the reference
}

// Distances returns every distance of the two count vectors that has a value, in a fixed order. Ordered says that the cells
// have an order (numeric bins rather than categories): only then are ks and, given the reference's bin means and standard
// deviation, wasserstein defined; linf is given for categories.
func Distances(cur, ref []int64, ordered bool, binMeans []float64, sd float64) []Distance {
	n, m, ok := totals(cur, ref)
	if !ok {
		return nil
	}
	var out []Distance
	add := func(name, unit string, v float64) {
		if !math.IsNaN(v) {
			out = append(out, Distance{Name: name, Unit: unit, Value: v, N: n, M: m})
		}
	}
	add("psi", "", PSI(cur, ref))
	add("psi_corrected", "", PSICorrected(cur, ref))
	add("phi2", "", Phi2(cur, ref))
	c, r := cur, ref
	if !ordered {
		c, r = MergeRare(cur, ref)
	}
	x2, _ := ChiSquare(c, r)
	add("chi2", "", x2)
	if ordered {
		d, _ := KS(cur, ref)
		add("ks", "", d)
	}
	add("js", "", JensenShannonDistanceBits(cur, ref))
	add("hellinger", "", Hellinger(cur, ref))
	if ordered {
		add("wasserstein", "sd", WassersteinSD(cur, ref, binMeans, sd))
	} else {
		add("linf", "share", LInfinity(cur, ref))
	}
	return out
}

// totals sums both vectors. ok is false if they can't be compared: different lengths, a negative count, an empty sample.
func totals(cur, ref []int64) (n, m int64, ok bool) {
	if len(cur) != len(ref) {
		return 0, 0, false
	}
	for b := range cur {
		if cur[b] < 0 || ref[b] < 0 {
			return 0, 0, false
		}
		n += cur[b]
		m += ref[b]
	}
	return n, m, n > 0 && m > 0
}

// EffectiveSize returns nm/(n+m), the sample size that counts when both samples are finite; 0 if either is empty.
func EffectiveSize(n, m int64) float64 {
	if n <= 0 || m <= 0 {
		return 0
	}
	return float64(n) / (float64(n) + float64(m)) * float64(m)
}

// PSI returns the population stability index, the sum of (p-q) ln(p/q) over the cells (Jeffreys 1946), with every share
// smoothed to (count+1/2)/(n+B/2) (Krichevsky & Trofimov 1981), so an empty cell doesn't make it infinite. In nats, >= 0. NaN if
// either sample is empty, a count is negative or the lengths differ. For N = EffectiveSize, N*PSI follows nearly the
// non-central chi-square law with B-1 degrees of freedom and non-centrality N*phi2 (Yurdakul 2018).
func PSI(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	half := float64(len(cur)) / 2
	var sum float64
	for b := range cur {
		p := (float64(cur[b]) + 0.5) / (float64(n) + half)
		q := (float64(ref[b]) + 0.5) / (float64(m) + half)
		sum += (p - q) * math.Log(p/q)
	}
	return sum
}

// PSICorrected returns PSI - (B-1)/N: without drift its mean is 0 whatever the sample size, so it may be negative. NaN as PSI.
func PSICorrected(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	return PSI(cur, ref) - float64(len(cur)-1)/EffectiveSize(n, m)
}

// Phi2 returns the chi-square divergence, the sum of (p-q)^2/q (Pearson 1900), unsmoothed: +Inf if the current sample has a
// cell the reference never had. NaN as PSI. Joining cells never makes it larger.
func Phi2(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	var sum float64
	for b := range cur {
		p, q := float64(cur[b])/float64(n), float64(ref[b])/float64(m)
		if p != q {
			sum += (p - q) / q * (p - q)
		}
	}
	return sum
}

// minExpected is the smallest expected count of a chi-square cell (Cochran 1954).
const minExpected = 5

// MergeNeighbours joins adjacent cells from the left until each expects at least 5 events in the smaller sample, if both came
// from one law; what is left over joins the last. The pooled counts decide, not the reference alone: a value that only the
// current sample has must not vanish in a neighbour. Inputs that can't be compared come back empty.
func MergeNeighbours(cur, ref []int64) (c, r []int64) {
	n, m, ok := totals(cur, ref)
	if !ok {
		return nil, nil
	}
	share := float64(min(n, m)) / (float64(n) + float64(m))
	var a, b int64
	for i := range cur {
		a += cur[i]
		b += ref[i]
		if share*(float64(a)+float64(b)) >= minExpected {
			c, r = append(c, a), append(r, b)
			a, b = 0, 0
		}
	}
	if a+b == 0 {
		return c, r
	}
	if len(c) == 0 {
		return []int64{a}, []int64{b}
	}
	c[len(c)-1] += a
	r[len(r)-1] += b
	return c, r
}

// MergeRare puts every cell that expects fewer than 5 events in the smaller sample into one common cell, the last: the merge
// for categories, which have no neighbours. If the common cell is itself too small it joins the smallest of the others.
func MergeRare(cur, ref []int64) (c, r []int64) {
	n, m, ok := totals(cur, ref)
	if !ok {
		return nil, nil
	}
	share := float64(min(n, m)) / (float64(n) + float64(m))
	var a, b int64
	for i := range cur {
		if share*(float64(cur[i])+float64(ref[i])) >= minExpected {
			c, r = append(c, cur[i]), append(r, ref[i])
			continue
		}
		a += cur[i]
		b += ref[i]
	}
	switch {
	case a+b == 0:
		return c, r
	case len(c) == 0 || share*(float64(a)+float64(b)) >= minExpected:
		return append(c, a), append(r, b)
	}
	least := 0
	for i := range c {
		if c[i]+r[i] < c[least]+r[least] {
			least = i
		}
	}
	c[least] += a
	r[least] += b
	return c, r
}

// ChiSquare returns Pearson's (1900) two-sample statistic and its degrees of freedom, the cells left by MergeNeighbours minus
// one; for categories apply MergeRare first, after which nothing is left to merge. The p-value is ChiSquareSF(x2, df). With
// fewer than two cells x2 and df are 0; NaN and 0 as for PSI.
func ChiSquare(cur, ref []int64) (x2 float64, df int) {
	c, r := MergeNeighbours(cur, ref)
	if len(c) == 0 {
		return math.NaN(), 0
	}
	return pearson(c, r), len(c) - 1
}

// pearson returns N * sum of (p-q)^2 / pooled share over comparable cells.
func pearson(cur, ref []int64) float64 {
	n, m, _ := totals(cur, ref)
	nf, mf := float64(n), float64(m)
	var sum float64
	for b := range cur {
		if pooled := (float64(cur[b]) + float64(ref[b])) / (nf + mf); pooled > 0 {
			d := float64(cur[b])/nf - float64(ref[b])/mf
			sum += d / pooled * d
		}
	}
	return EffectiveSize(n, m) * sum
}

// KS returns the Kolmogorov-Smirnov distance at the bin edges, the largest difference of the two cumulated shares, 0..1, and
// Stephens' (1970) p-value. Within bins the distance can only be larger, by at most the largest bin's share, so d is a lower
// bound; the p-value is therefore conservative (too large) on bins and on values that repeat. NaN as PSI.
func KS(cur, ref []int64) (d, p float64) {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN(), math.NaN()
	}
	var a, b int64
	for i := range cur {
		a += cur[i]
		b += ref[i]
		d = max(d, math.Abs(float64(a)/float64(n)-float64(b)/float64(m)))
	}
	s := math.Sqrt(EffectiveSize(n, m))
	return d, KolmogorovSF((s + 0.12 + 0.11/s) * d)
}

// JensenShannonDistanceBits returns the square root of the Jensen-Shannon divergence to base 2 (Lin 1991; Endres & Schindelin
// 2003), 0..1, unsmoothed. NaN as PSI.
func JensenShannonDistanceBits(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	var sum float64
	for b := range cur {
		p, q := float64(cur[b])/float64(n), float64(ref[b])/float64(m)
		if s := p + q; s > 0 {
			// With p = s(1+t)/2, q = s(1-t)/2 the cell is s/2 times ((1+t) ln(1+t) + (1-t) ln(1-t))/2, free of cancellation.
			t := (p - q) / s
			sum += s / 2 * entropyGap(t)
		}
	}
	return math.Sqrt(max(0, min(1, sum/math.Ln2)))
}

// entropyGap returns ((1+t) ln(1+t) + (1-t) ln(1-t))/2 for -1 <= t <= 1.
func entropyGap(t float64) float64 {
	t2 := t * t
	switch {
	case t2 >= 1:
		return math.Ln2
	case t2 < 1e-4: // the next term is below 1e-17 of the first
		return t2 * (1./2 + t2*(1./12+t2*(1./30+t2/56)))
	}
	return ((1+t)*math.Log1p(t) + (1-t)*math.Log1p(-t)) / 2
}

// Hellinger returns sqrt(1 - sum sqrt(pq)), 0..1, computed as the sum of (sqrt p - sqrt q)^2 / 2, which is the same without the
// cancellation. NaN as PSI.
func Hellinger(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	var sum float64
	for b := range cur {
		d := math.Sqrt(float64(cur[b])/float64(n)) - math.Sqrt(float64(ref[b])/float64(m))
		sum += d * d
	}
	return math.Sqrt(min(1, sum/2))
}

// WassersteinSD returns the Wasserstein-1 distance in units of sd, with every bin's mass at its reference mean: the sum of
// |P_b - Q_b| (mean_(b+1) - mean_b) / sd (Vallender 1974). Bins that are empty in both samples are skipped, so their means may
// be anything. NaN as PSI, and if binMeans has another length, a mean in use isn't finite, or sd isn't positive and finite.
func WassersteinSD(cur, ref []int64, binMeans []float64, sd float64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok || len(binMeans) != len(cur) || !(sd > 0) || math.IsInf(sd, 1) {
		return math.NaN()
	}
	var sum, last float64
	var a, b int64
	for i := range cur {
		if cur[i] == 0 && ref[i] == 0 {
			continue
		}
		if math.IsNaN(binMeans[i]) || math.IsInf(binMeans[i], 0) {
			return math.NaN()
		}
		if a+b > 0 {
			sum += math.Abs(float64(a)/float64(n)-float64(b)/float64(m)) * math.Abs(binMeans[i]-last)
		}
		a += cur[i]
		b += ref[i]
		last = binMeans[i]
	}
	return sum / sd
}

// LInfinity returns the largest difference of a share, 0..1. NaN as PSI.
func LInfinity(cur, ref []int64) float64 {
	n, m, ok := totals(cur, ref)
	if !ok {
		return math.NaN()
	}
	var d float64
	for b := range cur {
		d = max(d, math.Abs(float64(cur[b])/float64(n)-float64(ref[b])/float64(m)))
	}
	return d
}
