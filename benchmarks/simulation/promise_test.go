package simulation

import (
	"context"
	"testing"
)

// The short form: promises that are kept with margin are silent; a budget that burns twice as fast as it lasts is told within two days, and so is a group that is selected too
// seldom once its week is over.
func TestPromisesInShort(t *testing.T) {
	t.Parallel()
	process := promisedProcesses[1].name
	var jobs []Job
	for _, change := range []string{"", promisedChanges[2].name, promisedChanges[4].name} {
		jobs = append(jobs, Job{Version: Version, Promised: Promised{process, promisedPerDay, change}, Seed: 3})
	}
	results, err := Run(context.Background(), jobs, 2, "", func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
	rows := Rows(results, 0)
	for _, c := range []struct {
		row, kind   string
		least, most float64
	}{
		{promiseFalseRow, ofBurn, 0, 0},
		{promiseFalseRow, ofGroupPromise, 0, 0},
		{promiseFoundRow + promisedChanges[2].name, ofBurn, 1, 1},
		{promiseMedianRow + promisedChanges[2].name, ofBurn, 6, 48},
		{promiseFoundRow + promisedChanges[4].name, ofGroupPromise, 1, 1},
		{promiseMedianRow + promisedChanges[4].name, ofGroupPromise, 24, 14 * 24},
	} {
		r, ok := Find(rows, c.row, jobs[0].Promised.Name(), c.kind)
		if !ok || !(r.Value >= c.least && r.Value <= c.most) {
			t.Errorf("%s, %s: %t %g, want %g to %g", c.row, c.kind, ok, r.Value, c.least, c.most)
		}
	}
	seen := map[Job]bool{}
	grid := FullGrid(100, 7)
	for _, j := range grid.promisedJobs() {
		if seen[j] {
			t.Errorf("twice: %+v", j)
		}
		seen[j] = true
	}
	if len(seen) == 0 {
		t.Error("the long run has no promises")
	}
}
