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
}

// Learn makes the engine of a plan that is otherwise complete from the panes of its reference, in order, and returns its bytes; nil where
// the reference is too short to learn from. Panes that lie partly outside the reference, and declared odd ones, teach nothing.
func Learn(p *plan.Plan, reference []Pane) ([]byte, error) {
	var gather sequential.Gather
	var history []sequential.Pane
	for _, t := range reference {
		if t.Start < plan.Micros(p.Reference.From) || t.End > plan.Micros(p.Reference.To) {
			continue
		}
		if p.Policy.OddBetween(t.Start, t.End) {
			gather.Skip(t.End)
			continue
		}
		done, ok, err := gather.Add(t.Start, t.End, t.Set.Rows, Count(p, t.Set))
		if err != nil {
			return nil, fmt.Errorf("learn drift of %s: %w", p.Model, err)
		}
		if ok {
			history = append(history, done)
		}
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
	return e.AppendBinary(nil), nil
}

// fewestPanes is how many panes a reference must hold: a week of days would do for the engine, and is too little to tell a wander from noise.
const fewestPanes = 14

// Open reads the engine that a plan has learnt; nil where it has none.
func Open(p *plan.Plan) (*sequential.Engine, error) {
	if len(p.Drift) == 0 {
		return nil, nil
	}
	r := wire.NewReader(p.Drift)
	e, err := sequential.Read(Watch(p), r)
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of drift: %w", p.Model, err)
	}
	return e, nil
}
