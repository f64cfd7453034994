package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// resultsFile is where ratios are kept for whoever compares releases, from the root of the repository.
const resultsFile = "benchmarks/results.json"

// result is one measured ratio.
type result struct {
	Name    string  `json:"name"`
	Ratio   float64 `json:"ratio"`
	Against string  `json:"against"`
	N       int     `json:"n"` // rounds, of which Ratio is the median
	Command string  `json:"command"`
}

// keepResults writes results over those of the same names and leaves all others.
func keepResults(fresh []result) error {
	var all []result
	text, err := os.ReadFile(resultsFile)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("keep results: %w", err)
	default:
		if err := json.Unmarshal(text, &all); err != nil {
			return fmt.Errorf("keep results: %s: %w", resultsFile, err)
		}
	}
	for _, r := range fresh {
		if i := slices.IndexFunc(all, func(o result) bool { return o.Name == r.Name }); i >= 0 {
			all[i] = r
		} else {
			all = append(all, r)
		}
	}
	out, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	if err := os.WriteFile(resultsFile, append(out, '\n'), 0o644); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}
