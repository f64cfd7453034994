package diagnose

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// numbers is a numeric column on one side.
type numbers struct {
	rows, missing, invalid int64
	valid                  int64
	zero, negative, whole  int64
	below, above           int64   // outside the reference's range
	mean, sd               float64 // NaN: not known
	sum, sumsq             float64 // of the values and their squares, to a float's precision; NaN: not known
	min, max               float64 // of valid values
	bins                   []sketch.HistogramBin
	upTo                   []int64 // values in bins up to and with this one
	plan                   []int64 // the plan's own bins
	lo, hi                 float64 // the reference's range, by the plan
}

func newNumbers(c *plan.Column, n *sketch.Column, d *sketch.Described) *numbers {
	v := &numbers{
		rows: n.N, missing: n.Missing, invalid: n.Invalid, valid: n.Valid(), zero: n.Zero, negative: n.Negative, whole: n.Integral,
		below: n.Below, above: n.Above, mean: math.NaN(), sd: math.NaN(), sum: math.NaN(), sumsq: math.NaN(), plan: n.Bins, lo: c.Layout.Lo, hi: c.Layout.Hi,
	}
	largest := max(math.Abs(v.lo), math.Abs(v.hi)) * 1e7                                 // what nobody would take for a conversion
	if d != nil && d.Histogram != nil && d.Histogram.Count() == v.valid && v.valid > 0 { // else some events were described by nobody
		v.bins = d.Histogram.Bins()
		v.min, v.max = d.Histogram.Ends()
		if v.whole == v.valid {
			v.narrow()
		}
		v.add()
		largest = d.Histogram.Largest()
	}
	if mean, sd, k, ok := n.Moments(largest); ok && k == v.valid {
		v.mean, v.sd, v.sum, v.sumsq = mean, sd, n.Sum.Float(), n.SumSq.Float()
	}
	return v
}

// narrow draws bins in to the whole numbers in them, which are all there is.
func (v *numbers) narrow() {
	for i := range v.bins {
		if b := &v.bins[i]; math.Abs(b.High) < 1<<52 {
			b.Low, b.High = math.Ceil(b.Low), math.Floor(b.High)
		}
	}
}

func (v *numbers) add() {
	v.upTo = make([]int64, len(v.bins))
	var sum int64
	for i := range v.bins {
		sum += v.bins[i].N
		v.upTo[i] = sum
	}
}

// described reports whether a histogram describes the column.
func (v *numbers) described() bool { return len(v.bins) > 0 }

func (v *numbers) share(k int64) float64 { return float64(k) / float64(max(1, v.valid)) }

func (v *numbers) missingShare() float64 {
	return float64(v.missing) / float64(max(1, v.rows))
}

// without is the column without the values of a bin, and whether that leaves enough of it.
func (v *numbers) without(low, high float64) (*numbers, bool) {
	out := *v
	out.bins, out.plan = nil, nil
	var gone int64
	for _, b := range v.bins {
		if b.High >= low && b.Low <= high {
			gone += b.N
			continue
		}
		out.bins = append(out.bins, b)
	}
	out.valid -= gone
	out.mean, out.sd, out.sum, out.sumsq = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	if low == 0 && high == 0 && !math.IsNaN(v.mean) && out.valid > 0 { // zeros add nothing to either sum
		n, k := float64(v.valid), float64(out.valid)
		out.mean = v.mean * n / k
		out.sd = math.Sqrt(max(0, (v.sd*v.sd+v.mean*v.mean)*n/k-out.mean*out.mean))
		out.zero, out.whole = 0, v.whole-v.zero
		out.sum, out.sumsq = v.sum, v.sumsq
	}
	if len(out.bins) > 0 {
		out.min, out.max = out.bins[0].Low, out.bins[len(out.bins)-1].High
	}
	out.add()
	return &out, out.valid >= fewestBeside
}

// fewestBeside is how many values there must be beside one that holds most, before they are compared.
const fewestBeside = 100

// mirrored is the column with every sign flipped.
func (v *numbers) mirrored() *numbers {
	out := *v
	out.bins = make([]sketch.HistogramBin, len(v.bins))
	for i, b := range v.bins {
		out.bins[len(v.bins)-1-i] = sketch.HistogramBin{Low: -b.High, High: -b.Low, N: b.N}
	}
	out.min, out.max, out.mean, out.sum, out.plan = -v.max, -v.min, -v.mean, -v.sum, nil
	out.negative = v.valid - v.zero - v.negative
	out.add()
	return &out
}

// folded is the column without signs.
func (v *numbers) folded() *numbers {
	m := v.mirrored()
	out := *v
	out.bins, out.plan, out.mean, out.sd, out.sum, out.sumsq = nil, nil, math.NaN(), math.NaN(), math.NaN(), math.NaN()
	a, b := v.bins, m.bins
	for len(a) > 0 && a[0].High < 0 {
		a = a[1:]
	}
	for len(b) > 0 && b[0].High <= 0 {
		b = b[1:]
	}
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].High < b[0].Low:
			out.bins, a = append(out.bins, a[0]), a[1:]
		case len(a) == 0 || b[0].High < a[0].Low:
			out.bins, b = append(out.bins, b[0]), b[1:]
		default:
			out.bins = append(out.bins, sketch.HistogramBin{Low: min(a[0].Low, b[0].Low), High: max(a[0].High, b[0].High), N: a[0].N + b[0].N})
			a, b = a[1:], b[1:]
		}
	}
	out.min, out.max, out.negative = 0, max(math.Abs(v.min), math.Abs(v.max)), 0
	out.add()
	return &out
}

// parted are the values of some bins, by themselves.
func (v *numbers) parted(which func(b *sketch.HistogramBin) bool) *numbers {
	out := *v
	out.bins, out.plan, out.valid, out.zero = nil, nil, 0, 0
	out.mean, out.sd, out.sum, out.sumsq = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	for i := range v.bins {
		if which(&v.bins[i]) {
			out.bins = append(out.bins, v.bins[i])
			out.valid += v.bins[i].N
		}
	}
	if k := len(out.bins); k > 0 {
		out.min, out.max = out.bins[0].Low, out.bins[k-1].High
	}
	out.add()
	return &out
}

// signed are the values below and above 0, by themselves.
func (v *numbers) signed() (minus, plus *numbers) {
	return v.parted(func(b *sketch.HistogramBin) bool { return b.High < 0 }), v.parted(func(b *sketch.HistogramBin) bool { return b.Low > 0 })
}

// within is the share of values that may lie in the range of another column's.
func (v *numbers) within(o *numbers) float64 {
	return v.share(v.mayBeBelow(math.Nextafter(o.max, math.Inf(1))) - v.atMost(math.Nextafter(o.min, math.Inf(-1))))
}
