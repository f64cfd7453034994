package sketch

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"testing"
)

// The hashes are in records: a change of any of these breaks what was written before. The first is known from elsewhere: the first
// output of SplitMix64 from seed 0.
func TestHashesAreStable(t *testing.T) {
	for v, want := range map[float64]uint64{0: 0xe220a8397b1dcdaf, 1: 0xbcabcb2a8dae6591, -2.5: 0xbd4f93e3e4cd3f40, math.MaxFloat64: 0x2398bec2cf8cb9bd} {
		if got := HashFloat(v); got != want {
			t.Errorf("HashFloat(%v) = %#x, want %#x", v, got, want)
		}
	}
	for v, want := range map[string]uint64{
		"": 0x9a422a675f1816e9, "a": 0xfe297d8f98760124, "north": 0x9f61da7e8491242, "exactly8": 0x558c5b7bd0faac06,
		"a longer text of 30 characters": 0xdecd2ae418fc5c2d,
	} {
		if got := HashString(v); got != want {
			t.Errorf("HashString(%q) = %#x, want %#x", v, got, want)
		}
	}
	if HashFloat(0) != HashFloat(math.Copysign(0, -1)) {
		t.Error("0 and -0 are one value")
	}
}

// inputs that share almost all their bits must not share bits of the hash.
func hashes(n int) map[string][]uint64 {
	out := map[string][]uint64{}
	for i := range n {
		out["integers"] = append(out["integers"], HashFloat(float64(i)))
		out["cents"] = append(out["cents"], HashFloat(float64(i)/100))
		out["neighbours"] = append(out["neighbours"], HashFloat(math.Float64frombits(math.Float64bits(1)+uint64(i))))
		out["numbers"] = append(out["numbers"], HashString(fmt.Sprint(i)))
		out["ids"] = append(out["ids"], HashString(fmt.Sprintf("customer-%08d", i)))
		out["suffixed"] = append(out["suffixed"], HashString(fmt.Sprintf("%d-a-rather-long-tail-of-text", i)))
		out["zeros"] = append(out["zeros"], HashString(strings.Repeat("\x00", i%2000)+fmt.Sprint(i/2000)))
	}
	return out
}

func TestHashesAreUniform(t *testing.T) {
	const n, cells = 100_000, 256
	for name, hs := range hashes(n) {
		seen := make(map[uint64]bool, n)
		for _, h := range hs {
			seen[h] = true
		}
		if len(seen) != n { // expected collisions: 1e-9
			t.Errorf("%s: %d values give %d hashes", name, n, len(seen))
		}
		for shift := 0; shift < 64; shift += 8 {
			var counts [cells]float64
			for _, h := range hs {
				counts[h>>shift&0xff]++
			}
			chi2 := 0.0
			for _, c := range counts {
				chi2 += (c - n/cells) * (c - n/cells) / (n / cells)
			}
			if z := (chi2 - (cells - 1)) / math.Sqrt(2*(cells-1)); math.Abs(z) > 5.5 {
				t.Errorf("%s: byte %d: chi2 %.0f for %d degrees of freedom", name, shift/8, chi2, cells-1)
			}
		}
	}
}

// Every input bit flips every output bit about half of the time.
func TestHashesAvalanche(t *testing.T) {
	const n = 2000
	check := func(name string, width int, hash func(i, flip int) uint64) {
		for bit := range width {
			var flips [64]int
			for i := range n {
				for d := hash(i, -1) ^ hash(i, bit); d != 0; d &= d - 1 {
					flips[bits.TrailingZeros64(d)]++
				}
			}
			for out, f := range flips {
				if z := (float64(f) - n/2) / math.Sqrt(n/4); math.Abs(z) > 6 {
					t.Errorf("%s: bit %d flips output bit %d in %d of %d", name, bit, out, f, n)
				}
			}
		}
	}
	check("float", 62, func(i, flip int) uint64 {
		b := math.Float64bits(1 + float64(i)/64)
		if flip >= 0 {
			b ^= 1 << flip
		}
		return HashFloat(math.Float64frombits(b))
	})
	for _, size := range []int{4, 8, 11, 20} {
		check(fmt.Sprintf("string of %d", size), 8*size, func(i, flip int) uint64 {
			b := []byte(fmt.Sprintf("%0*d", size, i))
			if flip >= 0 {
				b[flip/8] ^= 1 << (flip % 8)
			}
			return HashString(string(b))
		})
	}
}
