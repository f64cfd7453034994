package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/view"
	"github.com/plumbline-ml/plumbline/internal/window"
)

// wired says how many bytes travel and lie on topics.
func wired(w *sizing, p *plan.Plan) error {
	w.head("On topics, before compression: %d numeric and %d categorical inputs, a score", sizedNumbers, sizedTexts)
	c := sketch.NewCounter(p)
	c.Describe()
	d, b := newDrawer(7, p), plan.NewBatch(&p.Prediction, heldBatch)
	fmt.Printf("  %-42s %12s %12s %14s\n", "a cell, and what describes its pane, of", "cell", "bytes/input", "description")
	for _, rows := range []int{1, 10, 100, 1000, 10_000, 100_000, 1_000_000} {
		c.Reset()
		for n := 0; n < rows; n += heldBatch {
			b.Reset()
			d.predictions(b, 0, min(heldBatch, rows-n), 1, sizedStart, p.Pane)
			c.Count(0, b, nil)
		}
		cell, described := len(c.Cells()[0].Set.AppendBinary(nil)), len(c.Frames()[0].Summary.AppendBinary(nil))
		fmt.Printf("  %-42s %12d %12.1f %14d\n", fmt.Sprintf("%d rows", rows), cell, float64(cell)/(sizedNumbers+sizedTexts), described)
	}
	e, err := collected(p, 1, sizedSlices, sizedRows)
	if err != nil {
		return err
	}
	bodies := 0
	for i := range e.counted {
		bodies += len(e.counted[i].Body)
	}
	fragment := len((&record.Fragment{Cells: e.counted}).AppendBinary(nil))
	w.line("fragments of a pane in "+strconv.Itoa(sizedEpochs)+" epochs", "%d bytes: %d slices, %d rows in all, and their descriptions; %.1f per cell are no counts", fragment, sizedSlices, sizedRows, float64(fragment-bodies)/float64(len(e.counted)))
	full, bare, err := paneRecords(p, e)
	if err != nil {
		return err
	}
	w.line("pane record (history)", "%d bytes with what describes it, %d without; %d slices", full, bare, sizedSlices)
	w.line("cohort record (outcomes of a pane)", "%d bytes, %d slices, each on time and as revised", len(e.cohort.AppendBinary(window.AppendHistory(nil, p.Digest()))), sizedSlices)
	text, err := p.JSON()
	if err != nil {
		return err
	}
	w.line("plan record", "%d bytes of JSON", len(text))
	shown, err := json.Marshal(e.shown)
	if err != nil {
		return err
	}
	w.line("display in Redis", "%d bytes of JSON per model, its windows apart", len(shown))
	return nil
}

// paneRecords are the bytes of an ended pane's record with and without what describes it.
func paneRecords(p *plan.Plan, e *epochs) (full, bare int, err error) {
	full = len(e.ended.AppendBinary(window.AppendHistory(nil, p.Digest())))
	plain := epochs{labelled: e.labelled}
	for i := range e.counted {
		if e.counted[i].Kind == record.Counted {
			plain.counted = append(plain.counted, e.counted[i])
		}
	}
	if err := plain.end(p); err != nil {
		return 0, 0, err
	}
	return full, len(plain.ended.AppendBinary(window.AppendHistory(nil, p.Digest()))), nil
}

const indexed = 100_000 // predictions

// joined says what outstanding predictions take: in the joins topic, in the index of the process, and in a Redis.
func joined(ctx context.Context, w *sizing, p *plan.Plan, g *ground) (err error) {
	w.head("Outstanding predictions: %d, three in ten with their outcome", indexed)
	ids, states, rows, err := joinStates(p)
	if err != nil {
		return err
	}
	w.line("joins topic", "%.1f bytes per prediction, its outcome included", float64(rows)/indexed)
	body := 0
	for i := range states {
		body += len(states[i])
	}
	w.line("state in the index", "%.1f bytes and an id of %d", float64(body)/indexed, len(ids[0]))
	bytes, kept, err := weigh(1, func(int) (*view.MemoryIndex, error) {
		x := view.NewMemoryIndex()
		return x, fillIndex(ctx, x, ids, states)
	})
	if err != nil {
		return err
	}
	if _, ok, _, err := kept[0].Read(ctx, 0, nil); err != nil || !ok {
		return fmt.Errorf("the index does not hold its partition: %w", err)
	}
	w.line("index in memory (demo, tests)", "%.1f bytes of heap per prediction", bytes/indexed)
	if g == nil {
		w.line("index in Redis", "not measured: needs --redis")
		return nil
	}
	if err := g.openParts(ctx, "redis"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	before, err := g.held(ctx)
	if err != nil {
		return err
	}
	if err := fillIndex(ctx, view.NewRedisIndex(g.cache, "plumbline", 60*24*time.Hour), ids, states); err != nil {
		return err
	}
	after, err := g.held(ctx)
	if err != nil {
		return err
	}
	w.line("index in Redis", "%.1f bytes of its memory per prediction", float64(after-before)/indexed)
	return nil
}

// fillIndex writes states as the joiner does, some ten thousand at a time.
func fillIndex(ctx context.Context, x view.Index, ids, states [][]byte) error {
	if err := x.Reset(ctx, 0, 0); err != nil {
		return err
	}
	for from := 0; from < len(ids); from += view.MaxBatch {
		to := min(from+view.MaxBatch, len(ids))
		if ok, err := x.Write(ctx, 0, int64(from), int64(to), ids[from:to], states[from:to]); err != nil || !ok {
			return fmt.Errorf("write states %d to %d, taken %t: %w", from, to, ok, err)
		}
	}
	return nil
}

// joinStates are the states of predictions and how many bytes their rows take on the joins topic.
func joinStates(p *plan.Plan) (ids, states [][]byte, rows int, err error) {
	d, b := newDrawer(8, p), plan.NewBatch(&p.Prediction, heldBatch)
	known := plan.NewBatch(p.Outcome, heldBatch)
	const partitions = 8
	writer := record.NewRows(partitions)
	both := &bothRows{writer, map[outcome.ID]*outcome.State{}}
	c, err := collect.New(p, both)
	if err != nil {
		return nil, nil, 0, err
	}
	for n := 0; n < indexed; n += heldBatch {
		for i := range heldBatch {
			d.ids[i] = "event-" + strconv.Itoa(1_000_000_000+n+i)
		}
		b.Reset()
		d.predictions(b, 0, heldBatch, sizedSlices, sizedStart, p.Pane)
		c.Predictions(collect.Source{Topic: p.Prediction.Topic}, b)
		known.Reset()
		d.outcomes(p, known, heldBatch, sizedStart.Add(p.Pane))
		c.Outcomes(collect.Source{Topic: p.Outcome.Topic}, known)
	}
	for partition := range partitions {
		for _, r := range record.TakeRows([]*record.Rows{writer}, partition, nil) {
			rows += len(r)
		}
	}
	for id, s := range both.states {
		ids, states = append(ids, append([]byte(nil), id[:]...)), append(states, s.AppendBinary(nil))
	}
	return ids, states, rows, nil
}

// bothRows writes join rows and folds them.
type bothRows struct {
	*record.Rows
	states map[outcome.ID]*outcome.State
}

func (r *bothRows) Prediction(id outcome.ID, c *record.RowCell, p *outcome.Prediction) {
	r.Rows.Prediction(id, c, p)
	pr := *p
	pr.Plan, pr.Version, pr.Slice, pr.Pane = c.Plan, c.Version, c.Slice, c.Pane
	r.fold(id, &outcome.Row{Prediction: &pr})
}

func (r *bothRows) Outcome(id outcome.ID, c *record.RowCell, o *outcome.Outcome) {
	r.Rows.Outcome(id, c, o)
	of := *o
	r.fold(id, &outcome.Row{Outcome: &of})
}

func (r *bothRows) fold(id outcome.ID, row *outcome.Row) {
	if r.states[id] == nil {
		r.states[id] = &outcome.State{}
	}
	r.states[id].Fold(row)
}
