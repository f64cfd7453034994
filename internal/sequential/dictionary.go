package sequential

import "github.com/plumbline-ml/plumbline/internal/stat"

// surelyWanders is the gain in log-likelihood above which a wander is there. Of 500 shares that had none the largest gain was 3.2; of shares that move
// so that they can be seen, dozens to hundreds.
const surelyWanders = 6

// learnMixed finds dictionaries whose categories wander, by the gains of their channels. What the chi-square of all categories does is then about the square of a
// wander: its largest excursions are far beyond what the normal law of a first-order wander expects of its history, and it would alarm on them. The
// single categories, whose wander is of first order, keep watch.
func (e *Engine) learnMixed(gains []float64) {
	for i := range e.streams {
		st := &e.streams[i]
		own := e.channels[st.first:st.last]
		wanders := false
		for k := range own {
			m := own[k].measure
			wanders = wanders || (m == category || m == omnibus) && gains[st.first+k] > surelyWanders
		}
		for k := range own {
			own[k].mixed = wanders && own[k].measure == omnibus
		}
	}
}

// common is the part of the largest wander of a dictionary's categories, as a variance, that each of them is taken to have at least: half of it, as
// a standard deviation.
const common = 0.25

// learnTogether gives all categories of a dictionary a wander of their own size. What moves one category moves others, but by how much depends on where
// the mixture stands: one that lies in the middle of what wanders hardly moves in one month, and in the next as much as its neighbours do. So where
// one surely wanders, none is taken to lie still.
func (e *Engine) learnTogether(fit *regression, values [][]reading, gains []float64) {
	for i := range e.streams {
		first, last := e.streams[i].first, e.streams[i].last
		var largest stat.Wander
		for k := first; k < last; k++ {
			if c := &e.channels[k]; c.measure == category && c.rare == nil && gains[k] > surelyWanders && longRun(c.null.wander) > longRun(largest) {
				largest = c.null.wander
			}
		}
		largest.Tau2 *= common
		for k := first; k < last; k++ {
			if c := &e.channels[k]; c.measure == category && c.rare == nil && longRun(c.null.wander) < longRun(largest) {
				c.null.wander.Rho, c.null.wander.Tau2 = largest.Rho, largest.Tau2
				e.learnFilter(c, fit, values[k])
			}
		}
	}
}

// longRun is the variance of the mean of a wander over many panes, times their number.
func longRun(w stat.Wander) float64 { return w.Tau2 * (1 + w.Rho) / (1 - w.Rho) }
