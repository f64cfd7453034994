package simulation

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Promised is a model that promises are judged on by the services' own code: burn rates, windows, and groups.
type Promised struct {
	Process string // of promisedProcesses
	PerDay  int
	Change  string // of promisedChanges; "": promises are kept
}

// promisedProcess is how outcomes move without drift: a shift of their logit of so large a standard deviation, or a share of them that are turned round, which
// scatters as much as it is large; and how like that is to the hour before.
type promisedProcess struct {
	name              string
	sd, turned, alike float64
}

var promisedProcesses = []promisedProcess{
	{name: "outcomes independent"},
	{name: "the logit of all outcomes wanders (sd .3, .95 from hour to hour)", sd: 0.3, alike: 0.95},
	{name: "the share of wrong outcomes wanders (5 %, sd 5 %, .95)", turned: 0.05, alike: 0.95},
}

// promisedChange breaks promises: outcomes that are turned round, or the scores of the largest group, which fall.
type promisedChange struct {
	name    string
	flipped float64 // share of the outcomes
	fallen  float64 // logits
}

// group reports whether it is a promise on groups that breaks.
func (c *promisedChange) group() bool { return c.fallen != 0 }

var promisedChanges = []promisedChange{
	{name: "budget burns 1.2 times as fast as it lasts", flipped: 0.22},
	{name: "budget burns 1.5 times as fast", flipped: 0.40},
	{name: "budget burns twice as fast", flipped: 0.70},
	{name: "half of the traffic is selected .68 times as often", fallen: 0.33},
	{name: "half of the traffic is selected .6 times as often", fallen: 0.45},
}

const (
	promisedHistory = 28 // days
	promisedWatch   = 120
	promisedFind    = 35
	promisedBins    = 20
	promisedPerDay  = 2000
	outcomeTopic    = "o"
	// What is promised, with margin: without drift accuracy is .749 (the budget burns .84 times as fast as it lasts), ratios of selection rates are .93 to 1.04 and
	// true positive rates at most .02 apart.
	leastAccuracy = 0.70
	leastRatio    = 0.8
	mostGap       = 0.15
)

// groupOffsets are by how many logits the groups' scores lie from those of the second.
var groupOffsets = [len(groupShares)]float64{-0.08, 0, 0.05, -0.08}

// Name is the row's process.
func (m *Promised) Name() string { return fmt.Sprintf("%s, %d/day", m.Process, m.PerDay) }

// promisedPlan is a plan as it is before anything is learnt.
func promisedPlan() (*plan.Plan, error) {
	accuracy, ratio, gap := leastAccuracy, leastRatio, mostGap
	values := make([]string, len(groupShares))
	for i := range values {
		values[i] = fmt.Sprint("g", i)
	}
	page := []string{"page"}
	p := &plan.Plan{
		Format: plan.Format, Model: "m", Pane: time.Hour, TestPane: time.Hour, TruthPane: time.Hour, From: levelStart, Keep: 2 * day, MatureAfter: time.Hour,
		Reference:  plan.Span{From: levelStart, To: levelStart.Add(promisedHistory * day)},
		Prediction: plan.Projection{Topic: levelTopic, Roles: plan.NoRoles()}, Outcome: &plan.Projection{Topic: outcomeTopic, Roles: plan.NoRoles()},
		Slices: []plan.Dimension{{Name: "group", Values: values}}, Groups: [][]int{{0}}, Fairness: &plan.Fairness{Attributes: []plan.Attribute{{Against: privilegedGroup}}},
		Score: &plan.Score{Threshold: 0.5, Dispersion: 1},
		Policy: plan.Policy{
			Pages: 1. / 30, Tickets: 4. / 30, Floor: 0.005,
			Promises: []plan.Promise{
				{Metric: "accuracy", Min: &accuracy, Over: 28 * day, Then: page},
				{Metric: "demographic_parity_ratio", Min: &ratio, Over: 7 * day, By: []int{0}, Then: page},
				{Metric: "equal_opportunity_difference", Max: &gap, Over: 28 * day, By: []int{0}, Then: page},
			},
		},
	}
	for i := 1; i < promisedBins; i++ { // the eleventh edge is the threshold: .5
		p.Score.Edges = append(p.Score.Edges, float64(i)/promisedBins)
	}
	return p, p.Seal()
}

// hour draws an hour of each group: predictions, and their outcomes.
func (m *Promised) hour(rng *rand.Rand, p *plan.Plan, at int, shift, turned float64, change *promisedChange) (predicted [len(groupShares)]*sketch.Set, known [len(groupShares)]*sketch.Curve) {
	swing := 1 + 0.8*math.Cos(2*math.Pi*float64(at%dayHours-14)/dayHours)
	for j, share := range groupShares {
		set, curve := sketch.NewSet(p), sketch.NewCurve(p.Score.Bins())
		set.Curve = sketch.NewCurve(p.Score.Bins())
		for range poisson(rng, float64(m.PerDay)/dayHours*swing*share) {
			x := groupOffsets[j] - 0.8 + 1.4*rng.NormFloat64()
			right := x + shift
			if change != nil && j == 0 {
				x -= change.fallen
			}
			q := stat.Expit(right)
			q += turned * (1 - 2*q)
			if change != nil {
				q += change.flipped * (1 - 2*q)
			}
			score := stat.Expit(x)
			fixed, _ := sketch.ScoreFixed(score)
			bin, _ := slices.BinarySearch(p.Score.Edges, score)
			decided, positive := score >= p.Score.Threshold, rng.Float64() < q
			set.Rows++
			set.Scored++
			set.Decided++
			if decided {
				set.Positive++
			}
			set.Curve.Predict(bin, fixed)
			curve.Label(bin, fixed, decided, positive, 1)
		}
		predicted[j], known[j] = set, curve
	}
	return predicted, known
}

// feed gives an engine an hour, and hands out what is found. Outcomes come within the hour.
func (d *detector) feed(at int, predicted [len(groupShares)]*sketch.Set, known [len(groupShares)]*sketch.Curve, emit func(finding.Finding) error) error {
	p := d.engine.Plan()
	start := plan.Micros(levelStart) + int64(at)*hourMicros
	for j := range groupShares {
		cell := record.Cell{Kind: record.Counted, Model: p.Model, Plan: p.Digest(), Version: "1", Pane: start, Slice: string([]byte{0, byte(j)})}
		for kind, body := range map[record.Kind][]byte{
			record.Counted: predicted[j].AppendBinary(nil), record.OnTime: known[j].AppendBinary(nil), record.Labelled: known[j].AppendBinary(nil),
		} {
			cell.Kind, cell.Body = kind, body
			if err := d.engine.Add(&cell); err != nil {
				return err
			}
		}
	}
	source := record.Source{Topic: levelTopic, Partitions: 1}
	d.clock.Cover(&record.Coverage{Source: source, From: int64(at), To: int64(at) + 1, Watermark: start + hourMicros, Records: 1})
	for _, topic := range []string{levelTopic, outcomeTopic} {
		d.clock.Mark(&record.Mark{Source: record.Source{Topic: topic, Partitions: 1}, Watermark: start + hourMicros}, 1)
	}
	return d.engine.Advance(d.clock, emit)
}

// promisedTraffic draws the hours of a model.
type promisedTraffic struct {
	model   *Promised
	process *promisedProcess
	rng     *rand.Rand
	wander  float64
}

func (m *Promised) traffic(seed uint64) *promisedTraffic {
	at := slices.IndexFunc(promisedProcesses, func(p promisedProcess) bool { return p.name == m.Process })
	return &promisedTraffic{model: m, process: &promisedProcesses[at], rng: rand.New(rand.NewPCG(seed, 0xA0761D6478BD642F))}
}

// feed gives a detector the next hour.
func (t *promisedTraffic) feed(d *detector, at int, change *promisedChange, emit func(finding.Finding) error) error {
	q := t.process
	t.wander = q.alike*t.wander + math.Sqrt(1-q.alike*q.alike)*t.rng.NormFloat64()
	turned := min(max(q.turned*(1+t.wander), 0), 0.5)
	predicted, known := t.model.hour(t.rng, d.engine.Plan(), at, q.sd*t.wander, turned, change)
	return d.feed(at, predicted, known, emit)
}

// learn learns the plan from the history.
func (t *promisedTraffic) learn() (*plan.Plan, error) {
	draft, err := promisedPlan()
	if err != nil {
		return nil, err
	}
	gather, err := baseline.NewRange(draft, draft.Reference)
	if err != nil {
		return nil, err
	}
	learning := detector{engine.New(draft), window.NewClock()}
	for at := range (promisedHistory + 1) * dayHours { // until all of its cohorts are mature
		if err := t.feed(&learning, at, nil, func(finding.Finding) error { return nil }); err != nil {
			return nil, err
		}
		for _, pane := range learning.engine.TakeEnded() {
			if err := gather.Pane(draft, pane); err != nil {
				return nil, err
			}
		}
		for _, c := range learning.engine.TakeCohorts() {
			if err := gather.Cohort(draft, c); err != nil {
				return nil, err
			}
		}
	}
	return gather.Build()
}

// toldOf is an alarm of a promise.
type toldOf struct {
	kind string
	hour int // of the stream
}

// watch judges the hours after the history, and says what promises alarmed.
func (t *promisedTraffic) watch(p *plan.Plan, days, onset int, change *promisedChange) (out []toldOf, err error) {
	judging := detector{engine.New(p), window.NewClock()}
	open := map[string]bool{}
	from := promisedHistory * dayHours
	for at := from; at < from+days*dayHours; at++ {
		now := change
		if at < onset {
			now = nil
		}
		err := t.feed(&judging, at, now, func(f finding.Finding) error {
			kind, ok := promiseOf(&f)
			if !ok {
				return nil
			}
			key := f.Metric + "\x00" + f.Slice["group"]
			was := open[key]
			open[key] = f.Verdict == finding.Breach
			if open[key] && !was {
				out = append(out, toldOf{kind, at + 1})
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// promised counts false alarms of promises that are kept, or measures how long it takes to tell of one that is broken.
func (j *Job) promised() (*Result, error) {
	m := &j.Promised
	t := m.traffic(j.Seed)
	p, err := t.learn()
	if err != nil {
		return nil, err
	}
	if m.Change == "" {
		alarms, err := t.watch(p, promisedWatch, 0, nil)
		r := &Result{Job: *j, Months: promisedWatch * dayHours / 730., Columns: 1, False: map[string]int{ofBurn: 0, ofGroupPromise: 0}}
		for _, a := range alarms {
			r.False[a.kind]++
		}
		return r, err
	}
	change := &promisedChanges[slices.IndexFunc(promisedChanges, func(c promisedChange) bool { return c.name == m.Change })]
	onset := promisedHistory*dayHours + 2*dayHours + int(j.Seed)%(28*dayHours) // everywhere in a window
	alarms, err := t.watch(p, (onset/dayHours+1)-promisedHistory+promisedFind, onset, change)
	kind := ofBurn
	if change.group() {
		kind = ofGroupPromise
	}
	delay := -1
	for _, a := range alarms {
		switch {
		case a.kind != kind:
		case a.hour <= onset:
			delay = -2
		case delay == -1:
			delay = a.hour - onset
		}
	}
	return &Result{Job: *j, Months: promisedFind * dayHours / 730., Columns: 1, Delays: map[string][]int{kind: {delay}}}, err
}

// What promises are told by.
const (
	ofBurn         = "promise that pages: burn rates and windows"
	ofGroupPromise = "promise on groups"
)

// promiseOf says of which promise a finding is.
func promiseOf(f *finding.Finding) (kind string, ok bool) {
	switch {
	case f.Metric == "accuracy" && f.Channel == "promise":
		return ofBurn, f.Verdict == finding.Breach || f.Verdict == finding.Equivalent
	case f.Metric == "demographic_parity_ratio" || f.Metric == "equal_opportunity_difference":
		return ofGroupPromise, f.Verdict == finding.Breach || f.Verdict == finding.Equivalent
	}
	return "", false
}
