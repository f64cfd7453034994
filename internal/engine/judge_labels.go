package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// labelWatch follows the label rate by what the plan has learnt of it. It is of the lane of outcomes.
type labelWatch struct {
	engine *sequential.Engine // nil: nothing came yet
	by     *plan.Plan         // under whose policy the engine is
	gather *sequential.Gather
	held   drift.Cohort  // what is being gathered
	curve  *sketch.Curve // the same by score, where the plan has learnt what scores mean; nil: nothing yet
	onset  int64         // of the alarm that is open
	end    int64         // of the last cohort, 0 before the first
}

func (w *labelWatch) ready(p *plan.Plan) error {
	if w.engine == nil {
		e, err := drift.OpenLabels(p)
		if err != nil {
			return err
		}
		*w = labelWatch{engine: e, gather: &sequential.Gather{}}
	}
	if w.by == p {
		return nil
	}
	w.by = p
	return w.engine.Govern(drift.WatchLabels(p))
}

// judgeLabels takes the mature cohorts of a truth pane, in order, of the whole.
func (e *Engine) judgeLabels(cohorts []*window.Cohort, emit func(finding.Finding) error) error {
	w := &e.labels
	if len(e.plan.DriftLabels) == 0 {
		return nil
	}
	for _, c := range cohorts {
		if c.Start < plan.Micros(e.plan.Reference.To) {
			continue
		}
		if over(w.end, c.Start, e.givesWay) {
			*w = labelWatch{}
		}
		err := w.ready(e.plan)
		if err == nil {
			err = e.judgeLabelsOf(c, emit)
		}
		if err != nil {
			return fmt.Errorf("judge label rate of %s: %w", e.plan.Model, err)
		}
	}
	return nil
}

func (e *Engine) judgeLabelsOf(c *window.Cohort, emit func(finding.Finding) error) error {
	w := &e.labels
	w.end, e.watch.moved = c.End, true
	known, err := c.View(e.plan, nil, nil)
	if err != nil {
		return err
	}
	curve := truth.Told(e.plan, truth.CurveOf(known))
	now := drift.Cohort{Start: c.Start, End: c.End, Labels: sum(curve.Labels), Positive: sum(curve.Pos)}
	if now.Labels < 0 || now.Positive < 0 || now.Positive > now.Labels {
		now.Labels, now.Positive = 0, 0 // no outcomes count so: the cells are damaged, and must not stop what judges the others
	}
	if e.plan.Policy.OddBetween(c.Start, c.End) {
		w.gather.Skip(c.End)
		w.held, w.curve = drift.Cohort{}, nil
		_, err := w.engine.Advance(&sequential.Pane{Start: c.Start, End: c.End, N: now.Labels, Counts: now.Count()}) // time passes for it
		return err
	}
	pane, enough, err := w.gather.Add(now.Start, now.End, now.Labels, now.Count())
	w.held.Labels, w.held.Positive = w.held.Labels+now.Labels, w.held.Positive+now.Positive
	if err == nil && len(e.plan.Concept) > 0 && now.Labels > 0 {
		if w.curve == nil {
			w.curve = sketch.NewCurve(e.plan.Score.Bins())
		}
		err = w.curve.Merge(curve)
	}
	if err != nil || !enough {
		return err
	}
	outcomes := w.curve
	w.held, w.curve = drift.Cohort{}, nil
	step, err := w.engine.Advance(&pane)
	if err != nil {
		return err
	}
	for i := range step.Alarms {
		a := &step.Alarms[i]
		w.onset = a.Onset
		f := e.labelFinding(c, &pane)
		f.Verdict, f.Severity = finding.Drift, finding.Ticket
		f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
		f.Value, f.Reference, f.IgnoreBelow = finding.Number(a.Now-a.Before), 0, finding.Number(e.plan.Policy.Floor)
		f.Numbers = []finding.Figure{{Name: "positive outcomes", Before: finding.Number(100 * a.Before), Now: finding.Number(100 * a.Now), Unit: "%"}}
		e.explain(&f, outcomes)
		if err := emit(f); err != nil {
			return err
		}
	}
	for range step.Recovered {
		f := e.labelFinding(c, &pane)
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

// explain says why outcomes are not as often positive as they were, where the plan has learnt what scores mean: for scores lie elsewhere, for
// positives are more (less) frequent, or for the same scores mean something else.
func (e *Engine) explain(f *finding.Finding, outcomes *sketch.Curve) {
	if outcomes == nil || e.concept.ready(e.plan) != nil || len(e.concept.streams) == 0 {
		return
	}
	c := e.concept.streams[0].Null().Explain(outcomes)
	f.Cause = string(c.Kind)
	f.Numbers = append(f.Numbers,
		finding.Figure{Name: "positive outcomes that these scores meant", Before: finding.None(), Now: finding.Number(100 * c.Expected), Unit: "%"},
		finding.Figure{Name: "mean score", Before: finding.Number(c.ScoreWas), Now: finding.Number(c.Score)})
}

func (e *Engine) labelFinding(c *window.Cohort, pane *sequential.Pane) finding.Finding {
	f := e.finding(pane.Start, pane.End, c.Version(), "outcome", "label_rate")
	f.Onset, f.Metric = plan.FromMicros(e.labels.onset), "positive_share_change"
	f.N = finding.Sizes{Reference: e.plan.Score.Labels, Current: pane.N}
	return f
}

func (w *labelWatch) append(b []byte) []byte {
	b = wire.Bool(b, w.engine != nil)
	if w.engine == nil {
		return b
	}
	for _, v := range []int64{w.end, w.onset, w.held.Labels, w.held.Positive} {
		b = wire.Int(b, v)
	}
	var curve []byte
	if w.curve != nil {
		curve = w.curve.AppendBinary(nil)
	}
	return wire.Bytes(wire.Bytes(wire.Bytes(b, curve), w.gather.AppendBinary(nil)), w.engine.AppendBinary(nil))
}

func readLabelWatch(p *plan.Plan, format uint64, r *wire.Reader) (w labelWatch, err error) {
	if !r.Bool() || r.Err() != nil {
		return labelWatch{}, r.Err()
	}
	w.end, w.onset, w.held.Labels, w.held.Positive = r.Int(), r.Int(), r.Int(), r.Int()
	if format > 2 {
		if body := r.Bytes(); len(body) > 0 && p.Score != nil {
			if w.curve, err = readWholeCurve(p, body); err != nil {
				return labelWatch{}, err
			}
		}
	}
	gathered, learnt := wire.NewReader(r.Bytes()), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return labelWatch{}, err
	}
	if w.held.Positive < 0 || w.held.Positive > w.held.Labels {
		return labelWatch{}, fmt.Errorf("%d positive outcomes of %d", w.held.Positive, w.held.Labels)
	}
	if w.gather, err = sequential.ReadGather(gathered, w.held.Labels, w.held.Count()); err != nil {
		return labelWatch{}, err
	}
	if err := gathered.Close(); err != nil {
		return labelWatch{}, err
	}
	if w.engine, err = sequential.Read(drift.WatchLabels(p), learnt); err != nil {
		return labelWatch{}, err
	}
	return w, learnt.Close()
}
