package record

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// rowCell is what many rows of a record have in common: for a prediction the cell it was counted in, for an outcome its model.
type rowCell struct {
	model, plan, version, slice string
	pane                        int64
}

// rowCodec writes or reads the rows of one record one after another.
//
// A row is a byte of flags, its id, the number of its cell, its time and offset less those of the row before, its partition,
// and of a prediction the score and its bin. The next number of a cell is followed by the cell.
type rowCodec struct {
	texts  texts
	cells  map[rowCell]uint64
	list   []rowCell // when read
	before outcome.Place
}

// The flags of a row.
const (
	rowOutcome = 1 << iota
	rowPositive
	rowFlags = rowPositive<<1 - 1
)

var (
	errRow  = errors.New("a join row has unknown flags")
	errCell = errors.New("the cell of a join row is numbered beyond the next one, or came before")
	errBin  = errors.New("a score bin is beyond 2^31")
)

func (w *rowCodec) append(b []byte, r *outcome.Row) []byte {
	flags, place, cell := uint64(0), outcome.Place{}, rowCell{model: r.Model}
	if o := r.Outcome; o != nil {
		flags, place = rowOutcome, o.Place
		if o.Positive {
			flags |= rowPositive
		}
	} else {
		p := r.Prediction
		place = p.Place
		cell.plan, cell.version, cell.slice, cell.pane = p.Plan, p.Version, p.Slice, p.Pane
		if p.Positive {
			flags |= rowPositive
		}
	}
	b = append(wire.Uint(b, flags), r.ID[:]...)
	b = w.appendCell(b, cell)
	b = wire.Int(wire.Int(b, place.Time-w.before.Time), int64(place.Partition))
	b = wire.Int(b, place.Offset-w.before.Offset)
	w.before = place
	if p := r.Prediction; r.Outcome == nil {
		b = wire.Int(wire.Uint(b, uint64(p.Bin)), p.Score)
	}
	return b
}

func (w *rowCodec) appendCell(b []byte, c rowCell) []byte {
	at, known := w.cells[c]
	if known {
		return wire.Uint(b, at)
	}
	at = uint64(len(w.cells))
	w.cells[c] = at
	b = wire.Uint(b, at)
	b = w.texts.append(w.texts.append(w.texts.append(b, c.model), c.plan), c.version)
	return wire.Int(wire.String(b, c.slice), c.pane)
}

func (w *rowCodec) read(r *wire.Reader) outcome.Row {
	var row outcome.Row
	flags := r.Uint()
	if flags > rowFlags {
		r.Fail(fmt.Errorf("%w %#x", errRow, flags))
	}
	copy(row.ID[:], r.Raw(len(row.ID)))
	c := w.readCell(r)
	row.Model = c.model
	place := outcome.Place{Time: w.before.Time + r.Int(), Partition: r.Int32()}
	place.Offset = w.before.Offset + r.Int()
	w.before = place
	if flags&rowOutcome != 0 {
		if c != (rowCell{model: c.model}) {
			r.Fail(errCell)
		}
		row.Outcome = &outcome.Outcome{Place: place, Positive: flags&rowPositive != 0}
		return row
	}
	bin := r.Uint()
	if bin > math.MaxInt32 {
		r.Fail(errBin)
	}
	row.Prediction = &outcome.Prediction{
		Place: place, Plan: c.plan, Version: c.version, Slice: c.slice, Pane: c.pane, Bin: int(bin), Score: r.Int(), Positive: flags&rowPositive != 0,
	}
	return row
}

func (w *rowCodec) readCell(r *wire.Reader) rowCell {
	at := r.Uint()
	if r.Err() != nil {
		return rowCell{}
	}
	if at < uint64(len(w.list)) {
		return w.list[at]
	}
	c := rowCell{model: w.texts.read(r), plan: w.texts.read(r), version: w.texts.read(r), slice: r.String(), pane: r.Int()}
	if _, known := w.cells[c]; known || at > uint64(len(w.list)) {
		r.Fail(errCell)
		return rowCell{}
	}
	w.cells[c] = at
	w.list = append(w.list, c)
	return c
}
