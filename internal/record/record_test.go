package record_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// source names a partition. The id has a different byte everywhere, so that a change of its place shows.
func source(topic string, partition int32) record.Source {
	s := record.Source{Topic: topic, Partition: partition, Partitions: 300}
	for i := range s.TopicID {
		s.TopicID[i] = byte(0xa0 + i)
	}
	return s
}

func exampleFragment() *record.Fragment {
	return &record.Fragment{
		Joins: 16,
		Coverage: []record.Coverage{
			{Source: source("electricity.predictions", 0), From: 1200, To: 1908, Watermark: 857_000_000_000_000, Records: 700},
			{Source: source("electricity.predictions", 7), From: 5, To: 5, Watermark: record.NoTime, Idle: true},
			{Source: source("electricity.outcomes", 1), From: 0, To: 10, Watermark: -1, Lost: true},
			{Source: source("electricity.outcomes", 2), From: 3, To: 9, Watermark: 1, Records: 6, Idle: true, Lost: true},
		},
		Marks: []record.Mark{
			{Source: source("electricity.predictions", 0), Joins: 3, Watermark: 857_000_000_000_000},
			{Source: source("electricity.outcomes", 1), Joins: 15, Watermark: record.NoTime, Idle: true},
		},
		Cells: []record.Cell{
			{
				Kind: record.Counted, Model: "electricity-price", Plan: "0123456789abcdef", Version: "v7", Pane: 856_998_000_000_000, Slice: "\x00\x01",
				Spans: []record.Span{{Topic: "electricity.predictions", Partition: 0, First: 1200, Last: 1907}, {Topic: "electricity.predictions", Partition: 7, First: 4, Last: 4}},
				Body:  []byte("body\x00of a set"),
			},
			{Kind: record.Labelled, Model: "electricity-price", Plan: "0123456789abcdef", Pane: -3_600_000_000, Body: []byte{1}},
			{Kind: record.OnTime, Model: "m"},
		},
	}
}

// described is what format 2 added: a summary's cell, and cells whose texts came before.
func described() *record.Fragment {
	f := exampleFragment()
	again := f.Cells[0]
	again.Pane -= 3_600_000_000
	f.Cells = append(f.Cells, record.Cell{
		Kind: record.Described, Model: "electricity-price", Plan: "0123456789abcdef", Version: "v7", Pane: 856_998_000_000_000,
		Spans: []record.Span{{Topic: "electricity.predictions", Partition: 1, First: 7, Last: 8}}, Body: []byte("summary"),
	}, again)
	return f
}

// waited has a source whose events waited for the registry.
func waited() *record.Fragment {
	f := described()
	f.Coverage[0].Waited = true
	return f
}

func exampleJoins() *record.Joins {
	id := outcome.HashID("m", "e1")
	return &record.Joins{
		Markers: []record.Marker{
			{Source: source("p", 0), From: 10, To: 20, Watermark: 857_000_000_000_000, Rows: 2},
			{Source: source("p", 1), From: 7, To: 7, Watermark: record.NoTime, Idle: true},
		},
		Rows: []outcome.Row{
			{ID: id, Model: "m", Prediction: &outcome.Prediction{
				Place: outcome.Place{Time: 857_000_000_000_000, Partition: 2, Offset: 1 << 33}, Plan: "0123456789abcdef", Version: "v7",
				Pane: 856_998_000_000_000, Slice: "\x00\x01\xff\xff", Bin: 49, Score: 1 << 30, Positive: true,
			}},
			{ID: id, Model: "m", Outcome: &outcome.Outcome{Place: outcome.Place{Time: -1, Partition: 0, Offset: 11}, Positive: true}},
		},
	}
}

// manyRows has rows that share cells, and rows that don't.
func manyRows() *record.Joins {
	j := exampleJoins()
	for i := range 6 {
		row := j.Rows[i%2]
		row.ID = outcome.HashID("m", fmt.Sprint("e", i))
		if row.Prediction != nil {
			p := *row.Prediction
			p.Place.Time += int64(i)
			p.Place.Offset -= int64(i)
			p.Pane += int64(i/4) * 3_600_000_000
			p.Positive = i%4 == 0
			row.Prediction = &p
		} else {
			o := *row.Outcome
			o.Place.Offset += 100
			row.Model, row.Outcome = fmt.Sprint("m", i/4), &o
		}
		j.Rows = append(j.Rows, row)
	}
	return j
}

// taskRows are rows of models of every task in one record.
func taskRows() *record.Joins {
	j := manyRows()
	add := func(row outcome.Row) {
		at := outcome.Place{Time: 1_700_000_000_000_000 + int64(len(j.Rows)), Partition: 1, Offset: int64(1000 + len(j.Rows))}
		if row.Prediction != nil {
			row.Prediction.Place, row.Prediction.Plan, row.Prediction.Pane = at, "0123456789abcdef", 1_700_000_000_000_000
		} else {
			row.Outcome.Place = at
		}
		row.ID = outcome.HashID(row.Model, fmt.Sprint(len(j.Rows)))
		j.Rows = append(j.Rows, row)
	}
	likely := []truth.Likely{{Class: 3, P: 9011}, {Class: 0, P: 7200}, {Class: 1, P: 120}, {Class: 2, P: 53}, {Class: 4}}
	add(outcome.Row{Model: "classes", Prediction: &outcome.Prediction{Other: &truth.Other{Class: &truth.Class{Of: 3, Top: likely}}}})
	add(outcome.Row{Model: "classes", Prediction: &outcome.Prediction{Other: &truth.Other{Class: &truth.Class{Of: 5}}}})
	for _, name := range []string{"cat", "dog", "cat", ""} {
		add(outcome.Row{Model: "classes", Outcome: &outcome.Outcome{Other: &truth.Label{Kind: truth.Name, Name: name}}})
	}
	add(outcome.Row{Model: "numbers", Prediction: &outcome.Prediction{Other: &truth.Other{Number: &truth.Number{Value: 12.5}}}})
	add(outcome.Row{Model: "numbers", Prediction: &outcome.Prediction{Other: &truth.Other{Number: &truth.Number{Value: 1. / 3, Low: -2, High: 1e9, Interval: true}}}})
	add(outcome.Row{Model: "numbers", Outcome: &outcome.Outcome{Other: &truth.Label{Kind: truth.Value, Value: -7}}})
	return j
}

// groupRows are rows of every kind, and records of groups.
func groupRows() *record.Joins {
	j := taskRows()
	for i, codes := range []string{"\x00\x01", "\xff\xff", "\x00\x01"} {
		j.Rows = append(j.Rows, outcome.Row{
			ID: outcome.HashID("m", fmt.Sprint("e", i)), Model: "m",
			Groups: &outcome.Groups{Place: outcome.Place{Time: int64(i), Partition: 1, Offset: int64(7 * i)}, Plan: "0123456789abcdef", Codes: codes},
		})
	}
	return j
}

// A record on a topic outlives the build that wrote it: the bytes of a version never change, and stay readable until there
// are two newer ones.
func TestGolden(t *testing.T) {
	readFragment := func(b []byte) (any, error) { return record.ReadFragment(b) }
	readJoins := func(b []byte) (any, error) { return record.ReadJoins(b) }
	for file, c := range map[string]struct {
		bytes []byte // nil: this build doesn't write the version any more
		value any
		read  func(b []byte) (any, error)
	}{
		"v2/fragment":       {nil, described(), readFragment},
		"v2/fragment-empty": {nil, &record.Fragment{}, readFragment},
		"v3/fragment":       {nil, waited(), readFragment},
		"v3/fragment-empty": {nil, &record.Fragment{}, readFragment},
		"v4/fragment":       {momentary().AppendBinary(nil), momentary(), readFragment},
		"v4/fragment-empty": {(&record.Fragment{}).AppendBinary(nil), &record.Fragment{}, readFragment},
		"v1/joins":          {nil, exampleJoins(), readJoins},
		"v1/joins-empty":    {nil, &record.Joins{}, readJoins},
		"v2/joins":          {manyRows().AppendBinary(nil), manyRows(), readJoins},
		"v3/joins":          {taskRows().AppendBinary(nil), taskRows(), readJoins},
		"v4/joins":          {groupRows().AppendBinary(nil), groupRows(), readJoins},
		"v2/joins-empty":    {(&record.Joins{}).AppendBinary(nil), &record.Joins{}, readJoins},
	} {
		path := filepath.Join("testdata", file+".bin")
		if *update && c.bytes != nil {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.bytes, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if c.bytes != nil && !bytes.Equal(c.bytes, want) {
			t.Errorf("%s: written as\n% x, want\n% x", file, c.bytes, want)
		}
		got, err := c.read(want)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if f, ok := got.(*record.Fragment); ok {
			for i := range f.Cells {
				if len(f.Cells[i].Body) == 0 { // no bytes and none are the same
					f.Cells[i].Body = nil
				}
			}
		}
		if !reflect.DeepEqual(got, c.value) {
			t.Errorf("%s: read as\n%+v, want\n%+v", file, got, c.value)
		}
	}
}

// A record cut short anywhere is refused whole, and so is one with bytes after it.
func TestDamageIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		read func(b []byte) error
	}{
		"fragment": {described().AppendBinary(nil), func(b []byte) error {
			f, err := record.ReadFragment(b)
			if err != nil && f != nil {
				t.Error("a refused fragment is half there")
			}
			return err
		}},
		"joins": {manyRows().AppendBinary(nil), func(b []byte) error {
			j, err := record.ReadJoins(b)
			if err != nil && j != nil {
				t.Error("refused joins are half there")
			}
			return err
		}},
	} {
		for n := range c.b {
			if err := c.read(c.b[:n]); !errors.Is(err, wire.ErrShort) && (err == nil || !strings.Contains(err.Error(), "can't fit")) {
				t.Errorf("%s cut to %d of %d bytes: %v", name, n, len(c.b), err)
			}
		}
		if err := c.read(append(bytes.Clone(c.b), 0)); err == nil || !strings.Contains(err.Error(), "1 bytes left over") {
			t.Errorf("%s with a byte too many: %v", name, err)
		}
	}
}

func TestRefused(t *testing.T) {
	fragment := func(change func(f *record.Fragment)) []byte {
		f := exampleFragment()
		change(f)
		return f.AppendBinary(nil)
	}
	joins := func(change func(j *record.Joins)) []byte {
		j := exampleJoins()
		change(j)
		return j.AppendBinary(nil)
	}
	read := func(b []byte) error { _, err := record.ReadFragment(b); return err }
	readJoins := func(b []byte) error { _, err := record.ReadJoins(b); return err }
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"fragment of another format": {read([]byte{1, 0, 0, 0, 0}), "read fragment: unknown format 1, this build reads 2 to 4"},
		"joins of another format":    {readJoins([]byte{9, 0, 0}), "read joins: unknown format 9, this build reads 1 to 4"},
		"coverage turned round":      {read(fragment(func(f *record.Fragment) { f.Coverage[0].To = 3 })), "coverage of electricity.predictions/0 ends at 3 before it begins at 1200"},
		"span turned round":          {read(fragment(func(f *record.Fragment) { f.Cells[0].Spans[0].Last = 3 })), "a cell's events in electricity.predictions/0 end at 3 before they begin at 1200"},
		"kind 0":                     {read(fragment(func(f *record.Fragment) { f.Cells[0].Kind = 0 })), "a cell of unknown kind 0"},
		"kind 6":                     {read(fragment(func(f *record.Fragment) { f.Cells[2].Kind = 6 })), "a cell of unknown kind 6"},
		"a kind of format 4 in 3":    {read(append([]byte{3}, momentary().AppendBinary(nil)[1:]...)), "a cell of unknown kind 5"},
		"a text numbered too high":   {read([]byte{2, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0}), "a text is numbered beyond the next one"},
		"a text that came before":    {read([]byte{2, 0, 0, 0, 1, 1, 0, 1, 'm', 1, 1, 'm', 0, 0, 0, 0, 0}), "a text is numbered beyond the next one, or came before"},
		"kind 257":                   {read(bigKind()), "a cell of unknown kind 257"},
		"unknown flags":              {read(unknownFlags()), "coverage of a/0 has unknown flags 0x8"},
		"flags of format 3 in 2":     {read(waitedBefore()), "coverage of a/0 has unknown flags 0x4"},
		"marker turned round":        {readJoins(joins(func(j *record.Joins) { j.Markers[0].To = 3 })), "a marker of p/0 ends at 3 before it begins at 10"},
		"cells that can't fit":       {read([]byte{2, 0, 0, 0, 0xff, 0xff, 0x7f}), "a list of 2097151 items can't fit"},
		"flags of a row":             {readJoins(oneRow(16, 0)), "a join row has unknown flags 0x10"},
		"flags of format 3 in joins": {readJoins(oneRow(4, 0)), "a join row has unknown flags 0x4"},
		"format 4 without a need":    {readJoins(append([]byte{4}, taskRows().AppendBinary(nil)[1:]...)), "it holds nothing that an earlier format doesn't"},
		"flags of format 4 in 3":     {readJoins(append([]byte{3}, groupRows().AppendBinary(nil)[1:]...)), "a join row has unknown flags 0x10"},
		"format 3 without a need":    {readJoins([]byte{3, 0, 0}), "it holds nothing that an earlier format doesn't"},
		"a cell numbered too high":   {readJoins(oneRow(0, 1)), "is numbered beyond the next one"},
		"an outcome in a cell":       {readJoins(oneRow(1, 0)), "the cell of a join row"},
		"rows that can't fit":        {readJoins([]byte{1, 0, 0xff, 0xff, 0x7f}), "a list of 2097151 items can't fit"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, c.err, c.want)
		}
	}
}

// momentary is waited with a moment.
func momentary() *record.Fragment {
	f := waited()
	f.Cells = append(f.Cells, record.Cell{
		Kind: record.Momentary, Model: f.Cells[0].Model, Plan: f.Cells[0].Plan, Version: f.Cells[0].Version, Pane: f.Cells[0].Pane + 600_000_000,
		Spans: f.Cells[0].Spans, Body: []byte("a moment"),
	})
	return f
}

// bigKind is a fragment with a cell of kind 257, which a byte would take for 1.
func bigKind() []byte {
	b := (&record.Fragment{Cells: []record.Cell{{Kind: record.Counted}}}).AppendBinary(nil)
	at := len(b) - 9 // the kind, three times the first text, pane, slice, spans, body
	return append(append(bytes.Clone(b[:at]), wire.Uint(nil, 257)...), b[at+1:]...)
}

// oneRow is a record of one prediction, with these flags and this number of its cell.
func oneRow(flags, cell byte) []byte {
	b := (&record.Joins{Rows: exampleJoins().Rows[:1]}).AppendBinary(nil)
	b[3], b[4+16] = flags, cell
	return b
}

// unknownFlags is a fragment whose only coverage sets a bit this build doesn't know.
func unknownFlags() []byte {
	b := (&record.Fragment{Coverage: []record.Coverage{{Source: record.Source{Topic: "a"}}}}).AppendBinary(nil)
	b[len(b)-3] = 8
	return b
}

// waitedBefore is a fragment of the format before with the flag that came with this one.
func waitedBefore() []byte {
	b := (&record.Fragment{Coverage: []record.Coverage{{Source: record.Source{Topic: "a"}, Waited: true}}}).AppendBinary(nil)
	b[0] = 2
	return b
}

// Chunks lose nothing and keep the cells' order; only the last one moves clocks; none is larger than asked unless a single
// cell is; and no two neighbours would have fitted into one, by the room their cells could take.
func TestChunks(t *testing.T) {
	cell := rapid.Custom(func(t *rapid.T) record.Cell {
		c := record.Cell{Kind: record.Counted, Model: "m", Pane: rapid.Int64().Draw(t, "pane"), Body: make([]byte, rapid.IntRange(0, 3000).Draw(t, "body"))}
		for i := range rapid.SampledFrom([]int{0, 1, 60}).Draw(t, "spans") {
			first := rapid.Int64Range(0, 1<<40).Draw(t, "first")
			c.Spans = append(c.Spans, record.Span{Topic: "some.topic", Partition: int32(i), First: first, Last: first + 1})
		}
		return c
	})
	empty := len((&record.Fragment{}).AppendBinary(nil)) + 16 // numbers of lists may take more than a byte
	rapid.Check(t, func(t *rapid.T) {
		cells := rapid.SliceOfN(cell, 0, 30).Draw(t, "cells")
		size := rapid.IntRange(1, 20_000).Draw(t, "size")
		last := record.Fragment{Joins: 4, Coverage: exampleFragment().Coverage, Marks: exampleFragment().Marks}
		chunks := record.Chunks(cells, size, last)
		var got []record.Cell
		for i, c := range chunks {
			got = append(got, c.Cells...)
			if c.Joins != 4 {
				t.Fatalf("chunk %d of %d knows of %d joins partitions", i, len(chunks), c.Joins)
			}
			if i < len(chunks)-1 && (len(c.Coverage) > 0 || len(c.Marks) > 0 || len(c.Cells) == 0) {
				t.Fatalf("chunk %d of %d has %d cells, coverage %v, marks %v", i, len(chunks), len(c.Cells), c.Coverage, c.Marks)
			}
			c.Coverage, c.Marks = nil, nil
			if n := len(c.AppendBinary(nil)); n > size+empty && len(c.Cells) > 1 {
				t.Fatalf("chunk %d of %d takes %d bytes, %d were asked for", i, len(chunks), n, size)
			}
		}
		end := chunks[len(chunks)-1]
		if !reflect.DeepEqual(end.Coverage, last.Coverage) || !reflect.DeepEqual(end.Marks, last.Marks) {
			t.Fatal("the last chunk doesn't carry the coverage and marks")
		}
		if len(got) != len(cells) || len(got) > 0 && !reflect.DeepEqual(got, cells) {
			t.Fatalf("%d cells became %d", len(cells), len(got))
		}
		// A span may take 40 bytes beside its topic, a cell 80 beside its texts: no chunk is cut earlier than that explains.
		for i := 1; i < len(chunks); i++ {
			room := 0
			for _, c := range append(slices.Clip(chunks[i-1].Cells), chunks[i].Cells[0]) {
				room += 81 + len(c.Body) + 50*len(c.Spans)
			}
			if room <= size {
				t.Fatalf("chunk %d could have held one more cell: %d of %d bytes", i-1, room, size)
			}
		}
	})
}

func TestHeaders(t *testing.T) {
	s := record.SetAside{Reason: "bad_time", Path: "a.b", Byte: 12, Detail: "what", Topic: "t", Partition: 3, Offset: 1 << 40}
	var got []string
	for _, h := range s.Headers() {
		got = append(got, h.Key+"="+string(h.Value))
	}
	want := "plumbline-reason=bad_time plumbline-path=a.b plumbline-byte=12 plumbline-detail=what plumbline-topic=t plumbline-partition=3 plumbline-offset=1099511627776"
	if strings.Join(got, " ") != want {
		t.Errorf("headers\n%s, want\n%s", strings.Join(got, " "), want)
	}
}
