package sketch

import (
	"cmp"
	"slices"
	"strings"
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
	number    int32
	spans     []Span
	numbers   []histogramCounter // by Counter.numbers
	texts     []textFrame        // by Counter.texts
	latency   histogramCounter
	bytes     int     // about what it takes
	cells     []int32 // by combination of slices: the cell and 1; nil if there may be too many
	batch     Span    // of the rows of the batch at hand
	described bool
}

const (
	frameBytes   = 256
	numbersBytes = 96
	textsBytes   = 8*slots + 64
)

// weigh takes stock of the memory in use.
func (f *frame) weigh() {
	f.bytes = frameBytes + 4*len(f.cells) + len(f.numbers)*numbersBytes + len(f.texts)*textsBytes + f.latency.bytes()
	for i := range f.numbers {
		f.bytes += f.numbers[i].bytes()
	}
	for i := range f.texts {
		f.bytes += len(f.texts[i].regs) + len(f.texts[i].seen)
	}
}

// cover adds the rows of the batch, which come from the source src, to the spans.
func (f *frame) cover(src int) {
	if f.batch.Rows == 0 {
		return
	}
	f.batch.Src = src
	f.spans = covered(f.spans, f.batch)
	f.batch = Span{}
}

// covered are spans, by Src, and one more.
func covered(spans []Span, more Span) []Span {
	at, found := slices.BinarySearchFunc(spans, more.Src, func(s Span, src int) int { return cmp.Compare(s.Src, src) })
	if !found {
		return slices.Insert(spans, at, more)
	}
	s := &spans[at]
	s.First, s.Last, s.Rows = min(s.First, more.First), max(s.Last, more.Last), s.Rows+more.Rows
	return spans
}

func (f *frame) reset() {
	f.spans, f.batch, f.frameKey, f.described = f.spans[:0], Span{}, frameKey{}, false
	f.latency.reset()
	clear(f.cells)
	for i := range f.numbers {
		f.numbers[i].reset()
	}
	for i := range f.texts {
		f.texts[i].reset()
	}
}

// summary is what was described. It shares the frame's memory.
func (c *Counter) summary(f *frame) *Summary {
	s := &Summary{Columns: make([]Described, len(c.plan.Columns)), Latency: f.latency.histogram()}
	for i := range s.Columns {
		s.Columns[i].Distinct = &Distinct{}
		if !c.plan.Columns[i].Layout.Categorical {
			s.Columns[i].Histogram = &Histogram{}
		}
	}
	for i, n := range c.numbers {
		s.Columns[n.at].Histogram = f.numbers[i].histogram()
	}
	for i, n := range c.texts {
		s.Columns[n.at].Distinct = f.texts[i].distinct(n.lookup.table)
	}
	return s
}

// Frames returns the frames counted since the last Reset, by pane and version. They are the counter's own until Reset.
func (c *Counter) Frames() []Frame {
	out := make([]Frame, len(c.frames))
	for i, f := range c.frames {
		out[i] = Frame{Pane: f.pane, Version: f.version, Spans: f.spans}
		if f.described {
			out[i].Summary = c.summary(f)
		}
	}
	slices.SortFunc(out, func(a, b Frame) int {
		return cmp.Or(cmp.Compare(a.Pane, b.Pane), strings.Compare(a.Version, b.Version))
	})
	return out
}
