package sketch

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Key names a cell of the prediction stream.
type Key struct {
	Pane    int64  // start of the base pane, microseconds since the Unix epoch
	Version string // model version; "" without one
	Slice   string // as SliceCode writes it
}

// Compare orders keys by pane, version, slice.
func (k Key) Compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Pane, l.Pane), strings.Compare(k.Version, l.Version), strings.Compare(k.Slice, l.Slice))
}

// Span is the smallest and largest offset of a cell's own rows in one source, and how many rows they are.
type Span struct {
	Src         int
	First, Last int64
	Rows        int64
}

// Cell is one cell and what was counted in it.
type Cell struct {
	Key   Key
	Set   *Set
	Spans []Span // by Src
}

// Counter counts batches of the prediction stream into cells of the finest slice. It belongs to one goroutine. What it counted is
// handed over by Cells and Reset, so that no set is ever written by one goroutine and read by another. Its memory grows with the number
// of cells, never with the number of rows.
type Counter struct {
	plan    *plan.Plan
	columns []columnCounter
	dims    []dimension
	version int // field, or -1

	cells []*Cell
	index map[string]int32 // key bytes -> cell

	// Scratch of one batch.
	of      []int32 // cell of each row; -1 for none
	order   []int32 // rows, grouped by cell, each group in the batch's order
	size    []int32 // rows per cell
	touched []group
	key     []byte
}

type columnCounter struct {
	field  int
	number *numberCounter
	text   *stringCounter // both nil: the field's kind doesn't fit the layout
}

type dimension struct {
	field int // -1: the field is no text, every value is missing
	codes map[string]uint16
	other uint16

	last string // the last value looked up in this batch, and its code
	code uint16
	seen bool
}

type group struct {
	cell int32
	rows []int32
}

// NewCounter makes a counter for a plan.
func NewCounter(p *plan.Plan) *Counter {
	c := &Counter{plan: p, index: map[string]int32{}, version: -1}
	if at := p.Prediction.Roles.Version; isKind(p, at, plan.String) {
		c.version = at
	}
	for i := range p.Columns {
		col := &p.Columns[i]
		cc := columnCounter{field: col.Field}
		switch {
		case col.Layout.Categorical && isKind(p, col.Field, plan.String):
			cc.text = &stringCounter{index: NewIndex(&col.Layout, col.Values), empty: col.Layout.Empty}
		case !col.Layout.Categorical && isKind(p, col.Field, plan.Number):
			n := newNumberCounter(col)
			cc.number = &n
		}
		c.columns = append(c.columns, cc)
	}
	for i := range p.Slices {
		d := dimension{field: -1, codes: map[string]uint16{}, other: uint16(min(len(p.Slices[i].Values), maxSliceCode))}
		if isKind(p, p.Slices[i].Field, plan.String) {
			d.field = p.Slices[i].Field
		}
		for code, v := range p.Slices[i].Values {
			if _, ok := d.codes[v]; !ok {
				d.codes[v] = uint16(min(code, maxSliceCode))
			}
		}
		c.dims = append(c.dims, d)
	}
	return c
}

// Count adds the rows of a batch, which come from the source src. broken[i][row] says that the row broke plan.Rules[i]; it may
// be nil. Rows without an event time belong to no pane: they are skipped, and their number is returned.
func (c *Counter) Count(src int, b *plan.Batch, broken [][]bool) (skipped int) {
	skipped = c.place(b)
	c.group(b.N)
	for _, g := range c.touched {
		cell := c.cells[g.cell]
		cell.Set.Rows += int64(len(g.rows))
		cell.cover(src, b.Offset, g.rows)
		for i := range min(len(broken), len(cell.Set.Rules)) {
			cell.Set.Rules[i] += countTrue(broken[i], g.rows)
		}
		c.countLatency(cell.Set, b, g.rows)
		c.countScores(cell.Set, b, g.rows)
	}
	for i := range c.columns {
		cc := &c.columns[i]
		in := &b.Cols[cc.field]
		for _, g := range c.touched {
			col := &c.cells[g.cell].Set.Columns[i]
			switch {
			case cc.number != nil:
				cc.number.count(col, in, g.rows)
			case cc.text != nil:
				cc.text.count(col, in, g.rows)
			default:
				countUnreadable(col, in, g.rows)
			}
		}
	}
	return skipped
}

// place finds the cell of each row.
func (c *Counter) place(b *plan.Batch) (skipped int) {
	c.of = c.of[:0]
	if !isKind(c.plan, c.plan.Prediction.Roles.Time, plan.Time) {
		for range b.N {
			c.of = append(c.of, -1)
		}
		return b.N
	}
	for i := range c.dims {
		c.dims[i].seen, c.dims[i].last = false, "" // texts of another batch may lie in reused memory
	}
	times := &b.Cols[c.plan.Prediction.Roles.Time]
	at := int32(-1)
	for row := range b.N {
		if times.State[row] != plan.OK {
			c.of = append(c.of, -1)
			skipped++
			continue
		}
		was := len(c.key)
		c.key = c.appendKey(c.key, b, row, c.plan.PaneStart(times.Int[row]))
		if at < 0 || !bytes.Equal(c.key[was:], c.key[:was]) {
			at = c.cell(c.key[was:])
		}
		// Keep this key in front, to compare the next one with.
		c.key = c.key[:copy(c.key, c.key[was:])]
		c.of = append(c.of, at)
	}
	c.key = c.key[:0]
	return skipped
}

// appendKey writes a row's key: pane (8 bytes), slice (2 bytes per dimension), version (the rest).
func (c *Counter) appendKey(key []byte, b *plan.Batch, row int, pane int64) []byte {
	key = binary.BigEndian.AppendUint64(key, uint64(pane))
	for i := range c.dims {
		key = binary.BigEndian.AppendUint16(key, c.dims[i].find(b, row))
	}
	if c.version >= 0 && b.Cols[c.version].State[row] == plan.OK {
		key = append(key, b.Cols[c.version].Str[row]...)
	}
	return key
}

func (d *dimension) find(b *plan.Batch, row int) uint16 {
	if d.field < 0 || b.Cols[d.field].State[row] != plan.OK {
		return SliceMissing
	}
	v := b.Cols[d.field].Str[row]
	if d.seen && v == d.last {
		return d.code
	}
	code, ok := d.codes[v]
	if !ok {
		code = d.other
	}
	d.seen, d.last, d.code = true, v, code
	return code
}

// cell finds or makes the cell of a key.
func (c *Counter) cell(key []byte) int32 {
	if at, ok := c.index[string(key)]; ok {
		return at
	}
	at := int32(len(c.cells))
	kept := string(key) // the batch's own memory is reused
	slice := 8 + 2*len(c.dims)
	c.cells = append(c.cells, &Cell{
		Key: Key{Pane: int64(binary.BigEndian.Uint64(key)), Slice: kept[8:slice], Version: kept[slice:]},
		Set: NewSet(c.plan),
	})
	c.index[kept] = at
	c.size = append(c.size, 0)
	return at
}

// group sorts the rows by cell; cells come in the order of their first row in the batch.
func (c *Counter) group(n int) {
	c.touched = c.touched[:0]
	for _, cell := range c.of {
		if cell < 0 {
			continue
		}
		if c.size[cell] == 0 {
			c.touched = append(c.touched, group{cell: cell})
		}
		c.size[cell]++
	}
	c.order = slices.Grow(c.order[:0], n)
	start := 0
	for i := range c.touched {
		g := &c.touched[i]
		end := start + int(c.size[g.cell])
		g.rows = c.order[start:start:end]
		c.size[g.cell] = int32(i) // from now on: where the cell's group is
		start = end
	}
	for row, cell := range c.of {
		if cell >= 0 {
			g := &c.touched[c.size[cell]]
			g.rows = append(g.rows, int32(row))
		}
	}
	for _, g := range c.touched {
		c.size[g.cell] = 0
	}
}

func (c *Counter) countLatency(s *Set, b *plan.Batch, rows []int32) {
	field := c.plan.Prediction.Roles.Latency
	if !isKind(c.plan, field, plan.Number) {
		return
	}
	in := &b.Cols[field]
	for _, row := range rows {
		if v := in.Num[row]; in.State[row] == plan.OK && v-v == 0 {
			if s.Latency == nil {
				s.Latency = NewTDigest()
			}
			s.Latency.Add(v)
			s.LatencyN++
		}
	}
}

func (c *Counter) countScores(s *Set, b *plan.Batch, rows []int32) {
	field := c.plan.Prediction.Roles.Score
	if s.Curve == nil || !isKind(c.plan, field, plan.Number) {
		return
	}
	in := &b.Cols[field]
	for _, row := range rows {
		if positive, ok := Decide(c.plan, b, int(row)); ok {
			s.Decided++
			if positive {
				s.Positive++
			}
		}
		if in.State[row] == plan.Missing {
			continue
		}
		score, ok := ScoreFixed(in.Num[row])
		if !ok || in.State[row] != plan.OK {
			s.ScoreInvalid++
			continue
		}
		s.Scored++
		s.Curve.Predict(ScoreBin(c.plan, in.Num[row]), score)
	}
}

func countTrue(flags []bool, rows []int32) int64 {
	var n int64
	for _, row := range rows {
		if flags[row] {
			n++
		}
	}
	return n
}

// cover notes the offsets of rows (at least one) of a source.
func (c *Cell) cover(src int, offsets []int64, rows []int32) {
	at, found := slices.BinarySearchFunc(c.Spans, src, func(s Span, src int) int { return cmp.Compare(s.Src, src) })
	if !found {
		first := offsets[rows[0]]
		c.Spans = slices.Insert(c.Spans, at, Span{Src: src, First: first, Last: first})
	}
	s := &c.Spans[at]
	s.Rows += int64(len(rows))
	for _, row := range rows {
		s.First, s.Last = min(s.First, offsets[row]), max(s.Last, offsets[row])
	}
}

// Len is the number of cells.
func (c *Counter) Len() int { return len(c.cells) }

// Cells returns the cells counted since the last Reset, by key. They are the counter's own until Reset.
func (c *Counter) Cells() []Cell {
	out := make([]Cell, len(c.cells))
	for i, cell := range c.cells {
		out[i] = *cell
	}
	slices.SortFunc(out, func(a, b Cell) int { return a.Key.Compare(b.Key) })
	return out
}

// Reset forgets the cells, which now belong to whoever took them by Cells. Memory of batches is kept.
func (c *Counter) Reset() {
	clear(c.cells)
	c.cells, c.size = c.cells[:0], c.size[:0]
	clear(c.index)
}
