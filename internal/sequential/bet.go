package sequential

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// A channel's evidence is a mixture of bets: for a change up and for one down, each of three sizes.
const (
	sizes = 3
	bets  = 2 * sizes
)

// sizesOfBets are the shifts that are bet on, in standard deviations of a prediction's error.
var sizesOfBets = [sizes]float64{0.5, 1, 2}

const (
	// inflation of a prediction's variance, for what the model of the null gets wrong.
	inflation = 1.15
	// mostPerPane is the evidence, in nats, that one pane may add: no alarm comes of fewer than three panes.
	mostPerPane = 5.5
	// fewestResiduals of the history, below which a residual is taken for a Student variable.
	fewestResiduals = 300
	farthest        = 30.
)

// rules are what all bets of an engine have in common, as they follow from the budget and the length of the history.
type rules struct {
	threshold float64        // c, in hours
	channels  int            // that bet
	residuals int            // of the history, by channel
	use       [sizes]bool    // sizes that the history is long enough for
	penalty   [sizes]float64 // nats a pane, for the same history being used again and again
}

// newRules: a bet of size lambda takes about T = 2 ln(c bets)/lambda^2 panes to win. In them the error of the history's own
// estimate adds up to lambda^2 T/(2H) per pane. Bets that take longer than the history are not made.
func newRules(threshold float64, residuals, channels int) rules {
	r := rules{threshold: threshold, channels: channels, residuals: residuals}
	lc := math.Log(threshold * float64(channels) * bets)
	made := false
	for i, l := range sizesOfBets {
		t := 2 * lc / (l * l)
		r.use[i] = t <= float64(residuals)
		made = made || r.use[i]
		r.penalty[i] = l * l * min(t, 4*float64(residuals)) / (2 * float64(residuals))
	}
	if !made {
		r.use[sizes-1] = true
	}
	return r
}

// normal maps a residual to the normal scale if its history is so short that its standard deviation is itself a guess.
func (r *rules) normal(z float64) float64 {
	df := max(r.residuals-1, 5)
	if df >= fewestResiduals || z == 0 {
		return z
	}
	p := max(stat.StudentCDF(-math.Abs(z), float64(df)), 1e-200)
	return math.Copysign(stat.NormalQuantile(p), z) // the quantile's sign goes: p is below 1/2
}

// powers are exp(s lambda z) for both directions and all sizes.
func powers(z float64) (e [bets]float64) {
	z = min(max(z, -farthest), farthest)
	e[0] = math.Exp(z / 2)
	e[1] = e[0] * e[0]
	e[2] = e[1] * e[1]
	for i := range sizes {
		e[sizes+i] = 1 / e[i]
	}
	return e
}

// tailsOf sums the powers of the history's residuals: all that a conformal e-value needs of them.
func tailsOf(residuals []float64) (f [bets]float64) {
	for _, z := range residuals {
		for i, e := range powers(z) {
			f[i] += e
		}
	}
	return f
}

// gaussian is the moment generating function of the standard normal law at the sizes.
var gaussian = [sizes]float64{math.Exp(0.125), math.Exp(0.5), math.Exp(2)}

// bet returns the logarithm of each bet's factor for the residual z: a conformal e-value (Vovk 2020), which is calibrated to the
// tails the history showed, but never more than the Gaussian one, bounded, and charged for the history's length.
func (r *rules) bet(z float64, tails *[bets]float64) (lnL [bets]float64) {
	e := powers(r.normal(z) / math.Sqrt(inflation))
	for i, v := range e {
		l := i % sizes
		mgf := max((tails[i]+v)/float64(r.residuals+1), gaussian[l])
		lnL[i] = min(math.Log(v/mgf), mostPerPane) - r.penalty[l]
	}
	return lnL
}

// betRare returns the logarithm of each bet's factor for a count.
func betRare(rare *stat.Rare, k, n float64) (lnL [bets]float64) {
	for i := range bets {
		lnL[i] = min(rare.LogRatio(k, n, i < sizes, i%sizes), mostPerPane)
	}
	return lnL
}
