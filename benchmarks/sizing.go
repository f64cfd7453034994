package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// The limits of `benchmarks sizing`, which docs/sizing.md explains.
const (
	formLimit = 1.1 // between what the formula says and what is measured, either way
	// collectorFormLimit allows for arrays that grow by half at a time: a small model may take half as much again per cell.
	collectorFormLimit = 1.35
	ownLimit           = 1.5  // heap of a collector against what it says of itself, by which epochs end
	fleetSpread        = 1.05 // per model, between the detectors
	fleetGOMEMLIMIT    = 5200 // MB that each detector is told to keep to
	fleetFits          = 6000 // MB of resident memory per detector
)

const sizingCommand = "go run ./benchmarks sizing"

// sizing prints figures and keeps ratios.
type sizing struct {
	results []result
	missed  bool
}

func (w *sizing) head(format string, args ...any) { fmt.Printf("\n"+format+"\n", args...) }

func (w *sizing) line(name, format string, args ...any) {
	fmt.Printf("  %-42s %s\n", name, fmt.Sprintf(format, args...))
}

// limit prints a ratio that must be above 0 and not above its limit; 0 is none.
func (w *sizing) limit(name string, ratio, most float64, against string) {
	said := ""
	if most > 0 {
		said = fmt.Sprintf("at most %g: ok", most)
		if !(ratio > 0 && ratio <= most) {
			said, w.missed = fmt.Sprintf("at most %g: MISSED", most), true
		}
	}
	w.line(name, "%.3f  %s", ratio, said)
	w.results = append(w.results, result{Name: "sizing_" + name, Ratio: ratio, Against: against, N: 1, Command: sizingCommand})
}

// spread holds the largest of some values against the smallest.
func (w *sizing) spread(name string, values []float64, most float64, against string) {
	w.limit(name, slices.Max(values)/slices.Min(values), most, against)
}

// measureSizing weighs what services hold and write, by model, input, slice and pane.
func measureSizing(ctx context.Context, args []string) error {
	g, f := groundFlags("sizing")
	g.port = 31092
	events := f.Int64("events", 100_000_000, "counted into one pane; the same is looked at after a hundredth of them")
	models := f.Int("models", models, "of the fleet")
	over := f.Int("detectors", detectors, "that the fleet is dealt to")
	only := f.String("only", "", "parts, comma separated: held, judged, wired, joined, flat, fleet; empty: all")
	cache := f.Bool("redis", false, "start a Redis of its own to weigh the join index in (tools/parts)")
	if err := f.Parse(args); err != nil {
		return err
	}
	const least = flatTimes * flatEpochs * heldBatch / 100
	if *events < least || *events%(flatTimes*flatEpochs) != 0 || *events >= 1<<32 || *models < 1 || *over < 1 || *over > *models {
		return fmt.Errorf("--events %d, --models %d, --detectors %d: want a multiple of %d events from %d to 2^32, and a model per detector at least",
			*events, *models, *over, flatTimes*flatEpochs, least)
	}
	if !*cache {
		g = nil
	}
	p, err := sizedPlan()
	if err != nil {
		return err
	}
	w := &sizing{}
	fmt.Printf("%d numeric and %d categorical inputs and a score, %d columns with %d bins and %d score bins; %d live slices; heap: live after two collections\n",
		sizedNumbers, sizedTexts, len(p.Columns), bins(p), p.Score.Bins(), sizedSlices)
	for _, part := range []struct {
		name    string
		measure func() error
	}{
		{"held", func() error { return held(w, p) }},
		{"judged", func() error { return judged(w, p) }},
		{"wired", func() error { return wired(w, p) }},
		{"joined", func() error { return joined(ctx, w, p, g) }},
		{"flat", func() error { return flat(ctx, w, p, *events) }},
		{"fleet", func() error { return fleets(ctx, w, *models, *over) }},
	} {
		if *only != "" && !slices.Contains(strings.Split(*only, ","), part.name) {
			continue
		}
		if err := errors.Join(part.measure(), ctx.Err()); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if err := keepResults(w.results); err != nil {
		return err
	}
	if w.missed {
		return errMissed
	}
	return nil
}

func bins(p *plan.Plan) (n int) {
	for i := range p.Columns {
		n += p.Columns[i].Layout.Bins()
	}
	return n
}

// large is the model that the requirement names, of which no formula is made.
var large = shape{sizedNumbers, sizedTexts, sizedPanes, sizedSlices}

// held weighs one model in an ingestor and in a detector, and compares what follows from small models with a large one.
func held(w *sizing, p *plan.Plan) error {
	if err := heldByIngestor(w, p); err != nil {
		return err
	}
	return heldByDetector(w, p)
}

func heldByIngestor(w *sizing, p *plan.Plan) error {
	w.head("In an ingestor, bytes of heap per model and worker; %d rows per pane", sizedRows)
	fmt.Printf("  %-42s %12s %12s %12s %12s %12s\n", "numeric, categorical, panes x slices", "made", "counting", "after", "by itself", "fragment")
	show := func(s shape) (ingestorHeld, error) {
		h, err := inIngestor(p, s)
		if err == nil {
			fmt.Printf("  %-42s %12.0f %12.0f %12.0f %12.0f %12d\n", s, h.made, h.counting, h.taken, h.own, h.record)
		}
		return h, err
	}
	f, err := formed(func(s shape) (float64, error) {
		h, err := show(s)
		return h.counting, err
	})
	if err != nil {
		return err
	}
	for _, s := range []shape{{sizedNumbers, sizedTexts, 1, sizedSlices}, large} {
		h, err := show(s)
		if err != nil {
			return err
		}
		if s == large {
			f.print("Bytes of a model in an ingestor, at the end of an epoch = the sum of")
			w.told("ingestor_formula", f.of(large), h.counting, collectorFormLimit)
			w.limit("collector_vs_own", (h.counting-h.made)/h.own, ownLimit, "what a collector says that its counts take, by which an epoch ends")
		}
	}
	return nil
}

func heldByDetector(w *sizing, p *plan.Plan) error {
	w.head("In a detector, bytes of heap per model with every pane open; %d rows per pane, in %d epochs", sizedRows, sizedEpochs)
	fmt.Printf("  %-42s %10s %10s %12s %12s %12s %12s %12s\n", "numeric, categorical, panes x slices", "plan", "engine", "panes", "outcomes", "committed", "windows", "sum")
	perCurves := 0.0 // the outcomes of one slice of one pane
	show := func(s shape, open int) (detectorHeld, error) {
		h, err := inDetector(p, s, open)
		if err == nil {
			fmt.Printf("  %-42s %10.0f %10.0f %12.0f %12.0f %12.0f %12.0f %12.0f\n", s, h.plan, h.engine, h.panes, h.cohorts, h.committed, h.windows, h.sum())
		}
		return h, err
	}
	f, err := formed(func(s shape) (float64, error) {
		h, err := show(s, s.panes)
		perCurves = h.cohorts / float64(s.panes*s.slices)
		return h.sum() - h.cohorts, err
	})
	if err != nil {
		return err
	}
	h, err := show(large, sizedPanes)
	if err != nil {
		return err
	}
	f.print("Bytes of a model in a detector = the sum of")
	w.line("x panes within keep x slices", "%.0f, for outcomes", perCurves)
	w.told("detector_formula", f.of(large)+perCurves*sizedPanes*sizedSlices, h.sum(), formLimit)
	fmt.Println("\n  the same model with two panes open, as while no partition lags, and the outcomes of all of them")
	usual, err := show(large, 2)
	if err != nil {
		return err
	}
	w.line("a commit of that model writes", "%d bytes of state, however little came in the epoch", usual.state)
	cell, description, err := inPane(p)
	if err != nil {
		return err
	}
	w.line("of an open pane", "%.0f bytes per cell, %.0f for what describes one version of it", cell, description)
	return nil
}

// formed weighs small models and solves for the coefficients of their sizes.
func formed(weigh func(shape) (float64, error)) (form, error) {
	shapes := formShapes()
	sizes := make([]float64, len(shapes))
	for i, s := range shapes {
		var err error
		if sizes[i], err = weigh(s); err != nil {
			return nil, err
		}
	}
	return solve(shapes, sizes)
}

func (f form) print(title string) {
	fmt.Printf("\n  %-42s %12s %16s %18s\n", title, "", "x numeric", "x categorical")
	for i, of := range []string{"once", "x panes", "x panes x slices"} {
		fmt.Printf("  %-42s %12.0f %16.0f %18.0f\n", of, f[3*i], f[3*i+1], f[3*i+2])
	}
}

// told holds what a formula says of the large model against what was measured.
func (w *sizing) told(name string, told, measured, limit float64) {
	w.line(large.String(), "%.0f bytes by the sum, %.0f measured", told, measured)
	w.limit(name, max(told/measured, measured/told), limit, "the measured heap of the large model, which the formula was not made of; the larger by the smaller")
}

// String says what a shape is.
func (s shape) String() string {
	return fmt.Sprintf("%d numeric, %d categorical, %d x %d", s.numbers, s.texts, s.panes, s.slices)
}
