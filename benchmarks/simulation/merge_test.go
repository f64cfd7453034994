package simulation

import (
	"slices"
	"strings"
	"testing"
)

func TestMergeKeepsWhatARunHasNot(t *testing.T) {
	row := func(name string, value, months float64) Row {
		return Row{Row: name, Process: "p", Method: "m", Value: value, Months: months}
	}
	list := []Row{row("a", 1, 100), row("b", 2, 100), row("d", 4, 100)}
	got, err := Merge(list, []Row{row("b", 20, 100), row("c", 30, 5), row("e", 50, 5)})
	want := []Row{row("a", 1, 100), row("b", 20, 100), row("c", 30, 5), row("e", 50, 5), row("d", 4, 100)}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("merged: %v, %v; want %v", got, err, want)
	}
	if list[1] != row("b", 2, 100) {
		t.Errorf("the list itself was changed: %v", list)
	}
	other := row("a", 9, 1) // not the same number: of another process
	other.Process = "q"
	if got, err := Merge(list, []Row{other}); err != nil || len(got) != 4 || got[3] != other {
		t.Errorf("another process: %v, %v", got, err)
	}
	for name, join := range map[string]func(list, run []Row) ([]Row, error){"merge": Merge, "replace": Replace} {
		if _, err := join(list, []Row{row("a", 9, 100), row("b", 9, 51)}); err == nil || !strings.Contains(err.Error(), "b, p, m: 51 model-months would take the place of 100") {
			t.Errorf("%s by fewer months: %v", name, err)
		}
	}
	if got, err := Replace(list, []Row{row("a", 9, 100)}); err != nil || len(got) != 1 {
		t.Errorf("replaced: %v, %v", got, err)
	}
	if got, err := Merge(nil, list); err != nil || !slices.Equal(got, list) {
		t.Errorf("into nothing: %v, %v", got, err)
	}
}
