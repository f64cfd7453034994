package stat

import "math"

const halfLogTwoPi = 0.918938533204672741780329736406

// NormalCDF returns P(Z <= x) of the standard normal law, with a relative error below 1e-12 down to 1e-300.
func NormalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

// NormalSF returns P(Z > x) with the same relative error, so it stays exact where 1-NormalCDF is 0.
func NormalSF(x float64) float64 { return math.Erfc(x/math.Sqrt2) / 2 }

// NormalQuantile inverts NormalCDF: -Inf at 0, +Inf at 1, NaN outside [0, 1]. Relative error below 1e-13 (absolute near p = 1/2).
// The middle is the inverse error function; the tails start at Abramowitz & Stegun (1964) 26.2.23 and take three Halley steps.
func NormalQuantile(p float64) float64 {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1:
		return math.NaN()
	case p == 0:
		return math.Inf(-1)
	case p == 1:
		return math.Inf(1)
	case p > 0.925:
		return -NormalQuantile(1 - p)
	case p >= 0.075:
		return math.Sqrt2 * math.Erfinv(2*p-1)
	}
	t := math.Sqrt(-2 * math.Log(p))
	x := -t + (2.515517+t*(0.802853+t*0.010328))/(1+t*(1.432788+t*(0.189269+t*0.001308)))
	for range 3 {
		// On f = Phi(x)/p - 1 the second derivative is -x f', which gives Halley's correction for free. The density is divided by p
		// through logarithms: far out both are denormal.
		f := NormalCDF(x)/p - 1
		d := f / math.Exp(-x*x/2-halfLogTwoPi-math.Log(p))
		x -= d / (1 + x*d/2)
	}
	return x
}

// stirlingError returns ln Gamma(a+1) - (a+1/2) ln a + a - ln(2 pi)/2 for a > 0: what Stirling's formula leaves out.
func stirlingError(a float64) float64 {
	if a < 15 {
		lg, _ := math.Lgamma(a + 1)
		return lg - (a+0.5)*math.Log(a) + a - halfLogTwoPi
	}
	v := 1 / (a * a)
	return (1./12 - v*(1./360-v*(1./1260-v*(1./1680-v*(1./1188-v*691/360360))))) / a
}

// deviance returns x ln(x/m) + m - x for x >= 0, m > 0, without the cancellation near x = m (Loader 2000, "Fast and accurate
// computation of binomial probabilities").
func deviance(x, m float64) float64 {
	if x == 0 {
		return m
	}
	d := x - m
	if math.Abs(d) >= 0.1*(x+m) {
		return x*math.Log(x/m) + m - x
	}
	v := d / (x + m)
	sum, term := d*v, 2*x*v
	v *= v
	for j := 3.; j < 100; j += 2 {
		term *= v
		next := sum + term/j
		if next == sum {
			break
		}
		sum = next
	}
	return sum
}

// poissonTerm returns x^a e^-x / Gamma(a+1) for a >= 0, x >= 0; a need not be whole. Loader's (2000) saddle-point form keeps it
// accurate for large a, where the three factors overflow one by one.
func poissonTerm(a, x float64) float64 {
	switch {
	case a == 0:
		return math.Exp(-x)
	case x == 0:
		return 0
	}
	return math.Exp(-stirlingError(a)-deviance(a, x)) / math.Sqrt(2*math.Pi*a)
}

// gammaTails returns the regularised incomplete gamma functions P(a, x) and Q(a, x) for a > 0: the series below a+1, Legendre's
// continued fraction above (Abramowitz & Stegun 1964, 6.5.29 and 6.5.31). Above a = 1e9, where either takes more than 1e5
// terms, the cube root of Wilson & Hilferty (1931) is used; its absolute error there is below 1e-9.
func gammaTails(a, x float64) (p, q float64) {
	switch {
	case math.IsNaN(a) || math.IsNaN(x) || a <= 0:
		return math.NaN(), math.NaN()
	case x <= 0:
		return 0, 1
	case math.IsInf(x, 1):
		return 1, 0
	case a > 1e9:
		z := 3 * math.Sqrt(a) * (math.Cbrt(x/a) - 1 + 1/(9*a))
		return NormalCDF(z), NormalSF(z)
	}
	front := poissonTerm(a, x)
	if x < a+1 {
		sum, term := 1., 1.
		for i := 1.; term > sum*1e-17; i++ {
			term *= x / (a + i)
			sum += term
		}
		p = min(front*sum, 1)
		return p, 1 - p
	}
	// Modified Lentz evaluation (Thompson & Barnett 1986).
	b := x + 1 - a
	c := math.Inf(1)
	d := 1 / b
	h := d
	for i := 1.; i < 1e6; i++ {
		an := -i * (i - a)
		b += 2
		d = 1 / nonzero(an*d+b)
		c = nonzero(b + an/c)
		h *= d * c
		if math.Abs(d*c-1) < 1e-16 {
			break
		}
	}
	q = min(front*a*h, 1)
	return 1 - q, q
}

// nonzero keeps a continued fraction's denominators from being 0.
func nonzero(x float64) float64 {
	if math.Abs(x) < 1e-300 {
		return 1e-300
	}
	return x
}

// ChiSquareCDF returns P(X <= x) of the chi-square law with df > 0 degrees of freedom; NaN if df isn't positive. Relative error
// below 1e-11 for df up to 1e6 (and down to 1e-300), below 1e-9 absolute above 2e9.
func ChiSquareCDF(x, df float64) float64 {
	p, _ := gammaTails(df/2, x/2)
	return p
}

// ChiSquareSF returns P(X > x), the p-value of a chi-square test, with the same error.
func ChiSquareSF(x, df float64) float64 {
	_, q := gammaTails(df/2, x/2)
	return q
}

// ChiSquareQuantile inverts ChiSquareCDF in x: 0 at p = 0, +Inf at 1, NaN outside [0, 1] or without positive df. Relative error
// below 1e-10. The start is Wilson & Hilferty (1931).
func ChiSquareQuantile(p, df float64) float64 {
	switch {
	case math.IsNaN(p) || math.IsNaN(df) || p < 0 || p > 1 || df <= 0:
		return math.NaN()
	case p == 0:
		return 0
	case p == 1:
		return math.Inf(1)
	}
	a := df / 2
	f := 2 / (9 * df)
	start := df * math.Pow(1-f+NormalQuantile(p)*math.Sqrt(f), 3)
	if start < 0.01*df {
		// The first term of the series: P(a, y) ~ y^a / Gamma(a+1).
		lg, _ := math.Lgamma(a + 1)
		start = 2 * math.Exp((math.Log(p)+lg)/a)
	}
	u := solve(func(u float64) (float64, float64) {
		y := math.Exp(u) / 2
		lower, upper := gammaTails(a, y)
		return logTail(p, lower, upper, a*poissonTerm(a, y))
	}, math.Log(start), -745, 709)
	return math.Exp(u)
}

// KolmogorovSF returns P(K > x) of Kolmogorov's limiting law: 1 for x <= 0. Relative error below 1e-12. The alternating series
// (Kolmogorov 1933) serves the upper part, its theta-function transform (Feller 1948) the lower.
func KolmogorovSF(x float64) float64 {
	switch {
	case math.IsNaN(x):
		return math.NaN()
	case x <= 0.04: // 1 - 1e-330
		return 1
	case x < 1:
		var sum float64
		for j := 1.; j < 40; j += 2 {
			sum += math.Exp(-j * j * math.Pi * math.Pi / (8 * x * x))
		}
		return 1 - math.Sqrt(2*math.Pi)/x*sum
	}
	var sum float64
	sign := 1.
	for j := 1.; j < 10; j++ {
		sum += sign * math.Exp(-2*j*j*x*x)
		sign = -sign
	}
	return 2 * sum
}
