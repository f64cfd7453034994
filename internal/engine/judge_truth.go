package engine

import (
	"math"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// truthPane is one truth pane seen through one view.
type truthPane struct {
	start, end int64
	version    string
	nothing    truth.Counts
	whole      truth.Counts
	parts      []truth.Counts // its test panes
	cohorts    []*window.Cohort
	without    []truth.Counts // all of them but one, once somebody asked
}

// leftOut is the pane without each of its test panes, for all metrics alike.
func (t *truthPane) leftOut() []truth.Counts {
	if t.without == nil {
		if without, err := leaveOneOut(t.nothing, t.parts); err == nil { // parts of one plan fit one another
			t.without = without
		}
	}
	return t.without
}

// judgeTruth judges the mature cohorts of one truth pane, as a whole and by slice, and keeps the promises' books.
func (e *Engine) judgeTruth(cohorts []*window.Cohort, emit func(finding.Finding) error) error {
	start := e.plan.TruthStart(cohorts[0].Start)
	end := start + e.plan.TruthPane.Microseconds()
	for i := range e.plan.Score.Views {
		v := &e.plan.Score.Views[i]
		t := truthPane{start: start, end: end, version: cohorts[len(cohorts)-1].Version(), nothing: truth.New(e.plan), whole: truth.New(e.plan)}
		for _, c := range cohorts {
			if !e.monitored(c.Start, c.End) { // a declared odd day, or one of the reference: the others are judged
				continue
			}
			part, err := c.View(e.plan, v.Dims, v.Codes)
			if err != nil {
				return err
			}
			if part.Labels() == 0 {
				continue
			}
			t.parts, t.cohorts = append(t.parts, part), append(t.cohorts, c)
			if err := t.whole.Merge(part); err != nil {
				return err
			}
		}
		if i == 0 {
			e.snapshot.truth(e.plan, t.start, t.end, t.whole)
			e.snapshot.Truth.Estimated, e.snapshot.Truth.Suspended = e.scoreEstimates(i, t.whole)
		} else {
			e.scoreEstimates(i, t.whole)
		}
		if truth.Effective(t.whole) < fewest {
			continue
		}
		if err := e.judgeView(i, v, &t, emit); err != nil {
			return err
		}
	}
	if err := e.judgeShares(&e.shares[drift.LabelRate], cohorts, emit); err != nil {
		return err
	}
	if err := e.judgeGroupOutcomes(cohorts, emit); err != nil {
		return err
	}
	return e.judgePromises(cohorts, emit)
}

// truthAlpha is one metric's share of the page budget per truth pane of a view: most of it for the whole, the rest for all
// slices together.
func (e *Engine) truthAlpha(v *plan.View) float64 {
	days := float64(e.plan.TruthPane) / float64(24*time.Hour)
	alpha := nominal * ofTruth * e.plan.Policy.Pages * days / float64(len(Judged(e.plan.Score.Task)))
	switch others := len(e.plan.Score.Views) - 1; {
	case len(v.Dims) > 0:
		alpha *= ofSlices / float64(others)
	case others > 0:
		alpha *= 1 - ofSlices
	}
	return clampAlpha(alpha)
}

// oneSided is the tail probability of one side: a metric that may be wrong both ways has half for each.
func (e *Engine) oneSided(m *Metric, v *plan.View) float64 {
	if m.Worse == 0 {
		return e.truthAlpha(v) / 2
	}
	return e.truthAlpha(v)
}

// judged is what one metric says of one truth pane.
type judged struct {
	metric    *Metric
	reference plan.Measured
	value     float64
	limit     float64 // on the deviation from the reference panes' mean, in the bad direction
	deviation float64
	deviates  bool
}

func (e *Engine) judgeView(at int, v *plan.View, t *truthPane, emit func(finding.Finding) error) error {
	need := persist
	if len(t.parts) >= persist && e.plan.TruthPane >= persist*e.plan.TestPane {
		need = 1 // persistence is asked inside the pane: it must deviate without any one of its test panes, too
	}
	var all []judged
	anyDeviates, open := false, false
	metrics := Judged(e.plan.Score.Task)
	for i := range metrics {
		m := &metrics[i]
		if m.Channel == "calibration" && e.followsConcept(at) {
			continue
		}
		j, ok := e.deviation(m, v, t, need)
		if !ok {
			continue
		}
		all = append(all, j)
		anyDeviates = anyDeviates || j.deviates
		open = open || e.signal(truthSignal(v, m)).Open
	}
	meaning, moved := e.meaningOpen(at)
	impact := e.losses[at].pane(e, v, t, anyDeviates || open || moved)
	told := false
	for i := range all {
		j := &all[i]
		s := e.signal(truthSignal(v, j.metric))
		did := s.update(t.start, j.deviates, need)
		// While an alarm is open its cost goes on being told, once per view: by the first signal that is open.
		if did != opened && did != recovered && (!s.Open || told) {
			continue
		}
		told = told || s.Open
		f := e.truthFinding(j, v, t, s, impact, did)
		if err := emit(f); err != nil {
			return err
		}
	}
	if moved && impact != nil && t.start >= e.concept.said[meaning].onset {
		return emit(e.meaningGoesOn(meaning, t, *impact))
	}
	return nil
}

func truthSignal(v *plan.View, m *Metric) string {
	return "truth " + m.Name + "\x00" + finding.SliceKey(v.Slice)
}

// deviation compares one metric of the pane with how it scattered over the reference's own truth panes.
func (e *Engine) deviation(m *Metric, v *plan.View, t *truthPane, need int) (judged, bool) {
	ref, had := v.Measured(m.Name, e.plan.Policy.Costs)
	x, ok := m.Value(t.whole, e.plan.Policy.Costs)
	if !ok || !had || ref.Null.Panes < 8 {
		return judged{}, false
	}
	k := float64(ref.Null.Panes)
	reach := stat.StudentQuantile(1-e.oneSided(m, v), k-1) * ref.Null.SD * math.Sqrt(1+1/k)
	j := judged{metric: m, reference: ref, value: x, limit: max(reach, m.floor(e.plan))}
	bad := func(x float64) float64 {
		if m.Worse == 0 {
			return math.Abs(x - ref.Null.Mean)
		}
		return float64(m.Worse) * (x - ref.Null.Mean)
	}
	j.deviation = bad(x)
	j.deviates = j.deviation > j.limit
	if j.deviates && need == 1 {
		_, without, determined := jackknife(t.leftOut(), m, e.plan.Policy.Costs)
		j.deviates = determined // one day that decides whether there is a number at all is one day
		for _, w := range without {
			j.deviates = j.deviates && bad(w) > j.limit
		}
	}
	return j, true
}

func (e *Engine) truthFinding(j *judged, v *plan.View, t *truthPane, s *signal, impact *finding.Impact, did change) finding.Finding {
	m := j.metric
	f := e.finding(t.start, t.end, t.version, "outcome", m.Channel)
	f.Onset, f.Slice = plan.FromMicros(s.Onset), v.Slice
	f.Metric, f.Value, f.Reference = m.Name, finding.Number(j.value), finding.Number(j.reference.Value)
	f.IgnoreBelow = finding.Number(m.floor(e.plan))
	f.Threshold = finding.Number(j.reference.Null.Mean + j.limit*direction(m, j))
	f.N = finding.Sizes{Reference: e.plan.Score.Labels, Current: t.whole.Labels()}
	k := float64(j.reference.Null.Panes)
	f.Evidence = tailEvidence(j.deviation/(j.reference.Null.SD*math.Sqrt(1+1/k)), j.reference.Null.Panes, e.oneSided(m, v))
	f.Numbers, f.Impact = append(append(e.figures(m, t.whole, v), e.versions(m, t, v, j.reference)...), e.standsFor(t.whole)...), impact
	switch {
	case did == recovered:
		f.Verdict, f.Severity = finding.Equivalent, finding.Info
	case j.deviates:
		f.Verdict, f.Severity = finding.Drift, e.identified(t.whole, e.severity(v, impact))
	default: // still open, this pane was inside
		f.Verdict, f.Severity = finding.Undecided, finding.Info
	}
	return f
}

func direction(m *Metric, j *judged) float64 {
	if m.Worse != 0 {
		return float64(m.Worse)
	}
	return math.Copysign(1, j.value-j.reference.Null.Mean)
}

// severity: a page needs evidence and impact. Where decisions are priced, the lower bound of what it costs must be above
// zero; slices alone never page.
func (e *Engine) severity(v *plan.View, impact *finding.Impact) finding.Severity {
	if len(v.Dims) > 0 {
		return finding.Ticket
	}
	if e.plan.Policy.Costs != nil && (impact == nil || !(impact.Band[0] > 0)) {
		return finding.Ticket
	}
	return finding.Page
}
