package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// fleetJob is which share of the models a process holds: those whose fragments lie in the partitions of one of so many detectors.
type fleetJob struct {
	Models    int `json:"models"`
	Detectors int `json:"detectors"`
	Detector  int `json:"detector"`
	Panes     int `json:"panes"`
}

// names are the models of the detector. Partitions are dealt as `balance` deals them.
func (j fleetJob) names() []string {
	var out []string
	for i := range j.Models {
		name := names[0](i)
		if int(bus.PartitionOf(name, bus.DefaultLayout().Fragments))%j.Detectors == j.Detector {
			out = append(out, name)
		}
	}
	return out
}

// fleetHeld is what the process held.
type fleetHeld struct {
	Models int   `json:"models"`
	Cells  int   `json:"cells"` // slices of open panes
	Live   int64 `json:"live"`  // heap
	Goal   int64 `json:"goal"`  // to which the collector lets the heap grow, as services set it
	Peak   int64 `json:"peak"`  // resident memory; set by the parent
}

// fleet holds models as a detector does, each with its own plan, engine, windows and committed state, and what it follows of drift.
func fleet(ctx context.Context, j job) (used, error) {
	p, err := sizedPlan()
	if err != nil {
		return used{}, err
	}
	drawn, err := judgedReference(p)
	if err != nil {
		return used{}, err
	}
	if p, err = drifting(p, drawn); err != nil {
		return used{}, err
	}
	e, err := collected(p, j.Fleet.Panes, sizedSlices, sizedRows)
	if err != nil {
		return used{}, err
	}
	debug.FreeOSMemory()
	debug.SetMemoryLimit(fleetGOMEMLIMIT * 1_000_000)
	before := live()
	var held []*modelHeld
	for _, name := range j.Fleet.names() {
		if ctx.Err() != nil {
			return used{}, ctx.Err()
		}
		m, err := newHeld(p, name, e)
		if err != nil {
			return used{}, fmt.Errorf("%s: %w", name, err)
		}
		held = append(held, m)
	}
	out := fleetHeld{Models: len(held), Cells: len(held) * j.Fleet.Panes * sizedSlices, Live: live() - before}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	out.Goal = int64(m.NextGC)
	runtime.KeepAlive(held)
	return used{CPU: cpu(), Fleet: out}, nil
}

func newHeld(p *plan.Plan, name string, e *epochs) (*modelHeld, error) {
	own, err := copied(p, name, sizedNumbers, sizedTexts)
	if err != nil {
		return nil, err
	}
	m := &modelHeld{plan: own, engine: engine.New(own)}
	return m, errors.Join(m.add(e.counted), m.add(e.labelled), m.follow(e), m.commit(), m.slide(e))
}

// fleets holds all models, one detector after the other, each in a process of its own, and says what machine they fit.
func fleets(ctx context.Context, w *sizing, models, detectors int) error {
	w.head("%d models x %d inputs x %d slices x %d hourly panes, over %d detectors", models, sizedNumbers+sizedTexts, sizedSlices, sizedPanes, detectors)
	w.line("GOMEMLIMIT of each", "%d MB, of which %d may be live before a detector pauses", fleetGOMEMLIMIT, fleetGOMEMLIMIT*4/5)
	fmt.Printf("  %-14s %8s %10s %14s %14s %14s %14s\n", "detector", "models", "cells", "live heap MB", "MB per model", "heap goal MB", "resident MB")
	var sum, most fleetHeld
	var perModel []float64
	for d := range detectors {
		h, err := oneFleet(ctx, fleetJob{Models: models, Detectors: detectors, Detector: d, Panes: sizedPanes})
		if err != nil {
			return fmt.Errorf("detector %d: %w", d, err)
		}
		each := megabytes(h.Live) / float64(max(h.Models, 1))
		fmt.Printf("  %-14d %8d %10d %14.1f %14.3f %14.1f %14.1f\n", d, h.Models, h.Cells, megabytes(h.Live), each, megabytes(h.Goal), megabytes(h.Peak))
		if h.Models > 0 {
			perModel = append(perModel, each)
		}
		sum.Models, sum.Cells, sum.Live = sum.Models+h.Models, sum.Cells+h.Cells, sum.Live+h.Live
		most.Models, most.Live, most.Goal, most.Peak = max(most.Models, h.Models), max(most.Live, h.Live), max(most.Goal, h.Goal), max(most.Peak, h.Peak)
	}
	if sum.Models != models {
		return fmt.Errorf("%d models were held, want %d", sum.Models, models)
	}
	fmt.Printf("  %-14s %8d %10d %14.1f\n", "all", sum.Models, sum.Cells, megabytes(sum.Live))
	w.spread("fleet_per_model", perModel, fleetSpread, "the lightest detector; MB per model of the heaviest")
	w.limit("fleet_busiest_live", megabytes(most.Live)/(fleetGOMEMLIMIT*4/5), 1, "four fifths of GOMEMLIMIT, above which a detector pauses; live heap of the busiest")
	w.limit("fleet_busiest_resident", megabytes(most.Peak)/fleetFits, 1, fmt.Sprintf("%d MB, the detector that docs/sizing.md names; peak resident memory of the busiest of %d", fleetFits, detectors))
	return nil
}

func oneFleet(ctx context.Context, of fleetJob) (fleetHeld, error) {
	p, err := start(ctx, job{Verb: "fleet", Fleet: of})
	if err != nil {
		return fleetHeld{}, err
	}
	u, err := p.wait()
	if err != nil {
		return fleetHeld{}, err
	}
	usage, ok := p.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		return fleetHeld{}, errors.New("the system does not tell the resident memory of a process")
	}
	u.Fleet.Peak = usage.Maxrss << 10
	return u.Fleet, nil
}

func megabytes[T int64 | float64](bytes T) float64 { return float64(bytes) / 1e6 }
