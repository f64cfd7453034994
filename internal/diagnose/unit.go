package diagnose

import (
	"fmt"
	"math"
)

// conversion is one that happens to data: by its parameters and in words.
type conversion struct {
	affine
	words   string
	undo    string    // what to do to the new values
	written []float64 // factors as which people write it
}

// large is the factor from which a change of scale can't be taken for anything that happens by itself.
const large = 8

func (c *conversion) isLarge() bool {
	return math.Abs(math.Log(math.Abs(c.factor))) >= math.Log(large) && c.offset == 0
}

// conversions is the catalogue. Factors that are powers of each other's are in it once each way.
var conversions = catalogue()

func catalogue() []conversion {
	var out []conversion
	both := func(f float64, there, back string) {
		out = append(out,
			conversion{affine{f, 0}, there, "divide by " + number(f), written(f)},
			conversion{affine{1 / f, 0}, back, "multiply by " + number(f), written(1 / f)})
	}
	scale := func(f float64, to, from string) {
		both(f, number(f)+" times larger"+to, number(f)+" times smaller"+from)
	}
	for _, f := range []float64{10, 100, 1e3, 1e4, 1e6, 1e9} {
		scale(f, "", "")
	}
	scale(60, ", as minutes in place of hours are", ", as hours in place of minutes are")
	scale(3600, ", as seconds in place of hours are", ", as hours in place of seconds are")
	scale(86400, ", as seconds in place of days are", ", as days in place of seconds are")
	scale(24, ", as hours in place of days are", ", as days in place of hours are")
	scale(1024, ", as bytes in place of kibibytes are", ", as kibibytes in place of bytes are")
	scale(1048576, ", as bytes in place of mebibytes are", ", as mebibytes in place of bytes are")
	scale(12, ", as months in place of years are", ", as years in place of months are")
	between := func(f float64, to, from string) {
		both(f, "in "+to+" in place of "+from, "in "+from+" in place of "+to)
	}
	between(1/0.45359237, "pounds", "kilograms")
	between(1.609344, "kilometres", "miles")
	between(2.54, "centimetres", "inches")
	between(1/0.3048, "feet", "metres")
	between(3.785411784, "litres", "gallons")
	between(3600./1852, "knots", "metres per second")
	between(28.349523125, "grams", "ounces")
	between(33.86388667, "hectopascals", "inches of mercury")
	return append(out,
		conversion{affine{1.8, 32}, "in degrees Fahrenheit in place of Celsius", "subtract 32 and divide by 1.8", []float64{1.8}},
		conversion{affine{1 / 1.8, -32 / 1.8}, "in degrees Celsius in place of Fahrenheit", "multiply by 1.8 and add 32", []float64{1 / 1.8}},
		conversion{affine{1, 273.15}, "in kelvins in place of degrees Celsius", "subtract 273.15", []float64{1}},
		conversion{affine{1, -273.15}, "in degrees Celsius in place of kelvins", "add 273.15", []float64{1}})
}

// fit is how well a conversion explains a column: each part in units of what is allowed, so that 1 is the limit.
type fit struct {
	left float64 // the distance that remains
	mean float64 // of the mean, in standard errors
	off  float64 // the worst of distance, mean and spread, in what is allowed of each
	near float64 // the same of mean and spread, in what is allowed of a conversion that something natural could look like
	firm float64 // by how many times that the conversion moves the mean
}

// try says how well t explains the column. Distances take longest: they are looked at where mean and spread agree.
func (n *numeric) try(t affine) fit {
	ref, cur := n.ref, n.cur
	f := fit{left: 1, off: math.Inf(1), near: math.Inf(1)}
	known := !math.IsNaN(ref.mean) && !math.IsNaN(cur.mean) && ref.sd > 0
	off := 0.
	if known {
		scale := math.Abs(t.factor) * ref.sd
		se := scale * math.Sqrt(n.deff*(1/float64(ref.valid)+1/float64(cur.valid)))
		away := math.Abs(cur.mean - t.of(ref.mean))
		f.mean = away / (se + min(n.natural, 0.3)*scale)
		// A mean may wander as the distribution may: a distance d is a shift of 2.5 d standard deviations.
		off = away / (4*se + 2.5*n.alike()*scale)
		spread := math.Abs(math.Log(max(cur.sd, 1e-300) / scale))
		if !n.described() { // heavy tails make spreads useless, but there is nothing else
			off = max(off, spread/(math.Log(1.25)+4/math.Sqrt(float64(cur.valid))))
		}
		f.firm = math.Abs(t.of(ref.mean)-ref.mean) / (3*se + (0.01+min(n.natural, 0.1))*scale)
		// What the reference's panes scatter the mean may be off by as well.
		f.near = max(away/(3*se+(0.01+min(n.natural, 0.1))*scale), spread/(0.02+min(n.natural, 0.3)+2*math.Sqrt(n.deff*(1/float64(cur.valid)+1/float64(ref.valid)))))
	}
	switch {
	case off > 1:
		f.off = off
	case n.described() && !within(ref, cur, t, max(2*n.alike(), n.moved/3)):
		// It explains nothing: how little doesn't matter.
	case n.described():
		f.left = apart(ref, cur, t)
		f.off = max(off, f.left/n.alike())
	case known: // by the moments alone
		f.left, f.off = 0, off
	}
	return f
}

// unit looks for a conversion of all values.
func (n *numeric) unit() *Cause {
	at := n
	if n.zeroInflated() && n.ref.described() && n.cur.described() {
		b, ok := n.beside()
		if !ok {
			return nil
		}
		at = b
	}
	if at.moved <= max(leastMoved, 2*at.noise) && (at.described() || at.outside() <= 0.5) {
		return nil
	}
	if at.cur.valid < fewestRows && at == n {
		return nil
	}
	if c := at.flip(); c != nil {
		return c
	}
	return at.convert()
}

func (n *numeric) described() bool { return n.ref.described() && n.cur.described() }

// outside is the share of the values that lie beyond the reference's range, or as good as: without histograms only what leaves it is named.
func (n *numeric) outside() float64 {
	if n.ref.sd > 0 && n.cur.sd < n.ref.sd/large {
		return 1
	}
	return n.cur.share(n.cur.below + n.cur.above)
}

func (n *numeric) convert() *Cause {
	if i, chance := n.onLattice(); i >= 0 {
		out := n.converted(i, n.try(conversions[i].affine).left)
		out.Evidence = append(out.Evidence, fmt.Sprintf("converted back its values are whole multiples of what the reference's are; others would be so by a chance of %.1g", chance))
		return out
	}
	best, next := -1, -1
	fits := make([]fit, len(conversions))
	for i := range conversions {
		c := &conversions[i]
		fits[i] = n.try(c.affine)
		if !n.passes(c, fits[i]) {
			continue
		}
		switch {
		case best < 0 || fits[i].closer(fits[best]):
			best, next = i, best
		case next < 0 || fits[i].closer(fits[next]):
			next = i
		}
	}
	if best < 0 {
		return nil
	}
	if next >= 0 && decimal(conversions[next].factor) && !decimal(conversions[best].factor) && fits[next].mean < 3 && akin(best, next) {
		best, next = next, best // people miscount thousands more often than kibibytes
	}
	if !conversions[best].isLarge() && (!n.pinned(conversions[best].affine) || n.doubtful(best, fits)) {
		return nil
	}
	out := n.converted(best, fits[best].left)
	if n.described() {
		out.Evidence = append(out.Evidence, fmt.Sprintf("converted back its distribution lies %.3f from the reference's, as it is %.3f", fits[best].left, n.moved))
	}
	if next < 0 {
		return out
	}
	if f := fits[next]; f.mean > 4 && fits[best].mean < 3 || f.near > 2*fits[best].near && f.near > 1 || f.off > 4*fits[best].off && f.off > 0.5 {
		return out
	}
	if !akin(best, next) {
		return nil // two conversions that have nothing to do with one another: neither is told
	}
	out.Against = append(out.Against, fmt.Sprintf("a factor of %s explains it as well", number(conversions[next].factor)))
	return out
}

// converted says that the column is in another unit, which leaves so much of the distance.
func (n *numeric) converted(at int, left float64) *Cause {
	c := &conversions[at]
	out := &Cause{
		Kind: UnitChange, Columns: []string{n.name()}, Confidence: explained(n.moved, left), Weight: n.weight(n.moved), Fix: c.undo, words: c.words,
		Parameters: map[string]string{"factor": number(c.factor)},
		Evidence:   n.meansInWords(),
	}
	if c.offset != 0 {
		out.Parameters["offset"] = number(c.offset)
	}
	return out
}

// pinned reports whether the mean holds a conversion and excludes what lies 3 % away from it: the interval of 99 % about the mean, with what panes scatter beyond
// sampling, has the one in it and not the others. Of values on a lattice that isn't the conversion's it never does.
func (n *numeric) pinned(t affine) bool {
	if n.offLattice() {
		return false
	}
	scale := math.Abs(t.factor) * n.ref.sd
	half := 2.58*scale*math.Sqrt(n.deff*(1/float64(n.ref.valid)+1/float64(n.cur.valid))) + min(n.natural, 0.1)*scale
	away := math.Abs(n.cur.mean - t.of(n.ref.mean))
	by := math.Abs(t.factor * n.ref.mean)
	if t.factor == 1 {
		by = math.Abs(t.offset)
	}
	return away <= half && 0.03*by-away > half
}

// doubtful reports whether something else explains the column nearly as well as a conversion by little: another one, or a factor as people and markets make it
// (twice, half as much ...).
func (n *numeric) doubtful(best int, fits []fit) bool {
	nearly := min(1.3, 2*fits[best].near+0.25)
	for i := range fits {
		if i != best && !akin(i, best) && fits[i].near <= nearly {
			return true
		}
	}
	if c := &conversions[best]; c.factor == 1 && n.try(affine{n.cur.mean / n.ref.mean, 0}).near <= nearly { // it may as well have grown
		return true
	}
	for _, f := range everyday {
		if n.try(affine{f, 0}).near <= nearly || n.try(affine{1 / f, 0}).near <= nearly {
			return true
		}
	}
	return false
}

// everyday are factors that a world may move by, and which are near those of units.
var everyday = []float64{1.25, 1.5, 1.8, 2, 3, 4, 5}

// closer reports whether f explains better than g: by mean and spread, which tell conversions apart where distributions can't.
func (f fit) closer(g fit) bool {
	if f.near != g.near {
		return f.near < g.near
	}
	return f.off < g.off
}

// decimal reports whether a factor is a power of ten.
func decimal(factor float64) bool {
	e := math.Log10(math.Abs(factor))
	return math.Abs(e-math.Round(e)) < 1e-9
}

// akin reports whether two conversions do nearly the same.
func akin(i, j int) bool {
	a, b := &conversions[i], &conversions[j]
	return math.Abs(math.Log(math.Abs(a.factor/b.factor))) < 0.05 && a.offset == b.offset
}

// passes reports whether a conversion explains the column well enough to be told.
func (n *numeric) passes(c *conversion, f fit) bool {
	switch {
	case f.off > 1 || n.described() && f.left >= n.moved/3:
		return false
	case c.isLarge():
		return n.described() || n.outside() > 0.5 || f.near <= 1
	case !n.described(): // by mean and spread alone
		return n.cur.valid >= fewestRows && f.near <= 1 && f.firm >= surelyFirm
	default:
		return f.near <= 1 && (f.firm >= surelyFirm || n.cur.valid >= manyRows && f.firm >= c.firmly())
	}
}

// firmly is the least movement of the mean, in what may be off of it, that tells a conversion: of one that only adds more is asked, as worlds do that as well.
func (c *conversion) firmly() float64 {
	if c.factor == 1 {
		return surelyFirm / 5
	}
	return surelyFirm / 10
}

// surelyFirm is the movement of the mean, in what may be off of it, from which on it is no accident that a conversion by little meets it.
const surelyFirm = 20

func (n *numeric) meansInWords() []string {
	if math.IsNaN(n.ref.mean) || math.IsNaN(n.cur.mean) {
		return nil
	}
	return []string{fmt.Sprintf("its mean was %s and is %s, its standard deviation was %s and is %s", number(n.ref.mean), number(n.cur.mean), number(n.ref.sd), number(n.cur.sd))}
}

// flip looks for signs that are the other way round, of all values or of some.
func (n *numeric) flip() *Cause {
	if n.cur.valid < fewestRows && n.described() || n.cur.valid < fewestOfPart || n.finerThanBefore() {
		return nil
	}
	was, is := n.ref.share(n.ref.negative), n.cur.share(n.cur.negative)
	out := &Cause{
		Kind: SignFlip, Columns: []string{n.name()}, Weight: n.weight(n.moved), Fix: "multiply by -1", Parameters: map[string]string{"factor": "-1"},
		Evidence: append(n.meansInWords(), fmt.Sprintf("%s of its values are negative (was %s)", percent(is), percent(was))),
	}
	f := n.try(affine{-1, 0})
	mirrored := math.Abs(is-(1-was-n.ref.share(n.ref.zero))) <= max(0.05, n.noise)
	if n.described() && mirrored && f.off <= 1 && f.left < n.moved/3 {
		out.Confidence = explained(n.moved, f.left)
		return out
	}
	if n.turnedRound() {
		out.Confidence = explained(n.moved, min(f.left, n.moved/2))
		out.Against = append(out.Against, "the values lie elsewhere as well")
		return out
	}
	if !n.described() {
		return nil
	}
	// Some of them: values that hardly ever had that sign have it, and without signs nothing has changed.
	if !(was < 0.01 && is > 0.05 || was > 0.99-n.ref.share(n.ref.zero) && is < 0.95-n.ref.share(n.ref.zero)) {
		return nil
	}
	left := apart(n.ref.folded(), n.cur.folded(), identity)
	if left > n.alike() || left > n.moved/2 {
		// Whatever became of the values: those of the one sign lie as those of the other do, which nothing but a sign brings about.
		minus, plus := n.cur.signed()
		if minus.valid < fewestOfPart || plus.valid < fewestOfPart || n.throughZero(minus) {
			return nil
		}
		if left = apart(plus, minus.mirrored(), identity); left > max(2*least, noise(plus.valid, minus.valid)) {
			return nil
		}
	}
	out.Confidence = explained(n.moved, left)
	out.Parameters["share"] = number(math.Abs(is-was) / max(1e-9, 1-n.ref.share(n.ref.zero)))
	return out
}

// throughZero reports whether values of the sign that hardly any had are smaller than the reference's were: what moves through zero leaves them there, and a sign
// that is flipped leaves them as large as they were.
func (n *numeric) throughZero(minus *numbers) bool {
	ref := n.ref
	if 2*ref.negative > ref.valid {
		ref = ref.mirrored()
	}
	small := ref.quantile(0.1)
	size := minus.mirrored()
	return minus.share(size.atMost(small)) > 0.4
}

// turnedRound reports whether all values have the sign that hardly one had, and are of the size that they were, as far as means tell: signs don't drift.
func (n *numeric) turnedRound() bool {
	others := func(v *numbers) float64 { return float64(v.negative) / float64(max(1, v.valid-v.zero)) }
	was, is := others(n.ref), others(n.cur)
	if !(was < 0.005 && is > 0.995 || was > 0.995 && is < 0.005) || n.ref.valid < manyRows/10 || 4*n.cur.zero > 3*n.cur.valid {
		return false
	}
	ratio := -n.cur.mean / n.ref.mean
	return ratio > 0.5 && ratio < 2
}
