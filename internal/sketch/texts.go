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
	frames []*textFrame
}

// textFrame describes a column in a frame. Values that the plan names are only ticked off while an epoch runs.
type textFrame struct {
	distinctCounter
	seen []bool // by number
}

// distinct is what was counted. It shares the frame's memory until the next reset.
func (f *textFrame) distinct(t *table) *Distinct {
	for number, seen := range f.seen {
		if seen {
			f.add(t.hashes[number])
		}
	}
	return f.distinctCounter.distinct()
}

func (f *textFrame) reset() {
	f.distinctCounter.reset()
	clear(f.seen)
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

func (n *textColumn) count(in *plan.Col, at *placed) {
	from := int32(0)
	for _, r := range at.runs {
		s, bins := &n.sums[r.of], n.bins[int(r.of)*n.stride:][:n.stride]
		for _, row := range at.rows[from:r.end] {
			number := n.lookup.number[row]
			if number == numberAbsent {
				if in.State[row] == plan.Missing {
					s.missing++
				} else {
					s.invalid++
				}
				continue
			}
			c := &n.other
			if number >= 0 {
				c = &n.list[number]
			}
			if c.broken {
				s.broken++
			}
			if n.empty {
				continue
			}
			bins[c.bin]++
			if c.isNew {
				s.isNew++
			}
		}
		from = r.end
	}
	if len(n.frames) == 0 || n.empty {
		return
	}
	from = 0
	for _, p := range at.parts {
		n.frames[p.of].tick(n.lookup, at.rows[from:p.end])
		from = p.end
	}
}

// tick takes down which values the rows hold.
func (f *textFrame) tick(l *lookup, rows []int32) {
	for _, row := range rows {
		if number := l.number[row]; number >= 0 {
			f.seen[number] = true
		} else if number == numberOther {
			f.add(l.hash[row])
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
