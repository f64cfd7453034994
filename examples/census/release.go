package census

import (
	"hash/fnv"
	"time"
)

// Job is the step that makes a model's inputs out of raw rows, and Column the one of them that its versions may disagree on: the part of the year that
// somebody worked, from 0 to 1.
const (
	Job    = "etl.income"
	Column = "worked_share"
)

// Columns are those that the job writes.
func Columns() []string { return []string{Column, "capital_gains", "capital_losses", "dividends"} }

// Release is a version of the job.
type Release struct {
	Version string
	Factor  float64 // of Column; 1 is right
}

// Name is the release as events name it.
func (r Release) Name() string { return Job + "@" + r.Version }

// The two versions: the new one writes per cent, the model reads shares.
var (
	Before = Release{"v41", 1}
	After  = Release{"v42", 100}
)

// Releases says which version makes the inputs of a person at a time.
type Releases func(id string, at time.Time) Release

// Only is one version for all.
func Only(r Release) Releases { return func(string, time.Time) Release { return r } }

// Half reports whether a person comes by that half of the producers that gets releases first.
func Half(id string) bool {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id)) // never fails
	return h.Sum32()&1 == 1
}
