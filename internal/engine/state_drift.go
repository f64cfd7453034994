package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// driftFormat is the format that is written. Read are 5, which lacks the latest panes; 4, which lacks which predictions get an outcome; 3, which has money where there are decisions now; 2, which lacks what scores mean and what label rates were gathered of, and 1, which has neither label
// rate nor wide windows nor slices.
const driftFormat = 6

var (
	errDrift    = errors.New("unknown drift state format")
	errGathered = errors.New("counts without a place, or a place without counts")
	errRecent   = errors.New("the latest panes are too many, or out of order")
)

// DriftMoved reports whether AppendDrift would write something else than the last time.
func (e *Engine) DriftMoved() bool { return e.watch.moved }

// told is the part of what is followed that is for people.
type told struct {
	Said    map[string]driftAlarm `json:"said"`
	Offsets finding.Offsets       `json:"offsets"`
}

// AppendDrift writes what the engine holds of the plan's streams: a record of its own, because it is large and moves only where a pane ends.
func (e *Engine) AppendDrift(b []byte) ([]byte, error) {
	w := &e.watch
	w.moved = false
	b = e.shares[drift.LabelRate].append(wire.Uint(b, driftFormat))
	b, err := e.appendGroups(b)
	if err != nil {
		return nil, fmt.Errorf("write drift state of %s: %w", e.plan.Model, err)
	}
	b = e.recent.append(e.shares[drift.LabelledShare].append(e.concept.append(b)))
	b = wire.Bool(b, w.learnt != nil)
	if w.learnt == nil {
		return b, nil
	}
	b = wire.Int(b, w.end)
	b, err = w.wide.append(b)
	if err == nil {
		b, err = w.whole.append(b)
	}
	b = wire.Bytes(b, w.learnt.Engine.AppendBinary(nil))
	for i := range w.slices {
		if err == nil {
			b, err = w.slices[i].append(b)
		}
		b = wire.Bytes(b, w.slices[i].slice.AppendBinary(nil))
	}
	if err != nil {
		return nil, fmt.Errorf("write drift state of %s: %w", e.plan.Model, err)
	}
	return b, nil
}

func (f *followed) append(b []byte) ([]byte, error) {
	j, err := json.Marshal(told{f.said, f.offsets})
	if err != nil {
		return nil, err
	}
	return wire.Bytes(appendSet(wire.Bytes(b, j), f.set), f.gather.AppendBinary(nil)), nil
}

// appendSet writes a set, or that there is none.
func appendSet(b []byte, s *sketch.Set) []byte {
	var set []byte
	if s != nil {
		set = s.AppendBinary(nil)
	}
	return wire.Bytes(b, set)
}

// readSet reads what appendSet wrote.
func readSet(p *plan.Plan, b []byte) (*sketch.Set, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := wire.NewReader(b)
	s, err := sketch.ReadSet(p, r)
	if err != nil {
		return nil, err
	}
	return s, r.Close()
}

// toldOfWide is the part of a wide window that isn't counts.
type toldOfWide struct {
	Told    []string        `json:"told"`
	Offsets finding.Offsets `json:"offsets"`
	Cut     bool            `json:"cut,omitempty"`
}

func (w *wideWindow) append(b []byte) ([]byte, error) {
	j, err := json.Marshal(toldOfWide{slices.Sorted(maps.Keys(w.told)), w.offsets, w.cut})
	return wire.Bytes(appendSet(wire.Int(wire.Int(b, w.start), w.end), w.set), j), err
}

func readWide(p *plan.Plan, r *wire.Reader) (w wideWindow, err error) {
	w.start, w.end = r.Int(), r.Int()
	set, j := r.Bytes(), r.Bytes()
	if err := r.Err(); err != nil {
		return wideWindow{}, err
	}
	if w.set, err = readSet(p, set); err != nil {
		return wideWindow{}, err
	}
	var d toldOfWide
	if err := json.Unmarshal(j, &d); err != nil {
		return wideWindow{}, err
	}
	if (w.set != nil) != (d.Offsets != nil) {
		return wideWindow{}, errGathered
	}
	w.offsets, w.told, w.cut = d.Offsets, map[string]bool{}, d.Cut
	for _, name := range d.Told {
		w.told[name] = true
	}
	return w, nil
}

// ReadDrift reads what AppendDrift wrote of an engine's plan. Nothing is half read.
func (e *Engine) ReadDrift(r *wire.Reader) error {
	d, err := readDrift(e.plan, r)
	if err != nil {
		return fmt.Errorf("read drift state of %s: %w", e.plan.Model, err)
	}
	e.watch, e.shares, e.decisions, e.turnedOut, e.concept = d.watch, d.shares, d.groups[0], d.groups[1], d.meaning
	e.recent.panes = d.panes
	return nil
}

// driftState is what AppendDrift writes.
type driftState struct {
	watch   watch
	shares  [2]shareWatch
	groups  [2]gapLane
	meaning conceptWatch
	panes   []*keptPane
}

func readDrift(p *plan.Plan, r *wire.Reader) (d driftState, err error) {
	d.groups[1].outcomes = true
	d.shares = newShareWatches()
	format := r.Uint()
	if r.Err() == nil && (format < 1 || format > driftFormat) {
		return d, fmt.Errorf("%w %d, this build reads 1 to %d", errDrift, format, driftFormat)
	}
	if format > 1 {
		if d.shares[drift.LabelRate], err = readShareWatch(drift.LabelRate, p, format, r); err != nil {
			return d, err
		}
		if d.groups, err = readGroups(p, r); err != nil {
			return d, err
		}
	}
	if format > 2 {
		if d.meaning, err = readConceptWatch(p, format, r); err != nil {
			return d, err
		}
	}
	if format > 4 {
		if d.shares[drift.LabelledShare], err = readShareWatch(drift.LabelledShare, p, format, r); err != nil {
			return d, err
		}
	}
	if format > 5 {
		if d.panes, err = readRecent(p, r); err != nil {
			return d, err
		}
	}
	d.watch, err = readWatch(p, format, r)
	return d, err
}

func readWatch(p *plan.Plan, format uint64, r *wire.Reader) (w watch, err error) {
	if !r.Bool() || r.Err() != nil {
		return watch{}, r.Err()
	}
	w.end = r.Int()
	if format > 1 {
		if w.wide, err = readWide(p, r); err != nil {
			return watch{}, err
		}
	}
	if w.whole, err = readFollowed(p, nil, r); err != nil {
		return watch{}, err
	}
	if w.learnt, err = drift.Open(p); err != nil {
		return watch{}, err
	}
	if w.learnt == nil {
		return watch{}, errors.New("the plan has learnt nothing of drift")
	}
	if format == 1 && len(w.learnt.Slices) > 0 {
		return watch{}, fmt.Errorf("%w %d: it lacks the plan's %d slices", errDrift, format, len(w.learnt.Slices))
	}
	engine := wire.NewReader(r.Bytes())
	if w.learnt.Engine, err = sequential.Read(drift.Watch(p), engine); err != nil {
		return watch{}, err
	}
	if err := engine.Close(); err != nil {
		return watch{}, err
	}
	for i := range w.learnt.Slices {
		s := &w.learnt.Slices[i]
		f, err := readFollowed(p, s, r)
		if err != nil {
			return watch{}, err
		}
		w.slices = append(w.slices, f)
		in := wire.NewReader(r.Bytes())
		if *s, err = s.Read(w.learnt.Engine, len(w.learnt.Slices), in); err != nil {
			return watch{}, err
		}
		if err := in.Close(); err != nil {
			return watch{}, err
		}
	}
	return w, r.Err()
}

func readFollowed(p *plan.Plan, s *drift.Slice, r *wire.Reader) (f followed, err error) {
	f.slice = s
	j, set, gathered := r.Bytes(), r.Bytes(), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return followed{}, err
	}
	var d told
	if err := json.Unmarshal(j, &d); err != nil {
		return followed{}, err
	}
	if f.said, f.offsets = d.Said, d.Offsets; f.said == nil {
		f.said = map[string]driftAlarm{}
	}
	var n int64
	var counts []sequential.Counts
	if f.set, err = readSet(p, set); err != nil {
		return followed{}, err
	}
	if f.set != nil {
		n, counts = f.set.Rows, drift.Count(p, f.set)
	}
	if f.gather, err = sequential.ReadGather(gathered, n, counts); err != nil {
		return followed{}, err
	}
	if f.gather.Begun() != (f.set != nil) || (f.set != nil) != (f.offsets != nil) {
		return followed{}, errGathered
	}
	return f, gathered.Close()
}

// append writes the latest panes.
func (r *recent) append(b []byte) []byte {
	b = wire.Uint(b, uint64(len(r.panes)))
	for _, p := range r.panes {
		b = wire.Bytes(b, p.body)
	}
	return b
}

func readRecent(p *plan.Plan, r *wire.Reader) (out []*keptPane, err error) {
	for range r.Count(1) {
		body := slices.Clone(r.Bytes()) // not all of the state, which it lies in
		w, err := window.ReadPane(p, wire.NewReader(body))
		if r.Err() != nil || err != nil {
			return nil, errors.Join(r.Err(), err)
		}
		if n := len(out); n == recentPanes || n > 0 && w.Start < out[n-1].End {
			return nil, errRecent
		}
		out = append(out, &keptPane{Start: w.Start, End: w.End, Rows: w.Rows(), body: body})
	}
	return out, r.Err()
}
