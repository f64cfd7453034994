package sequential

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// null is what a channel does without drift, learnt from the model's own history: a seasonal mean, a natural wander around it and
// sampling noise. Vectors are by Engine.season.
type null struct {
	wander stat.Wander
	sigma  float64   // standard deviation of the recursive residuals of the history, at least 1
	event  []float64 // seasonal profile of the sampling variance of one event; only where it is smoothed
	fit    []float64 // seasonal profile of the mean, by least squares over the history
	band   float64   // around the profile, in which an open stream must come to rest
	tails  [bets]float64
}

// filter predicts a channel one pane ahead. The mean's seasonal profile is estimated as it goes, by recursive least squares on the
// observations that a Kalman filter has whitened: the same gains are applied to the regressors. So the error of prediction holds
// the uncertainty of the profile and of the reference too (recursive residuals, Brown, Durbin & Evans 1975).
type filter struct {
	level, variance float64   // of the wander
	lag             []float64 // the filter's level of each regressor
	beta            []float64
	cov             []float64 // of beta, lower triangle by rows
	scale           float64   // standard deviation of the last prediction's error, before sigma
	started         bool
}

// newFilter begins at a first value x, knowing nothing but the spread of the history.
func newFilter(p int, w stat.Wander, x, spread float64) filter {
	f := filter{variance: w.Tau2, lag: make([]float64, p), beta: make([]float64, p), cov: make([]float64, p*(p+1)/2)}
	f.beta[0] = x
	for i := range p {
		f.cov[i*(i+1)/2+i] = 10 * spread
	}
	f.cov[0] *= 1e3
	return f
}

// pass lets a pane go by unread: time goes on, nothing is learnt.
func (f *filter) pass(w stat.Wander) {
	f.elapse(w)
	for i := range f.lag {
		f.lag[i] *= w.Rho
	}
}

// rest forgets the wander: what is known of it is what is known without looking. After an alarm that is what a stream at home is in, for the filter has
// followed the alarm; what it holds of that would make the way back a change.
func (f *filter) rest(w stat.Wander) {
	f.level, f.variance = 0, w.Tau2
	clear(f.lag)
}

func (f *filter) elapse(w stat.Wander) {
	f.level *= w.Rho
	if f.started {
		f.variance = w.Rho*w.Rho*f.variance + w.Tau2*(1-w.Rho*w.Rho)
	}
	f.started = true
}

// step takes the value x with sampling variance noise at the regressors h. It returns the standardised error of the prediction
// made before x was known, and how far x lay from the seasonal profile as it was known before. Where the profile is frozen only the
// wander is followed. scratch has room for 2 len(h).
func (f *filter) step(w stat.Wander, x, noise float64, h, scratch []float64, frozen bool) (z, deviation float64) {
	p := len(h)
	deviation = x
	for i, v := range h {
		deviation -= f.beta[i] * v
	}
	f.elapse(w)
	s := f.variance + noise
	sd := math.Sqrt(s)
	gain := f.variance / s
	e := x - f.level
	f.level += gain * e
	f.variance *= 1 - gain
	white, lean := scratch[:p], scratch[p:2*p]
	innovation := e / sd
	for i, v := range h {
		d := v - w.Rho*f.lag[i]
		f.lag[i] = w.Rho*f.lag[i] + gain*d
		white[i] = d / sd
		innovation -= white[i] * f.beta[i]
	}
	clear(lean)
	row := 0
	for i := range p {
		wi, sum := white[i], 0.
		for j := range i {
			c := f.cov[row+j]
			sum += c * white[j]
			lean[j] += c * wi
		}
		lean[i] += sum + f.cov[row+i]*wi
		row += i + 1
	}
	spread := 1.
	for i, v := range white {
		spread += v * lean[i]
	}
	f.scale = sd * math.Sqrt(spread)
	if !frozen {
		row = 0
		for i := range p {
			k := lean[i] / spread
			f.beta[i] += k * innovation
			for j := range i + 1 {
				f.cov[row+j] -= k * lean[j]
			}
			row += i + 1
		}
	}
	return innovation / math.Sqrt(spread), deviation
}
