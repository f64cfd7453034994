package diagnose

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// some looks for a conversion of some of the rows, by a factor that sets them apart: the values are the reference's and converted ones, mixed.
func (n *numeric) some() *Cause {
	at := n
	if n.zeroInflated() {
		b, ok := n.beside()
		if !ok {
			return nil
		}
		at = b
	}
	if !at.described() || at.cur.valid < fewestRows {
		return nil
	}
	if out := at.beyond(); out != nil {
		return out
	}
	var best, next mixture
	best.left, next.left = 1, 1
	for i := range conversions {
		c := &conversions[i]
		if at.cur.valid < manyRows && math.Abs(math.Log(c.factor)) < math.Log(farApart) || !at.mayHold(c.affine) && !at.finer(c) {
			continue
		}
		m := at.mix(c)
		switch {
		case m.left < best.left:
			best, next = m, best
		case m.left < next.left:
			next = m
		}
	}
	if best.of == nil || best.share < math.Max(0.03, 2*at.noise) || best.share > 0.97 || best.left > max(least, at.noise) || best.left > best.share/4 {
		return nil
	}
	c := best.of
	if !c.isLarge() && at.everydayToo(best) {
		return nil
	}
	out := &Cause{
		Kind: UnitChange, Columns: []string{n.name()}, Confidence: explained(best.share, best.left), Weight: at.weight(max(at.moved, best.share)),
		words: c.words, Fix: c.undo + " where it is " + c.words,
		Parameters: map[string]string{"factor": number(c.factor), "share": number(best.share)},
		Evidence:   append(n.meansInWords(), fmt.Sprintf("it is as if %s of the values were %s and the others as before, to within %.3f", percent(best.share), c.words, best.left)),
	}
	if c.offset != 0 {
		out.Parameters["offset"] = number(c.offset)
	}
	if next.of != nil && next.left < best.left+at.noise/4 && next.share >= best.share/2 {
		if math.Abs(math.Log(next.of.factor/c.factor)) > 0.05 || next.of.offset != c.offset {
			return nil
		}
		out.Against = append(out.Against, fmt.Sprintf("a factor of %s explains it as well", number(next.of.factor)))
	}
	return out
}

// quantile is a value that so much lies below of, to within a bin.
func (v *numbers) quantile(q float64) float64 {
	for i := range v.bins {
		if float64(v.upTo[i]) >= q*float64(v.valid) {
			return v.bins[i].High
		}
	}
	return v.max
}

// beyond looks for values of some rows that a conversion by much has brought beyond the reference's range. They are held against those that have stayed within it,
// which have wandered as they would have: the one distribution is the other one's, converted.
func (n *numeric) beyond() *Cause {
	ref, cur := n.ref, n.cur
	if !(ref.min > 0 && cur.min > 0 || ref.max < 0 && cur.max < 0 || ref.min == 0 && cur.min >= 0 && 20*ref.zero < ref.valid) {
		return nil // of signed values small ones stay within it
	}
	size := func(b *sketch.HistogramBin) (low, high float64) {
		return min(math.Abs(b.Low), math.Abs(b.High)), max(math.Abs(b.Low), math.Abs(b.High))
	}
	smallest, largest := min(math.Abs(ref.min), math.Abs(ref.max)), max(math.Abs(ref.min), math.Abs(ref.max))
	above := cur.parted(func(b *sketch.HistogramBin) bool { low, _ := size(b); return low > 1.05*largest })
	below := cur.parted(func(b *sketch.HistogramBin) bool { _, high := size(b); return high < smallest/1.05 })
	away, up := above, true
	if below.valid > above.valid {
		away, up = below, false
	}
	rest := cur.parted(func(b *sketch.HistogramBin) bool {
		low, high := size(b)
		return up && low <= 1.05*largest || !up && high >= smallest/1.05
	})
	share := float64(away.valid) / float64(cur.valid)
	near := away.parted(func(b *sketch.HistogramBin) bool {
		low, high := size(b)
		return up && high < 1.5*largest || !up && low > smallest/1.5
	})
	if away.valid < fewestOfPart || rest.valid < fewestOfPart || share < 0.03 || above.valid > 0 && below.valid > 0 || 5*near.valid > away.valid {
		return nil // values that lie just beyond it have moved
	}
	best, next, left, second := -1, -1, 1., 1.
	for i := range conversions {
		c := &conversions[i]
		if !c.isLarge() || (c.factor > 1) != up {
			continue
		}
		switch d := apart(rest, away, c.affine); {
		case d < left:
			best, next, left, second = i, best, d, left
		case d < second:
			next, second = i, d
		}
	}
	limit := max(2*least, noise(rest.valid, away.valid))
	if best < 0 || left > limit {
		return nil
	}
	c := &conversions[best]
	out := &Cause{
		Kind: UnitChange, Columns: []string{n.name()}, Confidence: explained(share, left*share), Weight: n.weight(max(n.moved, share)),
		words: c.words, Fix: c.undo + " where it is " + c.words,
		Parameters: map[string]string{"factor": number(c.factor), "share": number(share)},
		Evidence:   append(n.meansInWords(), fmt.Sprintf("%s of the values lie beyond the reference's range, as the others would if they were %s, to within %.3f", percent(share), c.words, left)),
	}
	if next >= 0 && second < left+limit/4 {
		if !akin(next, best) {
			return nil
		}
		if decimal(conversions[next].factor) && !decimal(c.factor) {
			return nil
		}
		out.Against = append(out.Against, fmt.Sprintf("a factor of %s explains it as well", number(conversions[next].factor)))
	}
	return out
}

// farApart is the factor from which on a few values tell conversions of some rows: what is nearer may be another column's values.
const farApart = 50

// mayHold reports whether converted values would lie where hardly any were, so that nothing that moves a little could have brought them there, and whether
// there are some: between the bounds of nine in ten of them the reference has fewer than one value in a hundred.
func (n *numeric) mayHold(t affine) bool {
	low, high := t.of(n.ref.quantile(0.05)), t.of(n.ref.quantile(0.95))
	was := n.ref.share(n.ref.mayBeBelow(high) - n.ref.atMost(low))
	is := n.cur.share(n.cur.mayBeBelow(high) - n.cur.atMost(low))
	return was < 0.01 && is > 0.02 && is > 8*was
}

// finer reports whether the values' lattice is the finer one that a conversion by tenths makes of some of the reference's: in steps of a fifth of the reference's,
// where it has no values (Celsius to Fahrenheit; other conversions of some rows leave no lattice at all).
func (n *numeric) finer(c *conversion) bool {
	if c.factor != 1.8 {
		return false
	}
	d, ok := n.ref.decimals()
	cd, is := n.cur.decimals()
	if !ok || !is || cd != d+1 {
		return false
	}
	fifths := 5 * math.Pow(10, float64(d))
	return multiple(n.cur.sum*fifths, 0.01) && n.meets(c.affine)
}

// meets reports whether some share of converted values, as few as none and as many as all, brings mean and spread both to where they are: of a mixture of two
// distributions that are known either follows from the share.
func (n *numeric) meets(t affine) bool {
	p := (n.cur.mean - n.ref.mean) / (t.of(n.ref.mean) - n.ref.mean)
	if !(p > 0.03 && p < 0.97) {
		return false
	}
	apart := t.of(n.ref.mean) - n.ref.mean
	spread := math.Sqrt((1-p+p*t.factor*t.factor)*n.ref.sd*n.ref.sd + p*(1-p)*apart*apart)
	return math.Abs(math.Log(n.cur.sd/spread)) < 0.02+min(n.natural, 0.1)+2*math.Sqrt(n.deff/float64(n.cur.valid))
}

// everydayToo reports whether a factor that a world may move by explains the mixture nearly as well as a conversion by little.
func (n *numeric) everydayToo(best mixture) bool {
	for _, f := range everyday {
		for _, f := range []float64{f, 1 / f} {
			if n.mix(&conversion{affine: affine{f, 0}}).left < best.left+n.noise/2 {
				return true
			}
		}
	}
	return false
}

// mixture is a share of converted values and the distance that it leaves.
type mixture struct {
	of          *conversion
	share, left float64
}

// bound is what is known of how many reference values lie at or below one boundary: as they are, and converted.
type bound struct{ f, least, leastOf, most, mostOf float64 }

// mix is the share of converted values that explains the column best. What is left is the largest of lines in that share, so that it has one valley.
func (n *numeric) mix(c *conversion) mixture {
	bounds := n.bounds(c.affine)
	left := func(p float64) float64 {
		worst := 0.
		for i := range bounds {
			b := &bounds[i]
			worst = max(worst, (1-p)*b.least+p*b.leastOf-b.f, b.f-(1-p)*b.most-p*b.mostOf)
		}
		return worst
	}
	low, high := 0., 1.
	for range 24 { // ternary search; where both are alike the valley's floor lies between them
		a, b := low+(high-low)/3, high-(high-low)/3
		if left(a) <= left(b) {
			high = b
		} else {
			low = a
		}
		if high-low < 0.002 {
			break
		}
	}
	out := mixture{c, (low + high) / 2, left((low + high) / 2)}
	if out.left > max(least, n.noise) {
		return out
	}
	// Every share along the floor leaves the same: the one in the middle.
	edge := func(from, to float64) float64 {
		for range 12 {
			if m := (from + to) / 2; left(m) <= out.left+1e-6 {
				from = m
			} else {
				to = m
			}
		}
		return from
	}
	out.share = (edge(out.share, 0) + edge(out.share, 1)) / 2
	return out
}

// bounds are those at cur's bins.
func (n *numeric) bounds(t affine) []bound {
	ref, cur := n.ref, n.cur
	all, m := float64(ref.valid), float64(cur.valid)
	out := make([]bound, len(cur.bins))
	for i := range cur.bins {
		high, next := cur.bins[i].High, math.Inf(1)
		if i+1 < len(cur.bins) {
			next = cur.bins[i+1].Low
		}
		eps := slack * (math.Abs(high) + math.Abs(t.offset))
		out[i] = bound{
			f:     float64(cur.upTo[i]) / m,
			least: float64(ref.atMost(high)) / all, leastOf: float64(ref.atMost((high-eps-t.offset)/t.factor)) / all,
			most: float64(ref.mayBeBelow(next)) / all, mostOf: float64(ref.mayBeBelow((next+eps-t.offset)/t.factor)) / all,
		}
	}
	return out
}
