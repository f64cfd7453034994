package sketch

import (
	"math"
	"math/bits"
)

// The hashes below are part of the record format: the same value must hash alike in every process, for ever. The odd
// multipliers are the first digits of the golden ratio, of sqrt(3) and of pi.
const (
	hashSeed  = 0x9e3779b97f4a7c15
	hashWord  = 0xbb67ae8584caa73b
	hashFinal = 0x243f6a8885a308d3
)

// HashFloat is a stable, uniform 64-bit hash of a number, by which builds before this one told how many distinct numbers a column had: their
// summaries are still read and merged; no two float64 collide, except 0 and -0, which are one value.
func HashFloat(v float64) uint64 {
	return mix64(math.Float64bits(v+0) ^ hashSeed) // -0 + 0 = +0
}

// HashString is a stable, near-uniform 64-bit hash of a text: eight bytes at a time are folded in by a 64x64->128-bit
// multiplication (the construction of wyhash, Wang Yi 2019), and the result is mixed once more. It does not resist
// deliberate collisions: cardinalities only describe.
func HashString(s string) uint64 {
	h := hashSeed ^ uint64(len(s))*hashFinal
	for len(s) >= 8 {
		h = fold64(h^hashFinal, load64(s)^hashWord)
		s = s[8:]
	}
	return mix64(fold64(h^hashFinal, tailOf(s)^hashWord))
}

// tailOf is the bytes of a text of fewer than eight, the first one lowest, by loads that overlap.
func tailOf(s string) uint64 {
	switch n := len(s); {
	case n >= 4:
		return uint64(load32(s)) | uint64(load32(s[n-4:]))<<(8*(n-4)&63)
	case n > 0:
		return uint64(s[0]) | uint64(s[n/2])<<(8*(n/2)&63) | uint64(s[n-1])<<(8*(n-1)&63)
	default:
		return 0
	}
}

func load32(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func load64(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

func fold64(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// mix64 is the finalizer of SplitMix64 (Steele, Lea & Flood 2014, variant 13 of Stafford): a bijection with full avalanche.
func mix64(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
