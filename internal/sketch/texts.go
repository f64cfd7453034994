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

	touched uint32 // as of a numberColumn
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
	for i := range n.list {
		n.list[i].odd = n.list[i].isNew || n.list[i].broken || n.empty
	}
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
	from, part := int32(0), 0
	for _, r := range at.runs {
		var f *textFrame
		if len(n.frames) > 0 {
			f = n.frames[at.parts[part].of]
		}
		n.countRun(in, r.of, at.rows[from:r.end], f)
		if from = r.end; from == at.parts[part].end {
			part++
		}
	}
}

// countRun takes the rows of one cell. f describes their frame; it may be nil.
func (n *textColumn) countRun(in *plan.Col, cell int32, rows []int32, f *textFrame) {
	s, bins, numbers, list := &n.sums[cell], n.bins[int(cell)*n.stride:][:n.stride], n.lookup.number, n.list
	var seen []bool
	if f != nil && !n.empty {
		seen = f.seen
	}
	for _, row := range rows {
		number := numbers[row]
		if number < 0 {
			n.countUnnamed(in, s, bins, row, f)
			continue
		}
		c := list[number]
		if c.odd {
			n.countOdd(&c, s, bins)
		} else {
			bins[c.bin]++
		}
		if seen != nil {
			seen[number] = true
		}
	}
}

// countUnnamed takes a row that holds no value, or one that the plan doesn't name.
func (n *textColumn) countUnnamed(in *plan.Col, s *textSums, bins []uint32, row int32, f *textFrame) {
	switch {
	case n.lookup.number[row] == numberOther:
		n.countOdd(&n.other, s, bins)
		if f != nil && !n.empty {
			f.add(n.lookup.hash[row])
		}
	case in.State[row] == plan.Missing:
		s.missing++
	default:
		s.invalid++
	}
}

func (n *textColumn) countOdd(c *category, s *textSums, bins []uint32) {
	if c.broken {
		s.broken++
	}
	if n.empty {
		return
	}
	bins[c.bin]++
	if c.isNew {
		s.isNew++
	}
}

func (n *textColumn) touch(cell int32) {
	n.touched += n.sums[cell].missing
	if n.stride > 0 {
		n.touched += n.bins[int(cell)*n.stride]
	}
}

func (n *textColumn) place() int { return n.at }

func (n *textColumn) read(c *Column, cell int, rows int64) (bins []uint32) {
	s := &n.sums[cell]
	*c = Column{N: rows, Missing: int64(s.missing), Invalid: int64(s.invalid), New: int64(s.isNew), Broken: int64(s.broken), Bins: c.Bins}
	return n.bins[cell*n.stride : (cell+1)*n.stride]
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

func (n *unreadColumn) place() int { return n.at }

func (n *unreadColumn) read(c *Column, cell int, rows int64) (bins []uint32) {
	*c = Column{N: rows, Missing: int64(n.sums[cell].missing), Invalid: int64(n.sums[cell].invalid), Bins: c.Bins}
	return nil // there is no value in any of them
}
