package simulation

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
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

// watch watches a model's gaps, and says at which hours after the reference which group's alarmed.
func (g *Gaps) watch(seed uint64, hours, onset int) (alarms []alarm, err error) {
	p := gapPlan()
	from := plan.Micros(p.Reference.From)
	rng := rand.New(rand.NewPCG(seed, 0xC2B2AE3D27D4EB4F))
	panes := g.draw(rng, p, from, hours, onset)
	all := fairness.NewTally(p)
	for _, s := range panes {
		if s.End <= plan.Micros(p.Reference.To) {
			if err := all.Merge(s.Tally); err != nil {
				return nil, err
			}
		}
	}
	if p.Fairness.Growth, err = drift.LearnGaps(p, all, panes, nil); err != nil {
		return nil, err
	}
	gaps, err := drift.OpenGaps(p)
	if err != nil {
		return nil, err
	}
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
		alarms, err := g.watch(j.Seed, gapHistory+monitoredHours, 0)
		r.Months, r.False = monitoredHours/730., map[string]int{Engine: len(alarms)}
		return r, err
	}
	onset := gapHistory + 2*dayHours + int(j.Seed%dayHours)
	alarms, err := g.watch(j.Seed, onset+gapHorizon, onset)
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

// GapJobs lists the jobs of models whose groups are compared: for so many model-months of each process without drift, and so many seeds of each that grows.
func GapJobs(months float64, repeats int, seed uint64) (out []Job) {
	at := uint64(0)
	for _, process := range gapProcesses {
		for _, perDay := range []int{2000, 20_000} {
			for _, rate := range []float64{0.2, 0.05} {
				at++
				g := Gaps{Process: process.name, PerDay: perDay, Rate: rate}
				for n := range int(months*730/monitoredHours + 0.999) {
					out = append(out, Job{Version: Version, Gaps: g, Seed: seed + 1_000_000*at + uint64(n)})
				}
				if process.fall {
					continue
				}
				for group := range groupShares {
					if group == privilegedGroup {
						continue
					}
					for k, slope := range []float64{0.25, 0.1, 0.05} {
						g.Slope, g.Group = slope, group
						for n := range repeats {
							out = append(out, Job{Version: Version, Gaps: g, Seed: seed + 1_000_000*at + 10_000*uint64(1+3*group+k) + uint64(n)})
						}
					}
				}
			}
		}
	}
	return out
}

// The rows of models whose groups are compared.
const (
	GapFalseRow  = "false fairness alarms per month"
	GapFoundRow  = "group named in 6 days: "
	GapEverRow   = "group named in 21 days: "
	GapMedianRow = "median days until the group is named: "
	GapOtherRow  = "another group named: "
)

// GapRows sums their results up.
func GapRows(results []*Result, seed uint64) (out []Row) {
	by := map[[2]string][]*Result{}
	for _, r := range results {
		key := [2]string{"", r.Job.Gaps.Name()}
		if r.Job.Gaps.Slope != 0 {
			key[0] = r.Job.Gaps.planted()
		}
		by[key] = append(by[key], r)
	}
	for _, key := range slices.SortedFunc(maps.Keys(by), func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) }) {
		var months float64
		var n, soon, found, others int64
		count := 0
		var delays []int
		for _, r := range by[key] {
			months += r.Months
			count += r.False[Engine]
			for _, d := range r.Delays[Engine] {
				if d == -2 {
					continue // in alarm before: counted as false where nothing is planted
				}
				n++
				if d >= 0 {
					found++
					delays = append(delays, d)
				}
				if d >= 0 && d <= gapDays*dayHours {
					soon++
				}
			}
			if r.False[Engine] > 0 {
				others++
			}
		}
		if key[0] == "" {
			lo, hi := poissonLimits(float64(count))
			hi /= months
			out = append(out, Row{GapFalseRow, key[1], Engine, float64(count) / months, lo / months, &hi, months, seed})
			continue
		}
		row := func(name string, k, of int64) {
			lo, hi := stat.Wilson(k, of, 0.05)
			out = append(out, Row{name + key[0], key[1], Engine, float64(k) / float64(max(of, 1)), lo, &hi, months, seed})
		}
		row(GapFoundRow, soon, n)
		row(GapEverRow, found, n)
		row(GapOtherRow, others, int64(len(by[key])))
		if found > 0 {
			mid, lo, hi := medianLimits(delays)
			hi /= dayHours
			out = append(out, Row{GapMedianRow + key[0], key[1], Engine, mid / dayHours, lo / dayHours, &hi, months, seed})
		}
	}
	return out
}

// PrintGaps writes them for people.
func PrintGaps(w io.Writer, rows []Row) {
	for _, r := range rows {
		if r.Row == GapFalseRow {
			fmt.Fprintf(w, "%-62s %5.0f months %6.3f (%.3f-%.3f)\n", r.Process, r.Months, r.Value, r.Low, *r.High)
		}
	}
	for _, r := range rows {
		planted, ok := strings.CutPrefix(r.Row, GapFoundRow)
		if !ok {
			continue
		}
		ever, _ := Find(rows, GapEverRow+planted, r.Process, r.Method)
		others, _ := Find(rows, GapOtherRow+planted, r.Process, r.Method)
		median := "-"
		if m, ok := Find(rows, GapMedianRow+planted, r.Process, r.Method); ok {
			median = fmt.Sprintf("%.1f d", m.Value)
		}
		fmt.Fprintf(w, "%-40s %-62s 6 d %4.0f %%, 21 d %4.0f %%, median %7s, another group %3.0f %%\n", planted, r.Process, 100*r.Value, 100*ever.Value, median, 100*others.Value)
	}
}
