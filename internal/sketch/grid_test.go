package sketch

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A grid finds for every number what counting the edges below it finds, whatever the edges are.
func TestGridAgainstBruteForce(t *testing.T) {
	number := rapid.OneOf(
		rapid.Float64Range(-2, 2), rapid.Float64Range(1e9-1, 1e9+1), rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-1e-300, 1e-300),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e9, 0.1}),
		rapid.Map(rapid.IntRange(-300, 300), func(e int) float64 { return math.Pow(10, float64(e)) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfN(number, 0, 60).Draw(t, "edges")
		slices.Sort(edges)
		edges = slices.Compact(edges)
		g := newGrid(edges)
		values := rapid.SliceOf(number).Draw(t, "values")
		for _, e := range edges {
			values = append(values, e, math.Nextafter(e, math.Inf(1)), math.Nextafter(e, math.Inf(-1)))
		}
		for _, v := range values {
			if math.IsInf(v, 0) {
				continue
			}
			want := 0
			for want < len(edges) && edges[want] < v {
				want++
			}
			if got := g.find(v); got != want {
				t.Fatalf("%v lies above %d of the edges %v, found %d", v, want, edges, got)
			}
		}
	})
}

// Sums of a column are those of Fixed, to the last bit, also where rounding is a matter of half a unit.
func TestNumberSumsAreFixed(t *testing.T) {
	tie := rapid.Custom(func(t *rapid.T) float64 { // half a unit of the sum, or of the square, and close to it
		v := float64(2*rapid.Int64Range(0, 1<<30).Draw(t, "odd")+1) * math.Ldexp(1, -rapid.IntRange(18, 42).Draw(t, "scale"))
		for range rapid.IntRange(0, 2).Draw(t, "beside") {
			v = math.Nextafter(v, 0)
		}
		return v
	})
	root := rapid.Custom(func(t *rapid.T) float64 { // whose square is about half a unit beside a whole one
		return math.Sqrt((float64(rapid.Int64Range(0, 1<<50).Draw(t, "whole")) + 0.5) / fixedUnit)
	})
	number := rapid.OneOf(tie, root, rapid.Float64Range(-3000, 3000), rapid.Float64Range(-1e12, 1e12), rapid.Float64Range(-1e-5, 1e-5), rapid.Float64())
	rapid.Check(t, func(t *rapid.T) {
		var s numberSums
		var sum, squares Fixed
		overflow := uint32(0)
		for _, v := range rapid.SliceOf(number).Draw(t, "values") {
			if math.IsInf(v, 0) || math.IsNaN(v) {
				continue
			}
			for _, v := range []float64{v, -v} {
				s.add(v)
				square, ok := squareFixed(v)
				if !ok {
					overflow++
					continue
				}
				squares.Merge(square)
				sum.Add(v)
			}
			s.add(v)
			if square, ok := squareFixed(v); ok {
				squares.Merge(square)
				sum.Add(v)
			} else {
				overflow++
			}
		}
		if s.sum != sum || s.squares != squares || s.overflow != overflow {
			t.Fatalf("sums %v, %v, %d left out; want %v, %v, %d", s.sum, s.squares, s.overflow, sum, squares, overflow)
		}
	})
}
