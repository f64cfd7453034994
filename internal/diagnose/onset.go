package diagnose

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Onset finds where a column began to be as it is now, in panes that follow one another: the first pane from which on all together are likelier to be of the
// latest kind than of the reference's, by as much as possible (the maximum-likelihood change point; Hinkley 1970). ok is false where none of it is sure.
// Panes are given by what they counted of the column.
func Onset(ref *sketch.Column, panes []*sketch.Column) (first int, ok bool) {
	if len(panes) == 0 {
		return 0, false
	}
	first = max(0, len(panes)-3)
	was := shares(tallyOf(ref))
	for range 4 { // what it is now is learnt from the panes since; that settles at once, or hardly moves
		now := make([]float64, len(was))
		for _, p := range panes[first:] {
			for i, k := range tallyOf(p) {
				now[i] += k
			}
		}
		at, gain := likeliest(panes, was, shares(now))
		ok = gain > surely
		if at == first {
			break
		}
		first = at
	}
	return first, ok
}

// surely is the log-likelihood that a change has to gain: some six standard deviations.
const surely = 18

// likeliest is the pane from which on the likelihood of now over was is greatest.
func likeliest(panes []*sketch.Column, was, now []float64) (at int, gain float64) {
	sum := 0.
	at = len(panes) - 1
	gain = math.Inf(-1)
	for i, p := range slices.Backward(panes) {
		for j, k := range tallyOf(p) {
			if k > 0 {
				sum += k * math.Log(now[j]/was[j])
			}
		}
		if sum > gain {
			at, gain = i, sum
		}
	}
	return at, gain
}

// tallyOf is all that a pane counts of a column in cells that exclude one another: bins, what is missing, what can't be read; and, as a second count of the same
// values, those that are beyond the range or no known text, and those that are whole.
func tallyOf(c *sketch.Column) []float64 {
	out := make([]float64, 0, len(c.Bins)+8)
	for _, k := range c.Bins {
		out = append(out, float64(k))
	}
	beyond := c.Below + c.Above + c.New
	whole := max(0, c.Integral-c.Zero)
	values := c.Valid()
	return append(out, float64(c.Missing), float64(c.Invalid), float64(beyond), float64(values-beyond), float64(whole), float64(values-whole))
}

// shares are counts as shares, none of them 0 (Krichevsky & Trofimov 1981).
func shares(counts []float64) []float64 {
	total := 0.
	for _, k := range counts {
		total += k
	}
	out := make([]float64, len(counts))
	for i, k := range counts {
		out[i] = (k + 0.5) / (total + float64(len(counts))/2)
	}
	return out
}
