package coverage

import (
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// said is what one window says of one metric.
type said struct {
	name      string
	low, high float64
	few       bool
	ok        bool
}

func of(name string, b stat.Band, ok bool) said {
	return said{name: name, low: b.Low, high: b.High, few: b.Few, ok: ok}
}

// truth is the true value of one metric.
type truth struct {
	name  string
	value float64
}

// world is a population: its truths, and the windows drawn from it.
type world struct {
	task, scenario string
	truths         []truth
	// window draws n events and says what they say; it keeps nothing, so many may be drawn at once.
	window func(rng *rand.Rand, n int) []said
}

// alias draws from a finite law in constant time (Walker 1977; Vose 1991).
type alias struct {
	stay  []float64
	other []int32
}

func newAlias(weights []float64) alias {
	k := len(weights)
	var total float64
	for _, w := range weights {
		total += w
	}
	a := alias{stay: make([]float64, k), other: make([]int32, k)}
	scaled := make([]float64, k)
	var small, large []int32
	for i, w := range weights {
		scaled[i] = w / total * float64(k)
		if scaled[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		s, l := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		a.stay[s], a.other[s] = scaled[s], l
		scaled[l] -= 1 - scaled[s]
		if scaled[l] < 1 {
			large = large[:len(large)-1]
			small = append(small, l)
		}
	}
	for _, i := range append(small, large...) {
		a.stay[i], a.other[i] = 1, i
	}
	return a
}

func (a *alias) draw(rng *rand.Rand) int {
	i := rng.IntN(len(a.stay))
	if rng.Float64() < a.stay[i] {
		return i
	}
	return int(a.other[i])
}

// counts draws n events and counts each kind.
func (a *alias) counts(rng *rand.Rand, n int) []int64 {
	out := make([]int64, len(a.stay))
	for range n {
		out[a.draw(rng)]++
	}
	return out
}

// panes is into how many parts a window is cut where a metric needs the jackknife.
const panes = 20

// cut draws n events in so many parts, and adds them up.
func (a *alias) cut(rng *rand.Rand, n int) (parts [][]int64, sum []int64) {
	parts, sum = make([][]int64, panes), make([]int64, len(a.stay))
	for i := range parts {
		parts[i] = a.counts(rng, n*(i+1)/panes-n*i/panes)
		for j, c := range parts[i] {
			sum[j] += c
		}
	}
	return parts, sum
}

// whole is how many events stand for the population itself.
const whole = 1e9

// expected are the counts of a population of so many events.
func expected(weights []float64) []int64 {
	var total float64
	for _, w := range weights {
		total += w
	}
	out := make([]int64, len(weights))
	for i, w := range weights {
		out[i] = int64(w/total*whole + 0.5)
	}
	return out
}
