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

// countHistogram counts values as an epoch does.
func countHistogram(values []float64) *Histogram {
	var c histogramCounter
	for _, v := range values {
		c.add(v)
	}
	return c.histogram()
}

// checkHistogram holds a histogram against its values by what a log-linear histogram is: every bin holds the values between its
// bounds, which are at most 1/32 of themselves apart.
func checkHistogram(h *Histogram, values []float64) string {
	values = slices.Sorted(slices.Values(values))
	if h.Count() != int64(len(values)) {
		return fmt.Sprintf("%d values, want %d", h.Count(), len(values))
	}
	if len(values) == 0 {
		return ""
	}
	if h.min != values[0] || h.max != values[len(values)-1] {
		return fmt.Sprintf("from %v to %v, want %v to %v", h.min, h.max, values[0], values[len(values)-1])
	}
	for i, b := range h.bins {
		if b.count <= 0 || i > 0 && b.key <= h.bins[i-1].key {
			return fmt.Sprintf("bin %d: %+v", i, b)
		}
		held := values[:b.count]
		values = values[b.count:]
		low, high := held[0], held[len(held)-1]
		mid := middle(b.key)
		if b.key == 0 && (low != 0 || high != 0) || (low < 0) != (b.key < 0) || (high > 0) != (b.key > 0) {
			return fmt.Sprintf("bin %d holds %v to %v", b.key, low, high)
		}
		width := max(math.Abs(low-mid), math.Abs(high-mid))
		if least := min(math.Abs(low), math.Abs(high)); width > least/64 && least >= 0x1p-1022 {
			return fmt.Sprintf("bin %d, in the middle of which is %v, holds %v to %v", b.key, mid, low, high)
		}
		if len(values) > 0 && histogramKey(values[0]) == b.key {
			return fmt.Sprintf("%v is not in its bin %d", values[0], b.key)
		}
	}
	return ""
}

func TestHistogramBins(t *testing.T) {
	special := []float64{
		0, math.Copysign(0, -1), 5e-324, -5e-324, 0x1p-1022, 1, -1, 31, 32, 33, 63, 64, 65, 1e9 - 1, 1e9, 1e9 + 1, math.MaxFloat64, -math.MaxFloat64,
		math.Nextafter(1, 0), math.Nextafter(2, 0),
	}
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.SampledFrom(special), rapid.Float64(), rapid.Float64Range(-10, 10), rapid.Map(rapid.IntRange(-100, 100), func(i int) float64 { return float64(i) }))
		values := rapid.SliceOfN(value.Filter(func(v float64) bool { return v-v == 0 }), 0, 60).Draw(t, "values")
		h := countHistogram(values)
		if diff := checkHistogram(h, values); diff != "" {
			t.Fatal(diff)
		}
		// In any order, in any parts, counted by memory that was used before: the same bytes.
		cut := rapid.IntRange(0, len(values)).Draw(t, "cut")
		var c histogramCounter
		c.add(1e300)
		c.add(-1e-300)
		c.reset()
		for _, v := range slices.Backward(values[:cut]) {
			c.add(v)
		}
		one, two := c.histogram(), countHistogram(values[cut:])
		want := h.AppendBinary(nil)
		for _, pair := range [][2]*Histogram{{one, two}, {two, one}} {
			before := pair[1].AppendBinary(nil)
			sum := pair[0].Clone()
			sum.Merge(pair[1])
			if got := sum.AppendBinary(nil); !bytes.Equal(got, want) {
				t.Fatalf("merged %x, want %x", got, want)
			}
			sum.Merge(sum.Clone())
			if !bytes.Equal(pair[1].AppendBinary(nil), before) {
				t.Fatal("Merge changed its argument")
			}
		}
		r := wire.NewReader(want)
		back, err := ReadHistogram(r)
		if err != nil || r.Close() != nil {
			t.Fatalf("read back: %v, %v", err, r.Err())
		}
		if diff := checkHistogram(back, values); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Whole numbers below 64 have bins of their own.
func TestHistogramTellsSmallNumbersApart(t *testing.T) {
	for i := range 63 {
		if a, b := histogramKey(float64(i)), histogramKey(float64(i+1)); a >= b || histogramKey(-float64(i)) != -a {
			t.Errorf("%d is in bin %d, %d in %d", i, a, i+1, b)
		}
	}
}

// A quantile of the digest is that of the values, up to the t-digest's rank error and half a bin.
func TestHistogramDigest(t *testing.T) {
	for _, s := range streams() {
		if s.name == "subnormal" { // their bins are as wide as that of the smallest normal numbers
			continue
		}
		for _, n := range []int{1, 2, 3, 50, 1000, 100_000} {
			values := draw(s, n, 3)
			h := &Histogram{}
			for part := range slices.Chunk(values, max(1, n/7)) {
				h.Merge(countHistogram(part))
			}
			sort.Float64s(values)
			d := h.Digest()
			if d.Count() != int64(n) || d.Min() != values[0] || d.Max() != values[n-1] {
				t.Errorf("%s: %d values from %v to %v, want %d from %v to %v", s.name, d.Count(), d.Min(), d.Max(), n, values[0], values[n-1])
			}
			for _, q := range []float64{0, .001, .01, .1, .25, .5, .75, .9, .99, .999, 1} {
				v := d.Quantile(q)
				// Where v lies among the values if each may have moved by 1/64 of itself.
				low, high := v-math.Abs(v)/63, v+math.Abs(v)/63
				err := max(rankAbove(values, low)-q, q-rankBelow(values, high), 0)
				bound := max(0.006*math.Sqrt(4*q*(1-q)), 0.0007) + 1/float64(n)
				if err > bound {
					t.Errorf("%s, n = %d: quantile %v is %v, off by %.4f of the ranks, at most %.4f", s.name, n, q, v, err, bound)
				}
			}
		}
	}
}

// rankAbove is the share of values below v, rankBelow that of values at most v.
func rankAbove(sorted []float64, v float64) float64 {
	return float64(sort.SearchFloat64s(sorted, v)) / float64(len(sorted))
}

func rankBelow(sorted []float64, v float64) float64 {
	return float64(sort.Search(len(sorted), func(i int) bool { return sorted[i] > v })) / float64(len(sorted))
}

func TestHistogramIsSmall(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 10_000)
	for i := range values {
		values[i] = 100 + 15*rng.NormFloat64()
	}
	if got := len(countHistogram(values).AppendBinary(nil)); got > 130 {
		t.Errorf("10,000 normal values about 100 take %d bytes", got)
	}
}

// One state has one encoding: everything else is refused.
func TestReadHistogramRefuses(t *testing.T) {
	one := appendFloat(nil, 1)
	bin := wire.Int(nil, int64(histogramKey(1)))
	good := slices.Concat([]byte{1}, one, one, bin, []byte{5})
	if _, err := ReadHistogram(wire.NewReader(good)); err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"empty":                       {},
		"cut":                         good[:len(good)-1],
		"no count":                    slices.Concat([]byte{1}, one, one, bin, []byte{0}),
		"two gaps":                    slices.Concat([]byte{2}, one, appendFloat(nil, 1.25), bin, []byte{1, 0, 0, 0, 0, 1}),
		"a smallest value elsewhere":  slices.Concat([]byte{1}, appendFloat(nil, 0.5), one, bin, []byte{5}),
		"a largest value elsewhere":   slices.Concat([]byte{1}, one, appendFloat(nil, 2), bin, []byte{5}),
		"a largest below a smallest":  slices.Concat([]byte{1}, appendFloat(nil, 1.02), one, bin, []byte{5}),
		"one value that is two":       slices.Concat([]byte{1}, one, appendFloat(nil, 1.02), bin, []byte{1}),
		"infinity":                    slices.Concat([]byte{1}, appendFloat(nil, math.Inf(1)), appendFloat(nil, math.Inf(1)), wire.Int(nil, maxMagnitude+1), []byte{1}),
		"a bin beyond the last":       slices.Concat([]byte{2}, one, one, bin, []byte{1, 0}, wire.Uint(nil, 1<<40), []byte{1}),
		"-0":                          slices.Concat([]byte{1, 1, 0x80, 1, 0x80, 0, 1}),
		"a number written long":       slices.Concat([]byte{1}, []byte{3, 0x3f, 0xf0, 0}, one, bin, []byte{5}),
		"more than can have happened": slices.Concat([]byte{1}, one, one, bin, wire.Uint(nil, maxCount+1)),
	} {
		if h, err := ReadHistogram(wire.NewReader(b)); err == nil {
			t.Errorf("%s: read as %+v", name, h)
		}
	}
}

func FuzzReadHistogram(f *testing.F) {
	for _, s := range streams() {
		f.Add(countHistogram(draw(s, 200, 1)).AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		h, err := ReadHistogram(r)
		if err != nil {
			return
		}
		if got := h.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
		}
		if d := h.Digest(); d.Count() != h.Count() {
			t.Fatalf("a digest of %d values, want %d", d.Count(), h.Count())
		}
	})
}
