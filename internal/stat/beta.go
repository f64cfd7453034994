package stat

import "math"

// maxShape is the largest parameter of a beta law: the continued fraction takes about its root in steps.
const maxShape = 1e12

// betaTerm returns x^a y^b / B(a, b) for a, b > 0 and y = 1-x, in Loader's (2000) saddle-point form.
func betaTerm(x, y, a, b float64) float64 {
	n := a + b
	e := stirlingError(n) - stirlingError(a) - stirlingError(b) - deviance(a, n*x) - deviance(b, n*y)
	return math.Exp(e) * math.Sqrt(a/n*b/(2*math.Pi))
}

// betaTails returns I_x(a, b) and its complement. Both x and y = 1-x are given, so that neither loses its digits near 1. The
// continued fraction is the even part of Abramowitz & Stegun (1964) 26.5.8, as in DiDonato & Morris (1992), eq. 9.
func betaTails(x, y, a, b float64) (p, q float64) {
	switch {
	case math.IsNaN(x) || math.IsNaN(y):
		return math.NaN(), math.NaN()
	case x <= 0:
		return 0, 1
	case y <= 0:
		return 1, 0
	case x > (a+1)/(a+b+2):
		q, p = betaTails(y, x, b, a)
		return p, q
	}
	// gap is a y - b x: written so, and not as a - (a+b) x, it keeps its digits when x is close to 1.
	gap := a*y - b*x
	f := nonzero(a * (gap + 1) / (a + 1))
	c, d := f, 0.
	for m := 1.; m < 1e6; m++ {
		s := a + 2*m - 1
		num := (a + m - 1) / s * (a + b + m - 1) / s * m * (b - m) * x * x
		den := m + m*(b-m)*x/s + (a+m)*(gap+1+m*(1+y))/(s+2)
		d = 1 / nonzero(den+num*d)
		c = nonzero(den + num/c)
		f *= c * d
		if math.Abs(c*d-1) < 1e-16 {
			break
		}
	}
	p = min(betaTerm(x, y, a, b)/f, 1)
	return p, 1 - p
}

// BetaCDF returns P(X <= x) of the Beta(a, b) law; NaN unless a and b are in (0, 1e12]. Relative error below 1e-10 for a+b up to
// 1e10.
func BetaCDF(x, a, b float64) float64 {
	if !(a > 0 && b > 0 && max(a, b) <= maxShape) {
		return math.NaN()
	}
	p, _ := betaTails(x, 1-x, a, b)
	return p
}

// BetaQuantile inverts BetaCDF in x. A zero shape is the limit: all mass at 0 for a = 0, at 1 for b = 0. NaN for shapes
// outside [0, 1e12], both zero, or p outside [0, 1]. Relative error below 1e-9 for a+b up to 1e10.
func BetaQuantile(p, a, b float64) float64 {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1 || !(a >= 0 && b >= 0 && max(a, b) <= maxShape) || a == 0 && b == 0:
		return math.NaN()
	case a == 0 || p == 0:
		return 0
	case b == 0 || p == 1:
		return 1
	}
	mean := a / (a + b)
	sd := math.Sqrt(mean * (b / (a + b)) / (a + b + 1))
	start := math.Log(mean) - math.Log(b/(a+b)) + NormalQuantile(p)*sd/(mean*(b/(a+b)))
	// On the logit both ends are at infinity, so no digit of x or 1-x is lost.
	u := solve(func(u float64) (float64, float64) {
		x, y := Expit(u), Expit(-u)
		lower, upper := betaTails(x, y, a, b)
		return logTail(p, lower, upper, betaTerm(x, y, a, b))
	}, start, -745, 745)
	return Expit(u)
}

// Expit returns 1/(1+e^-u), the inverse of Logit.
func Expit(u float64) float64 {
	if u < 0 {
		e := math.Exp(u)
		return e / (1 + e)
	}
	return 1 / (1 + math.Exp(-u))
}

// Logit returns ln(p/(1-p)): -Inf at 0, +Inf at 1, NaN outside [0, 1].
func Logit(p float64) float64 { return math.Log(p) - math.Log1p(-p) }

// studentUpper returns P(T > t) for t >= 0 and the density at t. Below 1e-150 neither changes any more.
func studentUpper(t, df float64) (upper, density float64) {
	t = max(t, 1e-150)
	r := t / math.Sqrt(df)
	x, y := 1/(1+r*r), 1.
	if r < 1e150 {
		y = r * r / (1 + r*r)
	}
	if x == 0 { // r*r overflowed
		x = 1 / r / r
	}
	p, _ := betaTails(x, y, df/2, 0.5)
	// The derivative of I_x(df/2, 1/2)/2 in t is x^(df/2) y^(1/2) / (B t).
	return p / 2, betaTerm(x, y, df/2, 0.5) / t
}

// StudentCDF returns P(T <= t) of Student's t law; NaN unless df > 0. Relative error below 1e-11 in both tails. From df = 1e12 on
// it is the normal law, which differs by less than 1e-12.
func StudentCDF(t, df float64) float64 {
	switch {
	case math.IsNaN(t) || !(df > 0):
		return math.NaN()
	case df >= 1e12:
		return NormalCDF(t)
	case math.IsInf(t, 0):
		return NormalCDF(t)
	}
	upper, _ := studentUpper(math.Abs(t), df)
	if t > 0 {
		return 1 - upper
	}
	return upper
}

// StudentQuantile inverts StudentCDF in t: -Inf at 0, +Inf at 1, NaN outside [0, 1] or unless df > 0. Relative error below 1e-9.
func StudentQuantile(p, df float64) float64 {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1 || !(df > 0):
		return math.NaN()
	case p == 0 || p == 1 || df >= 1e12:
		return NormalQuantile(p)
	case p == 0.5:
		return 0
	case p > 0.5:
		return -StudentQuantile(1-p, df)
	}
	// t = sinh u: a line near 0, where p is near 1/2, and an exponential far out, where the tail is a power.
	u := solve(func(u float64) (float64, float64) {
		t := math.Sinh(u)
		upper, density := studentUpper(t, df)
		return math.Log(p) - math.Log(upper), density * math.Cosh(u) / upper
	}, math.Asinh(-NormalQuantile(p)), 0, 709)
	return -math.Sinh(u)
}

// BinomialPMF returns P(X = k) for n trials of probability p: 0 outside 0..n, NaN for n outside 0..1e12 or p outside
// [0, 1]. Relative error below 1e-10 for n up to 1e9 (Loader 2000).
func BinomialPMF(k, n int64, p float64) float64 {
	switch {
	case n < 0 || n > maxShape || !(p >= 0 && p <= 1):
		return math.NaN()
	case k < 0 || k > n:
		return 0
	case p == 0 || p == 1:
		if k == 0 && p == 0 || k == n && p == 1 {
			return 1
		}
		return 0
	case k == 0:
		return math.Exp(float64(n) * math.Log1p(-p))
	case k == n:
		return math.Exp(float64(n) * math.Log(p))
	}
	a, b := float64(k), float64(n-k)
	return betaTerm(p, 1-p, a, b) * (1/a + 1/b)
}

// BinomialCDF returns P(X <= k): 0 below 0, 1 from n on, NaN for n outside 0..1e12 or p outside [0, 1]. Relative error below
// 1e-9 for n up to 1e9 (Abramowitz & Stegun 1964, 26.5.24).
func BinomialCDF(k, n int64, p float64) float64 {
	switch {
	case n < 0 || n > maxShape || !(p >= 0 && p <= 1):
		return math.NaN()
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	_, q := betaTails(p, 1-p, float64(k)+1, float64(n-k))
	return q
}

// BinomialSF returns P(X > k), the upper tail, with the same error.
func BinomialSF(k, n int64, p float64) float64 {
	switch {
	case n < 0 || n > maxShape || !(p >= 0 && p <= 1):
		return math.NaN()
	case k < 0:
		return 1
	case k >= n:
		return 0
	}
	q, _ := betaTails(p, 1-p, float64(k)+1, float64(n-k))
	return q
}
