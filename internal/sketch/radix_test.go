package sketch

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Any finite numbers are sorted as the library sorts them, with -0 before 0.
func TestSorterAgainstLibrary(t *testing.T) {
	var s sorter
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(
			rapid.Float64Range(-10, 10), rapid.Float64Range(1e9-1, 1e9+1), rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64),
			rapid.SampledFrom([]float64{0, 1, 2, math.Copysign(0, -1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64}),
			rapid.Map(rapid.Uint64Range(0, 1<<20), func(low uint64) float64 { return math.Float64frombits(math.Float64bits(1.5) + low) }),
		)
		if rapid.Bool().Draw(t, "of one kind") {
			number = rapid.Map(rapid.Uint64Range(0, 1<<40), func(low uint64) float64 { return math.Float64frombits(math.Float64bits(-1.5) + low) })
		}
		values := rapid.SliceOfN(number, 0, 300).Draw(t, "values")
		want := slices.SortedFunc(slices.Values(values), func(a, b float64) int {
			switch x, y := ordered(a), ordered(b); {
			case x < y:
				return -1
			case x > y:
				return 1
			}
			return 0
		})
		s.sort(values)
		for i, v := range values {
			if math.Float64bits(v) != math.Float64bits(want[i]) || i > 0 && v < values[i-1] {
				t.Fatalf("%v at %d, want %v", v, i, want[i])
			}
		}
	})
}
