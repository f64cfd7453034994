package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Any numbers are sorted as the library sorts the finite ones.
func TestSorterAgainstLibrary(t *testing.T) {
	var s sorter
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.OneOf(
			rapid.Float64Range(-10, 10), rapid.Float64Range(1e9-1, 1e9+1), rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64),
			rapid.SampledFrom([]float64{0, 1, 2, math.Copysign(0, -1), math.NaN(), math.Inf(-1), math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64}),
			rapid.Map(rapid.Uint64Range(0, 1<<20), func(low uint64) float64 { return math.Float64frombits(math.Float64bits(1.5) + low) }),
		)
		if rapid.Bool().Draw(t, "of one kind") {
			number = rapid.Map(rapid.Uint64Range(0, 1<<40), func(low uint64) float64 { return math.Float64frombits(math.Float64bits(-1.5) + low) })
		}
		values := rapid.SliceOfN(number, 0, 300).Draw(t, "values")
		// Many of them, some again: runs of all lengths that the digits don't tell apart.
		for times := rapid.IntRange(0, 30).Draw(t, "times"); times > 0 && len(values) > 0; times-- {
			values = append(values, values[:min(len(values), 271)]...)
		}
		values = values[:min(len(values), digestValues)]
		var want []float64
		for _, v := range values {
			if !math.IsNaN(v) && !math.IsInf(v, 0) {
				want = append(want, v+0)
			}
		}
		slices.Sort(want)
		got := s.sorted(values)
		if len(got) != len(want) {
			t.Fatalf("%d values, want %d", len(got), len(want))
		}
		for i, v := range got {
			if math.Float64bits(v) != math.Float64bits(want[i]) {
				t.Fatalf("%v at %d, want %v", v, i, want[i])
			}
		}
	})
}

// Values that the first digits don't tell apart, so many that they are sorted by their own.
func TestSorterOfClusters(t *testing.T) {
	var s sorter
	rng := rand.New(rand.NewPCG(5, 6))
	for _, width := range []float64{1e-3, 1e-9, 1e-15} {
		values := make([]float64, digestValues)
		for i := range values {
			values[i] = []float64{-1e300, -1, 1e-300, 7, 7e9}[rng.IntN(5)] * (1 + width*rng.Float64())
		}
		want := slices.Sorted(slices.Values(values))
		if got := s.sorted(values); !slices.Equal(got, want) {
			t.Errorf("width %g: not sorted", width)
		}
	}
}

// What comes in order, or in reverse, isn't sorted again; what only looks so at its ends is.
func TestSorterOfOrdered(t *testing.T) {
	var s sorter
	negative := math.Copysign(0, -1)
	for _, c := range []struct{ values, want []float64 }{
		{nil, nil},
		{[]float64{1}, []float64{1}},
		{[]float64{math.NaN()}, nil},
		{[]float64{-1, negative, 0, 2, 2}, []float64{-1, 0, 0, 2, 2}},
		{[]float64{2, 2, 0, negative, -1}, []float64{-1, 0, 0, 2, 2}},
		{[]float64{1, 2, 3, 3, 1}, []float64{1, 1, 2, 3, 3}},
		{[]float64{1, math.NaN(), 2}, []float64{1, 2}},
		{[]float64{1, 2, math.Inf(1)}, []float64{1, 2}},
		{[]float64{math.Inf(-1), 1, 2}, []float64{1, 2}},
		{[]float64{2, 1, math.Inf(-1)}, []float64{1, 2}},
		{[]float64{1, math.Inf(1), 2}, []float64{1, 2}},
	} {
		got := s.sorted(c.values)
		if !slices.EqualFunc(got, c.want, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
			t.Errorf("%v: %v, want %v", c.values, got, c.want)
		}
	}
}
