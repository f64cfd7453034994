package simulation

import (
	"math"
	"math/rand/v2"
)

// binomial draws the number of successes of n trials.
func binomial(rng *rand.Rand, n int64, p float64) int64 {
	switch {
	case n <= 0 || p <= 0:
		return 0
	case p >= 1:
		return n
	case p > 0.5:
		return n - binomial(rng, n, 1-p)
	case float64(n)*p < 10:
		return few(rng, n, p)
	}
	return many(rng, n, p)
}

// few walks up the distribution function.
func few(rng *rand.Rand, n int64, p float64) int64 {
	odds := p / (1 - p)
	mass := math.Exp(float64(n) * math.Log1p(-p))
	u := rng.Float64()
	for k := range n {
		if u < mass {
			return k
		}
		u -= mass
		mass *= odds * float64(n-k) / float64(k+1)
		if mass < 1e-300 && u > 0.5 { // rounding left nothing to walk up to
			return k
		}
	}
	return n
}

// many is transformed rejection with a squeeze (Hoermann 1993, algorithm BTRS), for np >= 10 and p <= 1/2.
func many(rng *rand.Rand, n int64, p float64) int64 {
	nf := float64(n)
	sd := math.Sqrt(nf * p * (1 - p))
	b := 1.15 + 2.53*sd
	a := -0.0873 + 0.0248*b + 0.01*p
	c := nf*p + 0.5
	squeeze := 0.92 - 4.2/b
	alpha := (2.83 + 5.1/b) * sd
	r := p / (1 - p)
	m := math.Floor((nf + 1) * p)
	for {
		u := rng.Float64() - 0.5
		v := rng.Float64()
		s := 0.5 - math.Abs(u)
		k := math.Floor((2*a/s+b)*u + c)
		if s >= 0.07 && v <= squeeze {
			return int64(k)
		}
		if k < 0 || k > nf {
			continue
		}
		v = math.Log(v * alpha / (a/(s*s) + b))
		bound := (m+0.5)*math.Log((m+1)/(r*(nf-m+1))) + (nf+1)*math.Log((nf-m+1)/(nf-k+1)) +
			(k+0.5)*math.Log(r*(nf-k+1)/(k+1)) + tail(m) + tail(nf-m) - tail(k) - tail(nf-k)
		if v <= bound {
			return int64(k)
		}
	}
}

var smallTails = func() (t [10]float64) {
	for k := range t {
		lg, _ := math.Lgamma(float64(k) + 1)
		x := float64(k + 1)
		t[k] = lg - (0.5*math.Log(2*math.Pi) + (x-0.5)*math.Log(x) - x)
	}
	return t
}()

// tail is what Stirling's formula leaves out of ln k!.
func tail(k float64) float64 {
	if k < 10 {
		return smallTails[int(k)]
	}
	x := (k + 1) * (k + 1)
	return (1./12 - (1./360-1./1260/x)/x) / (k + 1)
}

// multinomial spreads n events over cells of the given cumulated probabilities (the last is 1).
func multinomial(rng *rand.Rand, n int64, cumulated []float64, out []int32) {
	below := 0.
	for b, c := range cumulated {
		left := 1 - below
		if n == 0 || left <= 0 {
			out[b] = 0
			continue
		}
		k := n
		if b < len(cumulated)-1 {
			k = binomial(rng, n, (c-below)/left)
		}
		out[b] = int32(k)
		n -= k
		below = c
	}
}

// student draws Student's t with three degrees of freedom, scaled to variance 1.
func student(rng *rand.Rand) float64 {
	var chi float64
	for range 3 {
		x := rng.NormFloat64()
		chi += x * x
	}
	return rng.NormFloat64() / math.Sqrt(chi)
}

// poissonMany draws by the binomial law of very many trials, which is off by less than the chance of one: fit for rates up to a million.
func poissonMany(rng *rand.Rand, rate float64) int64 {
	const trials = 1 << 36
	return binomial(rng, trials, rate/trials)
}
