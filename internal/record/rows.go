package record

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// rowCell is what many rows of a record have in common: for a prediction the cell it was counted in, for an outcome its model.
type rowCell struct {
	model, plan, version, slice string
	pane                        int64
}

// rowReader reads the rows of one record one after another, as rowWriter wrote them.
//
// A row is a byte of flags, its id, the number of its cell, its time and offset less those of the row before, its partition,
// and of a prediction what it says: the score and its bin, a class with the likely ones, or a number. An outcome says the name of
// a class or a number; whether it is positive is a flag. A record of groups says their codes, as a name. The next number of a cell is followed by the cell, the next one of a name by
// the name.
type rowReader struct {
	flags  uint64 // that the record's format knows
	needs  uint64 // the first format that holds the rows so far
	texts  texts
	cells  map[rowCell]uint64
	list   []rowCell
	before outcome.Place
}

// The flags of a row.
const (
	rowOutcome = 1 << iota
	rowPositive
	rowClass  // format 3
	rowNumber // format 3
	rowGroups // format 4

	rowFlags2 = rowPositive<<1 - 1
	rowFlags3 = rowNumber<<1 - 1
	rowFlags4 = rowGroups<<1 - 1
)

var (
	errRow   = errors.New("a join row has unknown flags")
	errCell  = errors.New("the cell of a join row is numbered beyond the next one, or came before")
	errBin   = errors.New("a score bin is beyond 2^31")
	errOlder = errors.New("it holds nothing that an earlier format doesn't")
	errName  = errors.New("the name of a class is too long")
)

func (w *rowReader) read(r *wire.Reader) outcome.Row {
	var row outcome.Row
	flags := r.Uint()
	if flags > w.flags || flags&rowClass != 0 && flags&rowNumber != 0 || flags&(rowClass|rowNumber) != 0 && flags&rowPositive != 0 || flags&rowGroups != 0 && flags != rowGroups {
		r.Fail(fmt.Errorf("%w %#x", errRow, flags))
	}
	if flags&(rowClass|rowNumber) != 0 {
		w.needs = max(w.needs, answersFormat)
	}
	copy(row.ID[:], r.Raw(len(row.ID)))
	c := w.readCell(r)
	row.Model = c.model
	place := outcome.Place{Time: w.before.Time + r.Int(), Partition: r.Int32()}
	place.Offset = w.before.Offset + r.Int()
	w.before = place
	if flags&rowGroups != 0 {
		w.needs = joinsFormat
		if c != (rowCell{model: c.model, plan: c.plan}) {
			r.Fail(errCell)
		}
		row.Groups = &outcome.Groups{Place: place, Plan: c.plan, Codes: w.texts.read(r)}
		return row
	}
	if flags&rowOutcome != 0 {
		if c != (rowCell{model: c.model}) {
			r.Fail(errCell)
		}
		row.Outcome = &outcome.Outcome{Place: place, Positive: flags&rowPositive != 0}
		w.readLabel(r, flags, row.Outcome)
		return row
	}
	if flags&(rowClass|rowNumber) != 0 {
		row.Prediction = &outcome.Prediction{Place: place, Plan: c.plan, Version: c.version, Slice: c.slice, Pane: c.pane}
		if flags&rowClass != 0 {
			row.Prediction.Other = &truth.Other{Class: truth.ReadClass(r)}
		} else {
			row.Prediction.Other = &truth.Other{Number: truth.ReadNumber(r)}
		}
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

func (w *rowReader) readLabel(r *wire.Reader, flags uint64, o *outcome.Outcome) {
	switch {
	case flags&rowClass != 0:
		o.Other = &truth.Label{Kind: truth.Name, Name: w.texts.read(r)}
		if len(o.Other.Name) > truth.MostName {
			r.Fail(errName)
		}
	case flags&rowNumber != 0:
		l := truth.ReadLabel(truth.Value, r)
		o.Other = &l
	}
}

func (w *rowReader) readCell(r *wire.Reader) rowCell {
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
