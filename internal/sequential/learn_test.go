package sequential

import "testing"

// The chi-square of a dictionary bets where its categories keep still, and only there.
func TestMixedDictionaryDoesNotBet(t *testing.T) {
	for name, want := range map[string]bool{"iid": false, "ar5": true, "ar9": true, "diurnal": true} {
		e, _ := start(t, name)
		seen := false
		for i := range e.channels {
			c := &e.channels[i]
			if c.measure != omnibus {
				continue
			}
			seen = true
			if bets := c.weights != [bets]float64{}; c.mixed != want || bets == want {
				t.Errorf("%s: mixed %v, bets %v, want mixed %v", name, c.mixed, bets, want)
			}
		}
		var sum float64
		for i := e.streams[1].first; i < e.streams[1].last; i++ {
			for _, w := range e.channels[i].weights {
				sum += w
			}
		}
		if !seen || sum < 0.3-1e-12 || sum > 0.3+1e-12 {
			t.Errorf("%s: omnibus there %v; its dictionary's channels have %g of the budget, want 0.3", name, seen, sum)
		}
	}
}
