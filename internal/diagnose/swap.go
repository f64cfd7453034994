package diagnose

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// swaps looks for pairs of columns that hold each other's values. Every column is in one pair at most; a column that may have been swapped with
// several is in none.
func swaps(all []*numeric) []Cause {
	partner := map[int][]int{}
	for i, a := range all {
		if !a.mayBeSwapped() {
			continue
		}
		for j, b := range all {
			if j <= i || !b.mayBeSwapped() {
				continue
			}
			if holds(a, b) && holds(b, a) {
				partner[i] = append(partner[i], j)
				partner[j] = append(partner[j], i)
			}
		}
	}
	var out []Cause
	for i, a := range all {
		if len(partner[i]) != 1 || partner[i][0] < i || len(partner[partner[i][0]]) != 1 {
			continue
		}
		b := all[partner[i][0]]
		left := max(a.from(b), b.from(a))
		out = append(out, Cause{
			Kind: Swapped, Columns: []string{a.name(), b.name()}, Parameters: map[string]string{"with": b.name()}, Weight: max(a.weight(a.moved), b.weight(b.moved)),
			Confidence: explained(max(a.moved, b.moved, 1e-9), min(left, max(a.moved, b.moved))), Fix: "put each back into its own field",
			Evidence: []string{
				fmt.Sprintf("%s looks as %s did, to within %.3f (it lies %.3f from what it was)", a.name(), b.name(), a.from(b), a.moved),
				fmt.Sprintf("%s looks as %s did, to within %.3f (it lies %.3f from what it was)", b.name(), a.name(), b.from(a), b.moved),
			},
		})
	}
	return out
}

// mayBeSwapped reports whether a column has moved, for sure, and enough of it is known. Indicators may be rare: of them the share decides.
func (n *numeric) mayBeSwapped() bool {
	if !n.described() || n.cur.valid < manyRows/2 {
		return false
	}
	if n.indicator() {
		return math.Abs(n.indicated()) > 4.5
	}
	return n.moved > max(leastMoved/2, n.noise)
}

// indicator reports whether all values of both sides are 0 or 1.
func (n *numeric) indicator() bool {
	two := func(v *numbers) bool {
		return v.whole == v.valid && v.min >= 0 && v.max <= 1
	}
	return two(n.ref) && two(n.cur)
}

// indicated is by how many standard errors the share of ones has changed.
func (n *numeric) indicated() float64 {
	return away(n.cur.valid-n.cur.zero, n.cur.valid, n.ref.valid-n.ref.zero, n.ref.valid, n.deff)
}

// holds reports whether a holds now what b held.
func holds(a, b *numeric) bool {
	if a.indicator() != b.indicator() {
		return false
	}
	if math.Abs(missingAway(a.cur, b.ref)) > 4 && math.Abs(a.cur.missingShare()-b.ref.missingShare()) > 0.01 {
		return false
	}
	if a.indicator() {
		was, is, others := a.ref.share(a.ref.zero), a.cur.share(a.cur.zero), b.ref.share(b.ref.zero)
		return math.Abs(away(a.cur.valid-a.cur.zero, a.cur.valid, b.ref.valid-b.ref.zero, b.ref.valid, max(a.deff, b.deff))) < 3 || math.Abs(is-others) < 0.15*math.Abs(was-others)
	}
	if !math.IsNaN(a.cur.mean) && !math.IsNaN(b.ref.mean) && b.ref.sd > 0 {
		se := b.ref.sd * math.Sqrt(b.deff*(1/float64(a.cur.valid)+1/float64(b.ref.valid)))
		if math.Abs(a.cur.mean-b.ref.mean) > 4*se+2.5*b.alike()*b.ref.sd {
			return false
		}
	}
	return within(b.ref, a.cur, identity, min(0.3*a.moved, max(least, noise(b.ref.valid, a.cur.valid), min(b.natural, 0.2))))
}

func missingAway(cur, ref *numbers) float64 {
	return away(cur.missing, cur.rows, ref.missing, ref.rows, 1)
}

// from is how far n lies from what b was.
func (n *numeric) from(b *numeric) float64 { return apart(b.ref, n.cur, identity) }

// swappedTexts looks for pairs of categorical columns that hold each other's values: each has the categories of the other, by their hashes, with their
// shares where both plans name them.
func swappedTexts(p *plan.Plan, all []*text) []Cause {
	var out []Cause
	for i, a := range all {
		for _, b := range all[i+1:] {
			if !a.movedMuch() || !b.movedMuch() || a.cur.Valid() < fewestRows {
				continue
			}
			if !a.has(b) || !b.has(a) {
				continue
			}
			out = append(out, Cause{
				Kind: Swapped, Columns: []string{a.column.Name, b.column.Name}, Parameters: map[string]string{"with": b.column.Name},
				Weight: max(a.weight(), b.weight()), Confidence: 0.9, Fix: "put each back into its own field",
				Evidence: []string{fmt.Sprintf("each holds the categories of the other: %s of %s and %s of %s are none of its own",
					percent(a.newShare()), a.column.Name, percent(b.newShare()), b.column.Name)},
			})
		}
	}
	return out
}

// has reports whether a holds what b held.
func (a *text) has(b *text) bool {
	if common(&a.column.Layout, &b.column.Layout) {
		// The same vocabulary: b's shares in a's bins.
		was := make([]int64, len(a.cur.Bins))
		for i, c := range b.column.Layout.Categories {
			at, _ := sketch.BinString(&a.column.Layout, c)
			was[at] += b.ref.Bins[i]
		}
		was[len(was)-1] += b.ref.Bins[len(b.ref.Bins)-1]
		d := variation(was, a.cur.Bins)
		return d < variationNoise(was, total(was), total(a.cur.Bins)) && d < 0.3*a.moved
	}
	if a.newShare() < 0.9 || a.distinct == nil {
		return false
	}
	return overlap(a.distinct, &b.column.Layout, b.ref.Bins, same) > 0.95
}

// common reports whether most categories of either are the other's.
func common(a, b *plan.Layout) bool {
	k := 0
	for _, c := range b.Categories {
		if _, isNew := sketch.BinString(a, c); !isNew {
			k++
		}
	}
	return 2*k > len(b.Categories)
}
