package record

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// joinsFormat is the latest version of the record; this build reads all from 1 on. It writes rows of binary models as format 2.
//
//   - 1: every row in full.
//   - 2: a cell that a row before was counted in is named by its number; times and offsets by the distance to the row before.
//   - 3: classes and numbers.
//   - 4: groups of protected attributes.
const joinsFormat = 4

// usualCell is about what a cell takes beside its body: room is made for so many bytes.
const usualCell = 48

// Marker says that every row of the offsets [From, To) of a source that belongs to this joins partition lies in this record
// or before it. Rows is how many rows the whole epoch sent to the partition, over all its records.
type Marker struct {
	Source
	From, To  int64
	Watermark int64
	Rows      int64
	Idle      bool // the source is declared idle (From == To)
}

// Joins is what one ingestor epoch sends to one joins partition: also when there are no rows, because the markers carry the
// sources' watermarks.
type Joins struct {
	Markers []Marker
	Rows    []outcome.Row
}

// AppendBinary writes j.
func (j *Joins) AppendBinary(b []byte) []byte {
	var w rowWriter
	w.reset()
	cells := map[rowCell]uint32{}
	for i := range j.Rows {
		r := &j.Rows[i]
		c := RowCell{Model: r.Model}
		if p := r.Prediction; p != nil {
			c.Plan, c.Version, c.Slice, c.Pane = p.Plan, p.Version, p.Slice, p.Pane
			w.prediction(r.ID, &c, uint64(numbered(cells, &c)), p)
		} else if g := r.Groups; g != nil {
			c.Plan = g.Plan
			w.groups(r.ID, &c, uint64(numbered(cells, &c)), g)
		} else {
			w.outcome(r.ID, &c, uint64(numbered(cells, &c)), r.Outcome)
		}
	}
	return append(b, w.record(j.Markers)...)
}

// ReadJoins reads what AppendBinary wrote, or a build of the format before.
func ReadJoins(b []byte) (*Joins, error) {
	r := wire.NewReader(b)
	format := r.Uint()
	if r.Err() == nil && (format < 1 || format > joinsFormat) {
		return nil, fmt.Errorf("read joins: %w %d, this build reads 1 to %d", errFormat, format, joinsFormat)
	}
	j := &Joins{}
	for range r.Count(23) {
		m := Marker{Source: readSource(r), From: r.Int(), To: r.Int(), Watermark: r.Int(), Rows: r.Int(), Idle: r.Bool()}
		if m.To < m.From {
			r.Fail(fmt.Errorf("a marker of %s/%d ends at %d before it begins at %d", m.Topic, m.Partition, m.To, m.From))
		}
		j.Markers = append(j.Markers, m)
	}
	w := rowReader{flags: rowFlags2, needs: binaryFormat, texts: texts{at: map[string]uint64{}}, cells: map[rowCell]uint64{}}
	switch format {
	case answersFormat:
		w.flags = rowFlags3
	case joinsFormat:
		w.flags = rowFlags4
	}
	for range r.Count(20) {
		if format > 1 {
			j.Rows = append(j.Rows, w.read(r))
		} else {
			j.Rows = append(j.Rows, outcome.ReadRow(r))
		}
	}
	if format > binaryFormat && w.needs != format {
		r.Fail(errOlder)
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read joins: %w", err)
	}
	return j, nil
}
