package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/concept"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// meaningMetric is the metric of findings on what scores mean.
const meaningMetric = "shift_in_logits"

// conceptWatch follows what scores mean, as a whole and by slice, by what the plan has learnt of it. It is of the lane of outcomes.
type conceptWatch struct {
	streams []drift.Meaning // nil: nothing came yet
	by      *plan.Plan      // under whose policy they are
	said    []meaningSaid   // by stream
	end     int64           // of the last cohort, 0 before the first

	// What is gathered of the day that begins at start; nothing where held is nil.
	start int64
	hours float64
	held  []*sketch.Curve // by stream
}

// meaningSaid is what was said of a stream that is open.
type meaningSaid struct {
	onset int64
	told  bool    // not where a slice goes with the whole
	shift float64 // in logits, and the slope, 1 where it can't be told
	slope float64
	soFar spent      // since the onset
	days  []daySpent // the latest, whether open or not: an onset lies in the past
}

// daySpent is how the decisions of a day turned out.
type daySpent struct {
	start int64
	spent
}

// rememberedDays is how many days are remembered.
const rememberedDays = 64

func (m *meaningSaid) remember(d daySpent) {
	if len(m.days) == rememberedDays {
		m.days = append(m.days[:0], m.days[1:]...)
	}
	m.days = append(m.days, d)
}

// since is what the days from an onset on have come to, as far as they are remembered.
func (m *meaningSaid) since(onset int64) (sum spent) {
	for _, d := range m.days {
		if d.start >= onset {
			sum.add(d.spent)
		}
	}
	return sum
}

// ready reads what the plan has learnt, and follows it to the policy that is in force.
func (w *conceptWatch) ready(p *plan.Plan) error {
	if w.streams == nil {
		streams, err := drift.OpenCalibration(p)
		if err != nil {
			return err
		}
		*w = conceptWatch{streams: streams, said: make([]meaningSaid, len(streams)), by: p}
	}
	if w.by != p {
		w.by = p
		drift.GovernCalibration(p, w.streams)
	}
	return nil
}

// of is the stream of a view, -1 where none is followed.
func (w *conceptWatch) of(view int) int {
	for i := range w.streams {
		if w.streams[i].View == view {
			return i
		}
	}
	return -1
}

// followsConcept reports whether what scores mean is followed in a view; then its calibration isn't judged pane by pane.
func (e *Engine) followsConcept(view int) bool { return e.concept.of(view) >= 0 }

// meaningOpen is the stream of a view of which an alarm was told and is open.
func (e *Engine) meaningOpen(view int) (at int, open bool) {
	at = e.concept.of(view)
	return at, at >= 0 && e.concept.streams[at].Open() && e.concept.said[at].told
}

// judgeConcept takes the next mature cohort.
func (e *Engine) judgeConcept(c *window.Cohort, emit func(finding.Finding) error) error {
	w := &e.concept
	if len(e.plan.Concept) == 0 || c.Start < plan.Micros(e.plan.Reference.To) {
		return nil
	}
	if over(w.end, c.Start, e.givesWay) {
		*w = conceptWatch{}
	}
	err := w.ready(e.plan)
	if err == nil {
		err = e.gatherDay(c, emit)
	}
	if err != nil {
		return fmt.Errorf("judge what scores of %s mean: %w", e.plan.Model, err)
	}
	return nil
}

// gatherDay adds a cohort to its day, and judges the day before when that is over, and its own when that is.
func (e *Engine) gatherDay(c *window.Cohort, emit func(finding.Finding) error) error {
	w := &e.concept
	w.end, e.watch.moved = c.End, true
	start := drift.DayOf(e.plan, c.Start)
	if w.held != nil && w.start != start {
		if err := e.judgeDay(c.Version(), emit); err != nil {
			return err
		}
	}
	if !e.plan.Policy.OddBetween(c.Start, c.End) {
		if w.held == nil {
			w.start, w.hours, w.held = start, 0, make([]*sketch.Curve, len(w.streams))
			for i := range w.held {
				w.held[i] = sketch.NewCurve(e.plan.Score.Bins())
			}
		}
		w.hours += float64(c.End-c.Start) / 3600e6
		for i := range w.streams {
			v := &e.plan.Score.Views[w.streams[i].View]
			part, err := c.View(e.plan, v.Dims, v.Codes)
			if err != nil {
				return err
			}
			if err := w.held[i].Merge(truth.Told(e.plan, truth.CurveOf(part))); err != nil {
				return err
			}
		}
	}
	if w.held != nil && c.End >= drift.DayEnd(e.plan, start) {
		return e.judgeDay(c.Version(), emit)
	}
	return nil
}

// judgeDay judges the day that was gathered, the whole before its slices.
func (e *Engine) judgeDay(version string, emit func(finding.Finding) error) error {
	w := &e.concept
	held, hours := w.held, w.hours
	w.held, w.hours = nil, 0
	recovered := false
	for i := range w.streams {
		s, said := &w.streams[i], &w.said[i]
		day := concept.Day{Start: w.start, End: drift.DayEnd(e.plan, w.start), Hours: hours, Curve: held[i]}
		if i > 0 && recovered && s.Open() && !said.told { // the whole is back: what went with it is judged anew
			s.Close()
			*said = meaningSaid{days: said.days}
		}
		step, err := s.Advance(&day)
		if err != nil {
			continue // no outcomes count so: the cells are damaged, and must not stop what judges the others
		}
		now := spent{Turned: turnedUnder(e.plan, held[i])}
		said.remember(daySpent{day.Start, now})
		if s.Open() && step.Alarm == nil && said.told {
			said.soFar.add(now)
		}
		switch {
		case step.Alarm != nil:
			a := step.Alarm
			*said = meaningSaid{onset: a.Onset, shift: a.Change.Shift, slope: slopeOf(&a.Change), told: i == 0 || !e.goesWithWhole(&a.Change), days: said.days}
			if !said.told {
				continue
			}
			said.soFar = said.since(a.Onset)
			if err := emit(e.meaningAlarm(i, &day, version, a)); err != nil {
				return err
			}
		case step.Recovered:
			if recovered = recovered || i == 0; said.told {
				f := e.meaningFinding(i, day.Start, day.End, version, day.Curve)
				f.Verdict, f.Severity = finding.Equivalent, finding.Info
				if err := emit(f); err != nil {
					return err
				}
			}
			*said = meaningSaid{days: said.days}
		}
	}
	return nil
}

// goesWithWhole reports whether the whole is open and a slice's map moved as it did, as far as can be told: then the slice has nothing of its own to say.
func (e *Engine) goesWithWhole(c *concept.Change) bool {
	w := &e.concept
	shift, slope := math.Abs(c.Shift-w.said[0].shift), math.Abs(slopeOf(c)-w.said[0].slope)
	return w.streams[0].Open() && shift <= concept.Tolerance+2*c.ShiftSE && (slope <= concept.SlopeTolerance || slope <= 2*c.SlopeSE)
}

func slopeOf(c *concept.Change) float64 {
	if math.IsNaN(c.Slope) {
		return 1
	}
	return c.Slope
}

// meaningFinding is what alarms, recoveries and what lies between have in common.
func (e *Engine) meaningFinding(at int, start, end int64, version string, c *sketch.Curve) finding.Finding {
	s := &e.concept.streams[at]
	f := e.finding(start, end, version, "outcome", "calibration")
	f.Onset, f.Slice, f.Metric = plan.FromMicros(e.concept.said[at].onset), e.plan.Score.Views[s.View].Slice, meaningMetric
	f.N = finding.Sizes{Reference: s.Null().Labels(), Current: sum(c.Labels)}
	return f
}

func (e *Engine) meaningAlarm(at int, day *concept.Day, version string, a *concept.Alarm) finding.Finding {
	s := &e.concept.streams[at]
	v := &e.plan.Score.Views[s.View]
	f := e.meaningFinding(at, day.Start, day.End, version, a.Since)
	f.Cause = string(a.Change.Kind)
	f.Value, f.Reference, f.IgnoreBelow = finding.Number(a.Change.Shift), 0, finding.Number(s.Null().Typical())
	f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
	f.Impact = e.meaningImpact(at, day, a)
	f.Verdict, f.Severity = finding.Drift, e.identified(truth.Under(e.plan, a.Since), e.severity(v, f.Impact))
	f.Numbers = append(e.meaningFigures(v, a), e.standsFor(truth.Under(e.plan, a.Since))...)
	return f
}

// meaningFigures are what convinces a person that scores mean something else: the rate of positives that these scores meant against the one that came, or
// the slope where that says more.
func (e *Engine) meaningFigures(v *plan.View, a *concept.Alarm) []finding.Figure {
	c := &a.Change
	rate := finding.Figure{Name: "positive outcomes at these scores", Before: finding.Number(100 * c.Expected), Now: finding.Number(100 * c.Observed), Unit: "%"}
	slope := finding.Figure{Name: "slope of outcomes over scores", Before: 1, Now: finding.Number(c.Slope)}
	out := []finding.Figure{rate}
	if turned := math.Abs(c.Slope - 1); turned > concept.SlopeTolerance && turned > 2*c.SlopeSE {
		out = append(out, slope)
		if math.Abs(c.Shift) <= concept.Tolerance+2*c.ShiftSE {
			out[0], out[1] = slope, rate
		}
	}
	cost, _ := Find(plan.TwoClasses, expectedCost)
	now, ok := cost.Value(truth.Under(e.plan, a.Since), e.plan.Policy.Costs)
	if before, had := v.Measured(cost.Name, e.plan.Policy.Costs); ok && had {
		out = append(out, finding.Figure{Name: cost.Words, Before: finding.Number(before.Value), Now: finding.Number(now), Unit: e.plan.Policy.Costs.Currency})
	}
	return append(out,
		finding.Figure{Name: "shift of what a score means", Before: finding.None(), Now: finding.Number(c.Shift), Unit: "logits"},
		finding.Figure{Name: "mean score", Before: finding.Number(c.ScoreWas), Now: finding.Number(c.Score)})
}

// meaningImpact is what the outcomes since the onset cost a day beyond the reference. The band is multinomial, widened by the dispersion that outcomes
// showed in the reference.
func (e *Engine) meaningImpact(at int, day *concept.Day, a *concept.Alarm) *finding.Impact {
	s := &e.concept.streams[at]
	if _, had := e.plan.Score.Views[s.View].Measured("expected_cost", e.plan.Policy.Costs); e.plan.Policy.Costs == nil || !had {
		return nil
	}
	since := truth.Under(e.plan, a.Since)
	est, ok := costOf(since, e.plan.Policy.Costs)
	if !ok {
		return nil
	}
	// The evidence may begin before the onset: what a decision scatters by is of all of it, what it costs of the days since the onset.
	all, days := float64(day.End-a.From)/86400e6, float64(day.End-a.Onset)/86400e6
	decisions := truth.Decisions(e.plan, since) / all
	soFar := e.beyond(&e.plan.Score.Views[s.View], &e.concept.said[at].soFar)
	ref, _ := e.plan.Score.Views[s.View].Measured(expectedCost, e.plan.Policy.Costs)
	beyond := func(aDay float64) float64 { return ref.Value + aDay/decisions } // of a decision
	perDay, reach := soFar/days, stat.NormalQuantile(0.975)*est.SE*math.Sqrt(s.Null().Dispersion*all/days)*decisions
	return &finding.Impact{
		Currency: e.plan.Policy.Costs.Currency, PerDay: finding.Number(perDay), Band: [2]finding.Number{finding.Number(perDay - reach), finding.Number(perDay + reach)},
		SoFar: cents(soFar), Basis: finding.Measured, Burn: e.burnOf(&e.plan.Score.Views[s.View], beyond(perDay), beyond(perDay-reach)),
	}
}

// meaningGoesOn tells what an open alarm costs, once per truth pane.
func (e *Engine) meaningGoesOn(at int, t *truthPane, impact finding.Impact) finding.Finding {
	impact.SoFar = cents(e.beyond(&e.plan.Score.Views[e.concept.streams[at].View], &e.concept.said[at].soFar))
	f := e.meaningFinding(at, t.start, t.end, t.version, truth.CurveOf(t.whole))
	f.Verdict, f.Severity, f.Impact = finding.Undecided, finding.Info, &impact
	return f
}
