package window

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Cell names one cell of a pane: the model version and the finest slice.
type Cell struct {
	Version string
	Slice   string // as sketch.SliceCode writes it
}

func (c Cell) compare(d Cell) int {
	return cmp.Or(cmp.Compare(c.Version, d.Version), cmp.Compare(c.Slice, d.Slice))
}

// Pane is what was counted of the predictions of one stretch of event time [Start, End), microseconds since the Unix epoch.
type Pane struct {
	Start, End int64
	cells      map[Cell]*sketch.Set
	spans      map[place]record.Span
	summaries  map[string]*sketch.Summary // by version
}

func newPane(start, end int64) *Pane {
	return &Pane{
		Start: start, End: end, cells: map[Cell]*sketch.Set{}, spans: map[place]record.Span{}, summaries: map[string]*sketch.Summary{},
	}
}

// Rows is the number of events in the pane.
func (p *Pane) Rows() int64 {
	var n int64
	for _, s := range p.cells {
		n += s.Rows
	}
	return n
}

// Whole adds all cells up.
func (p *Pane) Whole(pl *plan.Plan) (*sketch.Set, error) { return p.View(pl, nil, nil) }

// Summary adds up what describes the pane, over all versions. Events of builds that described nothing are not in it.
func (p *Pane) Summary(pl *plan.Plan) (*sketch.Summary, error) {
	sum := sketch.NewSummary(pl)
	for _, s := range p.summaries {
		if err := sum.Merge(s); err != nil { // exact: the order doesn't matter
			return nil, fmt.Errorf("add up pane summaries: %w", err)
		}
	}
	return sum, nil
}

// View adds up the cells of one slice: those whose values of the dimensions dims are codes.
func (p *Pane) View(pl *plan.Plan, dims, codes []int) (*sketch.Set, error) {
	sum := sketch.NewSet(pl)
	for _, c := range slices.SortedFunc(maps.Keys(p.cells), Cell.compare) {
		if !plan.InSlice(c.Slice, dims, codes) {
			continue
		}
		if err := sum.Merge(p.cells[c]); err != nil {
			return nil, fmt.Errorf("add up pane cells: %w", err)
		}
	}
	return sum, nil
}

// Cells visits what was counted of each cell, in the order of version and slice.
func (p *Pane) Cells(visit func(Cell, *sketch.Set) error) error {
	for _, c := range slices.SortedFunc(maps.Keys(p.cells), Cell.compare) {
		if err := visit(c, p.cells[c]); err != nil {
			return err
		}
	}
	return nil
}

// Version is the model version most of the pane's events come from; of equals the smallest name.
func (p *Pane) Version() string {
	rows := map[string]int64{}
	for c, s := range p.cells {
		rows[c.Version] += s.Rows
	}
	return mostCommon(rows)
}

// Spans are the smallest and largest offsets of the pane's own events, by topic and partition.
func (p *Pane) Spans() []record.Span { return inOrder(p.spans) }

// inOrder are spans by topic and partition.
func inOrder(spans map[place]record.Span) []record.Span {
	out := make([]record.Span, 0, len(spans))
	for _, at := range slices.SortedFunc(maps.Keys(spans), place.compare) {
		out = append(out, spans[at])
	}
	return out
}

func (p *Pane) add(c Cell, set *sketch.Set, spans []record.Span) error {
	if was := p.cells[c]; was != nil {
		if err := was.Merge(set); err != nil {
			return err
		}
	} else {
		p.cells[c] = set
	}
	for _, s := range spans {
		addSpan(p.spans, s)
	}
	return nil
}

func (p *Pane) merge(q *Pane) error {
	for _, c := range slices.SortedFunc(maps.Keys(q.cells), Cell.compare) {
		if err := p.add(c, q.cells[c], nil); err != nil {
			return err
		}
	}
	for _, s := range q.spans {
		addSpan(p.spans, s)
	}
	for version, s := range q.summaries {
		if err := p.describe(version, s, nil); err != nil {
			return err
		}
	}
	return nil
}

// describe adds what describes a version's events; the pane keeps s.
func (p *Pane) describe(version string, s *sketch.Summary, spans []record.Span) error {
	for _, s := range spans {
		addSpan(p.spans, s)
	}
	if was := p.summaries[version]; was != nil {
		return was.Merge(s)
	}
	p.summaries[version] = s
	return nil
}

func addSpan(spans map[place]record.Span, s record.Span) {
	at := place{s.Topic, s.Partition, -1}
	was, ok := spans[at]
	if !ok {
		spans[at] = s
		return
	}
	was.First, was.Last = min(was.First, s.First), max(was.Last, s.Last)
	spans[at] = was
}

// Cohort is what is known of the outcomes of the predictions of one test pane. OnTime feeds evidence; All is revised for ever.
type Cohort struct {
	Start, End  int64
	OnTime, All map[Cell]truth.Counts
}

func newCohort(start, end int64) *Cohort {
	return &Cohort{Start: start, End: end, OnTime: map[Cell]truth.Counts{}, All: map[Cell]truth.Counts{}}
}

// Outcomes is how many outcomes of the cohort are known.
func (c *Cohort) Outcomes() (n int64) {
	for _, known := range c.All {
		n += known.Labels()
	}
	return n
}

// View adds up the on-time counts of one slice.
func (c *Cohort) View(p *plan.Plan, dims, codes []int) (truth.Counts, error) {
	return viewCounts(c.OnTime, p, dims, codes)
}

// Revised adds up the counts of one slice with every correction known so far; where only positive outcomes are reported, as they were when the cohort
// was mature: how many are still to come is known of that age.
func (c *Cohort) Revised(p *plan.Plan, dims, codes []int) (truth.Counts, error) {
	if p.Score.Binary() && p.Score.Missing == plan.PositivesOnly {
		return c.View(p, dims, codes)
	}
	sum, err := viewCounts(c.All, p, dims, codes)
	into := truth.CurveOf(sum)
	if err != nil || into == nil {
		return sum, err
	}
	for k, v := range c.OnTime { // which knows the predictions
		if !plan.InSlice(k.Slice, dims, codes) {
			continue
		}
		if err := truth.Expect(into, truth.CurveOf(v)); err != nil {
			return nil, fmt.Errorf("add up predictions that wait for an outcome: %w", err)
		}
	}
	return sum, nil
}

// Cells visits the counts of each cell, in the order of version and slice; either may be nil.
func (c *Cohort) Cells(visit func(k Cell, onTime, all truth.Counts) error) error {
	cells := maps.Clone(c.All)
	maps.Copy(cells, c.OnTime)
	for _, k := range slices.SortedFunc(maps.Keys(cells), Cell.compare) {
		if err := visit(k, c.OnTime[k], c.All[k]); err != nil {
			return err
		}
	}
	return nil
}

// ByVersion adds up the on-time counts of one slice by model version.
func (c *Cohort) ByVersion(p *plan.Plan, dims, codes []int) (map[string]truth.Counts, error) {
	out := map[string]truth.Counts{}
	for k, v := range c.OnTime {
		if !plan.InSlice(k.Slice, dims, codes) {
			continue
		}
		if out[k.Version] == nil {
			out[k.Version] = truth.New(p)
		}
		if err := out[k.Version].Merge(v); err != nil {
			return nil, fmt.Errorf("add up outcome cells: %w", err)
		}
	}
	return out, nil
}

// Version is the model version most of the cohort's outcomes belong to.
func (c *Cohort) Version() string {
	rows := map[string]int64{}
	for k, v := range c.OnTime {
		rows[k.Version] += v.Labels()
	}
	return mostCommon(rows)
}

func viewCounts(cells map[Cell]truth.Counts, p *plan.Plan, dims, codes []int) (truth.Counts, error) {
	sum := truth.New(p)
	for k, v := range cells {
		if !plan.InSlice(k.Slice, dims, codes) {
			continue
		}
		if err := sum.Merge(v); err != nil { // integers: the order of the cells doesn't matter
			return nil, fmt.Errorf("add up outcome cells: %w", err)
		}
	}
	return sum, nil
}

func addCounts(cells map[Cell]truth.Counts, k Cell, v truth.Counts) error {
	if was := cells[k]; was != nil {
		return was.Merge(v)
	}
	cells[k] = v
	return nil
}

func mostCommon(rows map[string]int64) string {
	best := ""
	for _, v := range slices.Sorted(maps.Keys(rows)) {
		if best == "" && rows[best] == 0 || rows[v] > rows[best] {
			best = v
		}
	}
	return best
}

func readSet(pl *plan.Plan, body []byte) (*sketch.Set, error) {
	r := wire.NewReader(body)
	s, err := sketch.ReadSet(pl, r)
	if err != nil {
		return nil, err
	}
	return s, r.Close()
}

func readSummary(pl *plan.Plan, body []byte) (*sketch.Summary, error) {
	r := wire.NewReader(body)
	s, err := sketch.ReadSummary(pl, r)
	if err != nil {
		return nil, err
	}
	return s, r.Close()
}
