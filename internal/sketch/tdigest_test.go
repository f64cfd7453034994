package sketch

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sort"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

type stream struct {
	name string
	next func(rng *rand.Rand, i int) float64
}

// streams are shapes that hurt.
func streams() []stream {
	return []stream{
		{"uniform", func(r *rand.Rand, _ int) float64 { return r.Float64() }},
		{"normal", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() }},
		{"lognormal", func(r *rand.Rand, _ int) float64 { return math.Exp(2 * r.NormFloat64()) }},
		{"pareto", func(r *rand.Rand, _ int) float64 { return math.Pow(1-r.Float64(), -1/0.7) }},
		{"cauchy", func(r *rand.Rand, _ int) float64 { return math.Tan(math.Pi * (r.Float64() - 0.5)) }},
		{"sorted", func(_ *rand.Rand, i int) float64 { return float64(i) }},
		{"falling", func(_ *rand.Rand, i int) float64 { return -float64(i) }},
		{"drifting", func(r *rand.Rand, i int) float64 { return r.NormFloat64() + float64(i)/1e4 }},
		{"constant", func(*rand.Rand, int) float64 { return 42 }},
		{"two points", func(r *rand.Rand, _ int) float64 { return float64(r.IntN(10) / 7) }},
		{"1e9 +- 1", func(r *rand.Rand, _ int) float64 { return 1e9 + float64(r.IntN(3)-1) }},
		{"near 1e9", func(r *rand.Rand, _ int) float64 { return 1e9 + 2*r.Float64() - 1 }},
		{"40 % zeros", func(r *rand.Rand, _ int) float64 {
			if r.Float64() < 0.4 {
				return 0
			}
			return math.Exp(r.NormFloat64())
		}},
		{"poisson", func(r *rand.Rand, _ int) float64 { return poisson(r, 3) }},
		{"large poisson", func(r *rand.Rand, _ int) float64 { return poisson(r, 400) }},
		{"cents", func(r *rand.Rand, _ int) float64 { return math.Round(100*math.Exp(r.NormFloat64())) / 100 }},
		{"subnormal", func(r *rand.Rand, _ int) float64 { return r.NormFloat64() * 1e-310 }},
		{"huge", func(r *rand.Rand, _ int) float64 { return (2*r.Float64() - 1) * math.MaxFloat64 }},
	}
}

func poisson(r *rand.Rand, mean float64) float64 {
	k, t := 0.0, r.ExpFloat64()
	for t < mean {
		k++
		t += r.ExpFloat64()
	}
	return k
}

func draw(s stream, n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]float64, n)
	for i := range out {
		out[i] = s.next(rng, i)
	}
	return out
}

// rankError is how far the share q lies from the ranks that v has in the sorted data: 0 if v could be the quantile.
func rankError(sorted []float64, v, q float64) float64 {
	n := float64(len(sorted))
	low := float64(sort.SearchFloat64s(sorted, v)) / n
	high := float64(sort.Search(len(sorted), func(i int) bool { return sorted[i] > v })) / n
	return max(low-q, q-high, 0)
}

// The bounds promised in TDigest's comment, for data added one by one and for 24 digests merged.
func TestTDigestRankError(t *testing.T) {
	bounds := map[float64]float64{0: 0, 0.001: 0.0003, 0.01: 0.00075, 0.1: 0.0025, 0.25: 0.0025, 0.5: 0.0025, 0.75: 0.0025, 0.9: 0.0025, 0.99: 0.00075, 0.999: 0.0003, 1: 0}
	const n, panes = 100_000, 24
	worst := map[float64]float64{}
	for _, s := range streams() {
		for seed := range uint64(2) {
			data := draw(s, n, seed)
			one, many := NewTDigest(), NewTDigest()
			parts := make([]TDigest, panes)
			for i, v := range data {
				one.Add(v)
				parts[i*panes/n].Add(v)
			}
			for i := range parts {
				many.Merge(&parts[i])
			}
			slices.Sort(data)
			for name, d := range map[string]*TDigest{"added": one, "merged": many} {
				if d.Count() != n || d.Min() != data[0] || d.Max() != data[n-1] {
					t.Errorf("%s %s: count %d, range %v..%v, want %v..%v", s.name, name, d.Count(), d.Min(), d.Max(), data[0], data[n-1])
				}
				for q, bound := range bounds {
					e := rankError(data, d.Quantile(q), q)
					worst[q] = max(worst[q], e)
					if e > bound {
						t.Errorf("%s %s, seed %d: rank error %.5f at %v, want at most %v", s.name, name, seed, e, q, bound)
					}
				}
				for _, i := range []int{0, n / 1000, n / 100, n / 2, n - n/100, n - 1} {
					x := data[i]
					got, low, high := d.CDF(x), share(data, math.Nextafter(x, math.Inf(-1))), share(data, x)
					if got < low-0.005 || got > high+0.005 {
						t.Errorf("%s %s: CDF(%v) = %v, want in %v..%v", s.name, name, x, got, low, high)
					}
				}
			}
		}
	}
	t.Logf("largest rank errors: %v", worst)
}

func share(sorted []float64, x float64) float64 {
	return float64(sort.Search(len(sorted), func(i int) bool { return sorted[i] > x })) / float64(len(sorted))
}

// So many distinct values are exact: quantiles, CDF, and bytes in any order of operations.
func TestTDigestIsExactForFewValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		distinct := rapid.SliceOfNDistinct(finite(), 1, digestExact, rapid.ID).Draw(t, "distinct")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var data []float64
		for _, v := range distinct {
			for range 1 + rng.IntN(60) {
				data = append(data, v)
			}
		}
		var want []byte
		for round := range 3 {
			rng.Shuffle(len(data), func(i, j int) { data[i], data[j] = data[j], data[i] })
			d := NewTDigest()
			parts := make([]TDigest, 1+round)
			for i, v := range data {
				parts[i%len(parts)].Add(v)
			}
			for i := range parts {
				d.Merge(&parts[i])
			}
			got := d.AppendBinary(nil)
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("round %d: other bytes in another order", round)
			}
			sorted := slices.Sorted(slices.Values(data))
			for i, v := range sorted {
				if got := d.CDF(v); got != share(sorted, v) {
					t.Fatalf("CDF(%v) = %v, want %v", v, got, share(sorted, v))
				}
				q := (float64(i) + 0.5) / float64(len(sorted))
				if got := d.Quantile(q); got != v {
					t.Fatalf("Quantile(%v) = %v, want %v", q, got, v)
				}
			}
		}
	})
}

func finite() *rapid.Generator[float64] {
	return rapid.Custom(func(t *rapid.T) float64 {
		v := anyFloat().Draw(t, "v")
		if v-v != 0 {
			return 0
		}
		return v + 0
	})
}

// Whatever goes in: quantile and CDF ascend, stay within the data, and what was written is read back.
func TestTDigestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := NewTDigest()
		values := rapid.SliceOfN(anyFloat(), 0, 60).Draw(t, "values")
		repeat := rapid.IntRange(1, 40).Draw(t, "repeat")
		low, high, n := math.NaN(), math.NaN(), int64(0)
		for i := range repeat {
			for _, v := range values {
				v += float64(i) // more than the exact items
				d.Add(v)
				if v-v == 0 {
					n++
					if !(low <= v) {
						low = v
					}
					if !(high >= v) {
						high = v
					}
				}
			}
		}
		if d.Count() != n || fmt.Sprint(d.Min(), d.Max()) != fmt.Sprint(low+0, high+0) {
			t.Fatalf("count %d, range %v..%v, want %d, %v..%v", d.Count(), d.Min(), d.Max(), n, low, high)
		}
		before := d.Clone()
		last := math.Inf(-1)
		for i := range 51 {
			v := d.Quantile(float64(i) / 50)
			if n == 0 {
				if v == v {
					t.Fatalf("quantile %v of nothing", v)
				}
				continue
			}
			if !(v >= last && v >= low && v <= high) {
				t.Fatalf("quantile %d/50 is %v after %v, range %v..%v", i, v, last, low, high)
			}
			if i > 0 && d.CDF(v) < d.CDF(last) {
				t.Fatalf("CDF falls between %v and %v", last, v)
			}
			if c := d.CDF(v); !(c >= 0 && c <= 1) {
				t.Fatalf("CDF(%v) = %v", v, c)
			}
			last = v
		}
		b := d.AppendBinary(nil)
		if len(before.buf) != len(d.buf) || len(before.cents) != len(d.cents) {
			t.Fatal("reading changed the digest")
		}
		r := wire.NewReader(b)
		back, err := ReadTDigest(r)
		if err != nil || r.Close() != nil {
			t.Fatalf("read back: %v, %v", err, r.Err())
		}
		NewTDigest().Merge(d)
		if len(before.buf) != len(d.buf) || len(before.cents) != len(d.cents) {
			t.Fatal("Merge changed its argument")
		}
		if !bytes.Equal(back.AppendBinary(nil), b) || back.Count() != n {
			t.Fatal("another digest was read back")
		}
	})
}

func TestTDigestStaysSmall(t *testing.T) {
	for _, s := range streams() {
		d := NewTDigest()
		for _, v := range draw(s, 60_000, 3) {
			d.Add(v)
		}
		if b := d.AppendBinary(nil); len(d.flushed().cents) > Compression+4 || len(b) > 3000 {
			t.Errorf("%s: %d centroids in %d bytes", s.name, len(d.flushed().cents), len(b))
		}
	}
	for want, values := range map[int][]float64{1: nil, 4: {3}, 8: {3, 1000}, 19: {0.1, 0.7}, 2: {0, 0, 0}} {
		d := NewTDigest()
		for _, v := range values {
			d.Add(v)
		}
		if got := len(d.AppendBinary(nil)); got != want {
			t.Errorf("%v takes %d bytes, want %d", values, got, want)
		}
	}
}

// The steps of the scale function are written out; they belong to the compression.
func TestTDigestSteps(t *testing.T) {
	step := 2 * math.Pi / Compression
	if math.Abs(cosStep-math.Cos(step)) > 2e-16 || math.Abs(sinStep-math.Sin(step)) > 1e-17 {
		t.Errorf("cos %v, sin %v, want %v, %v", cosStep, sinStep, math.Cos(step), math.Sin(step))
	}
	k := func(q float64) float64 { return Compression / (2 * math.Pi) * math.Asin(2*q-1) }
	for q := 0.0; q < 0.999; q += 0.0007 {
		if next := oneFurther(q); math.Abs(k(next)-k(q)-1) > 1e-6 && next < 1 {
			t.Errorf("from %v to %v k1 grows by %v, want 1", q, next, k(next)-k(q))
		}
	}
}

func TestTDigestKnowsOneZero(t *testing.T) {
	d := NewTDigest()
	for _, v := range []float64{math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1)} {
		d.Add(v)
	}
	if got := d.AppendBinary(nil); !bytes.Equal(got, []byte{1, 0}) || math.Signbit(d.Min()) {
		t.Errorf("%x, from %v", got, d.Min())
	}
}

func TestTDigestMergesItself(t *testing.T) {
	for _, n := range []int{10, 5000} {
		d := NewTDigest()
		for i := range n {
			d.Add(float64(i))
		}
		d.Merge(d)
		if d.Count() != int64(2*n) || d.Min() != 0 || d.Max() != float64(n-1) {
			t.Errorf("n = %d: count %d, range %v..%v", n, d.Count(), d.Min(), d.Max())
		}
	}
}

func FuzzReadTDigest(f *testing.F) {
	for _, s := range streams() {
		for _, n := range []int{0, 2, 2000} {
			d := NewTDigest()
			for _, v := range draw(s, n, 1) {
				d.Add(v)
			}
			f.Add(d.AppendBinary(nil))
		}
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		d, err := ReadTDigest(r)
		if err != nil {
			return
		}
		if got := d.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
		}
		// A digest that was read can be used.
		for i := range 2000 {
			d.Add(float64(i))
		}
		d.Merge(d)
		if q := d.Quantile(0.5); q != q || d.flushed().cents[0].pure != true {
			t.Fatalf("median %v", q)
		}
	})
}

func ExampleTDigest() {
	d := NewTDigest()
	for i := range 10_000 {
		d.Add(float64(i))
	}
	fmt.Println(d.Count(), d.Min(), d.Max(), math.Round(d.Quantile(0.5)/100)*100, math.Round(d.CDF(2500)*100)/100)
	// Output: 10000 0 9999 5000 0.25
}

// Values that come in one call, in any cuts, or as weighted pairs in any order are held to the bounds of those that come one by one; from an empty
// digest on, one call gives the same bytes as one by one.
func TestTDigestAddedInBulk(t *testing.T) {
	const n = 60_000
	for _, s := range streams() {
		data := draw(s, n, 5)
		single, whole, cut, pairs := NewTDigest(), NewTDigest(), NewTDigest(), NewTDigest()
		rng := rand.New(rand.NewPCG(1, 2))
		for _, v := range data {
			single.Add(v)
		}
		whole.AddAll(data)
		if !bytes.Equal(single.AppendBinary(nil), whole.AppendBinary(nil)) {
			t.Errorf("%s: other bytes in one call", s.name)
		}
		for rest := data; len(rest) > 0; {
			part := rest[:min(len(rest), rng.IntN(20_000))]
			rest = rest[len(part):]
			cut.AddAll(append([]float64{math.NaN(), math.Inf(1), math.Inf(-1)}, part...))
		}
		times := map[float64]int64{}
		for _, v := range data {
			times[v+0]++
		}
		list := []Weighted{{math.NaN(), 3}, {math.Inf(1), 3}, {1, 0}, {1, -4}}
		for _, v := range data {
			if w := times[v+0]; w > 0 {
				list = append(list, Weighted{v, w})
				times[v+0] = 0
			}
		}
		pairs.AddAllWeighted(list)
		slices.Sort(data)
		for name, d := range map[string]*TDigest{"cut": cut, "pairs": pairs} {
			if d.Count() != n || d.Min() != data[0] || d.Max() != data[n-1] {
				t.Errorf("%s, %s: count %d, range %v..%v, want %v..%v", s.name, name, d.Count(), d.Min(), d.Max(), data[0], data[n-1])
			}
			for q, bound := range map[float64]float64{.001: .0003, .01: .00075, .25: .0025, .5: .0025, .99: .00075, .999: .0003} {
				if e := rankError(data, d.Quantile(q), q); e > bound {
					t.Errorf("%s, %s: rank error %.5f at %v", s.name, name, e, q)
				}
			}
		}
	}
}
