package diagnose

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Gatherer adds up a side from the cells and summaries of its test panes. What it is handed stays as it is.
type Gatherer struct {
	plan     *plan.Plan
	side     Side
	index    map[string]int // of side.Parts
	occupied []int64        // bins in use, by column, over described panes
	distinct []int64        // distinct texts, by column, summed over panes
	panes    int64          // that were described
	rows     int64          // in them
}

// NewGatherer makes one that has seen nothing.
func NewGatherer(p *plan.Plan) *Gatherer {
	return &Gatherer{plan: p, side: Side{Set: sketch.NewSet(p), Summary: sketch.NewSummary(p)}, index: map[string]int{}, occupied: make([]int64, len(p.Columns)), distinct: make([]int64, len(p.Columns))}
}

// Cell adds what was counted of a version's events in a finest slice.
func (g *Gatherer) Cell(version, slice string, set *sketch.Set) error {
	if err := g.side.Set.Merge(set); err != nil {
		return fmt.Errorf("add up what is diagnosed: %w", err)
	}
	if err := g.part(Part{Group: ofVersion, Version: version}, set); err != nil {
		return err
	}
	for i, group := range g.plan.Groups {
		codes := make([]int, len(group))
		for j, d := range group {
			codes[j] = plan.SliceAt(slice, d)
		}
		if err := g.part(Part{Group: i, Codes: codes}, set); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gatherer) part(p Part, set *sketch.Set) error {
	key := fmt.Sprint(p.Group, p.Codes, p.Version)
	at, ok := g.index[key]
	if !ok {
		p.Set = sketch.NewSet(g.plan)
		at = len(g.side.Parts)
		g.index[key] = at
		g.side.Parts = append(g.side.Parts, p)
	}
	if err := g.side.Parts[at].Set.Merge(set); err != nil {
		return fmt.Errorf("add up what is diagnosed: %w", err)
	}
	return nil
}

// Described adds what describes a whole test pane of so many events.
func (g *Gatherer) Described(s *sketch.Summary, rows int64) error {
	g.panes++
	g.rows += rows
	for i := range s.Columns {
		if h := s.Columns[i].Histogram; h != nil {
			g.occupied[i] += int64(h.InUse())
		} else {
			g.distinct[i] += s.Columns[i].Distinct.Estimate()
		}
	}
	if err := g.side.Summary.Merge(s); err != nil {
		return fmt.Errorf("add up what is diagnosed: %w", err)
	}
	return nil
}

// Ended adds a test pane that has ended.
func (g *Gatherer) Ended(w *window.Pane) error {
	err := w.Cells(func(c window.Cell, set *sketch.Set) error { return g.Cell(c.Version, c.Slice, set) })
	if err != nil {
		return err
	}
	s, err := w.Summary(g.plan)
	if err != nil {
		return err
	}
	g.side.Panes++
	g.side.Hours += float64(w.End-w.Start) / 3.6e9
	return g.Described(s, w.Rows())
}

// Side is what was added up. The gatherer is done with it.
func (g *Gatherer) Side() *Side {
	g.side.Occupied = make([]float64, len(g.occupied))
	g.side.Unique = make([]float64, len(g.occupied))
	for i, n := range g.occupied {
		g.side.Occupied[i] = float64(n) / float64(max(1, g.panes))
		g.side.Unique[i] = float64(g.distinct[i]) / float64(max(1, g.rows))
	}
	return &g.side
}
