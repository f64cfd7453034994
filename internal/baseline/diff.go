package baseline

import (
	"maps"
	"math"
	"reflect"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Difference is how one column of a baseline differs from the same in another. Numbers are NaN where a side has none.
type Difference struct {
	Column        string
	Before, After *plan.Column // nil where there is none
	Missing       [2]float64   // shares, before and after
	Mean          [2]float64   // of numbers
	Distance      float64      // see Diff
	Appeared      []string     // categories that only the second knows, unless one of them doesn't know all of its own
	Gone          []string
	Same          bool // all that was learnt
}

// Apart lists what differs between two baselines beside what was learnt of columns, in words for people.
func Apart(before, after *plan.Plan) []string {
	var out []string
	for _, part := range []struct {
		words string
		a, b  any
	}{
		{"the reference range", before.Reference, after.Reference},
		{"the score and what outcomes showed", before.Score, after.Score},
		{"the slices", before.Slices, after.Slices},
	} {
		if !reflect.DeepEqual(part.a, part.b) {
			out = append(out, part.words)
		}
	}
	for i := range before.Columns {
		a := before.Columns[i]
		b := columnOf(after, a.Name)
		if b == nil {
			continue
		}
		c := *b
		c.Layout, c.Reference = a.Layout, a.Reference
		if !reflect.DeepEqual(a, c) {
			out = append(out, "what the contract says of "+a.Name)
		}
	}
	return out
}

// Diff compares two baselines column by column, in the order of the first, then what only the second has.
//
// Distance says how far the distributions are apart for certain, 0..1. Of numbers it is a Kolmogorov-Smirnov distance: baselines cut their bins
// where their own values lie, so that the cumulated share is known at the edges alone; at each edge of one, the other's
// lies between those at its own edges around, and as much as is left beyond that is a difference whatever the values within the bins were. Of
// categories it is the total variation, those whose number isn't known on both sides taken as one.
func Diff(before, after *plan.Plan) []Difference {
	var out []Difference
	for i := range before.Columns {
		a := &before.Columns[i]
		out = append(out, differ(a, columnOf(after, a.Name)))
	}
	for i := range after.Columns {
		if b := &after.Columns[i]; columnOf(before, b.Name) == nil {
			out = append(out, differ(nil, b))
		}
	}
	return out
}

func columnOf(p *plan.Plan, name string) *plan.Column {
	at := slices.IndexFunc(p.Columns, func(c plan.Column) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	return &p.Columns[at]
}

func differ(a, b *plan.Column) Difference {
	nan := math.NaN()
	d := Difference{Before: a, After: b, Missing: [2]float64{nan, nan}, Mean: [2]float64{nan, nan}, Distance: nan}
	if a != nil {
		d.Column, d.Missing[0], d.Mean[0] = a.Name, missingOf(a), meanOf(a)
	}
	if b != nil {
		d.Column, d.Missing[1], d.Mean[1] = b.Name, missingOf(b), meanOf(b)
	}
	d.Same = a != nil && b != nil && reflect.DeepEqual(a.Layout, b.Layout) && reflect.DeepEqual(a.Reference, b.Reference)
	if a == nil || b == nil || a.Layout.Categorical != b.Layout.Categorical || a.Layout.Empty || b.Layout.Empty {
		return d
	}
	if a.Layout.Categorical {
		d.Distance = variation(a, b)
		if !a.Layout.Open && !b.Layout.Open {
			d.Appeared, d.Gone = without(b, a), without(a, b)
		}
		return d
	}
	d.Distance = max(beyond(a, b), beyond(b, a))
	return d
}

func missingOf(c *plan.Column) float64 {
	if c.Reference.N == 0 {
		return math.NaN()
	}
	return float64(c.Reference.Missing) / float64(c.Reference.N)
}

func meanOf(c *plan.Column) float64 {
	if c.Layout.Categorical || c.Layout.Empty {
		return math.NaN()
	}
	return c.Reference.Mean
}

// without lists the values of a that b has neither a bin for nor knows.
func without(a, b *plan.Column) []string {
	has := make(map[string]bool, len(b.Layout.Categories)+len(b.Layout.Known))
	for _, v := range slices.Concat(b.Layout.Categories, b.Layout.Known) {
		has[v] = true
	}
	var out []string
	for _, v := range slices.Concat(a.Layout.Categories, a.Layout.Known) {
		if !has[v] {
			out = append(out, v)
		}
	}
	slices.Sort(out)
	return out
}

// variation is the total variation, each category by itself whose number is known on both sides: it has a bin, or there was none of it. All others
// are taken as one.
func variation(a, b *plan.Column) float64 {
	na, nb := float64(total(a)), float64(total(b))
	if na == 0 || nb == 0 {
		return math.NaN()
	}
	countsA, countsB := numbers(a), numbers(b)
	restA, restB, sum := na, nb, 0.
	for _, v := range slices.Sorted(maps.Keys(union(countsA, countsB))) {
		ka, knownA := countsA[v]
		kb, knownB := countsB[v]
		if (!knownA && (a.Layout.Open || slices.Contains(a.Layout.Known, v))) || (!knownB && (b.Layout.Open || slices.Contains(b.Layout.Known, v))) {
			continue
		}
		sum += math.Abs(ka/na - kb/nb)
		restA, restB = restA-ka, restB-kb
	}
	return (sum + math.Abs(restA/na-restB/nb)) / 2
}

// numbers are how often the categories occur that have a bin of their own.
func numbers(c *plan.Column) map[string]float64 {
	out := make(map[string]float64, len(c.Layout.Categories))
	for i, v := range c.Layout.Categories {
		out[v] = float64(c.Reference.Bins[i])
	}
	return out
}

func union(a, b map[string]float64) map[string]float64 {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func total(c *plan.Column) (n int64) {
	for _, k := range c.Reference.Bins {
		n += k
	}
	return n
}

// beyond is by how much the cumulated share of a, at its edges, lies outside what b's can be there.
func beyond(a, b *plan.Column) float64 {
	na, nb := float64(total(a)), float64(total(b))
	if na == 0 || nb == 0 {
		return math.NaN()
	}
	most, below := 0., int64(0)
	for i := range a.Reference.Bins {
		below += a.Reference.Bins[i]
		at, share := a.Layout.Hi, float64(below)/na // everything lies at or below the largest value
		if i < len(a.Layout.Edges) {
			at = a.Layout.Edges[i]
		}
		lo, hi := atOrBelow(b, at)
		most = max(most, share-hi/nb, lo/nb-share)
	}
	return most
}

// atOrBelow is how many values of a column's reference lie at or below v, at least and at most.
func atOrBelow(c *plan.Column, v float64) (least, most float64) {
	switch {
	case v < c.Layout.Lo:
		return 0, 0
	case v >= c.Layout.Hi:
		n := float64(total(c))
		return n, n
	}
	below := int64(0)
	for i, k := range c.Reference.Bins {
		if i == len(c.Layout.Edges) || v < c.Layout.Edges[i] {
			return float64(below), float64(below + k)
		}
		below += k
		if v == c.Layout.Edges[i] {
			return float64(below), float64(below)
		}
	}
	return float64(below), float64(below)
}
