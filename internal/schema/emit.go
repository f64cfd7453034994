package schema

import (
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// scalar compiles a value without anything inside: once for every column that reads it, or once to skip it.
func (c *compiler) scalar(t *avroType, w *want, path string) {
	var cols []int
	if w != nil {
		for _, k := range w.kids {
			c.refuse(k.want, t, path)
		}
		for _, col := range w.cols {
			if gives(t, &c.fields[col]) {
				cols = append(cols, col)
			} else {
				c.invalid(col, t, path)
			}
		}
	}
	if len(cols) == 0 {
		c.emit(c.skip(t), path)
		return
	}
	if len(cols) > 1 {
		c.emit(op{code: opMark}, path)
	}
	for i, col := range cols {
		if i > 0 {
			c.emit(op{code: opRewind}, path)
		}
		var o op
		switch f := &c.fields[col]; {
		case f.Of == plan.OfLength:
			o = op{code: opNumberLength}
		case f.Of == plan.OfCharset:
			o = op{code: opStringCharset}
		case f.Of == plan.OfGiven && t.kind == kindString:
			o = op{code: opNumberGiven}
			if w.items {
				o.a = 1
			}
		case f.Of == plan.OfGiven:
			c.store(col, 1, path)
			o = c.skip(t)
		case f.Kind == plan.Number:
			o = number(t)
		case f.Kind == plan.String:
			o = c.text(t)
		case f.Kind == plan.Time:
			o = timestamp(t)
		}
		o.col, o.slot, o.must = int32(col), int32(c.slots[col]), col == c.time
		c.emit(o, path)
	}
}

func (c *compiler) skip(t *avroType) op {
	switch t.kind {
	case kindBoolean:
		return op{code: opSkipBoolean}
	case kindInt:
		return op{code: opSkipInt}
	case kindLong:
		return op{code: opSkipLong}
	case kindBytes:
		return op{code: opSkipBytes}
	case kindString:
		return op{code: opSkipString}
	case kindEnum:
		return op{code: opSkipEnum, a: int32(len(t.symbols))}
	default: // float, double, fixed
		return op{code: opSkip, a: int32(t.minBytes)}
	}
}

func number(t *avroType) op {
	switch t.kind {
	case kindBoolean:
		return op{code: opNumberBoolean}
	case kindInt:
		switch t.logical {
		case logicalDate:
			return op{code: opNumberScaledInt, a: secondsPerDay, b: 1}
		case logicalTimeMillis:
			return op{code: opNumberScaledInt, a: 1, b: 1e3}
		}
		return op{code: opNumberInt}
	case kindLong:
		switch t.logical {
		case logicalTimestampMillis:
			return op{code: opNumberScaledLong, b: 1e3}
		case logicalTimestampMicros, logicalTimeMicros:
			return op{code: opNumberScaledLong, b: 1e6}
		case logicalTimestampNanos:
			return op{code: opNumberScaledLong, b: 1e9}
		}
		return op{code: opNumberLong}
	case kindFloat:
		return op{code: opNumberFloat}
	case kindDouble:
		return op{code: opNumberDouble}
	case kindBytes:
		return op{code: opNumberDecimal, a: int32(t.scale)}
	default: // fixed
		if t.logical == logicalDuration {
			return op{code: opNumberDuration}
		}
		return op{code: opNumberFixedDecimal, a: int32(t.scale), b: int32(t.size)}
	}
}

func (c *compiler) text(t *avroType) op {
	switch t.kind {
	case kindBoolean:
		return op{code: opStringBoolean}
	case kindInt:
		return op{code: opStringInt}
	case kindLong:
		return op{code: opStringLong}
	case kindFloat:
		return op{code: opStringFloat}
	case kindDouble:
		return op{code: opStringDouble}
	case kindBytes:
		return op{code: opStringBytes}
	case kindEnum:
		c.prog.enums = append(c.prog.enums, t.symbols)
		return op{code: opStringEnum, a: int32(len(c.prog.enums) - 1)}
	case kindFixed:
		if t.logical == logicalUUID {
			return op{code: opStringUUID}
		}
		return op{code: opStringFixed, a: int32(t.size)}
	default: // string
		return op{code: opString}
	}
}

func timestamp(t *avroType) op {
	switch {
	case t.kind == kindInt:
		return op{code: opTimeDate}
	case t.kind == kindString:
		return op{code: opTimeString}
	case t.logical == logicalTimestampMicros:
		return op{code: opTimeMicros, a: 1}
	case t.logical == logicalTimestampNanos:
		return op{code: opTimeLong, a: 1, b: 1e3}
	default:
		return op{code: opTimeMicros, a: 1e3}
	}
}

func dotted(path []string) string { return strings.Join(path, ".") }
