package baseline

import (
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// learnFairness learns of the plan's protected attributes which group others are compared with, what each group's decisions and outcomes were, how the
// gaps between them moved, and which inputs tell of them. A gap that stands in the reference is told here, in a note, and nowhere else: what alarms is that it grows,
// or that a promise is broken.
func learnFairness(p *plan.Plan, c *counted) (notes []string, err error) {
	if p.Fairness == nil {
		return nil, nil
	}
	f := &plan.Fairness{Attributes: slices.Clone(p.Fairness.Attributes)} // that of the plan before stays as it is
	p.Fairness = f
	whole, sets := fairness.NewTally(p), map[string]*sketch.Set{}
	panes, cohorts := make([]drift.Stretch, len(c.panes)), make([]drift.Stretch, len(c.cohorts))
	for i := range c.panes {
		w := &c.panes[i]
		t := fairness.NewTally(p)
		for slice, set := range w.Cells { // integers: the order doesn't matter
			if err := t.Set(slice, set); err != nil {
				return nil, err
			}
			if sets[slice] == nil {
				sets[slice] = sketch.NewSet(p)
			}
			if err := sets[slice].Merge(set); err != nil {
				return nil, err
			}
		}
		panes[i] = drift.Stretch{Start: w.Start, End: w.End, Tally: t}
		if err := whole.Merge(t); err != nil {
			return nil, err
		}
	}
	for i := range c.cohorts {
		w := &c.cohorts[i]
		t := fairness.NewTally(p)
		for slice, curve := range w.cells {
			if err := t.Outcomes(slice, curve); err != nil {
				return nil, err
			}
		}
		cohorts[i] = drift.Stretch{Start: w.start, End: w.start + p.TestPane.Microseconds(), Tally: t}
		if err := whole.Merge(t); err != nil {
			return nil, err
		}
	}
	fairness.Choose(p, whole)
	for i := range f.Attributes {
		f.Attributes[i].Proxies = fairness.Proxies(p, f.Attributes[i].Dim, sets)
	}
	f.Reference = whole.AppendBinary(nil)
	if f.Growth, err = drift.LearnGaps(p, whole, panes, cohorts); err != nil {
		return nil, err
	}
	return slices.Concat(unprivileged(p), standing(p, whole), unfollowed(p)), nil
}

// unprivileged says which privileged values the reference hasn't.
func unprivileged(p *plan.Plan) (out []string) {
	for _, a := range p.Fairness.Attributes {
		d := &p.Slices[a.Dim]
		if a.Privileged == "" || slices.Contains(d.Values, a.Privileged) {
			continue
		}
		against := "all others together"
		if a.Against != plan.Rest {
			against = d.Label(a.Against)
		}
		out = append(out, fmt.Sprintf("no group by %s is compared with %q, which too few events of the reference have, if any; it has %v, and they are compared with %s",
			d.Name, a.Privileged, d.Values, against))
	}
	return out
}

// standing says once which gaps the reference holds.
func standing(p *plan.Plan, reference *fairness.Tally) (out []string) {
	for _, v := range fairness.Describe(p, reference, reference).Views[:len(p.Fairness.Attributes)] {
		against := "all others together"
		if v.Against != nil {
			against = finding.SliceKey(v.Against)
		}
		for _, g := range v.Groups {
			for _, gap := range g.Gaps {
				if gap.State != fairness.Violated {
					continue
				}
				m, _ := fairness.Find(gap.Metric)
				what := "above"
				if m.Ratio {
					what = "below"
				}
				out = append(out, fmt.Sprintf("a gap stands in the reference: of %s against %s, %s, %.3f (95%% %.3f to %.3f), %s %g; it is told here once, and alarms if it grows",
					finding.SliceKey(g.Group), against, m.Words, float64(gap.Value), float64(gap.Low), float64(gap.High), what, float64(gap.Limit)))
			}
		}
	}
	return out
}

// unfollowed says of which groups it would not be seen that a gap grows.
func unfollowed(p *plan.Plan) (out []string) {
	followed := map[[2]int]bool{}
	all, err := drift.OpenGaps(p)
	if err != nil {
		return []string{err.Error()} // unreachable: it was just written
	}
	for i := range all {
		if all[i].Rate == drift.Selected || p.IsJoined(p.Fairness.Attributes[all[i].Attribute].Dim) {
			followed[[2]int{all[i].Attribute, all[i].Code}] = true
		}
	}
	for i, a := range p.Fairness.Attributes {
		d := &p.Slices[a.Dim]
		var names []string
		for code, name := range d.Values {
			if code != a.Against && !followed[[2]int{i, code}] {
				names = append(names, name)
			}
		}
		if len(names) > 0 {
			what, counted := "decisions", "5 selected"
			if p.IsJoined(a.Dim) {
				what, counted = "outcomes of a kind", "5 decided either way"
			}
			out = append(out, fmt.Sprintf("whether gaps grow is not followed for %s %v: the reference holds fewer than 14 panes of %d %s, or fewer than are needed for %s", d.Name, names, fairness.Fewest, what, counted))
		}
	}
	return out
}

// protected are the attributes of a plan, for comparison.
func protected(p *plan.Plan) []plan.Drafted { return p.Fairness.Drafted() }

// ungrouped says why a promise on groups isn't judged; "" if it is.
func ungrouped(p *plan.Plan, m *fairness.Metric) string {
	switch {
	case p.Fairness == nil:
		return fmt.Sprintf("the promise on %s needs protected attributes and a binary score", m.Name)
	case m.Outcomes && p.Outcome == nil:
		return fmt.Sprintf("the promise on %s needs outcomes", m.Name)
	case m.Outcomes && p.Score.Missing == plan.PositivesOnly:
		return fmt.Sprintf("the promise on %s is not judged: only positive outcomes are reported", m.Name)
	}
	return ""
}
