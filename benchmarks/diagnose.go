package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/plumbline-ml/plumbline/benchmarks/corruption"
)

// measureDiagnose breaks real streams in known ways and counts what the program says of them.
func measureDiagnose(ctx context.Context, args []string) error {
	f := flag.NewFlagSet("diagnose", flag.ContinueOnError)
	o := corruption.Options{Workers: 2}
	seeds := f.Int("seeds", 5, "seeds of each stream")
	first := f.Uint64("first", 1, "the first of them")
	f.IntVar(&o.PerDay, "per-day", 0, "events a day; 0: as many as the stream has, some 2,000")
	f.StringVar(&o.Stream, "stream", "", "one stream; empty: all")
	f.StringVar(&o.Kind, "kind", "", "ways whose names contain this; empty: all")
	f.BoolVar(&o.HeldOut, "held-out", false, "also the stream and the ways that the rules were made without")
	f.IntVar(&o.Workers, "workers", o.Workers, "streams at a time")
	misses := f.Bool("misses", false, "print what was missed, with what was said")
	out := f.String("out", "", "file for the scores, such as benchmarks/diagnose.json; empty: none")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *seeds < 1 || o.Workers < 1 {
		return fmt.Errorf("--seeds %d, --workers %d: want more than 0", *seeds, o.Workers)
	}
	for i := range *seeds {
		o.Seeds = append(o.Seeds, *first+uint64(i))
	}
	if *misses {
		o.Explain = func(s string) { fmt.Println(s) }
	}
	began := time.Now()
	scores, err := corruption.Run(ctx, o, func(done, all int) {
		fmt.Fprintf(os.Stderr, "%d of %d streams, %s\n", done, all, time.Since(began).Round(time.Second))
	})
	if err != nil {
		return err
	}
	corruption.Print(os.Stdout, scores)
	if *out == "" {
		return nil
	}
	b := []byte("[\n")
	for i := range scores {
		line, err := json.Marshal(&scores[i])
		if err != nil {
			return fmt.Errorf("write scores: %w", err)
		}
		b = append(append(b, ' '), line...)
		if i < len(scores)-1 {
			b = append(b, ',')
		}
		b = append(b, '\n')
	}
	if err := os.WriteFile(*out, append(b, "]\n"...), 0o600); err != nil {
		return fmt.Errorf("write scores: %w", err)
	}
	return nil
}
