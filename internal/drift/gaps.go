package drift

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// OfGaps is the share of the budget of tickets that growing gaps between groups may spend, all groups and rates of a model together.
const OfGaps = 0.05

// Rate is what groups are followed by.
type Rate uint8

// The rates. Selected is known at once, the others when outcomes are.
const (
	Selected Rate = iota
	TruePositives
	FalsePositives
	rates
)

// FromOutcomes reports whether a rate is known when outcomes are.
func (r Rate) FromOutcomes() bool { return r != Selected }

// Of is how many of a group's events count, of how many.
func (r Rate) Of(c fairness.Counts) (k, n int64) {
	switch r {
	case TruePositives:
		return c.TP, c.TP + c.FN
	case FalsePositives:
		return c.FP, c.FP + c.TN
	default:
		return c.Selected, c.Decided
	}
}

// Gap is a rate of one group of a protected attribute that is followed against another's, as the logarithm of their ratio: what it is without drift is the
// reference's, so that a gap that stands is none that grows.
type Gap struct {
	Attribute int // of plan.Fairness.Attributes
	Code      int // the group
	Rate      Rate
	Need      int         // how many events of the kind a pane is expected to hold of each group
	Before    [2][2]int64 // in the reference: k and n of the group, k and n of what it is held against
	Engine    *sequential.Engine
}

// Home is the logarithm of the ratio in the reference.
func (g *Gap) Home() float64 {
	x, _ := stat.LogRatio(float64(g.Before[0][0]), float64(g.Before[0][1]), float64(g.Before[1][0]), float64(g.Before[1][1]), 0)
	return x
}

// Gather makes what joins panes until a group can be judged by the rate: fairness.Fewest events of each, and Need of the kind expected.
func (g *Gap) Gather() *sequential.Gather {
	out := &sequential.Gather{}
	g.Resume(out)
	return out
}

// Resume sets what a Gather that was read from its bytes lacks.
func (g *Gap) Resume(gather *sequential.Gather) {
	gather.Enough = func(counts []sequential.Counts) bool {
		c := &counts[0]
		enough := func(n int64, before [2]int64) bool {
			q := (float64(before[0]) + 0.5) / (float64(before[1]) + 1)
			return n >= fairness.Fewest && float64(n)*q >= float64(g.Need)
		}
		return enough(c.N, g.Before[0]) && enough(c.Base.N, g.Before[1])
	}
}

const (
	// fewestOfKind is how many events of the kind a group must hold for anything to be said of it.
	fewestOfKind = 5
	// enoughOfKind is how many a pane had better hold: of fewer, much of what it says is lost (docs/fairness.md).
	enoughOfKind = 10
)

// Count is what a tally holds of the gap, and of how many events. Counts that no events can have made are left out: the cells are damaged, and must not stop
// what judges the others.
func (g *Gap) Count(p *plan.Plan, t *fairness.Tally) (n int64, counts []sequential.Counts) {
	a := &p.Fairness.Attributes[g.Attribute]
	c := sequential.Counts{}
	for _, group := range t.By([]int{a.Dim}) {
		k, m := g.Rate.Of(group.Counts)
		switch {
		case !sound(k, m):
		case group.Codes[0] == g.Code:
			c.N, c.Hits = m, float64(k)
		case a.Against == plan.Rest || a.Against == group.Codes[0]:
			c.Base.N, c.Base.Hits = c.Base.N+m, c.Base.Hits+float64(k)
		}
	}
	return c.N + c.Base.N, []sequential.Counts{c}
}

func sound(k, n int64) bool { return k >= 0 && n >= k }

// gaps are what could be followed of a plan, by its reference.
func gaps(p *plan.Plan, reference *fairness.Tally) (out []Gap) {
	for i, a := range p.Fairness.Attributes {
		for _, pair := range fairness.Pairs(reference.By([]int{a.Dim}), fairness.Against(p, []int{a.Dim})) {
			for r := range rates {
				if r.FromOutcomes() && p.Outcome == nil {
					continue
				}
				k1, n1 := r.Of(pair.Counts)
				k0, n0 := r.Of(pair.Other)
				if k1 < fewestOfKind || k0 < fewestOfKind || n1 < fairness.Fewest || n0 < fairness.Fewest {
					continue
				}
				out = append(out, Gap{Attribute: i, Code: pair.Codes[0], Rate: r, Before: [2][2]int64{{k1, n1}, {k0, n0}}})
			}
		}
	}
	return out
}

// ofGapsSpent is the part of their budget that gaps spend: the rest is for what nulls, which are less cautious than those of others, don't know.
const ofGapsSpent = 0.5

// watchGap is what the sequential engine is told of one of n gaps. Each has an engine of its own, for groups fill their panes each in its time;
// together they have the budget.
func watchGap(p *plan.Plan, n int) sequential.Spec {
	return sequential.Spec{
		Budget:   budget(OfGaps, p),
		Streams:  []sequential.Stream{{Name: "gap", Kind: sequential.Ratio, Weight: ofGapsSpent / float64(max(n, 1)), Floors: sequential.DefaultFloors()}},
		Calendar: calendar(p), Alone: true,
	}
}

// Govern puts a gap of n under the plan's policy.
func (g *Gap) Govern(p *plan.Plan, n int) error { return g.Engine.Govern(watchGap(p, n)) }

// Stretch is what was counted of groups in a test pane, or of its cohort.
type Stretch struct {
	Start, End int64 // microseconds since the Unix epoch
	Tally      *fairness.Tally
}

// LearnGaps learns how the gaps between groups moved over the reference, in order: by its panes, and by the cohorts of their outcomes. What it returns are
// bytes for the plan; nil where there are too few panes of every group.
func LearnGaps(p *plan.Plan, reference *fairness.Tally, panes, cohorts []Stretch) ([]byte, error) {
	var learnt []Gap
	var histories [][]sequential.Pane
	for _, g := range gaps(p, reference) {
		from := panes
		if g.Rate.FromOutcomes() {
			from = cohorts
		}
		for _, g.Need = range []int{enoughOfKind, fewestOfKind} {
			history, err := g.history(p, from)
			if err != nil {
				return nil, fmt.Errorf("learn gaps of %s: %w", p.Model, err)
			}
			if len(history) >= fewestPanes && history[len(history)-1].End-history[0].Start >= leastHistory {
				learnt, histories = append(learnt, g), append(histories, history)
				break
			}
		}
	}
	if len(learnt) == 0 {
		return nil, nil
	}
	for i := range learnt {
		var err error
		if learnt[i].Engine, err = sequential.Learn(watchGap(p, len(learnt)), histories[i]); err != nil {
			return nil, fmt.Errorf("learn gaps of %s: %w", p.Model, err)
		}
	}
	return appendGaps(learnt), nil
}

// leastHistory is the shortest history that is learnt from: a week, microseconds.
const leastHistory = 7 * 24 * 3600 * 1e6

// history joins what the reference holds of a gap into panes that can be judged.
func (g *Gap) history(p *plan.Plan, reference []Stretch) (out []sequential.Pane, err error) {
	gather := g.Gather()
	for _, s := range reference {
		if s.Start < plan.Micros(p.Reference.From) || s.End > plan.Micros(p.Reference.To) {
			continue
		}
		if p.Policy.OddBetween(s.Start, s.End) {
			gather.Skip(s.End)
			continue
		}
		n, counts := g.Count(p, s.Tally)
		pane, ok, err := gather.Add(s.Start, s.End, n, counts)
		if err != nil {
			return nil, err
		}
		if ok && !p.Policy.OddBetween(pane.Start, pane.End) {
			out = append(out, pane)
		}
	}
	return out, nil
}

func appendGaps(all []Gap) []byte {
	b := wire.Uint(nil, gapsFormat)
	b = wire.Uint(b, uint64(len(all)))
	for i := range all {
		g := &all[i]
		b = wire.Uint(wire.Uint(wire.Uint(wire.Uint(b, uint64(g.Attribute)), uint64(g.Code)), uint64(g.Rate)), uint64(g.Need))
		for _, v := range g.Before {
			b = wire.Int(wire.Int(b, v[0]), v[1])
		}
		b = wire.Bytes(b, g.Engine.AppendBinary(nil))
	}
	return b
}

const gapsFormat = 1

var errGap = errors.New("a gap that the plan can't have")

// OpenGaps reads what a plan has learnt of its gaps; none where that is nothing.
func OpenGaps(p *plan.Plan) ([]Gap, error) {
	if p.Fairness == nil || len(p.Fairness.Growth) == 0 {
		return nil, nil
	}
	out, err := readGaps(p, wire.NewReader(p.Fairness.Growth))
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of gaps: %w", p.Model, err)
	}
	return out, nil
}

func readGaps(p *plan.Plan, r *wire.Reader) ([]Gap, error) {
	if v := r.Uint(); r.Err() == nil && v != gapsFormat {
		return nil, fmt.Errorf("unknown format %d, this build reads %d", v, gapsFormat)
	}
	n := r.Count(8)
	out := make([]Gap, 0, n)
	for range n {
		attribute, code, rate, need := r.Uint(), r.Uint(), r.Uint(), r.Uint()
		var g Gap
		for i := range g.Before {
			g.Before[i] = [2]int64{r.Int(), r.Int()}
		}
		body := r.Bytes()
		if err := r.Err(); err != nil {
			return nil, err
		}
		if attribute >= uint64(len(p.Fairness.Attributes)) || code > plan.NoValue || rate >= uint64(rates) || need < fewestOfKind || need > enoughOfKind ||
			!sound(g.Before[0][0], g.Before[0][1]) || !sound(g.Before[1][0], g.Before[1][1]) {
			return nil, errGap
		}
		g.Attribute, g.Code, g.Rate, g.Need = int(attribute), int(code), Rate(rate), int(need)
		if len(out) > 0 && orderOfGaps(&out[len(out)-1], &g) >= 0 {
			return nil, errGap
		}
		if err := g.read(p, int(n), body); err != nil {
			return nil, err
		}
		out = append(out, g)
	}
	return out, r.Close()
}

// read reads the engine of one of n gaps.
func (g *Gap) read(p *plan.Plan, n int, body []byte) (err error) {
	r := wire.NewReader(body)
	if g.Engine, err = sequential.Read(watchGap(p, n), r); err != nil {
		return err
	}
	return r.Close()
}

// Restore is g with another state of its engine.
func (g *Gap) Restore(p *plan.Plan, n int, body []byte) (Gap, error) {
	out := *g
	return out, out.read(p, n, body)
}

func orderOfGaps(a, b *Gap) int {
	return cmp.Or(cmp.Compare(a.Attribute, b.Attribute), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Rate, b.Rate))
}

// Labels name the gap's group to people.
func (g *Gap) Labels(p *plan.Plan) map[string]string {
	d := &p.Slices[p.Fairness.Attributes[g.Attribute].Dim]
	return map[string]string{d.Name: d.Label(g.Code)}
}

// Detectable is the smallest lasting change of the logarithm of the ratio that so many hours would usually show; +Inf: none.
func (g *Gap) Detectable(hours float64) float64 {
	all := g.Engine.DetectableIn(hours)
	return slices.MinFunc(all, func(a, b sequential.Detectable) int { return cmp.Compare(a.Effect, b.Effect) }).Effect
}

// Growing is by how much a day the logarithm of the ratio must grow to be found usually within so many hours; +Inf: no growth is.
func (g *Gap) Growing(hours float64) float64 { return g.Engine.Growing(0, hours) }

// Usual is how long a pane of the gap was in the reference, in hours.
func (g *Gap) Usual() float64 { return g.Engine.Usual() }
