package plan

import (
	"slices"
	"time"
)

// Accepted is a person's act: "what these panes hold is the new normal".
type Accepted struct {
	By     string    `json:"by"`
	Why    string    `json:"why"`
	From   time.Time `json:"from"`   // event time from which it was first in force
	Panes  Span      `json:"panes"`  // what it was learnt from
	Before string    `json:"before"` // digest of the baseline that gave way
}

// CountsLike reports whether panes of p and q merge and mean the same: both read and count alike, in panes of one length, whatever their
// references have taught beside bins and dictionaries. The error is that of encoding a plan, which a sealed one doesn't have.
func (p *Plan) CountsLike(q *Plan) (bool, error) {
	if p.Digest() != "" && p.Digest() == q.Digest() {
		return true, nil
	}
	a, err := p.counting()
	if err != nil {
		return false, err
	}
	b, err := q.counting()
	return a == b, err
}

// counting is the digest of p without what is learnt beside the layout.
func (p *Plan) counting() (string, error) {
	q := *p
	q.Baseline, q.Reference, q.ReferenceRows, q.TruthPane = "", Span{}, 0, 0
	q.Drift, q.DriftLabels, q.DriftLabelled, q.Concept, q.Diagnosis, q.Wide = nil, nil, nil, nil, nil, 0
	q.Policy, q.Fairness = Policy{}, p.Fairness.drafted()
	q.Columns = slices.Clone(p.Columns)
	for i := range q.Columns {
		q.Columns[i].Reference = Reference{}
	}
	q.Rules = slices.Clone(p.Rules)
	for i := range q.Rules {
		q.Rules[i].Share = 0
	}
	if p.Score != nil {
		s := p.Score
		q.Score = &Score{Task: s.Task, Classes: s.Classes, Each: s.Each, Interval: s.Interval, Edges: s.Edges, Threshold: s.Threshold, Own: s.Own}
	}
	if err := q.Seal(); err != nil {
		return "", err
	}
	return q.Digest(), nil
}
