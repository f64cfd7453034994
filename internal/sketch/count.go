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
	Key Key
	Set *Set

	frame int32 // of Counter.frames
}

// Limits of one epoch of one model.
const (
	// MaxVersions is how many model versions are counted by their own names. Further ones are counted as OtherVersion: which these
	// are depends on the order of the rows. It keeps a stream whose version field holds a build time or an id from filling the memory.
	MaxVersions  = 32
	OtherVersion = "other"

	// What is kept over a Reset, to be used again: what an ordinary epoch takes.
	keptCells  = 4096
	keptFrames = 8
)

// Counter counts batches of the prediction stream into cells of the finest slice. It belongs to one goroutine; what it hands out is
// its own until Reset. Its memory grows with the number of cells, never with the number of rows: see Bytes.
type Counter struct {
	plan    *plan.Plan
	columns []columnCounter
	dims    []dimension
	version int // field, or -1

	describing bool

	cells     []*Cell
	index     map[string]int32 // key bytes -> cell
	frames    []*frame
	framed    map[frameKey]int32
	versions  []string // by name, at most MaxVersions
	crowded   int64    // rows of further versions
	bytes     int      // of cells and their keys
	cellBytes int

	spareCells  []*Cell
	spareFrames []*frame

	// Scratch of one batch.
	of      []int32 // cell of each row; -1 for none
	order   []int32 // rows, grouped by frame and cell, each group in the batch's order
	size    []int32 // rows per cell
	touched []group
	wholes  []group // frames
	found   []category
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
	at   int32 // of Counter.cells or Counter.frames
	rows []int32
}

// NewCounter makes a counter for a plan.
func NewCounter(p *plan.Plan) *Counter {
	c := &Counter{plan: p, index: map[string]int32{}, framed: map[frameKey]int32{}, version: -1}
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
	c.cellBytes = setBytes(p)
	return c
}

// Describe makes the counter describe what it counts (see Summary), from the next batch on.
func (c *Counter) Describe() { c.describing = true }

// Count adds the rows of a batch, which come from the source src. broken[i][row] says that the row broke plan.Rules[i]; it may
// be nil. Rows without an event time belong to no pane: they are skipped, and their number is returned.
func (c *Counter) Count(src int, b *plan.Batch, broken [][]bool) (skipped int) {
	skipped = c.place(b)
	c.group(b.N)
	for _, g := range c.touched {
		set := c.cells[g.at].Set
		set.Rows += int64(len(g.rows))
		for i := range min(len(broken), len(set.Rules)) {
			set.Rules[i] += countTrue(broken[i], g.rows)
		}
		c.countLatency(set, b, g.rows)
		c.countScores(set, b, g.rows)
	}
	for _, g := range c.wholes {
		c.frames[g.at].cover(src, b.Offset, g.rows)
	}
	for i := range c.columns {
		c.countColumn(i, b)
	}
	c.describe(b)
	return skipped
}

func (c *Counter) countColumn(i int, b *plan.Batch) {
	cc := &c.columns[i]
	in := &b.Cols[cc.field]
	if cc.text != nil {
		c.found = cc.text.findAll(c.found[:0], in, b.N)
	}
	for _, g := range c.touched {
		col := &c.cells[g.at].Set.Columns[i]
		switch {
		case cc.number != nil:
			cc.number.count(col, in, g.rows)
		case cc.text != nil:
			cc.text.count(col, c.found, in, g.rows)
		default:
			countUnreadable(col, in, g.rows)
		}
	}
	if !c.describing || c.plan.Columns[i].Layout.Empty {
		return
	}
	for _, g := range c.wholes {
		switch {
		case cc.number != nil:
			c.frames[g.at].describeNumbers(i, in, g.rows)
		case cc.text != nil:
			c.frames[g.at].describeTexts(i, c.found, in, g.rows)
		}
	}
}

// describe does what is described of no column.
func (c *Counter) describe(b *plan.Batch) {
	if !c.describing {
		return
	}
	field := c.plan.Prediction.Roles.Latency
	for _, g := range c.wholes {
		f := c.frames[g.at]
		if isKind(c.plan, field, plan.Number) {
			f.describeLatency(&b.Cols[field], g.rows)
		}
		f.weigh()
	}
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
	at, crowded := int32(-1), false
	for row := range b.N {
		if times.State[row] != plan.OK {
			c.of = append(c.of, -1)
			skipped++
			continue
		}
		was := len(c.key)
		c.key = c.appendKey(c.key, b, row, c.plan.PaneStart(times.Int[row]))
		if at < 0 || !bytes.Equal(c.key[was:], c.key[:was]) {
			at, crowded = c.cell(c.key[was:])
		}
		if crowded {
			c.crowded++
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

// cell finds or makes the cell of a key. crowded says that the key's version is one too many: then it is the cell of
// OtherVersion.
func (c *Counter) cell(key []byte) (at int32, crowded bool) {
	if at, ok := c.index[string(key)]; ok {
		return at, false
	}
	slice := 8 + 2*len(c.dims)
	if !c.admit(key[slice:]) {
		crowded = true
		key = append(slices.Clip(key[:slice]), OtherVersion...)
		if at, ok := c.index[string(key)]; ok {
			return at, true
		}
	}
	kept := string(key) // the batch's own memory is reused
	k := Key{Pane: int64(binary.BigEndian.Uint64(key)), Slice: kept[8:slice], Version: kept[slice:]}
	cell := c.newCell()
	cell.Key, cell.frame = k, c.frame(k)
	at = int32(len(c.cells))
	c.cells = append(c.cells, cell)
	c.index[kept] = at
	c.size = append(c.size, 0)
	c.bytes += c.cellBytes + 2*len(kept)
	return at, crowded
}

// admit reports whether a version is counted by its name.
func (c *Counter) admit(version []byte) bool {
	if slices.ContainsFunc(c.versions, func(v string) bool { return v == string(version) }) {
		return true
	}
	if len(c.versions) == MaxVersions {
		return false
	}
	c.versions = append(c.versions, string(version))
	return true
}

func (c *Counter) newCell() *Cell {
	if n := len(c.spareCells); n > 0 {
		cell := c.spareCells[n-1]
		c.spareCells = c.spareCells[:n-1]
		return cell
	}
	return &Cell{Set: NewSet(c.plan)}
}

// frame finds or makes the frame of a new cell.
func (c *Counter) frame(k Key) int32 {
	named := frameKey{k.Pane, k.Version}
	if at, ok := c.framed[named]; ok {
		return at
	}
	f := &frame{}
	if n := len(c.spareFrames); n > 0 {
		f = c.spareFrames[n-1]
		c.spareFrames = c.spareFrames[:n-1]
	}
	f.frameKey = named
	if c.describing && f.columns == nil {
		f.columns = make([]describer, len(c.columns))
	}
	f.weigh()
	c.framed[named] = int32(len(c.frames))
	c.frames = append(c.frames, f)
	return c.framed[named]
}

// group sorts the rows by frame and cell; frames come in the order they were made, the cells of each in the order of their first
// row in the batch.
func (c *Counter) group(n int) {
	c.touched, c.wholes = c.touched[:0], c.wholes[:0]
	for _, cell := range c.of {
		if cell < 0 {
			continue
		}
		if c.size[cell] == 0 {
			c.touched = append(c.touched, group{at: cell})
		}
		c.size[cell]++
	}
	slices.SortStableFunc(c.touched, func(a, b group) int { return cmp.Compare(c.cells[a.at].frame, c.cells[b.at].frame) })
	c.order = slices.Grow(c.order[:0], n)
	start := 0
	for i := range c.touched {
		g := &c.touched[i]
		end := start + int(c.size[g.at])
		g.rows = c.order[start:start:end]
		c.size[g.at] = int32(i) // from now on: where the cell's group is
		f := c.cells[g.at].frame
		if last := len(c.wholes) - 1; last >= 0 && c.wholes[last].at == f {
			c.wholes[last].rows = c.wholes[last].rows[:len(c.wholes[last].rows)+end-start]
		} else {
			c.wholes = append(c.wholes, group{at: f, rows: c.order[start:end:n]})
		}
		start = end
	}
	for row, cell := range c.of {
		if cell >= 0 {
			g := &c.touched[c.size[cell]]
			g.rows = append(g.rows, int32(row))
		}
	}
	for _, g := range c.touched {
		c.size[g.at] = 0
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

// Len is the number of cells.
func (c *Counter) Len() int { return len(c.cells) }

// Bytes is about how much memory the counts take.
func (c *Counter) Bytes() int {
	n := c.bytes
	for _, f := range c.frames {
		n += f.bytes
	}
	return n
}

// Crowded is how many rows since the last Reset were counted as OtherVersion because their version was one too many.
func (c *Counter) Crowded() int64 { return c.crowded }

// CellOf is the number of the cell that a row of the last batch was counted in, or -1 for a row without an event time. Cells are
// numbered from 0 in the order of their first rows since the last Reset.
func (c *Counter) CellOf(row int) int {
	if row >= len(c.of) {
		return -1
	}
	return int(c.of[row])
}

// Key is the key of a cell by its number. Its texts don't point into the batch.
func (c *Counter) Key(cell int) Key { return c.cells[cell].Key }

// Cells returns the cells counted since the last Reset, by key. They are the counter's own until Reset.
func (c *Counter) Cells() []Cell {
	out := make([]Cell, len(c.cells))
	for i, cell := range c.cells {
		out[i] = *cell
	}
	slices.SortFunc(out, func(a, b Cell) int { return a.Key.Compare(b.Key) })
	return out
}

// Reset forgets what was counted. Its memory is used again, up to what an ordinary epoch takes.
func (c *Counter) Reset() {
	for _, cell := range c.cells[:min(len(c.cells), keptCells-min(keptCells, len(c.spareCells)))] {
		cell.Set.reset()
		c.spareCells = append(c.spareCells, cell)
	}
	for _, f := range c.frames[:min(len(c.frames), keptFrames-min(keptFrames, len(c.spareFrames)))] {
		f.reset()
		c.spareFrames = append(c.spareFrames, f)
	}
	clear(c.cells)
	clear(c.frames)
	c.cells, c.frames, c.size, c.versions, c.of = c.cells[:0], c.frames[:0], c.size[:0], c.versions[:0], c.of[:0]
	c.bytes, c.crowded = 0, 0
	clear(c.index)
	clear(c.framed)
}
