package sketch

import (
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// textColumn counts a categorical column in all cells at once, as numberColumn does a numeric one.
type textColumn struct {
	at     int // of plan.Columns
	lookup *lookup
	list   []category // by number
	other  category
	empty  bool

	stride int
	bins   []uint32
	sums   []textSums
	frames []*distinctCounter
}

type textSums struct{ missing, invalid, isNew, broken uint32 }

func newTextColumn(at int, c *plan.Column, l *lookup) *textColumn {
	n := &textColumn{at: at, lookup: l, empty: c.Layout.Empty, stride: c.Layout.Bins()}
	n.list, n.other = categories(l.table, &c.Layout, c.Values)
	return n
}

func (n *textColumn) cellBytes() int { return 4*n.stride + int(unsafe.Sizeof(textSums{})) }

func (n *textColumn) grow(cells int) {
	n.bins, n.sums = grown(n.bins, cells*n.stride), grown(n.sums, cells)
}

func (n *textColumn) reset() {
	clear(n.bins)
	clear(n.sums)
	clear(n.frames)
	n.bins, n.sums, n.frames = kept(n.bins, keptCells*n.stride), kept(n.sums, keptCells), n.frames[:0]
}

func (n *textColumn) count(in *plan.Col, of, frameOf []int32) {
	states, numbers, hashes := in.State[:len(of)], n.lookup.number[:len(of)], n.lookup.hash[:len(of)]
	stride, describing := n.stride, len(n.frames) > 0
	for row, cell := range of {
		if cell < 0 {
			continue
		}
		s := &n.sums[cell]
		at := numbers[row]
		if at == numberAbsent {
			if states[row] == plan.Missing {
				s.missing++
			} else {
				s.invalid++
			}
			continue
		}
		c := &n.other
		if at >= 0 {
			c = &n.list[at]
		}
		if c.broken {
			s.broken++
		}
		if n.empty {
			continue
		}
		n.bins[int(cell)*stride+int(c.bin)]++
		if c.isNew {
			s.isNew++
		}
		if describing {
			n.frames[frameOf[cell]].add(hashes[row])
		}
	}
}

func (n *textColumn) column(c *Column, cell int, rows int64) {
	s := &n.sums[cell]
	widen(c.Bins, n.bins[cell*n.stride:(cell+1)*n.stride])
	*c = Column{N: rows, Missing: int64(s.missing), Invalid: int64(s.invalid), New: int64(s.isNew), Broken: int64(s.broken), Bins: c.Bins}
}

// unreadColumn is a column whose field holds another kind of values than its layout: none of them can be read.
type unreadColumn struct {
	at, field int
	sums      []textSums
}

func (n *unreadColumn) cellBytes() int { return int(unsafe.Sizeof(textSums{})) }

func (n *unreadColumn) grow(cells int) { n.sums = grown(n.sums, cells) }

func (n *unreadColumn) reset() {
	clear(n.sums)
	n.sums = kept(n.sums, keptCells)
}

func (n *unreadColumn) count(in *plan.Col, of []int32) {
	for row, cell := range of {
		switch {
		case cell < 0:
		case in.State[row] == plan.Missing:
			n.sums[cell].missing++
		default:
			n.sums[cell].invalid++
		}
	}
}

func (n *unreadColumn) column(c *Column, cell int, rows int64) {
	*c = Column{N: rows, Missing: int64(n.sums[cell].missing), Invalid: int64(n.sums[cell].invalid), Bins: c.Bins}
}
