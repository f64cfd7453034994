package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"runtime"
	"time"

	"github.com/plumbline-ml/plumbline/benchmarks/coverage"
)

// measureCoverage counts how often the intervals of all metrics hold the truth.
func measureCoverage(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("coverage", flag.ContinueOnError)
	o := coverage.Options{Sizes: []int{200, 1_000, 20_000}, Alpha: 0.05}
	f.IntVar(&o.Windows, "windows", 1000, "windows of each size, per population")
	f.Uint64Var(&o.Seed, "seed", 20261127, "other seeds draw other windows")
	f.IntVar(&o.Workers, "workers", runtime.NumCPU(), "windows at a time")
	f.StringVar(&o.Only, "only", "", "one kind of model: binary, multiclass, regression, fairness or money; empty: all")
	var of sizes
	f.Var(&of, "sizes", "events per window, comma separated (200,1000,20000)")
	out := f.String("out", "benchmarks/coverage.json", "file for the rows; empty: none")
	if err := f.Parse(args); err != nil {
		return err
	}
	for _, n := range of {
		if len(of) > 0 && n == of[0] {
			o.Sizes = nil
		}
		o.Sizes = append(o.Sizes, int(n))
	}
	const committed = "benchmarks/coverage.json"
	if *out == committed && (o.Only != "" || len(of) > 0) {
		return fmt.Errorf("--only and --sizes measure a part, and %s holds all: --out FILE or --out \"\"", committed)
	}
	if o.Windows < 1 || o.Workers < 1 {
		return fmt.Errorf("--windows %d, --workers %d: want more than 0", o.Windows, o.Workers)
	}
	began := time.Now()
	rows, err := coverage.Run(ctx, o, func(done, all int64) {
		if done%100 == 0 || done == all {
			fmt.Fprintf(os.Stderr, "\r%d of %d windows, %s ", done, all, time.Since(began).Round(time.Second))
		}
	})
	fmt.Fprintln(os.Stderr)
	if err != nil {
		return err
	}
	coverage.Print(os.Stdout, rows)
	if *out == "" {
		return nil
	}
	b := []byte("[\n")
	for i, r := range rows {
		line, err := json.Marshal(r)
		if err != nil {
			return fmt.Errorf("write rows: %w", err)
		}
		b = append(append(b, ' '), line...)
		if i < len(rows)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	if err := os.WriteFile(*out, append(b, "]\n"...), 0o600); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	return nil
}
