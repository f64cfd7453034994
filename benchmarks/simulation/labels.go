package simulation

import (
	"math"
	"math/rand/v2"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/stat"
)

// labelModels are simulated at a time, each with one label rate and with nothing in common: a job's alarms are a count of so many models.
const labelModels = 100

// labels counts false alarms of label rates over mature cohorts, or measures how long a change of one takes to be found, in the time of predictions: what
// outcomes take to come is on top.
func (j *Job) labels(p *Process, change *Change) (*Result, error) {
	r := &Result{Job: *j, Columns: labelModels}
	hours := HistoryHours + monitoredHours
	if change != nil {
		hours = HistoryHours + 2*dayHours + horizonHours
		r.Delays = map[string][]int{Engine: notFound(labelModels)}
	} else {
		r.Months, r.False = j.Of.months(), map[string]int{Engine: 0, Grouped: 0}
	}
	for model := range labelModels {
		onset := math.MaxInt
		if change != nil {
			onset = HistoryHours + j.onset(model)
		}
		alarms, err := runLabels(p.cohorts(rand.New(rand.NewPCG(j.Seed, 0xC2B2AE3D27D4EB4F+uint64(model))), j.Rate, hours, func(t int) float64 {
			if t < onset {
				return 0
			}
			return change.Share
		}))
		if err != nil {
			return nil, err
		}
		if change == nil {
			r.False[Engine] += len(alarms)
			r.False[Grouped] += grouped(alarms)
			continue
		}
		for _, a := range alarms {
			foundAfter(&r.Delays[Engine][model], a.hour-(onset-HistoryHours), horizonHours)
		}
	}
	return r, nil
}

// cohorts draws the outcomes of hours of predictions of a model whose label rate is anything from 5 to 50 %. It moves on the arc-sine scale as a column's mean
// does in its standard deviations: of events that are 0 or 1 both are the same. moved is added to it.
func (p *Process) cohorts(rng *rand.Rand, rate int64, hours int, moved func(t int) float64) []drift.ShareCounts {
	base := 0.05 + 0.45*rng.Float64()
	mean, slow := newWanderers(rng, p.Rho, p.Heavy, 1), newWanderers(rng, p.SlowRho, false, 1)
	phase, swing := p.seasons(rng, 1)
	out := make([]drift.ShareCounts, hours)
	for t := range out {
		mean.step(rng)
		slow.step(rng)
		mu, _ := p.at(t, 0, mean.u[0], 0, slow.u[0], swing[0], mean.signs[0], &phase[0])
		n := p.events(rng, rate, t)
		start := plan.Micros(levelStart) + int64(t)*hourMicros
		out[t] = drift.ShareCounts{Start: start, End: start + hourMicros, Of: []int64{n}, Hits: []int64{binomial(rng, n, stat.ShareAt(base, mu)+moved(t))}}
	}
	return out
}

// runLabels lets a plan learn from the cohorts of the history, and judges the rest as a detector does.
func runLabels(cohorts []drift.ShareCounts) ([]alarm, error) {
	p := &plan.Plan{
		Model: "m", Reference: plan.Span{From: levelStart, To: plan.FromMicros(cohorts[HistoryHours].Start)},
		Policy: plan.Policy{Tickets: ticketsOfAll, Floor: 0.005},
	}
	var err error
	if p.DriftLabels, err = drift.LabelRate.Learn(p, cohorts); err != nil {
		return nil, err
	}
	e, err := drift.LabelRate.Open(p)
	if err != nil || e == nil {
		return nil, err
	}
	var out []alarm
	var gather sequential.Gather
	for i := range cohorts[HistoryHours:] {
		c := &cohorts[HistoryHours+i]
		pane, enough, err := gather.Add(c.Start, c.End, c.Of[0], c.Count())
		if err != nil {
			return nil, err
		}
		if !enough {
			continue
		}
		step, err := e.Advance(&pane)
		if err != nil {
			return nil, err
		}
		for range step.Alarms {
			out = append(out, alarm{hour: i + 1})
		}
	}
	return out, nil
}
