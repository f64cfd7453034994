package engine

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// shareWatch follows a share of mature cohorts by what the plan has learnt of it. It is of the lane of outcomes.
type shareWatch struct {
	of     drift.TruthShare
	engine *sequential.Engine // nil: nothing came yet
	by     *plan.Plan         // under whose policy the engine is
	gather *sequential.Gather
	held   drift.ShareCounts // what is being gathered
	curve  *sketch.Curve     // its outcomes by score, where they are explained by what scores mean; nil: nothing yet
	onsets []int64           // by stream, of the alarm that is open
	end    int64             // of the last cohort, 0 before the first
}

// newShareWatches are those of a stream of which nothing came yet.
func newShareWatches() (out [2]shareWatch) {
	for i, of := range drift.TruthShares() {
		out[i].of = of
	}
	return out
}

func (w *shareWatch) ready(p *plan.Plan) error {
	if w.engine == nil {
		e, err := w.of.Open(p)
		if err != nil {
			return err
		}
		held := w.of.None(p, 0, 0)
		*w = shareWatch{of: w.of, engine: e, gather: &sequential.Gather{}, held: held, onsets: make([]int64, len(held.Of))}
	}
	if w.by == p {
		return nil
	}
	w.by = p
	return w.engine.Govern(w.of.Watch(p))
}

// judgeShares takes mature cohorts of the whole, in order.
func (e *Engine) judgeShares(w *shareWatch, cohorts []*window.Cohort, emit func(finding.Finding) error) error {
	if !w.of.Learnt(e.plan) {
		return nil
	}
	for _, c := range cohorts {
		if c.Start < plan.Micros(e.plan.Reference.To) {
			continue
		}
		if over(w.end, c.Start, e.givesWay) {
			*w = shareWatch{of: w.of}
		}
		err := w.ready(e.plan)
		if err == nil {
			err = e.judgeShare(w, c, emit)
		}
		if err != nil {
			return fmt.Errorf("judge %s of %s: %w", w.of, e.plan.Model, err)
		}
	}
	return nil
}

func (e *Engine) judgeShare(w *shareWatch, c *window.Cohort, emit func(finding.Finding) error) error {
	w.end, e.watch.moved = c.End, true
	known, err := c.View(e.plan, nil, nil)
	if err != nil {
		return err
	}
	curve, now := truth.CurveOf(known), w.of.None(e.plan, c.Start, c.End)
	w.of.Take(e.plan, &now, curve, curve)
	if !now.Possible() { // the cells are damaged, and must not stop what judges the others
		now = w.of.None(e.plan, c.Start, c.End)
	}
	if w.of == drift.LabelledShare && now.Of[0] == 0 { // nobody counted predictions: a build that didn't, or they all came too late
		return nil
	}
	if e.plan.Policy.OddBetween(c.Start, c.End) {
		w.gather.Skip(c.End)
		w.held, w.curve = w.of.None(e.plan, 0, 0), nil
		_, err := w.engine.Advance(&sequential.Pane{Start: c.Start, End: c.End, N: now.Of[0], Counts: now.Count()}) // time passes for it
		return err
	}
	pane, enough, err := w.gather.Add(now.Start, now.End, now.Of[0], now.Count())
	w.held.Merge(&now)
	if err == nil && now.Of[0] > 0 {
		err = w.explainBy(e.plan, curve)
	}
	if err != nil || !enough {
		return err
	}
	outcomes := w.curve
	w.held, w.curve = w.of.None(e.plan, 0, 0), nil
	step, err := w.engine.Advance(&pane)
	if err != nil {
		return err
	}
	for i := range step.Alarms {
		w.onsets[w.of.Stream(step.Alarms[i].Stream)] = step.Alarms[i].Onset
		if err := emit(e.shareAlarm(w, c, &pane, &step.Alarms[i], outcomes)); err != nil {
			return err
		}
	}
	for _, r := range step.Recovered {
		f := e.shareFinding(w, c, &pane, w.of.Stream(r.Stream))
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

// explainBy gathers the outcomes of a test pane by score, where the plan has learnt what scores mean: they explain a label rate.
func (w *shareWatch) explainBy(p *plan.Plan, curve *sketch.Curve) error {
	if w.of != drift.LabelRate || len(p.Concept) == 0 {
		return nil
	}
	if w.curve == nil {
		w.curve = sketch.NewCurve(p.Score.Bins())
	}
	return w.curve.Merge(truth.Told(p, curve))
}

func (w *shareWatch) append(b []byte) []byte {
	b = wire.Bool(b, w.engine != nil)
	if w.engine == nil {
		return b
	}
	b = wire.Int(b, w.end)
	for i, onset := range w.onsets {
		b = wire.Int(wire.Int(wire.Int(b, onset), w.held.Of[i]), w.held.Hits[i])
	}
	if w.of == drift.LabelRate {
		var curve []byte
		if w.curve != nil {
			curve = w.curve.AppendBinary(nil)
		}
		b = wire.Bytes(b, curve)
	}
	return wire.Bytes(wire.Bytes(b, w.gather.AppendBinary(nil)), w.engine.AppendBinary(nil))
}

func readShareWatch(of drift.TruthShare, p *plan.Plan, format uint64, r *wire.Reader) (shareWatch, error) {
	w := shareWatch{of: of}
	if !r.Bool() || r.Err() != nil {
		return w, r.Err()
	}
	if of == drift.LabelledShare && !p.Score.Binary() {
		return w, errGathered
	}
	w.end, w.held = r.Int(), of.None(p, 0, 0)
	for i := range w.held.Of {
		w.onsets = append(w.onsets, r.Int())
		w.held.Of[i], w.held.Hits[i] = r.Int(), r.Int()
	}
	if of == drift.LabelRate && format > 2 {
		body := r.Bytes()
		if len(body) > 0 && p.Score != nil {
			var err error
			if w.curve, err = readWholeCurve(p, body); err != nil {
				return w, err
			}
		}
	}
	gathered, learnt := wire.NewReader(r.Bytes()), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return w, err
	}
	if !w.held.Possible() {
		return w, fmt.Errorf("%s: %d of %d", of, w.held.Hits, w.held.Of)
	}
	var err error
	if w.gather, err = sequential.ReadGather(gathered, w.held.Of[0], w.held.Count()); err != nil {
		return w, err
	}
	if err := gathered.Close(); err != nil {
		return w, err
	}
	if w.engine, err = sequential.Read(of.Watch(p), learnt); err != nil {
		return w, err
	}
	return w, learnt.Close()
}
