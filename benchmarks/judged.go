package main

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sequential"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	judgedPanes  = 28 * 24 // of history, an hour each
	judgedEvents = 300     // of each
)

// judged weighs the sequential engine of the model and of each of its slices, once they are learnt.
func judged(w *sizing, p *plan.Plan) error {
	w.head("The sequential engine; learnt from %d hourly panes. No service follows slices by it yet", judgedPanes)
	spec := judgedSpec(p)
	history, err := judgedHistory(p)
	if err != nil {
		return err
	}
	bytes, engines, err := weigh(heldCopies, func(int) (*sequential.Engine, error) { return sequential.Learn(spec, history) })
	if err != nil {
		return err
	}
	body := engines[0].AppendBinary(nil)
	channels := len(engines[0].Detectable())
	w.line("per model", "%.0f bytes of heap, %d encoded: %d channels, %.0f and %.0f bytes each", bytes, len(body), channels, bytes/float64(channels), float64(len(body))/float64(channels))
	const slices = 20
	of, learnt, err := weigh(slices, func(i int) (*sequential.Slice, error) {
		return sequential.LearnSlice(engines[0], fmt.Sprint("slice ", i), 0.5/slices, history)
	})
	if err != nil {
		return err
	}
	// As a detector has them: read from their bytes, with no room that learning took.
	read, again, err := weigh(slices, func(i int) (*sequential.Slice, error) {
		return sequential.ReadSlice(engines[0], 0.5/slices, wire.NewReader(learnt[i].AppendBinary(nil)))
	})
	if err != nil {
		return err
	}
	w.line("per slice", "%.0f bytes of heap, %.0f when read again, %d encoded: %.0f bytes of heap per channel of the model", of, read, len(learnt[0].AppendBinary(nil)), read/float64(channels))
	runtime.KeepAlive(again)
	runtime.KeepAlive(learnt)
	runtime.KeepAlive(history)
	runtime.KeepAlive(engines)
	return nil
}

func judgedSpec(p *plan.Plan) sequential.Spec {
	spec := sequential.Spec{Budget: 1}
	for i := range p.Columns {
		kind := sequential.Numeric
		if p.Columns[i].Layout.Categorical {
			kind = sequential.Categorical
		}
		spec.Streams = append(spec.Streams, sequential.Stream{Name: p.Columns[i].Name, Kind: kind, Weight: 0.5 / float64(len(p.Columns)), Floors: sequential.DefaultFloors()})
	}
	return spec
}

// judgedHistory draws panes in which every bin is as likely as in the reference.
func judgedHistory(p *plan.Plan) ([]sequential.Pane, error) {
	rng := rand.New(rand.NewPCG(9, 9))
	var out []sequential.Pane
	var g sequential.Gather
	for t := range judgedPanes {
		counts := make([]sequential.Counts, len(p.Columns))
		for i := range counts {
			bins := p.Columns[i].Reference.Bins
			counts[i] = sequential.Counts{N: judgedEvents, Bins: make([]int64, len(bins))}
			total := int64(0)
			for _, n := range bins {
				total += n
			}
			for range judgedEvents {
				at, bin := rng.Int64N(total), 0
				for at >= bins[bin] {
					at -= bins[bin]
					bin++
				}
				counts[i].Bins[bin]++
			}
		}
		start := sizedStart.Add(time.Duration(t) * time.Hour)
		pane, ok, err := g.Add(plan.Micros(start), plan.Micros(start.Add(time.Hour)), judgedEvents, counts)
		if err != nil || !ok {
			return nil, fmt.Errorf("a pane of %d events is not enough (%t): %w", judgedEvents, ok, err)
		}
		out = append(out, pane)
	}
	return out, nil
}
