package engine

import (
	"fmt"
	"maps"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// watch follows a plan's streams by what it has learnt of drift.
type watch struct {
	learnt  *drift.Learnt  // nil: nothing came yet
	by      *plan.Plan     // under whose policy the engine is
	streams map[string]int // by what the engine calls them: which of drift.Streams
	names   []string       // the other way round
	floors  []sequential.Floors
	whole   followed
	slices  []followed // as learnt.Slices
	wide    wideWindow
	end     int64 // of the last test pane, 0 before the first
	moved   bool  // since its bytes were asked for
}

// followed is the whole, or a slice, with the pane of its own that is being gathered.
type followed struct {
	slice   *drift.Slice // nil: the whole
	gather  *sequential.Gather
	set     *sketch.Set           // of the pane that is being gathered; nil before its first test pane
	offsets finding.Offsets       // the same
	said    map[string]driftAlarm // by stream, while it is open
}

// driftAlarm is how a stream's drift was told: its recovery is told alike.
type driftAlarm struct {
	Onset   int64  `json:"onset"`
	Channel string `json:"channel"`
	Metric  string `json:"metric"`
	// Untold: a slice's, which moved with the whole, about as far: the whole's alarm has told it.
	Untold bool `json:"untold,omitempty"`
	// Open is the alarm itself, while what broke is still to be found, or to be made sure.
	Open *finding.Finding `json:"open,omitempty"`
}

// ready makes the engine of the plan, once, and puts it under the policy in force.
func (w *watch) ready(p *plan.Plan) error {
	if w.learnt == nil {
		learnt, err := drift.Open(p)
		if err != nil {
			return err
		}
		*w = watch{learnt: learnt, whole: newFollowed(nil), slices: make([]followed, len(learnt.Slices))}
		for i := range w.slices {
			w.slices[i] = newFollowed(&learnt.Slices[i])
		}
	}
	if w.by == p {
		return nil
	}
	spec := drift.Watch(p)
	if err := w.learnt.Engine.Govern(spec); err != nil {
		return fmt.Errorf("judge drift of %s: %w", p.Model, err)
	}
	for i := range w.learnt.Slices {
		w.learnt.Slices[i].Govern(len(w.learnt.Slices))
	}
	w.by, w.streams, w.names, w.floors = p, map[string]int{}, nil, nil
	for i := range spec.Streams {
		w.streams[spec.Streams[i].Name] = i
		w.names = append(w.names, spec.Streams[i].Name)
		w.floors = append(w.floors, spec.Streams[i].Floors)
	}
	return nil
}

func newFollowed(s *drift.Slice) followed {
	return followed{slice: s, gather: &sequential.Gather{}, said: map[string]driftAlarm{}}
}

// judgeDrift takes a test pane after the reference, for the whole and then for every slice. Test panes of few events are gathered until there is
// enough to judge; declared odd ones, and what was gathered before them, are left out.
func (e *Engine) judgeDrift(p *window.Pane, set *sketch.Set, emit func(finding.Finding) error) error {
	w := &e.watch
	if over(w.end, p.Start, e.givesWay) {
		*w = watch{}
	}
	if err := w.ready(e.plan); err != nil {
		return err
	}
	w.end, w.moved = p.End, true
	recovered, err := e.follow(&w.whole, p, set, emit)
	if err != nil || len(w.slices) == 0 {
		return err
	}
	sets, err := e.sliceSets(p)
	if err != nil {
		return err
	}
	for i := range w.slices {
		f := &w.slices[i]
		for _, r := range recovered {
			if f.said[r.Stream].Untold { // if it is still elsewhere, that is its own
				f.slice.Close(r.Stream)
				delete(f.said, r.Stream)
			}
		}
		set := sets[drift.Key(f.slice.Group, f.slice.Codes)]
		if set == nil {
			set = sketch.NewSet(e.plan)
		}
		if _, err := e.follow(f, p, set, emit); err != nil {
			return err
		}
	}
	return nil
}

// sliceSets adds up what a pane holds of every slice that is followed; nil of those that don't occur in it.
func (e *Engine) sliceSets(p *window.Pane) (map[string]*sketch.Set, error) {
	sets := make(map[string]*sketch.Set, len(e.watch.slices))
	for i := range e.watch.slices {
		s := e.watch.slices[i].slice
		sets[drift.Key(s.Group, s.Codes)] = nil
	}
	err := p.Cells(func(c window.Cell, set *sketch.Set) error {
		for g, group := range e.plan.Groups {
			key := drift.Key(g, drift.CodesIn(c.Slice, group))
			sum, follows := sets[key]
			if !follows {
				continue
			}
			if sum == nil {
				sum = sketch.NewSet(e.plan)
				sets[key] = sum
			}
			if err := sum.Merge(set); err != nil {
				return fmt.Errorf("judge drift of %s: %w", e.plan.Model, err)
			}
		}
		return nil
	})
	return sets, err
}

// advance lets the whole or a slice take its next pane.
func (w *watch) advance(f *followed, pane *sequential.Pane) (sequential.Step, error) {
	if f.slice != nil {
		return f.slice.Advance(pane)
	}
	return w.learnt.Engine.Advance(pane)
}

// follow takes what a test pane holds of the whole or of a slice, and tells what alarms and recovers.
func (e *Engine) follow(of *followed, p *window.Pane, set *sketch.Set, emit func(finding.Finding) error) ([]sequential.Recovery, error) {
	w := &e.watch
	fail := func(err error) error {
		if err != nil {
			err = fmt.Errorf("judge drift of %s: %w", e.plan.Model, err)
		}
		return err
	}
	counts := drift.Count(e.plan, set)
	if e.plan.Policy.OddBetween(p.Start, p.End) {
		of.gather.Skip(p.End)
		of.set, of.offsets = nil, nil
		odd := sequential.Pane{Start: p.Start, End: p.End, N: set.Rows, Counts: counts}
		_, err := w.advance(of, &odd) // time passes for it
		return nil, fail(err)
	}
	pane, enough, err := of.gather.Add(p.Start, p.End, set.Rows, counts)
	if err == nil {
		err = of.cover(set, offsets(p))
	}
	if err != nil || !enough {
		return nil, fail(err)
	}
	step, err := w.advance(of, &pane)
	if err != nil {
		return nil, fail(err)
	}
	for i := range step.Alarms {
		a := &step.Alarms[i]
		if of.slice != nil && e.withTheWhole(a) {
			of.said[a.Stream] = driftAlarm{Untold: true}
			continue
		}
		f := e.drifted(of, p, &pane, a)
		if f.Impact, err = e.projected(of, &pane, a.Onset); err != nil {
			return nil, err
		}
		if err := e.nameFirst(of, &f, a.Stream); err != nil {
			return nil, err
		}
		if err := emit(f); err != nil {
			return nil, err
		}
	}
	for _, r := range step.Recovered {
		f := e.driftFinding(of, p, &pane, r.Stream)
		untold := of.said[r.Stream].Untold
		delete(of.said, r.Stream)
		if untold {
			continue
		}
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return nil, err
		}
	}
	of.set, of.offsets = nil, nil
	if of.slice == nil {
		err = e.nameAgain(of, p, emit)
	}
	return step.Recovered, err
}

// withTheWhole reports whether a slice's alarm says no more than the whole's: it is open there, in the same direction, and the slice has not moved
// further by more than half of that and more than chance.
func (e *Engine) withTheWhole(a *sequential.Alarm) bool {
	away, open := e.watch.learnt.Engine.Open(a.Stream, a.Channel, a.Bin)
	return open && away*a.Moved > 0 && math.Abs(a.Moved-away) < max(math.Abs(away)/2, 3*a.Noise)
}

// cover adds a test pane to what is being gathered.
func (f *followed) cover(set *sketch.Set, more finding.Offsets) error {
	if f.set == nil {
		f.set, f.offsets = set.Clone(), more
		return nil
	}
	f.offsets = together(f.offsets, more)
	return f.set.Merge(set)
}

// together are the smallest stretches that hold both.
func together(a, b finding.Offsets) finding.Offsets {
	for topic, parts := range b {
		if a[topic] == nil {
			a[topic] = maps.Clone(parts)
			continue
		}
		for part, span := range parts {
			if had, ok := a[topic][part]; ok {
				span = [2]int64{min(had[0], span[0]), max(had[1], span[1])}
			}
			a[topic][part] = span
		}
	}
	return a
}
