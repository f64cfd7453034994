package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrShort is returned where a record ends inside a value.
var ErrShort = errors.New("record ends inside a value")

var (
	errWide   = errors.New("a number has more than 64 bits")
	errLong   = errors.New("a number is written longer than it needs")
	errNarrow = errors.New("a number has more than 32 bits")
	errBool   = errors.New("a truth value is neither 0 nor 1")
)

// Uint appends v as an unsigned varint.
func Uint(b []byte, v uint64) []byte { return binary.AppendUvarint(b, v) }

// Int appends v as a zig-zag varint.
func Int(b []byte, v int64) []byte { return binary.AppendVarint(b, v) }

// Float appends v as eight little-endian bytes.
func Float(b []byte, v float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
}

// Bytes appends v with its length in front.
func Bytes(b, v []byte) []byte { return append(Uint(b, uint64(len(v))), v...) }

// String appends v with its length in front.
func String(b []byte, v string) []byte { return append(Uint(b, uint64(len(v))), v...) }

// Bool appends v as one byte, 0 or 1.
func Bool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// Reader reads what the functions above wrote.
type Reader struct {
	buf []byte
	off int
	err error
}

// NewReader reads from b, which it doesn't copy.
func NewReader(b []byte) *Reader { return &Reader{buf: b} }

// Err is the first error met, with the byte offset where it was met.
func (r *Reader) Err() error { return r.err }

// Len is how many bytes are left.
func (r *Reader) Len() int {
	if r.err != nil {
		return 0
	}
	return len(r.buf) - r.off
}

// Fail records err unless one was recorded before.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = fmt.Errorf("at byte %d: %w", r.off, err)
	}
}

// Uint reads an unsigned varint.
func (r *Reader) Uint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.buf[r.off:])
	if !r.varint(n) {
		return 0
	}
	return v
}

// Int reads a zig-zag varint.
func (r *Reader) Int() int64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.buf[r.off:])
	if !r.varint(n) {
		return 0
	}
	return v
}

// varint steps over a varint of n bytes, as encoding/binary counts them: 0 if the input ends inside, negative if it
// overflows. In the shortest form only the number 0 ends in a zero byte.
func (r *Reader) varint(n int) bool {
	switch {
	case n == 0:
		r.Fail(ErrShort)
	case n < 0:
		r.Fail(errWide)
	case n > 1 && r.buf[r.off+n-1] == 0:
		r.Fail(errLong)
	default:
		r.off += n
		return true
	}
	return false
}

// Int32 reads a zig-zag varint that fits into 32 bits.
func (r *Reader) Int32() int32 {
	v := r.Int()
	if int64(int32(v)) != v {
		r.Fail(errNarrow)
		return 0
	}
	return int32(v)
}

// Bool reads a byte that is 0 or 1.
func (r *Reader) Bool() bool {
	v := r.Uint()
	if v > 1 {
		r.Fail(errBool)
	}
	return v == 1
}

// Float reads eight little-endian bytes.
func (r *Reader) Float() float64 {
	b := r.take(8)
	if b == nil {
		return 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b))
}

// Bytes reads a length and that many bytes. The result points into the input.
func (r *Reader) Bytes() []byte {
	n := r.Uint()
	if r.err == nil && n > uint64(len(r.buf)-r.off) {
		r.Fail(ErrShort)
		return nil
	}
	return r.take(int(n))
}

// String reads a length and that many bytes.
func (r *Reader) String() string { return string(r.Bytes()) }

// Count reads the length of a list whose items take at least minSize bytes each, and refuses one the rest of the input can't
// hold: nothing is allocated on the word of a damaged record.
func (r *Reader) Count(minSize int) int {
	n := r.Uint()
	if r.err != nil {
		return 0
	}
	if minSize < 1 {
		minSize = 1
	}
	if n > uint64((len(r.buf)-r.off)/minSize) {
		r.Fail(fmt.Errorf("a list of %d items can't fit in the %d bytes left", n, len(r.buf)-r.off))
		return 0
	}
	return int(n)
}

// Close reports the first error, or that bytes are left over.
func (r *Reader) Close() error {
	if r.err == nil && r.off != len(r.buf) {
		r.Fail(fmt.Errorf("%d bytes left over", len(r.buf)-r.off))
	}
	return r.err
}

// Raw reads n bytes. The result points into the input; it is nil once the reader has failed.
func (r *Reader) Raw(n int) []byte { return r.take(n) }

func (r *Reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.buf)-r.off {
		r.Fail(ErrShort)
		return nil
	}
	b := r.buf[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}
