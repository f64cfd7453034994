package collect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Take hands over what was counted and starts afresh: of each pane and version what describes it, then its cells, in the order of
// panes, versions and slices; then the moments.
func (c *Collector) Take() []record.Cell {
	list := make([]counted, 0, c.counter.Len())
	for _, w := range c.counter.Written() {
		list = append(list, counted{w.Key, w.Rows, w})
	}
	cells := encode(c, list, c.frames(), c.moments())
	c.crowded = c.counter.Crowded()
	c.Reset()
	return cells
}

// Together is Take of several collectors of one plan, as if one had counted all of it: counts, registers and bins add up to the same
// bytes however the batches were dealt out (up to sketch.MaxVersions versions). What one collector alone has seen is handed over as
// it is; what several have seen is added up in the memory of the first of them.
func Together(of []*Collector) ([]record.Cell, error) {
	if len(of) == 1 {
		return of[0].Take(), nil
	}
	var sets []sketch.Cell
	var frames []frame
	var moments []momentOf
	for _, c := range of {
		sets = append(sets, c.counter.Cells()...)
		frames = append(frames, c.frames()...)
		moments = append(moments, c.moments()...)
	}
	slices.SortStableFunc(sets, func(a, b sketch.Cell) int { return a.Key.Compare(b.Key) })
	slices.SortStableFunc(frames, frame.compare)
	slices.SortStableFunc(moments, momentOf.compare)
	sets, err := merge(sets, func(a, b sketch.Cell) bool { return a.Key == b.Key }, func(a *sketch.Cell, b sketch.Cell) error { return a.Set.Merge(b.Set) })
	if err != nil {
		return nil, fmt.Errorf("put together what was counted of %s: %w", of[0].plan.Model, err)
	}
	frames, err = merge(frames, func(a, b frame) bool { return a.compare(b) == 0 }, (*frame).merge)
	if err != nil {
		return nil, fmt.Errorf("put together what describes %s: %w", of[0].plan.Model, err)
	}
	moments, err = merge(moments, func(a, b momentOf) bool { return a.compare(b) == 0 }, (*momentOf).merge)
	if err != nil {
		return nil, fmt.Errorf("put together the moments of %s: %w", of[0].plan.Model, err)
	}
	list := make([]counted, len(sets))
	for i, cell := range sets {
		list[i] = counted{cell.Key, cell.Set.Rows, cell.Set}
	}
	cells := encode(of[0], list, frames, moments)
	for _, c := range of {
		c.crowded = c.counter.Crowded()
		c.Reset()
	}
	return cells, nil
}

// merge makes one of neighbours that are the same, in place.
func merge[T any](list []T, same func(a, b T) bool, add func(a *T, b T) error) ([]T, error) {
	n := 0
	for _, each := range list {
		if n > 0 && same(list[n-1], each) {
			if err := add(&list[n-1], each); err != nil {
				return nil, err
			}
			continue
		}
		list[n] = each
		n++
	}
	return list[:n], nil
}

// counted is a cell that can be written.
type counted struct {
	key  sketch.Key
	rows int64
	body interface{ AppendBinary(b []byte) []byte }
}

// encode writes cells, frames and moments, each in their order, as the cells of a fragment. Every frame has cells.
func encode(c *Collector, list []counted, frames []frame, moments []momentOf) []record.Cell {
	out := make([]record.Cell, 0, len(frames)+c.counter.Len()+len(moments))
	c.taken = Taken{}
	bodies := make([]byte, 0, c.written+c.written/8)
	add := func(cell record.Cell, appendTo func([]byte) []byte) {
		from := len(bodies)
		bodies = appendTo(bodies)
		cell.Model, cell.Plan, cell.Body = c.plan.Model, c.plan.Digest(), bodies[from:len(bodies):len(bodies)]
		out = append(out, cell)
	}
	begun := 0
	for _, cell := range list {
		k := cell.key
		if begun == 0 || k.Pane != frames[begun-1].Pane || k.Version != frames[begun-1].Version {
			f := &frames[begun]
			begun++
			slices.SortFunc(f.spans, compareSpans)
			add(record.Cell{Kind: record.Described, Version: f.Version, Pane: f.Pane, Spans: f.spans}, f.Summary.AppendBinary)
		}
		c.taken.Cells++
		c.taken.Rows += cell.rows
		add(record.Cell{Kind: record.Counted, Version: k.Version, Pane: k.Pane, Slice: k.Slice}, cell.body.AppendBinary)
	}
	for i := range moments {
		m := &moments[i]
		slices.SortFunc(m.spans, compareSpans)
		add(record.Cell{Kind: record.Momentary, Version: m.Version, Pane: m.Start, Spans: m.spans}, m.Moment.AppendBinary)
	}
	c.written = len(bodies)
	return out
}

// momentOf is a moment of a version, over all slices.
type momentOf struct {
	sketch.MomentOf
	spans []record.Span
}

// moments are the counter's moments, in their order.
func (c *Collector) moments() []momentOf {
	of := c.counter.Moments()
	out := make([]momentOf, len(of))
	for i, m := range of {
		out[i] = momentOf{m, c.spans(m.Spans)}
	}
	return out
}

func (m momentOf) compare(o momentOf) int {
	return cmp.Or(cmp.Compare(m.Start, o.Start), strings.Compare(m.Version, o.Version))
}

// merge adds the same moment as another collector counted it.
func (m *momentOf) merge(o momentOf) error {
	m.spans = addSpans(m.spans, o.spans)
	m.Moment.Merge(o.Moment)
	return nil
}

// frame is a pane of a version with what describes it, over all slices.
type frame struct {
	sketch.Frame
	spans []record.Span
}

// frames are the counter's frames, in their order.
func (c *Collector) frames() []frame {
	of := c.counter.Frames()
	out := make([]frame, len(of))
	for i, f := range of {
		out[i] = frame{f, c.spans(f.Spans)}
	}
	return out
}

func (f frame) compare(g frame) int {
	return cmp.Or(cmp.Compare(f.Pane, g.Pane), strings.Compare(f.Version, g.Version))
}

// merge adds a frame of the same pane and version.
func (f *frame) merge(g frame) error {
	f.spans = addSpans(f.spans, g.spans)
	return f.Summary.Merge(g.Summary)
}

// addSpans widens spans by others.
func addSpans(spans, others []record.Span) []record.Span {
	for _, s := range others {
		at := slices.IndexFunc(spans, func(t record.Span) bool { return compareSpans(s, t) == 0 })
		if at < 0 {
			spans = append(spans, s)
			continue
		}
		spans[at].First, spans[at].Last = min(spans[at].First, s.First), max(spans[at].Last, s.Last)
	}
	return spans
}

// compareSpans orders spans by where they lie.
func compareSpans(a, b record.Span) int {
	return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
}

// Reset forgets what was counted since the last Take.
func (c *Collector) Reset() {
	c.counter.Reset()
	clear(c.cells)
	c.sources, c.cells = c.sources[:0], c.cells[:0]
}

func (c *Collector) spans(counted []sketch.Span) []record.Span {
	spans := make([]record.Span, len(counted))
	for i, s := range counted {
		spans[i] = record.Span{Topic: c.sources[s.Src].Topic, Partition: c.sources[s.Src].Partition, First: s.First, Last: s.Last}
	}
	return spans
}
