package stat

import (
	"math"
	"sort"
)

// Residuals are the sums and the histogram of the errors of a model that predicts a number: error = predicted - actual. All sums are
// over the pairs that both are known of.
type Residuals struct {
	N                   int64
	Sum, Abs, Square    float64 // of the errors, their sizes and their squares
	Actual, ActualSq    float64 // of what turned out, and of its square
	Share               float64 // of |error|/|actual|, over ShareN pairs
	ShareN              int64
	Symmetric           float64 // of 2|error|/(|predicted|+|actual|), 0 where both are 0
	Intervals, Covered  int64   // pairs with a predicted interval, and those whose actual value lay in it
	Above, Below, Equal int64   // predictions above, below and at what turned out

	// Middles and Counts are the histogram of the errors, ascending: every error lies within Relative of its bin's middle, as a share of
	// that middle. The values above rest on the sums; the histogram gives quantiles, and the spread that standard errors need.
	Middles  []float64
	Counts   []int64
	Relative float64
}

func (r Residuals) ok() bool {
	if r.N <= 0 || len(r.Middles) != len(r.Counts) || !(r.Abs >= 0 && r.Square >= 0) {
		return false
	}
	for i, c := range r.Counts {
		if c < 0 || math.IsNaN(r.Middles[i]) {
			return false
		}
	}
	return true
}

// of lists f of the errors by bin.
func (r Residuals) of(f func(e float64) float64) []weighted {
	xs := make([]weighted, 0, len(r.Counts))
	for i, c := range r.Counts {
		if c > 0 {
			xs = append(xs, weighted{f(r.Middles[i]), float64(c)})
		}
	}
	return xs
}

// mean returns value with the standard error of the mean of f over the histogram; NaN without one.
func (r Residuals) mean(value float64, f func(e float64) float64) Estimate {
	_, second, _ := centralMoments(r.of(f))
	return Estimate{Value: value, SE: math.Sqrt(second / float64(r.N)), N: r.N}
}

// Bias returns the mean error, positive if predictions are too high.
func (r Residuals) Bias() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	n := float64(r.N)
	m := r.Sum / n
	return Estimate{Value: m, SE: math.Sqrt(max(0, r.Square/n-m*m) / n), N: r.N}, true
}

// MAE returns the mean size of the error.
func (r Residuals) MAE() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	n := float64(r.N)
	m := r.Abs / n
	return Estimate{Value: m, SE: math.Sqrt(max(0, r.Square/n-m*m) / n), N: r.N}, true
}

// RMSE returns the root of the mean squared error.
func (r Residuals) RMSE() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	e := r.mean(r.Square/float64(r.N), func(e float64) float64 { return e * e })
	root := math.Sqrt(e.Value)
	return Estimate{Value: root, SE: e.SE / 2 / root, N: r.N}, true
}

// MAPE returns the mean error as a share of what turned out, over the pairs where that isn't 0. The sums don't tell its spread: SE is
// NaN, Jackknife gives a band.
func (r Residuals) MAPE() (Estimate, bool) {
	if !r.ok() || r.ShareN <= 0 {
		return Estimate{}, false
	}
	return Estimate{Value: r.Share / float64(r.ShareN), SE: math.NaN(), N: r.ShareN}, true
}

// SMAPE returns the mean of 2|error|/(|predicted|+|actual|), 0..2 (Makridakis 1993). SE as in MAPE.
func (r Residuals) SMAPE() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	return Estimate{Value: r.Symmetric / float64(r.N), SE: math.NaN(), N: r.N}, true
}

// R2 returns one minus the squared errors over the squared deviations of what turned out from its mean, 1 or less. Not ok if it never
// varied. SE as in MAPE.
func (r Residuals) R2() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	total := r.ActualSq - r.Actual/float64(r.N)*r.Actual
	if !(total > 0) {
		return Estimate{}, false
	}
	return Estimate{Value: 1 - r.Square/total, SE: math.NaN(), N: r.N}, true
}

// Pinball returns the mean quantile loss at level q in 0..1 of predictions that are meant as q-quantiles: q times what they are too low
// by, 1-q times what they are too high by (Koenker & Bassett 1978).
func (r Residuals) Pinball(q float64) (Estimate, bool) {
	if !r.ok() || !(q >= 0 && q <= 1) {
		return Estimate{}, false
	}
	over, under := (r.Abs+r.Sum)/2, (r.Abs-r.Sum)/2
	return r.mean(((1-q)*over+q*under)/float64(r.N), pinball(q)), true
}

func pinball(q float64) func(e float64) float64 {
	return func(e float64) float64 {
		if e > 0 {
			return (1 - q) * e
		}
		return -q * e
	}
}

// BelowShare returns the share of pairs whose actual value was at or below the prediction: of a prediction meant as a q-quantile about q.
func (r Residuals) BelowShare() (Estimate, bool) {
	if !r.ok() || r.Above < 0 || r.Below < 0 || r.Equal < 0 {
		return Estimate{}, false
	}
	return proportion(r.Above+r.Equal, r.Above+r.Below+r.Equal)
}

// IntervalCoverage returns the share of predicted intervals that held what turned out.
func (r Residuals) IntervalCoverage() (Estimate, bool) {
	if r.Covered < 0 || r.Covered > r.Intervals {
		return Estimate{}, false
	}
	return proportion(r.Covered, r.Intervals)
}

// sizes is the histogram of the errors' sizes, ascending.
func (r Residuals) sizes() []weighted {
	xs := r.of(math.Abs)
	sort.Slice(xs, func(i, j int) bool { return xs[i].x < xs[j].x })
	return xs
}

// MedianAbsolute returns the median size of the error, the middle of its bin: off by at most Relative of it. With an even number of
// pairs it is the mean of the two in the middle. Not ok without a histogram.
func (r Residuals) MedianAbsolute() (Estimate, bool) {
	if !r.ok() {
		return Estimate{}, false
	}
	xs := r.sizes()
	var n float64
	for _, v := range xs {
		n += v.w
	}
	if n == 0 {
		return Estimate{}, false
	}
	value := (ranked(xs, math.Floor((n-1)/2)) + ranked(xs, math.Floor(n/2))) / 2
	return Estimate{Value: value, SE: math.NaN(), N: int64(n)}, true
}

// ranked is the value of this rank, counted from 0.
func ranked(xs []weighted, rank float64) float64 {
	for _, v := range xs {
		if rank -= v.w; rank < 0 {
			return v.x
		}
	}
	return math.NaN()
}
