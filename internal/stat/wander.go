package stat

import "math"

// Wander is how a quantity moves by itself from pane to pane: a first-order autoregression of variance Tau2 and correlation Rho
// (Yule 1927), under sampling noise whose known variance is inflated by Sigma2 >= 1 (overdispersion, duplicates).
type Wander struct{ Rho, Tau2, Sigma2 float64 }

// The grid the maximum of the likelihood is looked for on: correlations, and Tau2 as a multiple of the variance in excess of
// sampling noise.
var (
	wanderRho = [8]float64{0, 0.25, 0.45, 0.62, 0.75, 0.85, 0.92, 0.97}
	wanderTau = [7]float64{0, 0.25, 0.5, 0.75, 1, 1.3, 2}
)

// CautiousRange is how many log-likelihood units below the most likely wander one may lie that is taken for the true one: about a 95 % region of its two numbers.
const CautiousRange = 3

// LongRun is the variance that a mean over many panes has, times their number: what makes a slow change hard to see.
func (w Wander) LongRun(noise float64) float64 {
	return w.Sigma2 * (w.Tau2*(1+w.Rho)/(1-w.Rho) + noise)
}

// FitWander learns from residuals r with sampling variances v, of a regression with p parameters. It doesn't take the most
// likely grid point but, within so many log-likelihood units of it, the one with the largest long-run variance: so a short history
// makes a cautious null by itself. gain is how much more likely, in logarithms, the most likely point is than no wander at all. Empty
// or unequal slices give no wander.
func FitWander(r, v []float64, p int, within float64) (w Wander, gain float64) {
	n := float64(len(r))
	none := Wander{Sigma2: 1}
	if len(r) == 0 || len(r) != len(v) {
		return none, 0
	}
	noise, spread := mean(v), variance(r)*n/max(n-float64(p), n/3)
	excess := max(spread-noise, 0)
	best, most := none, math.Inf(-1)
	type point struct {
		w  Wander
		ll float64
	}
	var grid [len(wanderTau) * len(wanderRho)]point
	k := 0
	for _, m := range wanderTau {
		for _, rho := range wanderRho {
			tau2 := excess * m
			ll, sigma2 := wanderLikelihood(r, v, rho, tau2)
			grid[k] = point{Wander{rho, tau2, sigma2}, ll}
			most = max(most, ll)
			k++
			if tau2 == 0 { // the correlation of nothing
				break
			}
		}
		if excess == 0 {
			break
		}
	}
	longest := math.Inf(-1)
	for _, g := range grid[:k] {
		if l := g.w.LongRun(noise); g.ll >= most-within && l > longest {
			best, longest = g.w, l
		}
	}
	return best, most - grid[0].ll
}

// wanderLikelihood is the log-likelihood by the Kalman filter (Schweppe 1965), with Sigma2 at its maximum but never below 1.
func wanderLikelihood(r, v []float64, rho, tau2 float64) (ll, sigma2 float64) {
	var m, q, logs float64
	p, step := tau2, tau2*(1-rho*rho)
	product, first := 1., 1/v[0] // of variances relative to the first; logarithms are dear, and so are divisions
	for t, x := range r {
		m *= rho
		if t > 0 {
			p = rho*rho*p + step
		}
		s := p + v[t]
		inverse := 1 / s
		d := x - m
		q += d * d * inverse
		product *= s * first
		if product > 1e200 || product < 1e-200 {
			logs += math.Log(product)
			product = 1
		}
		g := p * inverse
		m += g * d
		p *= 1 - g
	}
	n := float64(len(r))
	logs += math.Log(product) + n*math.Log(v[0])
	sigma2 = max(q/n, 1)
	return -n/2*math.Log(sigma2) - q/2/sigma2 - logs/2, sigma2
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v
	}
	return m / float64(len(x))
}

// variance has the divisor len(x).
func variance(x []float64) (ss float64) {
	m := mean(x)
	for _, v := range x {
		ss += (v - m) * (v - m)
	}
	return ss / float64(len(x))
}

// blocks are the lengths at which Persistence looks.
var blocks = [5]int{6, 12, 24, 48, 96}

// Persistence returns how much more the means of neighbours in z scatter than those of independent values would: the variance of
// means over blocks, times their length, relative to that of z itself, of overlapping blocks of 6 to 96 (the estimate of Bartlett 1946 of
// a spectrum at 0). Each is lowered by half its standard error; never below 1, and 1.1 on average for 640 independent values. A
// wander of two speeds leaves it in the residuals of a wander of one.
func Persistence(z []float64) float64 {
	n := float64(len(z))
	most := 1.
	var all float64
	for _, v := range z {
		all += v * v / n
	}
	for _, b := range blocks {
		if len(z) < 4*b || all == 0 {
			break
		}
		var sum, squares float64
		for t, v := range z {
			sum += v
			if t >= b {
				sum -= z[t-b]
			}
			if t >= b-1 {
				squares += sum * sum
			}
		}
		ratio := squares / float64(len(z)-b+1) / float64(b) / all
		most = max(most, ratio/(1+math.Sqrt(float64(b)/(3*n))))
	}
	return most
}
