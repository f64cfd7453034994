package window

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// What a damaged clock may not do: panic, or hold more places than there are bytes. What is read is written back the same.
func FuzzReadClock(f *testing.F) {
	c := NewClock()
	f.Add(c.AppendBinary(nil))
	c.Cover(cover(1, 3, 70, 1e15))
	c.Cover(cover(0, 0, 0, record.NoTime, idle))
	c.Mark(&record.Mark{Source: record.Source{Topic: "o", Partitions: 1}, Watermark: 5}, 4)
	f.Add(c.AppendBinary(nil))
	f.Add(wire.Uint(wire.Int(wire.Uint(nil, stateFormat), -5), 0)) // -5 joins partitions
	f.Add(wire.Uint(wire.Int(wire.Uint(nil, stateFormat), 1<<31-1), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ReadClock(wire.NewReader(b))
		if err != nil {
			return
		}
		if len(c.places) > len(b) {
			t.Fatalf("%d places of %d bytes", len(c.places), len(b))
		}
		c.Low("p")
		c.LowJoined("p", "o")
		c.Cover(cover(0, 5, 9, 1))
		again := c.AppendBinary(nil)
		d, err := ReadClock(wire.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.AppendBinary(nil), again) {
			t.Fatal("other bytes")
		}
	})
}

// The same for panes and cohorts.
func FuzzReadAssembler(f *testing.F) {
	p := momentPlan(f)
	a := NewAssembler(p)
	f.Add(a.AppendBinary(nil))
	add(f, a, count(f, p, 0, 0, event{monday + hour, 0.3, "a", "v1"}, event{monday + 9*hour, 0.9, "c", ""})...)
	add(f, a, labels(p, record.OnTime, monday, 3), labels(p, record.Labelled, monday, 3))
	advance(f, a, monday+4*hour)
	mature(f, a, monday+12*hour)
	f.Add(a.AppendBinary(nil))
	for _, format := range []string{"v1", "v2", "v3"} {
		b, err := os.ReadFile(filepath.Join("testdata", format, "assembler.bin"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := ReadAssembler(p, wire.NewReader(b))
		if err != nil {
			return
		}
		cells := 0
		for _, m := range a.moments {
			cells += 1 + len(m.versions) + len(m.spans)
		}
		for _, pane := range a.base {
			cells += len(pane.cells) + len(pane.spans) + len(pane.summaries)
		}
		for _, co := range a.cohorts {
			cells += len(co.OnTime) + len(co.All)
		}
		if cells+len(a.base)+len(a.cohorts)+len(a.truth) > len(b) {
			t.Fatalf("%d panes, %d cohorts and %d cells of %d bytes", len(a.base), len(a.cohorts), cells, len(b))
		}
		again := a.AppendBinary(nil)
		d, err := ReadAssembler(p, wire.NewReader(again))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(d.AppendBinary(nil), again) {
			t.Fatal("other bytes")
		}
	})
}
