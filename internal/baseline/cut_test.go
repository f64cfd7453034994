package baseline

import (
	"math"
	"math/big"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// oracle places edges by the rule as it is written down, in exact fractions: a value with at least 1/(2b) of the mass is an
// atom and has a bin of its own; walking upward, a bin is closed below an atom, at an atom, and where what it holds reaches
// (1 - the atoms' mass)/B, B = max(4, round(b(1 - the atoms' mass))). The maximum is no edge, and no edge is there twice.
func oracle(values []float64, counts []int64, b int64) []float64 {
	total, atoms := new(big.Int), new(big.Int)
	for _, n := range counts {
		total.Add(total, big.NewInt(n))
	}
	isAtom := func(n int64) bool { return big.NewRat(n, 1).Cmp(new(big.Rat).SetFrac(total, big.NewInt(2*b))) >= 0 }
	for _, n := range counts {
		if isAtom(n) {
			atoms.Add(atoms, big.NewInt(n))
		}
	}
	rest := new(big.Rat).SetFrac(new(big.Int).Sub(total, atoms), total)
	rounded := new(big.Rat).Add(new(big.Rat).Mul(rest, big.NewRat(b, 1)), big.NewRat(1, 2))
	bins := new(big.Int).Quo(rounded.Num(), rounded.Denom()).Int64()
	target := new(big.Rat).Quo(rest, big.NewRat(max(4, bins), 1))
	edges := map[float64]bool{}
	held := new(big.Rat)
	for i, v := range values {
		if isAtom(counts[i]) {
			if held.Sign() > 0 {
				edges[math.Nextafter(v, math.Inf(-1))] = true
			}
			edges[v] = true
			held = new(big.Rat)
			continue
		}
		held = new(big.Rat).Add(held, new(big.Rat).SetFrac(big.NewInt(counts[i]), total))
		if held.Cmp(target) >= 0 {
			edges[v] = true
			held = new(big.Rat)
		}
	}
	var out []float64
	for e := range edges {
		if e < values[len(values)-1] {
			out = append(out, e)
		}
	}
	slices.Sort(out)
	return out
}

// sample is a column's distinct values with their counts, in shapes that occur.
func sample(t *rapid.T) ([]float64, []int64) {
	value := map[string]*rapid.Generator[float64]{
		"continuous": rapid.Float64Range(-1e6, 1e6),
		"integers":   rapid.Map(rapid.IntRange(0, 60), func(i int) float64 { return float64(i) }),
		"few":        rapid.SampledFrom([]float64{-1, 0, 5e-324, 1, 2}),
		"neighbours": rapid.Map(rapid.IntRange(0, 30), func(i int) float64 { return math.Float64frombits(math.Float64bits(1) + uint64(i)) }),
	}[rapid.SampledFrom([]string{"continuous", "integers", "few", "neighbours"}).Draw(t, "shape")]
	values := rapid.SliceOfNDistinct(value, 1, 5, func(v float64) float64 { return v }).Draw(t, "values")
	values = append(values, rapid.SliceOfN(value, 0, 80).Draw(t, "more")...)
	slices.Sort(values)
	values = slices.Compact(values)
	count := rapid.OneOf(rapid.Just(int64(1)), rapid.Int64Range(1, 5), rapid.SampledFrom([]int64{1, 50, 1000, 123_456}))
	counts := make([]int64, len(values))
	for i := range counts {
		counts[i] = count.Draw(t, "count")
	}
	return values, counts
}

func TestCutAgainstTheRule(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values, counts := sample(t)
		b := rapid.SampledFrom([]int{bins, scoreBins}).Draw(t, "b")
		edges := cut(values, counts, b)
		if d := cmp.Diff(oracle(values, counts, int64(b)), edges, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%v times %v: %s", values, counts, d)
		}
		for i := 1; i < len(edges); i++ {
			if edges[i] <= edges[i-1] {
				t.Fatalf("edges %v don't ascend", edges)
			}
		}
		if len(edges) > 0 && edges[len(edges)-1] >= values[len(values)-1] {
			t.Fatalf("an edge at the maximum: %v", edges)
		}
		l := plan.Layout{Edges: edges}
		inBin := make([]int64, l.Bins())
		distinct := make([]int, l.Bins())
		var total int64
		for i, v := range values {
			at := sketch.Bin(&l, v)
			inBin[at] += counts[i]
			distinct[at]++
			total += counts[i]
		}
		var sum int64
		for _, n := range inBin {
			sum += n
		}
		for i, v := range values {
			if at := sketch.Bin(&l, v); 2*int64(b)*counts[i] >= total && distinct[at] != 1 {
				t.Fatalf("the atom %v shares its bin with %d others", v, distinct[at]-1)
			}
		}
		for i, n := range distinct {
			if n == 0 {
				t.Fatalf("bin %d of %v is empty", i, edges)
			}
		}
		if sum != total {
			t.Fatalf("%d of %d counted", sum, total)
		}
	})
}

func TestCutByHand(t *testing.T) {
	below := func(v float64) float64 { return math.Nextafter(v, math.Inf(-1)) }
	run := func(n int, count int64) ([]float64, []int64) {
		values, counts := make([]float64, n), make([]int64, n)
		for i := range values {
			values[i], counts[i] = float64(i+1), count
		}
		return values, counts
	}
	hundred, ones := run(100, 1)
	var fifths []float64
	for i := 5; i < 100; i += 5 {
		fifths = append(fifths, float64(i))
	}
	ten, tens := run(10, 10)
	for name, c := range map[string]struct {
		values []float64
		counts []int64
		want   []float64
	}{
		"constant":   {[]float64{7}, []int64{3}, nil},
		"two values": {[]float64{0, 1}, []int64{9, 1}, []float64{0}},
		// The rare one is no atom: it is the rest, and what is below the atom is closed below it.
		"rare value below":  {[]float64{0, 1}, []int64{1, 99}, []float64{0}},
		"rare value above":  {[]float64{0, 1}, []int64{99, 1}, []float64{0}},
		"equal mass":        {hundred, ones, fifths},
		"integers, all big": {ten, tens, ten[:9]}, // every value is an atom, so nothing runs before any of them
		// Four bins for a fifth of the mass: 80 zeros, then 20 values of one each, five to a bin.
		"zero-inflated": {append([]float64{0}, hundred[:20]...), append([]int64{80}, ones[:20]...), []float64{0, 5, 10, 15}},
		"atom inside":   {[]float64{1, 2, 3, 4, 5}, []int64{1, 1, 96, 1, 1}, []float64{1, 2, 3, 4}},
		"a bin broken off by an atom": {
			[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, []int64{1, 1, 1, 92, 1, 1, 1, 1, 1}, []float64{2, below(4), 4, 6, 8},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := cut(c.values, c.counts, bins)
			if d := cmp.Diff(c.want, got, cmpopts.EquateEmpty()); d != "" {
				t.Error(d)
			}
		})
	}
}

// The threshold parts two bins: no bin holds both decisions.
func TestThresholdIsAnEdge(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom([]float64{0, 0.5, 1})), 0, 200).Draw(t, "scores")
		threshold := rapid.OneOf(rapid.Float64Range(0, 1), rapid.SampledFrom(append([]float64{0, 0.5, 1}, scores...))).Draw(t, "threshold")
		c := plan.Col{Num: scores, State: slices.Repeat([]plan.State{plan.OK}, len(scores))}
		p := &plan.Plan{Score: &plan.Score{Edges: scoreEdges(&c, threshold), Threshold: threshold}}
		if !slices.IsSorted(p.Score.Edges) || len(slices.Compact(slices.Clone(p.Score.Edges))) != len(p.Score.Edges) {
			t.Fatalf("edges %v don't ascend", p.Score.Edges)
		}
		decided, bins := map[int]bool{}, sketch.NewScoreBins(p)
		for _, s := range append(scores, threshold, math.Nextafter(threshold, -1)) {
			bin := bins.Of(s)
			if was, seen := decided[bin]; seen && was != (s >= threshold) {
				t.Fatalf("bin %d of %v holds both decisions at %v", bin, p.Score.Edges, threshold)
			}
			decided[bin] = s >= threshold
		}
	})
}

func TestNegativeZeroIsZero(t *testing.T) {
	c := plan.Col{Num: []float64{0, math.Copysign(0, -1), 1, 9, 9}, State: []plan.State{plan.OK, plan.OK, plan.OK, plan.Missing, plan.Invalid}}
	values, counts := distinct(&c)
	if d := cmp.Diff([]float64{0, 1}, values); d != "" || math.Signbit(values[0]) {
		t.Errorf("%v: %s", values, d)
	}
	if d := cmp.Diff([]int64{2, 1}, counts); d != "" {
		t.Error(d)
	}
}
