package simulation

import (
	"fmt"
	"io"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/stat"
)

// promisedJobs are the jobs of models with promises: for the grid's model-months of each process where they are kept, and its seeds of each that breaks.
func (g *Grid) promisedJobs() (out []Job) {
	if !g.Promises {
		return nil
	}
	for i, process := range promisedProcesses {
		m := Promised{Process: process.name, PerDay: promisedPerDay}
		for n := range int(g.Months*730/(promisedWatch*dayHours) + 0.999) {
			out = append(out, Job{Version: Version, Promised: m, Seed: g.Seed + uint64(1000*i+n)})
		}
		for k, c := range promisedChanges {
			m.Change = c.name
			for n := range g.Growing * 3 / 5 {
				out = append(out, Job{Version: Version, Promised: m, Seed: g.Seed + uint64(1000*i+100_000*(k+1)+37*n)})
			}
		}
	}
	return out
}

// The rows of models with promises.
const (
	promiseFalseRow  = "promise kept: false alarms per month"
	promiseFoundRow  = "promise broken: told in 35 days: "
	promiseBeforeRow = "promise broken: in alarm before: "
	promiseMedianRow = "promise broken: median hours until it is told: "
)

// promiseRows sums their results up, in the order of the jobs.
func promiseRows(results []*Result, seed uint64) (out []Row) {
	by := map[Promised][]*Result{}
	var order []Promised
	for _, r := range results {
		if m := r.Job.Promised; m.PerDay > 0 {
			if by[m] == nil {
				order = append(order, m)
			}
			by[m] = append(by[m], r)
		}
	}
	for _, m := range order {
		var months float64
		for _, r := range by[m] {
			months += r.Months
		}
		for _, kind := range []string{ofBurn, ofGroupPromise} {
			if m.Change != "" {
				out = append(out, brokenRows(&m, kind, by[m], months, seed)...)
				continue
			}
			count := 0
			for _, r := range by[m] {
				count += r.False[kind]
			}
			lo, hi := poissonLimits(float64(count))
			hi /= months
			out = append(out, Row{promiseFalseRow, m.Name(), kind, float64(count) / months, lo / months, &hi, months, seed})
		}
	}
	return out
}

// brokenRows are the rows of a promise that is broken, by what it is told by; none where that is something else.
func brokenRows(m *Promised, kind string, results []*Result, months float64, seed uint64) (out []Row) {
	var n, before int64
	var found []int
	for _, r := range results {
		for _, d := range r.Delays[kind] {
			switch {
			case d == -2:
				before++
			case d >= 0:
				found = append(found, d)
				n++
			default:
				n++
			}
		}
	}
	if n+before == 0 {
		return nil
	}
	share := func(name string, k, of int64) {
		lo, hi := stat.Wilson(k, of, 0.05)
		out = append(out, Row{name + m.Change, m.Name(), kind, float64(k) / float64(max(of, 1)), lo, &hi, months, seed})
	}
	share(promiseFoundRow, int64(len(found)), n)
	share(promiseBeforeRow, before, n+before)
	if len(found) > 0 {
		mid, lo, hi := medianLimits(found)
		out = append(out, Row{promiseMedianRow + m.Change, m.Name(), kind, mid, lo, &hi, months, seed})
	}
	return out
}

// PrintPromises writes them for people.
func PrintPromises(w io.Writer, rows []Row) {
	begun := false
	for _, r := range rows {
		change, broken := strings.CutPrefix(r.Row, promiseFoundRow)
		if r.Row != promiseFalseRow && !broken {
			continue
		}
		if !begun {
			fmt.Fprintf(w, "\nPromises (%d days of history): accuracy of %g at least over 28 d; ratio of selection rates of %g at least over 7 d, true positive rates at most %g apart over 28 d\n",
				promisedHistory, leastAccuracy, leastRatio, mostGap)
			begun = true
		}
		if !broken {
			fmt.Fprintf(w, "%-76s %-46s %6.3f (%.3f-%.3f) false alarms a month, %.0f months\n", r.Process, r.Method, r.Value, r.Low, *r.High, r.Months)
			continue
		}
		median := "-"
		if m, ok := Find(rows, promiseMedianRow+change, r.Process, r.Method); ok {
			median = fmt.Sprintf("%.0f h (%.0f-%.0f)", m.Value, m.Low, *m.High)
		}
		before, _ := Find(rows, promiseBeforeRow+change, r.Process, r.Method)
		fmt.Fprintf(w, "%-76s %-51s told %3.0f %%, median %s, in alarm before %.0f %%\n", r.Process, change, 100*r.Value, median, 100*before.Value)
	}
}
