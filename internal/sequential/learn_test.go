package sequential

import (
	"math"
	"math/rand/v2"
	"testing"
)

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

// dictionary draws hourly panes of about 10,000 events in 40 categories, whose logarithms wander by sd with a correlation of 0.5. From the hour of the change on every other category
// is spread times as frequent, and the rest make room.
func dictionary(sd float64, hours, from int, spread float64) []Pane {
	const categories, events = 40, 10_000
	rng := rand.New(rand.NewPCG(9, 8))
	var wander [categories]float64
	out := make([]Pane, hours)
	for t := range out {
		var odds [categories]float64
		var sum float64
		for k := range odds {
			wander[k] = 0.5*wander[k] + math.Sqrt(0.75)*rng.NormFloat64()
			odds[k] = math.Exp(sd * wander[k])
			if t >= from {
				odds[k] *= 1 + (spread-1)*float64(1-2*(k%2))
			}
			sum += odds[k]
		}
		counts := Counts{Bins: make([]int64, categories)}
		for k := range counts.Bins { // so many events that a normal number is as good as Poisson's
			mean := events * odds[k] / sum
			counts.Bins[k] = int64(math.Round(max(mean+math.Sqrt(mean)*rng.NormFloat64(), 0)))
			counts.N += counts.Bins[k]
		}
		start := int64(t) * hour
		out[t] = Pane{Start: start, End: start + hour, N: counts.N, Counts: []Counts{counts}}
		out[t].Season[0] = 1
	}
	return out
}

// What is lost with a dictionary that doesn't bet: a change spread over many small categories, each of which moves by less than what matters. A still dictionary
// tells it by the chi-square, a wandering one not at all, nor does it say anything without a change.
func TestSpreadChange(t *testing.T) {
	const history, watched = 28 * 24, 14 * 24
	spec := Spec{Budget: 1, Streams: []Stream{{Name: "k", Kind: Categorical, Weight: 1, Floors: DefaultFloors()}}}
	for _, c := range []struct {
		sd, spread float64
		told       string
	}{{0, 1, ""}, {0, 1.15, "omnibus"}, {0.1, 1, ""}, {0.1, 1.15, ""}, {0.1, 2, "category"}} {
		panes := dictionary(c.sd, history+watched, history, c.spread)
		e, err := Learn(spec, panes[:history])
		if err != nil {
			t.Fatal(err)
		}
		told, at := "", 0
		for i := range panes[history:] {
			step, err := e.Advance(&panes[history+i])
			if err != nil {
				t.Fatal(err)
			}
			if len(step.Alarms) > 0 {
				told, at = step.Alarms[0].Channel, i+1
				break
			}
		}
		t.Logf("wander %g, half of 40 categories x %g: told by %q after %d h", c.sd, c.spread, told, at)
		if told != c.told {
			t.Errorf("wander %g, half of 40 categories x %g: told by %q, want %q", c.sd, c.spread, told, c.told)
		}
	}
}
