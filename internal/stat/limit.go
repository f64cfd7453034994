package stat

import "math"

// MinWindows is the smallest number of reference windows a limit or a dispersion may rest on.
const MinWindows = 8

// RangeLimit returns the upper limit that a further window of the same kind exceeds with probability alpha, given the mean and
// standard deviation (divisor k-1) of k reference windows, all on a scale on which they are roughly normal (for chi-square
// statistics and divergences the cube root, Wilson & Hilferty 1931): mean + t(1-alpha; k-1) sd sqrt(1+1/k), the one-sided
// prediction limit (Whitmore 1986). ok is false below MinWindows windows, for an alpha outside (0, 1) and for moments that
// aren't finite.
func RangeLimit(mean, sd float64, k int, alpha float64) (limit float64, ok bool) {
	if k < MinWindows || !(alpha > 0 && alpha < 1) || !(sd >= 0) || math.IsInf(sd, 1) || math.IsNaN(mean) || math.IsInf(mean, 0) {
		return math.NaN(), false
	}
	return mean + StudentQuantile(1-alpha, float64(k-1))*sd*math.Sqrt(1+1/float64(k)), true
}

// WindowLimit applies RangeLimit to the cube roots of the statistics of reference windows (PSI, phi2, X2 per degree of
// freedom: anything >= 0) and returns the limit on their own scale. Windows without a value (NaN, infinite, negative) don't
// count. The limit is never below 0.
func WindowLimit(windows []float64, alpha float64) (limit float64, ok bool) {
	roots := make([]float64, 0, len(windows))
	for _, w := range windows {
		if w >= 0 && !math.IsInf(w, 1) {
			roots = append(roots, math.Cbrt(w))
		}
	}
	mean, sd := moments(roots)
	limit, ok = RangeLimit(mean, sd, len(roots), alpha)
	if !ok {
		return math.NaN(), false
	}
	limit = max(0, limit)
	return limit * limit * limit, true
}

// moments returns the mean and the standard deviation with divisor len-1; NaN where there are too few values.
func moments(x []float64) (mean, sd float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	var ss float64
	for _, v := range x {
		ss += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(ss / float64(len(x)-1))
}

// Dispersion returns the design effect of the reference: the mean over its windows of Pearson's statistic per degree of
// freedom, at least 1 (first-order correction of Rao & Scott 1981). The windows must be as long as those judged. Windows
// without a value or without degrees of freedom don't count; ok is false if fewer than MinWindows are left.
func Dispersion(x2 []float64, df []int) (deff float64, ok bool) {
	var sum float64
	k := 0
	for i := range min(len(x2), len(df)) {
		if df[i] > 0 && x2[i] >= 0 && !math.IsInf(x2[i], 1) {
			sum += x2[i] / float64(df[i])
			k++
		}
	}
	if k < MinWindows {
		return 1, false
	}
	return max(1, sum/float64(k)), true
}
