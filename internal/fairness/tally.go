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
	law    *law                    // what the plan says of the outcomes that nobody knows; nil: it has none
	known  []map[int]*sketch.Curve // by attribute and value: predictions and outcomes of mature cohorts by score
}

// NewTally makes an empty one.
func NewTally(p *plan.Plan) *Tally {
	t := &Tally{bins: p.Score.Bins(), cells: map[string]Counts{}, law: lawOf(p)}
	for _, a := range p.Fairness.Attributes {
		t.dims, t.curves, t.known = append(t.dims, a.Dim), append(t.curves, map[int]*sketch.Curve{}), append(t.known, map[int]*sketch.Curve{})
	}
	return t
}

// Pane adds what a pane counted.
func (t *Tally) Pane(w *window.Pane) error {
	return w.Cells(func(k window.Cell, set *sketch.Set) error { return t.Set(k.Slice, set) })
}

// Cohort adds the outcomes of a cohort: those that were known when it was mature, or with revised all that are known by now; where only positive ones are reported,
// as they were when it was mature, for how many are still to come is known of that age.
func (t *Tally) Cohort(w *window.Cohort, revised bool) error {
	return w.Cells(func(k window.Cell, onTime, all truth.Counts) error {
		known := onTime
		if revised && (t.law == nil || t.law.missing != plan.PositivesOnly) {
			known = all
		}
		return t.outcomes(k.Slice, known, onTime)
	})
}

// Set adds what was counted of a finest slice's predictions.
func (t *Tally) Set(slice string, set *sketch.Set) error {
	return t.add(slice, Counts{Decided: set.Decided, Selected: set.Positive}, set.Curve)
}

// Outcomes adds what is known of a finest slice's outcomes in a mature cohort; nothing, where they are nil or of another task.
func (t *Tally) Outcomes(slice string, known truth.Counts) error {
	return t.outcomes(slice, known, known)
}

// outcomes adds outcomes, and the predictions that wait for them, which other counts of the cohort hold.
func (t *Tally) outcomes(slice string, known, waiting truth.Counts) error {
	c := truth.CurveOf(known)
	if c != nil && known.Labels() > 0 {
		if err := t.add(slice, Counts{TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN}, truth.Alone(c)); err != nil { // predictions came with Set
			return err
		}
	}
	if t.law == nil {
		return nil
	}
	for i, d := range t.dims {
		into := curveIn(t.known[i], plan.SliceAt(slice, d), t.bins)
		if c != nil {
			if err := into.Merge(truth.Alone(c)); err != nil {
				return err
			}
		}
		if w := truth.CurveOf(waiting); w != nil {
			if err := truth.Expect(into, w); err != nil {
				return err
			}
		}
	}
	return nil
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
		if err := curveIn(t.curves[i], plan.SliceAt(slice, d), t.bins).Merge(curve); err != nil {
			return err
		}
	}
	return nil
}

// curveIn is the curve of a group, which may be changed.
func curveIn(curves map[int]*sketch.Curve, code, bins int) *sketch.Curve {
	c := curves[code]
	if c == nil {
		c = sketch.NewCurve(bins)
		curves[code] = c
	}
	return c
}

// attribute is which attribute a dimension is.
func (t *Tally) attribute(dim int) int { return slices.Index(t.dims, dim) }

// Merge implements window.Mergeable.
func (t *Tally) Merge(o *Tally) error {
	if t.bins != o.bins || !slices.Equal(t.dims, o.dims) {
		return fmt.Errorf("compare groups: tallies of two plans")
	}
	for slice, c := range o.cells {
		t.cells[slice] = t.cells[slice].Plus(c)
	}
	for i := range o.curves {
		for _, of := range [2][2]map[int]*sketch.Curve{{t.curves[i], o.curves[i]}, {t.known[i], o.known[i]}} {
			for code, c := range of[1] {
				if err := curveIn(of[0], code, t.bins).Merge(c); err != nil { // of as many bins
					return err
				}
			}
		}
	}
	return nil
}

// Clone implements window.Mergeable.
func (t *Tally) Clone() *Tally {
	return &Tally{bins: t.bins, dims: t.dims, law: t.law, cells: maps.Clone(t.cells), curves: cloned(t.curves), known: cloned(t.known)}
}

func cloned(curves []map[int]*sketch.Curve) []map[int]*sketch.Curve {
	out := make([]map[int]*sketch.Curve, len(curves))
	for i, of := range curves {
		out[i] = make(map[int]*sketch.Curve, len(of))
		for code, c := range of {
			out[i][code] = c.Clone()
		}
	}
	return out
}

// Empty reports whether nothing was counted.
func (t *Tally) Empty() bool { return len(t.cells) == 0 }
