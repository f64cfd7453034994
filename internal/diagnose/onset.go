package diagnose

import (
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Onset finds where a column began to be as it is now, in panes that follow one another: the first pane from which on all together are likelier to be of the
// latest kind than of the reference's, by as much as possible (the maximum-likelihood change point; Hinkley 1970). ok is false where none of it is sure.
// Panes are given by what they counted of the column. Only the first told of them, those that had ended when it was told, can be the beginning of what was told.
func Onset(ref *sketch.Column, panes []*sketch.Column, told int) (first int, ok bool) {
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
	if ok {
		first = narrowed(ref, panes, first, told)
	}
	return first, ok
}

// narrowed moves the beginning on where the panes since hold a change of their own that is most of what there is: a stream that wanders lies away from its
// reference before anything happens to it. The change is where two stretches with shares of their own are likeliest. In what changes most there, what is before
// has to lie nearer to the reference than what comes after, by two thirds, and so away from that.
func narrowed(ref *sketch.Column, panes []*sketch.Column, first, told int) int {
	for at := first; at >= 0 && at < told; {
		first = at
		if at = step(ref, panes, first, 1); at < 0 {
			at = step(ref, panes, first, fewestSince)
		}
	}
	return first
}

// fewestSince is how many panes there have to be of what came after a change of bins within those that are kept: fewer may be a day of the week.
const fewestSince = 3

// step is the pane to which the beginning moves on, with so many panes since at least; -1: it stays.
func step(ref *sketch.Column, panes []*sketch.Column, first, atLeast int) int {
	at, gain := split(panes[first:], atLeast)
	if gain <= surely {
		return -1
	}
	before, after := summed(panes[first:first+at]), summed(panes[first+at:])
	if after.N < fewestRows && len(panes)-first-at < 2 {
		return -1
	}
	far, moved := aspects(ref, after), aspects(before, after)
	most := 0
	for i, d := range moved {
		if d > moved[most] || most == 0 && d > moved[0]/2 {
			most = i
		}
	}
	if most == 0 && len(panes)-first-at < fewestSince || moved[most] < leastMoved/2 || aspects(ref, before)[most] > far[most]/3 || moved[most] < far[most]/2 {
		return -1
	}
	return first + at
}

// furthest is the aspect in which a column has come furthest from the latest panes before an onset to those since: how far it was from the reference by then, and
// that step.
func furthest(ref, before, after *sketch.Column) (was, step float64) {
	from, to := aspects(ref, before), aspects(before, after)
	at := 0
	for i, d := range to {
		if d > to[at] {
			at = i
		}
	}
	return from[at], to[at]
}

// aspects are how far a column lies from where it was: by its bins, what is missing, can't be read, is new, lies beyond the reference's range, and is whole.
func aspects(ref, cur *sketch.Column) (out [6]float64) {
	share := func(k, n int64) float64 { return float64(k) / float64(max(1, n)) }
	whole := func(c *sketch.Column) float64 { return share(max(0, c.Integral-c.Zero), c.Valid()-c.Zero) }
	out[0] = max(ks(ref.Bins, cur.Bins), variation(ref.Bins, cur.Bins)/2)
	out[1] = math.Abs(share(cur.Missing, cur.N) - share(ref.Missing, ref.N))
	out[2] = math.Abs(share(cur.Invalid, cur.N) - share(ref.Invalid, ref.N))
	out[3] = math.Abs(share(cur.New, cur.Valid()) - share(ref.New, ref.Valid()))
	out[4] = math.Abs(share(cur.Below+cur.Above, cur.Valid()) - share(ref.Below+ref.Above, ref.Valid()))
	if cur.Valid() > 0 && ref.Valid() > 0 {
		out[5] = math.Abs(whole(cur) - whole(ref))
	}
	return out
}

// split is the pane from which on panes, so many at least, have shares of their own that are likeliest against those of the panes before, and by how much that
// gains over all of them having the same.
func split(panes []*sketch.Column, atLeast int) (at int, gain float64) {
	if len(panes) <= atLeast {
		return 0, 0
	}
	tallies := make([][]float64, len(panes))
	all := make([]float64, len(tallyOf(panes[0])))
	for i, p := range panes {
		tallies[i] = tallyOf(p)
		for j, k := range tallies[i] {
			all[j] += k
		}
	}
	entropy := func(v []float64) float64 { // the largest log-likelihood that shares of their own give counts
		sum, n := 0., 0.
		for _, k := range v {
			if k > 0 {
				sum += k * math.Log(k)
			}
			n += k
		}
		return sum - n*math.Log(max(n, 1))
	}
	whole := entropy(all)
	before, after := make([]float64, len(all)), slices.Clone(all)
	for i := range len(panes) - atLeast {
		for j, k := range tallies[i] {
			before[j] += k
			after[j] -= k
		}
		if g := entropy(before) + entropy(after) - whole; g > gain {
			at, gain = i+1, g
		}
	}
	return at, gain
}

// summed adds up what tells how far a column has moved.
func summed(panes []*sketch.Column) *sketch.Column {
	out := &sketch.Column{Bins: make([]int64, len(panes[0].Bins))}
	for _, p := range panes {
		addColumn(out, p)
		out.Integral += p.Integral
		out.Zero += p.Zero
		out.Below += p.Below
		out.Above += p.Above
	}
	return out
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
