package stat

import "math"

// State is what a comparison allows one to say.
type State string

// The states.
const (
	Drift      State = "drift"      // the change is larger than the floor
	Equivalent State = "equivalent" // the change is smaller than the floor
	Undecided  State = "undecided"  // too few events to say either
)

// Unreachable is Verdict.Needed when no number of current events would decide: the reference is too small, or the change is
// just about the floor.
const Unreachable = -1

// Verdict is the outcome of Judge with the numbers it rests on. Floats are NaN if the counts can't be compared.
type Verdict struct {
	State        State
	PSI          float64 // on the cells judged
	PSICorrected float64 // PSI - DF/N_eff, N_eff = nm/(n+m): 0 on average without drift
	Threshold    float64 // drift if PSI is above
	X2           float64 // Pearson's statistic on the cells judged, before the design effect
	DF           int     // cells judged minus one
	N, M         int64   // events in the current sample and in the reference
	Effective    float64 // nm/(n+m)/deff
	Needed       int64   // estimated current events for a decision against this reference; 0 if decided, or Unreachable
}

// Judge tests a current sample against a reference with a floor d0^2 on the chi-square divergence (Floor.Phi2 or a squared
// shift), at error probability alpha on either side: a minimum-effect test (Murphy & Myors 1999) and its mirror, an equivalence
// test (Wellek 2010). deff is the design effect (Rao & Scott 1981; see Dispersion); below 1 it counts as 1. With
// N = nm/(n+m)/deff and k+1 cells after MergeNeighbours (categories: call MergeRare before),
//
//	drift       if PSI > ncx2inv(1-alpha; k, N d0^2)/N
//	equivalent  if ncx2cdf(X2/deff; k, N d0^2) < alpha, and N is so large that a sample without any change would
//	            usually pass (its expected statistic k does)
//
// and undecided otherwise. The second condition keeps a lucky draw of ten events from proving anything. A floor of 0 can't be
// shown to hold, so nothing is equivalent to it. Counts that can't be compared, a single cell, a negative floor or an alpha
// outside (0, 1/2] are undecided.
func Judge(cur, ref []int64, floor, deff, alpha float64) Verdict {
	nan := math.NaN()
	v := Verdict{State: Undecided, PSI: nan, PSICorrected: nan, Threshold: nan, X2: nan, Needed: Unreachable}
	if len(cur) == len(ref) {
		v.N, v.M, _ = totals(cur, ref)
	}
	deff = max(1, deff)
	if !(floor >= 0 && alpha > 0 && alpha <= 0.5) || math.IsInf(floor, 1) || math.IsNaN(deff) || math.IsInf(deff, 1) {
		return v
	}
	c, r := MergeNeighbours(cur, ref)
	v.Effective = EffectiveSize(v.N, v.M) / deff
	if len(c) < 2 {
		// Nothing to go by but the reference: how many events would show that nothing changed?
		if k := occupied(ref) - 1; k > 0 && len(cur) == len(ref) {
			v.Needed = needed(v.N, v.M, deff, 0, float64(k), floor, alpha)
		}
		return v
	}
	v.DF = len(c) - 1
	k, lambda := float64(v.DF), v.Effective*floor
	v.PSI, v.PSICorrected = PSI(c, r), PSICorrected(c, r)
	v.X2 = pearson(c, r)
	v.Threshold = NonCentralChiSquareQuantile(1-alpha, k, lambda) / v.Effective
	switch {
	case v.PSI > v.Threshold:
		v.State, v.Needed = Drift, 0
	case floor > 0 && NonCentralChiSquareCDF(max(k, v.X2/deff), k, lambda) < alpha:
		v.State, v.Needed = Equivalent, 0
	default:
		v.Needed = needed(v.N, v.M, deff, max(0, v.PSI-k/v.Effective), k, floor, alpha)
	}
	return v
}

// occupied counts the cells that hold anything.
func occupied(counts []int64) int {
	n := 0
	for _, c := range counts {
		if c > 0 {
			n++
		}
	}
	return n
}

// needed estimates how many current events decide, if the change stays phi2 and the reference m. It looks for the smallest N at
// which the expected statistic k + N phi2 passes one of Judge's tests; both keep passing from there on. The quantiles are
// approximate here: the answer rests on an estimate of phi2 anyway.
func needed(n, m int64, deff, phi2, k, floor, alpha float64) int64 {
	decided := func(size float64) bool {
		x := k + size*phi2
		p, q, _ := sankaran(x, k, size*floor)
		if phi2 > floor {
			return q < alpha
		}
		return p < alpha
	}
	hi := float64(m) / deff // the largest N there is: current events without end
	if m <= 0 || phi2 <= floor && floor == 0 || !decided(hi) {
		return Unreachable
	}
	lo := 0.
	for range 100 {
		mid := lo + (hi-lo)/2
		if decided(mid) {
			hi = mid
		} else {
			lo = mid
		}
	}
	// N = nm/(n+m)/deff, solved for n.
	size := hi * deff
	count := size / (1 - size/float64(m))
	if !(count < 1e15) {
		return Unreachable
	}
	return max(int64(math.Ceil(count)), n+1)
}
