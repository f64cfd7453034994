package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	judgedPanes  = 28 * 24 // of history, an hour each
	judgedEvents = 300     // of each
)

// judged weighs the sequential engine of the model and of each of its slices, once they are learnt.
func judged(w *sizing, p *plan.Plan) error {
	w.head("The sequential engine; learnt from %d hourly panes", judgedPanes)
	drawn, err := judgedReference(p)
	if err != nil {
		return err
	}
	learnt, err := drifting(p, drawn)
	if err != nil {
		return err
	}
	bytes, engines, err := weigh(heldCopies, func(int) (*sequential.Engine, error) {
		l, err := drift.Open(learnt)
		if err != nil {
			return nil, err
		}
		return l.Engine, nil
	})
	if err != nil {
		return err
	}
	body := engines[0].AppendBinary(nil)
	channels := len(engines[0].Detectable())
	w.line("per model", "%.0f bytes of heap, %d encoded: %d channels, %.0f and %.0f bytes each", bytes, len(body), channels, bytes/float64(channels), float64(len(body))/float64(channels))
	// As a detector has them: read from their bytes, with no room that learning took.
	both, all, err := weigh(heldCopies, func(int) (*drift.Learnt, error) { return drift.Open(learnt) })
	if err != nil {
		return err
	}
	slices := float64(len(all[0].Slices))
	encoded := 0
	for i := range all[0].Slices {
		encoded += len(all[0].Slices[i].AppendBinary(nil))
	}
	w.line("per slice", "%.0f bytes of heap, %.0f encoded, of %.0f slices: %.0f bytes of heap per channel of the model", (both-bytes)/slices, float64(encoded)/slices, slices, (both-bytes)/slices/float64(channels))
	runtime.KeepAlive(all)
	runtime.KeepAlive(engines)
	return nil
}

// judgedReference draws the hourly panes of four weeks before sizedStart, in which every bin is as likely as in the plan's reference, and every
// slice as large.
func judgedReference(p *plan.Plan) ([]drift.Pane, error) {
	rng := rand.New(rand.NewPCG(9, 9))
	var out []drift.Pane
	for t := -judgedPanes; t < 0; t++ {
		start := sizedStart.Add(time.Duration(t) * time.Hour)
		pane := drift.Pane{Start: plan.Micros(start), End: plan.Micros(start.Add(time.Hour)), Set: sketch.NewSet(p), Cells: map[string]*sketch.Set{}}
		for cell := range sizedSlices {
			set, err := judgedCell(rng, p, judgedEvents/sizedSlices)
			if err == nil {
				err = pane.Set.Merge(set)
			}
			if err != nil {
				return nil, err
			}
			first := len(p.Slices[0].Values)
			pane.Cells[string([]byte{0, byte(cell % first), 0, byte(cell / first)})] = set
		}
		out = append(out, pane)
	}
	return out, nil
}

// judgedCell draws one cell of so many events.
func judgedCell(rng *rand.Rand, p *plan.Plan, events int64) (*sketch.Set, error) {
	set := sketch.NewSet(p)
	set.Rows = events
	for i := range set.Columns {
		c, bins := &set.Columns[i], p.Columns[i].Reference.Bins
		c.N = events
		total := int64(0)
		for _, n := range bins {
			total += n
		}
		if total == 0 {
			return nil, fmt.Errorf("the reference holds no value of %s", p.Columns[i].Name)
		}
		for range events {
			at, bin := rng.Int64N(total), 0
			for at >= bins[bin] {
				at -= bins[bin]
				bin++
			}
			c.Bins[bin]++
		}
	}
	return set, nil
}

// drifting is the plan as if its reference had been four weeks long.
func drifting(p *plan.Plan, reference []drift.Pane) (*plan.Plan, error) {
	q := *p
	q.Reference.From = plan.FromMicros(reference[0].Start)
	var err error
	if q.Drift, err = drift.Learn(&q, reference); err != nil {
		return nil, err
	}
	if len(q.Drift) == 0 {
		return nil, errors.New("nothing was learnt of drift")
	}
	return &q, q.Seal()
}
