package collect

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Source names the partition a batch was read from.
type Source struct {
	Topic     string
	Partition int32
}

// Collector collects one model's epoch. It belongs to one goroutine.
type Collector struct {
	plan    *plan.Plan
	deriver *plan.Deriver
	counter *sketch.Counter
	sources []Source
	rows    []outcome.Row
}

// New makes a collector for a sealed plan.
func New(p *plan.Plan) (*Collector, error) {
	d, err := plan.NewDeriver(&p.Prediction, p.Rules)
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", p.Model, err)
	}
	return &Collector{plan: p, deriver: d, counter: sketch.NewCounter(p)}, nil
}

// Plan is the plan the collector counts by.
func (c *Collector) Plan() *plan.Plan { return c.plan }

// Predictions takes a batch of the prediction stream, derived columns computed and filter applied. The batch may be reused
// afterwards.
func (c *Collector) Predictions(src Source, b *plan.Batch) {
	if b.N == 0 {
		return
	}
	c.counter.Count(c.source(src), b, c.deriver.Broken(b))
	if c.plan.Outcome == nil {
		return
	}
	r := c.plan.Prediction.Roles
	for i := range b.N {
		pr, ok := outcome.Predicted(c.plan, b, i)
		if !ok {
			continue
		}
		pr.Place = outcome.Place{Time: b.Cols[r.Time].Int[i], Partition: src.Partition, Offset: b.Offset[i]}
		c.rows = append(c.rows, outcome.Row{ID: outcome.HashID(c.plan.Model, b.Cols[r.ID].Str[i]), Model: c.plan.Model, Prediction: pr})
	}
}

// Outcomes takes a batch of the outcome stream and returns how many of its rows carry no label: those say nothing.
func (c *Collector) Outcomes(src Source, b *plan.Batch) (unlabelled int) {
	r := c.plan.Outcome.Roles
	for i := range b.N {
		if b.Cols[r.Label].State[i] != plan.OK {
			unlabelled++
			continue
		}
		c.rows = append(c.rows, outcome.Row{
			ID: outcome.HashID(c.plan.Model, b.Cols[r.ID].Str[i]), Model: c.plan.Model,
			Outcome: &outcome.Outcome{
				Place:    outcome.Place{Time: b.Cols[r.Time].Int[i], Partition: src.Partition, Offset: b.Offset[i]},
				Positive: c.plan.IsPositive(b.Cols[r.Label].Str[i]),
			},
		})
	}
	return unlabelled
}

// Take hands over what was collected, cells in the order of their keys, rows in the order they came, and starts afresh.
func (c *Collector) Take() ([]record.Cell, []outcome.Row) {
	counted := c.counter.Cells()
	cells := make([]record.Cell, len(counted))
	for i, k := range counted {
		spans := make([]record.Span, len(k.Spans))
		for j, s := range k.Spans {
			spans[j] = record.Span{Topic: c.sources[s.Src].Topic, Partition: c.sources[s.Src].Partition, First: s.First, Last: s.Last}
		}
		cells[i] = record.Cell{
			Kind: record.Counted, Model: c.plan.Model, Plan: c.plan.Digest(), Version: k.Key.Version,
			Pane: k.Key.Pane, Slice: k.Key.Slice, Spans: spans, Body: k.Set.AppendBinary(nil),
		}
	}
	rows := c.rows
	c.counter.Reset()
	c.sources, c.rows = c.sources[:0], nil
	return cells, rows
}

// Cells turns the labelled counts that folding join rows came to into the cells of a fragment.
func Cells(e *outcome.Effects) []record.Cell {
	keys, curves := e.Take()
	cells := make([]record.Cell, len(keys))
	for i, k := range keys {
		kind := record.Labelled
		if k.OnTime {
			kind = record.OnTime
		}
		cells[i] = record.Cell{
			Kind: kind, Model: k.Model, Plan: k.Plan, Version: k.Version, Pane: k.Pane, Slice: k.Slice,
			Body: curves[i].AppendBinary(nil),
		}
	}
	return cells
}

func (c *Collector) source(s Source) int {
	for i, known := range c.sources {
		if known == s {
			return i
		}
	}
	c.sources = append(c.sources, s)
	return len(c.sources) - 1
}
