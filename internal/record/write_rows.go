package record

import (
	"encoding/binary"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// maxRowBytes is what one record of joins may hold of rows; what exceeds it begins the next record. A reader takes it in one piece, and
// brokers take 1 MiB by default. Records are as large as can be: each writes the cells of its rows anew.
const maxRowBytes = 400 << 10

// RowCell is what many join rows have in common: for a prediction the cell it was counted in, for an outcome its model alone.
// Its exported fields don't change once a row was written. It belongs to one Rows.
type RowCell struct {
	Model, Plan, Version, Slice string
	Pane                        int64

	id, generation uint32 // see Rows.intern
}

// cellNumber is the number a cell has in one record.
type cellNumber struct {
	record uint32 // 0: in none yet
	number uint32
}

// Rows writes the join rows of one epoch while they are collected, for every joins partition, cut into records: no row is held
// but as its bytes. It belongs to one goroutine.
type Rows struct {
	parts   []rowsOf
	records uint32 // begun so far, over all epochs; numbered from 1

	// Several RowCells may say the same: of collectors whose plans differ in policy only, and of epochs that follow one another.
	cells      map[rowCell]uint32
	generation uint32 // of cells, from 1 on
}

// rowsOf are the rows of one partition.
type rowsOf struct {
	codec  rowWriter
	full   [][]byte
	total  int64 // rows of the epoch
	record uint32
	cells  []cellNumber // by the id of the cell
}

// NewRows makes a writer for a number of joins partitions.
func NewRows(partitions int) *Rows {
	w := &Rows{parts: make([]rowsOf, partitions), cells: map[rowCell]uint32{}, generation: 1}
	for i := range w.parts {
		w.begin(&w.parts[i])
	}
	return w
}

func (w *Rows) begin(p *rowsOf) {
	if w.records++; w.records == 0 { // after 2^32 records: a cell that was not used since the first of them would be taken for known
		w.records = 1
	}
	p.record = w.records
	p.codec.reset()
}

// Prediction writes what a prediction brings to the join. Of p the place and what it says are read; the rest is
// the cell's.
func (w *Rows) Prediction(id outcome.ID, c *RowCell, p *outcome.Prediction) {
	of, number := w.place(id, c)
	of.codec.prediction(id, c, number, p)
	w.cut(of)
}

// Outcome writes what an outcome brings to the join. Of the cell the model alone is set.
func (w *Rows) Outcome(id outcome.ID, c *RowCell, o *outcome.Outcome) {
	of, number := w.place(id, c)
	of.codec.outcome(id, c, number, o)
	w.cut(of)
}

// Groups writes what a record of protected attributes brings to the join. Of the cell the model and the plan alone are set.
func (w *Rows) Groups(id outcome.ID, c *RowCell, g *outcome.Groups) {
	of, number := w.place(id, c)
	of.codec.groups(id, c, number, g)
	w.cut(of)
}

// place is the partition of an id, and the number of a cell in its record: the next one, if the cell is new there.
func (w *Rows) place(id outcome.ID, c *RowCell) (*rowsOf, uint64) {
	if c.generation != w.generation {
		w.intern(c)
	}
	of := &w.parts[id.Partition(len(w.parts))]
	if int(c.id) >= len(of.cells) {
		of.cells = append(of.cells, make([]cellNumber, int(c.id)+1-len(of.cells))...)
	}
	n := &of.cells[c.id]
	if n.record != of.record {
		if texts := len(c.Model) + len(c.Plan) + len(c.Version) + len(c.Slice); of.codec.rows > 0 && len(of.codec.body)+texts > maxRowBytes {
			w.end(of) // a version may be long
		}
		*n = cellNumber{of.record, uint32(of.codec.known)}
	}
	return of, uint64(n.number)
}

// keptRowCells is how many cells are remembered from one epoch to the next: what an ordinary one has.
const keptRowCells = 4096

// intern gives a cell its id among all that the writer knows. There are as many partitions as it takes, and each has the cell in its
// records: what its texts are is asked once, not in each of them.
func (w *Rows) intern(c *RowCell) {
	c.id, c.generation = numbered(w.cells, c), w.generation
}

// numbered is the number of a cell among those known; the next one, if it is new.
func numbered(known map[rowCell]uint32, c *RowCell) uint32 {
	key := rowCell{c.Model, c.Plan, c.Version, c.Slice, c.Pane}
	n, ok := known[key]
	if !ok {
		n = uint32(len(known))
		known[key] = n
	}
	return n
}

// forget gives up cells that are too many to be remembered, where no record holds a row: rows count on the numbers of their cells.
func (w *Rows) forget() {
	if len(w.cells) < keptRowCells {
		return
	}
	for i := range w.parts {
		if w.parts[i].codec.rows > 0 {
			return
		}
	}
	clear(w.cells)
	w.generation++
	for i := range w.parts {
		w.parts[i].cells = nil
	}
}

func (w *Rows) cut(of *rowsOf) {
	of.total++
	if len(of.codec.body) >= maxRowBytes {
		w.end(of)
	}
}

// end ends a record that is not the epoch's last one.
func (w *Rows) end(of *rowsOf) {
	of.full = append(of.full, of.codec.record(nil))
	w.begin(of)
}

// TakeRows ends a partition's epoch, whose rows several writers may have written: its records, the last of which carries the
// markers, which say how many rows the epoch sent to the partition. There is one record at least.
func TakeRows(writers []*Rows, partition int, markers []Marker) [][]byte {
	var out [][]byte
	total := int64(0)
	for i, w := range writers {
		of := &w.parts[partition]
		total += of.total
		out = append(out, of.full...)
		of.full, of.total = nil, 0
		switch last := i == len(writers)-1; {
		case last:
			sent := slices.Clone(markers)
			for i := range sent {
				sent[i].Rows = total
			}
			out = append(out, of.codec.record(sent))
		case of.codec.rows > 0:
			out = append(out, of.codec.record(nil))
		default:
			continue
		}
		w.begin(of)
		w.forget()
	}
	return out
}

// Reset forgets what was written since the last Take.
func (w *Rows) Reset() {
	for i := range w.parts {
		of := &w.parts[i]
		of.full, of.total = nil, 0
		w.begin(of)
	}
	w.forget()
}

// Bytes is how much memory the rows take.
func (w *Rows) Bytes() int {
	n := 0
	for i := range w.parts {
		n += len(w.parts[i].codec.body)
		for _, b := range w.parts[i].full {
			n += len(b)
		}
	}
	return n
}

// rowWriter writes the rows of one record one after another; rowReader has the format.
type rowWriter struct {
	texts  texts
	known  int // cells that were written
	rows   int
	format uint64 // the first one that holds them
	before outcome.Place
	body   []byte
}

// keptRows is how much of the room for rows is kept from one record to the next.
const keptRows = maxRowBytes + maxRowBytes/4

func (w *rowWriter) reset() {
	if w.texts.at == nil {
		w.texts.at = map[string]uint64{}
	}
	clear(w.texts.at)
	w.known, w.rows, w.format, w.before = 0, 0, binaryFormat, outcome.Place{}
	if w.body = w.body[:0]; cap(w.body) > keptRows {
		w.body = nil
	}
}

// binaryFormat is the format of records that hold rows of binary models only.
const binaryFormat = 2

// answersFormat is that of records that hold rows of other models, and no groups.
const answersFormat = 3

// groups writes what a record of protected attributes says. There are few groups: each is written once.
func (w *rowWriter) groups(id outcome.ID, c *RowCell, number uint64, g *outcome.Groups) {
	w.format = joinsFormat
	row, at := w.begin(rowGroups, id, c, number)
	w.end(w.placed(row, at, g.Place))
	w.body = w.texts.append(w.body, g.Codes)
}

func (w *rowWriter) prediction(id outcome.ID, c *RowCell, number uint64, p *outcome.Prediction) {
	if p.Other != nil {
		w.answer(id, c, number, p)
		return
	}
	flags := byte(0)
	if p.Positive {
		flags = rowPositive
	}
	row, at := w.begin(flags, id, c, number)
	at = w.placed(row, at, p.Place)
	at = putUint(row, at, uint64(p.Bin))
	w.end(putInt(row, at, p.Score))
}

// answer writes a prediction of a class or a number.
func (w *rowWriter) answer(id outcome.ID, c *RowCell, number uint64, p *outcome.Prediction) {
	w.format = max(w.format, answersFormat)
	flags := byte(rowNumber)
	if p.Other.Class != nil {
		flags = rowClass
	}
	row, at := w.begin(flags, id, c, number)
	w.end(w.placed(row, at, p.Place))
	if p.Other.Class != nil {
		w.body = p.Other.Class.AppendBinary(w.body)
	} else {
		w.body = p.Other.Number.AppendBinary(w.body)
	}
}

// label writes an outcome that is a class or a number. Classes come again and again: their names are written once.
func (w *rowWriter) label(id outcome.ID, c *RowCell, number uint64, o *outcome.Outcome) {
	w.format = max(w.format, answersFormat)
	flags := byte(rowOutcome | rowNumber)
	if o.Other.Kind == truth.Name {
		flags = rowOutcome | rowClass
	}
	row, at := w.begin(flags, id, c, number)
	w.end(w.placed(row, at, o.Place))
	if o.Other.Kind == truth.Name {
		w.body = w.texts.append(w.body, o.Other.Name)
	} else {
		w.body = o.Other.AppendBinary(w.body)
	}
}

func (w *rowWriter) outcome(id outcome.ID, c *RowCell, number uint64, o *outcome.Outcome) {
	if o.Other != nil {
		w.label(id, c, number, o)
		return
	}
	flags := byte(rowOutcome)
	if o.Positive {
		flags |= rowPositive
	}
	row, at := w.begin(flags, id, c, number)
	w.end(w.placed(row, at, o.Place))
}

// widestRow is the room of a row with all its numbers as long as can be, the texts of its cell apart.
const widestRow = 1 + len(outcome.ID{}) + 6*binary.MaxVarintLen64

// begin makes room for a row and writes what comes before its place; at is how long that is. The number of a cell that is new to the
// record is the next one.
func (w *rowWriter) begin(flags byte, id outcome.ID, c *RowCell, number uint64) (row []byte, at int) {
	if cap(w.body)-len(w.body) < widestRow {
		w.body = slices.Grow(w.body, widestRow)
	}
	row = w.body[len(w.body) : len(w.body)+widestRow]
	row[0] = flags
	*(*outcome.ID)(row[1:]) = id
	at = putUint(row, 1+len(id), number)
	if number < uint64(w.known) {
		return row, at
	}
	w.known++
	b := w.texts.append(w.texts.append(w.texts.append(w.body[:len(w.body)+at], c.Model), c.Plan), c.Version)
	w.body = slices.Grow(wire.Int(wire.String(b, c.Slice), c.Pane), widestRow)
	return w.body[len(w.body) : len(w.body)+widestRow], 0
}

func (w *rowWriter) placed(row []byte, at int, p outcome.Place) int {
	at = putInt(row, at, p.Time-w.before.Time)
	at = putInt(row, at, int64(p.Partition))
	at = putInt(row, at, p.Offset-w.before.Offset)
	w.before = p
	return at
}

// end ends the row of which at bytes lie behind the body.
func (w *rowWriter) end(at int) {
	w.body = w.body[:len(w.body)+at]
	w.rows++
}

// putUint is wire.Uint at a place of b that has room for it; it returns the place behind.
func putUint(b []byte, at int, v uint64) int {
	for ; v >= 0x80; v >>= 7 {
		b[at] = byte(v) | 0x80
		at++
	}
	b[at] = byte(v)
	return at + 1
}

// putInt is wire.Int likewise.
func putInt(b []byte, at int, v int64) int { return putUint(b, at, uint64(v)<<1^uint64(v>>63)) }

// record is the whole record: markers, then the rows.
func (w *rowWriter) record(markers []Marker) []byte {
	room := 3 * binary.MaxVarintLen64
	for i := range markers {
		room += len(markers[i].Topic) + 80
	}
	b := make([]byte, 0, room+len(w.body))
	b = wire.Uint(wire.Uint(b, w.format), uint64(len(markers)))
	for i := range markers {
		m := &markers[i]
		b = appendSource(b, m.Source)
		b = wire.Int(wire.Int(wire.Int(wire.Int(b, m.From), m.To), m.Watermark), m.Rows)
		b = wire.Uint(b, flag(m.Idle))
	}
	return append(wire.Uint(b, uint64(w.rows)), w.body...)
}
