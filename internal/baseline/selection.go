package baseline

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// fewestPositives is how many positive outcomes a delay law is learnt from.
const fewestPositives = 30

// arrived counts how many positive outcomes came while their cohort wasn't mature, and how many within Keep, of predictions that no outcome can reach any more: the
// latest outcome lies Keep after them.
func arrived(p *plan.Plan, states map[outcome.ID]*outcome.State, last int64) (out plan.Arrived) {
	terms := p.Terms()
	for _, s := range states { // sums: the order doesn't matter
		if s.Prediction == nil || s.Prediction.Place.Time+terms.Keep > last {
			continue
		}
		if l, ok := s.Label(terms, false); ok && l.Positive {
			out.All++
			if l, ok := s.Label(terms, true); ok && l.Positive {
				out.OnTime++
			}
		}
	}
	return out
}

// state says in the plan what its reference tells of how late positive outcomes come, where only those are reported; where it tells too little, what the plan has
// of the reference before stays.
func (c *counted) state(p *plan.Plan) {
	if a := c.arrived; p.Score.Missing == plan.PositivesOnly && a.All >= fewestPositives && a.OnTime > 0 {
		p.Score.Arrived = &a
	}
}

// expect counts the predictions of each test pane beside its outcomes, cell by cell, in place of those that the cohorts had.
func (c *counted) expect(p *plan.Plan) error {
	if !p.Score.Binary() {
		return nil
	}
	at := make(map[int64]*cohort, len(c.cohorts))
	for i := range c.cohorts {
		at[c.cohorts[i].start] = &c.cohorts[i]
		for _, v := range c.cohorts[i].cells {
			truth.ForgetExpected(truth.CurveOf(v))
		}
	}
	for i := range c.panes {
		co := at[c.panes[i].Start]
		if co == nil {
			continue
		}
		err := eachCell(p, &c.panes[i], func(slice string, set *sketch.Set) error {
			v := co.cells[slice]
			if v == nil {
				v = truth.New(p)
				co.cells[slice] = v
			}
			return truth.Expect(truth.CurveOf(v), set.Curve)
		})
		if err != nil {
			return fmt.Errorf("count the predictions of %s that wait for an outcome: %w", p.Model, err)
		}
	}
	return nil
}

// eachCell visits the cells of a test pane that hold a score.
func eachCell(p *plan.Plan, pane *drift.Pane, visit func(slice string, set *sketch.Set) error) error {
	cells := pane.Cells
	if len(p.Slices) == 0 {
		cells = map[string]*sketch.Set{"": pane.Set}
	}
	for slice, set := range cells { // each is another cell: the order doesn't matter
		if set.Scored == 0 {
			continue
		}
		if err := visit(slice, set); err != nil {
			return err
		}
	}
	return nil
}

// selected is how many predictions of each test pane have an outcome.
func (c *counted) selected(p *plan.Plan) []drift.ShareCounts {
	at := make(map[int64]*cohort, len(c.cohorts))
	for i := range c.cohorts {
		at[c.cohorts[i].start] = &c.cohorts[i]
	}
	nothing := sketch.NewCurve(p.Score.Bins())
	var out []drift.ShareCounts
	for i := range c.panes {
		pane := &c.panes[i]
		if c.mature > 0 && pane.End > c.mature {
			continue
		}
		known := nothing
		if co := at[pane.Start]; co != nil {
			known = truth.CurveOf(co.view(p, nil, nil))
		}
		s := drift.LabelledShare.None(p, pane.Start, pane.End)
		drift.LabelledShare.Take(p, &s, pane.Set.Curve, known)
		out = append(out, s)
	}
	return out
}

// positives is how many positive outcomes are counted.
func positives(c truth.Counts) (n int64) {
	if curve := truth.CurveOf(c); curve != nil {
		for _, k := range curve.Pos {
			n += k
		}
	}
	return n
}

// selection says what the outcomes of the reference rest on, where they are of a selection, or what the contract states of the others can't be used.
func (c *counted) selection(p *plan.Plan) []string {
	if !truthful(p) || !p.Score.Binary() || len(c.cohorts) == 0 {
		return nil
	}
	total := truth.New(p)
	for i := range c.cohorts {
		mustMerge(total, c.cohorts[i].view(p, nil, nil))
	}
	s, ok := truth.Selected(total)
	switch {
	case !ok:
		return nil
	case truth.Selective(total):
		return []string{fmt.Sprintf("in the reference %.3g %% of the predictions have an outcome, and not as often at every score: metrics are of these, and what hangs on the others is not identified; if the contract can state which are missing, it does so in streams.outcome.labels", 100*s.Share())}
	case p.Score.Missing == plan.AtRandomGivenScore && !(truth.Effective(total) > 0):
		return []string{"outcomes are not judged: the contract states that they are missing at random given the score, and at some scores the reference holds none"}
	case p.Score.Missing == plan.PositivesOnly && p.Score.Arrived == nil:
		return []string{fmt.Sprintf("only recall is judged of outcomes: only positive ones are reported, and of predictions older than keep the reference holds %d, at least %d are needed to tell how late they come", c.arrived.All, fewestPositives)}
	}
	return nil
}
