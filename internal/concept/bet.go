package concept

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// The bets: a shift up and one down, each of four sizes beyond what is tolerated, and two slopes.
const (
	sizes    = 4
	flatter  = 2 * sizes
	steeper  = 2*sizes + 1
	bets     = 2*sizes + 2
	families = 4
	dated    = 6

	// mostPerDay is the evidence, in nats, that one day may add: no alarm comes of a single odd one.
	mostPerDay = 5.5
)

var (
	shifts = [sizes]float64{0.1, 0.2, 0.4, 0.8} // logits beyond the tolerance
	slopes = [2]float64{0.7, 1.4}               // times the map's own
)

// family is which way a bet goes: up, down, flatter, steeper.
func family(bet int) int {
	switch {
	case bet < sizes:
		return 0
	case bet < 2*sizes:
		return 1
	default:
		return bet - 2*sizes + 2
	}
}

// dating are the bets by which a change is dated, and since whose change points outcomes are counted: of shifts a middle one, which has won
// most of a change that is just worth finding, and the largest, which dates a large one better.
var dating = [dated]int{1, 3, sizes + 1, sizes + 3, flatter, steeper}

// bet returns the logarithm of each bet's factor for a day's outcomes.
func (n *Null) bet(cells []cell) (lnL [bets]float64) {
	for _, l := range cells {
		d := n.tolerated(l.x)
		for i, gamma := range shifts {
			lnL[i] += l.ratio(d, d+gamma)
			lnL[sizes+i] += l.ratio(-d, -d-gamma)
		}
	}
	a, width := n.box()
	best := supremum(cells, a, width)
	for i, b := range slopes {
		lnL[flatter+i] = likelihood(cells, 0, b) - best
	}
	for i, l := range lnL {
		lnL[i] = min(l/n.Dispersion, mostPerDay)
	}
	return lnL
}

// ratio is the log likelihood of a bin with its map shifted by to, over that with it shifted by from.
func (l *cell) ratio(from, to float64) float64 {
	// ln sigma(u) = -softplus(-u)
	return l.pos*(softplus(-l.eta-from)-softplus(-l.eta-to)) + (l.n-l.pos)*(softplus(l.eta+from)-softplus(l.eta+to))
}

// likelihood is the log likelihood of logit P = a + b eta.
func likelihood(cells []cell, a, b float64) (sum float64) {
	for _, l := range cells {
		u := a + b*l.eta
		sum -= l.pos*softplus(-u) + (l.n-l.pos)*softplus(u)
	}
	return sum
}

// supremum is the largest log likelihood over |a| <= da, |b-1| <= db, or a little more: never less, or bets would win what they must not. It
// climbs by Newton's steps, cut at the box, and adds what concavity still allows from where it stops.
func supremum(cells []cell, da, db float64) float64 {
	a, b := 0., 1.
	value := likelihood(cells, a, b)
	for range 50 {
		ga, gb, iaa, iab, ibb := slope(cells, a, b)
		if left := gapOf(ga, gb, a, b, da, db); left < 1e-6 {
			return value + left
		}
		moved := false
		for _, d := range directions(ga, gb, iaa, iab, ibb) {
			for step := 1.; step > 1e-9; step /= 4 {
				na, nb := clamp(a+step*d[0], -da, da), clamp(b+step*d[1], 1-db, 1+db)
				if next := likelihood(cells, na, nb); next > value {
					a, b, value, moved = na, nb, next, true
					break
				}
			}
			if moved {
				break
			}
		}
		if !moved {
			break
		}
	}
	ga, gb, _, _, _ := slope(cells, a, b)
	return value + gapOf(ga, gb, a, b, da, db)
}

// directions are Newton's, then each coordinate's own: at the box's edge the first may be cut to nothing.
func directions(ga, gb, iaa, iab, ibb float64) [3][2]float64 {
	const ridge = 1e-9
	iaa, ibb = iaa+ridge, ibb+ridge
	det := max(iaa*ibb-iab*iab, 1e-18)
	return [3][2]float64{{(ibb*ga - iab*gb) / det, (iaa*gb - iab*ga) / det}, {ga / iaa, 0}, {0, gb / ibb}}
}

// slope is the gradient of the log likelihood and its negative second derivatives.
func slope(cells []cell, a, b float64) (ga, gb, iaa, iab, ibb float64) {
	for _, l := range cells {
		p := stat.Expit(a + b*l.eta)
		w := l.n * p * (1 - p)
		d := l.pos - l.n*p
		ga += d
		gb += d * l.eta
		iaa += w
		iab += w * l.eta
		ibb += w * l.eta * l.eta
	}
	return ga, gb, iaa, iab, ibb
}

// gapOf is how much more a concave function of that gradient may have anywhere in the box.
func gapOf(ga, gb, a, b, da, db float64) float64 {
	return max(ga*(da-a), ga*(-da-a), 0) + max(gb*(1+db-b), gb*(1-db-b), 0)
}

func clamp(x, lo, hi float64) float64 { return min(max(x, lo), hi) }

// softplus returns ln(1+e^u).
func softplus(u float64) float64 { return max(u, 0) + math.Log1p(math.Exp(-math.Abs(u))) }
