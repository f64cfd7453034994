package diagnose

import (
	"math"
	"slices"
	"strconv"
)

// lattice is what exact sums and ends tell of how a column's values are written. Values that are whole multiples of a step have a sum, and a sum of squares,
// that are multiples of the step and of its square; and if all of them were converted, the same holds once the conversion is undone. Nothing that moves a
// column by another factor makes that so: of values that have nothing to do with the conversion a sum meets a multiple by chance, and how seldom is known
// (the part of all fractions that lies within what the sums may be off).

// rounding is the most that a value may be off in a sum: half of its unit, 2^-40.
const rounding = 1.0 / (1 << 41)

// inexact is the relative error that a converted value may have from being computed and written with 15 digits or more.
const inexact = 2e-15

// mostDecimals is how many decimals values are thought to be written with.
const mostDecimals = 6

// multiple is how far y lies from a whole number, and whether that is within what it may be off.
func multiple(y, off float64) bool { return math.Abs(y-math.Round(y)) <= off }

// decimals is the least number of decimals that all values of a column are written with, as far as its sums tell; ok is false where they have more, or where
// sums of so many values tell nothing.
func (v *numbers) decimals() (d int, ok bool) {
	if v.whole == v.valid && v.valid > 0 {
		return 0, true
	}
	if math.IsNaN(v.sum) {
		return 0, false
	}
	for d := 0; d <= mostDecimals; d++ {
		unit := math.Pow(10, float64(d))
		off := unit * (float64(v.valid)*rounding + inexact*v.magnitude())
		if off > 0.01 {
			return 0, false
		}
		if !multiple(v.sum*unit, off) {
			continue
		}
		if sq := unit * unit * (float64(v.valid)*rounding + inexact*v.sumsq); sq < 0.01 && !multiple(v.sumsq*unit*unit, sq) {
			continue
		}
		return d, true
	}
	return 0, false
}

// magnitude bounds the sum of the values' magnitudes (Cauchy-Schwarz).
func (v *numbers) magnitude() float64 { return math.Sqrt(float64(v.valid) * v.sumsq) }

// chance is how likely values that have nothing to do with a conversion agree with it as these do: 1 where it can't be told, or where they don't agree.
func (n *numeric) chance(t affine) float64 {
	ref, cur := n.ref, n.cur
	d, ok := ref.decimals()
	if !ok || math.IsNaN(cur.sum) || cur.valid == 0 {
		return 1
	}
	step := math.Abs(t.factor) * math.Pow(10, -float64(d)) // of converted values
	coarse := 0.                                           // values that are written with few decimals meet multiples the oftener
	if cd, ok := cur.decimals(); ok {
		coarse = min(1, math.Pow(10, -float64(cd))/step)
	}
	out, k := 1., float64(cur.valid)
	test := func(y, off, coarse float64) bool {
		if off > 0.1 {
			return true // it tells nothing
		}
		if !multiple(y, off) {
			return false
		}
		out *= max(2*off, coarse)
		return true
	}
	sum := cur.sum - t.offset*k
	squares := cur.sumsq - 2*t.offset*cur.sum + t.offset*t.offset*k
	off := k*rounding + inexact*(cur.magnitude()+math.Abs(t.offset)*k)
	offSquares := k*rounding*(1+2*math.Abs(t.offset)) + 2*inexact*(cur.sumsq+2*math.Abs(t.offset)*cur.magnitude()+t.offset*t.offset*k)
	if !test(sum/step, off/step, coarse) || !test(squares/(step*step), offSquares/(step*step), coarse*coarse) {
		return 1
	}
	if cur.described() {
		for _, v := range []float64{cur.min, cur.max} {
			if v == 0 && t.offset == 0 {
				continue // any factor leaves it there
			}
			if !test((v-t.offset)/step, 2*inexact*(math.Abs(v)+math.Abs(t.offset))/step, coarse) {
				return 1
			}
		}
	}
	return out
}

// written are the factors as which people write one: with fewer digits, or by its inverse.
func written(factor float64) []float64 {
	out := []float64{factor}
	add := func(f float64) {
		if !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for digits := 3; digits <= 9; digits++ {
		for _, f := range []float64{factor, 1 / factor} {
			short, err := strconv.ParseFloat(strconv.FormatFloat(f, 'g', digits, 64), 64)
			if err != nil {
				continue
			}
			if f == factor {
				add(short)
			} else {
				add(1 / short)
			}
		}
	}
	return out
}

// proof is the least chance of a conversion in any of the ways to write its factor, for as many looks as that takes.
func (n *numeric) proof(i int) float64 {
	c := &conversions[i]
	best := 1.
	for _, f := range c.written {
		b := c.offset
		if c.factor != 1 {
			b = c.offset * f / c.factor
		}
		best = min(best, n.chance(affine{f, b})*float64(len(c.written)))
	}
	return best
}

// proven is the chance from which on a conversion is taken as proven by the values' lattice.
const proven = 1e-3

// surelyProven is the same of one that leaves mean and spread as far from where they were as streams with rare large values are.
const surelyProven = 1e-7

// onLattice is the conversion that the lattice proves: values lie about where it brings them, and are multiples of what it makes of the reference's step. -1:
// none, or several that have nothing to do with one another.
func (n *numeric) onLattice() (best int, chance float64) {
	best, chance = -1, proven
	next := 1.
	for i := range conversions {
		if !n.about(conversions[i].affine, 2) {
			continue
		}
		p := n.proof(i)
		if p > surelyProven && !n.about(conversions[i].affine, 1) {
			continue
		}
		switch {
		case best < 0 && p <= proven, best >= 0 && p < chance:
			if best >= 0 {
				next = chance
			}
			best, chance = i, p
		case p < next:
			next = p
		}
	}
	if best < 0 || next < 100*chance || n.grown(best, chance) {
		return -1, 1
	}
	return best, chance
}

// offLattice reports whether values that were whole multiples of a step are none of any decimal step, so that they aren't rounded either: what a conversion makes
// of them would have been proven.
func (n *numeric) offLattice() bool {
	if _, ok := n.ref.decimals(); !ok || math.IsNaN(n.cur.sum) {
		return false
	}
	_, rounded := n.cur.decimals()
	return !rounded
}

// finerThanBefore reports whether values are written with more decimals than the reference's: another sign leaves them as they were.
func (n *numeric) finerThanBefore() bool {
	d, ok := n.ref.decimals()
	if !ok || math.IsNaN(n.cur.sum) {
		return false
	}
	cd, ok := n.cur.decimals()
	return !ok || cd > d
}

// about reports whether a conversion brings mean and spread about to where they are: within half of the distribution's own width, and some times that.
func (n *numeric) about(t affine, times float64) bool {
	if math.IsNaN(n.ref.mean) || math.IsNaN(n.cur.mean) || !(n.ref.sd > 0) || !(n.cur.sd > 0) {
		return false
	}
	scale := math.Abs(t.factor) * n.ref.sd
	few := 4 / math.Sqrt(float64(n.cur.valid))
	return math.Abs(n.cur.mean-t.of(n.ref.mean)) < times*(0.5+few)*scale && math.Abs(math.Log(n.cur.sd/scale)) < times*(0.4+few)
}

// grown reports whether a factor by which a world may move puts values on a lattice as well, and mean and spread about where they are.
func (n *numeric) grown(best int, chance float64) bool {
	if n.ref.described() && n.cur.described() && n.ref.min >= 0 && n.cur.min < 0 {
		return false // no growth takes signs away
	}
	nearly := 2*n.try(conversions[best].affine).near + 0.5
	for _, f := range everyday {
		for _, f := range []float64{f, 1 / f} {
			if t := (affine{f, 0}); n.about(t, 1) && n.chance(t) < 100*chance && n.try(t).near <= nearly {
				return true
			}
		}
	}
	return false
}
