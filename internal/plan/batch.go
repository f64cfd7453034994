package plan

import "github.com/plumbline-ml/plumbline/internal/expr"

// State says what one cell of a batch holds. It is that of expressions, which look at a batch's columns where they lie.
type State = expr.State

// The states of a value. Missing is the zero State: a row that starts needs nothing written.
const (
	Missing = expr.Missing // null, absent, or an empty cell of a file
	OK      = expr.OK      // the value is there
	Invalid = expr.Invalid // NaN or infinite, or (in files) text that is no number
)

// Batch is a block of decoded events of one stream, by column. Strings may point into the events' own bytes: they are
// valid as long as those are not reused. A Batch is owned by one goroutine.
//
// Offset and the columns are as long as the block has room for; only their first N rows are of the batch. In the rows beyond,
// every State is Missing.
type Batch struct {
	Fields []Field // of the projection that filled it
	N      int
	Offset []int64 // source offset of each row (line number for files)
	Cols   []Col   // one per field

	cells   Cells
	derived int // so many rows, from the first on, a Deriver is done with
}

// Col is one column of a batch: Num for Number, Str for String, Int for Time. Where State isn't OK they hold what was there
// before.
type Col struct {
	State []State
	Num   []float64
	Str   []string
	Int   []int64
}

// Cells is the memory that the columns of a batch lie in, for a decoder that finds a cell by arithmetic: row r of field f has
// its state in State[f*Step+r]; if f is the k-th field of its kind (see Slots), its value is element k*Step+r of the kind's slice.
// No slice is shorter than one column.
type Cells struct {
	Step  int
	State []State
	Num   []float64
	Str   []string
	Int   []int64
}

// Slots numbers the fields of each kind from 0 on: Cells has a field's values by this number.
func Slots(fields []Field) []int {
	seen := map[Kind]int{}
	out := make([]int, len(fields))
	for i, f := range fields {
		out[i] = seen[f.Kind]
		seen[f.Kind]++
	}
	return out
}

// NewBatch makes an empty batch for a projection with room for n rows; it makes more when they are full.
func NewBatch(p *Projection, n int) *Batch {
	b := &Batch{Fields: p.Fields}
	b.allocate(n)
	return b
}

// Cells is where b's columns lie, until it grows beyond its room.
func (b *Batch) Cells() *Cells { return &b.cells }

// allocate gives b empty columns of room rows.
func (b *Batch) allocate(room int) {
	// An odd number of cache lines from one column to the next: at a power of two, the cells of a row would all compete for the
	// same few lines of the cache.
	const line = 64 / 8
	step := ((room+line-1)/line | 1) * line
	kinds := map[Kind]int{}
	for _, f := range b.Fields {
		kinds[f.Kind]++
	}
	b.cells = Cells{
		Step:  step,
		State: make([]State, max(len(b.Fields), 1)*step),
		Num:   make([]float64, max(kinds[Number], 1)*step),
		Str:   make([]string, max(kinds[String], 1)*step),
		Int:   make([]int64, max(kinds[Time], 1)*step),
	}
	b.Offset, b.Cols = make([]int64, room), make([]Col, len(b.Fields))
	for i, slot := range Slots(b.Fields) {
		c := &b.Cols[i]
		c.State = column(b.cells.State, i*step, room)
		switch at := slot * step; b.Fields[i].Kind {
		case Number:
			c.Num = column(b.cells.Num, at, room)
		case String:
			c.Str = column(b.cells.Str, at, room)
		case Time:
			c.Int = column(b.cells.Int, at, room)
		}
	}
}

func column[T any](cells []T, at, room int) []T { return cells[at : at+room : at+room] }

// enlarge makes room for more rows.
func (b *Batch) enlarge() {
	const least = 16
	old, offsets := b.Cols, b.Offset
	b.allocate(max(2*len(offsets), least))
	copy(b.Offset, offsets)
	for i := range old {
		c, from := &b.Cols[i], &old[i]
		copy(c.State, from.State)
		copy(c.Num, from.Num)
		copy(c.Str, from.Str)
		copy(c.Int, from.Int)
	}
}

// Reset empties b and keeps its memory.
func (b *Batch) Reset() { b.Truncate(0) }

// Grow appends one row, every field missing, and returns its index.
func (b *Batch) Grow(offset int64) int {
	if b.N == len(b.Offset) {
		b.enlarge()
	}
	b.Offset[b.N] = offset
	b.N++
	return b.N - 1
}

// Truncate drops every row from n on: a decoder that meets a bad event takes its half-filled row back.
func (b *Batch) Truncate(n int) {
	for i := range b.Cols {
		clear(b.Cols[i].State[n:b.N])
	}
	b.N, b.derived = n, min(b.derived, n)
}

// rowSpan is the rows [from, to).
type rowSpan struct{ from, to int }

// keep drops the rows from first on that lie in none of the spans, which ascend.
func (b *Batch) keep(first int, spans []rowSpan) {
	n := shift(b.Offset, first, spans)
	for i := range b.Cols {
		c := &b.Cols[i]
		shift(c.State, first, spans)
		switch b.Fields[i].Kind {
		case Number:
			shift(c.Num, first, spans)
		case String:
			shift(c.Str, first, spans)
		case Time:
			shift(c.Int, first, spans)
		}
	}
	b.Truncate(n)
}

// shift moves spans of cells together, from first on, and returns where they end.
func shift[T any](cells []T, first int, spans []rowSpan) int {
	for _, s := range spans {
		first += copy(cells[first:], cells[s.from:s.to])
	}
	return first
}

// SetNumber stores v; NaN and infinities become Invalid.
func (b *Batch) SetNumber(col, row int, v float64) {
	c := &b.Cols[col]
	if v-v != 0 { // NaN or infinite
		c.State[row], c.Num[row] = Invalid, 0
		return
	}
	c.State[row], c.Num[row] = OK, v
}

// SetString stores v.
func (b *Batch) SetString(col, row int, v string) {
	c := &b.Cols[col]
	c.State[row], c.Str[row] = OK, v
}

// SetTime stores v, microseconds since the Unix epoch.
func (b *Batch) SetTime(col, row int, v int64) {
	c := &b.Cols[col]
	c.State[row], c.Int[row] = OK, v
}

// SetInvalid marks a value that is there but can't be read as its kind.
func (b *Batch) SetInvalid(col, row int) { b.Cols[col].State[row] = Invalid }

// Take copies the value of column from of o's first row, which is of the same kind, into a row of b.
func (b *Batch) Take(col, row int, o *Batch, from int) {
	c, v := &b.Cols[col], &o.Cols[from]
	c.State[row] = v.State[0]
	switch b.Fields[col].Kind {
	case Number:
		c.Num[row] = v.Num[0]
	case String:
		c.Str[row] = v.Str[0]
	case Time:
		c.Int[row] = v.Int[0]
	}
}

// Append copies one row of o, which has the same fields, to the end of b. Strings still point where o's pointed.
func (b *Batch) Append(o *Batch, row int) {
	at := b.Grow(o.Offset[row])
	for i := range b.Cols {
		c, from := &b.Cols[i], &o.Cols[i]
		c.State[at] = from.State[row]
		switch b.Fields[i].Kind {
		case Number:
			c.Num[at] = from.Num[row]
		case String:
			c.Str[at] = from.Str[row]
		case Time:
			c.Int[at] = from.Int[row]
		}
	}
}
