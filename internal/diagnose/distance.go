package diagnose

import (
	"math"
	"sort"
)

// affine is the conversion x -> factor x + offset.
type affine struct{ factor, offset float64 }

var identity = affine{1, 0}

func (t affine) of(x float64) float64 { return t.factor*x + t.offset }

// slack is the relative error that a conversion may have made in a value: people write 0.4536 for 0.45359237.
const slack = 1e-4

// noise is how far apart two samples of one distribution lie at most, by the Kolmogorov-Smirnov distance, but for one in a hundred (Smirnov 1948).
func noise(n, m int64) float64 {
	return 1.63/math.Sqrt(float64(max(1, n))) + 1.63/math.Sqrt(float64(max(1, m)))
}

// apart is the least Kolmogorov-Smirnov distance between the values of cur and those of ref under t that agrees with what their bins tell: 0 where
// both may be the same distribution. Both must be described.
func apart(ref, cur *numbers, t affine) float64 {
	if t.factor < 0 {
		return apart(ref, cur.mirrored(), affine{-t.factor, -t.offset})
	}
	back := affine{1 / t.factor, -t.offset / t.factor}
	return max(oneWay(ref, cur, t), oneWay(cur, ref, back))
}

// within reports whether apart is below a limit, and gives up at the first boundary that says no: of many pairs of columns most do at once.
func within(ref, cur *numbers, t affine, limit float64) bool {
	if t.factor < 0 {
		return within(ref, cur.mirrored(), affine{-t.factor, -t.offset}, limit)
	}
	back := affine{1 / t.factor, -t.offset / t.factor}
	for _, stride := range []int{16, 1} {
		for i := stride / 2; i < len(ref.bins); i += stride {
			if gap(ref, cur, t, i) >= limit {
				return false
			}
		}
		for i := stride / 2; i < len(cur.bins); i += stride {
			if gap(cur, ref, back, i) >= limit {
				return false
			}
		}
	}
	return true
}

// oneWay looks at the boundaries of ref's bins.
func oneWay(ref, cur *numbers, t affine) float64 {
	worst := 0.
	for i := range ref.bins {
		worst = max(worst, gap(ref, cur, t, i))
	}
	return worst
}

// gap is how far the two are apart for sure at the upper boundary of one of ref's bins.
func gap(ref, cur *numbers, t affine, i int) float64 {
	// All of ref up to this bin lies at or below t(High); all beyond it at or above t(the next bin's Low).
	f := float64(ref.upTo[i]) / float64(ref.valid)
	at := t.of(ref.bins[i].High)
	next := math.Inf(1)
	if i+1 < len(ref.bins) {
		next = t.of(ref.bins[i+1].Low)
	}
	eps := slack * (math.Abs(at) + math.Abs(t.offset))
	if t == identity {
		eps = 0 // the same bins on both sides
	}
	// Values of cur that are at or below at, for sure; and those that may lie below next.
	m := float64(cur.valid)
	return max(float64(cur.atMost(at-eps))/m-f, f-float64(cur.mayBeBelow(next+eps))/m)
}

// atMost is how many values lie at or below y for sure.
func (v *numbers) atMost(y float64) int64 {
	i := sort.Search(len(v.bins), func(i int) bool { return v.bins[i].High > y })
	if i == 0 {
		return 0
	}
	return v.upTo[i-1]
}

// mayBeBelow is how many values may lie below y.
func (v *numbers) mayBeBelow(y float64) int64 {
	i := sort.Search(len(v.bins), func(i int) bool { return v.bins[i].Low >= y })
	if i == 0 {
		return 0
	}
	return v.upTo[i-1]
}

// moved is how far cur lies from ref as they are: by the plan's bins, which are exact, and by the histograms.
func moved(ref, cur *numbers) float64 {
	d := ks(ref.plan, cur.plan)
	if ref.described() && cur.described() {
		d = max(d, apart(ref, cur, identity))
	}
	return d
}

// ks is the Kolmogorov-Smirnov distance of two vectors of counts.
func ks(a, b []int64) float64 {
	if len(a) != len(b) {
		return 0
	}
	n, m := total(a), total(b)
	if n == 0 || m == 0 {
		return 0
	}
	var x, y int64
	worst := 0.
	for i := range a {
		x, y = x+a[i], y+b[i]
		worst = max(worst, math.Abs(float64(x)/float64(n)-float64(y)/float64(m)))
	}
	return worst
}

func total(v []int64) int64 {
	var n int64
	for _, k := range v {
		n += k
	}
	return n
}

// variation is half the sum of the absolute differences of two vectors of shares: of categories, which have no order.
func variation(a, b []int64) float64 {
	n, m := total(a), total(b)
	if n == 0 || m == 0 || len(a) != len(b) {
		return 0
	}
	d := 0.
	for i := range a {
		d += math.Abs(float64(a[i])/float64(n) - float64(b[i])/float64(m))
	}
	return d / 2
}

// variationNoise is what variation comes to between two samples of one distribution at most: its mean (each share's mean absolute deviation) and three
// standard deviations, by the bounded differences of a multinomial sample.
func variationNoise(share []int64, n, m int64) float64 {
	all, mean := float64(max(1, total(share))), 0.
	per := 1/float64(max(1, n)) + 1/float64(max(1, m))
	for _, k := range share {
		q := float64(k) / all
		mean += math.Sqrt(q * (1 - q) * per * 2 / math.Pi)
	}
	return mean/2 + 3*math.Sqrt(per/4)
}

// away says by how many standard errors two shares differ, k of n and j of m; deff is the design effect.
func away(k, n, j, m int64, deff float64) float64 {
	if n == 0 || m == 0 {
		return 0
	}
	p, q := float64(k)/float64(n), float64(j)/float64(m)
	pool := (float64(k+j) + 1) / (float64(n+m) + 2)
	return (p - q) / math.Sqrt(max(1, deff)*pool*(1-pool)*(1/float64(n)+1/float64(m)))
}
