package check

import (
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// groups is what was counted of protected attributes since the reference.
type groups struct {
	tally    *fairness.Tally
	from, to int64
	cohorts  map[int64]*window.Cohort // that are mature, by start
}

// keep takes what has ended: a run keeps no history, but what groups had.
func (r *run) keep() error {
	panes, cohorts := r.engine.TakeEnded(), r.engine.TakeCohorts()
	r.price(cohorts)
	if err := r.giveReasons(panes); err != nil {
		return err
	}
	if r.plan.Fairness == nil {
		return nil
	}
	g := &r.groups
	if g.tally == nil {
		g.tally, g.cohorts = fairness.NewTally(r.plan), map[int64]*window.Cohort{}
	}
	for _, w := range panes {
		if !r.judges(w.Start, w.End) {
			continue
		}
		if err := g.tally.Pane(w); err != nil {
			return err
		}
		if g.from == 0 {
			g.from = w.Start
		}
		g.to = w.End
	}
	for _, c := range cohorts {
		if r.judges(c.Start, c.End) {
			g.cohorts[c.Start] = c
		}
	}
	return nil
}

// judges reports whether a stretch is one that the engine judges.
func (r *run) judges(start, end int64) bool {
	return start >= plan.Micros(r.plan.Reference.To) && !r.plan.Policy.OddBetween(start, end)
}

// compareGroups reports how groups compare since the reference; in it, where nothing came after.
func (r *run) compareGroups() error {
	if r.plan.Fairness == nil {
		return nil
	}
	reference, err := fairness.Reference(r.plan)
	if err != nil {
		return err
	}
	g, out := &r.groups, r.report
	if g.tally == nil || g.tally.Empty() {
		out.Fairness = fairness.Describe(r.plan, reference, reference)
		out.Fairness.Window = span(r.plan.Reference)
		return nil
	}
	for _, at := range slices.Sorted(maps.Keys(g.cohorts)) {
		if err := g.tally.Cohort(g.cohorts[at], false); err != nil {
			return err
		}
	}
	out.Fairness = fairness.Describe(r.plan, g.tally, reference)
	out.Fairness.Window = span(plan.Span{From: plan.FromMicros(g.from), To: plan.FromMicros(g.to)})
	return nil
}

func span(s plan.Span) *finding.Window { return &finding.Window{Start: s.From, End: s.To} }
