package stat

import "math"

// mixtureLimit is the largest non-centrality summed exactly. The sum has about 16 sqrt(lambda/2) terms: 1e4 at the limit, a
// fraction of a millisecond. There Sankaran's approximation is off by less than 1e-10, and less above.
const mixtureLimit = 1e6

// NonCentralChiSquareCDF returns P(X <= x) of the non-central chi-square law with df > 0 degrees of freedom and non-centrality
// lambda >= 0; NaN otherwise. Up to lambda = 1e6 it is the Poisson mixture of central laws (Johnson, Kotz & Balakrishnan 1995,
// eq. 29.2), with a relative error below 1e-9 for probabilities above 1e-150; above that, Sankaran's (1963) third
// approximation, with an absolute error below 1e-9. Tails below 1e-250 may come back as 0.
func NonCentralChiSquareCDF(x, df, lambda float64) float64 {
	p, _, _ := ncx2(x, df, lambda)
	return p
}

// NonCentralChiSquareSF returns P(X > x) with the same error.
func NonCentralChiSquareSF(x, df, lambda float64) float64 {
	_, q, _ := ncx2(x, df, lambda)
	return q
}

// NonCentralChiSquareQuantile inverts NonCentralChiSquareCDF in x: 0 at p = 0, +Inf at 1, NaN outside [0, 1]. The start is
// Abdel-Aty's (1954) cube root, good to a few percent from df+lambda = 20 on and to 1e-3 from 1e4 on; up to lambda = 1e6 it is
// refined on the exact function to a relative error below 1e-8, above it on Sankaran's.
func NonCentralChiSquareQuantile(p, df, lambda float64) float64 {
	switch {
	case math.IsNaN(p) || p < 0 || p > 1 || !ncx2Valid(df, lambda):
		return math.NaN()
	case p == 0:
		return 0
	case p == 1:
		return math.Inf(1)
	case lambda == 0:
		return ChiSquareQuantile(p, df)
	}
	u := solve(func(u float64) (float64, float64) {
		x := math.Exp(u)
		lower, upper, density := ncx2(x, df, lambda)
		return logTail(p, lower, upper, density*x)
	}, math.Log(abdelAty(p, df, lambda)), -745, 709)
	return math.Exp(u)
}

func ncx2Valid(df, lambda float64) bool {
	return df > 0 && lambda >= 0 && !math.IsInf(df, 1) && !math.IsInf(lambda, 1)
}

// abdelAty returns the first cube-root approximation to a quantile (Abdel-Aty 1954); never below a thousandth of the mean.
func abdelAty(p, df, lambda float64) float64 {
	f := (df + lambda) * ((df + lambda) / (df + 2*lambda))
	v := 2 / (9 * f)
	c := 1 - v + NormalQuantile(p)*math.Sqrt(v)
	return (df + lambda) * math.Pow(max(c, 0.1), 3)
}

// sankaran returns both tails and the density by Sankaran's (1963) third approximation: (x/(df+lambda))^h is nearly normal.
func sankaran(x, df, lambda float64) (p, q, density float64) {
	if x <= 0 {
		return 0, 1, 0
	}
	s, t := df+lambda, df+2*lambda
	h := 1 - 2*(s/t)*((df+3*lambda)/t)/3
	v := t / s / s
	m := (h - 1) * (1 - 3*h)
	sd := h * math.Sqrt(2*v) * (1 + m*v/2)
	r := x / s
	// (r^h - 1) through Expm1: near the centre r^h is 1 to many digits.
	z := (math.Expm1(h*math.Log(r)) - h*v*(h-1-(2-h)*m*v/2)) / sd
	density = math.Exp(-z*z/2-halfLogTwoPi) / sd * h * math.Pow(r, h-1) / s
	return NormalCDF(z), NormalSF(z), density
}

// ncx2 returns both tails and the density. The tail on x's side of the mean is summed term by term, all of them positive, so
// that it keeps its digits; the other is its complement.
func ncx2(x, df, lambda float64) (p, q, density float64) {
	switch {
	case math.IsNaN(x) || !ncx2Valid(df, lambda):
		return math.NaN(), math.NaN(), math.NaN()
	case x <= 0:
		return 0, 1, 0
	case math.IsInf(x, 1):
		return 1, 0, 0
	case lambda == 0:
		p, q = gammaTails(df/2, x/2)
		return p, q, poissonTerm(df/2, x/2) * df / 2 / x
	case lambda > mixtureLimit:
		return sankaran(x, df, lambda)
	}
	// The root of X is the norm of a Gaussian vector, a 1-Lipschitz function, with mean between sqrt(lambda) and
	// sqrt(df+lambda): 40 away from both, each tail is below exp(-800) (Cirel'son, Ibragimov & Sudakov 1976).
	switch root := math.Sqrt(x); {
	case root < math.Sqrt(lambda)-40:
		return 0, 1, 0
	case root > math.Sqrt(df+lambda)+40:
		return 1, 0, 0
	}
	mu, y, h := lambda/2, x/2, df/2
	// The terms w_j t_(h+j), Poisson weight times gamma density, peak where mu y = j (h+j) and fall off at least as fast as a
	// normal law of variance j. Both tails have their weight within a few such deviations of the peak.
	peak := 2 * mu * y / (h + math.Sqrt(h*h+4*mu*y))
	reach := 16*math.Sqrt(peak) + 60
	lowerSide := x < df+lambda
	var j, a, w, t, tail float64
	for {
		j = math.Ceil(peak + reach)
		if !lowerSide {
			j = math.Floor(max(0, peak-reach))
		}
		a = h + j
		w, t = poissonTerm(j, mu), poissonTerm(a, y)
		lower, upper := gammaTails(a, y)
		tail = lower
		if !lowerSide {
			tail = upper
		}
		// A factor that starts at 0 stays there, though the terms that matter are not 0: start nearer to the peak. What that
		// leaves out is below 1e-250.
		if min(w, t, tail) > 1e-290 || reach < 1 {
			break
		}
		reach *= 0.9
	}
	var sum float64
	for {
		term := w * tail
		sum += term
		density += w * t * a / x
		if lowerSide {
			if j == 0 || j < peak && term <= 1e-20*sum {
				break
			}
			// P(a-1, y) = P(a, y) + t_(a-1): downwards nothing is subtracted.
			t *= a / y
			tail += t
			w *= j / mu
			j--
			a--
			continue
		}
		if j > peak && term <= 1e-20*sum {
			break
		}
		// Q(a+1, y) = Q(a, y) + t_a with t_a = y^a e^-y / Gamma(a+1): upwards nothing is subtracted.
		tail += t
		j++
		a++
		t *= y / a
		w *= mu / j
	}
	sum = min(sum, 1)
	if lowerSide {
		return sum, 1 - sum, density
	}
	return 1 - sum, sum, density
}
