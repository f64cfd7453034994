package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/benchmarks/simulation"
)

// simulated are the parts of the simulation: columns of numbers, the same in slices, rows of real tables, windows of a week and of a day held against
// the reference, label rates, rates in slices, gaps between groups, promises, and columns of numbers whose nulls are learnt again every night.
var simulated = []string{"numbers", "slices", "tables", "weeks", "days", "labels", "rates", "gaps", "promises", "refit"}

// simulate measures false alarms and delays of the engine and of other tools' rules.
func simulate(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	months := f.Float64("months", 100, "model-months without drift per process")
	seed := f.Uint64("seed", 20261125, "other seeds draw other traffic")
	only := f.String("processes", "", "comma separated; empty: all")
	drifts := f.Bool("drifts", true, "plant drifts too")
	workers := f.Int("workers", runtime.NumCPU(), "models at a time")
	tables := f.Bool("tables", true, "shuffled rows of real tables too")
	sliced := f.Bool("slices", true, "models with slices too")
	meaning := f.Bool("meaning", true, "models whose scores' meaning is followed too")
	onlyMeaning := f.Bool("only-meaning", false, "nothing but those")
	gaps := f.Bool("gaps", false, "nothing but models whose groups are compared")
	repeats := f.Int("repeats", 50, "seeds of each gap between groups that grows")
	refit := f.Bool("refit", false, "only models whose nulls are learnt again every night: --parts refit")
	parts := f.String("parts", "numbers,slices,tables,weeks,days,labels,rates,gaps,promises", "comma separated; refit is one more; gaps and promises run where --processes names none")
	log := f.String("log", "simulate.log", "results so far: an interrupted run goes on from here; empty: none")
	out := f.String("out", "benchmarks/simulate.json", "file for the rows; a run of some parts changes its own rows there and leaves the others; empty: none")
	picture := f.String("picture", "", "file for a picture of false incidents against delay, as SVG; empty: none")
	limit := f.Duration("for", 0, "stop after so long and print what there is; 0: run to the end")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *months <= 0 || *workers < 1 {
		return fmt.Errorf("--months %g, --workers %d: want more than 0", *months, *workers)
	}
	grid := simulation.FullGrid(*months, *seed)
	if *only != "" {
		grid.Processes = strings.Split(*only, ",")
		grid.DriftOn = slices.DeleteFunc(grid.DriftOn, func(p string) bool { return !slices.Contains(grid.Processes, p) })
	}
	grid.Growing = *repeats
	if !*drifts {
		grid.Drifts, grid.Plants, grid.Growing = nil, nil, 0
	}
	if *refit {
		*parts = "refit"
	}
	chosen := strings.Split(*parts, ",")
	for _, part := range chosen {
		if !slices.Contains(simulated, part) {
			return fmt.Errorf("--parts: no %q; there are %s", part, strings.Join(simulated, ", "))
		}
	}
	has := func(part string) bool { return slices.Contains(chosen, part) }
	grid.Numbers, grid.Refit = has("numbers"), has("refit")
	if !*tables || !has("tables") {
		grid.Shuffles = nil
	}
	grid.Meaning, grid.Gaps, grid.Promises = *meaning && !*refit, has("gaps") && *only == "", has("promises") && *only == ""
	switch {
	case *onlyMeaning:
		grid = simulation.Grid{Months: *months, Seed: *seed, Meaning: true, Repeats: grid.Repeats}
	case *gaps:
		grid = simulation.Grid{Months: *months, Seed: *seed, Gaps: true, Growing: grid.Growing}
	}
	if *only != "" { // whoever names processes wants them in every part, those too that a part leaves out to save time
		grid.Sliced, grid.OfOn = slices.Clone(grid.Processes), slices.Clone(grid.Processes)
	}
	if !*sliced || !has("slices") {
		grid.Sliced = nil
	}
	grid.Of = slices.DeleteFunc(grid.Of, func(of simulation.Of) bool { return !has(string(of)) })
	for _, p := range grid.Processes {
		if _, err := simulation.FindProcess(p); err != nil {
			return err
		}
	}
	jobs := grid.Jobs()
	running := ctx
	if *limit > 0 {
		var cancel context.CancelFunc
		running, cancel = context.WithTimeout(ctx, *limit)
		defer cancel()
	}
	began := time.Now()
	all, err := simulation.Run(running, jobs, *workers, *log, func(done, of int) {
		fmt.Fprintf(os.Stderr, "\r%d of %d models, %s ", done, of, time.Since(began).Round(time.Second))
	})
	fmt.Fprintln(os.Stderr)
	if err != nil && !(errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil) {
		return err
	}
	var results []*simulation.Result
	for _, r := range all {
		if r != nil {
			results = append(results, r)
		}
	}
	rows := simulation.Rows(results, *seed)
	simulation.Print(os.Stdout, rows)
	simulation.PrintPlants(os.Stdout, rows)
	simulation.PrintMeaning(os.Stdout, rows)
	simulation.PrintOthers(os.Stdout, rows)
	simulation.PrintGaps(os.Stdout, rows)
	simulation.PrintPromises(os.Stdout, rows)
	if *picture != "" {
		var b bytes.Buffer
		simulation.Picture(&b, rows)
		if err := os.WriteFile(*picture, b.Bytes(), 0o600); err != nil {
			return fmt.Errorf("write picture: %w", err)
		}
	}
	if *out == "" {
		return nil
	}
	return keepRows(*out, rows, !restricted(f) && err == nil)
}

// restricted reports whether flags leave something of the simulation out.
func restricted(f *flag.FlagSet) (some bool) {
	whole := []string{"months", "seed", "workers", "log", "out", "picture"}
	f.Visit(func(set *flag.Flag) { some = some || !slices.Contains(whole, set.Name) })
	return some
}

// keepRows writes the rows of a run to a list: a whole run's take its place, those of a run of some parts, or of one that was stopped, take that of their own
// numbers. Nothing is written where a row would give way to one of fewer model-months.
func keepRows(path string, rows []simulation.Row, whole bool) error {
	var list []simulation.Row
	b, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("read rows of %s: %w", path, err)
	}
	join := simulation.Merge
	if whole {
		join = simulation.Replace
	}
	if rows, err = join(list, rows); err != nil {
		return fmt.Errorf("%s stays as it was: %w; --out FILE writes them elsewhere, and --log has them all", path, err)
	}
	return writeRows(path, rows)
}

// writeRows writes a list with one row a line.
func writeRows(path string, rows []simulation.Row) error {
	b := []byte("[\n")
	for i := range rows {
		line, err := json.Marshal(&rows[i])
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		b = append(append(b, ' '), line...)
		if i < len(rows)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	if err := os.WriteFile(path, append(b, "]\n"...), 0o600); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
