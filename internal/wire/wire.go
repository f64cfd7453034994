// Package wire writes and reads the primitive values of Plumbline's own record formats: varints, fixed-width floats and
// length-prefixed bytes. A Reader never panics and never allocates more than the input is long: it keeps its first error and
// returns zero values from then on, so decoders check once at the end.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ErrShort is returned where a record ends inside a value.
var ErrShort = errors.New("record ends inside a value")

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
	if n <= 0 {
		r.Fail(ErrShort)
		return 0
	}
	r.off += n
	return v
}

// Int reads a zig-zag varint.
func (r *Reader) Int() int64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Varint(r.buf[r.off:])
	if n <= 0 {
		r.Fail(ErrShort)
		return 0
	}
	r.off += n
	return v
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
