package stat

import "math"

// solve finds the root of a function that never falls: eval returns the value and the derivative at u. It takes Newton steps
// inside a shrinking bracket and bisects where a step would leave it, so an infinite or flat stretch costs time, not the
// answer. It stops at a step of 1e-13, relative to u above 1: a Newton step that small has reached the function's own rounding. lo and hi must enclose the root; if they don't, the nearer end comes back.
func solve(eval func(u float64) (g, dg float64), start, lo, hi float64) float64 {
	u := start
	if !(u > lo && u < hi) {
		u = lo + (hi-lo)/2
	}
	for range 200 {
		g, dg := eval(u)
		switch {
		case g == 0:
			return u
		case g < 0:
			lo = u
		default:
			hi = u
		}
		next := u - g/dg
		if !(next > lo && next < hi) { // also catches NaN
			next = lo + (hi-lo)/2
		}
		step := math.Abs(next - u)
		u = next
		if step <= 1e-13*max(1, math.Abs(u)) {
			return u
		}
	}
	return u
}

// logTail returns how far a distribution function is from its target p, and the slope, on the logarithm of the smaller tail:
// there a Newton step is good far out too, where the function itself is flat. lower, upper and density are values at the
// point u; density is with respect to u.
func logTail(p, lower, upper, density float64) (g, dg float64) {
	if p <= 0.5 {
		return math.Log(lower) - math.Log(p), density / lower
	}
	return math.Log1p(-p) - math.Log(upper), density / upper
}

// fallsBelow finds where a function of k >= 0 falls to 0, by so many halvings of a bracket that doubles from 2 up to 1e6: 0 if it isn't above 0
// there to begin with. The function need not have a derivative.
func fallsBelow(f func(k float64) float64, halvings int) float64 {
	if f(0) <= 0 {
		return 0
	}
	lo, hi := 0., 2.
	for f(hi) > 0 && hi < 1e6 {
		lo, hi = hi, 2*hi
	}
	for range halvings {
		if mid := (lo + hi) / 2; f(mid) > 0 {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}
