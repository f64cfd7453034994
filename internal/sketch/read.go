package sketch

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// maxCount bounds every counter that is read: what is more can't have been counted, and sums of 1,000 of them still fit.
const maxCount = 1 << 53

var errLong = errors.New("a number is written longer than it needs")

// readUint reads an unsigned varint in its shortest form: one value has one encoding, so equal sets have equal bytes.
func readUint(r *wire.Reader) uint64 {
	before := r.Len()
	v := r.Uint()
	checkShort(r, before, v)
	return v
}

// readInt reads a zig-zag varint in its shortest form.
func readInt(r *wire.Reader) int64 {
	before := r.Len()
	v := r.Int()
	checkShort(r, before, uint64(v)<<1^uint64(v>>63))
	return v
}

// readCount reads the length of a list, as wire.Reader.Count does, in its shortest form.
func readCount(r *wire.Reader, minSize int) int {
	before := r.Len()
	n := r.Count(minSize)
	checkShort(r, before, uint64(n))
	return n
}

func checkShort(r *wire.Reader, before int, v uint64) {
	if r.Err() == nil && before-r.Len() > (bits.Len64(v|1)+6)/7 {
		r.Fail(errLong)
	}
}

func readByte(r *wire.Reader) byte {
	if b := r.Raw(1); b != nil {
		return b[0]
	}
	return 0
}

// readCounter reads a counter: not negative, not absurd.
func readCounter(r *wire.Reader) int64 {
	v := readUint(r)
	if v > maxCount {
		r.Fail(fmt.Errorf("a counter of %d, at most 2^53", v))
		return 0
	}
	return int64(v)
}

// appendInts writes a fixed-length array in which zeros are common: each value as a zig-zag varint, a run of zeros as 0 and
// the length of the run less one.
func appendInts(b []byte, values []int64) []byte {
	for i := 0; i < len(values); {
		if values[i] != 0 {
			b = wire.Int(b, values[i])
			i++
			continue
		}
		start := i
		for i < len(values) && values[i] == 0 {
			i++
		}
		b = wire.Uint(wire.Uint(b, 0), uint64(i-start-1))
	}
	return b
}

var errRun = errors.New("a run of zeros does not fit its array")

// readInts fills values with what appendInts wrote; each must lie in [low, high].
func readInts(r *wire.Reader, values []int64, low, high int64) {
	for i, ran := 0, false; i < len(values) && r.Err() == nil; {
		v := readInt(r)
		switch {
		case r.Err() != nil:
			return
		case v != 0:
			if v < low || v > high {
				r.Fail(fmt.Errorf("a counter of %d, not in [%d, %d]", v, low, high))
				return
			}
			values[i] = v
			i++
			ran = false
		default:
			n := readUint(r)
			if r.Err() == nil && (ran || n >= uint64(len(values)-i)) { // two runs in a row would be one
				r.Fail(errRun)
				return
			}
			i += int(n) + 1
			ran = true
		}
	}
}

var errFloat = errors.New("a number is not in its only form")

// appendFloat writes a number: how many of its highest bytes follow (0..8), and those up to the last one that isn't 0. Short
// numbers are short.
func appendFloat(b []byte, v float64) []byte {
	raw := math.Float64bits(v)
	n := 8 - bits.TrailingZeros64(raw)/8
	b = append(b, byte(n))
	for at := range n {
		b = append(b, byte(raw>>(56-8*at)))
	}
	return b
}

// readFloat reads what appendFloat wrote; it refuses -0.
func readFloat(r *wire.Reader) float64 {
	n := int(readByte(r))
	if n > 8 {
		r.Fail(errFloat)
		return 0
	}
	raw := r.Raw(n)
	if n > 0 && (raw == nil || raw[n-1] == 0 || n == 1 && raw[0] == 0x80) {
		r.Fail(errFloat)
		return 0
	}
	v := uint64(0)
	for at, c := range raw {
		v |= uint64(c) << (56 - 8*at)
	}
	return math.Float64frombits(v)
}
