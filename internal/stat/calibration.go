package stat

import "math"

// group is a set of neighbouring bins: events, positives, sum of scores.
type group struct{ n, pos, score float64 }

func (g *group) add(l labelled) {
	g.n += l.n
	g.pos += l.pos
	g.score += l.n * l.mean
}

// equalWidth groups bins by their mean score into k intervals of one width over 0..1, closed on the right; empty
// ones are left out.
func equalWidth(bins []labelled, k int) []group {
	all := make([]group, k)
	for _, l := range bins {
		all[min(max(int(math.Ceil(l.mean*float64(k)))-1, 0), k-1)].add(l)
	}
	out := all[:0]
	for _, g := range all {
		if g.n > 0 {
			out = append(out, g)
		}
	}
	return out
}

// equalMass groups neighbouring bins: a group closes with the bin that takes the running count to its share of all events, so
// there are at most k groups, as equal as whole bins allow.
func equalMass(bins []labelled, k int) []group {
	var total float64
	for _, l := range bins {
		total += l.n
	}
	var out []group
	var open group
	var done float64
	for _, l := range bins {
		open.add(l)
		done += l.n
		if done*float64(k) >= total*float64(len(out)+1) {
			out = append(out, open)
			open = group{}
		}
	}
	return out
}

// ece returns the weighted mean gap between mean outcome and mean score.
func ece(groups []group, n int64) float64 {
	var sum float64
	for _, g := range groups {
		sum += math.Abs(g.pos - g.score)
	}
	return sum / float64(n)
}

// ECEWidth returns the expected calibration error on k groups of equal width (Naeini, Cooper & Hauskrecht 2015). It groups whole
// bins by their mean score. Biased upwards in small samples: a perfectly calibrated model shows about sqrt(k/n)/2 or more. SE is
// NaN. Not ok without outcomes or for k outside 1..65536.
func (r Reliability) ECEWidth(k int) (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok || k < 1 || k > maxGroups {
		return Estimate{}, false
	}
	return Estimate{Value: ece(equalWidth(bins, k), n), SE: math.NaN(), N: n}, true
}

// maxGroups bounds what a caller may ask to allocate.
const maxGroups = 1 << 16

// ECEMass is ECEWidth on at most k groups of nearly equal counts (Nguyen & O'Connor 2015), made of whole bins.
func (r Reliability) ECEMass(k int) (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok || k < 1 || k > maxGroups {
		return Estimate{}, false
	}
	return Estimate{Value: ece(equalMass(bins, k), n), SE: math.NaN(), N: n}, true
}

// ECEDebiased returns the root of the weighted mean squared gap on at most k groups of nearly equal counts, less the part that
// chance alone explains: sum of w [(y-s)^2 - y(1-y)/(n-1)], 0 if that is negative (Kumar, Liang & Ma 2019, sec. 5; Roelofs et al.
// 2022). This is the one to put a limit on. Groups of one event have no such estimate and are left out, their weight with
// them; not ok if no other is left. The standard error takes the groups' means as normal and is NaN at 0.
func (r Reliability) ECEDebiased(k int) (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok || k < 1 || k > maxGroups {
		return Estimate{}, false
	}
	var sum, weight, v float64
	for _, g := range equalMass(bins, k) {
		if g.n < 2 {
			continue
		}
		y := g.pos / g.n
		gap := y - g.score/g.n
		noise := y * (1 - y) / (g.n - 1)
		sum += g.n * (gap*gap - noise)
		weight += g.n
		// Var of (gap + e)^2 with e ~ N(0, noise).
		v += g.n * g.n * noise * (4*gap*gap + 2*noise)
	}
	if weight == 0 {
		return Estimate{}, false
	}
	out := Estimate{Value: math.Sqrt(max(0, sum/weight)), SE: math.NaN(), N: n}
	if out.Value > 0 {
		out.SE = math.Sqrt(v) / weight / (2 * out.Value)
	}
	return out, true
}

// SpiegelhalterZ returns the calibration test of Spiegelhalter (1986): sum of (y-s)(1-2s) over the root of sum of
// (1-2s)^2 s(1-s), standard normal if the scores are calibrated and outcomes independent (SE is 1). The numerator is exact;
// the denominator, which needs third and fourth powers, is taken to second order within bins. Not ok if it is 0.
func (r Reliability) SpiegelhalterZ() (Estimate, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok {
		return Estimate{}, false
	}
	var num, den float64
	for _, l := range bins {
		// (y-s)(1-2s) = y - s - 2sy + 2s^2 = (s-y)^2 + s^2 - s, for y is 0 or 1.
		num += l.brier + l.n*(l.variance+l.mean*l.mean-l.mean)
		f := sq(1-2*l.mean) * l.mean * (1 - l.mean)
		curvature := -10 + 48*l.mean - 48*l.mean*l.mean
		den += l.n * max(0, f+curvature/2*l.variance)
	}
	if !(den > 1e-12) {
		return Estimate{}, false
	}
	return Estimate{Value: num / math.Sqrt(den), SE: 1, N: n}, true
}

// LogitClip is where CalibrationMap cuts scores before taking logits: a handful of scores at 0 or 1 would otherwise fix the
// slope. Code that tests against the map has to cut at the same place.
const LogitClip = 1e-6

// Map is the logistic calibration map logit P(y=1) = A + B logit(score): A = 0, B = 1 is perfect, A > 0 scores too low, B < 1
// scores too extreme.
type Map struct {
	A, B     float64
	SEA, SEB float64 // standard errors, from the information matrix
	Cov      float64 // covariance of A and B
	N        int64
}

// At returns the calibrated probability of a score.
func (m Map) At(score float64) float64 { return Expit(m.A + m.B*Logit(clip(score, LogitClip))) }

// CalibrationMap fits Cox's (1958) recalibration by maximum likelihood, every score taken as its bin's mean, by Newton's method
// with halved steps and a ridge of 1e-9 on the information matrix. Not ok without both classes, with fewer than two distinct bin
// means, or if the classes can be separated, so that no finite map exists.
func (r Reliability) CalibrationMap() (Map, bool) {
	bins, n, pos, ok := r.outcomes()
	if !ok || pos == 0 || pos == n {
		return Map{}, false
	}
	x := make([]float64, len(bins))
	distinct := false
	for i, l := range bins {
		x[i] = Logit(clip(l.mean, LogitClip))
		distinct = distinct || x[i] != x[0]
	}
	if !distinct {
		return Map{}, false
	}
	loss := func(a, b float64) float64 {
		var sum float64
		for i, l := range bins {
			u := a + b*x[i]
			sum += l.pos*softplus(-u) + (l.n-l.pos)*softplus(u)
		}
		return sum
	}
	const ridge = 1e-9
	out := Map{B: 1, N: n}
	best := loss(out.A, out.B)
	for range 100 {
		var ga, gb, iaa, iab, ibb float64
		for i, l := range bins {
			p := Expit(out.A + out.B*x[i])
			w := l.n * p * Expit(-out.A-out.B*x[i])
			d := l.pos - l.n*p
			ga += d
			gb += d * x[i]
			iaa += w
			iab += w * x[i]
			ibb += w * x[i] * x[i]
		}
		iaa += ridge
		ibb += ridge
		det := iaa*ibb - iab*iab
		if !(det > 0) {
			return Map{}, false
		}
		out.SEA, out.SEB, out.Cov = math.Sqrt(ibb/det), math.Sqrt(iaa/det), -iab/det
		da, db := (ibb*ga-iab*gb)/det, (iaa*gb-iab*ga)/det
		// The Newton decrement is twice the likelihood still to gain, in nats: 1e-14 is far below one standard error.
		if !(da*ga+db*gb > 1e-14) {
			finite := math.Abs(out.A)+math.Abs(out.B) < 1e3 && out.SEB < 1e3
			return out, finite
		}
		moved := false
		for step := 1.; step > 1e-6; step /= 2 {
			if next := loss(out.A+step*da, out.B+step*db); next <= best {
				out.A, out.B, best, moved = out.A+step*da, out.B+step*db, next, true
				break
			}
		}
		if !moved { // rounding hides any further gain
			return out, math.Abs(out.A)+math.Abs(out.B) < 1e3 && out.SEB < 1e3
		}
	}
	return Map{}, false
}

// softplus returns ln(1+e^u).
func softplus(u float64) float64 { return max(u, 0) + math.Log1p(math.Exp(-math.Abs(u))) }

// OutcomeDispersion returns by how much outcomes scatter more than independent ones would, at least 1: over the reference's
// cohorts (equal, consecutive spans of event time, such as days) with sums y of outcomes, p of probabilities and v of p(1-p),
// and r = (y-p)/sqrt(v), it is max(1, mean r^2) times max(1, 1 + 2 * sum of the significant autocorrelations of r up to lag 7).
// An autocorrelation over k cohorts counts as significant above 2/sqrt(k) (Bartlett 1946); lags go no further than k/4. Cohorts
// without variance don't count. Evidence on the log scale is to be divided by it.
func OutcomeDispersion(y, p, v []float64) float64 {
	var r []float64
	for i := range min(len(y), len(p), len(v)) {
		if z := (y[i] - p[i]) / math.Sqrt(v[i]); v[i] > 0 && !math.IsNaN(z) && !math.IsInf(z, 0) {
			r = append(r, z)
		}
	}
	if len(r) == 0 {
		return 1
	}
	k := float64(len(r))
	mean, _ := moments(r)
	var ms, variance float64
	for _, z := range r {
		ms += z * z / k
		variance += (z - mean) * (z - mean) / k
	}
	inflation := 1.
	for lag := 1; lag <= 7 && lag < len(r)/4; lag++ {
		var c float64
		for i := lag; i < len(r); i++ {
			c += (r[i] - mean) * (r[i-lag] - mean)
		}
		// Per pair, not per cohort: short references would otherwise look independent.
		c /= float64(len(r)-lag) * max(variance, 1e-9)
		if c > 2/math.Sqrt(k) {
			inflation += 2 * c
		}
	}
	return max(1, ms) * max(1, inflation)
}
