package plan

import (
	"slices"

	"github.com/plumbline-ml/plumbline/internal/contract"
)

// decisionKind is what the decision of a model is read as: of a multiclass one the name of a class.
func decisionKind(c *contract.Contract) Kind {
	if c.Task.Type == contract.Multiclass {
		return String
	}
	return Number
}

// labelKind is how labels are read: as numbers where they are held against a predicted number.
func labelKind(c *contract.Contract) Kind {
	if c.Task.Type == contract.Regression && c.Streams.Prediction.Fields.Score != "" {
		return Number
	}
	return String
}

// probabilityEdges are the bins in which probabilities of classes are held against what turned out: tenths, as calibration errors are defined
// by, and finer where most of them lie. They are not learnt, so that plans of several references merge.
func probabilityEdges() []float64 {
	return []float64{0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.97, 0.99}
}

// answers says what a model of several classes, or of numbers, answers. The class that was predicted is counted like an input; where no field says
// it, the probability of each class is.
func (p *Plan) answers(c *contract.Contract, each bool) {
	r, f := &p.Prediction.Roles, c.Streams.Prediction.Fields
	if c.Task.Type == contract.Regression {
		if r.Score < 0 {
			return
		}
		p.Score = &Score{Task: Numbers}
		if f.Low != "" && f.High != "" {
			p.Score.Interval = &[2]int{p.Prediction.role(f.Low, Number), p.Prediction.role(f.High, Number)}
		}
		return
	}
	if r.Decision < 0 && !each {
		return
	}
	p.Score = &Score{Task: Classes, Classes: slices.Clone(c.Task.Classes), Edges: probabilityEdges(), Own: r.Decision >= 0}
	if each {
		p.Score.Each = p.Prediction.probabilities(f.Score, c.Task)
	}
	count := func(at int, categorical bool) {
		if !slices.ContainsFunc(p.Columns, func(had Column) bool { return had.Field == at }) {
			col := Column{Name: p.Prediction.Fields[at].Name, Field: at, Ignore: ignore(c, contract.IgnoreBelow{})}
			col.Layout.Categorical = categorical
			p.Columns = append(p.Columns, col)
		}
	}
	if r.Decision >= 0 {
		count(r.Decision, true)
		return
	}
	for _, at := range p.Score.Each {
		count(at, false)
	}
}

// probabilities adds a field for the probability of each class, called by the score's path and the class.
func (p *Projection) probabilities(path string, t contract.Task) []int {
	from, steps := locate(path)
	var out []int
	for i, class := range t.Classes {
		f := Field{Name: path + " of " + class, From: from, Kind: Number}
		if t.Score == contract.ScoreVector {
			f.Path, f.Of = steps, Component(i)
		} else {
			f.Path = append(slices.Clone(steps), class)
		}
		p.Fields = append(p.Fields, f)
		out = append(out, len(p.Fields)-1)
	}
	return out
}
