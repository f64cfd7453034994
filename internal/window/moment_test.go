package window

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Moments are handed out while their base pane is open, and before it; what comes after is late for them, and still in time for the pane.
func TestMomentsComeBeforeTheirPane(t *testing.T) {
	p := momentPlan(t)
	a := NewAssembler(p)
	at := func(minute int64, x float64) event { return event{monday + minute*hour/60, x, "a", "v1"} }
	add(t, a, count(t, p, 0, 0, at(1, 0.5), at(2, math.NaN()), at(12, 0.5), at(31, math.NaN()), at(55, 0.5))...)
	for _, c := range []struct {
		low  int64 // minutes
		want []string
	}{
		{39, []string{}}, // half an hour of lateness
		{45, []string{"a moment 0..0.1667: 2"}},
		{70, []string{"a moment 0.1667..0.3333: 1", "a moment 0.5..0.6667: 1"}},
		{90, []string{"a moment 0.8333..1: 1", "base 0..1: 6"}},
	} {
		if c.low == 70 {
			add(t, a, count(t, p, 0, 5, at(5, 0.5))...) // late for its moment
		}
		if d := cmp.Diff(c.want, brief(advance(t, a, monday+c.low*hour/60))); d != "" {
			t.Errorf("low %d min: %s", c.low, d)
		}
	}
}

// What a moment counts: values that are missing, by column, and where its events lie.
func TestMomentCounts(t *testing.T) {
	p := momentPlan(t)
	a := NewAssembler(p)
	at := func(minute int64, x float64, version string) event {
		return event{monday + minute*hour/60, x, "a", version}
	}
	add(t, a, count(t, p, 0, 7, at(1, math.NaN(), "v2"), at(2, 0.5, "v2"), at(3, math.NaN(), "v1"))...)
	add(t, a, count(t, p, 3, 40, at(9, math.NaN(), "v1"), at(10, math.NaN(), "v1"), at(4, math.NaN(), "v1"))...)
	var got []*Moment
	if err := a.Advance(monday+45*hour/60, func(n Ended) error { got = append(got, n.Moment); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 {
		t.Fatalf("%d moments", len(got))
	}
	m := got[0]
	if whole := m.Whole(); whole.Rows != 5 || whole.Missing(0) != 4 || m.Version() != "v1" {
		t.Errorf("%d rows, %d missing, version %s; want 5, 4 and v1", whole.Rows, whole.Missing(0), m.Version())
	}
	want := []record.Span{{Topic: "p", Partition: 0, First: 7, Last: 9}, {Topic: "p", Partition: 3, First: 40, Last: 42}}
	if d := cmp.Diff(want, m.Spans()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(want, AddSpans(want[1:], []record.Span{{Topic: "p", Partition: 0, First: 7, Last: 9}, {Topic: "p", Partition: 3, First: 41, Last: 41}})); d != "" {
		t.Error(d)
	}
}

func TestMomentsThatAreRefused(t *testing.T) {
	p, none := momentPlan(t), testPlan(t)
	cell := func(change func(c *record.Cell)) record.Cell {
		c := record.Cell{Kind: record.Momentary, Model: "m", Plan: p.Digest(), Pane: monday + hour/6, Body: []byte{2, 1, 0, 2, 0}}
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		to   *Assembler
		cell record.Cell
		want string
	}{
		"as it should be":       {NewAssembler(p), cell(func(*record.Cell) {}), ""},
		"between moments":       {NewAssembler(p), cell(func(c *record.Cell) { c.Pane++ }), "is no multiple of 10m0s"},
		"of a slice":            {NewAssembler(p), cell(func(c *record.Cell) { c.Slice = "\x00\x00" }), "slice code 0000"},
		"of no events":          {NewAssembler(p), cell(func(c *record.Cell) { c.Body = []byte{0, 0, 0} }), "a moment of 0 events"},
		"more than events":      {NewAssembler(p), cell(func(c *record.Cell) { c.Body = []byte{2, 1, 0, 6, 0} }), "3 of column 0 in a moment of 2 events"},
		"of an unknown column":  {NewAssembler(p), cell(func(c *record.Cell) { c.Body = []byte{2, 1, 2, 2, 0} }), "of the key 1"},
		"with a byte too many":  {NewAssembler(p), cell(func(c *record.Cell) { c.Body = append(c.Body, 0) }), "1 bytes left over"},
		"of a plan without any": {NewAssembler(none), cell(func(*record.Cell) {}), "add moment of m"},
	} {
		err := c.to.Add(&c.cell)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	a := NewAssembler(p)
	add(t, a, cell(func(*record.Cell) {}))
	if _, err := ReadAssembler(none, wire.NewReader(a.AppendBinary(nil))); err == nil || !strings.Contains(err.Error(), "a moment that begins at") {
		t.Errorf("a state with moments of a plan without: %v", err)
	}
}
