package baseline

import (
	"cmp"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

const (
	bins      = 20    // of a numeric column
	scoreBins = 50    // of the reliability curve
	topShare  = 0.005 // a category of its own from this share on
	topMost   = 50
	knownMost = 5000 // rare categories listed; a column with more is open-ended, an identifier or free text
)

// layout freezes a column's bins from its reference values.
func layout(l *plan.Layout, c *plan.Col) {
	if l.Empty {
		return
	}
	if l.Categorical {
		categories(l, c)
		return
	}
	values, counts := distinct(c)
	if len(values) == 0 {
		l.Empty = true
		return
	}
	l.Lo, l.Hi = values[0], values[len(values)-1]
	l.Edges = cut(values, counts, bins)
}

// distinct lists the values of a numeric column, ascending, with how often each occurs.
func distinct(c *plan.Col) ([]float64, []int64) {
	sorted := make([]float64, 0, len(c.Num))
	for i, v := range c.Num {
		if c.State[i] == plan.OK {
			sorted = append(sorted, v+0) // -0 becomes 0: they are equal and must share a bin
		}
	}
	slices.Sort(sorted)
	var values []float64
	var counts []int64
	for i, v := range sorted {
		if i == 0 || v != sorted[i-1] {
			values, counts = append(values, v), append(counts, 0)
		}
		counts[len(counts)-1]++
	}
	return values, counts
}

// cut places upper edges. Atoms first: a value with at least 1/(2b) of the mass gets a bin of its own; the rest is cut at
// equal mass into about b times its share of bins, at least four. No edge stands at the maximum.
func cut(values []float64, counts []int64, b int) []float64 {
	var total, atoms int64
	for _, n := range counts {
		total += n
	}
	atom := func(n int64) bool { return 2*int64(b)*n >= total }
	for _, n := range counts {
		if atom(n) {
			atoms += n
		}
	}
	rest := float64(total-atoms) / float64(total)
	target := rest / max(4, math.Round(float64(b)*rest))
	var edges []float64
	var run float64
	for i, v := range values {
		if atom(counts[i]) {
			if run > 0 { // close the running bin just below the atom
				edges = append(edges, math.Nextafter(v, math.Inf(-1)))
			}
			edges = append(edges, v)
			run = 0
			continue
		}
		if run += float64(counts[i]) / float64(total); run >= target*(1-1e-9) {
			edges = append(edges, v)
			run = 0
		}
	}
	edges = slices.Compact(edges)
	for len(edges) > 0 && edges[len(edges)-1] >= values[len(values)-1] {
		edges = edges[:len(edges)-1]
	}
	return edges
}

// scoreEdges cuts the reliability curve's bins. The threshold is an edge too (the largest double below it, as scores at the
// threshold are positive), so that no bin holds both decisions.
func scoreEdges(c *plan.Col, threshold float64) []float64 {
	values, counts := distinct(c)
	var edges []float64
	if len(values) > 0 {
		edges = cut(values, counts, scoreBins)
	}
	edges = append(edges, math.Nextafter(threshold, math.Inf(-1)))
	slices.Sort(edges)
	return slices.Compact(edges)
}

type tally struct {
	value string
	n     int64
}

// tallies counts a string column, the most frequent value first, equal ones by name.
func tallies(c *plan.Col) ([]tally, int64) {
	n := map[string]int64{}
	var total int64
	for i, v := range c.Str {
		if c.State[i] == plan.OK {
			n[v]++
			total++
		}
	}
	out := make([]tally, 0, len(n))
	for v, k := range n {
		out = append(out, tally{v, k})
	}
	slices.SortFunc(out, func(a, b tally) int { return cmp.Or(cmp.Compare(b.n, a.n), cmp.Compare(a.value, b.value)) })
	return out, total
}

// categories gives the frequent categories a bin each; the others are only known, so that a value that is neither is new.
func categories(l *plan.Layout, c *plan.Col) {
	all, total := tallies(c)
	if total == 0 {
		l.Empty = true
		return
	}
	if l.Open { // an identifier: it is counted, and how many there are is estimated by its hash, but no value of it is kept
		return
	}
	for _, t := range all {
		if len(l.Categories) < topMost && float64(t.n) >= topShare*float64(total) {
			l.Categories = append(l.Categories, t.value)
		} else {
			l.Known = append(l.Known, t.value)
		}
	}
	if len(l.Known) > knownMost {
		l.Known, l.Open = nil, true
	}
	slices.Sort(l.Known)
}

// singles is how many categories occur once: the expected number of new ones (Good 1953).
func singles(c *plan.Col) int64 {
	all, _ := tallies(c)
	var k int64
	for _, t := range all {
		if t.n == 1 {
			k++
		}
	}
	return k
}

// dictionary lists the slice values that are counted by name; the rest goes to "other".
func dictionary(c *plan.Col) []string {
	var out []string
	all, total := tallies(c)
	for _, t := range all {
		if len(out) < topMost && float64(t.n) >= topShare*float64(total) {
			out = append(out, t.value)
		}
	}
	slices.Sort(out)
	return out
}
