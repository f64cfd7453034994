// Package walk reads the event of one schema by hand: what a Go engineer writes who has one schema to read, forever, and wants it
// fast. It is what the decoder is measured against, so it is frozen: it changes when the event or plan.Batch does, and is made
// neither faster nor slower otherwise. It checks what the decoder checks and fills the same columns.
//
//  1. schema.go: the event and what is read of it.
//  2. walk.go: the walk.
package walk

import (
	"encoding/binary"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// refusal says why an event is refused; 0 is none.
type refusal uint8

const (
	truncated refusal = iota + 1
	badVarint
	badBranch
	badSymbol
	badLength
	badText
	badTime
	trailing
)

var words = [...]string{"", "truncated", "bad varint", "bad union branch", "bad enum index", "bad length", "invalid UTF-8", "bad time", "trailing bytes"}

// Times of the years 1 to 9999, microseconds since the Unix epoch.
const (
	minTime = -62135596800 * 1_000_000
	maxTime = 253402300800*1_000_000 - 1
)

// nullable is Nullable as a table.
var nullable = func() (t [Numbers]bool) {
	for i := range t {
		t[i] = Nullable(i)
	}
	return t
}()

// Walk reads the event in value[start:] into a new row of b. Strings point into value. An error leaves b as it was.
func Walk(value []byte, start int, b *plan.Batch, offset int64) error {
	row := b.Grow(offset)
	pos, bad := event(value, start, b.Cols[:columns], row)
	if bad == 0 && pos != len(value) {
		bad = trailing
	}
	if bad != 0 {
		b.Truncate(row)
		return fmt.Errorf("walk: %s at byte %d", words[bad], pos)
	}
	return nil
}

func event(buf []byte, pos int, cols []plan.Col, row int) (int, refusal) {
	pos, bad := text(buf, pos, &cols[colID], row)
	if bad != 0 {
		return pos, bad
	}
	if pos, bad = timestamp(buf, pos, &cols[colTime], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colVersion], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = numbers(buf, pos, cols, row, 0); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+1], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = symbol(buf, pos, &cols[colText+2], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+3], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = narrow(buf, pos, &cols[colInteger], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = wide(buf, pos, &cols[colInteger+1], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = numbers(buf, pos, cols, row, 10); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+4], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = symbol(buf, pos, &cols[colText+5], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+6], row); bad != 0 {
		return pos, bad
	}
	if _, pos, bad = span(buf, pos); bad != 0 { // host
		return pos, bad
	}
	if pos, bad = numbers(buf, pos, cols, row, 20); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+7], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = symbol(buf, pos, &cols[colText+8], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = text(buf, pos, &cols[colText+9], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = narrow(buf, pos, &cols[colInteger+2], row); bad != 0 {
		return pos, bad
	}
	if pos, bad = wide(buf, pos, &cols[colInteger+3], row); bad != 0 {
		return pos, bad
	}
	branch, pos, bad := long(buf, pos) // trace
	if bad != 0 {
		return pos, bad
	}
	if uint64(branch) > 1 {
		return pos, badBranch
	}
	if branch == 1 {
		if _, pos, bad = span(buf, pos); bad != 0 {
			return pos, bad
		}
	}
	return double(buf, pos, &cols[colScore], row)
}

// numbers reads ten from number i on.
func numbers(buf []byte, pos int, cols []plan.Col, row, i int) (int, refusal) {
	for end := i + 10; i < end; i++ {
		if nullable[i] {
			branch, next, bad := long(buf, pos)
			if bad != 0 {
				return pos, bad
			}
			if uint64(branch) > 1 {
				return pos, badBranch
			}
			pos = next
			if branch == 0 {
				continue // missing, as a row begins
			}
		}
		if len(buf)-pos < 8 {
			return pos, truncated
		}
		v := math.Float64frombits(binary.LittleEndian.Uint64(buf[pos:]))
		pos += 8
		c := &cols[colNumber+i]
		if v-v != 0 { // NaN or infinite
			c.State[row] = plan.Invalid
			continue
		}
		c.State[row], c.Num[row] = plan.OK, v
	}
	return pos, 0
}

func double(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	if len(buf)-pos < 8 {
		return pos, truncated
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(buf[pos:]))
	if v-v != 0 {
		c.State[row] = plan.Invalid
		return pos + 8, 0
	}
	c.State[row], c.Num[row] = plan.OK, v
	return pos + 8, 0
}

func text(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	b, pos, bad := span(buf, pos)
	if bad != 0 {
		return pos, bad
	}
	c.State[row], c.Str[row] = plan.OK, unsafe.String(unsafe.SliceData(b), len(b))
	return pos, 0
}

func symbol(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	n, next, bad := long(buf, pos)
	if bad != 0 {
		return pos, bad
	}
	if uint64(n) >= uint64(len(Symbols)) {
		return pos, badSymbol
	}
	c.State[row], c.Str[row] = plan.OK, Symbols[n]
	return next, 0
}

func narrow(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	v, next, bad := long(buf, pos)
	if bad != 0 {
		return pos, bad
	}
	if v != int64(int32(v)) {
		return pos, badVarint
	}
	c.State[row], c.Num[row] = plan.OK, float64(v)
	return next, 0
}

func wide(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	v, next, bad := long(buf, pos)
	if bad != 0 {
		return pos, bad
	}
	c.State[row], c.Num[row] = plan.OK, float64(v)
	return next, 0
}

func timestamp(buf []byte, pos int, c *plan.Col, row int) (int, refusal) {
	v, next, bad := long(buf, pos)
	if bad != 0 {
		return pos, bad
	}
	if v < minTime || v > maxTime {
		return pos, badTime
	}
	c.State[row], c.Int[row] = plan.OK, v
	return next, 0
}

// span reads a string's bytes and checks that they are UTF-8.
func span(buf []byte, pos int) ([]byte, int, refusal) {
	n, start, bad := long(buf, pos)
	switch {
	case bad != 0:
		return nil, pos, bad
	case n < 0 || n > math.MaxInt32:
		return nil, pos, badLength
	case n > int64(len(buf)-start):
		return nil, pos, truncated
	}
	b := buf[start : start+int(n)]
	if !utf8.Valid(b) {
		return nil, start, badText
	}
	return b, start + int(n), 0
}

// long reads a zig-zag varint; most are of one byte.
func long(buf []byte, pos int) (int64, int, refusal) {
	if pos < len(buf) && buf[pos] < 0x80 {
		u := buf[pos]
		return int64(u>>1) ^ -int64(u&1), pos + 1, 0
	}
	return longer(buf, pos)
}

func longer(buf []byte, pos int) (int64, int, refusal) {
	u, n := binary.Uvarint(buf[pos:])
	switch {
	case n == 0:
		return 0, pos, truncated
	case n < 0:
		return 0, pos, badVarint
	}
	return int64(u>>1) ^ -int64(u&1), pos + n, 0
}
