package drift

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/concept"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// OfCalibration is the share of the budget that the meaning of scores may spend: of pages for the whole, which pages where it costs, and of tickets for the
// slices, which never do. Of each, slices leave the whole what OfSlices doesn't take.
const OfCalibration = 0.15

// Outcomes are how the predictions of one test pane turned out, by finest slice, as far as was known when it was mature.
type Outcomes struct {
	Start, End int64 // microseconds since the Unix epoch
	Cells      map[string]truth.Counts
}

// Meaning is what the scores of a view of the outcomes meant in the reference, and how they are followed.
type Meaning struct {
	*concept.Stream
	View int // of plan.Score.Views
}

// DayOf is the start of the day that a test pane belongs to, for evidence is gathered by whole days: outcomes of a day have something to do with one another.
// Where test panes are longer, they are the days.
func DayOf(p *plan.Plan, start int64) int64 { return plan.Align(start, dayLength(p)) }

// DayEnd is where the day ends that begins at start.
func DayEnd(p *plan.Plan, start int64) int64 { return start + dayLength(p).Microseconds() }

func dayLength(p *plan.Plan) time.Duration { return max(24*time.Hour, p.TestPane) }

// View adds up what of the outcomes lies in a view.
func (o *Outcomes) View(p *plan.Plan, v *plan.View) (*sketch.Curve, error) {
	sum := truth.New(p)
	for finest, c := range o.Cells { // integers: the order doesn't matter
		if !plan.InSlice(finest, v.Dims, v.Codes) {
			continue
		}
		if err := sum.Merge(c); err != nil {
			return nil, err
		}
	}
	return truth.Alone(truth.Told(p, truth.CurveOf(sum))), nil
}

// LearnCalibration learns what scores mean from the outcomes of a reference, in order, as a whole and by slice, and returns it as bytes; nil where the
// whole has too few. Of slices those with most outcomes are followed, if they have enough and less than nearly all.
func LearnCalibration(p *plan.Plan, reference []Outcomes) ([]byte, error) {
	type learnt struct {
		view int
		null *concept.Null
	}
	var all []learnt
	for i := range p.Score.Views {
		days, err := daysOf(p, &p.Score.Views[i], reference)
		if err != nil {
			return nil, fmt.Errorf("learn what scores of %s mean: %w", p.Model, err)
		}
		null, err := concept.Learn(days)
		switch {
		case err == nil:
			all = append(all, learnt{i, null})
		case !errors.Is(err, concept.ErrFew):
			return nil, fmt.Errorf("learn what scores of %s mean: %w", p.Model, err)
		case i == 0:
			return nil, nil
		}
	}
	if len(all) == 0 || all[0].view != 0 {
		return nil, nil
	}
	most := nearlyAll * float64(all[0].null.Labels())
	followed := slices.DeleteFunc(all[1:], func(l learnt) bool { return float64(l.null.Labels()) >= most || missing(&p.Score.Views[l.view]) })
	slices.SortStableFunc(followed, func(a, b learnt) int { return cmp.Compare(b.null.Labels(), a.null.Labels()) })
	followed = followed[:min(len(followed), mostSlices)]
	slices.SortFunc(followed, func(a, b learnt) int { return cmp.Compare(a.view, b.view) })
	all = append(all[:1], followed...)
	out := wire.Uint(nil, uint64(len(all)))
	for _, l := range all {
		out = l.null.AppendBinary(wire.Uint(out, uint64(l.view)))
	}
	return out, nil
}

// missing reports whether a view is of events without a value: followed in the whole only.
func missing(v *plan.View) bool { return slices.Contains(v.Codes, plan.NoValue) }

// daysOf are the days of a reference as one view has them. Declared odd panes, and those partly outside, teach nothing.
func daysOf(p *plan.Plan, v *plan.View, reference []Outcomes) ([]concept.Day, error) {
	var out []concept.Day
	for i := range reference {
		o := &reference[i]
		if o.Start < plan.Micros(p.Reference.From) || o.End > plan.Micros(p.Reference.To) || p.Policy.OddBetween(o.Start, o.End) {
			continue
		}
		curve, err := o.View(p, v)
		if err != nil {
			return nil, err
		}
		start := DayOf(p, o.Start)
		if n := len(out); n == 0 || out[n-1].Start != start {
			out = append(out, concept.Day{Start: start, End: DayEnd(p, start), Curve: sketch.NewCurve(p.Score.Bins())})
		}
		d := &out[len(out)-1]
		d.Hours += float64(o.End-o.Start) / float64(time.Hour.Microseconds())
		if err := d.Curve.Merge(curve); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// OpenCalibration reads what a plan has learnt of its scores' meaning, the whole first; nil where that is nothing.
func OpenCalibration(p *plan.Plan) ([]Meaning, error) {
	if len(p.Concept) == 0 || p.Score == nil {
		return nil, nil
	}
	out, err := readCalibration(p, wire.NewReader(p.Concept))
	if err != nil {
		return nil, fmt.Errorf("read what the plan of %s has learnt of its scores' meaning: %w", p.Model, err)
	}
	return out, nil
}

var errView = errors.New("views that the plan can't have")

func readCalibration(p *plan.Plan, r *wire.Reader) ([]Meaning, error) {
	n := r.Count(1)
	if r.Err() == nil && (n == 0 || n > mostSlices+1 || n > len(p.Score.Views)) {
		return nil, fmt.Errorf("%w: %d of %d", errView, n, len(p.Score.Views))
	}
	var out []Meaning
	for i := range n {
		view := r.Uint()
		if r.Err() != nil {
			return nil, r.Err()
		}
		if view >= uint64(len(p.Score.Views)) || i == 0 && view != 0 || i > 0 && int(view) <= out[i-1].View {
			return nil, errView
		}
		null, err := concept.ReadNull(p.Score.Bins(), r)
		if err != nil {
			return nil, err
		}
		threshold, weight := calibrationRules(p, i == 0, n-1)
		out = append(out, Meaning{concept.Follow(null, threshold, weight), int(view)})
	}
	return out, r.Close()
}

// GovernCalibration follows a plan to another policy.
func GovernCalibration(p *plan.Plan, all []Meaning) {
	for i := range all {
		all[i].Govern(calibrationRules(p, i == 0, len(all)-1))
	}
}

// calibrationRules are the threshold and weight of the whole, or of each of so many slices.
func calibrationRules(p *plan.Plan, whole bool, slices int) (threshold, weight float64) {
	perDay, weight := p.Policy.Tickets, OfSlices/float64(max(slices, 1))
	if whole {
		perDay, weight = p.Policy.Pages, 1
		if slices > 0 {
			weight -= OfSlices
		}
	}
	spec := sequential.Spec{Budget: max(OfCalibration*perDay*sequential.Month/24, leastBudget)}
	return spec.Threshold(), weight
}
