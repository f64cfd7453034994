package schema

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// maxEmptyItems bounds an array of items that take no bytes: their number is the only thing about an event that its length
// doesn't bound.
const maxEmptyItems = 4096

// maxRepeats bounds how often an event names the keys that the plan asks for beyond once each. No writer names a key of a map
// twice; each time may cost the memory of a value rendered as text.
const maxRepeats = 64

// call runs a record's own ops. Their paths start at the record; an error's is completed on the way back.
func (m *machine) call(o *op, pos, depth int) (int, *Error) {
	if depth == maxDepth {
		return pos, m.failDepth(o, pos)
	}
	next, e := m.run(m.p.procs[o.a], pos, depth+1)
	if e != nil {
		switch outer := m.p.paths[o.path]; {
		case e.Path == "":
			e.Path = outer
		case outer != "" && e.Path[0] != '[':
			e.Path = outer + "." + e.Path
		default:
			e.Path = outer + e.Path
		}
		return next, e
	}
	return next, nil
}

// block reads an array or a map: blocks of items, until one of none. It returns the positions after it in the input and in
// the ops.
func (m *machine) block(o *op, pos, depth int) (int, int32, *Error) {
	blk := &m.p.blocks[o.a]
	if depth == maxDepth {
		return pos, 0, m.failDepth(o, pos)
	}
	var items int64
	for {
		n, size, next, e := m.count(o, pos)
		if e != nil {
			return pos, 0, e
		}
		if n == 0 {
			return next, blk.after, nil
		}
		start := next
		if e := m.fits(o, blk, n, items, pos, next); e != nil {
			return pos, 0, e
		}
		switch {
		case blk.fixed:
			next += int(n * blk.minBytes)
		case o.code == opArray:
			next, e = m.items(blk, n, items, next, depth)
		default:
			next, e = m.entries(o, blk, n, next, depth)
		}
		if e != nil {
			return next, 0, e
		}
		if e := m.sized(o, size, start, next, pos); e != nil {
			return pos, 0, e
		}
		items += n
		pos = next
	}
}

// sized checks that a block that says its size, at pos, has it.
func (m *machine) sized(o *op, size int64, start, next, pos int) *Error {
	if size < 0 || int64(next-start) == size {
		return nil
	}
	return m.fail(o, ReasonTooLong, pos, fmt.Sprintf("a block says it takes %d bytes, its items take %d", size, next-start))
}

// count reads the number of items of a block and, where the number is negative, the block's size in bytes; -1 if it has none.
func (m *machine) count(o *op, pos int) (n, size int64, next int, e *Error) {
	n, next, y := long(m.buf, pos)
	if y != 0 {
		return 0, 0, pos, m.failNumber(o, y, pos, "a count of items")
	}
	if n >= 0 {
		return n, -1, next, nil
	}
	if n == math.MinInt64 {
		return 0, 0, pos, m.fail(o, ReasonTooLong, pos, fmt.Sprintf("the count of items is %d", n))
	}
	at := next
	size, next, y = long(m.buf, at)
	switch {
	case y != 0:
		return 0, 0, pos, m.failNumber(o, y, at, "a block's size")
	case size < 0:
		return 0, 0, pos, m.fail(o, ReasonNegativeLength, at, fmt.Sprintf("a block's size is %d", size))
	case size > maxLength:
		return 0, 0, pos, m.fail(o, ReasonTooLong, at, fmt.Sprintf("a block's size is %d", size))
	case size > int64(len(m.buf)-next):
		return 0, 0, pos, m.fail(o, ReasonTruncated, at, fmt.Sprintf("a block's size is %d, %d bytes are left", size, len(m.buf)-next))
	}
	return -n, size, next, nil
}

// fits checks that n more items can lie in the bytes that are left.
func (m *machine) fits(o *op, blk *block, n, items int64, pos, next int) *Error {
	switch {
	case n > maxLength:
		return m.fail(o, ReasonTooLong, pos, fmt.Sprintf("the count of items is %d", n))
	case blk.minBytes == 0:
		if items+n > maxEmptyItems {
			detail := fmt.Sprintf("%d items of no bytes each; at most %d are read", items+n, maxEmptyItems)
			return m.fail(o, ReasonTooLong, pos, detail)
		}
	case n > int64(len(m.buf)-next)/blk.minBytes:
		detail := fmt.Sprintf("%d items of at least %d bytes can't lie in the %d bytes left", n, blk.minBytes, len(m.buf)-next)
		return m.fail(o, ReasonTruncated, pos, detail)
	}
	return nil
}

// items reads n items of an array.
func (m *machine) items(blk *block, n, before int64, pos, depth int) (int, *Error) {
	for i := range n {
		next, e := m.run(blk.body, pos, depth+1)
		if e != nil {
			e.Path = strings.TrimSuffix(blk.items, "[]") + "[" + strconv.FormatInt(before+i, 10) + "]" + strings.TrimPrefix(e.Path, blk.items)
			return next, e
		}
		pos = next
	}
	return pos, nil
}

// entries reads n keys with their values of a map.
func (m *machine) entries(o *op, blk *block, n int64, pos, depth int) (int, *Error) {
	buf := m.buf
	for range n {
		start, end, y := length(buf, pos)
		if y != 0 {
			return pos, m.failLength(o, y, pos)
		}
		if bad := badText(buf[start:end]); bad >= 0 {
			return start + bad, m.failText(o, start+bad)
		}
		body := int32(0)
		if blk.keys != nil {
			body = blk.keys.get(text(buf[start:end]))
		}
		known := body != 0
		if !known {
			body = blk.body
		} else if m.named++; m.named > m.p.known+maxRepeats {
			detail := fmt.Sprintf("%q is named again: beyond once each, the keys of maps are read %d times", clip(buf[start:end]), maxRepeats)
			return pos, m.fail(o, ReasonTooLong, pos, detail)
		}
		next, e := m.run(body, end, depth+1)
		if e != nil {
			if !known {
				e.Path = strings.TrimSuffix(blk.items, "*") + clip(buf[start:end]) + strings.TrimPrefix(e.Path, blk.items)
			}
			return next, e
		}
		pos = next
	}
	return pos, nil
}

func (m *machine) failDepth(o *op, pos int) *Error {
	return m.fail(o, ReasonDepth, pos, fmt.Sprintf("containers are nested deeper than %d", maxDepth))
}
