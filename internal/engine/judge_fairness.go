package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// The channels of findings on groups, one per lane.
const (
	ofDecisions = "fairness"
	ofOutcomes  = "fairness_outcomes"
)

// gapLane follows the gaps between groups of one lane: what decisions show, or what outcomes do. The lanes share nothing.
type gapLane struct {
	outcomes bool
	opened   bool       // gaps are those of the plan
	by       *plan.Plan // under whose policy they are
	all      int        // gaps of both lanes, which share the budget
	gaps     []followedGap
	kept     map[string]*groupsKept // by promise, see promiseKey
	end      int64                  // of the last pane or cohort, 0 before the first
}

// followedGap is a gap with the pane of its own that is being gathered.
type followedGap struct {
	drift.Gap
	gather  *sequential.Gather
	held    sequential.Counts // what is being gathered
	n       int64             // and of how many events
	offsets finding.Offsets
	said    saidGap
}

// saidGap is how an alarm of a gap was told, while it is open.
type saidGap struct {
	Onset  int64 `json:"onset,omitempty"`
	Untold bool  `json:"untold,omitempty"` // the gap shrank: nobody is told of that
	Beyond int   `json:"beyond,omitempty"` // panes in a row in which it was wider than in the reference since
}

// ready opens what the plan has learnt, once, and puts it under the policy in force.
func (l *gapLane) ready(p *plan.Plan) error {
	if !l.opened {
		all, err := drift.OpenGaps(p)
		if err != nil {
			return err
		}
		l.opened, l.all = true, len(all)
		for i := range all {
			if all[i].Rate.FromOutcomes() == l.outcomes {
				l.gaps = append(l.gaps, followedGap{Gap: all[i], gather: all[i].Gather()})
			}
		}
	}
	if l.kept == nil {
		l.kept = map[string]*groupsKept{}
	}
	if l.by == p {
		return nil
	}
	l.by = p
	for i := range l.gaps {
		if err := l.gaps[i].Govern(p, l.all); err != nil {
			return err
		}
	}
	return nil
}

// groupsOf is a stretch of event time with what was counted of groups.
type groupsOf struct {
	drift.Stretch
	version string
	offsets finding.Offsets // of decisions only
}

// judgeGroups compares the groups that a test pane after the reference holds: whether gaps of decisions grow, and the promises on them.
func (e *Engine) judgeGroups(p *window.Pane, emit func(finding.Finding) error) error {
	if e.plan.Fairness == nil {
		return nil
	}
	t := fairness.NewTally(e.plan)
	if err := t.Pane(p); err != nil {
		return err
	}
	return e.judgeStretch(&e.decisions, &groupsOf{drift.Stretch{Start: p.Start, End: p.End, Tally: t}, p.Version(), offsets(p)}, emit)
}

// judgeGroupOutcomes does the same with the outcomes of a truth pane's mature cohorts, in order.
func (e *Engine) judgeGroupOutcomes(cohorts []*window.Cohort, emit func(finding.Finding) error) error {
	if e.plan.Fairness == nil {
		return nil
	}
	for _, c := range cohorts {
		if c.Start < plan.Micros(e.plan.Reference.To) {
			continue
		}
		t := fairness.NewTally(e.plan)
		if err := t.Cohort(c, false); err != nil {
			return err
		}
		if err := e.judgeStretch(&e.turnedOut, &groupsOf{drift.Stretch{Start: c.Start, End: c.End, Tally: t}, c.Version(), nil}, emit); err != nil {
			return err
		}
	}
	return nil
}

func (e *Engine) judgeStretch(l *gapLane, s *groupsOf, emit func(finding.Finding) error) error {
	if over(l.end, s.Start, e.givesWay) {
		*l = gapLane{outcomes: l.outcomes}
	}
	err := l.ready(e.plan)
	for i := range l.gaps {
		if err == nil {
			err = e.followGap(&l.gaps[i], s, emit)
		}
	}
	if err == nil {
		l.end, e.watch.moved = s.End, true
		err = e.judgeGroupPromises(l, s, emit)
	}
	if err != nil {
		return fmt.Errorf("judge groups of %s: %w", e.plan.Model, err)
	}
	return nil
}

// followGap gathers a gap's pane and tells whether the gap grew. Declared odd days, and what was gathered before them, are left out.
func (e *Engine) followGap(g *followedGap, s *groupsOf, emit func(finding.Finding) error) error {
	n, counts := g.Count(e.plan, s.Tally)
	if e.plan.Policy.OddBetween(s.Start, s.End) {
		g.gather.Skip(s.End)
		g.drop()
		_, err := g.Engine.Advance(&sequential.Pane{Start: s.Start, End: s.End, N: n, Counts: counts}) // time passes for it
		return err
	}
	pane, enough, err := g.gather.Add(s.Start, s.End, n, counts)
	if err != nil {
		return err
	}
	g.hold(n, &counts[0], s.offsets)
	if !enough {
		return nil
	}
	seen := g.offsets
	g.drop()
	step, err := g.Engine.Advance(&pane)
	if err != nil {
		return err
	}
	for i := range step.Alarms {
		a := &step.Alarms[i]
		g.said = saidGap{Onset: a.Onset, Untold: math.Abs(g.Home()+a.Effect) <= math.Abs(g.Home())}
		if g.said.Untold {
			continue
		}
		f := e.gapFinding(g, s, &pane, seen, a.Effect)
		f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
		if err := emit(f); err != nil {
			return err
		}
	}
	for range step.Recovered {
		f := e.gapFinding(g, s, &pane, seen, 0)
		f.Verdict, f.Severity, f.Value, f.Numbers = finding.Equivalent, finding.Info, finding.None(), nil
		told := !g.said.Untold
		g.said = saidGap{}
		if told {
			if err := emit(f); err != nil {
				return err
			}
		}
	}
	if away, open := g.Engine.Open("gap", "ratio", 0); open && g.said.Untold && len(step.Alarms) == 0 {
		return e.turned(g, s, &pane, seen, away, emit)
	}
	return nil
}

// turned tells of a gap that shrank and has come to be wider than in the reference since, pane by pane: for the sequential engine it is still the change that nobody was
// told of.
func (e *Engine) turned(g *followedGap, s *groupsOf, pane *sequential.Pane, seen finding.Offsets, away float64, emit func(finding.Finding) error) error {
	if math.Abs(g.Home()+away) < math.Abs(g.Home())+sequential.DefaultFloors().Ratio {
		g.said.Beyond = 0
		return nil
	}
	if g.said.Beyond == 0 {
		g.said.Onset = pane.Start
	}
	if g.said.Beyond++; g.said.Beyond < persist {
		return nil
	}
	g.said.Untold = false
	return emit(e.gapFinding(g, s, pane, seen, away))
}

func (g *followedGap) hold(n int64, c *sequential.Counts, more finding.Offsets) {
	g.n += n
	g.held.N, g.held.Hits = g.held.N+c.N, g.held.Hits+c.Hits
	g.held.Base.N, g.held.Base.Hits = g.held.Base.N+c.Base.N, g.held.Base.Hits+c.Base.Hits
	switch {
	case more == nil:
	case g.offsets == nil:
		g.offsets = together(finding.Offsets{}, more) // of its own: all gaps are handed the same
	default:
		g.offsets = together(g.offsets, more)
	}
}

func (g *followedGap) drop() { g.held, g.n, g.offsets = sequential.Counts{}, 0, nil }

// gapWords say what a rate is to people: the finding's metric, and a verb with the preposition its share takes.
var gapWords = [...]struct{ metric, words string }{
	drift.Selected:       {"selection_log_ratio_change", "selected"},
	drift.TruePositives:  {"true_positive_log_ratio_change", "of those with a positive outcome selected"},
	drift.FalsePositives: {"false_positive_log_ratio_change", "of those with a negative outcome selected"},
}

// gapFinding says how far a gap has moved from the reference's: effect is the change of the logarithm of the ratio.
func (e *Engine) gapFinding(g *followedGap, s *groupsOf, pane *sequential.Pane, seen finding.Offsets, effect float64) finding.Finding {
	a := &e.plan.Fairness.Attributes[g.Attribute]
	w := gapWords[g.Rate]
	f := e.finding(pane.Start, pane.End, s.version, e.plan.Slices[a.Dim].Name, ofDecisions)
	basis := fairness.AsKnown
	if g.Rate.FromOutcomes() {
		f.Channel = ofOutcomes
		if e.plan.Score.Missing == plan.AtRandomGivenScore {
			basis = fairness.Selected // growth is followed on what is known, in the reference and after it alike
		}
	}
	f.Onset, f.Slice, f.Metric, f.Offsets = plan.FromMicros(g.said.Onset), g.Labels(e.plan), w.metric, seen
	f.Value, f.Reference, f.IgnoreBelow = finding.Number(effect), 0, finding.Number(sequential.DefaultFloors().Ratio)
	c := &pane.Counts[0]
	f.N = finding.Sizes{Reference: c.Base.N, Current: c.N}
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	who, whom := finding.SliceKey(f.Slice), e.otherGroup([]int{a.Dim})
	percent := func(k, n float64) finding.Number {
		if n == 0 {
			return finding.None()
		}
		return finding.Number(100 * k / n)
	}
	b := g.Before
	f.Numbers = []finding.Figure{
		{Name: fmt.Sprintf("%s, %s: the share over that of %s", who, w.words, whom), Before: finding.Number(math.Exp(g.Home())), Now: finding.Number(math.Exp(g.Home() + effect))},
		{Name: w.words + " of " + who, Before: percent(float64(b[0][0]), float64(b[0][1])), Now: percent(c.Hits, float64(c.N)), Unit: "%"},
		{Name: w.words + " of " + whom, Before: percent(float64(b[1][0]), float64(b[1][1])), Now: percent(c.Base.Hits, float64(c.Base.N)), Unit: "%"},
	}
	if g.Rate.FromOutcomes() {
		e.groupsRestOn(&f, basis)
	}
	return f
}

// otherGroup names what groups are compared with.
func (e *Engine) otherGroup(dims []int) string {
	against := fairness.Against(e.plan, dims)
	if against == nil {
		return "all others"
	}
	g := fairness.Group{Codes: against}
	return finding.SliceKey(g.Labels(e.plan, dims))
}
