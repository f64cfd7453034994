package window

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// stateFormat is the version of the state that this build writes; it reads all of them.
//
//   - 1: panes without summaries.
//   - 2: panes with summaries.
//   - 3: moments.
//   - 4: how far moments have been glimpsed.
const stateFormat = 4

var errStateFormat = errors.New("unknown state format")

// AppendBinary writes the clock.
func (c *Clock) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, stateFormat)
	b = wire.Int(b, int64(c.joins))
	places := c.sorted()
	b = wire.Uint(b, uint64(len(places)))
	for _, p := range places {
		w := c.places[p]
		b = appendPlace(b, p)
		b = append(b, w.TopicID[:]...)
		b = wire.Int(wire.Int(wire.Int(b, w.Next), w.Watermark), int64(w.Partitions))
		idle := uint64(0)
		if w.Idle {
			idle = 1
		}
		b = wire.Uint(b, idle)
	}
	return b
}

// ReadClock reads what AppendBinary wrote.
func ReadClock(r *wire.Reader) (*Clock, error) {
	checkFormat(r)
	c := NewClock()
	c.joins = int32(r.Int())
	for range r.Count(23) {
		p := readPlace(r)
		w := &progress{}
		copy(w.TopicID[:], r.Raw(len(w.TopicID)))
		w.Next, w.Watermark, w.Partitions = r.Int(), r.Int(), int32(r.Int())
		w.Idle = r.Uint() == 1
		c.places[p] = w
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read clock: %w", err)
	}
	return c, nil
}

// AppendBinary writes the assembler.
func (a *Assembler) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, stateFormat)
	b = wire.Int(wire.Int(wire.Int(b, a.closed), a.mature), a.late)
	b = wire.Uint(b, uint64(len(a.base)))
	for _, start := range slices.Sorted(maps.Keys(a.base)) {
		b = a.base[start].AppendBinary(b)
	}
	if a.test == nil {
		b = wire.Uint(b, 0)
	} else {
		b = a.test.AppendBinary(wire.Uint(b, 1))
	}
	b = wire.Uint(b, uint64(len(a.cohorts)))
	for _, start := range slices.Sorted(maps.Keys(a.cohorts)) {
		b = a.cohorts[start].AppendBinary(b)
	}
	b = wire.Uint(b, uint64(len(a.truth)))
	for _, co := range a.truth {
		b = wire.Int(b, co.Start)
	}
	return a.appendMoments(b)
}

// ReadAssembler reads what AppendBinary wrote.
func ReadAssembler(p *plan.Plan, r *wire.Reader) (*Assembler, error) {
	read, format := readPane, checkFormat(r)
	if format == 1 {
		read = readPaneV1
	}
	a := NewAssembler(p)
	a.closed, a.mature, a.late = r.Int(), r.Int(), r.Int()
	for range r.Count(4) {
		pane := read(p, r)
		a.base[pane.Start] = pane
	}
	if r.Uint() == 1 {
		a.test = read(p, r)
	}
	for range r.Count(4) {
		co := readCohort(p, r)
		a.cohorts[co.Start] = co
	}
	for range r.Count(1) {
		start := r.Int()
		co := a.cohorts[start]
		if co == nil {
			r.Fail(fmt.Errorf("a mature cohort at %d that is not there", start))
			break
		}
		a.truth = append(a.truth, co)
	}
	if format >= 3 {
		a.readMoments(r, format)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read panes of %s: %w", p.Model, err)
	}
	return a, nil
}

// AppendBinary writes the pane.
func (p *Pane) AppendBinary(b []byte) []byte {
	b = wire.Int(wire.Int(b, p.Start), p.End)
	b = wire.Uint(b, uint64(len(p.cells)))
	for _, c := range slices.SortedFunc(maps.Keys(p.cells), Cell.compare) {
		b = wire.String(wire.String(b, c.Version), c.Slice)
		b = wire.Bytes(b, p.cells[c].AppendBinary(nil))
	}
	b = appendSpans(b, p.Spans())
	b = wire.Uint(b, uint64(len(p.summaries)))
	for _, version := range slices.Sorted(maps.Keys(p.summaries)) {
		b = wire.Bytes(wire.String(b, version), p.summaries[version].AppendBinary(nil))
	}
	return b
}

func readPane(pl *plan.Plan, r *wire.Reader) *Pane {
	p := readPaneV1(pl, r)
	for range r.Count(2) {
		version, body := r.String(), r.Bytes()
		if r.Err() != nil {
			return p
		}
		s, err := readSummary(pl, body)
		if err != nil {
			r.Fail(err)
			return p
		}
		p.summaries[version] = s
	}
	return p
}

// readPaneV1 reads the cells and spans, which were all of a pane in format 1.
func readPaneV1(pl *plan.Plan, r *wire.Reader) *Pane {
	p := newPane(r.Int(), r.Int())
	for range r.Count(3) {
		c := readCell(pl, r)
		body := r.Bytes()
		if r.Err() != nil {
			return p
		}
		set, err := readSet(pl, body)
		if err != nil {
			r.Fail(err)
			return p
		}
		p.cells[c] = set
	}
	readSpans(r, p.spans)
	return p
}

func appendSpans(b []byte, spans []record.Span) []byte {
	b = wire.Uint(b, uint64(len(spans)))
	for _, s := range spans {
		b = wire.String(b, s.Topic)
		b = wire.Int(wire.Int(wire.Int(b, int64(s.Partition)), s.First), s.Last)
	}
	return b
}

func readSpans(r *wire.Reader, into map[place]record.Span) {
	for range r.Count(4) {
		s := record.Span{Topic: r.String(), Partition: int32(r.Int()), First: r.Int(), Last: r.Int()}
		into[place{s.Topic, s.Partition, -1}] = s
	}
}

// readCell reads the key of a cell, whose slice has a value of every dimension: see Assembler.Add.
func readCell(p *plan.Plan, r *wire.Reader) Cell {
	c := Cell{Version: r.String(), Slice: r.String()}
	if r.Err() == nil && len(c.Slice) != 2*len(p.Slices) {
		r.Fail(fmt.Errorf("a slice code of %d bytes for %d dimensions", len(c.Slice), len(p.Slices)))
	}
	return c
}

// AppendBinary writes the cohort.
func (c *Cohort) AppendBinary(b []byte) []byte {
	b = wire.Int(wire.Int(b, c.Start), c.End)
	return appendCounts(appendCounts(b, c.OnTime), c.All)
}

func readCohort(p *plan.Plan, r *wire.Reader) *Cohort {
	co := newCohort(r.Int(), r.Int())
	readCounts(p, r, co.OnTime)
	readCounts(p, r, co.All)
	return co
}

func appendCounts(b []byte, cells map[Cell]truth.Counts) []byte {
	b = wire.Uint(b, uint64(len(cells)))
	for _, c := range slices.SortedFunc(maps.Keys(cells), Cell.compare) {
		b = wire.String(wire.String(b, c.Version), c.Slice)
		b = wire.Bytes(b, cells[c].AppendBinary(nil))
	}
	return b
}

func readCounts(p *plan.Plan, r *wire.Reader, into map[Cell]truth.Counts) {
	for range r.Count(3) {
		c := readCell(p, r)
		body := r.Bytes()
		if r.Err() != nil {
			return
		}
		if p.Score == nil {
			r.Fail(errors.New("outcomes for a plan without a score"))
			return
		}
		known, err := truth.ReadAll(p, body)
		if err != nil {
			r.Fail(err)
			return
		}
		into[c] = known
	}
}

func appendPlace(b []byte, p place) []byte {
	return wire.Int(wire.Int(wire.String(b, p.Topic), int64(p.Partition)), int64(p.Joins))
}

func readPlace(r *wire.Reader) place {
	return place{Topic: r.String(), Partition: int32(r.Int()), Joins: int32(r.Int())}
}

func checkFormat(r *wire.Reader) uint64 {
	v := r.Uint()
	if r.Err() == nil && (v == 0 || v > stateFormat) {
		r.Fail(fmt.Errorf("%w %d, this build reads 1 to %d", errStateFormat, v, stateFormat))
	}
	return v
}
