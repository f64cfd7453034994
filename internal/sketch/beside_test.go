package sketch

import (
	"testing"

	"pgregory.net/rapid"
)

// What is said to be above a limit is, what is said to be within is, and what is left lies within 1/32 of the limit: by brute force over
// the values, of either sign.
func TestBesideALimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64Range(-300, 300)).Draw(t, "values")
		limit := rapid.OneOf(rapid.Float64Range(-300, 300), rapid.SampledFrom(append([]float64{0}, values...))).Draw(t, "limit")
		above, within := countHistogram(values).Beside(limit)
		var beyond, inside, far, near int64
		for _, v := range values {
			if v > limit {
				beyond++
			} else {
				inside++
			}
			reach := max(abs(limit), abs(v), 1e-300) / 32 // subnormal numbers aside
			switch {
			case v-limit > reach:
				far++
			case limit-v > reach:
				near++
			}
		}
		if above > beyond || within > inside {
			t.Fatalf("%d above and %d within %v, there are %d and %d", above, within, limit, beyond, inside)
		}
		if above < far || within < near {
			t.Fatalf("%d above and %d within %v, though %d and %d are further from it than a bin is wide", above, within, limit, far, near)
		}
	})
}

func abs(v float64) float64 { return max(v, -v) }
