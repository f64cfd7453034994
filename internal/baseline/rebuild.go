package baseline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/diagnose"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// ErrRange is returned for a range of panes that no baseline can be learnt from.
var ErrRange = errors.New("no baseline can be learnt from these panes")

// Range gathers what a model's services have counted of a stretch of event time, to learn a baseline from it: panes and cohorts are handed
// to it, then Build is asked. It keeps sums by pane, nothing of what it is handed.
//
// The layout of the plan whose baseline gives way stays: counts can't be cut into other bins, and panes of both plans go on to merge. So do
// its test pane, score edges and threshold. What counts don't tell otherwise: hours of the week are those of whole test panes, and
// categories that occur once aren't known (see singles).
type Range struct {
	was       *plan.Plan
	span      plan.Span
	counted   *counted
	whole     *sketch.Set
	alike     map[string]bool // by digest of a plan
	strange   []stretch       // panes and cohorts of plans that count otherwise, those of one plan that follow one another as one
	odd       bool            // some lie in declared odd periods
	matureEnd int64           // of the last mature cohort, 0 for none
	late      []lateness
}

// stretch is a stretch of event time in microseconds, and the plan that counted it where that matters.
type stretch struct {
	digest   string
	from, to int64
}

// lateness is how many positive outcomes of a cohort that ends then came in time.
type lateness struct {
	plan.Arrived
	end int64
}

// NewRange begins to gather a stretch for a model whose last plan is was. The stretch must begin and end where test panes do, else the error is
// ErrRange and names the moments next to it.
func NewRange(was *plan.Plan, span plan.Span) (*Range, error) {
	if !span.From.Before(span.To) {
		return nil, fmt.Errorf("%w: they would begin at %s and end at %s", ErrRange, instant(span.From), instant(span.To))
	}
	for _, at := range []time.Time{span.From, span.To} {
		if before := plan.FromMicros(was.TestStart(plan.Micros(at))); !before.Equal(at) {
			return nil, fmt.Errorf("%w: %s is in the middle of a test pane, which is %s long; one begins at %s, the next one at %s",
				ErrRange, instant(at), contract.Span(was.TestPane), instant(before), instant(before.Add(was.TestPane)))
		}
	}
	return &Range{
		was: was, span: plan.Span{From: span.From.UTC(), To: span.To.UTC()}, counted: newCounted(was), whole: sketch.NewSet(was),
		alike: map[string]bool{},
	}, nil
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }

// Pane takes a test pane and the plan it was counted under. They come in order; those outside the stretch are passed over.
func (r *Range) Pane(of *plan.Plan, w *window.Pane) error {
	if !r.holds(w.Start, w.End) {
		return nil
	}
	if ok, err := r.takes(of, w.Start, w.End); !ok {
		return err
	}
	pane := newPane(r.was, w.Start)
	err := w.Cells(func(k window.Cell, s *sketch.Set) error {
		r.counted.slices[k.Slice] += s.Rows
		return addCell(r.was, &pane, k.Slice, s.Clone())
	})
	if err == nil {
		err = r.whole.Merge(pane.Set)
	}
	if err != nil {
		return fmt.Errorf("add up panes of %s: %w", r.was.Model, err)
	}
	if err := r.counted.sides.Ended(w); err != nil {
		return err
	}
	r.counted.panes = append(r.counted.panes, pane)
	const hour = int64(time.Hour / time.Microsecond)
	for at := w.Start; at < w.End && pane.Set.Rows > 0; at += hour { // which of its hours the events are of isn't known
		r.counted.week.Count(at, 1)
	}
	return nil
}

// Cohort takes a mature cohort likewise. What counts is what was known when it became mature: judgements go by that too.
func (r *Range) Cohort(of *plan.Plan, w *window.Cohort) error {
	if !truthful(r.was) || !r.holds(w.Start, w.End) {
		return nil
	}
	r.matureEnd = max(r.matureEnd, w.End)
	if ok, err := r.takes(of, w.Start, w.End); !ok {
		return err
	}
	c := cohort{start: w.Start, cells: map[string]truth.Counts{}}
	late := lateness{end: w.End}
	err := w.Cells(func(k window.Cell, onTime, all truth.Counts) error {
		late.All += positives(all)
		late.OnTime += positives(onTime)
		if onTime == nil || onTime.Labels() == 0 {
			return nil
		}
		if c.cells[k.Slice] == nil {
			c.cells[k.Slice] = truth.New(r.was)
		}
		return c.cells[k.Slice].Merge(onTime)
	})
	if err != nil {
		return fmt.Errorf("add up cohorts of %s: %w", r.was.Model, err)
	}
	r.late = append(r.late, late)
	if len(c.cells) > 0 {
		r.counted.cohorts = append(r.counted.cohorts, c)
	}
	return nil
}

func (r *Range) holds(start, end int64) bool {
	return start < plan.Micros(r.span.To) && end > plan.Micros(r.span.From)
}

// takes reports whether something may be learnt from: its counts merge with the plan's, and it isn't declared odd.
func (r *Range) takes(of *plan.Plan, start, end int64) (bool, error) {
	alike, known := r.alike[of.Digest()]
	if !known {
		var err error
		if alike, err = of.CountsLike(r.was); err != nil {
			return false, err
		}
		r.alike[of.Digest()] = alike
	}
	switch {
	case !alike:
		if n := len(r.strange); n > 0 && r.strange[n-1].digest == of.Digest() && start >= r.strange[n-1].from {
			r.strange[n-1].to = max(r.strange[n-1].to, end)
		} else {
			r.strange = append(r.strange, stretch{of.Digest(), start, end})
		}
		return false, nil
	case r.was.Policy.OddBetween(start, end):
		r.odd = true
		return false, nil
	}
	return true, nil
}

// Build learns the baseline, judges it and seals its plan, which is that of before in everything else. The error is ErrRange where the stretch holds panes
// in other bins, or none at all.
func (r *Range) Build() (*plan.Plan, error) {
	if err := r.refuse(); err != nil {
		return nil, err
	}
	p := *r.was
	p.Format, p.Reference, p.ReferenceRows, p.From, p.Accepted = plan.Format, r.span, r.whole.Rows, r.span.To, nil
	p.Columns, p.Rules = slices.Clone(p.Columns), slices.Clone(p.Rules)
	if p.Score != nil {
		score := *p.Score
		p.Score = &score
	}
	p.Unjudged = slices.Concat(r.holes(), r.coarse())
	notes, err := r.truth(&p)
	if err != nil {
		return nil, err
	}
	p.Unjudged = append(p.Unjudged, notes...)
	r.singles()
	before, err := diagnose.Open(r.was)
	if err != nil {
		return nil, err
	}
	if before != nil { // which of its hours the events of a pane are of isn't known: the daily profile stays
		r.counted.hourly = before.Hourly
	}
	if err := learn(&p, r.counted); err != nil {
		return nil, err
	}
	return &p, nil
}

// refuse says why the stretch can't be learnt from, and what would be right.
func (r *Range) refuse() error {
	if len(r.strange) > 0 {
		last := r.strange[0]
		for _, s := range r.strange[1:] {
			if s.to > last.to {
				last = s
			}
		}
		from, to := plan.FromMicros(last.from), plan.FromMicros(last.to)
		hint := fmt.Sprintf("begin at %s or later", instant(to))
		if !to.Before(r.span.To) {
			hint = fmt.Sprintf("end at %s or before, or wait until plan %s has counted enough", instant(from), r.was.Digest())
		}
		return fmt.Errorf("%w: those from %s to %s were counted under plan %s, whose bins or fields are not those of plan %s; %s",
			ErrRange, instant(from), instant(to), last.digest, r.was.Digest(), hint)
	}
	if r.whole.Rows == 0 {
		why := "nothing was counted between them"
		if r.odd {
			why = "all that was counted between them lies in periods that the contract declares odd"
		}
		return fmt.Errorf("%w: from %s to %s: %s; see plumbline panes %s", ErrRange, instant(r.span.From), instant(r.span.To), why, r.was.Model)
	}
	return nil
}

// holes says which test panes the stretch lacks.
func (r *Range) holes() []string {
	step := r.was.TestPane.Microseconds()
	there := map[int64]bool{}
	for i := range r.counted.panes {
		there[r.counted.panes[i].Start] = true
	}
	all, missing := 0, 0
	var stretches []stretch
	for at := plan.Micros(r.span.From); at < plan.Micros(r.span.To); at += step {
		all++
		if there[at] || r.was.Policy.OddBetween(at, at+step) {
			continue
		}
		missing++
		if n := len(stretches); n > 0 && stretches[n-1].to == at {
			stretches[n-1].to = at + step
		} else {
			stretches = append(stretches, stretch{from: at, to: at + step})
		}
	}
	if missing == 0 {
		return nil
	}
	more := ""
	if n := len(stretches) - 1; n > 0 {
		more = fmt.Sprintf(" and in %d more stretches", n)
	}
	return []string{fmt.Sprintf("%d of %d test panes are missing, from %s to %s%s: no event came then, or it was not counted; nothing is learnt of them",
		missing, all, instant(plan.FromMicros(stretches[0].from)), instant(plan.FromMicros(stretches[0].to)), more)}
}

// apart is which share of a column's values may lie where its bins tell nothing of them, before that is said.
const apart = 0.1

// coarse says of which columns the bins, which stay, show little of what the panes hold.
func (r *Range) coarse() []string {
	var out []string
	say := func(format string, args ...any) {
		out = append(out, fmt.Sprintf(format+"; plumbline apply --relearn cuts bins anew, from the events themselves", args...))
	}
	for i := range r.was.Columns {
		c, n := &r.was.Columns[i], &r.whole.Columns[i]
		l, values := &c.Layout, float64(n.Valid())
		outside := float64(n.Below + n.Above)
		switch {
		case l.Empty:
			if was := c.Reference; was.N > 0 && was.Missing+was.Invalid == was.N && n.N > n.Missing+n.Invalid {
				say("%s had no usable value in the reference before, and has now: it stays without bins", c.Name)
			}
		case values == 0:
			say("%s has no usable value in these panes", c.Name)
		case l.Constant() && (l.Categorical && n.Bins[len(n.Bins)-1] > 0 || !l.Categorical && outside > 0):
			say("%s had a single value in the reference before, and others in these panes: they go on being a fault", c.Name)
		case l.Categorical && float64(n.New) >= apart*values:
			say("of %s %.0f%% of the values are none that its dictionary knows: what changes among them is not seen", c.Name, 100*float64(n.New)/values)
		case !l.Categorical && outside >= apart*values:
			say("of %s %.0f%% of the values lie outside %g to %g, where its bins were cut: what changes among them is hardly seen", c.Name, 100*outside/values, l.Lo, l.Hi)
		}
	}
	return out
}

// singles stands in for the categories that occur once, which tell how often values come that the dictionary doesn't know. Counts tell that
// by themselves where such values came; where fewer came than the reference before led to expect, what is missing to that many stays.
func (r *Range) singles() {
	for i := range r.was.Columns {
		was := &r.was.Columns[i].Reference
		if !r.was.Columns[i].Layout.Categorical || was.N == 0 {
			continue
		}
		n := &r.whole.Columns[i]
		expected := float64(was.Singles) * float64(n.N) / float64(was.N)
		r.counted.singles[i] = max(0, int64(expected+0.5)-n.New)
	}
}

// truth decides what is learnt of outcomes, and says what isn't. Outcomes come late: where too few are known to judge by, and the baseline before has enough,
// what it has stays.
func (r *Range) truth(p *plan.Plan) (notes []string, err error) {
	if !truthful(p) {
		return nil, nil
	}
	if p.Policy.Cheapest && p.Score.Binary() {
		notes = append(notes, fmt.Sprintf("the threshold stays %.6g: by it the decisions were counted", p.Score.Threshold))
	}
	tried := *p
	score := *p.Score
	tried.Score = &score
	r.counted.mature = r.matureEnd
	for _, l := range r.late {
		if l.end+r.was.Keep.Microseconds() <= r.matureEnd { // nothing can reach it any more
			r.counted.arrived.All += l.All
			r.counted.arrived.OnTime += l.OnTime
		}
	}
	if len(r.counted.cohorts) > 0 {
		if err := learnTruth(&tried, r.counted); err != nil {
			return nil, err
		}
	}
	if n := panesOfTruth(&tried); len(r.counted.cohorts) == 0 || n < stat.MinWindows && panesOfTruth(p) >= stat.MinWindows {
		known := 0
		for i := range r.counted.cohorts {
			known += int(r.counted.cohorts[i].labels())
		}
		r.counted.cohorts = nil
		return append(notes, fmt.Sprintf("outcomes go on being held against what the baseline before has of them: of these panes %d mature outcomes are known, too few for %d panes of them",
			known, stat.MinWindows)), nil
	}
	if len(r.was.DriftLabels) > 0 && len(tried.DriftLabels) == 0 {
		notes = append(notes, "how often outcomes are positive is not followed any more: it was, and these panes are too few to learn it from")
	}
	if len(r.was.DriftLabelled) > 0 && len(tried.DriftLabelled) == 0 {
		notes = append(notes, "how many predictions get an outcome is not followed any more: it was, and these panes are too few to learn it from")
	}
	if len(r.was.Concept) > 0 && len(tried.Concept) == 0 {
		notes = append(notes, "what scores mean is not followed any more: it was, and these panes are too few to learn it from")
	}
	if r.matureEnd < plan.Micros(r.span.To) {
		notes = append(notes, fmt.Sprintf("outcomes are learnt up to %s: those of later predictions are not mature, or none came", instant(plan.FromMicros(r.matureEnd))))
	}
	if tried.Score.Binary() && tried.Score.Labels > 0 && !slices.ContainsFunc(r.counted.cohorts, positive) {
		notes = append(notes, fmt.Sprintf("none of the %d outcomes is positive: no label equals the positive value %q (task.positive in the contract), or none came", tried.Score.Labels, p.Positive))
	}
	return notes, nil
}

// panesOfTruth is how many panes of outcomes a plan has learnt from.
func panesOfTruth(p *plan.Plan) int {
	if len(p.Score.Views) == 0 {
		return 0
	}
	return p.Score.Views[0].Metrics[engine.Leading(p.Score.Task)].Null.Panes
}

func positive(c cohort) bool {
	for _, v := range c.cells {
		for _, n := range truth.CurveOf(v).Pos {
			if n > 0 {
				return true
			}
		}
	}
	return false
}
