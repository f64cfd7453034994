package schema

import (
	"encoding/binary"
	"unicode/utf8"
)

// why is a Reason while it is cheap to pass around; 0 is none.
type why uint8

const (
	whyTruncated why = iota + 1
	whyVarint
	whyNegative
	whyTooLong
)

func (y why) reason() Reason {
	switch y {
	case whyVarint:
		return ReasonBadVarint
	case whyNegative:
		return ReasonNegativeLength
	case whyTooLong:
		return ReasonTooLong
	default:
		return ReasonTruncated
	}
}

// long reads a zig-zag varint at pos and returns the position after it.
func long(buf []byte, pos int) (int64, int, why) {
	if uint(pos) < uint(len(buf)) && buf[pos] < 0x80 {
		u := buf[pos]
		return int64(u>>1) ^ -int64(u&1), pos + 1, 0
	}
	return longSlow(buf, pos)
}

//go:noinline
func longSlow(buf []byte, pos int) (int64, int, why) {
	var u uint64
	for i := range binary.MaxVarintLen64 {
		if pos+i >= len(buf) {
			return 0, pos, whyTruncated
		}
		b := buf[pos+i]
		if i == binary.MaxVarintLen64-1 && b > 1 {
			break
		}
		u |= uint64(b&0x7F) << (7 * i)
		if b < 0x80 {
			return int64(u>>1) ^ -int64(u&1), pos + i + 1, 0
		}
	}
	return 0, pos, whyVarint
}

// length reads a length and checks that as many bytes follow; start and end are where they lie.
func length(buf []byte, pos int) (start, end int, y why) {
	n, start, y := long(buf, pos)
	switch {
	case y != 0:
		return 0, 0, y
	case n < 0:
		return 0, 0, whyNegative
	case n > maxLength:
		return 0, 0, whyTooLong
	case n > int64(len(buf)-start):
		return 0, 0, whyTruncated
	}
	return start, start + int(n), 0
}

// badText returns the index of the first byte of b that is no UTF-8, or -1. Most text is ASCII: eight bytes are looked at
// at once.
func badText(b []byte) int {
	i := 0
	for ; i+8 <= len(b); i += 8 {
		if binary.LittleEndian.Uint64(b[i:])&0x8080808080808080 != 0 {
			return badRune(b, i)
		}
	}
	for ; i < len(b); i++ {
		if b[i] >= utf8.RuneSelf {
			return badRune(b, i)
		}
	}
	return -1
}

func badRune(b []byte, from int) int {
	if utf8.Valid(b[from:]) {
		return -1
	}
	for i := from; i < len(b); {
		r, n := utf8.DecodeRune(b[i:])
		if r == utf8.RuneError && n == 1 {
			return i
		}
		i += n
	}
	return -1
}
