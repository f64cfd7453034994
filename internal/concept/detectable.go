package concept

import "math"

// Detectable is the smallest lasting shift of the map, in logits, that so many days like the reference's would usually show; +Inf: none of up to 5.
// A bet wins what it wins on average each day, at most mostPerDay, and needs ln(threshold/what a day pays) in all.
func (s *Stream) Detectable(days float64) float64 {
	if s.takes(5) > days {
		return math.Inf(1)
	}
	lo, hi := 0., 5.
	for range 40 {
		if mid := (lo + hi) / 2; s.takes(mid) > days {
			lo = mid
		} else {
			hi = mid
		}
	}
	return hi
}

// Takes is how many days like the reference's it usually takes to find a lasting shift of the map upwards, in logits; +Inf: it is not found.
func (s *Stream) Takes(shift float64) float64 { return s.takes(shift) }

func (s *Stream) takes(shift float64) float64 {
	n := s.null
	perDay := 24 / n.Hours
	cells := n.cells(n.Curve)
	need := math.Log(s.threshold / (s.weight * n.Hours / float64(n.Days) / bets))
	least := math.Inf(1)
	for _, gamma := range shifts {
		var won float64
		for _, l := range cells {
			l.n *= perDay
			l.pos = l.n / (1 + math.Exp(-l.eta-shift))
			d := n.tolerated(l.x)
			won += l.ratio(d, d+gamma)
		}
		if won = min(won/n.Dispersion, mostPerDay); won > 0 {
			least = min(least, need/won)
		}
	}
	return least
}
