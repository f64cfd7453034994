package sketch

import (
	"cmp"
	"encoding/binary"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// dimension is a slice dimension: what the values of a lookup stand for in a slice code.
type dimension struct {
	lookup *lookup // nil: the field is no text, every value is missing
	codes  []uint16
	other  uint16
	radix  uint64 // codes, other and missing
}

func newDimension(d *plan.Dimension, l *lookup) dimension {
	n := min(len(d.Values), maxSliceCode)
	dim := dimension{lookup: l, other: uint16(n), radix: uint64(n) + 2}
	if l == nil {
		return dim
	}
	dim.codes = make([]uint16, len(l.table.values))
	for i, v := range l.table.values {
		code := slices.Index(d.Values, v)
		if code < 0 {
			code = len(d.Values)
		}
		dim.codes[i] = uint16(min(code, maxSliceCode))
	}
	return dim
}

// code is the slice code of a row's value.
func (d *dimension) code(row int) uint16 {
	if d.lookup == nil {
		return SliceMissing
	}
	switch n := d.lookup.number[row]; n {
	case numberAbsent:
		return SliceMissing
	case numberOther:
		return d.other
	default:
		return d.codes[n]
	}
}

// maxCombinations is how many combinations of slices have a place in a table of each frame; of more, those that come are numbered.
const maxCombinations = 1 << 14

// combine numbers the combination of slices of every row: by mixed radix where there are few enough, else in the order they come.
func (c *Counter) combine(rows int) {
	c.combined = grown(c.combined[:0], rows)
	for row := range c.combined {
		c.combined[row] = 0
	}
	if c.combinations > 0 {
		for i := range c.dims {
			d := &c.dims[i]
			for row := range c.combined {
				code := uint32(d.code(row))
				if code == SliceMissing {
					code = uint32(d.radix) - 1
				}
				c.combined[row] = c.combined[row]*uint32(d.radix) + code
			}
		}
		return
	}
	key := make([]byte, 0, 64)
	for row := range c.combined {
		key = c.appendSlice(key[:0], row)
		n, ok := c.numbered[string(key)]
		if !ok {
			n = uint32(len(c.numbered))
			c.numbered[string(key)] = n
		}
		c.combined[row] = n
	}
}

// appendSlice writes the slice code of a row, as SliceCode has it.
func (c *Counter) appendSlice(key []byte, row int) []byte {
	for i := range c.dims {
		key = binary.BigEndian.AppendUint16(key, c.dims[i].code(row))
	}
	return key
}

// placed is where the rows of a batch are counted. Columns take them by frame and cell: what belongs to a cell is then in the nearest
// cache, or in registers, while its rows go through.
type placed struct {
	cells    []int32 // of each row; -1 for none
	rows     []int32 // that have a cell, by frame and cell
	runs     []run   // of rows: their cells
	parts    []run   // of rows: their frames
	whole    bool    // every row has a cell
	straight bool    // rows are 0, 1, 2, ...

	touched []int32 // cells of the batch
	tally   []int32 // by cell: rows of the batch, then where the next one goes

	// Scratch of one column.
	numbers            numbers
	values             []float64
	ownCells, ownParts []run
}

// run is a stretch of rows or values of one cell or frame: from where the run before ends.
type run struct{ of, end int32 }

// order puts the rows in the order of their frames and cells: by counting, for cells are numbered.
func (c *Counter) order() {
	at := &c.at
	at.touched, at.runs, at.parts = at.touched[:0], at.runs[:0], at.parts[:0]
	at.tally = grown(at.tally, len(c.keys))
	rows := int32(0)
	for _, cell := range at.cells {
		if cell < 0 {
			continue
		}
		rows++
		if at.tally[cell] == 0 {
			at.touched = append(at.touched, cell)
		}
		at.tally[cell]++
	}
	at.whole = int(rows) == len(at.cells)
	at.rows, at.values = grown(at.rows[:0], int(rows)), grown(at.values[:0], int(rows))
	slices.SortFunc(at.touched, func(a, b int32) int { return cmp.Or(cmp.Compare(c.frameOf[a], c.frameOf[b]), cmp.Compare(a, b)) })
	to := int32(0)
	for i, cell := range at.touched {
		n := at.tally[cell]
		at.tally[cell] = to
		to += n
		at.runs = append(at.runs, run{cell, to})
		if i+1 == len(at.touched) || c.frameOf[at.touched[i+1]] != c.frameOf[cell] {
			at.parts = append(at.parts, run{c.frameOf[cell], to})
		}
	}
	at.straight = at.whole && len(at.runs) <= 1
	for row, cell := range at.cells {
		if cell >= 0 {
			at.rows[at.tally[cell]] = int32(row)
			at.tally[cell]++
		}
	}
	for _, cell := range at.touched {
		at.tally[cell] = 0
	}
}

// place finds the cell of each row.
func (c *Counter) place(b *plan.Batch) (skipped int) {
	at := &c.at
	at.cells = grown(at.cells[:0], b.N)
	if !isKind(c.plan, c.plan.Prediction.Roles.Time, plan.Time) {
		for row := range at.cells {
			at.cells[row] = -1
		}
		c.order()
		return b.N
	}
	c.combine(b.N)
	times := &b.Cols[c.plan.Prediction.Roles.Time]
	states, us := times.State[:b.N], times.Int[:b.N]
	var versions *plan.Col
	if c.version >= 0 {
		versions = &b.Cols[c.version]
	}
	length := c.plan.Pane.Microseconds()
	var f *frame
	named := "" // the version by which f was found
	crowded := false
	for row := range at.cells {
		if states[row] != plan.OK {
			at.cells[row] = -1
			skipped++
			continue
		}
		version := ""
		if versions != nil && versions.State[row] == plan.OK {
			version = versions.Str[row]
		}
		if f == nil || uint64(us[row]-f.pane) >= uint64(length) || version != named {
			f, crowded = c.frame(c.plan.PaneStart(us[row]), version)
			named = version
		}
		if crowded {
			c.crowded++
		}
		if f.batch.Rows == 0 {
			f.batch.First, f.batch.Last = b.Offset[row], b.Offset[row]
		}
		f.batch.First, f.batch.Last, f.batch.Rows = min(f.batch.First, b.Offset[row]), max(f.batch.Last, b.Offset[row]), f.batch.Rows+1
		at.cells[row] = c.cell(f, row)
	}
	c.order()
	return skipped
}

// cell finds or makes the cell of a row of a frame.
func (c *Counter) cell(f *frame, row int) int32 {
	combined := c.combined[row]
	if f.cells != nil {
		if at := f.cells[combined]; at > 0 {
			return at - 1
		}
		at := c.newCell(f, row)
		f.cells[combined] = at + 1
		return at
	}
	key := uint64(f.number)<<32 | uint64(combined)
	at, ok := c.index[key]
	if !ok {
		at = c.newCell(f, row)
		c.index[key] = at
	}
	return at
}

func (c *Counter) newCell(f *frame, row int) int32 {
	at := int32(len(c.keys))
	c.keys = append(c.keys, Key{Pane: f.pane, Version: f.version, Slice: string(c.appendSlice(nil, row))})
	c.frameOf = append(c.frameOf, f.number)
	c.rows = append(c.rows, 0)
	c.bytes += c.cellBytes + len(f.version) + 2*len(c.dims)
	return at
}

// frame finds or makes the frame of a pane and a version. crowded says that the version is one too many: then it is the frame of
// OtherVersion.
func (c *Counter) frame(pane int64, version string) (f *frame, crowded bool) {
	for _, f := range c.recent {
		if f != nil && f.pane == pane && f.version == version {
			return f, false
		}
	}
	if at, ok := c.framed[frameKey{pane, version}]; ok {
		c.recent[1], c.recent[0] = c.recent[0], c.frames[at]
		return c.frames[at], false
	}
	if !c.admit(version) {
		version, crowded = OtherVersion, true
		if at, ok := c.framed[frameKey{pane, version}]; ok {
			return c.frames[at], true
		}
	}
	return c.newFrame(frameKey{pane, strings.Clone(version)}), crowded // the batch's own memory is used again
}

func (c *Counter) newFrame(named frameKey) *frame {
	f := &frame{}
	if n := len(c.spareFrames); n > 0 {
		f = c.spareFrames[n-1]
		c.spareFrames = c.spareFrames[:n-1]
	}
	f.frameKey, f.number, f.described = named, int32(len(c.frames)), c.describing
	if f.cells == nil && c.combinations > 0 {
		f.cells = make([]int32, c.combinations)
	}
	if c.describing {
		if f.numbers == nil {
			f.numbers, f.texts = make([]histogramCounter, len(c.numbers)), make([]textFrame, len(c.texts))
			for i, n := range c.texts {
				f.texts[i].seen = make([]bool, len(n.list))
			}
		}
		for i, n := range c.numbers {
			n.frames = append(n.frames, &f.numbers[i])
		}
		for i, n := range c.texts {
			n.frames = append(n.frames, &f.texts[i])
		}
	}
	f.weigh()
	c.framed[named] = f.number
	c.frames = append(c.frames, f)
	return f
}

// admit reports whether a version is counted by its name.
func (c *Counter) admit(version string) bool {
	if slices.Contains(c.versions, version) {
		return true
	}
	if len(c.versions) == MaxVersions {
		return false
	}
	c.versions = append(c.versions, strings.Clone(version))
	return true
}
