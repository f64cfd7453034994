package main

import (
	"runtime"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	heldCopies = 4   // of each model that is weighed, to keep what the runtime itself takes out of the figure
	heldBatch  = 500 // rows, as the ingestor's batches
)

// ingestorHeld is what an ingestor holds of a model, bytes of heap.
type ingestorHeld struct {
	made     float64 // before the first event; the plan apart
	counting float64 // at the end of the first epoch
	taken    float64 // after it: what is kept for the next one
	own      float64 // what the collector says that it holds, by which an epoch ends
	record   int     // bytes of the epoch's fragment
}

// inIngestor weighs a model's collector over an epoch that counts so many panes.
func inIngestor(p *plan.Plan, s shape) (h ingestorHeld, err error) {
	p, err = copied(p, sizedModel, s.numbers, s.texts)
	if err != nil {
		return h, err
	}
	d, b := newDrawer(4, p), plan.NewBatch(&p.Prediction, heldBatch)
	made, all, err := weigh(heldCopies, func(int) (*collect.Collector, error) { return collect.New(p, noRows{}) })
	if err != nil {
		return h, err
	}
	h.made = made
	counting, _, err := weigh(1, func(int) (struct{}, error) {
		for n := range s.panes {
			start := sizedStart.Add(time.Duration(n) * p.Pane)
			step := p.Pane / (sizedRows / heldBatch)
			for i := range sizedRows / heldBatch {
				b.Reset()
				d.predictions(b, 0, heldBatch, s.slices, start.Add(time.Duration(i)*step), step)
				for _, c := range all {
					c.Predictions(collect.Source{Topic: p.Prediction.Topic}, b)
				}
			}
		}
		return struct{}{}, nil
	})
	if err != nil {
		return h, err
	}
	h.counting = made + counting/heldCopies
	h.own = float64(all[0].Bytes())
	taken, _, err := weigh(1, func(int) (struct{}, error) {
		for _, c := range all {
			h.record = len((&record.Fragment{Cells: c.Take()}).AppendBinary(nil))
		}
		return struct{}{}, nil
	})
	h.taken = h.counting + taken/heldCopies
	runtime.KeepAlive(d)
	runtime.KeepAlive(b)
	runtime.KeepAlive(all)
	return h, err
}

// detectorHeld is what a detector holds of a model, bytes of heap.
type detectorHeld struct {
	plan      float64
	engine    float64 // before the first cell
	panes     float64 // open base panes
	cohorts   float64 // outcomes that may still be revised
	committed float64 // the state as of the last commit, encoded
	windows   float64 // what dashboards show: a day and a week
	state     int     // bytes that a commit of the model writes
}

func (h *detectorHeld) sum() float64 {
	return h.plan + h.engine + h.panes + h.cohorts + h.committed + h.windows
}

// modelHeld is one model in a detector's memory.
type modelHeld struct {
	plan      *plan.Plan
	engine    *engine.Engine
	committed []byte
	drift     []byte // as of the last commit
	windows   *engine.Windows
}

// inDetector weighs models of whose panes the last ones are open, all of them while one partition of the source lags so far behind, and
// whose outcomes may all still be revised.
func inDetector(p *plan.Plan, s shape, open int) (h detectorHeld, err error) {
	narrow, err := copied(p, sizedModel, s.numbers, s.texts)
	if err != nil {
		return h, err
	}
	e, err := collected(narrow, s.panes, s.slices, sizedRows)
	if err != nil {
		return h, err
	}
	first := plan.Micros(sizedStart.Add(time.Duration(s.panes-open) * p.Pane))
	counted := slices.DeleteFunc(slices.Clone(e.counted), func(c record.Cell) bool { return c.Pane < first })
	var held []*modelHeld
	if h.plan, held, err = weigh(heldCopies, func(int) (*modelHeld, error) {
		own, err := copied(p, sizedModel, s.numbers, s.texts)
		return &modelHeld{plan: own}, err
	}); err != nil {
		return h, err
	}
	for _, part := range []struct {
		bytes *float64
		take  func(m *modelHeld) error
	}{
		{&h.engine, func(m *modelHeld) error { m.engine = engine.New(m.plan); return nil }},
		{&h.panes, func(m *modelHeld) error { return m.add(counted) }},
		{&h.cohorts, func(m *modelHeld) error { return m.add(e.labelled) }},
		{&h.committed, (*modelHeld).commit},
		{&h.windows, func(m *modelHeld) error { return m.slide(e) }},
	} {
		if *part.bytes, _, err = weigh(heldCopies, func(i int) (struct{}, error) { return struct{}{}, part.take(held[i]) }); err != nil {
			return h, err
		}
	}
	h.state = len(held[0].committed)
	runtime.KeepAlive(held)
	return h, nil
}

// inPane weighs the parts of an open pane by themselves, as they are when they have been read.
func inPane(p *plan.Plan) (cell, description float64, err error) {
	e, err := collected(p, 1, sizedSlices, sizedRows)
	if err != nil {
		return 0, 0, err
	}
	for _, part := range []struct {
		kind  record.Kind
		bytes *float64
		read  func(r *wire.Reader) (any, error)
	}{
		{record.Counted, &cell, func(r *wire.Reader) (any, error) { return sketch.ReadSet(p, r) }},
		{record.Described, &description, func(r *wire.Reader) (any, error) { return sketch.ReadSummary(p, r) }},
	} {
		of := slices.DeleteFunc(slices.Clone(e.counted), func(c record.Cell) bool { return c.Kind != part.kind })
		if *part.bytes, _, err = weigh(len(of), func(i int) (any, error) { return part.read(wire.NewReader(of[i].Body)) }); err != nil {
			return 0, 0, err
		}
	}
	runtime.KeepAlive(e)
	return cell, description, nil
}

func (m *modelHeld) add(cells []record.Cell) error {
	for i := range cells {
		if err := m.engine.Add(&cells[i]); err != nil {
			return err
		}
	}
	return nil
}

// commit keeps the state as the detector does, to go back to.
func (m *modelHeld) commit() error {
	body, err := m.engine.AppendBinary(wire.String(nil, m.plan.Digest()))
	m.committed = append(make([]byte, 0, len(body)), body...)
	return err
}

// follow makes the model hold what one that has judged a pane holds of drift, and keeps its bytes, to go back to.
func (m *modelHeld) follow(e *epochs) error {
	m.drift = slices.Clone(e.drift)
	return m.engine.ReadDrift(wire.NewReader(m.drift))
}

// windowSteps are the steps in which windows of a day and a week move, where panes are an hour: of six hours.
const windowSteps = 28

// slide fills the windows of a model with a week: a pane in each of their steps, and the outcomes of every pane.
func (m *modelHeld) slide(e *epochs) error {
	m.windows = engine.NewWindows()
	length, span := e.ended.End-e.ended.Start, engine.Span(m.plan)
	for i := range int64(windowSteps) {
		pane := *e.ended
		pane.Start = e.ended.Start + i*span/windowSteps
		pane.End = pane.Start + length
		if err := m.windows.Pane(m.plan, &pane); err != nil {
			return err
		}
	}
	for at := e.ended.Start; at < e.ended.Start+span; at += length {
		if err := m.windows.Cohort(m.plan, at, e.known); err != nil {
			return err
		}
	}
	return nil
}
