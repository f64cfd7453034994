package sketch

import (
	"cmp"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Frame is one pane of one model version, all its slices together: where its rows lie, and what describes them.
type Frame struct {
	Pane    int64
	Version string
	Spans   []Span   // by Src
	Summary *Summary // nil unless the counter describes
}

type frameKey struct {
	pane    int64
	version string
}

// frame is a Frame that is being counted.
type frame struct {
	frameKey
	spans   []Span
	columns []describer
	latency histogramCounter
	bytes   int // about what it takes
}

// describer describes the values of one column.
type describer struct {
	numbers  histogramCounter
	distinct distinctCounter
}

const (
	frameBytes     = 256
	describerBytes = 8*slots + 160
)

func (f *frame) describeNumbers(i int, in *plan.Col, rows []int32) {
	d := &f.columns[i]
	for _, row := range rows {
		if v := in.Num[row]; in.State[row] == plan.OK && v-v == 0 {
			d.numbers.add(v)
			d.distinct.add(HashFloat(v))
		}
	}
}

func (f *frame) describeTexts(i int, found []category, in *plan.Col, rows []int32) {
	d := &f.columns[i].distinct
	for _, row := range rows {
		if in.State[row] == plan.OK {
			d.add(found[row].hash)
		}
	}
}

func (f *frame) describeLatency(in *plan.Col, rows []int32) {
	for _, row := range rows {
		if v := in.Num[row]; in.State[row] == plan.OK && v-v == 0 {
			f.latency.add(v)
		}
	}
}

// weigh takes stock of the memory in use.
func (f *frame) weigh() {
	f.bytes = frameBytes + len(f.columns)*describerBytes + f.latency.bytes()
	for i := range f.columns {
		f.bytes += f.columns[i].numbers.bytes() + len(f.columns[i].distinct.regs)
	}
}

// cover notes the offsets of rows (at least one) of a source.
func (f *frame) cover(src int, offsets []int64, rows []int32) {
	at, found := slices.BinarySearchFunc(f.spans, src, func(s Span, src int) int { return cmp.Compare(s.Src, src) })
	if !found {
		first := offsets[rows[0]]
		f.spans = slices.Insert(f.spans, at, Span{Src: src, First: first, Last: first})
	}
	s := &f.spans[at]
	s.Rows += int64(len(rows))
	for _, row := range rows {
		s.First, s.Last = min(s.First, offsets[row]), max(s.Last, offsets[row])
	}
}

func (f *frame) reset() {
	f.spans = f.spans[:0]
	f.latency.reset()
	for i := range f.columns {
		f.columns[i].numbers.reset()
		f.columns[i].distinct.reset()
	}
}

// summary is what was described. It shares the frame's memory.
func (f *frame) summary(p *plan.Plan) *Summary {
	s := &Summary{Columns: make([]Described, len(f.columns)), Latency: f.latency.histogram()}
	for i := range f.columns {
		s.Columns[i].Distinct = f.columns[i].distinct.distinct()
		if !p.Columns[i].Layout.Categorical {
			s.Columns[i].Histogram = f.columns[i].numbers.histogram()
		}
	}
	return s
}

// Frames returns the frames counted since the last Reset, by pane and version. They are the counter's own until Reset.
func (c *Counter) Frames() []Frame {
	out := make([]Frame, len(c.frames))
	for i, f := range c.frames {
		out[i] = Frame{Pane: f.pane, Version: f.version, Spans: f.spans}
		if c.describing {
			out[i].Summary = f.summary(c.plan)
		}
	}
	slices.SortFunc(out, func(a, b Frame) int {
		return cmp.Or(cmp.Compare(a.Pane, b.Pane), strings.Compare(a.Version, b.Version))
	})
	return out
}
