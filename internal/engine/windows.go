package engine

import (
	"math"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	// windowSteps bounds the steps of a model's longest window, and with them what its windows keep in memory.
	windowSteps = 32
	// truthSteps bounds the test panes over which outcomes are shown: a cohort takes little, but its revisions replace it, so it can't
	// share a step with others.
	truthSteps = 1024
)

// WindowSnapshot is what one of the contract's `watch.windows` looked like: to look at, as all of a Snapshot is.
type WindowSnapshot struct {
	Over    string           `json:"over"` // as in the contract
	Pane    finding.Window   `json:"pane"` // what it covers: at most as long, see Windows
	Rows    int64            `json:"rows"`
	Columns []ColumnInWindow `json:"columns"`
	Truth   *TruthSnapshot   `json:"truth,omitempty"`        // of the latest outcomes over the same length, corrections included
	Reasons *Reasons         `json:"reason_codes,omitempty"` // of models whose predictions carry them
	// Estimate is what the outcomes of all its predictions are expected to come to.
	Estimate *Estimate `json:"estimate,omitempty"`
	// Fairness compares the groups of protected attributes over the same lengths, as `check` does.
	Fairness *fairness.Report `json:"fairness,omitempty"`
}

// ColumnInWindow is one column of a WindowSnapshot.
type ColumnInWindow struct {
	Name     string                    `json:"name"`
	Rows     int64                     `json:"rows"`
	Missing  finding.Number            `json:"missing_share"`
	Mean     finding.Number            `json:"mean"`
	SD       finding.Number            `json:"sd"`
	PSI      finding.Number            `json:"psi"` // against the reference; no verdict comes of it
	Quantile map[string]finding.Number `json:"quantiles,omitempty"`
	Distinct int64                     `json:"distinct,omitempty"` // of texts
}

// Windows follows the contract's `watch.windows` over what an engine has judged: ended test panes and mature cohorts, each of which
// it takes once, in any order, and a cohort again whenever it is revised. It decides nothing, and is no part of a state: it is a fold
// over the history (the panes topic) and is made again from that.
//
// Windows move in steps: of one test pane, or of as many as it takes to get the longest window into 32 of them (a week of hourly test
// panes moves in steps of six hours). A window ends with the latest pane and begins with a step, so that it never covers more than was
// asked for, unless that is less than one step. Only panes of one plan can be added up: with the first pane under another plan, windows
// begin anew.
//
// Memory per model: at most 70 times the counts of a pane and its summary as the history has it, in bytes, and 2 curves per test pane of
// the longest window, at most 2,058; of plans that compare groups as many tallies besides, and of outcomes 2 tallies of prices per test pane, each
// of (3 bins + 4) numbers per view. It belongs to one goroutine.
type Windows struct {
	plan   *plan.Plan // of what is held
	latest int64      // end of the latest pane, microseconds
	step   int64      // microseconds
	panes  *window.Sliding[*seen]
	truth  *window.Sliding[truth.Counts]
	money  *window.Sliding[*tallies]
	groups *window.Sliding[*fairness.Tally] // how decisions on them turned out, as truth

	shown []WindowSnapshot // nil when something came since

	meaning   []drift.Meaning // of the plan with that digest
	meaningOf string
}

// NewWindows makes one that has seen nothing.
func NewWindows() *Windows { return &Windows{} }

// Span is how long a stretch of history, microseconds before its latest pane, the windows of a plan are made of.
func Span(p *plan.Plan) int64 {
	step := windowStep(p)
	return max(stepsOf(longest(p), step)*step, stepsOf(longest(p), p.TestPane.Microseconds())*p.TestPane.Microseconds())
}

func longest(p *plan.Plan) int64 { return slices.Max(p.Policy.Shown()).Microseconds() }

func stepsOf(length, step int64) int64 { return max(1, (length+step-1)/step) }

func windowStep(p *plan.Plan) int64 {
	test := p.TestPane.Microseconds()
	return stepsOf(stepsOf(longest(p), test), windowSteps) * test
}

// follows reports whether something that begins at start is of the plan that windows are made of, and begins anew with a plan that
// took over.
func (w *Windows) follows(p *plan.Plan, start int64) bool {
	if w.plan != nil && w.plan.Digest() != p.Digest() && start < w.latest {
		return false
	}
	if w.plan == nil || w.plan.Digest() != p.Digest() {
		step := windowStep(p)
		*w = Windows{
			latest: math.MinInt64, step: step,
			panes:  window.NewSliding[*seen](int(stepsOf(longest(p), step))),
			truth:  window.NewSliding[truth.Counts](int(min(truthSteps, stepsOf(longest(p), p.TestPane.Microseconds())))),
			money:  window.NewSliding[*tallies](int(min(truthSteps, stepsOf(longest(p), p.TestPane.Microseconds())))),
			groups: window.NewSliding[*fairness.Tally](int(min(truthSteps, stepsOf(longest(p), p.TestPane.Microseconds())))),
		}
	}
	w.plan, w.shown = p, nil
	return true
}

// Pane takes a test pane that has ended under p, whose policy names the windows; it must be the same for every call under that plan.
func (w *Windows) Pane(p *plan.Plan, pane *window.Pane) error {
	if !w.follows(p, pane.Start) {
		return nil
	}
	set, err := pane.Whole(p)
	if err != nil {
		return err
	}
	described, err := pane.Summary(p)
	if err != nil {
		return err
	}
	at := floorDiv(pane.Start, w.step)
	now := &seen{plan: p, set: set, described: described.AppendBinary(nil)}
	if p.Fairness != nil {
		now.groups = fairness.NewTally(p)
		if err := now.groups.Pane(pane); err != nil {
			return err
		}
	}
	if _, err := w.panes.Add(at, now); err != nil {
		return err
	}
	w.latest = max(w.latest, pane.End)
	return nil
}

// Cohort takes all that is known of the outcomes of a mature cohort, instead of what was known of it before: of the whole, and of the
// slices of the score's views, in their order, see Known. Without slices prices are told of the whole only.
func (w *Windows) Cohort(p *plan.Plan, start int64, known truth.Counts, slices ...truth.Counts) error {
	if w.plan == nil || w.plan.Digest() != p.Digest() {
		return nil // its predictions came first, or are another plan's
	}
	w.shown = nil
	at := floorDiv(start, p.TestPane.Microseconds())
	if t := tally(p, append([]truth.Counts{known}, slices...)); t != nil {
		if _, err := w.money.Replace(at, t); err != nil {
			return err
		}
	}
	_, err := w.truth.Replace(at, known)
	return err
}

// GroupsOf is what is known of how decisions on groups turned out in a mature cohort; nil for plans that compare none.
func GroupsOf(p *plan.Plan, c *window.Cohort) (*fairness.Tally, error) {
	if p.Fairness == nil || p.Score == nil {
		return nil, nil
	}
	t := fairness.NewTally(p)
	return t, t.Cohort(c, true)
}

// Groups takes all that is known of the groups of a mature cohort, instead of what was known before.
func (w *Windows) Groups(p *plan.Plan, start int64, known *fairness.Tally) error {
	if known == nil || w.plan == nil || w.plan.Digest() != p.Digest() {
		return nil // its predictions came first, or are another plan's
	}
	w.shown = nil
	_, err := w.groups.Replace(floorDiv(start, p.TestPane.Microseconds()), known)
	return err
}

// compare compares the groups of a window whose panes are held.
func (w *Windows) compare(held *seen, over time.Duration, covers finding.Window) (*fairness.Report, error) {
	if held.groups == nil {
		return nil, nil
	}
	reference, err := fairness.Reference(w.plan)
	if err != nil {
		return nil, err
	}
	test := w.plan.TestPane.Microseconds()
	if newest, ok := w.groups.Newest(); ok {
		first := max(min(newest, newest+1-over.Microseconds()/test), newest+1-truthSteps)
		known, ok, err := w.groups.Over(first, newest+1)
		if err != nil {
			return nil, err
		}
		if ok {
			if err := held.groups.Merge(known); err != nil {
				return nil, err
			}
		}
	}
	out := fairness.Describe(w.plan, held.groups, reference)
	out.Window = &covers
	return out, nil
}

// Show is what the windows look like, the shortest first; nil before the first pane. It is not to be changed.
func (w *Windows) Show() ([]WindowSnapshot, error) {
	if w.plan == nil || w.shown != nil {
		return w.shown, nil
	}
	var out []WindowSnapshot
	for _, over := range slices.Sorted(slices.Values(w.plan.Policy.Shown())) {
		s, err := w.show(over)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	w.shown = out
	return out, nil
}

func (w *Windows) show(over time.Duration) (WindowSnapshot, error) {
	p := w.plan
	// The first step that lies wholly inside; the last step, where none does.
	last := floorDiv(w.latest-1, w.step)
	from := min(last, floorDiv(w.latest-over.Microseconds()+w.step-1, w.step))
	out := WindowSnapshot{
		Over: contract.Duration(over).String(), Columns: []ColumnInWindow{},
		Pane: finding.Window{Start: plan.FromMicros(from * w.step), End: plan.FromMicros(w.latest)},
	}
	held, ok, err := w.panes.Over(from, last+1)
	if err != nil || !ok {
		return out, err
	}
	described, err := held.summary()
	if err != nil {
		return out, err
	}
	out.Rows, out.Reasons = held.set.Rows, ReasonsOf(held.set)
	for i := range p.Columns {
		out.Columns = append(out.Columns, columnInWindow(&p.Columns[i], &held.set.Columns[i], &described.Columns[i]))
	}
	if meanings, err := w.read(p); err != nil {
		return out, err
	} else if len(meanings) > 0 {
		if n, metrics := estimate(p, meanings[0].Null(), held.set.Curve.N); n > 0 {
			out.Estimate = &Estimate{N: n, Assumes: estimateRests, Metrics: metrics}
		}
	}
	if out.Fairness, err = w.compare(held, over, out.Pane); err != nil {
		return out, err
	}
	test := p.TestPane.Microseconds()
	newest, ok := w.truth.Newest()
	if !ok {
		return out, nil
	}
	first := max(min(newest, newest+1-over.Microseconds()/test), newest+1-truthSteps)
	known, ok, err := w.truth.Over(first, newest+1)
	if err != nil || !ok {
		return out, err
	}
	var s Snapshot
	s.truth(p, first*test, (newest+1)*test, known)
	out.Truth = s.Truth
	priced, ok, err := w.money.Over(first, newest+1)
	if err != nil || !ok {
		return out, err
	}
	curves := priced.curves()
	out.Truth.Money = Prices(p, curves, float64(newest+1-first)*float64(test)/86400e6)
	out.Truth.Labelled = labelledOf(p, curves)
	return out, nil
}

// read is what the plan has learnt of its scores' meaning.
func (w *Windows) read(p *plan.Plan) ([]drift.Meaning, error) {
	if w.meaningOf == p.Digest() {
		return w.meaning, nil
	}
	all, err := drift.OpenCalibration(p)
	if err == nil {
		w.meaning, w.meaningOf = all, p.Digest()
	}
	return all, err
}

func columnInWindow(c *plan.Column, n *sketch.Column, d *sketch.Described) ColumnInWindow {
	out := ColumnInWindow{
		Name: c.Name, Rows: n.N, Missing: share(n.Missing, n.N), Mean: finding.None(), SD: finding.None(), PSI: finding.None(),
	}
	if spread(c) && sum(n.Bins) > 0 {
		out.PSI = finding.Number(stat.PSI(cells(c, n)))
	}
	var s ColumnSnapshot
	s.describe(d, n)
	out.Quantile, out.Distinct = s.Quantile, s.Distinct
	if c.Layout.Categorical {
		return out
	}
	largest := math.Inf(1)
	if d.Histogram.Count() == n.Valid() { // events of builds that described nothing are not in it
		largest = d.Histogram.Largest()
	}
	if m, sd, _, ok := n.Moments(largest); ok {
		out.Mean, out.SD = finding.Number(m), finding.Number(sd)
	} else {
		out.Mean = mean(n)
	}
	return out
}

// seen is what windows keep of panes. The summary is kept as its bytes, a fraction of its size in memory, and what has the same bytes
// shares them.
type seen struct {
	plan      *plan.Plan
	set       *sketch.Set
	described []byte          // a sketch.Summary; never changed in place
	groups    *fairness.Tally // decisions on groups; nil for plans that compare none
}

// Merge implements window.Mergeable.
func (s *seen) Merge(o *seen) error {
	a, err := s.summary()
	if err != nil {
		return err
	}
	b, err := o.summary()
	if err != nil {
		return err
	}
	if err := a.Merge(b); err != nil {
		return err
	}
	if err := s.set.Merge(o.set); err != nil {
		return err
	}
	if s.groups != nil {
		if err := s.groups.Merge(o.groups); err != nil { // of the same plan: it has some, too
			return err
		}
	}
	s.described = a.AppendBinary(nil)
	return nil
}

// Clone implements window.Mergeable.
func (s *seen) Clone() *seen {
	out := &seen{plan: s.plan, set: s.set.Clone(), described: s.described}
	if s.groups != nil {
		out.groups = s.groups.Clone()
	}
	return out
}

func (s *seen) summary() (*sketch.Summary, error) {
	r := wire.NewReader(s.described)
	out, err := sketch.ReadSummary(s.plan, r)
	if err != nil {
		return nil, err
	}
	return out, r.Close()
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
