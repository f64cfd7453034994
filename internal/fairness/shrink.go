package fairness

import "math"

// crossed is a rate of a cross of attributes, between what it was counted as and what the cross would have without its own.
type crossed struct {
	k, n  float64
	prior float64 // what its attributes' groups say
}

// shrink is what is shown of the rates of small crosses: the mean of the beta-binomial posterior, (k + s prior)/(n + s). A cross's prior is its parents' rate. s,
// how much the prior weighs in events, is that of the moments of all crosses (as Kleinman 1973): what their rates scatter around their priors beyond what sampling explains.
// Crosses that scatter no more than that get their priors' rates; fewer than three crosses are left as they are.
func shrink(all []crossed) []float64 {
	out := make([]float64, len(all))
	var n, squares, within, weight float64
	counted := 0
	for _, c := range all {
		if c.n <= 0 {
			continue
		}
		counted++
		v := c.prior * (1 - c.prior)
		d := c.k/c.n - c.prior
		n += c.n
		squares += c.n * d * d
		within += v
		weight += c.n * v
	}
	for i, c := range all {
		if out[i] = math.NaN(); c.n > 0 {
			out[i] = c.k / c.n
		}
	}
	if counted < 3 || weight <= 0 {
		return out
	}
	// With E[n d^2] = v (1 + (n-1) r), where r = 1/(s+1) is the correlation within a cross.
	r := (squares - within) / max(weight-within, 1e-9)
	strength := math.Inf(1)
	if r > 0 {
		strength = max(1/r-1, 0)
	}
	for i, c := range all {
		switch {
		case c.n <= 0 || math.IsInf(strength, 1):
			out[i] = c.prior
		default:
			out[i] = (c.k + strength*c.prior) / (c.n + strength)
		}
	}
	return out
}
