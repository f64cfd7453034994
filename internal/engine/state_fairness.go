package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// toldOfGap is the part of a followed gap that isn't counts.
type toldOfGap struct {
	Said    saidGap         `json:"said"`
	Offsets finding.Offsets `json:"offsets,omitempty"`
}

// appendGroups writes both lanes of a plan that compares groups; of others there is nothing.
func (e *Engine) appendGroups(b []byte) (_ []byte, err error) {
	if e.plan.Fairness == nil {
		return b, nil
	}
	for _, l := range []*gapLane{&e.decisions, &e.turnedOut} {
		if b, err = l.append(b); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func readGroups(p *plan.Plan, r *wire.Reader) (lanes [2]gapLane, err error) {
	lanes[1].outcomes = true
	if p.Fairness == nil {
		return lanes, nil
	}
	for i := range lanes {
		if lanes[i], err = readGapLane(p, i == 1, r); err != nil {
			return lanes, err
		}
	}
	return lanes, nil
}

// append writes a lane.
func (l *gapLane) append(b []byte) ([]byte, error) {
	b = wire.Bool(b, l.opened)
	if !l.opened {
		return b, nil
	}
	b = wire.Int(b, l.end)
	for i := range l.gaps {
		g := &l.gaps[i]
		j, err := json.Marshal(toldOfGap{g.said, g.offsets})
		if err != nil {
			return nil, err
		}
		b = wire.Bytes(b, j)
		b = wire.Int(b, g.n)
		for _, v := range []int64{g.held.N, int64(g.held.Hits), g.held.Base.N, int64(g.held.Base.Hits)} {
			b = wire.Int(b, v)
		}
		b = wire.Bytes(wire.Bytes(b, g.gather.AppendBinary(nil)), g.Engine.AppendBinary(nil))
	}
	b = wire.Uint(b, uint64(len(l.kept)))
	for _, key := range slices.Sorted(maps.Keys(l.kept)) {
		b = l.kept[key].append(wire.String(b, key))
	}
	return b, nil
}

func (k *groupsKept) append(b []byte) []byte {
	var tally []byte
	if k.tally != nil {
		tally = k.tally.AppendBinary(nil)
	}
	b = wire.Bytes(wire.Int(b, k.start), tally)
	b = wire.Uint(b, uint64(len(k.waits)))
	for _, name := range slices.Sorted(maps.Keys(k.waits)) {
		p := k.waits[name]
		b = fairness.AppendCounts(fairness.AppendCounts(wire.String(b, name), p.Counts), p.Other)
	}
	return b
}

var errGapState = errors.New("gaps that no engine holds")

func readGapLane(p *plan.Plan, outcomes bool, r *wire.Reader) (gapLane, error) {
	l := gapLane{outcomes: outcomes}
	if !r.Bool() || r.Err() != nil {
		return l, r.Err()
	}
	end := r.Int()
	if err := l.ready(p); err != nil {
		return l, err
	}
	l.end = end
	for i := range l.gaps {
		if err := l.gaps[i].read(p, l.all, r); err != nil {
			return l, err
		}
	}
	for range r.Count(4) {
		key := r.String()
		k, err := readGroupsKept(p, r)
		if err != nil {
			return l, err
		}
		l.kept[key] = k // of a promise that was taken back, too, until the next pane
	}
	return l, r.Err()
}

func (g *followedGap) read(p *plan.Plan, all int, r *wire.Reader) error {
	j := r.Bytes()
	g.n = r.Int()
	var v [4]int64
	for i := range v {
		v[i] = r.Int()
	}
	gathered, learnt := wire.NewReader(r.Bytes()), r.Bytes()
	if err := r.Err(); err != nil {
		return err
	}
	var told toldOfGap
	if err := json.Unmarshal(j, &told); err != nil {
		return err
	}
	g.said, g.offsets = told.Said, told.Offsets
	g.held = sequential.Counts{N: v[0], Hits: float64(v[1]), Base: sequential.Base{N: v[2], Hits: float64(v[3])}}
	if g.n < 0 || v[1] < 0 || v[1] > v[0] || v[3] < 0 || v[3] > v[2] || g.n != v[0]+v[2] {
		return fmt.Errorf("%w: %d events, %v", errGapState, g.n, v)
	}
	var err error
	if g.gather, err = sequential.ReadGather(gathered, g.n, []sequential.Counts{g.held}); err != nil {
		return err
	}
	g.Resume(g.gather)
	if err := gathered.Close(); err != nil {
		return err
	}
	g.Gap, err = g.Restore(p, all, learnt)
	return err
}

func readGroupsKept(p *plan.Plan, r *wire.Reader) (*groupsKept, error) {
	k := &groupsKept{start: r.Int(), waits: map[string]fairness.Pair{}}
	if tally := r.Bytes(); len(tally) > 0 && r.Err() == nil {
		in := wire.NewReader(tally)
		var err error
		if k.tally, err = fairness.ReadTally(p, in); err != nil {
			return nil, err
		}
		if err := in.Close(); err != nil {
			return nil, err
		}
	}
	for range r.Count(13) {
		name := r.String()
		k.waits[name] = fairness.Pair{Group: fairness.Group{Counts: fairness.ReadCounts(r)}, Other: fairness.ReadCounts(r)}
	}
	return k, r.Err()
}
