package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// wideShown is how many windows of a lasting change deviate, where it is as large as WideDetectable says.
const wideShown = 0.9

// WideDetectable is, for every column of a plan, how far from the reference it must lie, as PSI in nats, for nine windows of plan.Wide in ten to deviate at their
// end; as many as WideRuns in a row are told. NaN: such windows are not held against the reference; +Inf: they never deviate, for they hold too few events.
//
// It is the power of a minimum-effect test (Murphy & Myors 1999) against the larger of its two limits. N*PSI of a window of N effective events follows nearly the
// non-central chi-square law with non-centrality N*psi (Yurdakul 2018). By how much the reference's own windows scatter beyond that, their design effect says
// (Rao & Scott 1981); all of it is taken to lie in the direction of the change, where it hides most.
func WideDetectable(p *plan.Plan) []float64 {
	out := make([]float64, len(p.Columns))
	for i := range out {
		out[i] = math.NaN()
	}
	if p.Wide == 0 || len(p.Drift) == 0 {
		return out
	}
	part := float64(p.Wide) / float64(p.Reference.To.Sub(p.Reference.From))
	alpha := wideAlpha(p)
	for _, s := range drift.Streams(p) {
		if s.Kind != drift.Column {
			continue
		}
		c := &p.Columns[s.At]
		if c.Reference.Wide == nil || !spread(c) {
			continue
		}
		usual := sketch.Column{Bins: make([]int64, len(c.Reference.Bins))}
		for b, n := range c.Reference.Bins {
			usual.Bins[b] = int64(math.Round(float64(n) * part))
		}
		out[s.At] = math.Inf(1)
		if sum(usual.Bins) < fewest {
			continue
		}
		if v := compareWide(c, &usual, alpha); v.counts.DF > 0 && v.limit > 0 {
			out[s.At] = leastApart(v.limit, v.counts.Effective, float64(v.counts.DF), c.Reference.Wide)
		}
	}
	return out
}

// leastApart is the divergence that takes a window beyond a limit so often as wideShown says. A shift of d is a divergence of d^2, and on the scale of d both
// sampling and the windows' own wander scatter it; their variances add up, that of the wander being the largest that
// so few windows don't rule out (the upper limit of a variance, with wideShown). n is the effective size by the design effect.
func leastApart(limit, n, df float64, null *plan.Null) float64 {
	deff, k := max(null.Deff, 1), float64(null.Panes)
	n *= deff
	at := func(share float64) float64 { // without any wander
		lo, hi := 0., limit
		beyond := func(psi float64) bool { return stat.NonCentralChiSquareSF(limit*n, df, n*psi) >= share }
		for !beyond(hi) {
			lo, hi = hi, 2*hi
		}
		for range 40 {
			if mid := (lo + hi) / 2; beyond(mid) {
				hi = mid
			} else {
				lo = mid
			}
		}
		return math.Sqrt(hi)
	}
	middle := at(0.5)
	sampling := at(wideShown) - middle
	wander := math.Sqrt(df * (deff - 1) / n * (1 + 1/k) * (k - 1) / stat.ChiSquareQuantile(1-wideShown, k-1))
	shift := middle + math.Hypot(sampling, stat.NormalQuantile(wideShown)*wander)
	return shift * shift
}
