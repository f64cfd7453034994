package window

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Ended is one thing that has ended: exactly one of its fields is set.
type Ended struct {
	Glimpse *Moment   // a moment of which not all may have come yet; it comes again as a Moment
	Moment  *Moment   // a moment; the base pane it belongs to may still be open
	Base    *Pane     // one base pane; the test pane it belongs to may still be open
	Test    *Pane     // one test pane
	Cohort  *Cohort   // one mature cohort that had any outcome in time; it comes again in its truth pane, which may still be filling
	Truth   []*Cohort // the cohorts of one truth pane that had any outcome, in order
}

// Assembler adds up the cells of one model under one plan.
type Assembler struct {
	plan *plan.Plan

	base     map[int64]*Pane   // open base panes by start
	test     *Pane             // the test pane being filled from ended base panes
	closed   int64             // everything before is closed; NoTime before the first close
	moments  map[int64]*Moment // that have not been handed out, by start
	shown    int64             // every moment that ends by then has been handed out; NoTime before the first
	glimpsed int64             // the same of glimpses
	cohorts  map[int64]*Cohort
	truth    []*Cohort // mature cohorts of the truth pane being filled
	mature   int64     // every cohort that ends by then has been handed out
	late     int64     // events that came after their pane was closed

	news map[int64]*Cohort // mature cohorts that nobody has taken since they became mature or were revised

	taken taken // by other plans
}

// Start is where what has ended began, microseconds since the Unix epoch.
func (n *Ended) Start() int64 {
	switch {
	case n.Glimpse != nil:
		return n.Glimpse.Start
	case n.Moment != nil:
		return n.Moment.Start
	case n.Base != nil:
		return n.Base.Start
	case n.Test != nil:
		return n.Test.Start
	case n.Cohort != nil:
		return n.Cohort.Start
	default:
		return n.Truth[0].Start
	}
}

// NewAssembler makes an empty assembler.
func NewAssembler(p *plan.Plan) *Assembler {
	return &Assembler{
		plan: p, base: map[int64]*Pane{}, cohorts: map[int64]*Cohort{}, closed: record.NoTime, mature: record.NoTime,
		news: map[int64]*Cohort{}, moments: map[int64]*Moment{}, shown: record.NoTime, glimpsed: record.NoTime,
	}
}

// Late is how many events came after their pane was closed. They enter no test.
func (a *Assembler) Late() int64 { return a.late }

// Empty reports whether nothing is held that could still be handed out or revised.
func (a *Assembler) Empty() bool {
	return len(a.base) == 0 && a.test == nil && len(a.cohorts) == 0 && len(a.truth) == 0
}

// Retain drops what is still open of stretches of event time that hold doesn't hold, and returns the panes and cohorts among it that
// were not judged: another plan took over there before they ended. The first pane may be a test pane, of the base panes that have
// ended; the first cohorts may be of a truth pane that is being filled.
func (a *Assembler) Retain(hold func(us int64) bool) (dropped []*Pane, cohorts []*Cohort) {
	if a.test != nil && !hold(a.test.Start) {
		dropped = append(dropped, a.test)
		a.test = nil
	}
	maps.DeleteFunc(a.moments, func(start int64, _ *Moment) bool { return !hold(start) })
	for _, start := range slices.Sorted(maps.Keys(a.base)) {
		if !hold(start) {
			dropped = append(dropped, a.base[start])
			delete(a.base, start)
		}
	}
	for _, start := range slices.Sorted(maps.Keys(a.cohorts)) {
		co := a.cohorts[start]
		if hold(start) {
			continue
		}
		delete(a.cohorts, start)
		delete(a.news, start)
		waiting := slices.Index(a.truth, co)
		if waiting >= 0 {
			a.truth = slices.Delete(a.truth, waiting, waiting+1)
		}
		if waiting >= 0 || start >= a.mature {
			cohorts = append(cohorts, co)
		}
	}
	return dropped, cohorts
}

// Ahead is how many events lie in open panes that begin at an event time or later.
func (a *Assembler) Ahead(from int64) int64 {
	var n int64
	for start, p := range a.base {
		if start >= from {
			n += p.Rows()
		}
	}
	return n
}

// Add takes one cell into account.
func (a *Assembler) Add(c *record.Cell) error {
	if name := record.VersionText(c.Version); name != c.Version {
		renamed := *c
		renamed.Version = name
		c = &renamed
	}
	if c.Kind == record.Described {
		return a.describe(c)
	}
	if c.Kind == record.Momentary {
		return a.addMoment(c)
	}
	key := Cell{Version: c.Version, Slice: c.Slice}
	if len(c.Slice) != 2*len(a.plan.Slices) {
		return fmt.Errorf("add cell of %s: slice code of %d bytes for %d dimensions", c.Model, len(c.Slice), len(a.plan.Slices))
	}
	if a.plan.PaneStart(c.Pane) != c.Pane {
		return fmt.Errorf("add cell of %s: pane start %d is no multiple of %s", c.Model, c.Pane, a.plan.Pane)
	}
	if c.Kind != record.Counted {
		return a.addOutcomes(key, c)
	}
	set, err := readSet(a.plan, c.Body)
	if err != nil {
		return fmt.Errorf("add cell of %s: %w", c.Model, err)
	}
	if a.passed(c.Pane) {
		a.late += set.Rows
		return nil
	}
	if err := a.open(c.Pane).add(key, set, c.Spans); err != nil {
		return fmt.Errorf("add cell of %s: %w", c.Model, err)
	}
	return nil
}

// open is the open base pane that begins at start.
func (a *Assembler) open(start int64) *Pane {
	p := a.base[start]
	if p == nil {
		p = newPane(start, start+a.plan.Pane.Microseconds())
		a.base[start] = p
	}
	return p
}

// describe adds what describes a pane. It comes in the same epoch as the pane's cells: with late ones it is left out as they
// are.
func (a *Assembler) describe(c *record.Cell) error {
	if a.plan.PaneStart(c.Pane) != c.Pane || c.Slice != "" {
		return fmt.Errorf("add summary of %s: pane start %d is no multiple of %s, or it has the slice code %x", c.Model, c.Pane, a.plan.Pane, c.Slice)
	}
	s, err := readSummary(a.plan, c.Body)
	if err != nil {
		return fmt.Errorf("add summary of %s: %w", c.Model, err)
	}
	if a.passed(c.Pane) {
		return nil
	}
	if err := a.open(c.Pane).describe(c.Version, s, c.Spans); err != nil {
		return fmt.Errorf("add summary of %s: %w", c.Model, err)
	}
	return nil
}

func (a *Assembler) addOutcomes(key Cell, c *record.Cell) error {
	if a.plan.Score == nil {
		return fmt.Errorf("add cell of %s: outcomes for a plan without a score", c.Model)
	}
	known, err := truth.ReadAll(a.plan, c.Body)
	if err != nil {
		return fmt.Errorf("add outcomes of %s: %w", c.Model, err)
	}
	start := a.plan.TestStart(c.Pane)
	others := a.others(start)
	if c.Kind == record.OnTime && (start < a.mature || others) { // it came after its cohort was handed out
		a.late += max(0, known.Labels())
		return nil
	}
	if others { // what revises a cohort is of the plan that handed it out
		return nil
	}
	co := a.cohorts[start]
	if co == nil { // it may be mature already: then every outcome of it came after its time
		co = newCohort(start, start+a.plan.TestPane.Microseconds())
		if a.forgotten(co) {
			return nil
		}
		a.cohorts[start] = co
	}
	if start < a.mature {
		a.news[start] = co
	}
	cells := co.All
	if c.Kind == record.OnTime {
		cells = co.OnTime
	}
	if err := addCounts(cells, key, known); err != nil {
		return fmt.Errorf("add outcomes of %s: %w", c.Model, err)
	}
	return nil
}

// Advance hands out what has ended once every source partition has reached low (microseconds of event time), in the order of
// the ends; a moment comes before the base pane it completes, and that before the test pane it completes. A glimpse comes as much sooner as the plan says
// (FaultsAhead): which glimpses come before what is decided by event times alone, not by how low moves.
func (a *Assembler) Advance(low int64, visit func(Ended) error) error {
	if low == record.NoTime {
		return nil
	}
	ready := low - a.plan.Lateness.Microseconds()
	if err := a.closePanes(ready, visit); err != nil {
		return err
	}
	if err := a.show(ready, visit); err != nil {
		return err
	}
	return a.glimpse(ready+a.plan.FaultsAhead().Microseconds(), visit)
}

// closePanes hands out the panes that have ended by an event time.
func (a *Assembler) closePanes(ready int64, visit func(Ended) error) error {
	step := a.plan.Pane.Microseconds()
	if a.closed == record.NoTime {
		if len(a.base) == 0 {
			return nil
		}
		first := slices.Min(slices.Collect(maps.Keys(a.base)))
		if first+step > ready {
			return nil
		}
		a.closed = first
	}
	for a.closed+step <= ready {
		if a.test == nil && a.base[a.closed] == nil { // nothing here: don't walk an empty year hour by hour
			next := a.plan.PaneStart(ready)
			for start := range a.base {
				next = min(next, start)
			}
			a.closed = max(a.closed, next)
			if a.closed+step > ready {
				break
			}
		}
		if err := a.closeBase(a.closed, visit); err != nil {
			return err
		}
	}
	return nil
}

func (a *Assembler) closeBase(start int64, visit func(Ended) error) error {
	end := start + a.plan.Pane.Microseconds()
	if err := a.show(end, visit); err != nil {
		return err
	}
	if err := a.glimpse(end+a.plan.FaultsAhead().Microseconds(), visit); err != nil {
		return err
	}
	a.closed = end
	if p := a.base[start]; p != nil {
		delete(a.base, start)
		if err := visit(Ended{Base: p}); err != nil {
			return err
		}
		if a.test == nil {
			t := a.plan.TestStart(start)
			a.test = newPane(t, t+a.plan.TestPane.Microseconds())
		}
		if err := a.test.merge(p); err != nil {
			return err
		}
	}
	if a.test != nil && end >= a.test.End {
		t := a.test
		a.test = nil
		if err := a.expect(t); err != nil {
			return err
		}
		return visit(Ended{Test: t})
	}
	return nil
}

// Mature hands out the cohorts that are complete, once the outcomes of every partition have reached low, and after the last of a truth pane all of that.
func (a *Assembler) Mature(low int64, visit func(Ended) error) error {
	ready := low - a.plan.Lateness.Microseconds() - a.plan.MatureAfter.Microseconds()
	step := a.plan.TestPane.Microseconds()
	if a.mature == record.NoTime {
		if len(a.cohorts) == 0 {
			return nil
		}
		first := slices.Min(slices.Collect(maps.Keys(a.cohorts)))
		if first+step > a.counted(ready) { // an earlier cohort may still come from a slower partition
			return nil
		}
		a.mature = first
	}
	for a.mature+step <= a.counted(ready) {
		if len(a.truth) == 0 && a.cohorts[a.mature] == nil { // nothing here: don't walk an empty year day by day
			next := a.plan.TestStart(a.counted(ready))
			for start := range a.cohorts {
				if start > a.mature {
					next = min(next, start)
				}
			}
			a.mature = max(a.mature+step, next)
			a.forget()
			continue
		}
		start := a.mature
		a.mature += step
		if co := a.cohorts[start]; co != nil {
			a.news[start] = co
			if len(co.OnTime) > 0 {
				a.truth = append(a.truth, co)
				if err := visit(Ended{Cohort: co}); err != nil {
					return err
				}
			}
		}
		if next := a.plan.TruthStart(a.mature); len(a.truth) > 0 && next > a.plan.TruthStart(start) {
			truth := a.truth
			a.truth = nil
			if err := visit(Ended{Truth: truth}); err != nil {
				return err
			}
		}
		a.forget()
	}
	return nil
}

// forget drops the cohorts that no outcome can reach any more.
func (a *Assembler) forget() {
	for start, co := range a.cohorts {
		if a.forgotten(co) {
			delete(a.cohorts, start)
		}
	}
}

// forgotten reports whether no outcome can reach a cohort any more: its predictions are older than keep.
func (a *Assembler) forgotten(co *Cohort) bool {
	if a.mature == record.NoTime {
		return false
	}
	return co.End+a.plan.Keep.Microseconds()+a.plan.TruthPane.Microseconds() < a.mature
}

// TakeCohorts hands over the cohorts that became mature, or were revised after that, since the last call, in order. They go
// on being revised: whoever wants them as they are now writes them down now.
func (a *Assembler) TakeCohorts() []*Cohort {
	var out []*Cohort
	for _, start := range slices.Sorted(maps.Keys(a.news)) {
		out = append(out, a.news[start])
	}
	clear(a.news)
	return out
}
