package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/plumbline-ml/plumbline/benchmarks/simulation"
)

func readRows(t *testing.T, path string) (list []simulation.Row) {
	t.Helper()
	b, err := os.ReadFile(path) //nolint:gosec // the test's own file
	if err == nil {
		err = json.Unmarshal(b, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// A run of one part must not cost the list the rows of the others, whichever flag made it partial.
func TestPartialRunsKeepTheRowsOfOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.json")
	other := simulation.Row{Row: "of another part", Process: "p", Method: "m", Value: 1, Months: 100}
	if err := writeRows(path, []simulation.Row{other}); err != nil {
		t.Fatal(err)
	}
	for _, flags := range [][]string{{"--gaps"}, {"--parts", "gaps", "--meaning=false"}} {
		args := slices.Concat(flags, []string{"--months", "0.1", "--repeats", "0", "--log", "", "--out", path})
		if err := simulate(t.Context(), args); err != nil {
			t.Fatal(err)
		}
		if list := readRows(t, path); len(list) < 2 || list[0] != other {
			t.Errorf("%s: %d rows, the first of which is %v", flags, len(list), list[0])
		}
	}
}

func TestShortRunsAreNotKeptInPlaceOfLongOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.json")
	long, short := simulation.Row{Row: "a", Months: 100}, simulation.Row{Row: "a", Months: 9}
	for _, whole := range []bool{true, false} {
		if err := writeRows(path, []simulation.Row{long}); err != nil {
			t.Fatal(err)
		}
		if err := keepRows(path, []simulation.Row{short}, whole); err == nil || !strings.Contains(err.Error(), "stays as it was") {
			t.Errorf("whole %t: %v", whole, err)
		}
		if list := readRows(t, path); len(list) != 1 || list[0] != long {
			t.Errorf("whole %t: %v", whole, list)
		}
	}
	if err := keepRows(path, []simulation.Row{{Row: "b", Months: 1}}, true); err != nil {
		t.Fatal(err)
	}
	if list := readRows(t, path); len(list) != 1 || list[0].Row != "b" {
		t.Errorf("a whole run left %v", list)
	}
	if err := os.WriteFile(path, []byte("[\n {\"row\":"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keepRows(path, []simulation.Row{long}, false); err == nil {
		t.Error("a list that can't be read was written over")
	}
}

func TestPartialCoverageIsNotKeptInPlaceOfTheWhole(t *testing.T) {
	for _, args := range [][]string{{"--only", "money"}, {"--sizes", "200"}} {
		if err := measureCoverage(t.Context(), args); err == nil || !strings.Contains(err.Error(), "measure a part") {
			t.Errorf("%s: %v", args, err)
		}
	}
}
