package simulation

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Gaps is a model whose decisions are compared between the groups of an attribute.
type Gaps struct {
	Process string // of gapProcesses
	PerDay  int
	Rate    float64 // of the group that others are compared with
	Slope   float64 // by how many logits a day a group's rate falls from the onset on; 0: nothing is planted
	Group   int     // of groupShares; the group that it is planted in
}

// groupShares are the groups' parts of the traffic; the second is what the others are compared with.
var groupShares = [...]float64{0.50, 0.30, 0.15, 0.05}

const privilegedGroup = 1

// standingGaps are how many logits the groups' rates lie from that of the second without drift.
var standingGaps = [...]float64{-0.5, 0, 0.1, -0.3}

// gapProcess is how rates move without drift: a wander that all groups share, one of each group's own, as standard deviations in logits, and
// whether all rates fall by 40 % one day.
type gapProcess struct {
	name        string
	common, own float64
	fall        bool
}

var gapProcesses = []gapProcess{
	{"even", 0, 0, false},
	{"all groups wander together", 0.3, 0, false},
	{"each group wanders", 0.3, 0.1, false},
	{"all rates fall by 40 %", 0, 0, true},
}

const (
	gapWander  = 0.95 // autocorrelation of wanders, from hour to hour
	gapPane    = 3    // hours of a test pane
	gapHistory = 28 * dayHours
	gapDays    = 6 // in which a growing gap is to be found
	gapHorizon = 21 * dayHours
)

// Name is the row's process.
func (g *Gaps) Name() string {
	return fmt.Sprintf("%s, %d/day, %g %% selected", g.Process, g.PerDay, 100*g.Rate)
}

// planted is what a row calls what is planted.
func (g *Gaps) planted() string {
	return fmt.Sprintf("%g logit a day in %g %% of the traffic", g.Slope, 100*groupShares[g.Group])
}

// gapPlan is a plan that compares groups, with budget and weights as a service has them: four tickets in 30 days, and outcomes beside decisions.
func gapPlan() *plan.Plan {
	start := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	values := make([]string, len(groupShares))
	for i := range values {
		values[i] = fmt.Sprint("g", i)
	}
	return &plan.Plan{
		Model: "groups", Score: &plan.Score{}, Slices: []plan.Dimension{{Name: "group", Values: values}},
		Fairness:  &plan.Fairness{Attributes: []plan.Attribute{{Against: privilegedGroup}}},
		Reference: plan.Span{From: start, To: start.Add(gapHistory * time.Hour)}, Policy: plan.Policy{Tickets: 4. / 30},
	}
}

// learn draws a model and learns its gaps from its reference.
func (g *Gaps) learn(seed uint64, hours, onset int) (p *plan.Plan, panes []drift.Stretch, gaps []drift.Gap, err error) {
	p = gapPlan()
	from := plan.Micros(p.Reference.From)
	rng := rand.New(rand.NewPCG(seed, 0xC2B2AE3D27D4EB4F))
	panes = g.draw(rng, p, from, hours, onset)
	all := fairness.NewTally(p)
	for _, s := range panes {
		if s.End <= plan.Micros(p.Reference.To) {
			if err := all.Merge(s.Tally); err != nil {
				return nil, nil, nil, err
			}
		}
	}
	if p.Fairness.Growth, err = drift.LearnGaps(p, all, panes, nil); err != nil {
		return nil, nil, nil, err
	}
	gaps, err = drift.OpenGaps(p)
	return p, panes, gaps, err
}

// watchGaps watches a model's gaps, and says at which hours after the reference which group's alarmed.
func watchGaps(p *plan.Plan, panes []drift.Stretch, gaps []drift.Gap) (alarms []alarm, err error) {
	for i := range gaps {
		gap := &gaps[i]
		if err := gap.Govern(p, 3*len(gaps)); err != nil { // rates of outcomes have their part
			return nil, err
		}
		gather := gap.Gather()
		for _, s := range panes {
			if s.Start < plan.Micros(p.Reference.To) {
				continue
			}
			n, counts := gap.Count(p, s.Tally)
			pane, ok, err := gather.Add(s.Start, s.End, n, counts)
			if err != nil {
				return nil, err
			}
			if !ok {
				continue
			}
			step, err := gap.Engine.Advance(&pane)
			if err != nil {
				return nil, err
			}
			for range step.Alarms {
				alarms = append(alarms, alarm{int((pane.End - plan.Micros(p.Reference.To)) / hourMicros), gap.Code, false})
			}
		}
	}
	slices.SortStableFunc(alarms, func(a, b alarm) int { return cmp.Compare(a.hour, b.hour) })
	return alarms, nil
}

// draw draws the test panes of a model: traffic with a day and a night, groups by their shares, decisions by their rates.
func (g *Gaps) draw(rng *rand.Rand, p *plan.Plan, from int64, hours, onset int) (out []drift.Stretch) {
	at := slices.IndexFunc(gapProcesses, func(q gapProcess) bool { return q.name == g.Process })
	process := gapProcesses[at]
	base := stat.Logit(g.Rate)
	var common float64
	var own [len(groupShares)]float64
	step := func(x float64) float64 { return gapWander*x + math.Sqrt(1-gapWander*gapWander)*rng.NormFloat64() }
	fallen := gapHistory + 10*dayHours
	for hour := range hours {
		if hour%gapPane == 0 {
			start := from + int64(hour)*hourMicros
			out = append(out, drift.Stretch{Start: start, End: start + gapPane*hourMicros, Tally: fairness.NewTally(p)})
		}
		common = step(common)
		swing := 1 + 0.8*math.Cos(2*math.Pi*float64(hour%dayHours-14)/dayHours)
		for j, share := range groupShares {
			own[j] = step(own[j])
			u := base + standingGaps[j] + process.common*common + process.own*own[j]
			if g.Slope != 0 && j == g.Group && hour >= onset {
				u -= g.Slope * float64(hour-onset) / dayHours
			}
			q := stat.Expit(u)
			if process.fall && hour >= fallen {
				q *= 0.6
			}
			n := int64(poisson(rng, float64(g.PerDay)/dayHours*swing*share))
			k := int64(0)
			for range n {
				if rng.Float64() < q {
					k++
				}
			}
			// The slice code of the group: two bytes.
			if err := out[len(out)-1].Tally.Set(string([]byte{0, byte(j)}), &sketch.Set{Decided: n, Positive: k}); err != nil {
				panic(err) // a tally of one dimension takes a code of two bytes
			}
		}
	}
	return out
}

// gaps counts false alarms of a model's gaps, or measures how long one that grows takes to be told of its group.
func (j *Job) gaps() (*Result, error) {
	g := &j.Gaps
	r := &Result{Job: *j, Columns: len(groupShares) - 1}
	if g.Slope == 0 {
		p, panes, gaps, err := g.learn(j.Seed, gapHistory+monitoredHours, 0)
		if err != nil {
			return nil, err
		}
		alarms, err := watchGaps(p, panes, gaps)
		r.Months, r.False, r.Numbers = monitoredHours/730., map[string]int{Engine: len(alarms)}, smallest(gaps)
		return r, err
	}
	onset := gapHistory + 2*dayHours + int(j.Seed%dayHours)
	p, panes, gaps, err := g.learn(j.Seed, onset+gapHorizon, onset)
	if err != nil {
		return nil, err
	}
	alarms, err := watchGaps(p, panes, gaps)
	delay, others := -1, 0
	for _, a := range alarms {
		switch after := a.hour + gapHistory - onset; {
		case a.column != g.Group:
			others++
		case after <= 0:
			delay = -2
		case delay == -1:
			delay = after
		}
	}
	r.Months, r.Delays, r.False = gapHorizon/730., map[string][]int{Engine: {delay}}, map[string]int{Engine: others}
	return r, err
}

// smallest are the smallest changes that plans say that they would find, by row.
func smallest(gaps []drift.Gap) map[string]float64 {
	out := map[string]float64{}
	for i := range gaps {
		g := &gaps[i]
		for _, of := range []struct {
			row   string
			value float64
		}{{gapGrowingRow, g.Growing(gapDays * dayHours)}, {gapLastingRow, g.Detectable(7 * dayHours)}} {
			if !math.IsInf(of.value, 0) {
				out[ofGroup(of.row, g.Code)] = of.value
			}
		}
	}
	return out
}

// gapJobs lists the jobs of models whose groups are compared: for the grid's model-months of each process without drift, and its seeds of each gap that grows.
func (g *Grid) gapJobs() (out []Job) {
	if !g.Gaps {
		return nil
	}
	at := uint64(0)
	for _, process := range gapProcesses {
		for _, perDay := range []int{2000, 20_000} {
			for _, rate := range []float64{0.2, 0.05} {
				at++
				model := Gaps{Process: process.name, PerDay: perDay, Rate: rate}
				for n := range int(g.Months*730/monitoredHours + 0.999) {
					out = append(out, Job{Version: gapVersion, Gaps: model, Seed: g.Seed + 1_000_000*at + uint64(n)})
				}
				if process.fall {
					continue
				}
				for group := range groupShares {
					if group == privilegedGroup {
						continue
					}
					for k, slope := range []float64{0.25, 0.1, 0.05} {
						model.Slope, model.Group = slope, group
						for n := range g.Growing {
							out = append(out, Job{Version: gapVersion, Gaps: model, Seed: g.Seed + 1_000_000*at + 10_000*uint64(1+3*group+k) + uint64(n)})
						}
					}
				}
			}
		}
	}
	return out
}
