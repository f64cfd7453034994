package diagnose

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const (
	fewestOfPart = 60   // events of a part, to say whether it has moved
	covered      = 0.9  // the share of events whose parts both sides know, to say that it lies in some of them
	mostInParts  = 0.85 // the share of events that parts may have: more is everywhere
)

// spot is a part that a change lies in.
type spot struct {
	part     *Part // now
	ref      *Part
	share    float64 // of the events
	leftover float64 // how far the others have moved
}

// locate finds the one part that a column's change lies in: it has moved, and all others taken together have not. Of several groups the one of fewest
// dimensions speaks: the highest slice that explains its children.
func (c *Case) locate(column int) *spot {
	var best *spot
	for group := range c.groups() {
		s := c.locateIn(group, column)
		if s == nil {
			continue
		}
		if best == nil || c.dimensions(s) < c.dimensions(best) || c.dimensions(s) == c.dimensions(best) && s.leftover < best.leftover {
			best = s
		}
	}
	return best
}

func (c *Case) dimensions(s *spot) int {
	if s.part.Group == ofVersion {
		return 1
	}
	return len(c.Plan.Groups[s.part.Group])
}

// groups yields the groups of parts, versions last.
func (c *Case) groups() func(func(int) bool) {
	return func(yield func(int) bool) {
		for g := range c.Plan.Groups {
			if !yield(g) {
				return
			}
		}
		yield(ofVersion)
	}
}

func (c *Case) locateIn(group, column int) *spot {
	bins := len(c.Reference.Set.Columns[column].Bins)
	to, from := &sketch.Column{Bins: make([]int64, bins)}, &sketch.Column{Bins: make([]int64, bins)}
	var found *spot
	var known, away int64
	for i := range c.Current.Parts {
		p := &c.Current.Parts[i]
		if p.Group != group {
			continue
		}
		r := c.Reference.part(p)
		if r == nil && (group == ofVersion || c.newLineage(p)) { // a version that is new is held against all there was
			r = &Part{Group: group, Codes: p.Codes, Version: p.Version, Set: c.Reference.Set}
		}
		if r == nil {
			continue
		}
		known += p.Set.Rows
		now, before := &p.Set.Columns[column], &r.Set.Columns[column]
		if p.Set.Rows >= fewestOfPart && c.partMoved(column, before, now) {
			if found != nil {
				return nil // it lies in several
			}
			found = &spot{part: p, ref: r}
			away = p.Set.Rows
			continue
		}
		addColumn(to, now)
		addColumn(from, before)
	}
	if found == nil || float64(known) < covered*float64(c.Current.Set.Rows) || float64(away) > mostInParts*float64(c.Current.Set.Rows) || to.N < fewestOfPart {
		return nil
	}
	found.share = float64(away) / float64(c.Current.Set.Rows)
	found.leftover = distance(from, to)
	if found.leftover > max(0.03, c.partNoise(column, from, to), c.scatter(column)) || found.leftover > distance(&found.ref.Set.Columns[column], &found.part.Set.Columns[column])/3 {
		return nil
	}
	return found
}

// newLineage reports whether a part is the events of jobs and versions that the reference doesn't know. A release is one more version of the same, and its
// events are held against all there was, as those of a model's new version are; of other dimensions a new value is another population.
func (c *Case) newLineage(p *Part) bool {
	at := c.Plan.LineageDimension()
	return at >= 0 && p.Group != ofVersion && slices.Equal(c.Plan.Groups[p.Group], []int{at}) && p.Codes[0] == len(c.Plan.Slices[at].Values)
}

// addColumn adds the counts that tell whether a column has moved.
func addColumn(to, from *sketch.Column) {
	to.N += from.N
	to.Missing += from.Missing
	to.Invalid += from.Invalid
	to.New += from.New
	for i, k := range from.Bins {
		to.Bins[i] += k
	}
}

// Distance is how far a column lies from where it was, by what both counted: its bins, what is missing and what is new. It is at most 1.
func Distance(ref, cur *sketch.Column) float64 {
	share := func(k, n int64) float64 { return float64(k) / float64(max(1, n)) }
	return max(distance(ref, cur), share(cur.Integral-cur.Zero, cur.Valid()-cur.Zero)-share(ref.Integral-ref.Zero, ref.Valid()-ref.Zero))
}

// distance is how far a column of a part has moved, by its bins, what is missing and what is new; of categories and numbers alike.
func distance(ref, cur *sketch.Column) float64 {
	share := func(k, n int64) float64 { return float64(k) / float64(max(1, n)) }
	d := ks(ref.Bins, cur.Bins)
	if d == 0 {
		d = variation(ref.Bins, cur.Bins)
	}
	d = max(d, math.Abs(share(cur.Missing, cur.N)-share(ref.Missing, ref.N)), math.Abs(share(cur.Invalid, cur.N)-share(ref.Invalid, ref.N)))
	return max(d, share(cur.New, cur.Valid())-share(ref.New, ref.Valid()))
}

func (c *Case) partNoise(column int, ref, cur *sketch.Column) float64 {
	return noise(ref.N, cur.N) * math.Sqrt(max(1, c.Plan.Columns[column].Reference.Null.Deff))
}

func (c *Case) partMoved(column int, ref, cur *sketch.Column) bool {
	return distance(ref, cur) > max(0.1, 1.3*c.partNoise(column, ref, cur), c.scatter(column))
}

// scatter is how far panes of the reference lie apart beyond sampling, as in numeric.natural.
func (c *Case) scatter(column int) float64 {
	r := &c.Plan.Columns[column].Reference
	deff := max(1, r.Null.Deff)
	if r.Null.Panes == 0 || deff <= natural {
		return 0
	}
	perPane := float64(r.N) / float64(r.Null.Panes)
	return min(0.3, 0.8*math.Sqrt((deff-natural)*float64(max(1, len(r.Bins)-1))/perPane))
}

// mixed reports whether a column has moved only because the mix of slices has: with the reference's own distribution within each slice and their
// shares of now it would lie where it lies.
func (c *Case) mixed(column int) *Cause {
	cur := &c.Current.Set.Columns[column]
	if cur.Valid() < manyRows/2 {
		return nil
	}
	before := distance(&c.Reference.Set.Columns[column], cur)
	if before < max(0.05, 1.5*c.partNoise(column, &c.Reference.Set.Columns[column], cur)) {
		return nil
	}
	for group := range c.Plan.Groups {
		if c.dimensionOf(group, column) {
			continue // that it has moved is the mix itself
		}
		predicted, grown, was, is, ok := c.reweighed(group, column)
		if !ok || math.Abs(is-was) < 0.05 {
			continue
		}
		left := halfOrKS(predicted, cur.Bins, c.Plan.Columns[column].Layout.Categorical)
		if left > max(0.03, c.partNoise(column, &c.Reference.Set.Columns[column], cur)) || left > before/3 {
			continue
		}
		if gone, was := c.gone(group); gone != nil {
			return &Cause{
				Kind: Volume, Columns: []string{c.Plan.Columns[column].Name}, Slice: gone.labels(c.Plan), Confidence: explained(before, left),
				Weight: before / c.partNoise(column, &c.Reference.Set.Columns[column], cur), Parameters: map[string]string{"before": number(was), "now": "0"},
				Evidence: []string{fmt.Sprintf("without it the reference lies %.3f from the column, as it is %.3f: within the other slices hardly anything has moved", left, before)},
				Fix:      "find what has stopped to send there",
			}
		}
		return &Cause{
			Kind: MixShift, Columns: []string{c.Plan.Columns[column].Name}, Slice: grown.labels(c.Plan), Confidence: explained(before, left),
			Weight: before / c.partNoise(column, &c.Reference.Set.Columns[column], cur), Parameters: map[string]string{"before": number(was), "now": number(is)},
			Evidence: []string{fmt.Sprintf("with the slices' shares of now the reference lies %.3f from it, as it is %.3f: within slices hardly anything has moved", left, before)},
			Fix:      "find why the mix of events is another one; within each slice the data is as before",
		}
	}
	return nil
}

// gone is the one part of a group of which hardly anything comes any more, and its share of the reference; nil: none, or several.
func (c *Case) gone(group int) (found *Part, share float64) {
	for i := range c.Reference.Parts {
		r := &c.Reference.Parts[i]
		was := float64(r.Set.Rows) / float64(max(1, c.Reference.Set.Rows))
		if r.Group != group || was < 0.05 {
			continue
		}
		if p := c.Current.part(r); p == nil || float64(p.Set.Rows) < 0.05*was*float64(c.Current.Set.Rows) {
			if found != nil {
				return nil, 0
			}
			found, share = r, was
		}
	}
	return found, share
}

// dimensionOf reports whether a column is a dimension of a group of slices.
func (c *Case) dimensionOf(group, column int) bool {
	return slices.ContainsFunc(c.Plan.Groups[group], func(d int) bool { return c.Plan.Slices[d].Field == c.Plan.Columns[column].Field })
}

// both are the slices of a group now that the reference has events of, each with what it was there.
func (c *Case) both(group int) iter.Seq2[*Part, *Part] {
	return func(yield func(now, was *Part) bool) {
		for i := range c.Current.Parts {
			p := &c.Current.Parts[i]
			if p.Group != group {
				continue
			}
			if r := c.Reference.part(p); r != nil && r.Set.Rows > 0 && !yield(p, r) {
				return
			}
		}
	}
}

// reweighed are the reference's bins of a column with the shares that slices have now; which slice's share has changed most, and from what to what.
func (c *Case) reweighed(group, column int) (bins []float64, grown *Part, was, is float64, ok bool) {
	bins = make([]float64, len(c.Reference.Set.Columns[column].Bins))
	var known int64
	for p, r := range c.both(group) {
		known += p.Set.Rows
		weight := float64(p.Set.Rows) / float64(max(1, r.Set.Rows))
		for b, k := range r.Set.Columns[column].Bins {
			bins[b] += weight * float64(k)
		}
		now, before := float64(p.Set.Rows)/float64(max(1, c.Current.Set.Rows)), float64(r.Set.Rows)/float64(max(1, c.Reference.Set.Rows))
		if grown == nil || now-before > is-was {
			grown, was, is = p, before, now
		}
	}
	return bins, grown, was, is, grown != nil && float64(known) > covered*float64(c.Current.Set.Rows)
}

func halfOrKS(predicted []float64, bins []int64, categorical bool) float64 {
	var n, m float64
	for i := range predicted {
		n, m = n+predicted[i], m+float64(bins[i])
	}
	if n == 0 || m == 0 {
		return 1
	}
	var x, y, worst, sum float64
	for i := range predicted {
		x, y = x+predicted[i]/n, y+float64(bins[i])/m
		worst = max(worst, math.Abs(x-y))
		sum += math.Abs(predicted[i]/n - float64(bins[i])/m)
	}
	if categorical {
		return sum / 2
	}
	return worst
}
