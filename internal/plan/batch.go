package plan

// State says what one cell of a batch holds.
type State uint8

// The states of a value. Missing is the zero State: a row that starts needs nothing written.
const (
	Missing State = iota // null, absent, or an empty cell of a file
	OK                   // the value is there
	Invalid              // NaN or infinite, or (in files) text that is no number
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
}

// Col is one column of a batch: Num for Number, Str for String, Int for Time. Where State isn't OK they hold what was there
// before.
type Col struct {
	State []State
	Num   []float64
	Str   []string
	Int   []int64
}

// NewBatch makes an empty batch for a projection with room for n rows; it makes more when they are full.
func NewBatch(p *Projection, n int) *Batch {
	b := &Batch{Fields: p.Fields}
	b.allocate(n)
	return b
}

// skew keeps columns a cache line more apart than their rows take: at a power of two, the cells of one row would all
// compete for the same few lines of the cache.
const skew = 64

// allocate gives b empty columns of room rows. Those of one kind lie in one piece of memory.
func (b *Batch) allocate(room int) {
	kinds := map[Kind]int{}
	for _, f := range b.Fields {
		kinds[f.Kind]++
	}
	states := make([]State, len(b.Fields)*(room+skew))
	nums := make([]float64, kinds[Number]*(room+skew/8))
	texts := make([]string, kinds[String]*(room+skew/16))
	times := make([]int64, kinds[Time]*(room+skew/8))
	b.Offset, b.Cols = make([]int64, room), make([]Col, len(b.Fields))
	for i, f := range b.Fields {
		c := &b.Cols[i]
		c.State, states = take(states, room, skew)
		switch f.Kind {
		case Number:
			c.Num, nums = take(nums, room, skew/8)
		case String:
			c.Str, texts = take(texts, room, skew/16)
		case Time:
			c.Int, times = take(times, room, skew/8)
		}
	}
}

func take[T any](from []T, n, gap int) (column, rest []T) {
	return from[:n:n], from[n+gap:]
}

// enlarge makes room for more rows.
func (b *Batch) enlarge() {
	const least = 16
	old := b.Cols
	offsets := b.Offset
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
	b.N = n
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
