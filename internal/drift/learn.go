package drift

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Pane is a test pane of a reference.
type Pane struct {
	Start, End int64 // microseconds since the Unix epoch
	Set        *sketch.Set
	Cells      map[string]*sketch.Set // the same by finest slice, as sketch.SliceCode writes it; none: slices are not followed
}

// Learnt is what a plan has learnt of drift.
type Learnt struct {
	Engine *sequential.Engine
	Slices []Slice // that are followed, by group and values
}

// Learn learns a plan that is otherwise complete from the panes of its reference, in order, and returns it as bytes; nil where the reference
// is too short to learn from. Panes that lie partly outside the reference, and declared odd ones, teach nothing.
func Learn(p *plan.Plan, reference []Pane) ([]byte, error) {
	history, err := pastOf(p, reference, func(t *Pane) (*sketch.Set, error) { return t.Set, nil })
	if err != nil {
		return nil, err
	}
	if len(history) < fewestPanes {
		return nil, nil
	}
	e, err := sequential.Learn(Watch(p), history)
	if err != nil {
		return nil, fmt.Errorf("learn drift of %s: %w", p.Model, err)
	}
	if e.Phase() == sequential.Learning {
		return nil, nil
	}
	l := Learnt{Engine: e}
	if l.Slices, err = learnSlices(p, e, reference); err != nil {
		return nil, err
	}
	return l.append(nil), nil
}

// past joins the panes of the reference that teach something into panes that hold enough. of is how many events a pane has, and the counts of its streams.
func past[T any](p *plan.Plan, reference []T, span func(*T) (start, end int64), of func(*T) (int64, []sequential.Counts, error)) ([]sequential.Pane, error) {
	var gather sequential.Gather
	var history []sequential.Pane
	for i := range reference {
		start, end := span(&reference[i])
		if start < plan.Micros(p.Reference.From) || end > plan.Micros(p.Reference.To) {
			continue
		}
		if p.Policy.OddBetween(start, end) {
			gather.Skip(end)
			continue
		}
		n, counts, err := of(&reference[i])
		if err != nil {
			return nil, err
		}
		done, ok, err := gather.Add(start, end, n, counts)
		if err != nil {
			return nil, err
		}
		if ok && !p.Policy.OddBetween(done.Start, done.End) { // an odd day without an event is no test pane, and may lie within
			history = append(history, done)
		}
	}
	return history, nil
}

// pastOf is past of a pane's set of columns: of the whole, or of a slice.
func pastOf(p *plan.Plan, reference []Pane, of func(*Pane) (*sketch.Set, error)) ([]sequential.Pane, error) {
	history, err := past(p, reference, func(t *Pane) (int64, int64) { return t.Start, t.End }, func(t *Pane) (int64, []sequential.Counts, error) {
		set, err := of(t)
		if err != nil {
			return 0, nil, err
		}
		return set.Rows, Count(p, set), nil
	})
	if err != nil {
		return nil, fmt.Errorf("learn drift of %s: %w", p.Model, err)
	}
	return history, nil
}

// fewestPanes is how many panes a reference must hold: a week of days would do for the engine, and is too little to tell a wander from noise.
const fewestPanes = 14

func (l *Learnt) append(b []byte) []byte {
	b = l.Engine.AppendBinary(b)
	b = wire.Uint(b, uint64(len(l.Slices)))
	for i := range l.Slices {
		b = l.Slices[i].append(b)
	}
	return b
}

// Open reads what a plan has learnt; nil where that is nothing.
func Open(p *plan.Plan) (*Learnt, error) {
	if len(p.Drift) == 0 {
		return nil, nil
	}
	l, err := open(p, wire.NewReader(p.Drift))
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of drift: %w", p.Model, err)
	}
	return l, nil
}

func open(p *plan.Plan, r *wire.Reader) (*Learnt, error) {
	e, err := sequential.Read(Watch(p), r)
	if err != nil {
		return nil, err
	}
	l := &Learnt{Engine: e}
	if r.Len() > 0 { // plans before format 5 end here
		if l.Slices, err = readSlices(p, e, r); err != nil {
			return nil, err
		}
	}
	return l, r.Close()
}
