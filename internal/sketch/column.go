package sketch

import (
	"errors"
	"fmt"
	"math"
	"math/big"
)

// Column holds the exact counters of one plan.Column in one cell. It merges bit for bit in any order.
type Column struct {
	N, Missing, Invalid int64 // N counts all rows, missing and invalid ones too
	Below, Above        int64 // numeric: outside [Lo, Hi] of the reference; counted in the end bins as well
	New                 int64 // categorical: in neither Categories nor Known; counted in the last bin as well
	Broken              int64 // values outside the promised range or list (plan.Column.Range, Values)

	Integral, Zero, Negative int64 // numeric

	Bins       []int64 // plan.Layout.Bins() of them; their sum is N - Missing - Invalid (none if the layout is empty)
	Sum, SumSq Fixed   // numeric: of the values and their squares
	Overflow   int64   // numeric: values left out of Sum and SumSq: 2^35 or more in magnitude, their square wouldn't fit
}

// Valid is the number of values that are there and can be read.
func (c *Column) Valid() int64 { return c.N - c.Missing - c.Invalid }

// Moments are the mean and standard deviation (of the population) of the n values that entered Sum and SumSq. No value's
// magnitude is above largest (Histogram.Largest knows it; +Inf if nobody does). ok is false if there are no values, or so
// many that may be so large that SumSq may have left the range of Fixed.
func (c *Column) Moments(largest float64) (mean, sd float64, n int64, ok bool) {
	n = c.Valid() - c.Overflow
	if n <= 0 {
		return 0, 0, 0, false
	}
	largest = min(largest, math.Ldexp(1, fixedRange/2))
	if float64(n)*largest*largest >= math.Ldexp(1, 127-fixedFraction) {
		return 0, 0, n, false
	}
	// Both in exact integers: variance = (n * sum of squares - sum^2) / n^2, sums in units of 2^-40.
	sum, squares, count := c.Sum.big(), c.SumSq.big(), big.NewInt(n)
	squares.Mul(squares.Lsh(squares, fixedFraction), count)
	squares.Sub(squares, new(big.Int).Mul(sum, sum))
	unit := new(big.Int).Lsh(count, fixedFraction)
	mean, _ = new(big.Rat).SetFrac(sum, unit).Float64()
	variance, _ := new(big.Rat).SetFrac(squares, unit.Mul(unit, unit)).Float64()
	return mean, math.Sqrt(max(variance, 0)), n, true // below 0 by the rounding of each value only
}

// describe counts what follows from a value alone, without the plan: times values equal to v.
func (c *Column) describe(v float64, times int64) {
	if v == math.Trunc(v) {
		c.Integral += times
	}
	if v == 0 {
		c.Zero += times
	}
	if v < 0 {
		c.Negative += times
	}
	square, fits := squareFixed(v)
	if !fits {
		c.Overflow += times
		return
	}
	sum, _ := toFixed(v) // |v| < 2^35
	if times != 1 {
		sum, square = sum.times(times), square.times(times)
	}
	c.Sum.Merge(sum)
	c.SumSq.Merge(square)
}

var errShape = errors.New("the shapes of the counts differ")

func (c *Column) fits(o *Column) error {
	if len(c.Bins) != len(o.Bins) {
		return fmt.Errorf("%w: %d bins and %d", errShape, len(c.Bins), len(o.Bins))
	}
	return nil
}

// merge adds o, which must fit.
func (c *Column) merge(o *Column) {
	c.N += o.N
	c.Missing += o.Missing
	c.Invalid += o.Invalid
	c.Below += o.Below
	c.Above += o.Above
	c.New += o.New
	c.Broken += o.Broken
	c.Integral += o.Integral
	c.Zero += o.Zero
	c.Negative += o.Negative
	c.Overflow += o.Overflow
	addInts(c.Bins, o.Bins)
	c.Sum.Merge(o.Sum)
	c.SumSq.Merge(o.SumSq)
}

func addInts(to, from []int64) {
	for i, v := range from {
		to[i] += v
	}
}
