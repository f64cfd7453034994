package simulation

import (
	"fmt"
	"strconv"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Windows that are held against the reference itself are simulated by the services' own code: baseline.Range learns the plan from the panes of
// the reference, engine.Engine judges the rest. Its panes are days, for a window of a week is the sum of its days however they were counted;
// the sequential engine works beside it on those days, and what it has in alarm the windows leave alone.
const (
	weeksReference = 12 * 7 // days; fewer than eight weeks make windows of a day
	weeksWatched   = 26 * 7
	weeksHorizon   = 16 * weekHours // for a planted drift
	daysWatched    = 61
	levelTopic     = "p"
	day            = 24 * time.Hour
)

// ticketsOfAll is a budget of one ticket in 730 hours for all that a model is watched for, by the day.
const ticketsOfAll = 24. / 730

// levelStart is a Monday, as hour 0 of a process is.
var levelStart = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)

// referenceOf is how long the reference is, in days.
func referenceOf(of Of) int {
	if of == Weeks {
		return weeksReference
	}
	return HistoryHours / dayHours
}

// watchOf is how long a model without drift is watched, in days.
func watchOf(of Of) int {
	if of == Weeks {
		return weeksWatched
	}
	return daysWatched
}

// The methods of windows that are held against the reference.
const (
	ofLevels        = "plumbline, windows against the reference"
	ofLevelsGrouped = "plumbline, windows against the reference, incidents"
	ofEither        = "plumbline, either"
)

// levels counts false alarms of such windows, or measures how long they take to tell a planted drift, and how long the sequential engine takes.
func (j *Job) levels(p *Process, change *Change) (*Result, error) {
	reference := referenceOf(j.Of)
	if change == nil {
		t := p.Generate(j.Seed, j.Rate, (reference+watchOf(j.Of))*dayHours, nil)
		alarms, err := runLevels(t, reference, false)
		return &Result{
			Job: *j, Months: j.Of.months(), Columns: Features, False: map[string]int{ofLevels: len(alarms), ofLevelsGrouped: grouped(alarms)},
		}, err
	}
	history := reference * dayHours
	for k := range Features {
		change.From = append(change.From, history+dayHours+int(j.Seed+uint64(k)*7)%weekHours) // at every hour of the week
	}
	t := p.Generate(j.Seed, j.Rate, history+dayHours+weekHours+j.horizon(), change)
	r := &Result{Job: *j, Columns: Features, Delays: map[string][]int{}}
	note := func(alarms []alarm, methods ...string) {
		for _, m := range methods {
			d := r.Delays[m]
			if d == nil {
				d = notFound(Features)
				r.Delays[m] = d
			}
			for _, a := range alarms {
				foundAfter(&d[a.column], a.hour-(change.From[a.column]-history), j.horizon())
			}
		}
	}
	// Every column is a replicate by itself: neither a joint alarm of all, nor what the sequential engine has told of it, makes the windows silent.
	slow, err := runLevels(t, reference, true)
	if err != nil {
		return nil, err
	}
	s := spec(true)
	s.Budget = drift.OfInputs
	quick, err := runHourly(t, s, history, false)
	if err != nil {
		return nil, err
	}
	note(quick, Engine, ofEither)
	note(slow, ofLevels, ofEither)
	return r, nil
}

// levelPlan is a plan as it is before anything is learnt.
func levelPlan(reference int) (*plan.Plan, error) {
	p := &plan.Plan{
		Format: plan.Format, Model: "m", Pane: day, TestPane: day, TruthPane: day, From: levelStart,
		Reference:  plan.Span{From: levelStart, To: levelStart.Add(time.Duration(reference) * day)},
		Prediction: plan.Projection{Topic: levelTopic, Roles: plan.NoRoles()},
		Policy:     plan.Policy{Tickets: ticketsOfAll, Floor: 0.005},
	}
	for k := range Features {
		p.Columns = append(p.Columns, plan.Column{
			Name: strconv.Itoa(k), Layout: plan.Layout{Edges: edges[:], Lo: -10, Hi: 10}, Ignore: plan.Ignore{Shift: 0.05, Spread: 0.05, Rate: 0.005},
		})
	}
	return p, p.Seal()
}

// detector is one model's engine and the clock of its only partition.
type detector struct {
	engine *engine.Engine
	clock  *window.Clock
}

// day gives it one day's counts, and hands out what is found.
func (d *detector) day(at int, set *sketch.Set, emit func(finding.Finding) error) error {
	p := d.engine.Plan()
	start := plan.Micros(levelStart.Add(time.Duration(at) * day))
	source := record.Source{Topic: levelTopic, Partitions: 1}
	cell := record.Cell{Kind: record.Counted, Model: p.Model, Plan: p.Digest(), Version: "1", Pane: start, Body: set.AppendBinary(nil)}
	if err := d.engine.Add(&cell); err != nil {
		return err
	}
	d.clock.Cover(&record.Coverage{Source: source, From: int64(at), To: int64(at) + 1, Watermark: start + day.Microseconds(), Records: 1})
	return d.engine.Advance(d.clock, emit)
}

// day is a day of traffic.
func (t *Traffic) day(p *plan.Plan, at int) *sketch.Set {
	set := sketch.NewSet(p)
	for hour := at * dayHours; hour < (at+1)*dayHours; hour++ {
		set.Rows += t.N[hour]
		for k := range set.Columns {
			c := &set.Columns[k]
			c.N += t.N[hour]
			for b, n := range t.Counts[hour*Features+k] {
				c.Bins[b] += int64(n)
			}
		}
	}
	return set
}

// runLevels lets a plan be learnt from so many days of reference, and tells of which columns windows against it are told, in hours since. Alone has
// the sequential engine say nothing.
func runLevels(t *Traffic, reference int, alone bool) ([]alarm, error) {
	draft, err := levelPlan(reference)
	if err != nil {
		return nil, err
	}
	learning := detector{engine.New(draft), window.NewClock()}
	gather, err := baseline.NewRange(draft, draft.Reference)
	if err != nil {
		return nil, err
	}
	var last *sketch.Set
	for at := range reference {
		last = t.day(draft, at)
		if err := learning.day(at, last, func(finding.Finding) error { return nil }); err != nil {
			return nil, err
		}
		for _, pane := range learning.engine.TakeEnded() {
			if err := gather.Pane(draft, pane); err != nil {
				return nil, err
			}
		}
	}
	p, err := gather.Build()
	if err != nil {
		return nil, err
	}
	if p.Wide == 0 {
		return nil, fmt.Errorf("of %d days no windows were learnt: %v", reference, p.Unjudged)
	}
	if alone {
		if err := silence(p, last); err != nil {
			return nil, err
		}
	}
	var out []alarm
	judging := detector{engine.New(p), window.NewClock()}
	for at := reference; (at+1)*dayHours <= t.Hours; at++ {
		err := judging.day(at, t.day(p, at), func(f finding.Finding) error {
			if f.Channel != "level" || f.Verdict != finding.Drift {
				return nil
			}
			k, err := strconv.Atoi(f.Subject)
			out = append(out, alarm{hour: int(f.At.Sub(p.Reference.To) / time.Hour), column: k})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// silence has the sequential engine of a plan learn from so short a time that it says nothing.
func silence(p *plan.Plan, counts *sketch.Set) error {
	var gather sequential.Gather
	var panes []sequential.Pane
	end := plan.Micros(p.Reference.To)
	for i := range int64(8) {
		start := end - (8-i)*hourMicros
		pane, ok, err := gather.Add(start, start+hourMicros, counts.Rows, drift.Count(p, counts))
		if err != nil || !ok {
			return fmt.Errorf("a pane of %d events is too few: %w", counts.Rows, err)
		}
		panes = append(panes, pane)
	}
	e, err := sequential.Learn(drift.Watch(p), panes)
	if err != nil {
		return err
	}
	p.Drift = e.AppendBinary(nil)
	return p.Seal()
}
