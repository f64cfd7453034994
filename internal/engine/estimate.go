package engine

import (
	"math"

	"github.com/plumbline-ml/plumbline/internal/concept"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// estimateRests is what every estimate rests on, told with it.
const estimateRests = "the same score still means the same outcome as in the reference"

// Estimate is how the decisions of some predictions are expected to turn out before their outcomes are known: to look at, no alarm comes of it.
type Estimate struct {
	Slice   map[string]string    `json:"slice,omitempty"` // none: the whole
	N       int64                `json:"n"`               // predictions
	Assumes string               `json:"assumes"`
	Metrics map[string]Estimated `json:"metrics,omitempty"`
	// Suspended says why there are no numbers: the scores' meaning has been found to have changed, and what was assumed is known to be wrong.
	Suspended string `json:"suspended,omitempty"`
}

// Estimated is one metric of an Estimate. The band is 95 %: of the outcomes' chance and of what the reference leaves in doubt.
type Estimated struct {
	Value finding.Number    `json:"value"`
	Band  [2]finding.Number `json:"band"`
}

// estimators are the metrics that are estimated. Where an event's own decision counts, only those that need none.
var estimators = []struct {
	name    string
	decides bool
	value   func(*stat.Expected, *plan.Costs) (stat.Estimate, bool)
}{
	{"expected_cost", true, func(x *stat.Expected, c *plan.Costs) (stat.Estimate, bool) {
		if c == nil {
			return stat.Estimate{}, false
		}
		return x.ExpectedCost(prices(c))
	}},
	{"roc_auc", false, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.ROCAUC() }},
	{"accuracy", true, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.Accuracy() }},
	{"precision", true, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.Precision() }},
	{"recall", true, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.Recall() }},
	{"specificity", true, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.Specificity() }},
	{"f1", true, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.F1() }},
	{"label_rate", false, func(x *stat.Expected, _ *plan.Costs) (stat.Estimate, bool) { return x.LabelRate() }},
}

// estimate expects what so many predictions by score bin will come to, by what their scores meant in the reference.
func estimate(p *plan.Plan, null *concept.Null, predictions []int64) (n int64, out map[string]Estimated) {
	c, ok := null.Calibration()
	if !ok || !tellsAll(p.Score) {
		return 0, nil
	}
	x, ok := c.Expect(predictions, p.Score.FirstPositive(), null.Dispersion)
	if !ok {
		return 0, nil
	}
	out = map[string]Estimated{}
	for _, m := range estimators {
		if m.decides && p.Score.Own {
			continue
		}
		v, ok := m.value(&x, p.Policy.Costs)
		if !ok || math.IsNaN(v.Value) || math.IsNaN(v.SE) {
			continue
		}
		reach := stat.NormalQuantile(0.975) * v.SE
		lo, hi := v.Value-reach, v.Value+reach
		if m.name != "expected_cost" { // shares
			lo, hi = max(lo, 0), min(hi, 1)
		}
		out[m.name] = Estimated{finding.Number(v.Value), [2]finding.Number{finding.Number(lo), finding.Number(hi)}}
	}
	return x.N, out
}

// nearlyArrived is the share of positive outcomes from which on those that are still to come are left out of estimates.
const nearlyArrived = 0.95

// tellsAll reports whether what scores were learnt to mean is what outcomes come to in the end. Where only positive ones are reported, it is what has come
// by the time a cohort is mature.
func tellsAll(s *plan.Score) bool {
	return s.Missing != plan.PositivesOnly || s.Arrived != nil && s.Arrived.Share() >= nearlyArrived
}

// estimatePane expects what a test pane comes to, as a whole and in the slices whose scores' meaning is known. Nothing of outcomes enters: whether it
// is suspended is said when it is shown, see Snapshot.
func (e *Engine) estimatePane(pane *window.Pane) error {
	meanings, err := e.knownMeanings()
	if err != nil {
		return err
	}
	e.snapshot.Estimates = nil
	for i := range meanings {
		v := &e.plan.Score.Views[meanings[i].View]
		set, err := pane.View(e.plan, v.Dims, v.Codes)
		if err != nil {
			return err
		}
		if n, metrics := estimate(e.plan, meanings[i].Null(), set.Curve.N); n > 0 {
			e.snapshot.Estimates = append(e.snapshot.Estimates, Estimate{Slice: v.Slice, N: n, Assumes: estimateRests, Metrics: metrics})
		}
	}
	return nil
}

// Suspension says for which slices no estimate can be given: alarms of what scores mean are open. It is of one plan.
type Suspension struct {
	whole  bool
	slices map[string]bool // by finding.SliceKey
}

// Suspension is how it stands.
func (e *Engine) Suspension() Suspension {
	s := Suspension{slices: map[string]bool{}}
	for i := range e.concept.streams {
		if m := &e.concept.streams[i]; m.Open() {
			key := finding.SliceKey(e.plan.Score.Views[m.View].Slice)
			s.whole, s.slices[key] = s.whole || key == "", true
		}
	}
	return s
}

// suspended takes the numbers out of the estimates that can't be given. Where the whole is open, no slice is estimated either.
func (s *Suspension) suspended(all []Estimate) []Estimate {
	out := make([]Estimate, len(all))
	for i, x := range all {
		if s.whole || s.slices[finding.SliceKey(x.Slice)] {
			x.Metrics, x.Suspended = nil, "scores no longer mean what they did: an alarm on calibration is open"
		}
		out[i] = x
	}
	return out
}

// Suspend takes the numbers out of the estimates of windows that can't be given. It leaves the argument as it is.
func (s *Suspension) Suspend(windows []WindowSnapshot) []WindowSnapshot {
	out := make([]WindowSnapshot, len(windows))
	for i, w := range windows {
		if w.Estimate != nil {
			w.Estimate = &s.suspended([]Estimate{*w.Estimate})[0]
		}
		out[i] = w
	}
	return out
}

// Scored is how the estimates of a metric held, over the truth panes so far.
type Scored struct {
	Panes  int            `json:"panes"`      // that were estimated and came out
	Inside int            `json:"inside"`     // of them, in the band
	Error  finding.Number `json:"mean_error"` // mean of estimated less realised
	Off    finding.Number `json:"mean_abs_error"`
}

// scored is the same as sums.
type scored struct {
	Panes  int     `json:"panes"`
	Inside int     `json:"inside"`
	Error  float64 `json:"error"`
	Off    float64 `json:"off"`
}

// ScoredSlice is how the estimates of one slice held.
type ScoredSlice struct {
	Slice   map[string]string `json:"slice"`
	Metrics map[string]Scored `json:"metrics"`
}

// scoreEstimates holds what the scores of a truth pane let one expect, as a whole or in a slice, against what its outcomes came to, where the meaning of scores was
// not known to have changed. The estimate is of the same predictions, so that it is the map that is scored and not who got an outcome.
func (e *Engine) scoreEstimates(view int, c truth.Counts) (estimated map[string]Estimated, suspended bool) {
	at, whole := e.concept.of(view), e.concept.of(0)
	if at < 0 || c.Labels() == 0 {
		return nil, false
	}
	if e.concept.streams[at].Open() || whole >= 0 && e.concept.streams[whole].Open() {
		return nil, true
	}
	_, estimated = estimate(e.plan, e.concept.streams[at].Null(), truth.Told(e.plan, truth.CurveOf(c)).Labels)
	key := finding.SliceKey(e.plan.Score.Views[view].Slice)
	for _, m := range estimators {
		x, expected := estimated[m.name]
		of, known := Find(e.plan.Score.Task, m.name)
		if !expected || !known {
			continue
		}
		v, ok := of.Value(c, e.plan.Policy.Costs)
		if !ok {
			continue
		}
		if e.scored == nil {
			e.scored = map[string]map[string]scored{}
		}
		if e.scored[key] == nil {
			e.scored[key] = map[string]scored{}
		}
		turned := finding.Number(v)
		s := e.scored[key][m.name]
		s.Panes++
		s.Error += float64(x.Value - turned)
		s.Off += math.Abs(float64(x.Value - turned))
		if turned >= x.Band[0] && turned <= x.Band[1] {
			s.Inside++
		}
		e.scored[key][m.name] = s
	}
	return estimated, false
}

// howEstimatesHeld says it of the whole and of slices, in the plan's order; nil before the first that came out.
func (e *Engine) howEstimatesHeld() (whole map[string]Scored, slices []ScoredSlice) {
	if e.plan.Score == nil {
		return nil, nil
	}
	for i := range e.plan.Score.Views {
		v := &e.plan.Score.Views[i]
		sums := e.scored[finding.SliceKey(v.Slice)]
		if len(sums) == 0 {
			continue
		}
		out := make(map[string]Scored, len(sums))
		for name, s := range sums {
			k := float64(s.Panes)
			out[name] = Scored{s.Panes, s.Inside, finding.Number(s.Error / k), finding.Number(s.Off / k)}
		}
		if len(v.Dims) == 0 {
			whole = out
			continue
		}
		slices = append(slices, ScoredSlice{v.Slice, out})
	}
	return whole, slices
}

// knownMeanings is what the plan has learnt of its scores' meaning, for the lane of panes: it is never changed.
func (e *Engine) knownMeanings() ([]drift.Meaning, error) {
	if e.meanings == nil && len(e.plan.Concept) > 0 {
		var err error
		if e.meanings, err = drift.OpenCalibration(e.plan); err != nil {
			return nil, err
		}
	}
	return e.meanings, nil
}
