package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// shareAlarm is the finding of an alarm: what the share was and is, and of the label rate why.
func (e *Engine) shareAlarm(w *shareWatch, c *window.Cohort, pane *sequential.Pane, a *sequential.Alarm, outcomes *sketch.Curve) finding.Finding {
	at := w.of.Stream(a.Stream)
	f := e.shareFinding(w, c, pane, at)
	f.Verdict, f.Severity = finding.Drift, finding.Ticket
	f.Evidence = finding.Evidence{Log10: finding.Number(math.Log10(a.Evidence)), Needed: finding.Number(math.Log10(a.Needed))}
	f.Reference, f.IgnoreBelow = 0, finding.Number(e.plan.Policy.Floor)
	if w.of == drift.LabelRate {
		f.Value = finding.Number(a.Now - a.Before)
		f.Numbers = []finding.Figure{{Name: "positive outcomes", Before: finding.Number(100 * a.Before), Now: finding.Number(100 * a.Now), Unit: "%"}}
		e.explain(&f, outcomes)
		return f
	}
	sampled := e.plan.Sampled() // where outcomes are sampled it is the share of all predictions all the same
	f.Value = finding.Number((a.Now - a.Before) / sampled)
	f.Numbers = []finding.Figure{
		{Name: "predictions with an outcome" + bandWords(e.plan, at), Before: finding.Number(100 * a.Before / sampled), Now: finding.Number(100 * a.Now / sampled), Unit: "%"},
		{Name: "performance figures now rest on a different selection of predictions", Before: finding.None(), Now: finding.None()},
	}
	return f
}

// shareFinding is what findings on a stream have in common.
func (e *Engine) shareFinding(w *shareWatch, c *window.Cohort, pane *sequential.Pane, stream int) finding.Finding {
	f := e.finding(pane.Start, pane.End, c.Version(), "outcome", w.of.String())
	f.Onset, f.Metric = plan.FromMicros(w.onsets[stream]), shareMetric(w.of, stream)
	f.N = finding.Sizes{Reference: e.plan.ReferenceRows, Current: pane.Counts[stream].N}
	if w.of == drift.LabelRate {
		f.N.Reference = e.plan.Score.Labels
	}
	return f
}

// shareMetric is the metric of findings on a share, as a whole or of a stretch of scores.
func shareMetric(of drift.TruthShare, stream int) string {
	switch {
	case of == drift.LabelRate:
		return "positive_share_change"
	case stream == 0:
		return "labelled_share_change"
	default:
		return fmt.Sprintf("labelled_share_change_at_scores_%d", stream)
	}
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
