package app

import (
	"context"
	"fmt"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// The kinds of cells that have ended.
const (
	KindTest   = "test"   // predictions of one test pane
	KindCohort = "cohort" // outcomes of the predictions of one test pane, mature
)

// EndedCell is one cell of something that has ended: the finest slice of one model version. Of Rows and what follows it either the
// part of a test pane or the part of a cohort is set. Everything is counted exactly; sums are the nearest float64 of an exact sum.
type EndedCell struct {
	Kind    string            `json:"kind"`
	Model   string            `json:"model"`
	Plan    string            `json:"plan"` // digest: what the bins mean
	Start   time.Time         `json:"start"`
	End     time.Time         `json:"end"`
	Version string            `json:"version"`
	Slice   map[string]string `json:"slice"` // by dimension; "other" and "missing" as plan.Dimension.Label has them

	Rows    int64            `json:"rows,omitempty"`
	Columns []EndedColumn    `json:"columns,omitempty"` // inputs and derived columns, as the plan has them
	Rules   map[string]int64 `json:"rules,omitempty"`   // events that broke the rule
	Scores  *EndedScores     `json:"scores,omitempty"`

	OnTime *EndedCurve `json:"on_time,omitempty"` // outcomes before the cohort was mature
	All    *EndedCurve `json:"all,omitempty"`     // with every correction so far
}

// EndedColumn is one column of a test pane. Bins are the plan's: numbers by upper edge, categories by name and the rest last.
type EndedColumn struct {
	Name       string  `json:"name"`
	Rows       int64   `json:"rows"`
	Missing    int64   `json:"missing"`
	Invalid    int64   `json:"invalid"`
	Below      int64   `json:"below"` // of the reference's range; counted in the first bin too
	Above      int64   `json:"above"`
	New        int64   `json:"new"`    // categories the reference never had; counted in the last bin too
	Broken     int64   `json:"broken"` // outside what the contract promises
	Integral   int64   `json:"integral"`
	Zero       int64   `json:"zero"`
	Negative   int64   `json:"negative"`
	Bins       []int64 `json:"bins"`
	Sum        float64 `json:"sum"`
	SumSquares float64 `json:"sum_squares"`
	Overflow   int64   `json:"overflow"` // values too large for the sums
}

// EndedScores are the scores and decisions of a test pane.
type EndedScores struct {
	Scored   int64   `json:"scored"`
	Invalid  int64   `json:"invalid"`
	Decided  int64   `json:"decided"`
	Positive int64   `json:"positive"`
	Bins     []int64 `json:"bins"`
}

// EndedCurve are outcomes by score bin, and by decision. Of models of another task labels hold their number alone, and what is counted of
// them follows: how often which class was predicted, by the class that turned out and then the one predicted ("(other)" is every class that
// the plan doesn't name), or the errors of numbers.
type EndedCurve struct {
	Labels    []int64                     `json:"labels"`
	Positives []int64                     `json:"positives"`
	TP        int64                       `json:"tp"`
	FP        int64                       `json:"fp"`
	FN        int64                       `json:"fn"`
	TN        int64                       `json:"tn"`
	Classes   map[string]map[string]int64 `json:"classes,omitempty"`
	Errors    *EndedErrors                `json:"errors,omitempty"`
}

// EndedErrors are the errors of predicted numbers: predicted less actual.
type EndedErrors struct {
	Pairs     int64   `json:"pairs"`
	Unusable  int64   `json:"unusable"` // too large to be counted
	Sum       float64 `json:"sum"`
	Absolute  float64 `json:"absolute"`
	Squares   float64 `json:"squares"`
	Intervals int64   `json:"intervals"`
	Covered   int64   `json:"covered"`
}

// EndedCells visits what has ended of a model and began in [from, to): test panes, then mature cohorts, each in the order of
// start, version and slice. Cells whose outcomes were all taken back are left out. kind is KindTest, KindCohort or "" for both.
// An error of visit ends the reading and is returned as it is. With a model that has no plan, found is false.
func EndedCells(ctx context.Context, kafka bus.Settings, layout bus.Layout, model, kind string, from, to time.Time, visit func(*EndedCell) error) (found bool, err error) {
	plans := map[string]*plan.Plan{}
	err = bus.ReadEveryPlan(ctx, kafka, func(p *plan.Plan) {
		if p.Model == model { // one of another version is for whoever runs it to tell
			plans[p.Digest()] = p
		}
	})
	if err != nil {
		return false, fmt.Errorf("read plans: %w", err)
	}
	if len(plans) == 0 {
		return false, nil
	}
	known := func(digest string) *plan.Plan { return plans[digest] }
	return true, detect.ReadHistory(ctx, kafka, layout, model, plan.Micros(from), plan.Micros(to), known, func(e detect.Ended) error {
		switch {
		case e.Pane != nil && kind != KindCohort:
			return paneCells(e.Plan, e.Pane, visit)
		case e.Cohort != nil && kind != KindTest:
			return cohortCells(e.Plan, e.Cohort, visit)
		}
		return nil
	})
}

func paneCells(p *plan.Plan, w *window.Pane, visit func(*EndedCell) error) error {
	return w.Cells(func(k window.Cell, s *sketch.Set) error {
		c := endedCell(p, KindTest, w.Start, w.End, k)
		c.Rows = s.Rows
		for i := range s.Columns {
			n := &s.Columns[i]
			c.Columns = append(c.Columns, EndedColumn{
				Name: p.Columns[i].Name, Rows: n.N, Missing: n.Missing, Invalid: n.Invalid, Below: n.Below, Above: n.Above,
				New: n.New, Broken: n.Broken, Integral: n.Integral, Zero: n.Zero, Negative: n.Negative, Bins: n.Bins,
				Sum: n.Sum.Float(), SumSquares: n.SumSq.Float(), Overflow: n.Overflow,
			})
		}
		for i, rule := range p.Rules {
			if c.Rules == nil {
				c.Rules = map[string]int64{}
			}
			c.Rules[rule.Name] = s.Rules[i]
		}
		if s.Curve != nil {
			c.Scores = &EndedScores{Scored: s.Scored, Invalid: s.ScoreInvalid, Decided: s.Decided, Positive: s.Positive, Bins: s.Curve.N}
		}
		return visit(c)
	})
}

func cohortCells(p *plan.Plan, w *window.Cohort, visit func(*EndedCell) error) error {
	return w.Cells(func(k window.Cell, onTime, all truth.Counts) error {
		c := endedCell(p, KindCohort, w.Start, w.End, k)
		c.OnTime, c.All = endedCurve(p, onTime), endedCurve(p, all)
		if c.OnTime == nil && c.All == nil {
			return nil
		}
		return visit(c)
	})
}

// endedCurve is nil where nothing is known, or nothing any more.
func endedCurve(p *plan.Plan, known truth.Counts) *EndedCurve {
	switch of := known.(type) {
	case nil:
		return nil
	case *truth.Classes:
		return endedClasses(p, of)
	case truth.Numbers:
		if of.Labels() == 0 {
			return nil
		}
		return &EndedCurve{Labels: []int64{of.Labels()}, Positives: []int64{}, Errors: &EndedErrors{
			Pairs: of.N, Unusable: of.Unusable, Sum: of.Sum.Float(), Absolute: of.Abs.Float(), Squares: of.Square.Float(),
			Intervals: of.Intervals, Covered: of.Covered,
		}}
	}
	c := truth.CurveOf(known)
	for _, n := range c.Labels {
		if n != 0 {
			return &EndedCurve{Labels: c.Labels, Positives: c.Pos, TP: c.TP, FP: c.FP, FN: c.FN, TN: c.TN}
		}
	}
	return nil
}

func endedClasses(p *plan.Plan, c *truth.Classes) *EndedCurve {
	out := &EndedCurve{Labels: []int64{c.Labels()}, Positives: []int64{}, Classes: map[string]map[string]int64{}}
	name := func(class int) string {
		if class < len(p.Score.Classes) {
			return p.Score.Classes[class]
		}
		return "(other)"
	}
	for pair, n := range c.All() {
		turned := name(pair[0])
		if out.Classes[turned] == nil {
			out.Classes[turned] = map[string]int64{}
		}
		out.Classes[turned][name(pair[1])] += n
	}
	if len(out.Classes) == 0 {
		return nil
	}
	return out
}

func endedCell(p *plan.Plan, kind string, start, end int64, k window.Cell) *EndedCell {
	c := &EndedCell{
		Kind: kind, Model: p.Model, Plan: p.Digest(), Start: plan.FromMicros(start), End: plan.FromMicros(end),
		Version: k.Version, Slice: map[string]string{},
	}
	for i := range p.Slices {
		c.Slice[p.Slices[i].Name] = p.Slices[i].Label(plan.SliceAt(k.Slice, i))
	}
	return c
}

// ErrUnknownPlan says that something was counted under a plan that nobody knows any more: its bins can't be read.
var ErrUnknownPlan = detect.ErrUnknownPlan
