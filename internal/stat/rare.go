package stat

import "math"

// The alternatives of a rare share, as distances beyond what is tolerated on the arc-sine scale.
var rareSteps = [3]float64{0.1, 0.25, 0.6}

// rareConfidence is the one-sided confidence of the limits on the reference's own share.
const rareConfidence = 0.999

// RareFloor is the smallest change of a rare share that matters: H on the arc-sine scale (half of it enters) and Share, absolute.
type RareFloor struct{ H, Share float64 }

// Rare tests counts that are too small for a normal law: events of a kind that at most a few of a pane's n are. It holds the
// interval [Low, High] of shares that are tolerated: the confidence limits on the share of the reference (Clopper & Pearson 1934),
// widened to the floor. The likelihood ratio of a share beyond the interval against its nearer end is largest in expectation at that
// end, as the ratio is monotone in the count; so for every tolerated share it is at most 1 on average, and a product of such
// ratios is a test that holds at any time, against a minimum effect (Murphy & Myors 1999).
type Rare struct {
	Low, High  float64 // no tolerance below where Low <= 0, none above where High >= 1
	Dispersion float64 // >= 1: log ratios are divided by it, where events come in bursts or their share wanders
	Flipped    bool    // the other side is the rare one: n-c is counted
	up, down   [3]logRatio
}

// logRatio is ln(p1/p0) per event and ln((1-p1)/(1-p0)) per other event; zero if there is no such alternative.
type logRatio struct {
	hit, miss float64
	use       bool
}

// NewRare learns from a reference of k0 events among n0, and from the counts of its panes (may be empty: then nothing is known of
// bursts). k0 is given apart because it need not be their sum: of a category never seen before it is the number of categories
// seen once (Good 1953). Twosided also tests for fewer, and takes into account that shares may wander: what is tested upwards only the reference hardly
// has, and nothing can be learnt of it. ok is false for sizes below 1 or k0 outside 0..n0.
func NewRare(k0, n0 float64, counts, sizes []float64, floor RareFloor, twosided bool) (r Rare, ok bool) {
	if !(n0 >= 1 && k0 >= 0 && k0 <= n0) || len(counts) != len(sizes) {
		return Rare{}, false
	}
	r.Flipped = k0 > n0/2
	if r.Flipped {
		k0 = n0 - k0
	}
	q := k0 / n0
	r.Dispersion = 1
	if k0 >= minExpected {
		r.Dispersion = max(1, dispersionOf(counts, sizes, q, r.Flipped))
		if twosided {
			r.Dispersion *= longRun(counts, sizes, q, r.Flipped)
		}
	}
	k, n := k0/r.Dispersion, n0/r.Dispersion
	a := math.Asin(math.Sqrt(q))
	up, down := math.Sin(min(a+floor.H/2, math.Pi/2)), math.Sin(max(a-floor.H/2, 0))
	r.High = max(BetaQuantile(rareConfidence, k+1, max(n-k, 1e-9)), up*up, q+floor.Share)
	r.Low = min(down*down, q-floor.Share)
	if k > 0 {
		r.Low = min(r.Low, BetaQuantile(1-rareConfidence, k, n-k+1))
	} else {
		r.Low = min(r.Low, 0)
	}
	r.alternatives(twosided)
	return r, true
}

// RestoreRare makes the test of an interval and a dispersion that NewRare found before. ok is false for what NewRare can't find.
func RestoreRare(low, high, dispersion float64, flipped, twosided bool) (r Rare, ok bool) {
	if !(low >= -1 && low <= high && high > 0 && high < 2 && dispersion >= 1 && !math.IsInf(dispersion, 1)) {
		return Rare{}, false
	}
	r = Rare{Low: low, High: high, Dispersion: dispersion, Flipped: flipped}
	r.alternatives(twosided)
	return r, true
}

func (r *Rare) alternatives(twosided bool) {
	for i, h := range rareSteps {
		if r.High < 1 {
			p := math.Sin(min(math.Asin(math.Sqrt(r.High))+h/2, math.Pi/2-1e-3))
			r.up[i] = newLogRatio(p*p, r.High, p*p > r.High)
		}
		if r.Low > 0 && twosided {
			p := math.Sin(max(math.Asin(math.Sqrt(r.Low))-h/2, 1e-3))
			r.down[i] = newLogRatio(p*p, r.Low, p*p < r.Low)
		}
	}
}

// dispersionOf is how much more counts scatter around their expectation than a Poisson law would.
func dispersionOf(counts, sizes []float64, q float64, flipped bool) float64 {
	var ss, expected float64
	for i, c := range counts {
		if flipped {
			c = sizes[i] - c
		}
		d := c - sizes[i]*q
		ss += d * d
		expected += sizes[i] * q
	}
	if expected <= 0 {
		return 1
	}
	return ss / expected
}

// longRun is by how much more sums of neighbouring counts scatter than sums of independent ones of the same dispersion: 1 and twice what the
// autocorrelations exceed two standard errors by, 2/sqrt(panes) (Bartlett 1946), from the first on up to the first that doesn't (a positive sequence
// from the start, as in Geyer 1992), and no further than a quarter of the panes.
func longRun(counts, sizes []float64, q float64, flipped bool) float64 {
	var r []float64
	var ms float64
	for i, c := range counts {
		if flipped {
			c = sizes[i] - c
		}
		if expected := sizes[i] * q; expected > 0 {
			z := (c - expected) / math.Sqrt(expected)
			r = append(r, z)
			ms += z * z
		}
	}
	k := float64(len(r))
	doubt, sum := 2/math.Sqrt(k), 1.
	for lag := 1; lag < len(r)/4 && ms > 0; lag++ {
		var c float64
		for i := lag; i < len(r); i++ {
			c += r[i] * r[i-lag]
		}
		c *= k / (k - float64(lag)) / ms
		if c <= doubt {
			break
		}
		sum += 2 * (c - doubt)
	}
	return sum
}

func newLogRatio(p1, p0 float64, use bool) logRatio {
	if !use {
		return logRatio{}
	}
	return logRatio{hit: math.Log(p1 / p0), miss: math.Log((1 - p1) / (1 - p0)), use: true}
}

// Uses reports whether alternative i (0..2) exists on a side: above the interval, or below it.
func (r *Rare) Uses(above bool, i int) bool {
	if above {
		return r.up[i].use
	}
	return r.down[i].use
}

// LogRatio returns the evidence of c among n for alternative i on a side, in nats; 0 where the alternative doesn't exist.
func (r *Rare) LogRatio(c, n float64, above bool, i int) float64 {
	l := &r.down[i]
	if above {
		l = &r.up[i]
	}
	if r.Flipped {
		c = n - c
	}
	return (c*l.hit + (n-c)*l.miss) / r.Dispersion
}

// Deviation returns how far a share c/n lies from the middle of the tolerated interval, and half the interval's width.
func (r *Rare) Deviation(c, n float64) (x, half float64) {
	if r.Flipped {
		c = n - c
	}
	low := max(r.Low, 0)
	return c/max(n, 1) - (r.High+low)/2, (r.High - low) / 2
}

// Share is the share that lies x from the middle of the interval, as Deviation has it.
func (r *Rare) Share(x float64) float64 {
	share := x + (r.High+max(r.Low, 0))/2
	if r.Flipped {
		return 1 - share
	}
	return share
}
