package stat

import "math"

// gaps are the differences of mean outcome and mean score of groups of bins, with the weight of each and the variance of its gap.
type gaps struct {
	weight, gap, noise []float64
	n                  int64
}

// gapsOf takes the groups of two events and more; the variance of a gap is that of outcome minus score among the group's events, with
// half an event more on either side so that a group of one outcome only doesn't count as certain.
func gapsOf(groups []group, n int64) gaps {
	var total float64
	for _, g := range groups {
		if g.n >= 2 {
			total += g.n
		}
	}
	out := gaps{n: n}
	for _, g := range groups {
		if g.n < 2 {
			continue
		}
		y := (g.pos + g.score/g.n) / (g.n + 1)
		out.weight = append(out.weight, g.n/total)
		out.gap = append(out.gap, (g.pos-g.score)/g.n)
		out.noise = append(out.noise, y*(1-y)/g.n)
	}
	return out
}

// squares is the interval of sum w gap^2 of the true gaps: the statistic follows nearly a multiple of a non-central chi-square law
// (Satterthwaite 1946), whose non-centrality is inverted. sum is the statistic with the true gaps plus chance.
func (g gaps) squares(alpha float64) (sum, lo, hi float64) {
	var mean, square float64
	for i, w := range g.weight {
		sum += w * g.gap[i] * g.gap[i]
		mean += w * g.noise[i]
		square += w * w * g.noise[i] * g.noise[i]
	}
	if !(mean > 0) {
		return sum, math.NaN(), math.NaN()
	}
	scale, df := square/mean, mean*mean/square
	x := sum / scale
	lo, hi = nonCentrality(x, df, 1-lowerShare*alpha), nonCentrality(x, df, (1-lowerShare)*alpha)
	// True gaps add 4 w^2 noise gap^2 to the variance. The law has them all scatter alike; where the large ones don't, what lies between its
	// middle and its ends is stretched to what they do.
	var own, alike float64
	for i, w := range g.weight {
		d := max(0, g.gap[i]*g.gap[i]-g.noise[i])
		own += 4 * w * w * g.noise[i] * d
		alike += 4 * scale * w * d
	}
	stretch := math.Sqrt((2*square + own) / (2*square + alike))
	middle := max(0, x-df)
	if lo > 0 { // a lower end at 0 is one that the law has no place for: it stays
		lo = max(0, middle-(middle-lo)*stretch)
	}
	hi = middle + (hi-middle)*max(stretch, 1)
	return sum, lo * scale, hi * scale
}

// nonCentrality is the lambda at which the law's value at x is p; 0 if it is below p already without any.
func nonCentrality(x, df, p float64) float64 {
	if NonCentralChiSquareCDF(x, df, 0) <= p {
		return 0
	}
	lo, hi := 0., x+10
	for NonCentralChiSquareCDF(x, df, hi) > p {
		lo, hi = hi, 2*hi
	}
	for range 60 {
		mid := (lo + hi) / 2
		if NonCentralChiSquareCDF(x, df, mid) > p {
			lo = mid
		} else {
			hi = mid
		}
	}
	return (lo + hi) / 2
}

// binsFew says that the bins hold fewer than ten events or two of the rarer kind each, so that their own rates are no base for an interval.
func (r Reliability) binsFew() bool {
	bins, n, pos, _ := r.outcomes()
	return r.calibrationFew() || n < int64(10*len(bins)) || min(pos, n-pos) < int64(2*len(bins))
}

// calibrationFew says that there are too few events of either class in the groups.
func (r Reliability) calibrationFew() bool {
	_, n, pos, _ := r.outcomes()
	return n < fewEvents || min(pos, n-pos) < fewOfAKind
}

func (r Reliability) debiasedBand(alpha float64) (Band, bool) {
	e, ok := r.ECEDebiased(ECEGroups)
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, n, _, _ := r.outcomes()
	_, lo, hi := gapsOf(equalMass(bins, ECEGroups), n).squares(alpha)
	return newBand(e, math.Sqrt(lo), math.Sqrt(hi), 0, 1, r.calibrationFew()), true
}

// reliabilityBand is that of the reliability term without its bias (Ferro & Fricker 2012, eq. 5).
func (r Reliability) reliabilityBand(alpha float64) (Band, bool) {
	bins, n, _, ok := r.outcomes()
	parts, _ := r.BrierParts()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	groups := make([]group, len(bins))
	for i, l := range bins {
		groups[i].add(l)
	}
	g := gapsOf(groups, n)
	_, lo, hi := g.squares(alpha)
	e := Estimate{Value: parts.Reliability, SE: math.NaN(), N: n}
	return newBand(e, lo, hi, 0, 1, r.binsFew()), true
}

// resolutionBand is that of the resolution term without its bias (Ferro & Fricker 2012, eq. 6). An event of bin b moves the term by
// (y_b - base)^2 + 2 (y_b - base)(y - y_b); chance in the bins' own rates adds its square.
func (r Reliability) resolutionBand(alpha float64) (Band, bool) {
	bins, n, pos, ok := r.outcomes()
	parts, _ := r.BrierParts()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	nf := float64(n)
	base := float64(pos) / nf
	var bias, v float64
	for _, l := range bins {
		y, w := l.pos/l.n, l.n/nf
		d := y - base
		noise := 0.
		if l.n > 1 {
			noise = y * (1 - y) / (l.n - 1)
		}
		bias += w * noise
		v += w*(sq(d*d-parts.Resolution)+4*d*d*y*(1-y))/nf + 2*w*w*noise*noise
	}
	bias -= base * (1 - base) / max(1, nf-1)
	e := Estimate{Value: parts.Resolution, SE: math.Sqrt(v), N: n}
	mid := Estimate{Value: parts.Resolution - bias, SE: e.SE, N: n}
	few := r.binsFew()
	b := plainBand(mid, alpha, 0, 0.25, few)
	if mid.Value > 0 {
		b = logBand(mid, alpha, few)
	}
	b.Estimate = e
	b.Low, b.High = min(b.Low, 0.25), min(b.High, 0.25)
	return b, true
}

// uncertaintyBand follows from the base rate's.
func (r Reliability) uncertaintyBand(alpha float64) (Band, bool) {
	_, n, pos, ok := r.outcomes()
	if !ok {
		return Band{}, false
	}
	b, ok := shareBand(pos, n, alpha)
	if !ok {
		return Band{}, false
	}
	at := func(p float64) float64 { return p * (1 - p) }
	lo, hi := min(at(b.Low), at(b.High)), max(at(b.Low), at(b.High))
	if b.Low < 0.5 && b.High > 0.5 {
		hi = 0.25
	}
	e := Estimate{Value: at(b.Value), SE: b.SE * math.Abs(1-2*b.Value), N: n}
	return newBand(e, lo, hi, 0, 0.25, b.Few), true
}

// eceBand inverts the law of the plain calibration error T = sum w |gap|, whose mean and variance are those of folded normals (Leone,
// Nelson & Nottingham 1961), within the family of gaps k times the observed: the interval is that of k T.
func (r Reliability) eceBand(grouped func([]labelled) []group, alpha float64) (Band, bool) {
	bins, n, _, ok := r.outcomes()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	groups := grouped(bins)
	e := Estimate{Value: ece(groups, n), SE: math.NaN(), N: n}
	lo, hi := gapsOf(groups, n).sizes(alpha)
	return newBand(e, lo, hi, 0, 1, r.calibrationFew()), true
}

// sizes is the interval of sum w |gap| of the true gaps, NaN without any.
func (g gaps) sizes(alpha float64) (low, high float64) {
	if len(g.gap) == 0 {
		return math.NaN(), math.NaN()
	}
	var t float64
	for i, w := range g.weight {
		t += w * math.Abs(g.gap[i])
	}
	// At what multiple does T lie so many standard deviations above its mean?
	at := func(z float64) float64 {
		excess := func(k float64) float64 {
			var mean, v float64
			for i, w := range g.weight {
				m, s2 := folded(k*g.gap[i], g.noise[i])
				mean += w * m
				v += w * w * s2
			}
			return t - mean - z*math.Sqrt(v)
		}
		return fallsBelow(excess, 60)
	}
	// The observed gaps stand for the true ones and make the statistic: that takes a little more room, as simulated.
	z := -1.06 * NormalQuantile(alpha/2)
	return t * at(z), t * at(-z)
}

// folded returns mean and variance of |x| for x normal.
func folded(mean, variance float64) (m, v float64) {
	if !(variance > 0) {
		return math.Abs(mean), 0
	}
	sd := math.Sqrt(variance)
	m = sd*math.Sqrt(2/math.Pi)*math.Exp(-mean*mean/2/variance) + mean*(1-2*NormalCDF(-mean/sd))
	return m, max(0, mean*mean+variance-m*m)
}

// mapBand is that of the slope or the intercept of CalibrationMap, with the variances of a map that need not be the true one
// (Huber 1967; White 1982).
func (r Reliability) mapBand(slope bool, alpha float64) (Band, bool) {
	m, ok := r.CalibrationMap()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, n, pos, _ := r.outcomes()
	var iaa, iab, ibb, gaa, gab, gbb float64
	for _, l := range bins {
		x := Logit(clip(l.mean, LogitClip))
		p := Expit(m.A + m.B*x)
		w := l.n * p * (1 - p)
		iaa += w
		iab += w * x
		ibb += w * x * x
		s := l.pos*(1-p)*(1-p) + (l.n-l.pos)*p*p
		gaa += s
		gab += s * x
		gbb += s * x * x
	}
	det := iaa*ibb - iab*iab
	// Inverse information times scores' variance times inverse information.
	va := (ibb*ibb*gaa - 2*ibb*iab*gab + iab*iab*gbb) / det / det
	vb := (iab*iab*gaa - 2*iaa*iab*gab + iaa*iaa*gbb) / det / det
	e := Estimate{Value: m.A, SE: math.Sqrt(va), N: n}
	if slope {
		e = Estimate{Value: m.B, SE: math.Sqrt(vb), N: n}
	}
	return plainBand(e, alpha, math.Inf(-1), math.Inf(1), min(pos, n-pos) < fewOfAKind || n < fewEvents), true
}

// spiegelhalterBand: the statistic's own variance is 1 only where the scores are calibrated; elsewhere the events tell it.
func (r Reliability) spiegelhalterBand(alpha float64) (Band, bool) {
	e, ok := r.SpiegelhalterZ()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	bins, n, _, _ := r.outcomes()
	num := spread(bins, func(s float64) float64 { return (1 - s) * (1 - 2*s) }, func(s float64) float64 { return -s * (1 - 2*s) })
	var variance float64
	for _, l := range bins {
		variance += l.n * (1 - 2*l.mean) * (1 - 2*l.mean) * l.mean * (1 - l.mean)
	}
	_, second, _ := centralMoments(num)
	e.SE = math.Sqrt(float64(n) * second / variance)
	return plainBand(e, alpha, math.Inf(-1), math.Inf(1), r.calibrationFew()), true
}
