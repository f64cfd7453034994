package sketch

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The parts of a column in format 1, where t-digests and distinct counts were kept per cell. They are read over. Where a digest
// held every value, sums and shape counters were left out, because they follow from it.
const (
	v1Bins = 1 << iota
	v1Digest
	v1Exact
	v1Distinct
	v1Missing
	v1Integral
	v1Sum
	v1SumSq
	v1Zero
	v1Negative
	v1Below
	v1Above
	v1New
	v1Broken
	v1Invalid
	v1Overflow
	v1N

	v1Numeric     = v1N<<1 - 1 - v1New
	v1Categorical = v1Bins | v1Distinct | v1Missing | v1New | v1Broken | v1Invalid | v1N
	v1Empty       = v1Missing | v1Broken | v1Invalid | v1N
	v1Implied     = v1Distinct | v1Integral | v1Sum | v1SumSq | v1Zero | v1Negative | v1Overflow
)

// The parts of a set in format 1.
const (
	v1Rules = 1 << iota
	v1Latency
	v1Scored
	v1Curve
	v1Parts = v1Curve<<1 - 1
)

type part struct {
	bit   uint64
	value *int64
}

func (c *Column) countersV1() [10]part {
	return [10]part{
		{v1Missing, &c.Missing},
		{v1Invalid, &c.Invalid},
		{v1Below, &c.Below},
		{v1Above, &c.Above},
		{v1New, &c.New},
		{v1Broken, &c.Broken},
		{v1Integral, &c.Integral},
		{v1Zero, &c.Zero},
		{v1Negative, &c.Negative},
		{v1Overflow, &c.Overflow},
	}
}

func (c *Column) readV1(r *wire.Reader, l *plan.Layout, rows int64) {
	mask := readUint(r)
	allowed := uint64(v1Numeric)
	switch {
	case l.Empty:
		allowed = v1Empty
	case l.Categorical:
		allowed = v1Categorical
	}
	if mask&^allowed != 0 || mask&v1Exact != 0 && (mask&v1Implied != 0 || mask&v1Digest == 0) {
		r.Fail(fmt.Errorf("%w: mask %#x, allowed %#x", errParts, mask, allowed))
		return
	}
	c.N = rows
	if mask&v1N != 0 {
		c.N = readCounter(r)
	}
	for _, p := range c.countersV1() {
		if mask&p.bit != 0 {
			*p.value = readCounter(r)
		}
	}
	if mask&v1Bins != 0 {
		readInts(r, c.Bins, 0, maxCount)
	}
	if mask&v1Sum != 0 {
		c.Sum = readFixed(r)
	}
	if mask&v1SumSq != 0 {
		c.SumSq = readFixed(r)
	}
	if mask&v1Digest != 0 {
		d, err := ReadTDigest(r)
		if err != nil {
			return // the reader keeps the error
		}
		if mask&v1Exact != 0 {
			for i := range d.cents {
				c.describe(d.cents[i].mean, d.cents[i].weight)
			}
		}
	}
	if mask&v1Distinct != 0 {
		skipDistinctV1(r)
	}
	if r.Err() == nil {
		c.checkBins(r, l)
	}
}

func (s *Set) readPartsV1(r *wire.Reader) {
	parts := readByte(r)
	if parts > v1Parts || s.Curve == nil && parts&(v1Curve|v1Scored) != 0 {
		r.Fail(fmt.Errorf("%w: set parts %#x", errParts, parts))
		return
	}
	if parts&v1Rules != 0 {
		readInts(r, s.Rules, 0, maxCount)
	}
	if parts&v1Latency != 0 {
		s.LatencyN = readCounter(r)
		if _, err := ReadTDigest(r); err != nil {
			return
		}
	}
	if parts&v1Scored != 0 {
		scores := s.scores()
		readInts(r, scores, 0, maxCount)
		s.Scored, s.ScoreInvalid, s.Decided, s.Positive = scores[0], scores[1], scores[2], scores[3]
	}
	if parts&v1Curve != 0 {
		if c := readCurve(s.Curve.Bins(), r); c != nil {
			s.Curve = c
		}
	}
}

// checkBins refuses bins that don't add up.
func (c *Column) checkBins(r *wire.Reader, l *plan.Layout) {
	var binned int64
	for _, n := range c.Bins {
		if binned += n; binned > maxCount {
			r.Fail(errBinned)
			return
		}
	}
	if valid := c.Valid(); valid < c.Overflow || !l.Empty && binned != valid {
		r.Fail(fmt.Errorf("%d values in bins, but %d rows, %d missing, %d invalid", binned, c.N, c.Missing, c.Invalid))
	}
}

// skipDistinctV1 reads over a distinct count of format 1: a list, registers with gaps, or 4 bits per register above a base, 15
// for "or more", and a byte for each of those.
func skipDistinctV1(r *wire.Reader) {
	switch form := readByte(r); {
	case form <= distinctList:
		r.Raw(8 * int(form))
	case form == distinctSparse:
		for range readCount(r, 2) {
			readUint(r)
			readByte(r)
		}
	case form == distinctPacked:
		readByte(r)
		more := 0
		for _, two := range r.Raw(registers / 2) {
			if two&15 == 15 {
				more++
			}
			if two>>4 == 15 {
				more++
			}
		}
		r.Raw(more)
	default:
		r.Fail(fmt.Errorf("a distinct count of unknown form %#x", form))
	}
}
