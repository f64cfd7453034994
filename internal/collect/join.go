package collect

import (
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Joiner joins rows in memory as they are collected: where no topic lies between collecting and joining.
type Joiner struct {
	states  map[outcome.ID]*outcome.State
	effects *outcome.Effects
}

// NewJoiner makes a joiner that has seen nothing. plans finds a plan by its digest.
func NewJoiner(plans func(digest string) *plan.Plan) *Joiner {
	return &Joiner{states: map[outcome.ID]*outcome.State{}, effects: outcome.NewEffects(plans)}
}

// Prediction joins what a prediction brings.
func (j *Joiner) Prediction(id outcome.ID, c *record.RowCell, p *outcome.Prediction) {
	pr := *p
	pr.Plan, pr.Version, pr.Slice, pr.Pane = c.Plan, c.Version, c.Slice, c.Pane
	j.fold(&outcome.Row{ID: id, Model: c.Model, Prediction: &pr})
}

// Outcome joins what an outcome brings.
func (j *Joiner) Outcome(id outcome.ID, c *record.RowCell, o *outcome.Outcome) {
	of := *o
	j.fold(&outcome.Row{ID: id, Model: c.Model, Outcome: &of})
}

// Groups joins what a record of protected attributes brings.
func (j *Joiner) Groups(id outcome.ID, c *record.RowCell, g *outcome.Groups) {
	of := *g
	j.fold(&outcome.Row{ID: id, Model: c.Model, Groups: &of})
}

func (j *Joiner) fold(r *outcome.Row) {
	s := j.states[r.ID]
	if s == nil {
		s = &outcome.State{}
		j.states[r.ID] = s
	}
	j.effects.Change(s, r)
}

// Take hands over what the rows since the last Take changed in the labelled counts.
func (j *Joiner) Take() []record.Cell { return Cells(j.effects) }

// States is what is known of every id, in no order.
func (j *Joiner) States(visit func(*outcome.State)) {
	for _, s := range j.states {
		visit(s)
	}
}
