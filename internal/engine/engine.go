package engine

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Engine judges one model under one plan. It belongs to one goroutine.
type Engine struct {
	plan     *plan.Plan   // under the policy of what is being judged
	reigns   plan.History // the same plan under every policy it was or is to be under
	panes    *window.Assembler
	signals  map[string]*signal
	alarms   map[string]alarm       // that are open, by finding.Signal
	losses   []loss                 // one per plan.Score.Views: what outcomes cost beyond the reference
	kept     map[string]*windowKept // by promise, see promiseKey
	absent   map[string]*absence    // by column
	glimpsed map[string]*absence    // the same of glimpses

	services map[string]*serviceKept // by promise on predictions
	covers   coverage
	burns    map[string]*burnKept // by promise and slice

	watch                watch
	recent               recent
	shares               [2]shareWatch // by drift.TruthShare
	concept              conceptWatch
	scored               map[string]map[string]scored // how estimates held, by slice (finding.SliceKey) and metric
	meanings             []drift.Meaning              // see knownMeanings
	decisions, turnedOut gapLane                      // gaps between groups, by what decisions and what outcomes show
	givesWay             []int64                      // see GivesWay
	low                  int64                        // event time that predictions have reached, by the latest Advance
	snapshot             Snapshot
	ended                []*window.Pane // not handed over yet
	moved                bool           // since Moved was asked
}

// New makes the engine of a plan, with nothing seen yet.
func New(p *plan.Plan) *Engine {
	p = distinct(p)
	e := &Engine{plan: p, reigns: plan.History{p}, panes: window.NewAssembler(p), signals: map[string]*signal{}, alarms: map[string]alarm{}, absent: map[string]*absence{}, glimpsed: map[string]*absence{}}
	e.shares = newShareWatches()
	e.services, e.burns = map[string]*serviceKept{}, map[string]*burnKept{}
	e.turnedOut.outcomes = true
	if p.Score != nil {
		e.losses = make([]loss, len(p.Score.Views))
	}
	e.kept = make(map[string]*windowKept, len(p.Policy.Promises))
	for i := range p.Policy.Promises {
		e.kept[promiseKey(&p.Policy.Promises[i])] = &windowKept{}
	}
	return e
}

// Govern tells the engine every policy that its plan is under, each from its own From on. What it learnt and holds stays: the
// policy decides what is dear, promised and affordable, at the event time that is judged.
func (e *Engine) Govern(reigns plan.History) {
	e.reigns = make(plan.History, len(reigns))
	for i, p := range reigns {
		e.reigns[i] = distinct(p)
	}
	e.plan = e.reigns[0]
}

// GivesWay tells the engine the event times at which its plan gives way to another, microseconds, in order: what is open then is superseded, and
// if the plan is in force again later, drift is followed anew.
func (e *Engine) GivesWay(at []int64) { e.givesWay = at }

// Retain drops the open panes and cohorts that lie in the era of another plan, which was put in force after their first cells had
// come, and says so: their events and outcomes are missing from the other plan's, and neither a pane nor a cohort ever mixes plans.
func (e *Engine) Retain(hold func(us int64) bool) ([]finding.Finding, error) {
	var out []finding.Finding
	panes, cohorts := e.panes.Retain(hold)
	for _, p := range panes {
		f := e.SetAsideFinding(&record.Cell{Plan: e.plan.Digest(), Version: p.Version(), Pane: p.Start, Spans: p.Spans()})
		f.At, f.Window.End = plan.FromMicros(p.End), plan.FromMicros(p.End)
		if err := f.Seal(); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	for _, co := range cohorts {
		n := co.Outcomes()
		if n == 0 {
			continue // all were taken back
		}
		f := e.finding(co.Start, co.End, "", "plan "+e.plan.Digest(), "coverage")
		f.Contract = e.reigns.At(co.Start).Contract
		f.Metric, f.Value = "outcomes_of_another_plan", finding.Number(n) // joined counts know no offsets
		f.Verdict, f.Severity = finding.Fault, finding.Ticket
		if err := f.Seal(); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// joinedUpTo is the event time up to which predictions have been joined with what is known of them.
func joinedUpTo(p *plan.Plan, c *window.Clock) (us int64, ok bool) {
	us, ok = c.LowJoined(p.Prediction.Topic, p.Outcome.Topic)
	if !ok || p.Attributes == nil {
		return us, ok
	}
	beside, ok := c.LowBeside(p.Attributes.Projection.Topic)
	return min(us, beside), ok
}

// Taken says what other plans have judged already, panes and cohorts: what comes of them is late.
func (e *Engine) Taken(panes, cohorts []window.Stretch) { e.panes.Taken(panes, cohorts) }

// Reached is the event time up to which panes and cohorts were judged, microseconds; record.NoTime before the first of either.
func (e *Engine) Reached() (closed, mature int64) { return e.panes.Reached() }

// Done reports whether nothing more can come of the plan: it gave way to another at until (event time, microseconds), and every
// pane and cohort before has been judged and forgotten, and no alarm is open.
func (e *Engine) Done(until int64) bool {
	closed, mature := e.panes.Reached()
	lanes := closed != record.NoTime && closed >= until
	if e.plan.Outcome != nil && e.plan.Score != nil && mature != record.NoTime {
		lanes = lanes && mature >= until
	}
	return lanes && e.panes.Empty() && len(e.alarms) == 0
}

// Plan is the plan the engine judges by.
func (e *Engine) Plan() *plan.Plan { return e.plan }

// Late is how many events came after their pane was closed.
func (e *Engine) Late() int64 { return e.panes.Late() }

// Add takes one cell into account; nothing is judged before Advance.
func (e *Engine) Add(c *record.Cell) error {
	late := e.panes.Late()
	if err := e.panes.Add(c); err != nil {
		return err
	}
	if c.Kind == record.Counted {
		e.recent.hours.late(e.panes.Late() - late)
	}
	return nil
}

// Advance judges everything that has ended by the clock and hands out what was found, in the order it was decided.
func (e *Engine) Advance(c *window.Clock, emit func(finding.Finding) error) error {
	closed, mature := e.panes.Reached()
	shown, glimpsed := e.panes.Shown(), e.panes.Glimpsed()
	defer func() {
		nowClosed, nowMature := e.panes.Reached()
		e.moved = e.moved || closed != nowClosed || mature != nowMature || shown != e.panes.Shown() || glimpsed != e.panes.Glimpsed() // also where nothing was in the moments
	}()
	send := func(f finding.Finding) error {
		if err := f.Seal(); err != nil {
			return err
		}
		e.note(&f)
		return emit(f)
	}
	if low, ok := c.Low(e.plan.Prediction.Topic); ok {
		e.low = low
		if err := e.panes.Advance(low, func(n window.Ended) error { return e.judge(n, send) }); err != nil {
			return fmt.Errorf("judge panes of %s: %w", e.plan.Model, err)
		}
	}
	if e.plan.Outcome != nil && e.plan.Score != nil {
		if low, ok := joinedUpTo(e.plan, c); ok {
			if err := e.panes.Mature(low, func(n window.Ended) error { return e.judge(n, send) }); err != nil {
				return fmt.Errorf("judge outcomes of %s: %w", e.plan.Model, err)
			}
		}
	}
	if err := e.judgeCoverage(send); err != nil {
		return fmt.Errorf("judge coverage of %s: %w", e.plan.Model, err)
	}
	return e.supersedeReached(send)
}

func (e *Engine) judge(n window.Ended, emit func(finding.Finding) error) error {
	of := laneOfPanes
	if n.Cohort != nil || n.Truth != nil {
		of = laneOfOutcomes
	}
	if err := e.supersedeBefore(of, n.Start(), emit); err != nil {
		return err
	}
	e.plan = e.reigns.At(n.Start())
	switch {
	case n.Glimpse != nil:
		return e.judgeGlimpse(n.Glimpse, emit)
	case n.Moment != nil:
		if err := e.judgeMoment(n.Moment, emit); err != nil {
			return err
		}
		return e.serviceMoment(n.Moment, emit)
	case n.Base != nil:
		if err := e.judgeBase(n.Base, emit); err != nil {
			return err
		}
		return e.serviceBase(n.Base, emit)
	case n.Cohort != nil:
		if err := e.coverageCohort(n.Cohort); err != nil {
			return err
		}
		if err := e.judgeShares(&e.shares[drift.LabelledShare], []*window.Cohort{n.Cohort}, emit); err != nil {
			return err
		}
		if err := e.judgeConcept(n.Cohort, emit); err != nil {
			return err
		}
		return e.judgeBurns(n.Cohort, emit)
	case n.Test != nil:
		e.ended = append(e.ended, n.Test)
		if err := e.coveragePane(n.Test); err != nil {
			return err
		}
		return e.judgeTest(n.Test, emit)
	default:
		return e.judgeTruth(n.Truth, emit)
	}
}

// monitored reports whether a window is one to judge: after the reference, and not in a declared odd period.
func (e *Engine) monitored(start, end int64) bool {
	return start >= plan.Micros(e.plan.Reference.To) && !e.plan.Policy.OddBetween(start, end)
}

// finding fills in what every finding says.
func (e *Engine) finding(start, end int64, version, subject, channel string) finding.Finding {
	none := finding.None()
	return finding.Finding{
		Model: e.plan.Model, Version: version, At: plan.FromMicros(end),
		Window: finding.Window{Start: plan.FromMicros(start), End: plan.FromMicros(end)}, Onset: plan.FromMicros(start),
		Subject: subject, Channel: channel, Value: none, Reference: none, IgnoreBelow: none, Threshold: none,
		Evidence: finding.Evidence{Log10: none, Needed: none}, Baseline: e.plan.Baseline, Contract: e.plan.Contract,
	}
}

// offsets are where a pane's own events lie.
func offsets(p *window.Pane) finding.Offsets { return offsetsOf(p.Spans()) }

func offsetsOf(spans []record.Span) finding.Offsets {
	out := finding.Offsets{}
	for _, s := range spans {
		topic := out[s.Topic]
		if topic == nil {
			topic = map[string][2]int64{}
			out[s.Topic] = topic
		}
		topic[fmt.Sprint(s.Partition)] = [2]int64{s.First, s.Last}
	}
	return out
}

// Moved reports whether anything was judged or passed since the last call, cells apart: then the state is another one.
func (e *Engine) Moved() bool {
	moved := e.moved
	e.moved = false
	return moved
}

// TakeEnded hands over the test panes that ended since the last call, for the history.
func (e *Engine) TakeEnded() []*window.Pane {
	out := e.ended
	e.ended = nil
	return out
}

// TakeCohorts hands over the cohorts that became mature, or were revised after that, since the last call, for the history.
func (e *Engine) TakeCohorts() []*window.Cohort { return e.panes.TakeCohorts() }

// CoverageFinding says that some offsets of a source are not accounted for exactly once, or late.
func (e *Engine) CoverageFinding(p window.Problem) finding.Finding {
	at := p.At
	if at == record.NoTime {
		at = plan.Micros(e.plan.Reference.To)
	}
	f := e.finding(at, at, "", fmt.Sprintf("%s/%d", p.Topic, p.Partition), "coverage")
	f.Contract = e.reigns.At(at).Contract
	f.Metric, f.Value = "offsets_"+string(p.Kind), finding.Number(p.To-p.From)
	f.Verdict, f.Severity = finding.Fault, finding.Ticket
	if p.From < p.To {
		f.Offsets = finding.Offsets{p.Topic: {fmt.Sprint(p.Partition): {p.From, p.To - 1}}}
	}
	return f
}

// SetAsideFinding says that events of a pane were counted under another plan than the one in force at their event time,
// and are missing from the pane.
func (e *Engine) SetAsideFinding(c *record.Cell) finding.Finding {
	f := e.finding(c.Pane, c.Pane+e.plan.Pane.Microseconds(), c.Version, "plan "+c.Plan, "coverage")
	f.Contract = e.reigns.At(c.Pane).Contract // not of what was judged last: a restart must not show
	f.Metric, f.Value = "offsets_of_another_plan", 0
	f.Verdict, f.Severity = finding.Fault, finding.Ticket
	for _, s := range c.Spans {
		if f.Offsets == nil {
			f.Offsets = finding.Offsets{}
		}
		if f.Offsets[s.Topic] == nil {
			f.Offsets[s.Topic] = map[string][2]int64{}
		}
		f.Offsets[s.Topic][fmt.Sprint(s.Partition)] = [2]int64{s.First, s.Last}
		f.Value += finding.Number(s.Last - s.First + 1)
	}
	return f
}
