package engine

import (
	"fmt"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/window"
)

const (
	// ofWide is the share of the budget of tickets that wide windows may spend, nominally a quarter of it as elsewhere.
	ofWide = 0.10
	// wideShift is how many times what is too small to matter a column must lie from the reference: a level that the sequential engine has taken for
	// usual is no emergency.
	wideShift = 2
	// wideEnough is the length from which on two windows in a row are enough: they can't be one odd day.
	wideEnough = 7 * 24 * time.Hour
	fewerWide  = 2
)

// wideWindow is the window that is being filled.
type wideWindow struct {
	start, end int64       // the window's start, and how far it is filled
	set        *sketch.Set // nil: none is
	offsets    finding.Offsets
	told       map[string]bool // streams that were open at some time within it
	cut        bool            // the plan began in its midst
}

// judgeWide holds windows of a day or a week against the reference itself, column by column: the sequential engine follows what moves slowly,
// and a change that it has told, and that has come to rest somewhere else, it takes for usual one day. What is told of a column already, it leaves alone.
func (e *Engine) judgeWide(p *window.Pane, set *sketch.Set, emit func(finding.Finding) error) error {
	w := &e.watch.wide
	if e.plan.Wide == 0 {
		return nil
	}
	start := plan.Align(p.Start, e.plan.Wide)
	if w.set != nil && start != w.start {
		if err := e.closeWide(p.Version(), emit); err != nil {
			return err
		}
	}
	if w.set == nil {
		*w = wideWindow{start: start, set: set.Clone(), offsets: offsets(p), told: map[string]bool{}, cut: w.end == 0 && p.Start != start}
	} else {
		w.offsets = together(w.offsets, offsets(p))
		if err := w.set.Merge(set); err != nil {
			return fmt.Errorf("judge wide windows of %s: %w", e.plan.Model, err)
		}
	}
	w.end = p.End
	for name := range e.watch.whole.said {
		w.told[name] = true
	}
	if p.End >= start+e.plan.Wide.Microseconds() {
		return e.closeWide(p.Version(), emit)
	}
	return nil
}

// WideRuns is how many windows of plan.Wide in a row must deviate to be told.
func WideRuns(p *plan.Plan) int {
	if p.Wide >= wideEnough {
		return fewerWide
	}
	return persist
}

// wideAlpha is one window's share of the budget of tickets for one column.
func wideAlpha(p *plan.Plan) float64 {
	days := float64(p.Wide) / float64(24*time.Hour)
	return clampAlpha(nominal * ofWide * p.Policy.Tickets * days / float64(max(1, len(p.Columns))))
}

// compareWide holds a window against the reference of a column that has learnt how such windows scatter.
func compareWide(c *plan.Column, n *sketch.Column, alpha float64) comparison {
	return compare(c, n, *c.Reference.Wide, wideShift*c.Ignore.Shift, alpha)
}

func (e *Engine) closeWide(version string, emit func(finding.Finding) error) error {
	w := e.watch.wide
	e.watch.wide = wideWindow{end: w.end}
	if w.cut || e.plan.Policy.OddForWide(w.start, w.start+e.plan.Wide.Microseconds()) {
		return nil
	}
	need, alpha := WideRuns(e.plan), wideAlpha(e.plan)
	for at, s := range drift.Streams(e.plan) {
		if s.Kind != drift.Column {
			continue
		}
		c, n := &e.plan.Columns[s.At], &w.set.Columns[s.At]
		null := c.Reference.Wide
		if w.told[e.watch.names[at]] || null == nil || !spread(c) || sum(n.Bins) < fewest {
			continue
		}
		v := compareWide(c, n, alpha)
		sg := e.signal("wide\x00" + c.Name)
		did := sg.update(w.start, v.verdict == finding.Drift, need)
		if did != opened && did != recovered {
			continue
		}
		f := e.finding(w.start, w.end, version, c.Name, "level")
		f.Onset, f.Offsets = plan.FromMicros(sg.Onset), w.offsets
		e.apart(&f, c, n, v, *null, alpha, did == recovered)
		f.IgnoreBelow = finding.Number(wideShift * wideShift * c.Ignore.Shift * c.Ignore.Shift)
		if did == opened {
			named := f
			if err := e.nameCause(&named, s, plan.Micros(named.At)); err != nil {
				return err
			}
			if d := named.Diagnosis; d != nil && d.Corruption { // a world that lies elsewhere is what the window says
				f = named
			}
		}
		if err := emit(f); err != nil {
			return err
		}
	}
	return nil
}
