package simulation

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// Row is one number of the outcome, with its 95 % interval.
type Row struct {
	Row     string   `json:"row"`
	Process string   `json:"process"`
	Method  string   `json:"method"`
	Value   float64  `json:"value"`
	Low     float64  `json:"low"`
	High    *float64 `json:"high"` // null: no upper end
	Months  float64  `json:"model_months"`
	Seed    uint64   `json:"seed"`
}

// The rows of one process without drift, and of one planted drift.
const (
	FalseRow  = "false incidents per month"
	ShareRow  = "share of column-hours in alarm"
	FoundRow  = "found: "
	DelayRow  = "mean delay in hours: "
	BeforeRow = "in alarm before: "
	MedianRow = "median delay in hours of what is found: " // of changes in shuffled rows, any alarm
)

var methods = append([]string{Engine, Grouped}, PeerNames[:]...)

// sliced marks the processes of models with slices.
const sliced = ", slices"

// allMethods are in the order of the rows.
var allMethods = slices.Concat(methods, []string{ofWhole, ofSlices, ofLevels, ofLevelsGrouped, ofEither})

// other reports whether a process is one of what is simulated beside columns of numbers.
func other(process string) bool {
	for _, s := range suffixes {
		if strings.Contains(process, s) {
			return true
		}
	}
	return strings.Contains(process, sliced)
}

// Rows sums results up, in a fixed order. Delays count what was not found at the horizon of 14 days.
func Rows(results []*Result, seed uint64) []Row {
	type cell struct{ change, process string }
	by := map[cell][]*Result{}
	for _, r := range results {
		if r.Job.Gaps.PerDay > 0 || r.Job.Promised.PerDay > 0 {
			continue // they have rows of their own
		}
		process := r.Job.Process
		if r.Job.Slices {
			process += sliced
		}
		process += suffixes[r.Job.Of]
		if r.Job.Refit {
			process += ", learnt again every night"
		}
		if r.Job.Meaning != "" {
			c := cell{r.Job.Change, r.Job.Meaning}
			by[c] = append(by[c], r)
			continue
		}
		if r.Job.Shuffle.Table != "" {
			c := cell{r.Job.Change, r.Job.Shuffle.Name()}
			by[c] = append(by[c], r)
			continue
		}
		if len(r.Delays) > 0 {
			process = fmt.Sprintf("%s, n=%d", process, r.Job.Rate)
		}
		c := cell{r.Job.Change, process}
		by[c] = append(by[c], r)
		if len(r.Delays) == 0 { // by rate too
			c.process = fmt.Sprintf("%s, n=%d", process, r.Job.Rate)
			by[c] = append(by[c], r)
		}
	}
	cells := slices.SortedFunc(maps.Keys(by), func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.change, b.change), cmp.Compare(a.process, b.process))
	})
	var out []Row
	for _, c := range cells {
		if by[c][0].Job.Meaning != "" {
			if c.change == "" {
				for _, r := range falseRows(c.change, c.process, by[c], seed) {
					r.Row = meaningRow + r.Row
					out = append(out, r)
				}
			}
			out = append(out, meaningRows(c.change, c.process, by[c], seed)...)
			continue
		}
		if len(by[c][0].Delays) > 0 {
			out = append(out, delayRows(c.change, c.process, by[c], seed)...)
			continue
		}
		out = append(out, falseRows(c.change, c.process, by[c], seed)...)
	}
	out = append(out, gapRows(results, seed)...)
	return append(out, promiseRows(results, seed)...)
}

func falseRows(change, process string, results []*Result, seed uint64) (out []Row) {
	var months float64
	count, share := map[string]int{}, map[string]float64{}
	for _, r := range results {
		months += r.Months
		for m, n := range r.False {
			count[m] += n
			share[m] += r.Share[m] / float64(len(results))
		}
	}
	of := ""
	if change != "" {
		of = ", " + change
	}
	for _, m := range allMethods {
		if _, measured := results[0].False[m]; !measured {
			continue
		}
		lo, hi := poissonLimits(float64(count[m]))
		hi /= months
		out = append(out, Row{FalseRow + of, process, m, float64(count[m]) / months, lo / months, &hi, months, seed})
		if s, ok := share[m]; ok && s > 0 {
			out = append(out, Row{ShareRow + of, process, m, s, s, &s, months, seed})
		}
	}
	return out
}

// poissonLimits are the exact 95 % limits on the mean of a count (Garwood 1936). Counts of one model are no Poisson law where a
// rule alarms nearly always; there the interval is too narrow, and it doesn't matter.
func poissonLimits(k float64) (lo, hi float64) {
	if k > 0 {
		lo = stat.ChiSquareQuantile(0.025, 2*k) / 2
	}
	return lo, stat.ChiSquareQuantile(0.975, 2*k+2) / 2
}

func delayRows(change, process string, results []*Result, seed uint64) (out []Row) {
	for _, m := range allMethods {
		var n, found, before int64
		var sum, squares, months float64
		var all []int
		for _, r := range results {
			months += max(r.Months, float64(r.Job.horizon())/730)
			for _, d := range r.Delays[m] {
				if d == -2 {
					before++
					continue
				}
				n++
				if d == -1 {
					d = r.Job.horizon()
				} else {
					found++
					all = append(all, d)
				}
				sum += float64(d)
				squares += float64(d) * float64(d)
			}
		}
		if n+before == 0 {
			continue
		}
		row := func(name string, k, of int64) {
			lo, hi := stat.Wilson(k, of, 0.05)
			out = append(out, Row{name + change, process, m, float64(k) / float64(of), lo, &hi, months, seed})
		}
		row(BeforeRow, before, n+before)
		if n == 0 {
			continue
		}
		row(FoundRow, found, n)
		if results[0].Job.Shuffle.Table != "" {
			if found > 0 {
				mid, lo, hi := medianLimits(all)
				out = append(out, Row{MedianRow + change, process, m, mid, lo, &hi, months, seed})
			}
			continue
		}
		nf := float64(n)
		mean := sum / nf
		half := 1.96 * math.Sqrt(max(squares/nf-mean*mean, 0)/nf)
		hi := mean + half
		out = append(out, Row{DelayRow + change, process, m, mean, max(mean-half, 0), &hi, months, seed})
	}
	return out
}

// medianLimits are the median and the order statistics that hold it with 95 % confidence, the ends where there are too few.
func medianLimits(all []int) (mid, lo, hi float64) {
	slices.Sort(all)
	n := len(all)
	k := 0
	for k < (n-1)/2 && stat.BinomialCDF(int64(k), int64(n), 0.5) <= 0.025 {
		k++
	}
	return float64(all[(n-1)/2]+all[n/2]) / 2, float64(all[max(k-1, 0)]), float64(all[n-1-max(k-1, 0)])
}

// Find looks a row up.
func Find(rows []Row, name, process, method string) (Row, bool) {
	i := slices.IndexFunc(rows, func(r Row) bool { return r.Row == name && r.Process == process && r.Method == method })
	if i < 0 {
		return Row{}, false
	}
	return rows[i], true
}

// Print writes the two tables for people: false incidents by process, and delays of the planted drifts.
func Print(w io.Writer, rows []Row) {
	processes := func(prefix string) (out []string) {
		for _, r := range rows {
			if r.Row == prefix && !other(r.Process) && !slices.Contains(out, r.Process) {
				out = append(out, r.Process)
			}
		}
		return out
	}
	fmt.Fprintf(w, "%s (%d columns, %d days of history, budget 1); 95 %% interval of plumbline's\n", FalseRow, Features, HistoryHours/dayHours)
	table := func(name string, list []string) {
		for _, p := range list {
			fmt.Fprintf(w, "%-20s", p)
			for _, m := range methods {
				r, ok := Find(rows, name, p, m)
				switch {
				case !ok:
					fmt.Fprintf(w, " %8s", "-")
				case m == Engine && name == FalseRow:
					fmt.Fprintf(w, " %6.0f %7.2f %-13s", r.Months, r.Value, fmt.Sprintf("(%.2f-%.2f)", r.Low, *r.High))
				case name == FalseRow:
					fmt.Fprintf(w, " %8.2f", r.Value)
				default:
					fmt.Fprint(w, delay(rows, name, p, m, r))
				}
			}
			fmt.Fprintln(w)
		}
	}
	fmt.Fprintf(w, "%-20s %6s %-21s %8s", "process", "months", "plumbline", "grouped")
	for _, n := range PeerNames {
		fmt.Fprintf(w, " %8.8s", n)
	}
	fmt.Fprintln(w)
	table(FalseRow, processes(FalseRow))
	fmt.Fprintf(w, "\nmean delay in hours (what isn't found in 14 days counts 336), share found where below 100 %%, * if in alarm before in 5 %%, \"always\" in 50 %%\n")
	for _, c := range slices.Sorted(maps.Keys(Changes)) { // those of Plants that have the same names have no such rows
		if list := processes(DelayRow + c); len(list) > 0 {
			fmt.Fprintf(w, "%s\n", c)
			table(DelayRow+c, list)
		}
	}
}

// PrintOthers writes what was found of models with slices, of windows against the reference, and of label rates.
func PrintOthers(w io.Writer, rows []Row) {
	for _, r := range rows {
		if !other(r.Process) || strings.HasPrefix(r.Row, BeforeRow) || strings.HasPrefix(r.Row, FoundRow) {
			continue
		}
		if change, ok := strings.CutPrefix(r.Row, DelayRow); ok {
			found, _ := Find(rows, FoundRow+change, r.Process, r.Method)
			if strings.Contains(r.Process, sliced) || strings.Contains(r.Process, suffixes[Rates]) {
				change += " in 8 %"
			}
			fmt.Fprintf(w, "%-28s %-24s %-22s %6.1f h, found %3.0f %%\n", change, r.Process, r.Method, r.Value, 100*found.Value)
			continue
		}
		fmt.Fprintf(w, "%-28s %-24s %-22s %6.2f (%.2f-%.2f) of %.0f months\n", r.Row, r.Process, r.Method, r.Value, r.Low, high(r), r.Months)
	}
}

// PrintPlants writes what was found of the changes planted in shuffled rows: found of runs, and the median delay.
func PrintPlants(w io.Writer, rows []Row) {
	for _, p := range Plants {
		for i := range Shuffles {
			name := Shuffles[i].Name()
			found, ok := Find(rows, FoundRow+p, name, Engine)
			if !ok {
				continue
			}
			median, _ := Find(rows, MedianRow+p, name, Engine)
			fmt.Fprintf(w, "%-26s %-24s found %3.0f %%   median %4.0f h (%.0f-%.0f)\n", p, name, 100*found.Value, median.Value, median.Low, high(median))
		}
	}
}

func high(r Row) float64 {
	if r.High == nil {
		return math.Inf(1)
	}
	return *r.High
}

func delay(rows []Row, name, process, method string, r Row) string {
	change := name[len(DelayRow):]
	found, _ := Find(rows, FoundRow+change, process, method)
	before, _ := Find(rows, BeforeRow+change, process, method)
	switch {
	case before.Value > 0.5:
		return fmt.Sprintf(" %8s", "always")
	case found.Value == 0:
		return fmt.Sprintf(" %8s", "never")
	}
	text := fmt.Sprintf("%.1f", r.Value)
	if found.Value < 0.995 {
		text += fmt.Sprintf("/%.0f%%", 100*found.Value)
	}
	if before.Value > 0.05 {
		text += "*"
	}
	return fmt.Sprintf(" %8s", text)
}
