package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// labelledWatch follows which predictions get an outcome, by what the plan has learnt of it. It is of the lane of outcomes.
type labelledWatch struct {
	engine *sequential.Engine // nil: nothing came yet
	by     *plan.Plan         // under whose policy the engine is
	gather *sequential.Gather
	held   drift.Labelled // what is being gathered
	onsets []int64        // by stream, of the alarm that is open
	end    int64          // of the last cohort, 0 before the first
}

func (w *labelledWatch) ready(p *plan.Plan) error {
	if w.engine == nil {
		e, err := drift.OpenLabelled(p)
		if err != nil {
			return err
		}
		*w = labelledWatch{engine: e, gather: &sequential.Gather{}, held: drift.NewLabelled(p, 0, 0), onsets: make([]int64, 1+p.Score.Bands())}
	}
	if w.by == p {
		return nil
	}
	w.by = p
	return w.engine.Govern(drift.WatchLabelled(p))
}

// judgeLabelled takes the next mature cohort.
func (e *Engine) judgeLabelled(c *window.Cohort, emit func(finding.Finding) error) error {
	w := &e.labelled
	if len(e.plan.DriftLabelled) == 0 || c.Start < plan.Micros(e.plan.Reference.To) {
		return nil
	}
	if over(w.end, c.Start, e.givesWay) {
		*w = labelledWatch{}
	}
	err := w.ready(e.plan)
	if err == nil {
		err = e.judgeLabelledOf(c, emit)
	}
	if err != nil {
		return fmt.Errorf("judge share labelled of %s: %w", e.plan.Model, err)
	}
	return nil
}

func (e *Engine) judgeLabelledOf(c *window.Cohort, emit func(finding.Finding) error) error {
	w := &e.labelled
	w.end, e.watch.moved = c.End, true
	known, err := c.View(e.plan, nil, nil)
	if err != nil {
		return err
	}
	curve, now := truth.CurveOf(known), drift.NewLabelled(e.plan, c.Start, c.End)
	now.Add(e.plan, curve, curve)
	if now.Predictions[0] == 0 { // nobody counted them: a build that didn't, or they all came too late
		return nil
	}
	if e.plan.Policy.OddBetween(c.Start, c.End) {
		w.gather.Skip(c.End)
		w.held = drift.NewLabelled(e.plan, 0, 0)
		_, err := w.engine.Advance(&sequential.Pane{Start: c.Start, End: c.End, N: now.Predictions[0], Counts: now.Count()}) // time passes for it
		return err
	}
	pane, enough, err := w.gather.Add(now.Start, now.End, now.Predictions[0], now.Count())
	for i := range now.Predictions {
		w.held.Predictions[i] += now.Predictions[i]
		w.held.Outcomes[i] += now.Outcomes[i]
	}
	if err != nil || !enough {
		return err
	}
	w.held = drift.NewLabelled(e.plan, 0, 0)
	step, err := w.engine.Advance(&pane)
	if err != nil {
		return err
	}
	for i := range step.Alarms {
		a := &step.Alarms[i]
		at := drift.LabelledStream(a.Stream)
		w.onsets[at] = a.Onset
		f := e.labelledFinding(c, &pane, at)
		f.Verdict, f.Severity = finding.Drift, finding.Ticket
		f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
		f.Value, f.Reference, f.IgnoreBelow = finding.Number((a.Now-a.Before)/e.plan.Sampled()), 0, finding.Number(e.plan.Policy.Floor)
		f.Numbers = []finding.Figure{
			{Name: "predictions with an outcome" + bandWords(e.plan, at), Before: finding.Number(100 * a.Before / e.plan.Sampled()), Now: finding.Number(100 * a.Now / e.plan.Sampled()), Unit: "%"},
			{Name: "performance figures now rest on a different selection of predictions", Before: finding.None(), Now: finding.None()},
		}
		if err := emit(f); err != nil {
			return err
		}
	}
	for _, r := range step.Recovered {
		f := e.labelledFinding(c, &pane, drift.LabelledStream(r.Stream))
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

// labelledMetric is the metric of findings on the share labelled, of all predictions or of a stretch of scores.
func labelledMetric(stream int) string {
	if stream == 0 {
		return "labelled_share_change"
	}
	return fmt.Sprintf("labelled_share_change_at_scores_%d", stream)
}

// bandWords says which scores a stream is of; nothing for that of all.
func bandWords(p *plan.Plan, stream int) string {
	if stream == 0 {
		return ""
	}
	lo, hi := bandSpan(p.Score, stream-1)
	switch {
	case lo == 0 && hi == 1:
		return ""
	case lo == 0:
		return fmt.Sprintf(" at scores up to %.3g", hi)
	case hi == 1:
		return fmt.Sprintf(" at scores above %.3g", lo)
	}
	return fmt.Sprintf(" at scores from %.3g to %.3g", lo, hi)
}

// bandSpan is where the scores of a band lie: above lo, up to hi.
func bandSpan(s *plan.Score, band int) (lo, hi float64) {
	lo, hi = 0, 1
	for b, edge := range s.Edges {
		if s.Band(b) < band {
			lo = edge
		}
		if s.Band(b) == band && s.Band(b+1) > band {
			hi = edge
		}
	}
	return lo, hi
}

func (e *Engine) labelledFinding(c *window.Cohort, pane *sequential.Pane, stream int) finding.Finding {
	f := e.finding(pane.Start, pane.End, c.Version(), "outcome", "labelled_share")
	f.Onset, f.Metric = plan.FromMicros(e.labelled.onsets[stream]), labelledMetric(stream)
	f.N = finding.Sizes{Reference: e.plan.ReferenceRows, Current: pane.Counts[stream].N}
	return f
}

func (w *labelledWatch) append(b []byte) []byte {
	b = wire.Bool(b, w.engine != nil)
	if w.engine == nil {
		return b
	}
	b = wire.Int(b, w.end)
	for i, onset := range w.onsets {
		b = wire.Int(wire.Int(wire.Int(b, onset), w.held.Predictions[i]), w.held.Outcomes[i])
	}
	return wire.Bytes(wire.Bytes(b, w.gather.AppendBinary(nil)), w.engine.AppendBinary(nil))
}

func readLabelledWatch(p *plan.Plan, r *wire.Reader) (w labelledWatch, err error) {
	if !r.Bool() || r.Err() != nil {
		return labelledWatch{}, r.Err()
	}
	if !p.Score.Binary() {
		return labelledWatch{}, errGathered
	}
	w.end, w.held = r.Int(), drift.NewLabelled(p, 0, 0)
	for i := range w.held.Predictions {
		w.onsets = append(w.onsets, r.Int())
		n, k := r.Int(), r.Int()
		if r.Err() == nil && (k < 0 || k > n) {
			return labelledWatch{}, fmt.Errorf("%d outcomes of %d predictions", k, n)
		}
		w.held.Predictions[i], w.held.Outcomes[i] = n, k
	}
	gathered, learnt := wire.NewReader(r.Bytes()), wire.NewReader(r.Bytes())
	if err := r.Err(); err != nil {
		return labelledWatch{}, err
	}
	if w.gather, err = sequential.ReadGather(gathered, w.held.Predictions[0], w.held.Count()); err != nil {
		return labelledWatch{}, err
	}
	if err := gathered.Close(); err != nil {
		return labelledWatch{}, err
	}
	if w.engine, err = sequential.Read(drift.WatchLabelled(p), learnt); err != nil {
		return labelledWatch{}, err
	}
	return w, learnt.Close()
}
