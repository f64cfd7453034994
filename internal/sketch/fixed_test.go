package sketch

import (
	"math"
	"math/big"
	"math/bits"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// units is v in units of 2^-40, rounded to nearest, ties to even, by big arithmetic.
func units(v *big.Float) *big.Int {
	scaled := new(big.Float).SetPrec(2400).SetMantExp(v, fixedFraction)
	floor, _ := scaled.Int(nil) // towards 0
	rest := new(big.Float).SetPrec(2400).Sub(scaled, new(big.Float).SetPrec(2400).SetInt(floor))
	rest.Abs(rest)
	up := rest.Cmp(big.NewFloat(0.5))
	if up > 0 || up == 0 && floor.Bit(0) == 1 {
		floor.Add(floor, big.NewInt(int64(scaled.Sign())))
	}
	return floor
}

func anyFloat() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.Float64Range(-1e3, 1e3),
		rapid.Custom(func(t *rapid.T) float64 { return float64(rapid.Int64Range(-1<<40, 1<<40).Draw(t, "i")) }),
		rapid.Custom(func(t *rapid.T) float64 { // near the rounding unit: ties are common
			return math.Ldexp(float64(rapid.Int64Range(-64, 64).Draw(t, "m")), rapid.IntRange(-110, -36).Draw(t, "e"))
		}),
		rapid.Custom(func(t *rapid.T) float64 { // the same for squares
			m := rapid.SampledFrom([]int64{1, 3, 5, 7, 1<<30 + 1, 1<<52 + 1}).Draw(t, "m")
			return math.Ldexp(float64(m), -rapid.IntRange(0, 10).Draw(t, "e")-20-bits.Len64(uint64(m))/2)
		}),
		rapid.SampledFrom([]float64{
			0, math.Copysign(0, -1), math.SmallestNonzeroFloat64, math.MaxFloat64, math.Inf(1), math.Inf(-1), math.NaN(),
			math.Ldexp(1, 70), math.Nextafter(math.Ldexp(1, 70), 0), -math.Ldexp(1, 69), math.Ldexp(1, 35), math.Nextafter(math.Ldexp(1, 35), 0),
			math.Ldexp(1, -41), math.Nextafter(math.Ldexp(1, -41), 1), math.Ldexp(3, -41), math.Ldexp(1, -21), 1e9 - 1, 1e9 + 1,
		}),
	)
}

func TestFixedAgainstBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyFloat().Draw(t, "v")
		var f Fixed
		ok := f.Add(v)
		if want := math.Abs(v) < math.Ldexp(1, 70); ok != want {
			t.Fatalf("Add(%v) = %t, want %t", v, ok, want)
		}
		if !ok {
			if !f.IsZero() {
				t.Fatalf("Add(%v) refused and left %v", v, f)
			}
			return
		}
		if got, want := f.big(), units(big.NewFloat(v)); got.Cmp(want) != 0 {
			t.Fatalf("Add(%v): %v units, want %v", v, got, want)
		}
		want, _ := new(big.Float).SetPrec(200).SetMantExp(new(big.Float).SetPrec(200).SetInt(f.big()), -fixedFraction).Float64()
		if got := f.Float(); got != want {
			t.Fatalf("Float() of %v units = %v, want %v", f.big(), got, want)
		}
		square, ok := squareFixed(v)
		if ok != (math.Abs(v) < math.Ldexp(1, 35)) {
			t.Fatalf("squareFixed(%v) = %t", v, ok)
		}
		if ok {
			exact := new(big.Float).SetPrec(200).Mul(big.NewFloat(v), big.NewFloat(v))
			if got, want := square.big(), units(exact); got.Cmp(want) != 0 {
				t.Fatalf("squareFixed(%v): %v units, want %v", v, got, want)
			}
		}
	})
}

func TestRoundedShift(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 2, 3, 1 << 62, 1 << 63, 1<<63 | 1, 1<<63 - 1, math.MaxUint64}))
		hi, lo, n := word.Draw(t, "hi")>>1, word.Draw(t, "lo"), rapid.IntRange(1, 126).Draw(t, "n")
		v := Fixed{int64(hi), lo}.big()
		want := new(big.Int).Rsh(v, uint(n))
		rest := new(big.Int).Sub(v, new(big.Int).Lsh(want, uint(n)))
		if c := rest.Cmp(new(big.Int).Lsh(big.NewInt(1), uint(n-1))); c > 0 || c == 0 && want.Bit(0) == 1 {
			want.Add(want, big.NewInt(1))
		}
		if h, l := roundedShift(hi, lo, n); (Fixed{int64(h), l}).big().Cmp(want) != 0 {
			t.Fatalf("%v >> %d = %v, want %v", v, n, Fixed{int64(h), l}.big(), want)
		}
	})
}

func TestFixedFloatRoundsToNearest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := Fixed{
			Hi: rapid.Int64().Draw(t, "hi") >> rapid.IntRange(0, 63).Draw(t, "shift"),
			Lo: rapid.OneOf(rapid.Uint64(), rapid.SampledFrom([]uint64{0, 1, 1 << 10, 1<<11 - 1, 1 << 11, 1<<63 | 1})).Draw(t, "lo"),
		}
		want, _ := new(big.Float).SetPrec(200).SetMantExp(new(big.Float).SetPrec(200).SetInt(f.big()), -fixedFraction).Float64()
		if got := f.Float(); got != want {
			t.Fatalf("Float() of %v units = %v, want %v", f.big(), got, want)
		}
		n := rapid.Int64Range(0, 1<<20).Draw(t, "n")
		product := new(big.Int).Mul(f.big(), big.NewInt(n))
		if got := f.times(n); product.BitLen() < 127 && got.big().Cmp(product) != 0 {
			t.Fatalf("%v times %d = %v", f.big(), n, got.big())
		}
		b := appendFixed(nil, f)
		r := wire.NewReader(b)
		if got := readFixed(r); got != f || r.Close() != nil {
			t.Fatalf("%v read back as %v (%v)", f, got, r.Err())
		}
	})
}

// The sum depends on the multiset of values only, and what is taken back leaves nothing.
func TestFixedCommutesAndSubtracts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(anyFloat()).Draw(t, "values")
		var forward, halves Fixed
		var parts [2]Fixed
		for i, v := range values {
			forward.Add(v)
			parts[i%2].Add(v)
		}
		halves.Merge(parts[1])
		halves.Merge(parts[0])
		if forward != halves {
			t.Fatalf("%v and %v", forward, halves)
		}
		for _, i := range rapid.Permutation(values).Draw(t, "order") {
			forward.Sub(i)
		}
		if !forward.IsZero() {
			t.Fatalf("%v is left", forward)
		}
	})
}
