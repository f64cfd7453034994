package sketch

import (
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// numberColumn counts a numeric column in all cells at once: what belongs to a cell lies beside that of the others, so that the
// column's own counts of all of them stay in the nearest cache while a batch goes through.
type numberColumn struct {
	at       int // of plan.Columns
	field    int
	grid     grid
	lo, hi   float64
	ranged   bool
	min, max float64
	empty    bool

	stride int      // bins of a cell
	bins   []uint32 // by cell and bin
	sums   []numberSums
	odds   []numberOdds
	frames []*histogramCounter // what describes the column, by frame; empty if nothing does

	touched uint32 // see touch
}

// numberSums is what is counted of a cell beside its bins: one line of the cache. An epoch holds fewer than 2^32 rows.
type numberSums struct {
	sum, squares                                 Fixed
	whole                                        uint64 // integral values but for -0 below, those with a sign bit above
	missing, invalid, below, above, broken, zero uint32
}

// numberOdds is the rest, which hardly any column has. minus counts -0, which is no negative number for all its sign bit.
type numberOdds struct{ minus, overflow uint32 }

func newNumberColumn(at int, c *plan.Column) *numberColumn {
	n := &numberColumn{
		at: at, field: c.Field, grid: newGrid(c.Layout.Edges), lo: c.Layout.Lo, hi: c.Layout.Hi,
		empty: c.Layout.Empty, stride: c.Layout.Bins(),
	}
	if c.Range != nil {
		n.ranged, n.min, n.max = true, c.Range[0], c.Range[1]
	}
	return n
}

func (n *numberColumn) cellBytes() int {
	return 4*n.stride + int(unsafe.Sizeof(numberSums{})+unsafe.Sizeof(numberOdds{}))
}

func (n *numberColumn) grow(cells int) {
	n.bins, n.sums, n.odds = grown(n.bins, cells*n.stride), grown(n.sums, cells), grown(n.odds, cells)
}

func (n *numberColumn) reset() {
	clear(n.bins)
	clear(n.sums)
	clear(n.odds)
	clear(n.frames)
	n.bins, n.sums, n.odds, n.frames = kept(n.bins, keptCells*n.stride), kept(n.sums, keptCells), kept(n.odds, keptCells), n.frames[:0]
}

// touch reads a little of everything that a cell has, and of the next cells if it is called for them one after another: none of these
// reads waits for another, so that the caches fetch many lines at once, where counting would wait for each.
func (n *numberColumn) touch(cell int32) {
	n.touched += n.sums[cell].zero
	if n.stride > 0 {
		n.touched += n.bins[int(cell)*n.stride] + n.bins[(int(cell)+1)*n.stride-1]
	}
}

func (n *numberColumn) place() int { return n.at }

// read writes what a cell of so many rows holds to c, but for its bins, which it returns.
func (n *numberColumn) read(c *Column, cell int, rows int64) (bins []uint32) {
	s, odd := &n.sums[cell], &n.odds[cell]
	*c = Column{
		N: rows, Missing: int64(s.missing), Invalid: int64(s.invalid), Below: int64(s.below), Above: int64(s.above), Broken: int64(s.broken),
		Integral: int64(uint32(s.whole)) + int64(odd.minus), Zero: int64(s.zero), Negative: int64(s.whole>>32) - int64(odd.minus), Overflow: int64(odd.overflow),
		Bins: c.Bins, Sum: s.sum, SumSq: s.squares,
	}
	return n.bins[cell*n.stride : (cell+1)*n.stride]
}

// grown is s with length n, new elements zero.
func grown[T any](s []T, n int) []T {
	if n <= cap(s) {
		return s[:max(n, len(s))]
	}
	t := make([]T, n, n+n/2)
	copy(t, s)
	return t
}

// kept is the room of s for another epoch, if it is no more than an ordinary one takes.
func kept[T any](s []T, room int) []T {
	if cap(s) > 2*room {
		return nil
	}
	return s[:0]
}
