package schema

import (
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// machine is the state of one Decode. It lies on the caller's stack.
type machine struct {
	p     *Program
	buf   []byte
	cells *plan.Cells
	row   int
}

// run executes ops from pc until their opEnd, on the input from pos on, and returns the position after what was read.
//
// It is written for speed: the ops that events are mostly made of stand here, with the usual case of each in line, and find
// their cells by arithmetic on slices that are loaded once. All else, and whatever is unusual, is a call away.
func (m *machine) run(pc int32, pos, depth int) (int, *Error) {
	buf, ops := m.buf, m.p.ops
	step, row := m.cells.Step, m.row
	states, nums := m.cells.State, m.cells.Num
	mark := pos
	for {
		o := &ops[pc]
		pc++
	again:
		if o.null != 0 {
			if uint(pos) < uint(len(buf)) && buf[pos] == o.some {
				pos++
			} else {
				next, null, e := m.branch(o, pos)
				if e != nil {
					return pos, e
				}
				pos = next
				if null {
					continue
				}
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
			states[int(o.col)*step+row] = plan.Missing
		case opInvalid:
			states[int(o.col)*step+row] = plan.Invalid
		case opFail:
			f := &m.p.fails[o.a]
			return pos, m.fail(o, f.reason, pos, f.detail)

		case opSkipRun:
			if len(buf)-pos >= int(o.a) {
				pos, pc = pos+int(o.a), o.b
			}
		case opSkip:
			if len(buf)-pos < int(o.a) {
				return pos, m.failShort(o, pos, int(o.a))
			}
			pos += int(o.a)

		case opNumberDouble:
			if len(buf)-pos < 8 {
				return pos, m.failShort(o, pos, 8)
			}
			v := math.Float64frombits(binary.LittleEndian.Uint64(buf[pos:]))
			pos += 8
			if v-v == 0 {
				states[int(o.col)*step+row] = plan.OK
				nums[int(o.slot)*step+row] = v
			} else { // NaN or infinite
				states[int(o.col)*step+row] = plan.Invalid
			}
			// Numbers come in runs: the next op is most likely of this kind, and needs no jump through the table.
			if o = &ops[pc]; o.code == opNumberDouble {
				pc++
				goto again
			}

		case opSkipString, opString:
			var start, end int
			if uint(pos) < uint(len(buf)) && buf[pos]&0x81 == 0 { // not negative, below 64
				start = pos + 1
				end = start + int(buf[pos]>>1)
			}
			if start == 0 || end > len(buf) {
				var y why
				if start, end, y = length(buf, pos); y != 0 {
					return pos, m.failLength(o, y, pos)
				}
			}
			if !ascii(buf, start, end) {
				if bad := badText(buf[start:end]); bad >= 0 {
					return start + bad, m.failText(o, start+bad)
				}
			}
			if o.code == opString {
				states[int(o.col)*step+row] = plan.OK
				m.cells.Str[int(o.slot)*step+row] = text(buf[start:end])
			}
			pos = end

		case opStringEnum:
			symbols := m.p.enums[o.a]
			n := -1
			if uint(pos) < uint(len(buf)) && buf[pos]&0x81 == 0 {
				n = int(buf[pos] >> 1)
			}
			if uint(n) < uint(len(symbols)) {
				pos++
			} else {
				v, next, e := m.symbol(o, pos, int64(len(symbols)))
				if e != nil {
					return pos, e
				}
				n, pos = int(v), next
			}
			states[int(o.col)*step+row] = plan.OK
			m.cells.Str[int(o.slot)*step+row] = symbols[n]

		case opSkipLong, opNumberLong, opNumberInt, opTimeMicros:
			var v int64
			next := pos + 1
			if uint(pos) < uint(len(buf)) && buf[pos] < 0x80 {
				v = int64(buf[pos]>>1) ^ -int64(buf[pos]&1)
			} else {
				var y why
				if v, next, y = longer(buf, pos); y != 0 {
					return pos, m.failLong(o, y, pos)
				}
			}
			switch o.code {
			case opNumberInt:
				if v != int64(int32(v)) {
					return pos, m.failInt(o, pos, v)
				}
				fallthrough
			case opNumberLong:
				states[int(o.col)*step+row] = plan.OK
				nums[int(o.slot)*step+row] = float64(v)
			case opTimeMicros:
				us := v * int64(o.a) // a is 1 or 1000; what has 54 bits stays in 64
				if e := m.time(o, us, inTime(us) && (o.a == 1 || v<<10>>10 == v), pos, next); e != nil {
					return pos, e
				}
			}
			pos = next

		default:
			next, e := m.rare(o, pos)
			if e != nil {
				return next, e
			}
			pos = next
		}
	}
}

// branch reads the index of a union of two types of which one is null, and stores that there is no value if that is it.
func (m *machine) branch(o *op, pos int) (next int, null bool, e *Error) {
	branch, next, y := long(m.buf, pos)
	if y != 0 {
		return pos, false, m.failNumber(o, y, pos, "a union's index")
	}
	if uint64(branch) > 1 {
		return pos, false, m.failBranch(o, pos, branch, 2)
	}
	null = branch == int64(o.null)-1
	if null && o.code > opSkipEnum { // it stores; an earlier item may have done so
		m.set(o, plan.Missing)
	}
	return next, null, nil
}

func (m *machine) set(o *op, s plan.State) { m.cells.State[int(o.col)*m.cells.Step+m.row] = s }

// number stores v; NaN and infinities are Invalid.
func (m *machine) number(o *op, v float64) {
	if v-v != 0 {
		m.set(o, plan.Invalid)
		return
	}
	m.set(o, plan.OK)
	m.cells.Num[int(o.slot)*m.cells.Step+m.row] = v
}

func (m *machine) str(o *op, s string) {
	m.set(o, plan.OK)
	m.cells.Str[int(o.slot)*m.cells.Step+m.row] = s
}

// text is b as a string, without a copy: it lives as long as the event's bytes are not reused.
func text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

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
		if m.cells.State[r.col*m.cells.Step+m.row] != plan.OK {
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
func (m *machine) failInt(o *op, pos int, v int64) *Error {
	return m.fail(o, ReasonBadVarint, pos, fmt.Sprintf("an int is %d, beyond 32 bits", v))
}

//go:noinline
func (m *machine) failNumber(o *op, y why, pos int, what string) *Error {
	if y == whyTruncated {
		return m.fail(o, ReasonTruncated, pos, what+" is cut short by the end of the event")
	}
	return m.fail(o, y.reason(), pos, what+" runs beyond 64 bits")
}

//go:noinline
func (m *machine) failLong(o *op, y why, pos int) *Error {
	if o.code == opNumberInt {
		return m.failNumber(o, y, pos, "an int")
	}
	return m.failNumber(o, y, pos, "a long")
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
