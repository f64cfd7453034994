package collect

import (
	"fmt"
	"unsafe"

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
	crowded int64

	predictions []outcome.Prediction // room for the next ones; rows point into it
	written     int                  // bytes of the last epoch's cells
}

const (
	predictionsAtOnce = 512
	// rowBytes is about what a join row takes, its prediction included.
	rowBytes = int(unsafe.Sizeof(outcome.Row{}) + unsafe.Sizeof(outcome.Prediction{}))
)

// New makes a collector for a sealed plan.
func New(p *plan.Plan) (*Collector, error) {
	d, err := plan.NewDeriver(&p.Prediction, p.Rules)
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", p.Model, err)
	}
	c := &Collector{plan: p, deriver: d, counter: sketch.NewCounter(p)}
	c.counter.Describe()
	return c, nil
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
	ids, times := b.Cols[r.ID].Str, b.Cols[r.Time].Int
	for i := range b.N {
		key, ok := c.counter.At(i)
		if !ok {
			continue
		}
		id := outcome.HashID(c.plan.Model, ids[i])
		if !id.In(c.plan.Sampled()) {
			continue
		}
		if len(c.predictions) == 0 {
			c.predictions = make([]outcome.Prediction, predictionsAtOnce)
		}
		pr := &c.predictions[0]
		if !pr.Read(c.plan, b, i, key) {
			continue
		}
		c.predictions = c.predictions[1:]
		pr.Place = outcome.Place{Time: times[i], Partition: src.Partition, Offset: b.Offset[i]}
		c.rows = append(c.rows, outcome.Row{ID: id, Model: c.plan.Model, Prediction: pr})
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
		id := outcome.HashID(c.plan.Model, b.Cols[r.ID].Str[i])
		if !id.In(c.plan.Sampled()) {
			continue
		}
		c.rows = append(c.rows, outcome.Row{
			ID: id, Model: c.plan.Model,
			Outcome: &outcome.Outcome{
				Place:    outcome.Place{Time: b.Cols[r.Time].Int[i], Partition: src.Partition, Offset: b.Offset[i]},
				Positive: c.plan.IsPositive(b.Cols[r.Label].Str[i]),
			},
		})
	}
	return unlabelled
}

// Bytes is about how much memory it takes what was collected since the last Take. It grows with the cells, and with the join
// rows.
func (c *Collector) Bytes() int { return c.counter.Bytes() + rowBytes*len(c.rows) }

// Crowded is how many events of the epoch that Take last handed over were counted as sketch.OtherVersion, because there were
// more versions than sketch.MaxVersions.
func (c *Collector) Crowded() int64 { return c.crowded }

// Take hands over what was collected and starts afresh: of each pane and version what describes it, then its cells, in the order of
// panes, versions and slices; rows in the order they came.
func (c *Collector) Take() ([]record.Cell, []outcome.Row) {
	counted, frames := c.counter.Cells(), c.counter.Frames()
	out := make([]record.Cell, 0, len(frames)+len(counted))
	bodies := make([]byte, 0, c.written+c.written/8)
	add := func(cell record.Cell, appendTo func([]byte) []byte) {
		from := len(bodies)
		bodies = appendTo(bodies)
		cell.Model, cell.Plan, cell.Body = c.plan.Model, c.plan.Digest(), bodies[from:len(bodies):len(bodies)]
		out = append(out, cell)
	}
	for i := range frames {
		f := &frames[i]
		add(record.Cell{Kind: record.Described, Version: f.Version, Pane: f.Pane, Spans: c.spans(f.Spans)}, f.Summary.AppendBinary)
		for len(counted) > 0 && counted[0].Key.Pane == f.Pane && counted[0].Key.Version == f.Version {
			k := counted[0].Key
			add(record.Cell{Kind: record.Counted, Version: k.Version, Pane: k.Pane, Slice: k.Slice}, counted[0].Set.AppendBinary)
			counted = counted[1:]
		}
	}
	rows := c.rows
	c.written, c.crowded = len(bodies), c.counter.Crowded()
	c.counter.Reset()
	c.sources, c.rows = c.sources[:0], make([]outcome.Row, 0, len(rows)+len(rows)/8)
	return out, rows
}

func (c *Collector) spans(counted []sketch.Span) []record.Span {
	spans := make([]record.Span, len(counted))
	for i, s := range counted {
		spans[i] = record.Span{Topic: c.sources[s.Src].Topic, Partition: c.sources[s.Src].Partition, First: s.First, Last: s.Last}
	}
	return spans
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
