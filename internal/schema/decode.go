package schema

import (
	"fmt"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// machine is the state of one Decode. It lies on the caller's stack.
type machine struct {
	p   *Program
	buf []byte
	row int

	named int // how often a key of a map was one that is asked for

	// The batch's cells from the row on: column c has this row's at c*step.
	step   int
	states []plan.State
	nums   []float64
	strs   []string
	ints   []int64
}

// run executes ops from pc until their opEnd, on the input from pos on, and returns the position after what was read.
func (m *machine) run(pc int32, pos, depth int) (int, *Error) {
	ops := m.p.ops
	mark := pos
	for {
		pc, pos = m.fast(pc, pos)
		o := &ops[pc]
		pc++
		if o.null != 0 {
			next, null, e := m.branch(o, pos)
			if e != nil {
				return pos, e
			}
			pos = next
			if null {
				continue
			}
		}
		switch o.code {
		case opEnd:
			return pos, nil
		case opJump:
			pc = o.a
		case opUnion:
			branch, next, y := long(m.buf, pos)
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
		case opVector:
			next, e := m.vector(o, pos, depth)
			if e != nil {
				return next, e
			}
			pos = next
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
			m.set(o, plan.Missing)
		case opInvalid:
			m.set(o, plan.Invalid)
		case opDefault:
			m.constant(o)
		case opFail:
			f := &m.p.fails[o.a]
			return pos, m.fail(o, f.reason, pos, f.detail)
		case opSkipRun: // fast would have passed over it, were all of it there: the ops that follow say what is missing
		default:
			next, e := m.value(o, pos)
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

func (m *machine) set(o *op, s plan.State) { m.states[int(o.col)*m.step] = s }

// number stores v; NaN and infinities are Invalid.
func (m *machine) number(o *op, v float64) { m.fill(o.col, o.slot, v) }

// fill is number for a cell that isn't its op's.
func (m *machine) fill(col, slot int32, v float64) {
	if v-v != 0 {
		m.states[int(col)*m.step] = plan.Invalid
		return
	}
	m.states[int(col)*m.step] = plan.OK
	m.nums[int(slot)*m.step] = v
}

func (m *machine) str(o *op, s string) {
	m.set(o, plan.OK)
	m.strs[int(o.slot)*m.step] = s
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
		if m.states[r.col*m.step] != plan.OK {
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
