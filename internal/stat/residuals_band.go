package stat

import "math"

// NumberMetric is a number that the sums of a model's errors determine, and its band.
type NumberMetric struct {
	Name  string // as contracts write it
	Value func(r Residuals) (Estimate, bool)
	Band  func(r Residuals, alpha float64) (Band, bool) // nil where the sums don't tell the spread: take Jackknife
}

// NumberMetrics are all metrics of a model that predicts a number but the quantile loss (PinballBand), in a fixed order.
func NumberMetrics() []NumberMetric {
	return []NumberMetric{
		{"mae", Residuals.MAE, Residuals.maeBand},
		{"rmse", Residuals.RMSE, Residuals.rmseBand},
		{"bias", Residuals.Bias, Residuals.biasBand},
		{"median_absolute_error", Residuals.MedianAbsolute, Residuals.medianBand},
		{"interval_coverage", Residuals.IntervalCoverage, func(r Residuals, alpha float64) (Band, bool) {
			return shareBand(r.Covered, r.Intervals, alpha)
		}},
		{"below_share", Residuals.BelowShare, func(r Residuals, alpha float64) (Band, bool) {
			return shareBand(r.Above+r.Equal, r.Above+r.Below+r.Equal, alpha)
		}},
		{"mape", Residuals.MAPE, nil},
		{"smape", Residuals.SMAPE, nil},
		{"r2", Residuals.R2, nil},
	}
}

func (r Residuals) meanBand(e Estimate, ok bool, f func(e float64) float64, alpha, lo float64) (Band, bool) {
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	_, second, third := centralMoments(r.of(f))
	return meanBand(e, second, third, alpha, lo, math.Inf(1)), true
}

func (r Residuals) maeBand(alpha float64) (Band, bool) {
	e, ok := r.MAE()
	return r.meanBand(e, ok, math.Abs, alpha, 0)
}

func (r Residuals) biasBand(alpha float64) (Band, bool) {
	e, ok := r.Bias()
	return r.meanBand(e, ok, func(e float64) float64 { return e }, alpha, math.Inf(-1))
}

// PinballBand returns Pinball with its 1-alpha interval.
func (r Residuals) PinballBand(q, alpha float64) (Band, bool) {
	e, ok := r.Pinball(q)
	return r.meanBand(e, ok, pinball(q), alpha, 0)
}

// fewSquares is how many errors it takes to tell the spread of their squares, a fourth moment.
const fewSquares = 500

// rmseBand is the root of the mean square's.
func (r Residuals) rmseBand(alpha float64) (Band, bool) {
	e, ok := r.RMSE()
	square := Estimate{Value: e.Value * e.Value, SE: math.NaN(), N: e.N}
	b, ok := r.meanBand(square, ok, func(e float64) float64 { return e * e }, alpha, 0)
	b.Estimate, b.Low, b.High = e, math.Sqrt(b.Low), math.Sqrt(b.High)
	b.Few = b.Few || e.N < fewSquares
	return b, ok
}

// medianBand is between two ranks that the median lies between with probability 1-alpha, whatever the law (Thompson 1936), a little
// wider as ranks are told from bins.
func (r Residuals) medianBand(alpha float64) (Band, bool) {
	e, ok := r.MedianAbsolute()
	if !ok || !usable(alpha) {
		return Band{}, false
	}
	xs := r.sizes()
	n := float64(e.N)
	half := -NormalQuantile(alpha/2) * math.Sqrt(n) / 2
	lo := within(xs, n/2-half)
	hi := within(xs, n/2+half)
	return newBand(e, lo, hi, 0, math.Inf(1), e.N < fewEvents), true
}

// within is the value below which so many events lie, bins taken as evenly filled up to half way to their neighbours.
func within(xs []weighted, mass float64) float64 {
	var done float64
	for i, v := range xs {
		if done+v.w >= mass {
			from, to := v.x, v.x
			if i > 0 {
				from = (xs[i-1].x + v.x) / 2
			}
			if i < len(xs)-1 {
				to = (xs[i+1].x + v.x) / 2
			}
			return from + (to-from)*max(0, mass-done)/v.w
		}
		done += v.w
	}
	return xs[len(xs)-1].x
}
