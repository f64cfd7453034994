package baseline

import (
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// maxRows bounds the reference: it is held in memory while edges are cut.
const maxRows = 20_000_000

// Source gives the rows of a model's streams, derived columns computed and filters applied. Batches handed to visit belong
// to the visitor.
type Source interface {
	Predictions(visit func(*plan.Batch) error) error
	Outcomes(visit func(*plan.Batch) error) error
}

// Build completes a draft plan from its reference data and seals it. The plan is in force for judging from the end of the
// reference on; what came before is counted and not judged.
func Build(p *plan.Plan, src Source) (*plan.Plan, error) {
	rows, err := gather(p, src)
	if err != nil {
		return nil, err
	}
	p.ReferenceRows = int64(rows.N)
	p.From = p.Reference.To // the first plan of a model counts what came before, too
	p.TestPane = testPane(p, rows)
	p.TruthPane = p.TestPane
	for i := range p.Columns {
		c := &p.Columns[i]
		layout(&c.Layout, &rows.Cols[c.Field])
	}
	for i := range p.Slices {
		p.Slices[i].Values = dictionary(&rows.Cols[p.Slices[i].Field])
	}
	given, err := attributes(p, rows, src)
	if err != nil {
		return nil, err
	}
	if p.Score.Binary() {
		p.Score.Edges = scoreEdges(&rows.Cols[p.Prediction.Roles.Score], p.Score.Threshold)
	}
	c, err := count(p, rows)
	if err != nil {
		return nil, err
	}
	if truthful(p) {
		if err := c.join(p, rows, src, given); err != nil {
			return nil, err
		}
	}
	return p, learn(p, c)
}

// gather collects the reference's rows.
func gather(p *plan.Plan, src Source) (*plan.Batch, error) {
	if p.Reference.From.IsZero() || !p.Reference.From.Before(p.Reference.To) {
		return nil, fmt.Errorf("build baseline of %s: this build learns from a reference given as {from, to}", p.Model)
	}
	from, to := plan.Micros(p.Reference.From), plan.Micros(p.Reference.To)
	rows := plan.NewBatch(&p.Prediction, 0)
	var first, last int64
	seen := 0
	err := src.Predictions(func(b *plan.Batch) error {
		times := &b.Cols[p.Prediction.Roles.Time]
		for i := range b.N {
			t := times.Int[i]
			if seen == 0 || t < first {
				first = t
			}
			if seen == 0 || t > last {
				last = t
			}
			seen++
			if t < from || t >= to || p.Policy.Odd(t) {
				continue
			}
			if rows.N == maxRows {
				return fmt.Errorf("the reference holds more than %d events; choose a shorter one", maxRows)
			}
			rows.Append(b, i)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("build baseline of %s: %w", p.Model, err)
	}
	if rows.N == 0 {
		span := "there are none at all"
		if seen > 0 {
			span = fmt.Sprintf("the %d events read lie between %s and %s", seen, plan.FromMicros(first).Format(time.RFC3339), plan.FromMicros(last).Format(time.RFC3339))
		}
		return nil, fmt.Errorf("build baseline of %s: no event between %s and %s; %s",
			p.Model, p.Reference.From.Format(time.RFC3339), p.Reference.To.Format(time.RFC3339), span)
	}
	return rows, nil
}

// enough is how many events a test pane should hold; quieter models get longer panes, up to a day.
const enough = 200

// longer are the lengths tried where the base pane holds too few events.
var longer = []time.Duration{
	time.Hour, 2 * time.Hour, 3 * time.Hour, 4 * time.Hour, 6 * time.Hour, 8 * time.Hour, 12 * time.Hour,
}

// testPane is the shortest pane, out of those that divide a day, whose median holds enough events.
func testPane(p *plan.Plan, rows *plan.Batch) time.Duration {
	day := 24 * time.Hour
	times := rows.Cols[p.Prediction.Roles.Time].Int[:rows.N]
	for _, d := range append([]time.Duration{p.Pane}, longer...) {
		if d < p.Pane || d%p.Pane != 0 {
			continue
		}
		n := map[int64]int{}
		for _, t := range times {
			n[t/d.Microseconds()]++
		}
		counts := make([]int, 0, len(n))
		for _, c := range n {
			counts = append(counts, c)
		}
		slices.Sort(counts)
		if counts[len(counts)/2] >= enough {
			return d
		}
	}
	return max(day, p.Pane)
}

// count counts the reference's rows into test panes.
func count(p *plan.Plan, rows *plan.Batch) (*counted, error) {
	d, err := plan.NewDeriver(&p.Prediction, p.Rules)
	if err != nil {
		return nil, err
	}
	counter := sketch.NewCounter(p)
	counter.Describe()
	counter.Count(0, rows, d.Broken(rows))
	c := newCounted(p)
	for i, cell := range counter.Cells() {
		if err := c.sides.Cell(cell.Key.Version, cell.Key.Slice, cell.Set); err != nil {
			return nil, err
		}
		start := p.TestStart(cell.Key.Pane)
		if i == 0 || start != c.panes[len(c.panes)-1].Start {
			c.panes = append(c.panes, newPane(p, start))
		}
		if err := addCell(p, &c.panes[len(c.panes)-1], cell.Key.Slice, cell.Set); err != nil {
			return nil, fmt.Errorf("count reference of %s: %w", p.Model, err)
		}
		c.slices[cell.Key.Slice] += cell.Set.Rows
	}
	if err := describe(p, c, counter.Frames()); err != nil {
		return nil, err
	}
	for _, at := range rows.Cols[p.Prediction.Roles.Time].Int[:rows.N] {
		c.week.Count(at, 1)
	}
	c.hourly = rates(p, &c.week)
	for i := range p.Columns {
		if p.Columns[i].Layout.Categorical {
			c.singles[i] = singles(&rows.Cols[p.Columns[i].Field])
		}
	}
	return c, nil
}

// rates are events by hour of the week, a thousand times what came in such an hour of the reference on average.
func rates(p *plan.Plan, w *sketch.Week) []int64 {
	var times sketch.Week
	const hour = int64(time.Hour / time.Microsecond)
	for at := plan.Micros(p.Reference.From); at < plan.Micros(p.Reference.To); at += hour {
		if !p.Policy.Odd(at) {
			times.Count(at, 1)
		}
	}
	out := make([]int64, sketch.WeekHours)
	for h := range out {
		if times.N[h] > 0 {
			out[h] = 1000 * w.N[h] / times.N[h]
		}
	}
	return out
}

// describe adds up what describes the reference, test pane by test pane.
func describe(p *plan.Plan, c *counted, frames []sketch.Frame) error {
	var pane *sketch.Summary
	var rows int64
	for i := range frames { // by pane
		if pane != nil && p.TestStart(frames[i].Pane) != p.TestStart(frames[i-1].Pane) {
			if err := c.sides.Described(pane, rows); err != nil {
				return err
			}
			pane, rows = nil, 0
		}
		if pane == nil {
			pane = sketch.NewSummary(p)
		}
		if err := pane.Merge(frames[i].Summary); err != nil {
			return fmt.Errorf("describe reference of %s: %w", p.Model, err)
		}
		for _, s := range frames[i].Spans {
			rows += s.Rows
		}
	}
	if pane == nil {
		return nil
	}
	return c.sides.Described(pane, rows)
}

// unjudged lists what the contract asks for and this build does not judge, in words for people.
func unjudged(p *plan.Plan) []string {
	var out []string
	for _, pr := range p.Policy.Promises {
		if m, ok := fairness.Find(pr.Metric); ok {
			if note := ungrouped(p, &m); note != "" {
				out = append(out, note)
			}
			continue
		}
		if why := engine.Unjudged(p, &pr); why != "" {
			out = append(out, why)
		}
	}
	for i := range p.Columns {
		if c := &p.Columns[i]; c.Layout.Open {
			out = append(out, fmt.Sprintf("new categories of %s are not judged: it is an identifier, free text, or has more than %d rare values", c.Name, knownMost))
		}
	}
	return out
}
