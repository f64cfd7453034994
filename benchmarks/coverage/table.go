package coverage

import (
	"fmt"
	"io"
)

// The shares that a 95 % interval has to keep.
const (
	Least = 0.93
	Most  = 0.97
)

// Missed reports whether an interval that says 95 % is outside of 93 to 97 %, in either way.
func (r Row) Missed() bool { return r.Said > 0 && (r.Share() < Least || r.Share() > Most) }

// fewSaid is the share of windows below which a metric counts as not said: what little was said is a choice of odd windows.
const fewSaid = 0.25

// Print writes the rows as a Markdown table, one line per metric and scenario with a column per size. "too few" says that of few windows
// anything was said; a share in parentheses is how many were, if not all. Bold is outside of 93 to 97 %.
func Print(w io.Writer, rows []Row) {
	var sizes []int
	for _, r := range rows {
		if len(sizes) == 0 || r.N > sizes[len(sizes)-1] {
			sizes = append(sizes, r.N)
		}
	}
	fmt.Fprint(w, "| task | traffic | metric |")
	for _, n := range sizes {
		fmt.Fprintf(w, " n = %d |", n)
	}
	fmt.Fprint(w, "\n|---|---|---|")
	for range sizes {
		fmt.Fprint(w, "---|")
	}
	fmt.Fprintln(w)
	type key struct{ task, scenario, metric string }
	cells := map[key][]string{}
	var order []key
	for _, r := range rows {
		k := key{r.Task, r.Scenario, r.Metric}
		if cells[k] == nil {
			order = append(order, k)
		}
		cells[k] = append(cells[k], r.cell())
	}
	for _, k := range order {
		fmt.Fprintf(w, "| %s | %s | %s |", k.task, k.scenario, k.metric)
		for _, c := range cells[k] {
			fmt.Fprintf(w, " %s |", c)
		}
		fmt.Fprintln(w)
	}
}

func (r Row) cell() string {
	said := float64(r.Said) / float64(r.Windows)
	if said < fewSaid {
		return "too few"
	}
	text := fmt.Sprintf("%.1f", 100*r.Share())
	if r.Missed() {
		text = "**" + text + "**"
	}
	if said < 0.995 {
		text += fmt.Sprintf(" (%.0f %%)", 100*said)
	}
	return text
}
