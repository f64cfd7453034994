package sketch

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/bits"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	fixedFraction = 40 // bits behind the binary point
	fixedRange    = 70 // values of 2^70 and more don't fit
)

// Fixed is a sum in fixed point: a 128-bit two's complement integer in units of 2^-40. Each value is rounded once (to nearest,
// ties to even) when it is added, so that sums commute, associate and subtract bit for bit, which float sums don't. The sum
// wraps modulo 2^128: it is right as long as its magnitude is below 2^87, whatever happened in between, and 2^17 values of the
// largest magnitude always fit.
type Fixed struct {
	Hi int64
	Lo uint64
}

// Add adds v. It returns false, and changes nothing, if v is NaN or |v| >= 2^70; the caller counts it.
func (f *Fixed) Add(v float64) bool {
	u, ok := toFixed(v)
	if ok {
		f.Merge(u)
	}
	return ok
}

// Sub takes v back: the exact inverse of Add.
func (f *Fixed) Sub(v float64) bool {
	u, ok := toFixed(v)
	if ok {
		f.Merge(u.negated())
	}
	return ok
}

// Merge adds another sum.
func (f *Fixed) Merge(o Fixed) {
	lo, carry := bits.Add64(f.Lo, o.Lo, 0)
	hi, _ := bits.Add64(uint64(f.Hi), uint64(o.Hi), carry)
	f.Hi, f.Lo = int64(hi), lo
}

// Float is the sum as the nearest float64.
func (f Fixed) Float() float64 {
	sign := 1.0
	if f.Hi < 0 {
		sign, f = -1, f.negated()
	}
	hi, lo := uint64(f.Hi), f.Lo
	shift := 0
	if hi != 0 {
		// The top 64 bits, with what falls off kept as a sticky lowest bit, round to 53 bits as the whole would.
		shift = bits.Len64(hi)
		sticky := uint64(0)
		if lo<<(64-shift) != 0 {
			sticky = 1
		}
		lo = hi<<(64-shift) | lo>>shift | sticky
	}
	return sign * math.Ldexp(float64(lo), shift-fixedFraction)
}

// IsZero reports whether the sum is exactly 0.
func (f Fixed) IsZero() bool { return f == Fixed{} }

// times is f added n times, or taken back -n times.
func (f Fixed) times(n int64) Fixed {
	if n < 0 {
		f, n = f.negated(), -n
	}
	hi, lo := bits.Mul64(f.Lo, uint64(n))
	return Fixed{Hi: int64(hi + uint64(f.Hi)*uint64(n)), Lo: lo}
}

func (f Fixed) negated() Fixed {
	lo, borrow := bits.Sub64(0, f.Lo, 0)
	hi, _ := bits.Sub64(0, uint64(f.Hi), borrow)
	return Fixed{int64(hi), lo}
}

// toFixed rounds v to a multiple of 2^-40.
func toFixed(v float64) (Fixed, bool) {
	b := math.Float64bits(v)
	exp := int(b >> 52 & 0x7ff)
	if exp >= 1023+fixedRange { // includes infinities and NaN
		return Fixed{}, false
	}
	if exp == 0 {
		return Fixed{}, true // zero or subnormal, far below half a unit
	}
	m := b&(1<<52-1) | 1<<52
	var u Fixed
	switch shift := exp - 1023 - 52 + fixedFraction; {
	case shift >= 0: // at most 57
		u.Hi, u.Lo = int64(m>>(64-shift)), m<<shift // a shift by 64 gives 0
	case shift >= -53:
		half := uint64(1) << (-shift - 1)
		u.Lo = m >> -shift
		if rest := m & (half<<1 - 1); rest > half || rest == half && u.Lo&1 == 1 {
			u.Lo++
		}
	}
	if b>>63 == 1 {
		u = u.negated()
	}
	return u, true
}

// squareFixed is v*v, exact before it is rounded once to a multiple of 2^-40; ok is false where |v| >= 2^35. A float64 square would
// lose the variance of 1e9 +- 1.
func squareFixed(v float64) (Fixed, bool) {
	b := math.Float64bits(v)
	exp := int(b >> 52 & 0x7ff)
	if exp >= 1023+fixedRange/2 {
		return Fixed{}, false
	}
	m := b&(1<<52-1) | 1<<52
	hi, lo := bits.Mul64(m, m)
	shift := 2*(exp-1023-52) + fixedFraction // at most 4
	switch {
	case shift >= 0:
		hi, lo = hi<<shift|lo>>(64-shift), lo<<shift
	case shift < -106 || exp == 0:
		hi, lo = 0, 0
	default:
		hi, lo = roundedShift(hi, lo, -shift)
	}
	return Fixed{int64(hi), lo}, true
}

// roundedShift shifts a 128-bit number right by n (1..127) bits, to nearest, ties to even.
func roundedShift(hi, lo uint64, n int) (uint64, uint64) {
	// Twice the result, with what falls off below kept as a sticky bit.
	sticky := uint64(0)
	if n--; n >= 64 {
		if lo != 0 || hi<<(128-n) != 0 && n > 64 {
			sticky = 1
		}
		hi, lo = 0, hi>>(n-64)
	} else if n > 0 {
		if lo<<(64-n) != 0 {
			sticky = 1
		}
		hi, lo = hi>>n, lo>>n|hi<<(64-n)
	}
	half := lo & 1
	hi, lo = hi>>1, lo>>1|hi<<63
	if half == 1 && (sticky == 1 || lo&1 == 1) {
		var carry uint64
		lo, carry = bits.Add64(lo, 1, 0)
		hi += carry
	}
	return hi, lo
}

// big is the sum in units of 2^-40.
func (f Fixed) big() *big.Int {
	v := big.NewInt(f.Hi)
	v.Lsh(v, 64)
	return v.Add(v, new(big.Int).SetUint64(f.Lo))
}

var errFixed = errors.New("a sum in fixed point is not in its shortest form")

// appendFixed writes f without its sign extension and trailing zero bytes: zig-zag, then a byte (trailing zero bytes)<<4 |
// (bytes that follow - 1), then those bytes, lowest first. Zero is the single byte 0xff.
func appendFixed(b []byte, f Fixed) []byte {
	lo, hi := zigzag128(f)
	var first, end int // of the bytes that are written
	switch {
	case lo != 0:
		first = bits.TrailingZeros64(lo) / 8
	case hi != 0:
		first = 8 + bits.TrailingZeros64(hi)/8
	default:
		return append(b, 0xff)
	}
	if hi != 0 {
		end = 8 + (bits.Len64(hi)+7)/8
	} else {
		end = (bits.Len64(lo) + 7) / 8
	}
	var raw [32]byte // so that 16 may be copied from any place
	binary.LittleEndian.PutUint64(raw[:], lo)
	binary.LittleEndian.PutUint64(raw[8:], hi)
	n := end - first
	b = append(append(b, byte(first<<4|(n-1))), raw[first:first+16]...)
	return b[:len(b)-16+n]
}

func readFixed(r *wire.Reader) Fixed {
	head := readByte(r)
	if head == 0xff || r.Err() != nil {
		return Fixed{}
	}
	first, n := int(head>>4), int(head&15)+1
	if first+n > 16 {
		r.Fail(errFixed)
		return Fixed{}
	}
	raw := r.Raw(n)
	if raw == nil {
		return Fixed{}
	}
	if raw[0] == 0 || raw[n-1] == 0 {
		r.Fail(errFixed)
		return Fixed{}
	}
	var lo, hi uint64
	for i, c := range raw {
		if at := first + i; at < 8 {
			lo |= uint64(c) << (8 * at)
		} else {
			hi |= uint64(c) << (8 * (at - 8))
		}
	}
	return unzigzag128(lo, hi)
}

// zigzag128 maps 0, -1, 1, -2, ... to 0, 1, 2, 3, ...
func zigzag128(f Fixed) (lo, hi uint64) {
	sign := uint64(f.Hi >> 63)
	return f.Lo<<1 ^ sign, (uint64(f.Hi)<<1 | f.Lo>>63) ^ sign
}

func unzigzag128(lo, hi uint64) Fixed {
	sign := -(lo & 1)
	return Fixed{Hi: int64(hi>>1 ^ sign), Lo: (lo>>1 | hi<<63) ^ sign}
}
