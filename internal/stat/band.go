package stat

import "math"

// Band is an estimate with a two-sided interval for the true value, which is the value that unlimited events of the same kind
// would give. Low <= High; the interval of a share stays within 0..1, that of a correlation within -1..1.
type Band struct {
	Estimate
	Low, High float64
	// Few says that there are too few events for the interval to hold the truth as often as it says: show the value, but let
	// nothing follow from it. The rules were set by simulation, see docs/statistics.md.
	Few bool
}

// fewEvents is the number of events below which nothing is said of any metric: from there on the intervals were found to hold.
const fewEvents = 30

// fewOfAKind is how many of the rarer kind of event (positives, right decisions, errors) an interval takes that rests on a
// normal law on a transformed scale.
const fewOfAKind = 20

// lowerShare is the part of alpha by which the lower end of an interval may err that cannot go below 0, such as that of a distance: where the truth
// is 0 only the lower end can err, and with half of alpha the interval would hold too often there.
const lowerShare = 0.65

// usable reports whether alpha can be the error of an interval.
func usable(alpha float64) bool { return alpha > 0 && alpha < 1 }

// newBand puts an interval around an estimate. A bound that has no value makes it Few and as wide as lo..hi.
func newBand(e Estimate, low, high, lo, hi float64, few bool) Band {
	if math.IsNaN(low) || math.IsNaN(high) {
		return Band{Estimate: e, Low: lo, High: hi, Few: true}
	}
	return Band{Estimate: e, Low: min(max(low, lo), hi), High: max(min(high, hi), lo), Few: few}
}

// shareBand is the Wilson interval of k of n.
func shareBand(k, n int64, alpha float64) (Band, bool) {
	e, ok := proportion(k, n)
	if !ok || k < 0 || k > n || !usable(alpha) {
		return Band{}, false
	}
	lo, hi := Wilson(k, n, alpha)
	return newBand(e, lo, hi, 0, 1, n < fewEvents), true
}

// wilsonOf is Wilson's interval where k and n need not be whole, as of weighted counts that scatter like so many events.
func wilsonOf(k, n, alpha float64) (lo, hi float64) {
	if !(n > 0) || !(k >= 0 && k <= n) || !usable(alpha) {
		return math.NaN(), math.NaN()
	}
	z := -NormalQuantile(alpha / 2)
	p, w := k/n, z*z/n
	mid, half := (p+w/2)/(1+w), z/(1+w)*math.Sqrt(p*(1-p)/n+w/(4*n))
	return max(0, mid-half), min(1, mid+half)
}

// meanBand is the interval of a mean by Hall's (1992, eq. 5) cubic transformation, which takes out the skewness of what is
// averaged, with Student's quantiles. variance and third are the central moments of one event (divisor n).
func meanBand(e Estimate, variance, third, alpha, lo, hi float64) Band {
	n := float64(e.N)
	if n < 3 || !(variance > 0) {
		return Band{Estimate: e, Low: max(lo, e.Value), High: min(hi, e.Value), Few: true}
	}
	a := third / math.Pow(variance, 1.5) / math.Sqrt(n)
	se := math.Sqrt(variance / (n - 1))
	t := StudentQuantile(1-alpha/2, n-1)
	back := func(x float64) float64 {
		if math.Abs(a) < 1e-9 {
			return x
		}
		return 3 / a * (math.Cbrt(1+a*(x-a/6)) - 1)
	}
	return newBand(e, e.Value-se*back(t), e.Value-se*back(-t), lo, hi, n < fewEvents || math.Abs(a) > mostSkew)
}

// mostSkew is the skewness of a mean above which its interval says nothing: its largest events decide, and there are few of them.
const mostSkew = 1

// logitBand is the interval of a number within 0..1 that is normal on the logit scale.
func logitBand(e Estimate, alpha float64, few bool) Band {
	v := e.Value * (1 - e.Value)
	if !(v > 0) || math.IsNaN(e.SE) {
		return Band{Estimate: e, Low: 0, High: 1, Few: true}
	}
	half := -NormalQuantile(alpha/2) * e.SE / v
	return newBand(e, Expit(Logit(e.Value)-half), Expit(Logit(e.Value)+half), 0, 1, few)
}

// logBand is the interval of a positive number that is normal on the log scale.
func logBand(e Estimate, alpha float64, few bool) Band {
	if !(e.Value > 0) || math.IsNaN(e.SE) {
		return Band{Estimate: e, Low: 0, High: math.Inf(1), Few: true}
	}
	half := -NormalQuantile(alpha/2) * e.SE / e.Value
	return newBand(e, e.Value*math.Exp(-half), e.Value*math.Exp(half), 0, math.Inf(1), few)
}

// fisherBand is the interval of a correlation by Fisher's (1921) transformation.
func fisherBand(e Estimate, alpha float64, few bool) Band {
	v := 1 - e.Value*e.Value
	if !(v > 0) || math.IsNaN(e.SE) {
		return Band{Estimate: e, Low: -1, High: 1, Few: true}
	}
	half := -NormalQuantile(alpha/2) * e.SE / v
	z := math.Atanh(e.Value)
	return newBand(e, math.Tanh(z-half), math.Tanh(z+half), -1, 1, few)
}

// plainBand is the estimate plus and minus so many standard errors.
func plainBand(e Estimate, alpha, lo, hi float64, few bool) Band {
	half := -NormalQuantile(alpha/2) * e.SE
	return newBand(e, e.Value-half, e.Value+half, lo, hi, few)
}

// weighted is a value that so many events have.
type weighted struct{ x, w float64 }

// centralMoments returns the mean and the second and third central moments of the values, divisor n.
func centralMoments(xs []weighted) (mean, second, third float64) {
	var n float64
	for _, v := range xs {
		n += v.w
		mean += v.w * v.x
	}
	if n <= 0 {
		return math.NaN(), math.NaN(), math.NaN()
	}
	mean /= n
	for _, v := range xs {
		d := v.x - mean
		second += v.w * d * d / n
		third += v.w * d * d * d / n
	}
	return mean, second, third
}

// Jackknife is the band of any metric of a sum of parts (cohorts, panes) from its values with one part left out at a time (Quenouille
// 1956; Tukey 1958), with Student's quantile on one degree of freedom fewer than parts. What outcomes of one part share is in it,
// and no law of the events is assumed. lo and hi are the smallest and largest possible values, infinite where there is none; they decide
// the scale that the interval is symmetric on: logit, log of the distance to the one end, or the value itself. Not ok with fewer than 3 parts
// or a value that isn't finite; Few below 10 parts or 25 events in each.
func Jackknife(value float64, n int64, without []float64, alpha, lo, hi float64) (Band, bool) {
	k := float64(len(without))
	if k < 3 || !usable(alpha) || math.IsNaN(value) || math.IsInf(value, 0) {
		return Band{}, false
	}
	for _, v := range without {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return Band{}, false
		}
	}
	e := Estimate{Value: value, SE: leaveOut(without, func(x float64) float64 { return x }), N: n}
	to, back := scaleOf(value, without, lo, hi)
	half := StudentQuantile(1-alpha/2, k-1) * leaveOut(without, to)
	a, b := back(to(value)-half), back(to(value)+half)
	return newBand(e, min(a, b), max(a, b), lo, hi, k < 10 || n < int64(fewInAPart*k)), true
}

// fewInAPart is how many events a part holds, on average, before its values are about normal.
const fewInAPart = 25

// leaveOut is the standard error on a scale.
func leaveOut(without []float64, to func(float64) float64) float64 {
	k := float64(len(without))
	var mu, ss float64
	for _, v := range without {
		mu += to(v) / k
	}
	for _, v := range without {
		ss += sq(to(v) - mu)
	}
	return math.Sqrt((k - 1) / k * ss)
}

// scaleOf picks the scale by the ends that a metric has; a value at an end leaves it as it is.
func scaleOf(value float64, without []float64, lo, hi float64) (to, back func(float64) float64) {
	same := func(x float64) float64 { return x }
	for _, v := range append([]float64{value}, without...) {
		if !(v > lo && v < hi) {
			return same, same
		}
	}
	below, above := !math.IsInf(lo, 0), !math.IsInf(hi, 0)
	switch {
	case below && above:
		return func(x float64) float64 { return Logit((x - lo) / (hi - lo)) }, func(u float64) float64 { return lo + (hi-lo)*Expit(u) }
	case below:
		return func(x float64) float64 { return math.Log(x - lo) }, func(u float64) float64 { return lo + math.Exp(u) }
	case above:
		return func(x float64) float64 { return math.Log(hi - x) }, func(u float64) float64 { return hi - math.Exp(u) }
	}
	return same, same
}
