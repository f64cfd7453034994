package collect

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/truth"
)

// Source names the partition a batch was read from.
type Source struct {
	Topic     string
	Partition int32
}

// Rows takes the join rows of an epoch while they are collected: record.Rows writes them, Kept keeps them. What the pointers lead to is
// the collector's own and used again, but for the cell, whose exported fields stay.
type Rows interface {
	Prediction(id outcome.ID, c *record.RowCell, p *outcome.Prediction)
	Outcome(id outcome.ID, c *record.RowCell, o *outcome.Outcome)
	Groups(id outcome.ID, c *record.RowCell, g *outcome.Groups)
}

// Collector collects one model's epoch. It belongs to one goroutine.
type Collector struct {
	plan    *plan.Plan
	deriver *plan.Deriver
	counter *sketch.Counter
	hasher  *outcome.Hasher
	ids     []outcome.ID // of the batch at hand
	rows    Rows
	sources []Source
	crowded int64
	taken   Taken

	cells   []*record.RowCell // by the counter's number; nil where no row was written yet
	model   *record.RowCell   // of outcomes
	planned *record.RowCell   // of groups
	codes   map[string]string // of groups, so that each is allocated once
	written int               // bytes of the last epoch's cells
}

// New makes a collector for a sealed plan, which hands the join rows to rows.
func New(p *plan.Plan, rows Rows) (*Collector, error) {
	d, err := plan.NewDeriver(&p.Prediction, p.Rules)
	if err != nil {
		return nil, fmt.Errorf("collect %s: %w", p.Model, err)
	}
	c := &Collector{plan: p, deriver: d, counter: sketch.NewCounter(p), hasher: outcome.NewHasher(p), rows: rows, model: &record.RowCell{Model: p.Model}}
	c.counter.Describe()
	c.counter.CountMoments()
	if p.Outcome != nil && p.Score.Binary() {
		c.counter.TellScores()
	}
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
	r := c.plan.Prediction.Roles
	if c.plan.Outcome != nil { // while the records are still near: counting pushes them out of the caches
		c.ids = c.hasher.AppendIDs(c.ids[:0], b.Cols[r.ID].Str[:b.N])
	}
	c.counter.Count(c.source(src), b, c.deriver.Broken(b))
	if c.plan.Outcome == nil {
		return
	}
	if !c.plan.Score.Binary() {
		c.answers(src, b)
		return
	}
	times, sampled := b.Cols[r.Time].Int, c.plan.Sampled()
	var p outcome.Prediction
	for i := range b.N {
		at := c.counter.CellOf(i)
		if at < 0 {
			continue
		}
		id, scored := c.ids[i], c.counter.ScoreOf(i)
		if !scored.OK || !id.In(sampled) {
			continue
		}
		p.Place = outcome.Place{Time: times[i], Partition: src.Partition, Offset: b.Offset[i]}
		p.Bin, p.Score, p.Positive = int(scored.Bin), scored.Score, scored.Positive
		c.rows.Prediction(id, c.cell(at), &p)
	}
}

// answers hands over the rows of a model that answers classes or numbers. There is one for every prediction whose answer can be held against
// an outcome.
func (c *Collector) answers(src Source, b *plan.Batch) {
	times, sampled := b.Cols[c.plan.Prediction.Roles.Time].Int, c.plan.Sampled()
	for i := range b.N {
		at := c.counter.CellOf(i)
		if at < 0 || !c.ids[i].In(sampled) {
			continue
		}
		answer, ok := truth.Answered(c.plan, nil, b, i)
		if !ok {
			continue
		}
		p := outcome.Prediction{Place: outcome.Place{Time: times[i], Partition: src.Partition, Offset: b.Offset[i]}}
		p.Say(answer)
		c.rows.Prediction(c.ids[i], c.cell(at), &p)
	}
}

// cell is what the rows of one of the counter's cells have in common.
func (c *Collector) cell(at int) *record.RowCell {
	for at >= len(c.cells) {
		c.cells = append(c.cells, nil)
	}
	if c.cells[at] == nil {
		k := c.counter.Key(at)
		c.cells[at] = &record.RowCell{Model: c.plan.Model, Plan: c.plan.Digest(), Version: k.Version, Slice: k.Slice, Pane: k.Pane}
	}
	return c.cells[at]
}

// Outcomes takes a batch of the outcome stream and returns how many of its rows carry no label: those say nothing.
func (c *Collector) Outcomes(src Source, b *plan.Batch) (unlabelled int) {
	r := c.plan.Outcome.Roles
	c.ids = c.hasher.AppendIDs(c.ids[:0], b.Cols[r.ID].Str[:b.N])
	var o outcome.Outcome
	for i := range b.N {
		label, ok := truth.Turned(c.plan, b, i)
		if !ok {
			unlabelled++
			continue
		}
		id := c.ids[i]
		if !id.In(c.plan.Sampled()) {
			continue
		}
		o = outcome.Of(outcome.Place{Time: b.Cols[r.Time].Int[i], Partition: src.Partition, Offset: b.Offset[i]}, label)
		c.rows.Outcome(id, c.model, &o)
	}
	return unlabelled
}

// Attributes takes a batch of the attributes' stream. Only which groups an id is in goes on; what lacks a value says that it is in none.
func (c *Collector) Attributes(src Source, b *plan.Batch) {
	r := c.plan.Attributes.Projection.Roles
	c.ids = c.hasher.AppendIDs(c.ids[:0], b.Cols[r.ID].Str[:b.N])
	if c.planned == nil {
		c.planned, c.codes = &record.RowCell{Model: c.plan.Model, Plan: c.plan.Digest()}, map[string]string{}
	}
	var room [64]byte
	for i := range b.N {
		id := c.ids[i]
		if !id.In(c.plan.Sampled()) {
			continue
		}
		said := c.plan.AppendGroups(room[:0], b, i)
		codes, known := c.codes[string(said)]
		if !known {
			codes = string(said)
			if len(c.codes) < mostGroups {
				c.codes[codes] = codes
			}
		}
		g := outcome.Groups{Place: outcome.Place{Time: b.Cols[r.Time].Int[i], Partition: src.Partition, Offset: b.Offset[i]}, Plan: c.plan.Digest(), Codes: codes}
		c.rows.Groups(id, c.planned, &g)
	}
}

// mostGroups is of how many groups the codes are kept.
const mostGroups = 4096

// Bytes is about how much memory it takes what was counted since the last Take. It grows with the cells.
func (c *Collector) Bytes() int { return c.counter.Bytes() }

// Crowded is how many events of the epoch that was last taken were counted as sketch.OtherVersion, because there were
// more versions than sketch.MaxVersions.
func (c *Collector) Crowded() int64 { return c.crowded }

// Taken is what the cells that were last taken hold, of all collectors that were taken together: the first of them knows it.
type Taken struct {
	Rows  int64 // predictions
	Cells int   // of panes, versions and finest slices
}

// Taken is what was last taken.
func (c *Collector) Taken() Taken { return c.taken }

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
