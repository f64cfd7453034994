package schema

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// value executes an op that reads one value at pos, any of them. It returns the position after it, or that of an error.
func (m *machine) value(o *op, pos int) (int, *Error) {
	buf := m.buf
	switch o.code {
	case opSkip:
		if len(buf)-pos < int(o.a) {
			return pos, m.failShort(o, pos, int(o.a))
		}
		return pos + int(o.a), nil
	case opSkipBoolean, opNumberBoolean, opStringBoolean:
		if pos >= len(buf) {
			return pos, m.failShort(o, pos, 1)
		}
		v := buf[pos]
		if v > 1 {
			return pos, m.fail(o, ReasonBadEnumIndex, pos, fmt.Sprintf("a boolean's byte is %d, not 0 or 1", v))
		}
		switch o.code {
		case opNumberBoolean:
			m.number(o, float64(v))
		case opStringBoolean:
			m.str(o, boolText(v == 1))
		}
		return pos + 1, nil
	case opSkipInt, opNumberInt, opNumberScaledInt, opStringInt, opTimeDate:
		return m.integer(o, pos)
	case opSkipLong, opNumberLong, opNumberScaledLong, opStringLong, opTimeMicros, opTimeLong:
		v, next, y := long(buf, pos)
		if y != 0 {
			return pos, m.failNumber(o, y, pos, "a long")
		}
		switch o.code {
		case opNumberLong:
			m.number(o, float64(v))
		case opTimeMicros, opTimeLong:
			us, ok := longTime(v, int64(o.a), int64(max(o.b, 1)))
			if e := m.time(o, us, ok, pos, next); e != nil {
				return pos, e
			}
		case opNumberScaledLong:
			m.number(o, float64(v)/float64(o.b))
		case opStringLong:
			m.str(o, intText(v))
		}
		return next, nil
	case opNumberFloat, opStringFloat:
		if len(buf)-pos < 4 {
			return pos, m.failShort(o, pos, 4)
		}
		v := math.Float32frombits(binary.LittleEndian.Uint32(buf[pos:]))
		if o.code == opNumberFloat {
			m.number(o, float64(v))
		} else {
			m.str(o, floatText(float64(v), 32))
		}
		return pos + 4, nil
	case opNumberDouble, opStringDouble:
		if len(buf)-pos < 8 {
			return pos, m.failShort(o, pos, 8)
		}
		v := math.Float64frombits(binary.LittleEndian.Uint64(buf[pos:]))
		if o.code == opNumberDouble {
			m.number(o, v)
		} else {
			m.str(o, floatText(v, 64))
		}
		return pos + 8, nil
	case opSkipEnum:
		_, next, e := m.symbol(o, pos, int64(o.a))
		return next, e
	case opStringEnum:
		symbols := m.p.enums[o.a]
		n, next, e := m.symbol(o, pos, int64(len(symbols)))
		if e != nil {
			return pos, e
		}
		m.str(o, symbols[n])
		return next, nil
	case opNumberFixedDecimal, opNumberDuration, opStringFixed, opStringUUID:
		return m.fixed(o, pos)
	case opSkipString, opString, opNumberLength, opNumberGiven, opStringCharset, opTimeString:
		return m.text(o, pos)
	default: // opSkipBytes, opStringBytes, opNumberDecimal
		start, end, y := length(buf, pos)
		if y != 0 {
			return pos, m.failLength(o, y, pos)
		}
		switch o.code {
		case opStringBytes:
			m.str(o, text(buf[start:end]))
		case opNumberDecimal:
			m.number(o, decimal(buf[start:end], int(o.a)))
		}
		return end, nil
	}
}

func (m *machine) integer(o *op, pos int) (int, *Error) {
	v, next, y := long(m.buf, pos)
	if y != 0 {
		return pos, m.failNumber(o, y, pos, "an int")
	}
	if v != int64(int32(v)) {
		return pos, m.failInt(o, pos, v)
	}
	switch o.code {
	case opNumberInt:
		m.number(o, float64(v))
	case opNumberScaledInt:
		m.number(o, float64(v*int64(o.a))/float64(o.b))
	case opStringInt:
		m.str(o, intText(v))
	case opTimeDate:
		us, ok := dateTime(v)
		if e := m.time(o, us, ok, pos, next); e != nil {
			return pos, e
		}
	}
	return next, nil
}

func (m *machine) fixed(o *op, pos int) (int, *Error) {
	size := int(o.a)
	switch o.code {
	case opNumberFixedDecimal:
		size = int(o.b)
	case opNumberDuration:
		size = 12
	case opStringUUID:
		size = 16
	}
	if len(m.buf)-pos < size {
		return pos, m.failShort(o, pos, size)
	}
	b := m.buf[pos : pos+size]
	switch o.code {
	case opNumberFixedDecimal:
		m.number(o, decimal(b, int(o.a)))
	case opNumberDuration:
		m.number(o, duration(b))
	case opStringFixed:
		m.str(o, text(b))
	default:
		m.str(o, uuidText(b))
	}
	return pos + size, nil
}

func (m *machine) text(o *op, pos int) (int, *Error) {
	start, end, y := length(m.buf, pos)
	if y != 0 {
		return pos, m.failLength(o, y, pos)
	}
	if bad := badText(m.buf[start:end]); bad >= 0 {
		return start + bad, m.failText(o, start+bad)
	}
	switch o.code {
	case opString:
		m.str(o, text(m.buf[start:end]))
	case opNumberLength:
		m.number(o, plan.LengthOf(text(m.buf[start:end])))
	case opNumberGiven:
		if given := plan.Given(text(m.buf[start:end])); given == 1 || o.a == 0 {
			m.number(o, given)
		}
	case opStringCharset:
		m.str(o, plan.CharsetOf(text(m.buf[start:end])))
	case opTimeString:
		us, ok := parseTime(m.buf[start:end])
		if e := m.time(o, us, ok, start, end); e != nil {
			return start, e
		}
	}
	return end, nil
}

// time stores what was read at pos as a time. Where it is none, the event's own time refuses the event.
func (m *machine) time(o *op, us int64, ok bool, pos, end int) *Error {
	switch {
	case ok:
		m.set(o, plan.OK)
		m.ints[int(o.slot)*m.step] = us
	case !o.must:
		m.set(o, plan.Invalid)
	case o.code == opTimeString:
		return m.fail(o, ReasonBadTime, pos, fmt.Sprintf("%q is no RFC 3339 time", clip(m.buf[pos:end])))
	default:
		return m.fail(o, ReasonBadTime, pos, "the time lies outside the years 1 to 9999")
	}
	return nil
}
