package fairness

import (
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// Counts are the decisions on a group and how they turned out, as far as is known.
type Counts struct {
	Decided, Selected int64 // decisions taken; positive ones
	TP, FP, FN, TN    int64 // decisions whose outcome is known
}

// Labels is how many outcomes are known.
func (c Counts) Labels() int64 { return c.TP + c.FP + c.FN + c.TN }

// Plus is both together.
func (c Counts) Plus(o Counts) Counts {
	return Counts{c.Decided + o.Decided, c.Selected + o.Selected, c.TP + o.TP, c.FP + o.FP, c.FN + o.FN, c.TN + o.TN}
}

func (c Counts) minus(o Counts) Counts {
	return Counts{c.Decided - o.Decided, c.Selected - o.Selected, c.TP - o.TP, c.FP - o.FP, c.FN - o.FN, c.TN - o.TN}
}

// sound reports whether events can have made c.
func (c Counts) sound() bool {
	return c.Selected >= 0 && c.Selected <= c.Decided && min(c.TP, c.FP, c.FN, c.TN) >= 0
}

// Tally is what was counted of the groups of a plan. It merges in any order.
type Tally struct {
	bins   int                     // of the score
	dims   []int                   // of the attributes
	cells  map[string]Counts       // by finest slice
	curves []map[int]*sketch.Curve // by attribute and value: scores, and outcomes by score
	silent bool                    // only positive outcomes are reported: they compare nobody
}

// NewTally makes an empty one.
func NewTally(p *plan.Plan) *Tally {
	t := &Tally{bins: p.Score.Bins(), cells: map[string]Counts{}, silent: p.Score.Missing == plan.PositivesOnly}
	for _, a := range p.Fairness.Attributes {
		t.dims, t.curves = append(t.dims, a.Dim), append(t.curves, map[int]*sketch.Curve{})
	}
	return t
}

// Pane adds what a pane counted.
func (t *Tally) Pane(w *window.Pane) error {
	return w.Cells(func(k window.Cell, set *sketch.Set) error { return t.Set(k.Slice, set) })
}

// Cohort adds the outcomes of a cohort: those that were known when it was mature, or with revised all that are known by now.
func (t *Tally) Cohort(w *window.Cohort, revised bool) error {
	return w.Cells(func(k window.Cell, onTime, all truth.Counts) error {
		if revised {
			onTime = all
		}
		return t.Outcomes(k.Slice, onTime)
	})
}

// Set adds what was counted of a finest slice's predictions.
func (t *Tally) Set(slice string, set *sketch.Set) error {
	return t.add(slice, Counts{Decided: set.Decided, Selected: set.Positive}, set.Curve)
}

// Outcomes adds what is known of a finest slice's outcomes; nothing, where they are nil or of another task, or where only positive ones are reported: without negatives
// most of what groups are compared by would come out as if there were none.
func (t *Tally) Outcomes(slice string, known truth.Counts) error {
	c := truth.CurveOf(known)
	if c == nil || t.silent || known.Labels() == 0 {
		return nil
	}
	return t.add(slice, Counts{TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN}, truth.Alone(c)) // predictions came with Set
}

func (t *Tally) add(slice string, c Counts, curve *sketch.Curve) error {
	if curve != nil && curve.Bins() != t.bins {
		return fmt.Errorf("compare groups: %d score bins, want %d", curve.Bins(), t.bins)
	}
	for _, d := range t.dims {
		if 2*d+1 >= len(slice) {
			return fmt.Errorf("compare groups: a slice code of %d bytes has no dimension %d", len(slice), d)
		}
	}
	t.cells[slice] = t.cells[slice].Plus(c)
	if curve == nil {
		return nil
	}
	for i, d := range t.dims {
		if err := t.curve(i, plan.SliceAt(slice, d)).Merge(curve); err != nil {
			return err
		}
	}
	return nil
}

// curve is the curve of a group, which may be changed.
func (t *Tally) curve(attribute, code int) *sketch.Curve {
	c := t.curves[attribute][code]
	if c == nil {
		c = sketch.NewCurve(t.bins)
		t.curves[attribute][code] = c
	}
	return c
}

// Merge implements window.Mergeable.
func (t *Tally) Merge(o *Tally) error {
	if t.bins != o.bins || !slices.Equal(t.dims, o.dims) {
		return fmt.Errorf("compare groups: tallies of two plans")
	}
	for slice, c := range o.cells {
		t.cells[slice] = t.cells[slice].Plus(c)
	}
	for i := range o.curves {
		for code, c := range o.curves[i] {
			if err := t.curve(i, code).Merge(c); err != nil { // of as many bins
				return err
			}
		}
	}
	return nil
}

// Clone implements window.Mergeable.
func (t *Tally) Clone() *Tally {
	out := &Tally{bins: t.bins, dims: t.dims, silent: t.silent, cells: maps.Clone(t.cells), curves: make([]map[int]*sketch.Curve, len(t.curves))}
	for i := range t.curves {
		out.curves[i] = make(map[int]*sketch.Curve, len(t.curves[i]))
		for code, c := range t.curves[i] {
			out.curves[i][code] = c.Clone()
		}
	}
	return out
}

// Empty reports whether nothing was counted.
func (t *Tally) Empty() bool { return len(t.cells) == 0 }
