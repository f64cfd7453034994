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

// The rows of models whose groups are compared.
const (
	GapFalseRow  = "false fairness alarms per month"
	GapFoundRow  = "group named in 6 days: "
	GapEverRow   = "group named in 21 days: "
	GapMedianRow = "median days until the group is named: "
	GapOtherRow  = "another group named: "
)

// The rows of what plans say that they would find: medians over models, as changes of the logarithm of the ratio to the group that others are compared with.
const (
	gapGrowingRow = "smallest growth a day named in 6 days"
	gapLastingRow = "smallest lasting change named in 7 days"
)

// ofGroup names a group's row.
func ofGroup(row string, group int) string {
	return fmt.Sprintf("%s, %g %% of the traffic", row, 100*groupShares[group])
}

// gapRows sums their results up.
func gapRows(results []*Result, seed uint64) (out []Row) {
	by := map[[2]string][]*Result{}
	for _, r := range results {
		if r.Job.Gaps.PerDay == 0 {
			continue
		}
		key := [2]string{"", r.Job.Gaps.Name()}
		if r.Job.Gaps.Slope != 0 {
			key[0] = r.Job.Gaps.planted()
		}
		by[key] = append(by[key], r)
	}
	for _, key := range slices.SortedFunc(maps.Keys(by), func(a, b [2]string) int { return cmp.Or(strings.Compare(a[0], b[0]), strings.Compare(a[1], b[1])) }) {
		var months float64
		var n, soon, found, others int64
		count := 0
		var delays []int
		for _, r := range by[key] {
			months += r.Months
			count += r.False[Engine]
			for _, d := range r.Delays[Engine] {
				if d == -2 {
					continue // in alarm before: counted as false where nothing is planted
				}
				n++
				if d >= 0 {
					found++
					delays = append(delays, d)
				}
				if d >= 0 && d <= gapDays*dayHours {
					soon++
				}
			}
			if r.False[Engine] > 0 {
				others++
			}
		}
		if key[0] == "" {
			lo, hi := poissonLimits(float64(count))
			hi /= months
			out = append(out, Row{GapFalseRow, key[1], Engine, float64(count) / months, lo / months, &hi, months, seed})
			out = append(out, smallestRows(key[1], by[key], months, seed)...)
			continue
		}
		row := func(name string, k, of int64) {
			lo, hi := stat.Wilson(k, of, 0.05)
			out = append(out, Row{name + key[0], key[1], Engine, float64(k) / float64(max(of, 1)), lo, &hi, months, seed})
		}
		row(GapFoundRow, soon, n)
		row(GapEverRow, found, n)
		row(GapOtherRow, others, int64(len(by[key])))
		if found > 0 {
			mid, lo, hi := medianLimits(delays)
			hi /= dayHours
			out = append(out, Row{GapMedianRow + key[0], key[1], Engine, mid / dayHours, lo / dayHours, &hi, months, seed})
		}
	}
	return out
}

// smallestRows are the rows of what plans say that they would find. There is none where most plans would find nothing of the group.
func smallestRows(process string, results []*Result, months float64, seed uint64) (out []Row) {
	for _, row := range []string{gapGrowingRow, gapLastingRow} {
		for group := range groupShares {
			name := ofGroup(row, group)
			var all []float64
			for _, r := range results {
				if len(r.Numbers) == 0 {
					continue
				}
				v, ok := r.Numbers[name]
				if !ok {
					v = math.Inf(1)
				}
				all = append(all, v)
			}
			if len(all) == 0 {
				continue
			}
			slices.Sort(all)
			if mid := all[len(all)/2]; !math.IsInf(mid, 0) {
				out = append(out, Row{name, process, Engine, mid, mid, nil, months, seed})
			}
		}
	}
	return out
}

// PrintGaps writes them for people.
func PrintGaps(w io.Writer, rows []Row) {
	begun := false
	for _, r := range rows {
		if r.Row != GapFalseRow {
			continue
		}
		if !begun {
			fmt.Fprintf(w, "\nGaps between groups (%d days of history): false alarms a month, and the smallest growth of the logarithm of the ratio a day that is named in %d days\n", gapHistory/dayHours, gapDays)
			begun = true
		}
		fmt.Fprintf(w, "%-62s %5.0f months %6.3f (%.3f-%.3f)", r.Process, r.Months, r.Value, r.Low, *r.High)
		for group := range groupShares {
			if v, ok := Find(rows, ofGroup(gapGrowingRow, group), r.Process, r.Method); ok {
				fmt.Fprintf(w, "  %g %%: %.2f", 100*groupShares[group], v.Value)
			}
		}
		fmt.Fprintln(w)
	}
	for _, r := range rows {
		planted, ok := strings.CutPrefix(r.Row, GapFoundRow)
		if !ok {
			continue
		}
		ever, _ := Find(rows, GapEverRow+planted, r.Process, r.Method)
		others, _ := Find(rows, GapOtherRow+planted, r.Process, r.Method)
		median := "-"
		if m, ok := Find(rows, GapMedianRow+planted, r.Process, r.Method); ok {
			median = fmt.Sprintf("%.1f d", m.Value)
		}
		fmt.Fprintf(w, "%-40s %-62s 6 d %4.0f %%, 21 d %4.0f %%, median %7s, another group %3.0f %%\n", planted, r.Process, 100*r.Value, 100*ever.Value, median, 100*others.Value)
	}
}
