package sketch

import (
	"math"
	"math/bits"
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
	frames []*histogramCounter // what describes the column, by frame; empty if nothing does
}

// numberSums is what is counted of a cell beside its bins. An epoch holds fewer than 2^32 rows.
type numberSums struct {
	sum, squares                           Fixed
	missing, invalid, below, above, broken uint32
	integral, zero, negative, overflow     uint32
}

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

func (n *numberColumn) cellBytes() int { return 4*n.stride + int(unsafe.Sizeof(numberSums{})) }

func (n *numberColumn) grow(cells int) {
	n.bins, n.sums = grown(n.bins, cells*n.stride), grown(n.sums, cells)
}

func (n *numberColumn) reset() {
	clear(n.bins)
	clear(n.sums)
	clear(n.frames)
	n.bins, n.sums, n.frames = kept(n.bins, keptCells*n.stride), kept(n.sums, keptCells), n.frames[:0]
}

// count takes the rows of a batch; of has the cell of each, which is below 0 for none, and frameOf the frame of each cell.
func (n *numberColumn) count(in *plan.Col, of, frameOf []int32) {
	states, values := in.State[:len(of)], in.Num[:len(of)]
	sums, bins, stride := n.sums, n.bins, n.stride
	low, scale, starts := n.grid.low, n.grid.scale, n.grid.starts
	linear, describing := !n.grid.octave, len(n.frames) > 0
	for row, cell := range of {
		if cell < 0 {
			continue
		}
		s := &sums[cell]
		v := values[row]
		b := math.Float64bits(v)
		if states[row] != plan.OK || b>>52&0x7ff == 0x7ff {
			s.absent(states[row])
			continue
		}
		if n.ranged && (v < n.min || v > n.max) {
			s.broken++
		}
		if n.empty {
			continue
		}
		// grid.find, in line for the usual map.
		slot := 0
		if linear {
			if x := (v - low) * scale; x >= gridSlots-1 {
				slot = gridSlots - 1
			} else if x > 0 {
				slot = int(x)
			}
		} else {
			slot = n.grid.slot(v)
		}
		bin, end := int(starts[slot&(gridSlots-1)]), int(starts[slot&(gridSlots-1)+1])
		if bin != end {
			bin = n.grid.within(bin, end, v)
		}
		bins[int(cell)*stride+bin]++
		if v < n.lo {
			s.below++
		}
		if v > n.hi {
			s.above++
		}
		if v == math.Trunc(v) {
			s.integral++
		}
		zero := uint32((b<<1 - 1) >> 63 &^ (b << 1 >> 63)) // 1 for 0 and -0
		s.zero += zero
		s.negative += uint32(b>>63) &^ zero
		s.add(v)
		if describing {
			n.frames[frameOf[cell]].add(v)
		}
	}
}

func (s *numberSums) absent(state plan.State) {
	if state == plan.Missing {
		s.missing++
	} else {
		s.invalid++
	}
}

const fixedUnit = 1 << fixedFraction

// add takes v into the sums, as toFixed and squareFixed have it. Numbers of ordinary size are rounded by the processor.
func (s *numberSums) add(v float64) {
	if !(v < 1<<11 && v > -1<<11) {
		s.addLarge(v)
		return
	}
	x := int64(math.RoundToEven(v * fixedUnit)) // scaling by a power of two is exact, so v is rounded once
	lo, carry := bits.Add64(s.sum.Lo, uint64(x), 0)
	s.sum.Hi += x>>63 + int64(carry)
	s.sum.Lo = lo

	// The square is u + e exactly. Below 2^52 u may have a fraction, and e matters only if that is one half: then it says on which
	// side. From there on u is whole, and e is what is rounded.
	p := v * v
	u := p * fixedUnit
	r := math.RoundToEven(u)
	y := uint64(int64(r))
	if u < 1<<52 {
		if d := u - r; d == 0.5 || d == -0.5 {
			if e := math.FMA(v, v, -p); e > 0 && d > 0 {
				y++
			} else if e < 0 && d < 0 {
				y--
			}
		}
	} else {
		e := math.FMA(v, v, -p) * fixedUnit
		t := math.RoundToEven(e)
		if d := e - t; d == 0.5 || d == -0.5 {
			s.addSquare(v)
			return
		}
		y += uint64(int64(t))
	}
	lo, carry = bits.Add64(s.squares.Lo, y, 0)
	s.squares.Hi += int64(carry)
	s.squares.Lo = lo
}

func (s *numberSums) addSquare(v float64) {
	square, _ := squareFixed(v)
	s.squares.Merge(square)
}

func (s *numberSums) addLarge(v float64) {
	square, fits := squareFixed(v)
	if !fits {
		s.overflow++
		return
	}
	sum, _ := toFixed(v) // |v| < 2^35
	s.sum.Merge(sum)
	s.squares.Merge(square)
}

// column writes what a cell of so many rows holds to c, whose bins are there.
func (n *numberColumn) column(c *Column, cell int, rows int64) {
	s := &n.sums[cell]
	widen(c.Bins, n.bins[cell*n.stride:(cell+1)*n.stride])
	*c = Column{
		N: rows, Missing: int64(s.missing), Invalid: int64(s.invalid), Below: int64(s.below), Above: int64(s.above), Broken: int64(s.broken),
		Integral: int64(s.integral), Zero: int64(s.zero), Negative: int64(s.negative), Overflow: int64(s.overflow),
		Bins: c.Bins, Sum: s.sum, SumSq: s.squares,
	}
}

func widen(to []int64, from []uint32) {
	for i, v := range from {
		to[i] = int64(v)
	}
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
