package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/diagnose"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

const (
	// recentRows is how many events the latest test panes hold that are kept to say what broke: more would tell nothing more.
	recentRows = 12_000
	// recentPanes is how many of them are kept at most, and recentLeast at least: an alarm takes three.
	recentPanes, recentLeast = 24, 4
	// recentHours is how many hours of traffic are kept, to tell clocks by.
	recentHours = 7 * 24
	// surelyKnown is the number of events from which on a diagnosis is not made again.
	surelyKnown = 8_000
)

// recent is what an engine remembers to say what broke.
type recent struct {
	reference *diagnose.Side // nil: not read yet, or the plan has none
	of        *plan.Plan     // the plan it was read of
	panes     []*keptPane    // the latest test panes after the reference, in order
	hours     hours
	made      map[int][]diagnose.Cause
	madeAt    int64 // of the pane that made is of
}

// hours are events by hour, of base panes that are no longer than one.
type hours struct {
	Since int64   `json:"since"` // microseconds, the start of the first
	N     []int64 `json:"n"`
	Late  []int64 `json:"late,omitempty"` // events that came in the hour and were too late for their pane; of hours beyond its end none
	Ahead int64   `json:"-"`              // events that are dated further ahead of all others than is believed, when the latest base pane ended
}

// remember takes a test pane that has ended. What was kept of another era of the plan says nothing of this one.
func (r *recent) remember(p *window.Pane, givesWay []int64) {
	if n := len(r.panes); n > 0 && over(r.panes[n-1].End, p.Start, givesWay) {
		r.panes = nil
	}
	r.panes = append(r.panes, keep(p))
	rows, n := int64(0), 0
	for n < len(r.panes) && n < recentPanes && (rows < recentRows || n < recentLeast) {
		rows += r.panes[len(r.panes)-1-n].Rows
		n++
	}
	r.panes = slices.Clone(r.panes[len(r.panes)-n:])
}

// count takes a base pane that has ended. Hours without any pane count as empty.
func (h *hours) count(start, events int64) {
	hour := time.Hour.Microseconds()
	at := floorDiv(start, hour) * hour
	if n := int64(len(h.N)); n == 0 || at < h.Since || at >= h.Since+(n+recentHours)*hour {
		*h = hours{Since: at}
	}
	for h.Since+int64(len(h.N))*hour <= at {
		h.N = append(h.N, 0)
	}
	h.N[(at-h.Since)/hour] += events
	if drop := len(h.N) - recentHours; drop > 0 {
		h.Late = slices.Clone(h.Late[min(drop, len(h.Late)):])
		h.N, h.Since = slices.Clone(h.N[drop:]), h.Since+int64(drop)*hour
	}
}

// late counts events that came too late for their pane: they came in the latest hour.
func (h *hours) late(events int64) {
	if events <= 0 || len(h.N) == 0 {
		return
	}
	for len(h.Late) < len(h.N) {
		h.Late = append(h.Late, 0)
	}
	h.Late[len(h.N)-1] += events
}

// lateSince is how many events came too late from a time on, and the start of the hour from which on they have kept coming: before it there were hardly any for a
// day.
func (h *hours) lateSince(us int64) (n, first int64) {
	hour, most := time.Hour.Microseconds(), int64(0)
	for i, k := range h.Late {
		if h.Since+int64(i+1)*hour > us {
			n += k
		}
		most = max(most, k)
	}
	quiet := 0
	for i, k := range slices.Backward(h.Late) {
		if k <= most/20 {
			if quiet++; quiet > 24 && first != 0 {
				break
			}
			continue
		}
		quiet, first = 0, h.Since+int64(i)*hour
	}
	return n, first
}

// between is the events hour by hour between two times; ok is false where some of them aren't kept.
func (h *hours) between(from, to int64) (since int64, hourly []int64, ok bool) {
	hour := time.Hour.Microseconds()
	since = floorDiv(from, hour) * hour
	n := (to - since + hour - 1) / hour
	if n <= 0 || since < h.Since || len(h.N) == 0 {
		return since, nil, false
	}
	hourly = make([]int64, n)
	first := (since - h.Since) / hour
	for i := range n {
		if at := first + i; at < int64(len(h.N)) {
			hourly[i] = h.N[at]
		}
	}
	return since, hourly, true
}

// open reads what the plan keeps of its reference, once.
func (r *recent) open(p *plan.Plan) error {
	if r.of == p {
		return nil
	}
	if r.of != nil && r.of.Digest() == p.Digest() {
		r.of = p
		return nil
	}
	side, err := diagnose.Open(p)
	if err != nil {
		return err
	}
	r.reference, r.of = side, p
	return nil
}

// since finds the first of the panes in which a column is as it is now; it is no earlier than the panes that are kept. What was told at a time began before it.
func (r *recent) since(column int, told int64) (from int, sure bool, err error) {
	columns := make([]*sketch.Column, len(r.panes))
	for i, k := range r.panes {
		set, err := k.whole(r.of)
		if err != nil {
			return 0, false, err
		}
		columns[i] = &set.Columns[column]
	}
	ended := 0
	for ended < len(r.panes) && r.panes[ended].End <= told {
		ended++
	}
	from, sure = diagnose.Onset(&r.reference.Set.Columns[column], columns, ended)
	return from, sure, nil
}

// causes are those of the panes from the given one on.
func (r *recent) causes(p *plan.Plan, from int) ([]diagnose.Cause, error) {
	last := r.panes[len(r.panes)-1].End
	if r.madeAt != last {
		r.made, r.madeAt = map[int][]diagnose.Cause{}, last
	}
	if out, ok := r.made[from]; ok {
		return out, nil
	}
	now, err := gathered(p, r.panes[from:])
	if err != nil {
		return nil, err
	}
	var before *diagnose.Side
	if from > 0 {
		if before, err = gathered(p, r.panes[:from]); err != nil {
			return nil, err
		}
	}
	if p.Pane <= time.Hour {
		if since, hourly, ok := r.hours.between(max(r.panes[from].Start-2*24*time.Hour.Microseconds(), r.hours.Since), last); ok {
			now.Since, now.Hourly, now.From = since, hourly, r.panes[from].Start
			now.Ahead = r.hours.Ahead
			now.Late, now.LateSince = r.hours.lateSince(since)
		}
	}
	r.made[from] = diagnose.Diagnose(&diagnose.Case{Plan: p, Reference: r.reference, Current: now, Before: before})
	return r.made[from], nil
}

// gathered adds panes up.
func gathered(p *plan.Plan, panes []*keptPane) (*diagnose.Side, error) {
	g := diagnose.NewGatherer(p)
	for _, k := range panes {
		w, err := k.pane(p)
		if err != nil {
			return nil, err
		}
		if err := g.Ended(w); err != nil {
			return nil, err
		}
	}
	return g.Side(), nil
}

// nameCause says of an alarm that was told at a time (microseconds) what broke, and since when, as far as the panes that are kept tell.
func (e *Engine) nameCause(f *finding.Finding, s drift.Stream, told int64) error {
	r := &e.recent
	if err := r.open(e.plan); err != nil {
		return fmt.Errorf("diagnose %s: %w", e.plan.Model, err)
	}
	if r.reference == nil || len(r.panes) == 0 {
		return nil
	}
	from, seen := 0, false
	var err error
	if s.Kind == drift.Column {
		if from, seen, err = r.since(s.At, told); err != nil {
			return fmt.Errorf("diagnose %s: %w", e.plan.Model, err)
		}
	}
	if !seen {
		onset := plan.Micros(f.Onset)
		for from < len(r.panes)-1 && r.panes[from].Start < onset {
			from++
		}
	}
	c, err := e.causeOf(f, s, from)
	if err != nil {
		return fmt.Errorf("diagnose %s: %w", e.plan.Model, err)
	}
	f.Diagnosis = nil
	if c == nil {
		return nil
	}
	if s.Kind == drift.Volume && c.Since != 0 {
		f.Onset = plan.FromMicros(c.Since)
		later := from
		for later < len(r.panes)-1 && r.panes[later].Start < c.Since {
			later++
		}
		if later > from { // without what came before
			again, err := e.causeOf(f, s, later)
			if err != nil {
				return fmt.Errorf("diagnose %s: %w", e.plan.Model, err)
			}
			if again != nil && again.Kind == c.Kind {
				c = again
			}
		}
	}
	lineage, unseen := e.lineageOf(c)
	f.Diagnosis = &finding.Diagnosis{
		Kind: string(c.Kind), Sentence: sentence(c, lineage != "" || unseen), Confidence: finding.Number(c.Confidence), Parameters: c.Parameters, Subjects: list(c.Columns), Slice: c.Slice,
		Lineage: lineage, NewLineage: unseen, Fix: c.Fix, Evidence: list(c.Evidence), Against: list(c.Against), Corruption: c.Kind.Corruption(),
	}
	// Where it began is seen better once it is known what to look for; a world that moves does so little by little.
	if seen && c.Kind != diagnose.CovariateShift && (from > 0 || plan.Micros(f.Onset) >= r.panes[0].Start) {
		f.Onset = plan.FromMicros(r.panes[from].Start)
	}
	return nil
}

// causeOf is the cause of a finding's subject in the panes from the given one on; nil where it has no name.
func (e *Engine) causeOf(f *finding.Finding, s drift.Stream, from int) (*diagnose.Cause, error) {
	causes, err := e.recent.causes(e.plan, from)
	if err != nil {
		return nil, err
	}
	for i := range causes {
		if about(&causes[i], f, s) {
			return &causes[i], nil
		}
	}
	return nil, nil
}

// lineageOf is the job and version that a cause is confined to, where the contract slices by it. One that the reference doesn't know has no name here, for slices
// are counted by the plan's dictionary: then unseen is true, and a change has to name it.
func (e *Engine) lineageOf(c *diagnose.Cause) (name string, unseen bool) {
	at := e.plan.LineageDimension()
	if at < 0 {
		return "", false
	}
	d := &e.plan.Slices[at]
	label, in := c.Slice[d.Name]
	switch {
	case !in:
		return "", false
	case slices.Contains(d.Values, label):
		return label, false
	default:
		return "", label == d.Label(len(d.Values))
	}
}

// sentence says what happened; where the lineage alone says in which events, whoever tells it says that.
func sentence(c *diagnose.Cause, byLineage bool) string {
	if byLineage && len(c.Slice) == 1 {
		everywhere := *c
		everywhere.Slice = nil
		return everywhere.Sentence()
	}
	return c.Sentence()
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

// about reports whether a cause is one of the finding's subject.
func about(c *diagnose.Cause, f *finding.Finding, s drift.Stream) bool {
	switch s.Kind {
	case drift.Column:
		return slices.Contains(c.Columns, f.Subject)
	case drift.Volume:
		return c.Kind == diagnose.Volume || c.Kind == diagnose.ClockShift || c.Kind == diagnose.Duplicates || c.Kind == diagnose.MixShift && c.Parameters["factor"] != ""
	default:
		return false
	}
}

// nameAgain looks at open alarms that have no name yet, or one that few events have given them, once more with each pane that ends. What it finds is
// told as the alarm was.
func (e *Engine) nameAgain(of *followed, p *window.Pane, emit func(finding.Finding) error) error {
	for _, name := range e.watch.names {
		said, ok := of.said[name]
		if !ok || said.Open == nil || said.Untold {
			continue
		}
		f := *said.Open
		if f.At.Equal(plan.FromMicros(p.End)) {
			continue // just told
		}
		s := drift.Streams(e.plan)[e.watch.streams[name]]
		onset := f.Onset
		f.At, f.Window = plan.FromMicros(p.End), finding.Window{Start: plan.FromMicros(p.Start), End: plan.FromMicros(p.End)}
		f.Offsets, f.Version = offsets(p), p.Version()
		f.N.Current = p.Rows()
		set, err := p.Whole(e.plan)
		if err != nil {
			return err
		}
		f.Numbers = slices.Clone(f.Numbers)
		for i := range f.Numbers {
			if s.Kind == drift.Column && f.Numbers[i].Name == "mean "+f.Subject { // of the pane that it is told of
				f.Numbers[i] = finding.Figure{Name: f.Numbers[i].Name, Before: f.Numbers[i].Before, Now: mean(&set.Columns[s.At])}
			}
		}
		if err := e.nameCause(&f, s, plan.Micros(said.Open.At)); err != nil {
			return err
		}
		if s.Kind != drift.Column || f.Onset.Equal(plan.FromMicros(e.recent.panes[0].Start)) {
			f.Onset = onset // what is kept may begin later than it
		}
		var rows int64
		for _, w := range e.recent.panes {
			if w.End > plan.Micros(onset) {
				rows += w.Rows
			}
		}
		// A world that moves has no name that would be worth telling again.
		tell := f.Diagnosis != nil && f.Diagnosis.Kind != string(diagnose.CovariateShift) && another(said.Open.Diagnosis, f.Diagnosis)
		if tell {
			kept := f
			kept.At = said.Open.At // it began before it was first told
			said.Open = &kept
		}
		if rows >= surelyKnown || len(e.recent.panes) == recentPanes && e.recent.panes[0].Start >= plan.Micros(onset) {
			said.Open = nil
		}
		of.said[name] = said
		if tell {
			if err := emit(f); err != nil {
				return err
			}
		}
	}
	return nil
}

// another reports whether a diagnosis is worth telling after an earlier one: of another kind, or with another factor or number of hours.
func another(before, now *finding.Diagnosis) bool {
	if before == nil {
		return true
	}
	return before.Sentence != now.Sentence && (before.Kind != now.Kind || now.Kind == string(diagnose.UnitChange) && before.Parameters["factor"] != now.Parameters["factor"] ||
		now.Kind == string(diagnose.ClockShift) && before.Parameters["hours"] != now.Parameters["hours"])
}

// formLeast is the change of the share of whole numbers that is told.
const formLeast = 0.03

// formRange is the range from which on whole numbers say something of how values are written: of a probability they are its ends.
const formRange = 20

// judgeForm looks for numbers that have lost their digits: many more of them are whole than in the reference, pane after pane. The bins, which hold what
// rounding leaves in place, can't show that.
func (e *Engine) judgeForm(p *window.Pane, set *sketch.Set, alpha float64, emit func(finding.Finding) error) error {
	if err := e.recent.open(e.plan); err != nil {
		return fmt.Errorf("judge the form of %s: %w", e.plan.Model, err)
	}
	if e.recent.reference == nil {
		return nil
	}
	for i := range e.plan.Columns {
		c, n, ref := &e.plan.Columns[i], &set.Columns[i], &e.recent.reference.Set.Columns[i]
		if c.Layout.Categorical || c.Layout.Empty || c.Layout.Hi-c.Layout.Lo < formRange {
			continue
		}
		values, whole := n.Valid()-n.Zero, n.Integral-n.Zero
		were, wholeWere := ref.Valid()-ref.Zero, ref.Integral-ref.Zero
		if were == 0 || float64(wholeWere) > 0.5*float64(were) {
			continue
		}
		r := rate{"form", "whole_share", whole, values, float64(wholeWere) / float64(were), were, formLeast, nil}
		f := e.judgeRate(p, c.Name, r, alpha)
		if f == nil {
			continue
		}
		f.Numbers[0].Name = "whole numbers"
		if f.Alarming() {
			if err := e.nameCause(f, drift.Stream{Kind: drift.Column, At: i}, plan.Micros(f.At)); err != nil {
				return err
			}
		}
		if err := emit(*f); err != nil {
			return err
		}
	}
	return nil
}

// nameFirst says what broke when an alarm of the sequential engine is told, and keeps it to be looked at again. Of slices it is told where the cause lies in
// that very slice.
func (e *Engine) nameFirst(of *followed, f *finding.Finding, stream string) error {
	s := drift.Streams(e.plan)[e.watch.streams[stream]]
	if s.Kind == drift.Rule {
		return nil
	}
	told := *f
	if err := e.nameCause(&told, s, plan.Micros(f.At)); err != nil {
		return err
	}
	if of.slice != nil {
		if d := told.Diagnosis; d != nil && finding.SliceKey(d.Slice) == finding.SliceKey(f.Slice) {
			f.Diagnosis, f.Onset = d, told.Onset
			said := of.said[stream]
			said.Onset = plan.Micros(f.Onset)
			of.said[stream] = said
		}
		return nil
	}
	*f = told
	said := of.said[stream]
	said.Onset = plan.Micros(f.Onset)
	kept := *f
	said.Open = &kept
	of.said[stream] = said
	return nil
}
