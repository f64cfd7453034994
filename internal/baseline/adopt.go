package baseline

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// ErrAdopt is returned for a contract that doesn't count as the baseline that it names was counted.
var ErrAdopt = errors.New("the baseline doesn't fit the contract")

// Adopt completes a draft plan by the baseline that a plan of the model was put in force with, and seals it: nothing is learnt. The error is ErrAdopt where
// the contract says otherwise than that plan what is read and counted, and names what.
func Adopt(draft, holder *plan.Plan) (*plan.Plan, error) {
	if n := len(draft.Columns) - 1; n == len(holder.Columns) && draft.Columns[n].Field == draft.Prediction.Roles.Latency {
		older := *draft // plans before format 5 don't count the time that predictions took
		older.Columns = draft.Columns[:n]
		draft = &older
	}
	if what := unlike(draft, holder); what != "" {
		return nil, fmt.Errorf("%w: %s was learnt under contract %s, and this one differs from it in %s", ErrAdopt, holder.Baseline, holder.Contract, what)
	}
	q := *draft
	q.Reference, q.ReferenceRows, q.From, q.Drift, q.Accepted = holder.Reference, holder.ReferenceRows, holder.Reference.To, holder.Drift, holder.Accepted
	q.Wide, q.DriftLabels, q.Concept, q.Fairness = holder.Wide, holder.DriftLabels, holder.Concept, holder.Fairness
	q.DriftLabelled, q.Diagnosis = holder.DriftLabelled, holder.Diagnosis
	q.TestPane, q.TruthPane, q.IDs = holder.TestPane, holder.TruthPane, holder.IDs
	q.Columns, q.Slices, q.Rules = slices.Clone(draft.Columns), slices.Clone(draft.Slices), slices.Clone(draft.Rules)
	for i := range q.Columns {
		q.Columns[i].Layout, q.Columns[i].Reference = holder.Columns[i].Layout, holder.Columns[i].Reference
	}
	for i := range q.Slices {
		q.Slices[i].Values = holder.Slices[i].Values
	}
	for i := range q.Rules {
		q.Rules[i].Share = holder.Rules[i].Share
	}
	if q.Score != nil {
		score := *holder.Score
		score.Own = draft.Score.Own
		score.Task, score.Classes, score.Each, score.Interval = draft.Score.Task, draft.Score.Classes, draft.Score.Each, draft.Score.Interval
		if !draft.Policy.Cheapest {
			score.Threshold = draft.Score.Threshold
		}
		q.Score = &score
	}
	was := unjudged(holder)
	q.Unjudged = slices.DeleteFunc(slices.Clone(holder.Unjudged), func(note string) bool { return slices.Contains(was, note) })
	q.Unjudged = append(q.Unjudged, unjudged(&q)...)
	alike, err := q.CountsLike(holder)
	if err != nil {
		return nil, err
	}
	if err := seal(&q); err != nil {
		return nil, err
	}
	if !alike || q.Baseline != holder.Baseline {
		what := strings.Join(Apart(holder, &q), ", ")
		if what == "" {
			what = "what is read, joined or decided"
		}
		return nil, fmt.Errorf("%w: %s was learnt under contract %s, and this one differs from it in %s", ErrAdopt, holder.Baseline, holder.Contract, what)
	}
	return &q, nil
}

// unlike names the first list in which a draft has others than a plan; "" if there is none.
func unlike(draft, p *plan.Plan) string {
	column := func(a, b plan.Column) bool { return a.Name == b.Name && a.Layout.Categorical == b.Layout.Categorical }
	switch {
	case !slices.EqualFunc(draft.Columns, p.Columns, column):
		return "the inputs and derived columns"
	case !slices.EqualFunc(draft.Slices, p.Slices, func(a, b plan.Dimension) bool { return a.Name == b.Name }):
		return "the slices"
	case !slices.EqualFunc(draft.Rules, p.Rules, func(a, b plan.Rule) bool { return a.Name == b.Name }):
		return "the rules"
	case (draft.Score == nil) != (p.Score == nil):
		return "the score"
	case draft.Score != nil && (draft.Score.Task != p.Score.Task || !slices.Equal(draft.Score.Classes, p.Score.Classes)):
		return "the task"
	case draft.Score != nil && draft.Score.Missing != p.Score.Missing:
		return "which predictions get no outcome"
	case !slices.Equal(protected(draft), protected(p)):
		return "the protected attributes"
	}
	return ""
}
