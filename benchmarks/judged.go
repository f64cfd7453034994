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
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	judgedPanes  = 28 * 24 // of history, an hour each
	judgedEvents = 300     // of each
)

// judged weighs the sequential engine of the model and of each of its slices, once they are learnt.
func judged(w *sizing, p *plan.Plan) error {
	w.head("The sequential engine; learnt from %d hourly panes. No service follows slices by it yet", judgedPanes)
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
	history, err := judgedHistory(learnt, drawn)
	if err != nil {
		return err
	}
	body := engines[0].AppendBinary(nil)
	channels := len(engines[0].Detectable())
	w.line("per model", "%.0f bytes of heap, %d encoded: %d channels, %.0f and %.0f bytes each", bytes, len(body), channels, bytes/float64(channels), float64(len(body))/float64(channels))
	const slices = 20
	of, made, err := weigh(slices, func(i int) (*sequential.Slice, error) {
		return sequential.LearnSlice(engines[0], fmt.Sprint("slice ", i), 0.5/slices, history)
	})
	if err != nil {
		return err
	}
	// As a detector has them: read from their bytes, with no room that learning took.
	read, again, err := weigh(slices, func(i int) (*sequential.Slice, error) {
		return sequential.ReadSlice(engines[0], 0.5/slices, wire.NewReader(made[i].AppendBinary(nil)))
	})
	if err != nil {
		return err
	}
	w.line("per slice", "%.0f bytes of heap, %.0f when read again, %d encoded: %.0f bytes of heap per channel of the model", of, read, len(made[0].AppendBinary(nil)), read/float64(channels))
	runtime.KeepAlive(again)
	runtime.KeepAlive(made)
	runtime.KeepAlive(history)
	runtime.KeepAlive(engines)
	return nil
}

// judgedReference draws the hourly panes of four weeks before sizedStart, in which every bin is as likely as in the plan's reference.
func judgedReference(p *plan.Plan) ([]drift.Pane, error) {
	rng := rand.New(rand.NewPCG(9, 9))
	var out []drift.Pane
	for t := -judgedPanes; t < 0; t++ {
		set := sketch.NewSet(p)
		set.Rows = judgedEvents
		for i := range set.Columns {
			c, bins := &set.Columns[i], p.Columns[i].Reference.Bins
			c.N = judgedEvents
			total := int64(0)
			for _, n := range bins {
				total += n
			}
			if total == 0 {
				return nil, fmt.Errorf("the reference holds no value of %s", p.Columns[i].Name)
			}
			for range judgedEvents {
				at, bin := rng.Int64N(total), 0
				for at >= bins[bin] {
					at -= bins[bin]
					bin++
				}
				c.Bins[bin]++
			}
		}
		start := sizedStart.Add(time.Duration(t) * time.Hour)
		out = append(out, drift.Pane{Start: plan.Micros(start), End: plan.Micros(start.Add(time.Hour)), Set: set})
	}
	return out, nil
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

// judgedHistory are the panes as the engine takes them.
func judgedHistory(p *plan.Plan, reference []drift.Pane) (out []sequential.Pane, err error) {
	var g sequential.Gather
	for _, t := range reference {
		pane, ok, err := g.Add(t.Start, t.End, t.Set.Rows, drift.Count(p, t.Set))
		if err != nil || !ok {
			return nil, fmt.Errorf("a pane of %d events is not enough (%t): %w", t.Set.Rows, ok, err)
		}
		out = append(out, pane)
	}
	return out, nil
}
