package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// machine is the state of one Decode. It lives on the caller's stack.
type machine struct {
	p   *Program
	buf []byte
	b   *plan.Batch
	row int
}

// run executes ops from pc until their opEnd, on the input from pos on, and returns the position after what was read.
func (m *machine) run(pc int32, pos, depth int) (int, *Error) {
	buf, b, row, ops := m.buf, m.b, m.row, m.p.ops
	mark := pos
	for {
		o := &ops[pc]
		pc++
		if o.null != 0 {
			branch, next, y := long(buf, pos)
			if y != 0 {
				return pos, m.failNumber(o, y, pos, "a union's index")
			}
			if uint64(branch) > 1 {
				return pos, m.failBranch(o, pos, branch, 2)
			}
			pos = next
			if branch == int64(o.null)-1 {
				if o.code > opSkipEnum { // it stores; an earlier item may have done so
					b.Cols[o.col].State[row] = plan.Missing
				}
				continue
			}
		}
		switch o.code {
		case opEnd:
			return pos, nil
		case opJump:
			pc = o.a
		case opUnion:
			branch, next, y := long(buf, pos)
			if y != 0 {
				return pos, m.failNumber(o, y, pos, "a union's index")
			}
			if uint64(branch) >= uint64(o.b) {
				return pos, m.failBranch(o, pos, branch, int(o.b))
			}
			pos, pc = next, m.p.jumps[o.a+int32(branch)]
		case opArray, opMap:
			next, after, e := m.block(o, pos, depth)
			if e != nil {
				return next, e
			}
			pos, pc = next, after
		case opCall:
			next, e := m.call(o, pos, depth)
			if e != nil {
				return next, e
			}
			pos = next
		case opMark:
			mark = pos
		case opRewind:
			pos = mark
		case opMissing:
			b.Cols[o.col].State[row] = plan.Missing
		case opInvalid:
			b.SetInvalid(int(o.col), row)
		case opFail:
			f := &m.p.fails[o.a]
			return pos, m.fail(o, f.reason, pos, f.detail)

		case opSkip:
			if len(buf)-pos < int(o.a) {
				return pos, m.failShort(o, pos, int(o.a))
			}
			pos += int(o.a)
		case opSkipBoolean, opNumberBoolean, opStringBoolean:
			if pos >= len(buf) {
				return pos, m.failShort(o, pos, 1)
			}
			v := buf[pos]
			if v > 1 {
				return pos, m.fail(o, ReasonBadEnumIndex, pos, fmt.Sprintf("a boolean's byte is %d, not 0 or 1", v))
			}
			pos++
			switch o.code {
			case opNumberBoolean:
				b.SetNumber(int(o.col), row, float64(v))
			case opStringBoolean:
				b.SetString(int(o.col), row, boolText(v == 1))
			}
		case opSkipLong:
			_, next, y := long(buf, pos)
			if y != 0 {
				return pos, m.failNumber(o, y, pos, "a long")
			}
			pos = next
		case opSkipInt, opNumberInt, opStringInt, opTimeDate:
			v, next, y := long(buf, pos)
			if y != 0 {
				return pos, m.failNumber(o, y, pos, "an int")
			}
			if v != int64(int32(v)) {
				return pos, m.fail(o, ReasonBadVarint, pos, fmt.Sprintf("an int is %d, beyond 32 bits", v))
			}
			switch o.code {
			case opNumberInt:
				b.SetNumber(int(o.col), row, float64(v*int64(o.a))/float64(o.b))
			case opStringInt:
				b.SetString(int(o.col), row, intText(v))
			case opTimeDate:
				us, ok := dateTime(v)
				if e := m.time(o, us, ok, pos, next); e != nil {
					return pos, e
				}
			}
			pos = next
		case opNumberLong, opStringLong, opTimeLong:
			v, next, y := long(buf, pos)
			if y != 0 {
				return pos, m.failNumber(o, y, pos, "a long")
			}
			switch o.code {
			case opNumberLong:
				b.SetNumber(int(o.col), row, float64(v)/float64(o.b))
			case opStringLong:
				b.SetString(int(o.col), row, intText(v))
			default:
				us, ok := longTime(v, int64(o.a), int64(o.b))
				if e := m.time(o, us, ok, pos, next); e != nil {
					return pos, e
				}
			}
			pos = next
		case opNumberFloat, opStringFloat:
			if len(buf)-pos < 4 {
				return pos, m.failShort(o, pos, 4)
			}
			v := math.Float32frombits(binary.LittleEndian.Uint32(buf[pos:]))
			pos += 4
			if o.code == opNumberFloat {
				b.SetNumber(int(o.col), row, float64(v))
			} else {
				b.SetString(int(o.col), row, floatText(float64(v), 32))
			}
		case opNumberDouble, opStringDouble:
			if len(buf)-pos < 8 {
				return pos, m.failShort(o, pos, 8)
			}
			v := math.Float64frombits(binary.LittleEndian.Uint64(buf[pos:]))
			pos += 8
			if o.code == opNumberDouble {
				b.SetNumber(int(o.col), row, v)
			} else {
				b.SetString(int(o.col), row, floatText(v, 64))
			}
		case opSkipEnum:
			_, next, e := m.symbol(o, pos, int64(o.a))
			if e != nil {
				return pos, e
			}
			pos = next
		case opStringEnum:
			symbols := m.p.enums[o.a]
			n, next, e := m.symbol(o, pos, int64(len(symbols)))
			if e != nil {
				return pos, e
			}
			b.SetString(int(o.col), row, symbols[n])
			pos = next
		case opNumberFixedDecimal:
			if len(buf)-pos < int(o.b) {
				return pos, m.failShort(o, pos, int(o.b))
			}
			b.SetNumber(int(o.col), row, decimal(buf[pos:pos+int(o.b)], int(o.a)))
			pos += int(o.b)
		case opStringFixed:
			if len(buf)-pos < int(o.a) {
				return pos, m.failShort(o, pos, int(o.a))
			}
			b.SetString(int(o.col), row, text(buf[pos:pos+int(o.a)]))
			pos += int(o.a)
		case opStringUUID:
			if len(buf)-pos < 16 {
				return pos, m.failShort(o, pos, 16)
			}
			b.SetString(int(o.col), row, uuidText(buf[pos:pos+16]))
			pos += 16
		case opSkipString, opString, opTimeString:
			start, end, y := length(buf, pos)
			if y != 0 {
				return pos, m.failLength(o, y, pos)
			}
			if bad := badText(buf[start:end]); bad >= 0 {
				return start + bad, m.failText(o, start+bad)
			}
			switch o.code {
			case opString:
				b.SetString(int(o.col), row, text(buf[start:end]))
			case opTimeString:
				us, ok := parseTime(buf[start:end])
				if e := m.time(o, us, ok, start, end); e != nil {
					return start, e
				}
			}
			pos = end
		default: // opSkipBytes, opStringBytes, opNumberDecimal
			start, end, y := length(buf, pos)
			if y != 0 {
				return pos, m.failLength(o, y, pos)
			}
			switch o.code {
			case opStringBytes:
				b.SetString(int(o.col), row, text(buf[start:end]))
			case opNumberDecimal:
				b.SetNumber(int(o.col), row, decimal(buf[start:end], int(o.a)))
			}
			pos = end
		}
	}
}

// text is b as a string, without a copy: it lives as long as the event's bytes are not reused.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// time stores what was read at pos as a time. Where it is none, the event's own time refuses the event.
func (m *machine) time(o *op, us int64, ok bool, pos, end int) *Error {
	switch {
	case ok:
		m.b.SetTime(int(o.col), m.row, us)
	case !o.must:
		m.b.SetInvalid(int(o.col), m.row)
	case o.code == opTimeString:
		return m.fail(o, ReasonBadTime, pos, fmt.Sprintf("%q is no RFC 3339 time", clip(m.buf[pos:end])))
	default:
		return m.fail(o, ReasonBadTime, pos, "the time lies outside the years 1 to 9999")
	}
	return nil
}

func (m *machine) symbol(o *op, pos int, symbols int64) (int64, int, *Error) {
	n, next, y := long(m.buf, pos)
	if y != 0 {
		return 0, pos, m.failNumber(o, y, pos, "an enum's index")
	}
	if uint64(n) >= uint64(symbols) || n != int64(int32(n)) {
		return 0, pos, m.fail(o, ReasonBadEnumIndex, pos, fmt.Sprintf("an enum's index is %d, its symbols are 0 to %d", n, symbols-1))
	}
	return n, next, nil
}

// required checks that the event's id and time were read: a map's key may have been absent.
func (m *machine) required(end int) *Error {
	for _, r := range m.p.must {
		if m.b.Cols[r.col].State[m.row] != plan.OK {
			return &Error{Reason: ReasonMissingField, Path: r.path, Offset: end, Detail: "the event doesn't hold it"}
		}
	}
	return nil
}

// The fail functions build errors; they are kept out of run, so that it stays small.

//go:noinline
func (m *machine) fail(o *op, reason Reason, pos int, detail string) *Error {
	return &Error{Reason: reason, Path: m.p.paths[o.path], Offset: pos, Detail: detail}
}

//go:noinline
func (m *machine) failShort(o *op, pos, need int) *Error {
	return m.fail(o, ReasonTruncated, pos, fmt.Sprintf("%d bytes are needed, %d are left", need, len(m.buf)-pos))
}

//go:noinline
func (m *machine) failNumber(o *op, y why, pos int, what string) *Error {
	if y == whyTruncated {
		return m.fail(o, ReasonTruncated, pos, what+" is cut short by the end of the event")
	}
	return m.fail(o, y.reason(), pos, what+" runs beyond 64 bits")
}

//go:noinline
func (m *machine) failBranch(o *op, pos int, branch int64, n int) *Error {
	return m.fail(o, ReasonBadUnionBranch, pos, fmt.Sprintf("a union's index is %d, its branches are 0 to %d", branch, n-1))
}

//go:noinline
func (m *machine) failText(o *op, pos int) *Error {
	return m.fail(o, ReasonInvalidUTF8, pos, fmt.Sprintf("the text is no UTF-8 from byte 0x%02X on", m.buf[pos]))
}

// failLength says what is wrong with the length at pos.
//
//go:noinline
func (m *machine) failLength(o *op, y why, pos int) *Error {
	n, next, bad := long(m.buf, pos)
	if bad != 0 {
		return m.failNumber(o, y, pos, "a length")
	}
	detail := fmt.Sprintf("the length is %d, %d bytes are left", n, len(m.buf)-next)
	return m.fail(o, y.reason(), pos, detail)
}

func leftOver(n int) string {
	return fmt.Sprintf("the event ends here by its schema, but %d bytes follow", n)
}

// clip shortens what is quoted in an error.
func clip(b []byte) string {
	const longest = 64
	if len(b) > longest {
		return string(b[:longest]) + "..."
	}
	return string(b)
}
