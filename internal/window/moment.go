package window

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Moment is what hard faults are told by in a part [Start, End) of a base pane, microseconds since the Unix epoch.
type Moment struct {
	Start, End int64
	versions   map[string]*sketch.Moment
	spans      map[place]record.Span
}

// Whole adds all versions up.
func (m *Moment) Whole() *sketch.Moment {
	sum := &sketch.Moment{}
	for _, v := range m.versions { // integers: the order doesn't matter
		sum.Merge(v)
	}
	return sum
}

// Version is the model version most of the moment's events come from; of equals the smallest name.
func (m *Moment) Version() string {
	rows := map[string]int64{}
	for version, of := range m.versions {
		rows[version] = of.Rows
	}
	return mostCommon(rows)
}

// Spans are the smallest and largest offsets of the moment's own events, by topic and partition.
func (m *Moment) Spans() []record.Span { return inOrder(m.spans) }

func (m *Moment) add(version string, of *sketch.Moment, spans []record.Span) {
	if was := m.versions[version]; was != nil {
		was.Merge(of)
	} else {
		m.versions[version] = of
	}
	for _, s := range spans {
		addSpan(m.spans, s)
	}
}

func newMoment(start, end int64) *Moment {
	return &Moment{Start: start, End: end, versions: map[string]*sketch.Moment{}, spans: map[place]record.Span{}}
}

// addMoment adds a cell to its moment. What comes after its moment was handed out is late for it; its pane may still be open.
func (a *Assembler) addMoment(c *record.Cell) error {
	length := a.plan.Moment()
	if length == 0 || a.plan.MomentStart(c.Pane) != c.Pane || c.Slice != "" {
		return fmt.Errorf("add moment of %s: start %d is no multiple of %s, or it has the slice code %x", c.Model, c.Pane, length, c.Slice)
	}
	of, err := readMoment(a.plan, c.Body)
	if err != nil {
		return fmt.Errorf("add moment of %s: %w", c.Model, err)
	}
	if c.Pane < a.shown || a.passed(a.plan.PaneStart(c.Pane)) {
		return nil
	}
	m := a.moments[c.Pane]
	if m == nil {
		m = newMoment(c.Pane, c.Pane+length.Microseconds())
		a.moments[c.Pane] = m
	}
	m.add(c.Version, of, c.Spans)
	return nil
}

func readMoment(p *plan.Plan, body []byte) (*sketch.Moment, error) {
	r := wire.NewReader(body)
	m, err := sketch.ReadMoment(p, r)
	if err != nil {
		return nil, err
	}
	return m, r.Close()
}

// show hands out the moments that have ended by an event time, in their order.
func (a *Assembler) show(by int64, visit func(Ended) error) error {
	length := a.plan.Moment()
	if length == 0 {
		return nil
	}
	if by = a.plan.MomentStart(by); by <= a.shown {
		return nil
	}
	a.shown = by
	if len(a.moments) == 0 {
		return nil
	}
	for _, start := range slices.Sorted(maps.Keys(a.moments)) {
		m := a.moments[start]
		if m.End > by {
			break
		}
		if err := a.glimpse(m.End+a.plan.FaultsAhead().Microseconds(), visit); err != nil {
			return err
		}
		delete(a.moments, start)
		if err := visit(Ended{Moment: m}); err != nil {
			return err
		}
	}
	return nil
}

// glimpse shows the moments that have ended by an event time and are kept until the rest of them has come, in their order.
func (a *Assembler) glimpse(by int64, visit func(Ended) error) error {
	if a.plan.Moment() == 0 || a.plan.FaultsAhead() == 0 {
		return nil
	}
	if by = a.plan.MomentStart(by); by <= a.glimpsed {
		return nil
	}
	from := a.glimpsed
	a.glimpsed = by
	for _, m := range a.between(from, by) {
		if err := visit(Ended{Glimpse: m}); err != nil {
			return err
		}
	}
	return nil
}

// between are the moments in [from, to), which lie where moments begin, in their order; from may be record.NoTime. Most often it is one of hundreds.
func (a *Assembler) between(from, to int64) []*Moment {
	var out []*Moment
	length := a.plan.Moment().Microseconds()
	if from != record.NoTime && (to-from)/length <= int64(len(a.moments)) {
		for start := from; start < to; start += length {
			if m := a.moments[start]; m != nil {
				out = append(out, m)
			}
		}
		return out
	}
	for _, start := range slices.Sorted(maps.Keys(a.moments)) {
		if start >= from && start < to {
			out = append(out, a.moments[start])
		}
	}
	return out
}

// GlimpsedSince are the moments that begin at an event time or later and have been glimpsed, in their order.
func (a *Assembler) GlimpsedSince(from int64) []*Moment {
	if a.plan.Moment() == 0 || a.glimpsed <= from {
		return nil
	}
	return a.between(a.plan.MomentStart(from), a.glimpsed)
}

// Glimpsed is the event time up to which every moment has been glimpsed, microseconds; record.NoTime before the first.
func (a *Assembler) Glimpsed() int64 { return a.glimpsed }

// Shown is the event time up to which every moment has been handed out, microseconds; record.NoTime before the first.
func (a *Assembler) Shown() int64 { return a.shown }

func (a *Assembler) appendMoments(b []byte) []byte {
	b = wire.Int(b, a.shown)
	b = wire.Uint(b, uint64(len(a.moments)))
	for _, start := range slices.Sorted(maps.Keys(a.moments)) {
		m := a.moments[start]
		b = wire.Int(b, start)
		b = wire.Uint(b, uint64(len(m.versions)))
		for _, version := range slices.Sorted(maps.Keys(m.versions)) {
			b = wire.Bytes(wire.String(b, version), m.versions[version].AppendBinary(nil))
		}
		b = appendSpans(b, m.Spans())
	}
	return wire.Int(b, a.glimpsed)
}

// readMoments reads what appendMoments wrote; before stateFormat 4 nothing was glimpsed.
func (a *Assembler) readMoments(r *wire.Reader, format uint64) {
	a.shown = r.Int()
	length := a.plan.Moment().Microseconds()
	for range r.Count(3) {
		start := r.Int()
		m := newMoment(start, start+length)
		for range r.Count(2) {
			version, body := r.String(), r.Bytes()
			if r.Err() != nil {
				return
			}
			of, err := readMoment(a.plan, body)
			if err != nil {
				r.Fail(err)
				return
			}
			m.versions[version] = of
		}
		readSpans(r, m.spans)
		if r.Err() == nil && (length == 0 || a.plan.MomentStart(start) != start) {
			r.Fail(fmt.Errorf("a moment that begins at %d, of a plan with moments of %d microseconds", start, length))
			return
		}
		a.moments[start] = m
	}
	if format >= 4 {
		a.glimpsed = r.Int()
	}
}

// AddSpans is spans and others together: by topic and partition, the smallest and largest offset of both. Both are as Spans returns them.
func AddSpans(spans, others []record.Span) []record.Span {
	sum := map[place]record.Span{}
	for _, s := range slices.Concat(spans, others) {
		addSpan(sum, s)
	}
	return inOrder(sum)
}
