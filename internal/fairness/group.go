package fairness

import (
	"cmp"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	// Fewest is how many decisions, or outcomes, of each of two groups are asked for before anything is said of them, as package stat does.
	Fewest = 100
	// mostFull is up to how many attributes all their crosses are shown, of mostCrossed at most.
	mostFull    = 4
	mostCrossed = 3
	// leastReference is which part of the reference's events the largest group must have to be the one that others are compared with.
	leastReference = 0.2
)

// Group is a group of one attribute, or of the cross of several.
type Group struct {
	Codes []int // of the view's dimensions
	Counts
}

// Labels names the group to people.
func (g *Group) Labels(p *plan.Plan, dims []int) map[string]string {
	out := make(map[string]string, len(dims))
	for i, d := range dims {
		out[p.Slices[d].Name] = p.Slices[d].Label(g.Codes[i])
	}
	return out
}

// Views are the ways events are parted into groups: by each attribute, then by their crosses, as dimensions of the plan.
func Views(p *plan.Plan) [][]int {
	var dims []int
	for _, a := range p.Fairness.Attributes {
		dims = append(dims, a.Dim)
	}
	var out [][]int
	for size := 1; size <= mostCrossed && (size == 1 || len(dims) <= mostFull); size++ {
		out = append(out, crosses(dims, size)...)
	}
	return out
}

// crosses are the choices of so many of dims, in order.
func crosses(dims []int, size int) (out [][]int) {
	if size == 0 {
		return [][]int{nil}
	}
	for i, d := range dims {
		for _, rest := range crosses(dims[i+1:], size-1) {
			out = append(out, append([]int{d}, rest...))
		}
	}
	return out
}

// By parts what was counted into groups, in the order of their codes. What lacks a value is in none.
func (t *Tally) By(dims []int) []Group {
	found := map[string]*Group{}
	for slice, c := range t.cells {
		codes, key := make([]int, len(dims)), make([]byte, 0, 2*len(dims))
		for i, d := range dims {
			codes[i] = plan.SliceAt(slice, d)
			key = append(key, slice[2*d], slice[2*d+1])
		}
		if slices.Contains(codes, plan.NoValue) {
			continue
		}
		if g := found[string(key)]; g != nil {
			g.Counts = g.Plus(c)
			continue
		}
		found[string(key)] = &Group{codes, c}
	}
	out := make([]Group, 0, len(found))
	for _, g := range found {
		out = append(out, *g)
	}
	slices.SortFunc(out, func(a, b Group) int { return slices.Compare(a.Codes, b.Codes) })
	return out
}

// Choose decides which group of each attribute the others are compared with: the contract's, else the largest, else all others together.
func Choose(p *plan.Plan, reference *Tally) {
	for i := range p.Fairness.Attributes {
		a := &p.Fairness.Attributes[i]
		a.Against = plan.Rest
		groups := reference.By([]int{a.Dim})
		if at := slices.Index(p.Slices[a.Dim].Values, a.Privileged); at >= 0 && a.Privileged != "" {
			a.Against = at
			continue
		}
		var all int64
		size := func(g Group) int64 { return g.Decided }
		if p.IsJoined(a.Dim) { // decisions aren't counted by it
			size = func(g Group) int64 { return g.Counts.Labels() }
		}
		for _, g := range groups {
			all += size(g)
		}
		if len(groups) == 0 {
			continue
		}
		largest := slices.MaxFunc(groups, func(a, b Group) int {
			return cmp.Or(cmp.Compare(size(a), size(b)), slices.Compare(b.Codes, a.Codes))
		})
		if float64(size(largest)) >= leastReference*float64(all) && largest.Codes[0] < len(p.Slices[a.Dim].Values) {
			a.Against = largest.Codes[0]
		}
	}
}

// Against are the values of the group that groups of a view are compared with: those of its attributes; nil for all others together, where one of them
// has none.
func Against(p *plan.Plan, dims []int) []int {
	out := make([]int, len(dims))
	for i, d := range dims {
		at := slices.IndexFunc(p.Fairness.Attributes, func(a plan.Attribute) bool { return a.Dim == d })
		if at < 0 || p.Fairness.Attributes[at].Against == plan.Rest {
			return nil
		}
		out[i] = p.Fairness.Attributes[at].Against
	}
	return out
}

// Pair is a group and what it is compared with.
type Pair struct {
	Group
	Other   Counts
	Against []int // the other group's codes; nil: all others together

	law            *law          // what is stated of the outcomes that nobody knows, see Stand
	known, against *sketch.Curve // of both: predictions and outcomes of mature cohorts by score; nil: nothing is stated, or they aren't counted
	selective      bool          // outcomes are of a selection, of which nothing is stated
}

// Pairs compares every group of a view with the one that against names, or with all others together.
func Pairs(groups []Group, against []int) []Pair {
	var all Counts
	at := -1
	for i, g := range groups {
		all = all.Plus(g.Counts)
		if against != nil && slices.Equal(g.Codes, against) {
			at = i
		}
	}
	out := make([]Pair, 0, len(groups))
	for i, g := range groups {
		switch {
		case against == nil:
			out = append(out, Pair{Group: g, Other: all.minus(g.Counts)})
		case i == at: // what others are compared with
		case at < 0:
			out = append(out, Pair{Group: g, Against: against})
		default:
			out = append(out, Pair{Group: g, Other: groups[at].Counts, Against: against})
		}
	}
	return out
}
