package record_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// written is what writers are told, by partition, as a reader should find it.
type written struct {
	w       *record.Rows
	writers []*record.Rows
	cells   map[string]*record.RowCell
	want    [][]outcome.Row
}

// newWritten makes some writers; rows go to the first one.
func newWritten(partitions, writers int) *written {
	w := &written{cells: map[string]*record.RowCell{}, want: make([][]outcome.Row, partitions)}
	for range writers {
		w.writers = append(w.writers, record.NewRows(partitions))
	}
	w.w = w.writers[0]
	return w
}

// next makes rows go to the next one. Writers share no cells.
func (w *written) next() {
	if at := slices.Index(w.writers, w.w) + 1; at < len(w.writers) {
		w.w = w.writers[at]
		clear(w.cells)
	}
}

// cell finds or makes a cell. Cells of two twins say the same.
func (w *written) cell(model, version string, pane, twin int64) *record.RowCell {
	key := fmt.Sprintf("%s %s %d %d", model, version, pane, twin)
	if w.cells[key] == nil {
		w.cells[key] = &record.RowCell{Model: model, Plan: "p", Version: version, Slice: "\x00\x01", Pane: pane}
	}
	return w.cells[key]
}

func (w *written) prediction(event, version string, pane int64, place outcome.Place) {
	id, c := outcome.HashID("m", event), w.cell("m", version, pane, place.Time%2)
	p := outcome.Prediction{Place: place, Bin: int(place.Offset & 63), Score: place.Time, Positive: place.Offset%2 == 0}
	w.w.Prediction(id, c, &p)
	p.Plan, p.Version, p.Slice, p.Pane = c.Plan, c.Version, c.Slice, c.Pane
	at := id.Partition(len(w.want))
	w.want[at] = append(w.want[at], outcome.Row{ID: id, Model: "m", Prediction: &p})
}

func (w *written) outcome(event string, place outcome.Place) {
	id := outcome.HashID("m", event)
	o := outcome.Outcome{Place: place, Positive: place.Time%2 == 0}
	if w.cells[""] == nil {
		w.cells[""] = &record.RowCell{Model: "m"}
	}
	w.w.Outcome(id, w.cells[""], &o)
	at := id.Partition(len(w.want))
	w.want[at] = append(w.want[at], outcome.Row{ID: id, Model: "m", Outcome: &o})
}

func (w *written) groups(event string, place outcome.Place) {
	id := outcome.HashID("m", event)
	g := outcome.Groups{Place: place, Plan: "p", Codes: []string{"\x00\x00", "\x00\x01", "\xff\xff"}[place.Offset%3]}
	if w.cells["groups"] == nil {
		w.cells["groups"] = &record.RowCell{Model: "m", Plan: "p"}
	}
	w.w.Groups(id, w.cells["groups"], &g)
	at := id.Partition(len(w.want))
	w.want[at] = append(w.want[at], outcome.Row{ID: id, Model: "m", Groups: &g})
}

// take ends the epoch and compares: the rows are all there in their order, and only the last record has the markers.
func (w *written) take(t interface {
	Fatalf(format string, args ...any)
},
) (records int) {
	marker := record.Marker{Source: source("p", 0), From: 3, To: 9, Watermark: 5}
	for at := range w.want {
		var got []outcome.Row
		values := record.TakeRows(w.writers, at, []record.Marker{marker})
		for i, value := range values {
			if len(value) > 1<<19 {
				t.Fatalf("record %d of partition %d has %d bytes", i, at, len(value))
			}
			j, err := record.ReadJoins(value)
			if err != nil {
				t.Fatalf("record %d of partition %d: %v", i, at, err)
			}
			got = append(got, j.Rows...)
			want := marker
			want.Rows = int64(len(w.want[at]))
			switch last := i == len(values)-1; {
			case !last && len(j.Markers) != 0:
				t.Fatalf("record %d of %d carries markers", i+1, len(values))
			case last && (len(j.Markers) != 1 || j.Markers[0] != want):
				t.Fatalf("the last record's markers are %+v, want %+v", j.Markers, want)
			}
		}
		if d := cmp.Diff(w.want[at], got); d != "" {
			t.Fatalf("partition %d: %s", at, d)
		}
		w.want[at] = nil
		records += len(values)
	}
	w.w = w.writers[0]
	clear(w.cells)
	return records
}

// Whatever is written is read again, over epochs that were ended and others that were given up.
func TestRowsAreReadAsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWritten(rapid.IntRange(1, 5).Draw(t, "partitions"), rapid.IntRange(1, 3).Draw(t, "writers"))
		for range rapid.IntRange(1, 4).Draw(t, "epochs") {
			for range rapid.IntRange(0, 40).Draw(t, "rows") {
				event := fmt.Sprint("e", rapid.IntRange(0, 9).Draw(t, "event"))
				place := outcome.Place{
					Time: rapid.Int64Range(-1<<50, 1<<50).Draw(t, "time"), Partition: rapid.Int32Range(0, 100).Draw(t, "partition"),
					Offset: rapid.Int64Range(0, 1<<40).Draw(t, "offset"),
				}
				if rapid.IntRange(0, 9).Draw(t, "next writer") == 0 {
					w.next()
				}
				switch rapid.IntRange(0, 4).Draw(t, "kind") {
				case 0:
					w.groups(event, place)
				case 1, 2:
					w.outcome(event, place)
				default:
					w.prediction(event, fmt.Sprint("v", rapid.IntRange(0, 2).Draw(t, "version")), rapid.Int64Range(0, 3).Draw(t, "pane"), place)
				}
			}
			if rapid.Bool().Draw(t, "give up") {
				for _, each := range w.writers {
					each.Reset()
				}
				clear(w.want)
				continue
			}
			if n := w.take(t); n < len(w.want) || n > len(w.want)*len(w.writers) {
				t.Fatalf("%d records for %d partitions", n, len(w.want))
			}
		}
	})
}

// Records are cut by bytes: of rows, and of their cells, whose versions may be long.
func TestRowsAreCut(t *testing.T) {
	w := newWritten(1, 1)
	const rows = 40_000
	for i := range rows {
		w.prediction(fmt.Sprint("e", i), "v", 0, outcome.Place{Offset: int64(i)})
	}
	held := w.w.Bytes()
	if held < rows*20 {
		t.Errorf("%d rows take %d bytes", rows, held)
	}
	if n, want := w.take(t), held/(400<<10)+1; n != want {
		t.Errorf("%d bytes of rows came in %d records, want %d", held, n, want)
	}
	for i := range 300 {
		w.prediction(fmt.Sprint("e", i), strings.Repeat("v", 10_000+i), 0, outcome.Place{Offset: int64(i)})
	}
	if n := w.take(t); n < 6 || n > 10 {
		t.Errorf("3 MB of versions came in %d records", n)
	}
	if n := w.take(t); n != 1 {
		t.Errorf("no rows came in %d records, want one with the markers", n)
	}
}

// Cells are remembered from one epoch to the next, and forgotten between two where they are too many: never within one, whose rows count on
// their numbers.
func TestManyCells(t *testing.T) {
	w := newWritten(3, 1)
	for epoch := range 4 {
		for i := range 3000 * (epoch + 1) {
			pane := int64(i % 2500)
			if i%5 == 0 {
				pane += int64(10_000 * (epoch + i%3))
			}
			w.prediction(fmt.Sprint("e", i), "v", pane, outcome.Place{Offset: int64(i)})
		}
		w.take(t)
	}
}
