package engine

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// windowKept is what a promise has seen of its current window: one list of counts per view it is judged by.
type windowKept struct {
	start int64
	parts map[int][]truth.Counts // by index into plan.Score.Views
	// versions are the sums of parts by model version. A promise is on what was decided, whichever model did it, so the window is judged as a whole; its findings
	// say what each version came to.
	versions map[int]map[string]truth.Counts
}

func newWindowKept(start int64) *windowKept {
	return &windowKept{start: start, parts: map[int][]truth.Counts{}, versions: map[int]map[string]truth.Counts{}}
}

// judgePromises adds mature cohorts to the promises' windows and judges the windows that have ended.
func (e *Engine) judgePromises(cohorts []*window.Cohort, emit func(finding.Finding) error) error {
	truthStart := e.plan.TruthStart(cohorts[0].Start)
	truthEnd := truthStart + e.plan.TruthPane.Microseconds()
	for i := range e.plan.Policy.Promises {
		pr := &e.plan.Policy.Promises[i]
		m, ok := metricOf(e.plan, pr)
		if !ok {
			continue // told once, in plan.Unjudged
		}
		k := e.kept[promiseKey(pr)]
		if k == nil {
			k = &windowKept{}
			e.kept[promiseKey(pr)] = k
		}
		for _, c := range cohorts {
			start := plan.Align(c.Start, pr.Over)
			if k.parts == nil || start != k.start {
				if err := e.judgeWindow(pr, &m, k, truthStart, emit); err != nil {
					return err
				}
				*k = *newWindowKept(start)
			}
			if !e.monitored(c.Start, c.End) {
				continue
			}
			for _, at := range e.viewsOf(pr) {
				v := &e.plan.Score.Views[at]
				part, err := c.View(e.plan, v.Dims, v.Codes)
				if err != nil {
					return err
				}
				if part.Labels() == 0 {
					continue
				}
				k.parts[at] = append(k.parts[at], part)
				if err := k.addVersions(e, at, c); err != nil {
					return err
				}
			}
		}
		if k.start+pr.Over.Microseconds() <= truthEnd {
			if err := e.judgeWindow(pr, &m, k, truthStart, emit); err != nil {
				return err
			}
			*k = windowKept{}
		}
	}
	return e.judgeWithdrawn(truthEnd, emit)
}

// judgeWithdrawn ends the alarms of promises that former policies held and the present one doesn't: what is no longer
// promised is no longer broken.
func (e *Engine) judgeWithdrawn(end int64, emit func(finding.Finding) error) error {
	now := map[string]bool{}
	for i := range e.plan.Policy.Promises {
		now[promiseKey(&e.plan.Policy.Promises[i])] = true
	}
	for _, former := range e.reigns {
		for i := range former.Policy.Promises {
			pr := &former.Policy.Promises[i]
			m, ok := metricOf(former, pr)
			if now[promiseKey(pr)] || !ok || former.From.After(e.plan.From) {
				continue
			}
			delete(e.kept, promiseKey(pr))
			for _, at := range e.viewsOf(pr) {
				v := &e.plan.Score.Views[at]
				delete(e.burns, promiseKey(pr)+"\x00"+finding.SliceKey(v.Slice))
				s := e.signal(promiseKey(pr) + "\x00" + finding.SliceKey(v.Slice))
				if !s.Open {
					continue
				}
				f := e.finding(end-pr.Over.Microseconds(), end, e.plan.Model, "promise: "+promiseWords(pr, &m, former.Policy.Costs), "promise")
				f.Version, f.Onset, f.Slice, f.Metric = "", plan.FromMicros(s.Onset), v.Slice, m.Name
				f.Subject = cmp.Or(s.As, f.Subject)
				f.Verdict, f.Severity = finding.Equivalent, finding.Info
				f.Numbers = []finding.Figure{{Name: "the contract no longer promises it", Before: finding.None(), Now: finding.None()}}
				*s = signal{Onset: s.Onset}
				if err := emit(f); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// viewsOf are the views a promise is judged by: the whole, or each slice of its dimensions.
func (e *Engine) viewsOf(pr *plan.Promise) []int {
	var out []int
	for i := range e.plan.Score.Views {
		v := &e.plan.Score.Views[i]
		same := len(v.Dims) == len(pr.By)
		for j := range v.Dims {
			same = same && v.Dims[j] == pr.By[j]
		}
		if same {
			out = append(out, i)
		}
	}
	return out
}

// promiseKey names a promise by what it says, so that adding or reordering others doesn't touch its books.
func promiseKey(pr *plan.Promise) string {
	limit := func(v *float64) string {
		if v == nil {
			return ""
		}
		return fmt.Sprint(*v)
	}
	name := pr.Metric
	if pr.Expr != "" {
		name += " = " + pr.Expr
	}
	if pr.Of != "" {
		name += " of " + pr.Of
	}
	return fmt.Sprintf("promise %s max %s min %s increase %s over %s by %v", name, limit(pr.Max), limit(pr.Min), limit(pr.MaxIncrease), pr.Over, pr.By)
}

// judgeWindow judges a promise over one window, when a truth pane has come that begins at truthStart. It is broken only if the 95 % bound on the good side lies
// beyond the limit. One that has ended is broken no longer. A window of an earlier era of the plan, which ended without outcomes, has been superseded.
func (e *Engine) judgeWindow(pr *plan.Promise, m *Metric, k *windowKept, truthStart int64, emit func(finding.Finding) error) error {
	end := k.start + pr.Over.Microseconds()
	if e.away(k.start, end) || over(end, truthStart, e.givesWay) {
		return nil
	}
	for _, at := range e.viewsOf(pr) {
		parts := k.parts[at]
		v := &e.plan.Score.Views[at]
		s := e.signal(promiseKey(pr) + "\x00" + finding.SliceKey(v.Slice))
		expired := !pr.Until.IsZero() && end > plan.Micros(pr.Until)
		if len(parts) < persist || expired && !s.Open {
			continue
		}
		whole := truth.New(e.plan)
		for _, p := range parts {
			if err := whole.Merge(p); err != nil {
				return err
			}
		}
		without, err := leaveOneOut(truth.New(e.plan), parts)
		if err != nil {
			return err
		}
		x, ok := m.Value(whole, e.plan.Policy.Costs)
		se, _, banded := jackknife(without, m, e.plan.Policy.Costs)
		reference, _ := v.Measured(m.Name, e.plan.Policy.Costs)
		limit, sign, given := promised(pr, reference)
		selective := truth.Selective(whole)
		if !given || truth.Effective(whole) < fewest || !selective && (!ok || !banded) {
			continue
		}
		law := truth.Doubt(whole, func(c truth.Counts) (float64, bool) { return m.Value(c, e.plan.Policy.Costs) })
		reach := stat.StudentQuantile(0.95, float64(len(parts)-1)) * math.Hypot(se, law)
		broken, kept := sign*(x-limit) > reach, sign*(x-limit) <= 0
		var open []finding.Figure
		if selective {
			broken, kept, open = e.judgeSelective(pr, m, whole, without, limit, sign)
			if !ok {
				x = math.NaN()
			}
		}
		var did change
		was := *s
		switch broken, kept := !expired && broken, expired || kept; {
		case broken:
			did = s.update(k.start, true, 1)
		case kept && s.Open && s.Onset < end: // one window kept closes it: a window is long by itself
			*s = signal{Onset: s.Onset}
			did = recovered
		}
		if did == nothing && len(open) == 0 {
			continue
		}
		f := e.finding(k.start, end, e.plan.Model, "promise: "+promiseWords(pr, m, e.plan.Policy.Costs), "promise")
		f.Version = ""
		s.name(&f, was, func() string { return e.promiseSubject(pr) })
		f.Onset, f.Slice = plan.FromMicros(s.Onset), v.Slice
		f.Metric, f.Value, f.Reference, f.Threshold = m.Name, finding.Number(x), finding.Number(reference.Value), finding.Number(limit)
		f.N = finding.Sizes{Reference: e.plan.Score.Labels, Current: whole.Labels()}
		f.Verdict, f.Severity = finding.Breach, promiseSeverity(pr)
		switch did {
		case opened, holding:
		case recovered:
			f.Verdict, f.Severity = finding.Equivalent, finding.Info
		case nothing: // not identified
			f.Verdict, f.Severity, f.Onset = finding.Undecided, finding.Info, plan.FromMicros(k.start)
		}
		f.Numbers = []finding.Figure{{Name: m.Words + " over " + days(pr), Before: finding.Number(limit), Now: finding.Number(x)}}
		if open == nil {
			open = e.standsFor(whole)
		}
		f.Numbers = slices.Concat(f.Numbers, e.byVersion(m, k.versions[at], reference), open, signed(pr))
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}

// promised is a promise's limit and the side that breaks it: +1 above, -1 below.
func promised(pr *plan.Promise, ref plan.Measured) (limit, sign float64, ok bool) {
	switch {
	case pr.Max != nil:
		return *pr.Max, 1, true
	case pr.Min != nil:
		return *pr.Min, -1, true
	case pr.MaxIncrease != nil && ref.Null.Panes > 0:
		return ref.Value + math.Abs(ref.Value)**pr.MaxIncrease, 1, true
	}
	return math.NaN(), 0, false
}

func promiseSeverity(pr *plan.Promise) finding.Severity {
	if slices.Contains(pr.Then, "page") {
		return finding.Page
	}
	return finding.Ticket
}

func promiseWords(pr *plan.Promise, m *Metric, costs *plan.Costs) string {
	unit := ""
	if m.Name == expectedCost && costs != nil {
		unit = " " + costs.Currency
	}
	switch {
	case pr.Max != nil:
		return fmt.Sprintf("%s at most %g%s", m.Words, *pr.Max, unit)
	case pr.Min != nil:
		return fmt.Sprintf("%s at least %g%s", m.Words, *pr.Min, unit)
	default:
		return fmt.Sprintf("%s at most %g %% above the reference", m.Words, 100**pr.MaxIncrease)
	}
}

func days(pr *plan.Promise) string {
	if h := pr.Over.Hours(); h >= 24 && math.Mod(h, 24) == 0 {
		return fmt.Sprintf("%g d", h/24)
	}
	return pr.Over.String()
}
