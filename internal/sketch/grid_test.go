package sketch

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// A grid finds for every number what counting the edges below it finds, whatever the edges are.
func TestGridAgainstBruteForce(t *testing.T) {
	number := rapid.OneOf(
		rapid.Float64Range(-2, 2), rapid.Float64Range(1e9-1, 1e9+1), rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-1e-300, 1e-300),
		rapid.SampledFrom([]float64{0, math.Copysign(0, -1), 1, -1, math.MaxFloat64, -math.MaxFloat64, math.SmallestNonzeroFloat64, 1e9, 0.1}),
		rapid.Map(rapid.IntRange(-300, 300), func(e int) float64 { return math.Pow(10, float64(e)) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfN(number, 0, rapid.SampledFrom([]int{60, 400}).Draw(t, "most")).Draw(t, "edges")
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
		var n numberColumn
		n.grow(1)
		s := &n.sums[0]
		add := func(values ...float64) {
			n.countSums(&numbers{values: values, cells: []run{{0, int32(len(values))}}, all: spanOf(values)})
		}
		var sum, squares Fixed
		overflow, whole := uint32(0), uint64(0)
		var all []float64
		for _, v := range rapid.SliceOf(number).Draw(t, "values") {
			if math.IsInf(v, 0) || math.IsNaN(v) {
				continue
			}
			all = append(all, v, -v, v)
			add(v, -v) // by the loop for numbers of its size
		}
		add(all...) // by that for the largest of them
		for _, v := range append(all, all...) {
			if v == math.Trunc(v) && (v != 0 || !math.Signbit(v)) {
				whole++
			}
			whole += math.Float64bits(v) >> 63 << 32
			square, ok := squareFixed(v)
			if !ok {
				overflow++
				continue
			}
			squares.Merge(square)
			sum.Add(v)
		}
		for i := 0; i < len(all); i += 3 { // the third of each came once only
			n.odds[0].overflow += s.addAny(all[i : i+1])
		}
		if s.sum != sum || s.squares != squares || n.odds[0].overflow != overflow || s.whole != whole {
			t.Fatalf("sums %v, %v, %d left out, %x; want %v, %v, %d, %x", s.sum, s.squares, n.odds[0].overflow, s.whole, sum, squares, overflow, whole)
		}
	})
}

// The bins that a column counts are those that grid.find finds, whichever of its loops finds them.
func TestBinsAreTheGrids(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(-2, 2), rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(0, 1e-300),
		rapid.Map(rapid.IntRange(-20, 20), func(e int) float64 { return math.Pow(3, float64(e)) }))
	loops := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfN(number, 0, 40).Draw(t, "edges")
		slices.Sort(edges)
		edges = slices.Compact(edges)
		n := newNumberColumn(0, &plan.Column{Layout: plan.Layout{Edges: edges}})
		n.grow(2)
		values := append(rapid.SliceOfN(number, 1, 50).Draw(t, "values"), edges...)
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		want := make([]uint32, 2*n.stride)
		for i, v := range values {
			below, _ := slices.BinarySearch(edges, v)
			if i >= cut {
				below += n.stride
			}
			want[below]++
		}
		n.countBins(&numbers{values: values, cells: []run{{0, int32(cut)}, {1, int32(len(values))}}, all: spanOf(values)})
		if !slices.Equal(n.bins, want) {
			t.Fatalf("%v by %v: %v, want %v", values, edges, n.bins, want)
		}
		loops[fmt.Sprint(n.grid.most > 2, n.grid.octave)]++
	})
	if len(loops) < 4 {
		t.Fatalf("only the loops %v were tried", loops)
	}
}
