package stat

import "math"

// Wilson returns the two-sided 1-alpha score interval of a share k/n (Wilson 1927, eq. 4 solved): (0, 1) for n = 0, NaN if k isn't
// in 0..n or alpha not in (0, 1).
func Wilson(k, n int64, alpha float64) (lo, hi float64) {
	switch {
	case n < 0 || k < 0 || k > n || !(alpha > 0 && alpha < 1):
		return math.NaN(), math.NaN()
	case n == 0:
		return 0, 1
	}
	z := -NormalQuantile(alpha / 2)
	nf := float64(n)
	p, w := float64(k)/nf, z*z/nf
	mid := (p + w/2) / (1 + w)
	half := z / (1 + w) * math.Sqrt(p*(1-p)/nf+w/(4*nf))
	lo, hi = max(0, mid-half), min(1, mid+half)
	if k == 0 {
		lo = 0
	}
	if k == n {
		hi = 1
	}
	return lo, hi
}

// Newcombe returns the two-sided 1-alpha interval of the difference k1/n1 - k2/n2 from the two Wilson intervals (Newcombe 1998,
// method 10). NaN if either sample is empty or not valid for Wilson.
func Newcombe(k1, n1, k2, n2 int64, alpha float64) (lo, hi float64) {
	if n1 <= 0 || n2 <= 0 {
		return math.NaN(), math.NaN()
	}
	l1, u1 := Wilson(k1, n1, alpha)
	l2, u2 := Wilson(k2, n2, alpha)
	p1, p2 := float64(k1)/float64(n1), float64(k2)/float64(n2)
	return p1 - p2 - math.Hypot(p1-l1, u2-p2), p1 - p2 + math.Hypot(u1-p1, p2-l2)
}

// LogRatio returns the logarithm of the ratio of two shares, k1 of n1 over k2 of n2, with 1/2 added to every count and size (Walter 1975), and the sampling
// variance that it has where the ratio is e^home and as many events in all are of the kind (Katz et al. 1978, with expected counts): 1/E1 + 1/E2 for rare ones. With
// the counts themselves a share that falls would be trusted the less the further it has fallen.
func LogRatio(k1, n1, k2, n2, home float64) (x, variance float64) {
	a, m, b, n := k1+0.5, n1+0.5, k2+0.5, n2+0.5
	part := m * math.Exp(home) / (m*math.Exp(home) + n)
	e1, e2 := (a+b)*part, (a+b)*(1-part)
	return math.Log(a/m) - math.Log(b/n), max(1/e1-1/m, 0) + max(1/e2-1/n, 0)
}

// KatzRatio returns the two-sided 1-alpha interval of the ratio (k1/n1)/(k2/n2) on the log scale (Katz et al. 1978), with 1/2
// added to every count and size (Walter 1975), so a zero doesn't break it. NaN if either sample is empty or not valid.
func KatzRatio(k1, n1, k2, n2 int64, alpha float64) (lo, hi float64) {
	if n1 <= 0 || n2 <= 0 || k1 < 0 || k2 < 0 || k1 > n1 || k2 > n2 || !(alpha > 0 && alpha < 1) {
		return math.NaN(), math.NaN()
	}
	a, m, b, n := float64(k1)+0.5, float64(n1)+0.5, float64(k2)+0.5, float64(n2)+0.5
	half := -NormalQuantile(alpha/2) * math.Sqrt(1/a-1/m+1/b-1/n)
	mid := math.Log(a/m) - math.Log(b/n)
	return math.Exp(mid - half), math.Exp(mid + half)
}
