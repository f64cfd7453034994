package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"time"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	flatTimes = 100 // more events
	flatAgain = 4   // times that each event is counted: drawing it takes as long
	flatLimit = 1.1 // of memory at so many more events
	// widthLimit is the bytes by which an encoded integer may be longer: a varint of a hundred times the value takes at most one more.
	widthLimit = 1.0
)

// flatAt is one model's pane after so many events.
type flatAt struct {
	events   int64
	heap     float64
	encoded  int
	integers int // that the encoding holds, bins that are 0 included
}

// flatCounter counts events into one pane of a counter, in one epoch, and looks at it after a hundredth of them and after all. It goes on
// drawing new ones, so that tails and rare values go on growing as they do in a stream.
func flatCounter(ctx context.Context, p *plan.Plan, events int64) (few, many flatAt, err error) {
	counted, stop := int64(0), make(chan struct{})
	defer close(stop)
	next, again := drawn(p, stop)
	before := live()
	c := sketch.NewCounter(p)
	c.Describe()
	count := func(upTo int64) {
		for counted < upTo && ctx.Err() == nil {
			b := <-next
			for range flatAgain {
				if counted < upTo {
					c.Count(0, b, nil)
					counted += int64(b.N)
				}
			}
			again <- b
			if counted%10_000_000 == 0 {
				say("%d of %d events counted", counted, events)
			}
		}
	}
	count(heldBatch)
	c.Cells() // makes the sets that an epoch's end fills: they are there at both looks
	look := func() flatAt {
		at := flatAt{heap: float64(live() - before)}
		for _, cell := range c.Cells() {
			at.encoded += len(cell.Set.AppendBinary(nil))
			at.integers += setIntegers(cell.Set)
			at.events += cell.Set.Rows
		}
		for _, f := range c.Frames() {
			at.encoded += len(f.Summary.AppendBinary(nil))
			at.integers += summaryIntegers(f.Summary)
		}
		return at
	}
	count(events / flatTimes)
	few = look()
	count(events)
	many = look()
	runtime.KeepAlive(c)
	if ctx.Err() != nil {
		return few, many, ctx.Err()
	}
	if few.events != events/flatTimes || many.events != events {
		return few, many, fmt.Errorf("%d and %d events were counted, want %d and %d", few.events, many.events, events/flatTimes, events)
	}
	return few, many, nil
}

// drawn draws batches of events beside whoever counts them, until stop is closed; batches that come back are filled again.
func drawn(p *plan.Plan, stop <-chan struct{}) (next <-chan *plan.Batch, again chan<- *plan.Batch) {
	const batches = 4
	full, empty := make(chan *plan.Batch, batches), make(chan *plan.Batch, batches)
	for range batches {
		empty <- plan.NewBatch(&p.Prediction, heldBatch)
	}
	d := newDrawer(5, p)
	go func() {
		for {
			select {
			case b := <-empty:
				b.Reset()
				d.predictions(b, 0, heldBatch, sizedSlices, sizedStart, p.Pane)
				full <- b // there is room for all
			case <-stop:
				return
			}
		}
	}()
	return full, empty
}

const flatEpochs = 20 // whose fragments are added again and again

// flatDetector adds epochs of a pane up as the detector does, read from their bytes, until so many events have come together.
func flatDetector(p *plan.Plan, events int64) (few, many flatAt, err error) {
	each := events / flatTimes / flatEpochs
	d, b := newDrawer(6, p), plan.NewBatch(&p.Prediction, int(each))
	c := sketch.NewCounter(p)
	c.Describe()
	var cells []record.Cell
	for range flatEpochs {
		b.Reset()
		d.predictions(b, 0, int(each), sizedSlices, sizedStart, p.Pane)
		c.Count(0, b, nil)
		for _, f := range c.Frames() {
			cells = append(cells, record.Cell{Kind: record.Described, Model: p.Model, Plan: p.Digest(), Version: f.Version, Pane: f.Pane, Body: f.Summary.AppendBinary(nil)})
		}
		for _, k := range c.Cells() {
			cells = append(cells, record.Cell{
				Kind: record.Counted, Model: p.Model, Plan: p.Digest(), Version: k.Key.Version, Pane: k.Key.Pane, Slice: k.Key.Slice, Body: k.Set.AppendBinary(nil),
			})
		}
		c.Reset()
	}
	add := func(held []*modelHeld, times int) error {
		for range times {
			for _, m := range held {
				if err := m.add(cells); err != nil {
					return err
				}
			}
		}
		return nil
	}
	var held []*modelHeld
	few.heap, held, err = weigh(heldCopies, func(int) (*modelHeld, error) {
		m := &modelHeld{plan: p, engine: engine.New(p)}
		return m, add([]*modelHeld{m}, 1)
	})
	if err != nil {
		return few, many, err
	}
	if err := held[0].commit(); err != nil {
		return few, many, err
	}
	few.events, few.encoded = each*flatEpochs, len(held[0].committed)
	held[0].committed = nil
	more, _, err := weigh(1, func(int) (struct{}, error) { return struct{}{}, add(held, flatTimes-1) })
	if err != nil {
		return few, many, err
	}
	if err := held[0].commit(); err != nil {
		return few, many, err
	}
	many = flatAt{events: flatTimes * few.events, heap: few.heap + more/heldCopies, encoded: len(held[0].committed)}
	runtime.KeepAlive(held)
	runtime.KeepAlive(cells)
	return few, many, nil
}

// setIntegers is how many integers a set's encoding holds.
func setIntegers(s *sketch.Set) int {
	n := 1
	some := func(values ...int64) {
		for _, v := range values {
			if v != 0 {
				n++
			}
		}
	}
	for i := range s.Columns {
		c := &s.Columns[i]
		n += len(c.Bins)
		some(c.Missing, c.Invalid, c.Below, c.Above, c.New, c.Broken, c.Integral, c.Zero, c.Negative, c.Overflow)
		if c.Sum != (sketch.Fixed{}) || c.SumSq != (sketch.Fixed{}) {
			n += 2
		}
	}
	some(s.Rules...)
	some(s.LatencyN, s.Scored, s.ScoreInvalid, s.Decided, s.Positive)
	if s.Curve != nil {
		n += 3 * s.Curve.Bins()
	}
	return n
}

// summaryIntegers is how many bins the histograms of a summary hold: registers don't get longer with the events.
func summaryIntegers(s *sketch.Summary) int {
	n := 0
	for i := range s.Columns {
		if h := s.Columns[i].Histogram; h != nil {
			bins, _ := binary.Uvarint(h.AppendBinary(nil)) // which its encoding begins with
			n += int(bins)
		}
	}
	return n
}

// flat says whether a pane takes the same memory after a hundred times the events, and what its encoding grows by.
func flat(ctx context.Context, w *sizing, p *plan.Plan, events int64) error {
	w.head("Flat in events: one pane, %d slices, one model version", sizedSlices)
	began := time.Now()
	few, many, err := flatCounter(ctx, p, events)
	if err != nil {
		return err
	}
	took := time.Since(began)
	w.line("ingestor: heap of the counter", "%.0f bytes at %d events, %.0f at %d", few.heap, few.events, many.heap, many.events)
	w.limit("flat_counter", many.heap/few.heap, flatLimit, "heap of a counter at a hundredth of the events")
	w.line("ingestor: the pane, encoded", "%d bytes at %d events, %d at %d", few.encoded, few.events, many.encoded, many.events)
	w.limit("flat_counter_encoded", float64(many.encoded)/float64(few.encoded), 0, "encoded bytes of the counter's pane at a hundredth of the events")
	w.limit("flat_width", float64(many.encoded-few.encoded)/float64(many.integers), widthLimit, fmt.Sprintf("the %d integers of the encoded pane; the ratio is bytes that each got longer by", many.integers))
	w.line("", "%s, each event drawn counted %d times", took.Round(time.Second), flatAgain)
	few, many, err = flatDetector(p, events)
	if err != nil {
		return err
	}
	w.line("detector: heap of the open pane", "%.0f bytes at %d events, %.0f at %d", few.heap, few.events, many.heap, many.events)
	w.limit("flat_detector", many.heap/few.heap, flatLimit, "heap of a detector's model at a hundredth of the events")
	w.line("detector: its state, encoded", "%d bytes at %d events, %d at %d", few.encoded, few.events, many.encoded, many.events)
	w.limit("flat_detector_encoded", float64(many.encoded)/float64(few.encoded), 0, "encoded state of that model at a hundredth of the events")
	return nil
}
