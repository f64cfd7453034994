package schema

import (
	"encoding/binary"
	"math"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// vector reads an array of numbers, once, and stores what is measured of it. Of its numbers only the components asked for are
// kept, so that there is no limit but the event's length.
func (m *machine) vector(o *op, pos, depth int) (int, *Error) {
	blk := &m.p.blocks[o.a]
	if depth == maxDepth {
		return pos, m.failDepth(o, pos)
	}
	var items int64
	squares := 0.0
	rest := blk.measures.components // that no item has come for yet
	for {
		n, size, next, e := m.count(o, pos)
		if e != nil {
			return pos, e
		}
		if n == 0 {
			for _, t := range blk.measures.norms {
				m.fill(t.col, t.slot, math.Sqrt(squares))
			}
			for _, t := range blk.measures.dimensions {
				m.fill(t.col, t.slot, float64(items))
			}
			for _, t := range blk.measures.given {
				m.fill(t.col, t.slot, float64(min(items, 1)))
			}
			for _, t := range rest { // an earlier value of the same map key may have had them
				m.states[int(t.col)*m.step] = plan.Missing
			}
			return next, nil
		}
		start := next
		if e := m.fits(o, blk, n, items, pos, next); e != nil {
			return pos, e
		}
		for i := range n {
			var v float64
			if v, next, e = m.component(o, next); e != nil {
				e.Path = strings.TrimSuffix(blk.items, "[]") + "[" + strconv.FormatInt(items+i, 10) + "]"
				return next, e
			}
			squares += v * v
			for len(rest) > 0 && rest[0].at == items+i {
				m.fill(rest[0].col, rest[0].slot, v)
				rest = rest[1:]
			}
		}
		if e := m.sized(o, size, start, next, pos); e != nil {
			return pos, e
		}
		items += n
		pos = next
	}
}

// component reads one number of a vector. That the bytes of a float or a double are there is known by their number.
func (m *machine) component(o *op, pos int) (float64, int, *Error) {
	switch k := kind(o.b); k {
	case kindFloat:
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(m.buf[pos:]))), pos + 4, nil
	case kindDouble:
		return math.Float64frombits(binary.LittleEndian.Uint64(m.buf[pos:])), pos + 8, nil
	default:
		v, next, y := long(m.buf, pos)
		if y != 0 {
			return 0, pos, m.failNumber(o, y, pos, "a number")
		}
		if k == kindInt && v != int64(int32(v)) {
			return 0, pos, m.failInt(o, pos, v)
		}
		return float64(v), next, nil
	}
}
