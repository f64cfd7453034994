package plan

// State says what one cell of a batch holds.
type State uint8

// The states of a value.
const (
	OK      State = iota // the value is there
	Missing              // null, absent, or an empty cell of a file
	Invalid              // NaN or infinite, or (in files) text that is no number
)

// Batch is a block of decoded events of one stream, by column. Strings may point into the events' own bytes: they are
// valid as long as those are not reused. A Batch is owned by one goroutine.
type Batch struct {
	Fields []Field // of the projection that filled it
	N      int
	Offset []int64 // source offset of each row (line number for files)
	Cols   []Col   // one per field
}

// Col is one column of a batch: Num for Number, Str for String, Int for Time; each of length N where used.
type Col struct {
	State []State
	Num   []float64
	Str   []string
	Int   []int64
}

// NewBatch makes an empty batch for a projection with room for n rows.
func NewBatch(p *Projection, n int) *Batch {
	b := &Batch{Fields: p.Fields, Offset: make([]int64, 0, n), Cols: make([]Col, len(p.Fields))}
	for i, f := range p.Fields {
		c := &b.Cols[i]
		c.State = make([]State, 0, n)
		switch f.Kind {
		case Number:
			c.Num = make([]float64, 0, n)
		case String:
			c.Str = make([]string, 0, n)
		case Time:
			c.Int = make([]int64, 0, n)
		}
	}
	return b
}

// Reset empties b and keeps its memory.
func (b *Batch) Reset() { b.Truncate(0) }

// Grow appends one row, every field missing, and returns its index.
func (b *Batch) Grow(offset int64) int {
	b.Offset = append(b.Offset, offset)
	for i := range b.Cols {
		c := &b.Cols[i]
		c.State = append(c.State, Missing)
		switch b.Fields[i].Kind {
		case Number:
			c.Num = append(c.Num, 0)
		case String:
			c.Str = append(c.Str, "")
		case Time:
			c.Int = append(c.Int, 0)
		}
	}
	b.N++
	return b.N - 1
}

// Truncate drops every row from n on: a decoder that meets a bad event takes its half-filled row back.
func (b *Batch) Truncate(n int) {
	b.N = n
	b.Offset = b.Offset[:n]
	for i := range b.Cols {
		c := &b.Cols[i]
		c.State = c.State[:n]
		switch b.Fields[i].Kind {
		case Number:
			c.Num = c.Num[:n]
		case String:
			c.Str = c.Str[:n]
		case Time:
			c.Int = c.Int[:n]
		}
	}
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
