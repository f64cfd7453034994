package baseline

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/stat"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// effective is how many independent outcomes a truth pane should hold.
const effective = 30

// fewestPanes is how many panes of a length the reference must hold before anything is claimed by that length.
const fewestPanes = 8

// cohort is the labelled counts of one test pane by finest slice.
type cohort struct {
	start int64
	cells map[string]truth.Counts
}

// cohorts joins the reference's outcomes and counts them, with the decisions of the plan's threshold. Where that is the cheapest one, it is found
// here.
func (c *counted) join(p *plan.Plan, rows *plan.Batch, src Source, given []attribute) error {
	states, last, err := join(p, rows, src)
	if err != nil {
		return err
	}
	if p.Score.Missing == plan.PositivesOnly {
		c.arrived = arrived(p, states, last)
	}
	joinGroups(p, states, given)
	if p.Policy.Cheapest && p.Policy.Costs != nil && p.Score.Binary() {
		if c.cohorts, err = curves(p, rows, states); err != nil {
			return err
		}
		c.state(p)
		if err := c.expect(p); err != nil {
			return err
		}
		p.Score.Threshold = cheapest(p, c.cohorts)
	}
	c.cohorts, err = curves(p, rows, states)
	return err
}

// learnTruth learns what the outcomes of the reference show.
func learnTruth(p *plan.Plan, c *counted) error {
	c.state(p)
	if err := c.expect(p); err != nil {
		return err
	}
	cohorts := c.cohorts
	p.Score.Labels = 0
	for i := range cohorts {
		p.Score.Labels += cohorts[i].labels()
	}
	p.Score.Dispersion = dispersion(p, cohorts)
	p.TruthPane = truthPane(p, cohorts)
	if p.Score.Binary() {
		var err error
		if p.DriftLabels, err = drift.LabelRate.Learn(p, turnedOut(p, cohorts)); err != nil {
			return err
		}
		if p.DriftLabelled, err = drift.LabelledShare.Learn(p, c.selected(p)); err != nil {
			return err
		}
	}
	p.Score.Floor = errorFloor(p, cohorts)
	if err := views(p, cohorts); err != nil || !p.Score.Binary() {
		return err
	}
	var err error
	p.Concept, err = drift.LearnCalibration(p, outcomes(p, cohorts))
	return err
}

// outcomes are the cohorts as the meaning of scores is learnt from them.
func outcomes(p *plan.Plan, cohorts []cohort) []drift.Outcomes {
	out := make([]drift.Outcomes, len(cohorts))
	for i := range cohorts {
		out[i] = drift.Outcomes{Start: cohorts[i].start, End: cohorts[i].start + p.TestPane.Microseconds(), Cells: cohorts[i].cells}
	}
	return out
}

// turnedOut are the cohorts as the label rate is learnt from them.
func turnedOut(p *plan.Plan, cohorts []cohort) []drift.ShareCounts {
	out := make([]drift.ShareCounts, len(cohorts))
	for i := range cohorts {
		c := &cohorts[i]
		out[i] = drift.LabelRate.None(p, c.start, c.start+p.TestPane.Microseconds())
		for _, v := range c.cells {
			drift.LabelRate.Take(p, &out[i], truth.CurveOf(v), truth.CurveOf(v))
		}
	}
	return out
}

// labels is how many outcomes a cohort holds.
func (c *cohort) labels() (n int64) {
	for _, v := range c.cells {
		n += v.Labels()
	}
	return n
}

// join folds the outcomes of the reference's predictions. A row's place is how many rows came before it: events of two partitions
// may have the same offset, and the source hands partitions out in their order.
// last is the event time of the latest outcome, 0 without any.
func join(p *plan.Plan, rows *plan.Batch, src Source) (states map[outcome.ID]*outcome.State, last int64, err error) {
	r := p.Prediction.Roles
	states = make(map[outcome.ID]*outcome.State, rows.N)
	ids, times := &rows.Cols[r.ID], &rows.Cols[r.Time]
	bins, hash := sketch.NewScoreBins(p), outcome.NewHasher(p)
	for i := range rows.N {
		id := hash.ID(ids.Str[i])
		if !id.In(p.Sampled()) {
			continue
		}
		pr, ok := outcome.Predicted(p, bins, rows, i)
		if !ok {
			continue
		}
		pr.Place = outcome.Place{Time: times.Int[i], Offset: int64(i)}
		s := states[id]
		if s == nil {
			s = &outcome.State{}
			states[id] = s
		}
		s.Fold(&outcome.Row{ID: id, Model: p.Model, Prediction: pr})
	}
	o := p.Outcome.Roles
	met := labelsMet{seen: map[string]bool{}}
	place := int64(0)
	err = src.Outcomes(func(b *plan.Batch) error {
		for i := range b.N {
			place++
			last = max(last, b.Cols[o.Time].Int[i])
			met.look(p, &b.Cols[o.Label], i)
			s := states[hash.ID(b.Cols[o.ID].Str[i])]
			label, ok := truth.Turned(p, b, i)
			if s == nil || !ok {
				continue
			}
			of := outcome.Of(outcome.Place{Time: b.Cols[o.Time].Int[i], Offset: place}, label)
			s.Fold(&outcome.Row{Outcome: &of})
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("join the outcomes of the reference of %s: %w", p.Model, err)
	}
	met.tell(p)
	return states, last, nil
}

// curves counts the labels by test pane, with the decisions of the plan's threshold.
func curves(p *plan.Plan, rows *plan.Batch, states map[outcome.ID]*outcome.State) ([]cohort, error) {
	terms, bins, hash := p.Terms(), sketch.NewScoreBins(p), outcome.NewHasher(p)
	byStart := map[int64]*cohort{}
	for i := range rows.N {
		s := states[hash.ID(rows.Cols[p.Prediction.Roles.ID].Str[i])]
		if s == nil || s.Prediction.Place.Offset != int64(i) {
			continue // no score, or a later duplicate
		}
		label, ok := s.Label(terms, true)
		if !ok {
			continue
		}
		pr, _ := outcome.Predicted(p, bins, rows, i)
		start := p.TestStart(pr.Pane)
		c := byStart[start]
		if c == nil {
			c = &cohort{start: start, cells: map[string]truth.Counts{}}
			byStart[start] = c
		}
		slice := s.SliceIn(p, true, func(string) *plan.Plan { return p })
		v := c.cells[slice]
		if v == nil {
			v = truth.New(p)
			c.cells[slice] = v
		}
		answer := pr.Answer()
		if !truth.Fits(p, &answer, &label) {
			continue
		}
		truth.Count(v, &answer, &label, 1)
	}
	if len(byStart) == 0 {
		return nil, fmt.Errorf("no outcome joins a prediction of the reference of %s: check that both streams carry the same ids, %s, that keep (%s) is long enough, and that outcomes come before mature_after (%s) after the hour of their prediction", p.Model, usable(p), contract.Duration(p.Keep), contract.Duration(p.MatureAfter))
	}
	out := make([]cohort, 0, len(byStart))
	for _, start := range slices.Sorted(maps.Keys(byStart)) {
		out = append(out, *byStart[start])
	}
	return out, nil
}

// view adds up the cells of a cohort that lie in a view.
func (c *cohort) view(p *plan.Plan, dims, codes []int) truth.Counts {
	sum := truth.New(p)
	for slice, v := range c.cells {
		if plan.InSlice(slice, dims, codes) {
			mustMerge(sum, v)
		}
	}
	return sum
}

func mustMerge(into, from truth.Counts) {
	if err := into.Merge(from); err != nil {
		panic("outcomes of one plan don't merge: " + err.Error()) // both were made for the plan: a bug, not an input
	}
}

// dispersion is how much more outcomes scatter from cohort to cohort than independent ones would, given the score and the
// reference's own calibration map.
func dispersion(p *plan.Plan, cohorts []cohort) float64 {
	if !p.Score.Binary() {
		return 1
	}
	total := truth.New(p)
	daily := make([]truth.Counts, len(cohorts))
	for i := range cohorts {
		daily[i] = cohorts[i].view(p, nil, nil)
		mustMerge(total, daily[i])
	}
	m, ok := truth.Reliability(truth.Told(p, truth.CurveOf(total))).CalibrationMap()
	if !ok {
		return 1
	}
	var y, mu, v []float64
	for _, known := range daily {
		c := truth.Told(p, truth.CurveOf(known))
		var sy, sm, sv float64
		for b, n := range c.Labels {
			if n == 0 {
				continue
			}
			q := m.At(float64(c.LS[b]) / sketch.ScoreScale / float64(n))
			sy += float64(c.Pos[b])
			sm += float64(n) * q
			sv += float64(n) * q * (1 - q)
		}
		y, mu, v = append(y, sy), append(mu, sm), append(v, sv)
	}
	return stat.OutcomeDispersion(y, mu, v)
}

// truthPane is the shortest length whose panes hold enough independent outcomes and of which the reference holds enough
// panes; if none does, the longest of which it holds enough.
func truthPane(p *plan.Plan, cohorts []cohort) time.Duration {
	best := p.TestPane
	day := 24 * time.Hour
	for _, d := range []time.Duration{p.TestPane, day, 7 * day, 28 * day} {
		if d < p.TestPane || d%p.TestPane != 0 {
			continue
		}
		n := panesOf(p, d, cohorts)
		if len(n) < fewestPanes {
			break
		}
		best = d
		perPane := float64(p.Score.Labels) / p.Reference.To.Sub(p.Reference.From).Hours() * d.Hours()
		if perPane/p.Score.Dispersion >= effective {
			break
		}
	}
	return best
}

// panesOf groups the cohorts by aligned windows of length d that lie wholly inside the reference.
func panesOf(p *plan.Plan, d time.Duration, cohorts []cohort) [][]cohort {
	var out [][]cohort
	at := int64(math.MinInt64)
	for _, c := range cohorts {
		start := plan.Align(c.start, d)
		if start < plan.Micros(p.Reference.From) || start+d.Microseconds() > plan.Micros(p.Reference.To) {
			continue
		}
		if start != at {
			out = append(out, nil)
			at = start
		}
		out[len(out)-1] = append(out[len(out)-1], c)
	}
	return out
}

// views measures every metric over the reference and over its truth panes: as a whole, and for every slice that occurs.
func views(p *plan.Plan, cohorts []cohort) error {
	all := []plan.View{{}}
	for _, group := range p.Groups {
		seen := map[string]plan.View{}
		for _, c := range cohorts {
			for slice, known := range c.cells {
				if known.Labels() == 0 {
					continue
				}
				v := plan.View{Dims: group, Slice: map[string]string{}}
				for _, d := range group {
					code := plan.SliceAt(slice, d)
					v.Codes = append(v.Codes, code)
					v.Slice[p.Slices[d].Name] = p.Slices[d].Label(code)
				}
				seen[fmt.Sprint(v.Codes)] = v
			}
		}
		found := slices.SortedFunc(maps.Values(seen), func(a, b plan.View) int { return cmp.Compare(fmt.Sprint(a.Codes), fmt.Sprint(b.Codes)) })
		all = append(all, found...)
	}
	panes := panesOf(p, p.TruthPane, cohorts)
	for i := range all {
		v := &all[i]
		v.Metrics = map[string]plan.Measured{}
		total := truth.New(p)
		for j := range cohorts {
			mustMerge(total, cohorts[j].view(p, v.Dims, v.Codes))
		}
		var sums []truth.Counts
		for _, pane := range panes {
			sum := truth.New(p)
			for j := range pane {
				mustMerge(sum, pane[j].view(p, v.Dims, v.Codes))
			}
			if truth.Effective(sum) >= fewest {
				sums = append(sums, sum)
			}
		}
		v.Shares = shares(total, sums)
		for _, m := range engine.All(p.Score.Task) {
			value, ok := m.Value(total, nil)
			if !ok {
				continue // among them the expected cost, which follows from the shares
			}
			var scatter []float64
			for _, sum := range sums {
				if x, ok := m.Value(sum, nil); ok {
					scatter = append(scatter, x)
				}
			}
			v.Metrics[m.Name] = plan.Measured{Value: value, Null: moments(scatter)}
		}
	}
	p.Score.Views = all
	return nil
}

// shares measures how decisions turned out, over the reference and over its truth panes; nil without any.
func shares(total truth.Counts, panes []truth.Counts) *plan.Shares {
	if truth.CurveOf(total) == nil {
		return nil
	}
	of := func(known truth.Counts) (out [4]float64, ok bool) {
		c, ok := truth.Stand(known)
		if !ok {
			return out, false
		}
		n := float64(c.TP + c.FP + c.FN + c.TN)
		for i, k := range [4]int64{c.TP, c.FP, c.FN, c.TN} {
			out[i] = float64(k) / n
		}
		return out, n > 0
	}
	s := &plan.Shares{}
	var ok bool
	if s.Value, ok = of(total); !ok {
		return nil
	}
	var rows [][4]float64
	for _, c := range panes {
		if row, ok := of(c); ok {
			rows = append(rows, row)
		}
	}
	s.Panes = len(rows)
	for _, row := range rows {
		for i, x := range row {
			s.Mean[i] += x / float64(s.Panes)
		}
	}
	for _, row := range rows {
		for i := range row {
			for j := range row {
				s.Cov[i][j] += (row[i] - s.Mean[i]) * (row[j] - s.Mean[j]) / float64(max(1, s.Panes-1))
			}
		}
	}
	return s
}

// cheapest is the threshold that would have cost least over the reference: the smallest score of the first bin that is
// decided positive.
func cheapest(p *plan.Plan, cohorts []cohort) float64 {
	sum := truth.New(p)
	for i := range cohorts {
		mustMerge(sum, cohorts[i].view(p, nil, nil))
	}
	total, ok := truth.Stand(sum)
	if !ok {
		return p.Score.Threshold // too little is known of those without an outcome
	}
	c := p.Policy.Costs
	cost := func(from int) float64 { // bins from `from` on are decided positive
		var sum float64
		for b := range total.Labels {
			pos, neg := float64(total.Pos[b]), float64(total.Labels[b]-total.Pos[b])
			if b >= from {
				sum += pos*c.TruePositive + neg*c.FalsePositive
			} else {
				sum += pos*c.FalseNegative + neg*c.TrueNegative
			}
		}
		return sum
	}
	best := 0
	for from := range len(total.Labels) + 1 {
		if cost(from) < cost(best) {
			best = from
		}
	}
	switch {
	case best == 0:
		return 0
	case best > len(p.Score.Edges):
		return math.Nextafter(1, 2)
	default:
		return math.Nextafter(p.Score.Edges[best-1], 2)
	}
}
