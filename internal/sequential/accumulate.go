package sequential

import "math"

// mostEvidence keeps evidence finite.
const mostEvidence = 1e15

// evidence is what a channel's bets have won. Each bet is a Shiryaev-Roberts sum M and beside it a CUSUM W (Page 1954), which is
// at 0 until the last change point: effects are averaged from there.
type evidence struct {
	m, w  [bets]float64
	shift [bets]float64 // sum of effects in the bet's direction
	gap   [bets]float64 // sum of changes of a share in the bet's direction
	panes [bets]uint32
	since [bets]int64 // start of the first pane since the change point
}

// add takes one pane: M <- (M + w)L with the pane's hours in w. Since L is 1 at most on average without drift, M less the hours
// paid for does not rise on average.
func (e *evidence) add(lnL *[bets]float64, weights *[bets]float64, hours, effect, gap float64, start int64) {
	for i, l := range lnL {
		// A bet without a weight wins nothing, and is followed all the same: a large one dates a large change best.
		e.m[i] = min((e.m[i]+weights[i]*hours)*math.Exp(l), mostEvidence)
		e.w[i] += l
		if e.w[i] <= 0 {
			e.w[i], e.shift[i], e.gap[i], e.panes[i] = 0, 0, 0, 0
			continue
		}
		if e.panes[i] == 0 {
			e.since[i] = start
		}
		sign := 1.
		if i >= sizes {
			sign = -1
		}
		e.shift[i] += sign * effect
		e.gap[i] += sign * gap
		e.panes[i]++
	}
}

// relevant reports whether the mean effect of a bet since its change point is one that matters.
func (e *evidence) relevant(i int, floor, least float64) bool {
	n := float64(e.panes[i])
	return n > 0 && e.shift[i]/n >= floor && e.gap[i]/n >= least
}

// standing is what a channel's evidence amounts to.
type standing struct {
	gated float64 // of bets whose effect matters
	whole float64 // of all
	best  int     // the bet that dates the change, see dates
}

func (e *evidence) standing(floor, least float64) (s standing) {
	s.best = -1
	for i, m := range e.m {
		s.whole += m
		if !e.relevant(i, floor, least) {
			continue
		}
		s.gated += m
		bet := e.m[i-i%sizes:][:sizes] // in its direction
		if max(bet[0], bet[1], bet[2]) > 0 && (s.best < 0 || e.dates(i, s.best)) {
			s.best = i
		}
	}
	s.best = max(s.best, 0)
	return s
}

// dates reports whether bet i dates a change better than j does. The sum of a small bet comes to rest seldom, so that a large change finds
// it under way: of those that have won about as much, the one that began last knows best.
func (e *evidence) dates(i, j int) bool {
	if more, less := max(e.w[i], e.w[j]), min(e.w[i], e.w[j]); less < more/2 {
		return e.w[i] > e.w[j]
	}
	return e.since[i] > e.since[j] || e.since[i] == e.since[j] && e.w[i] > e.w[j]
}

// effect is the mean effect of a bet since its change point, signed as it was measured.
func (e *evidence) effect(i int) float64 {
	if e.panes[i] == 0 {
		return 0
	}
	x := e.shift[i] / float64(e.panes[i])
	if i >= sizes {
		return -x
	}
	return x
}

// change is the mean change of a share, likewise.
func (e *evidence) change(i int) float64 {
	if e.panes[i] == 0 {
		return 0
	}
	x := e.gap[i] / float64(e.panes[i])
	if i >= sizes {
		return -x
	}
	return x
}

func (e *evidence) reset() { *e = evidence{} }
