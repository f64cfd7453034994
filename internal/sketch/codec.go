package sketch

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// setFormat is the version of a set's encoding that this build writes; it reads this one and the one before.
//
//   - 1: with t-digests and distinct counts, which are a Summary's now (codec_v1.go); bins and curve in varints.
//   - 2: exact counts only; bins in bits, scores as what is left of a prediction.
const setFormat = 2

// Which parts of a column follow. What is rare comes last: the mask is a varint.
const (
	hasMissing = 1 << iota
	hasSums
	hasNegative
	hasZero
	hasIntegral
	hasBelow
	hasAbove
	hasInvalid
	hasNew
	hasBroken
	hasOverflow
	hasN // other than the set's rows

	numericParts     = hasN<<1 - 1 - hasNew
	categoricalParts = hasMissing | hasNew | hasBroken | hasInvalid | hasN
	emptyParts       = hasMissing | hasBroken | hasInvalid | hasN
)

// Which parts of a set follow its columns.
const (
	setRules = 1 << iota
	setLatency
	setScored
	setScores
	setCurve   // the whole curve, where it isn't what scores alone make
	setReasons // only under plans that name reason codes, so that other sets are as builds before wrote them
	setParts   = setReasons<<1 - 1
)

var (
	errEmpty = errors.New("a part is there and empty")
	errParts = errors.New("parts that such a column can't have")
)

// AppendBinary writes s:
//
//	format      1 byte
//	shape       4 bytes: a checksum over the numbers of columns, bins, rules and score bins
//	rows        varint
//	columns     each a mask (varint), the counters it names, the bins, and both sums unless they are 0
//	parts       1 byte, then rules (run-length coded), latency (count), scores (4 varints), reason codes (6 varints), the curve's
//	            predictions
//
// A counter of 0 takes no bytes but its bit, and bins of no values none at all. Equal sets have equal bytes, and ReadSet
// refuses any other bytes.
func (s *Set) AppendBinary(b []byte) []byte {
	b = s.appendHead(b)
	for i := range s.Columns {
		b = s.Columns[i].append(b, s.Rows)
	}
	return s.appendParts(b)
}

func (s *Set) appendHead(b []byte) []byte {
	b = append(b, setFormat)
	b = append(b, s.shape[:]...)
	return wire.Uint(b, uint64(s.Rows))
}

func (s *Set) appendParts(b []byte) []byte {
	at := len(b)
	b = s.appendOdds(b)
	switch {
	case s.Curve == nil || s.Curve.empty():
	case s.Curve.scored(s.Scored):
		b[at] |= setScores
		b = s.Curve.appendScores(b, s.Scored)
	default:
		b[at] |= setCurve
		b = s.Curve.append(b)
	}
	return b
}

// appendOdds writes which parts follow, and all but the curve.
func (s *Set) appendOdds(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	if anySet([]*[]int64{&s.Rules}) {
		b[at] |= setRules
		b = appendInts(b, s.Rules)
	}
	if s.LatencyN != 0 {
		b[at] |= setLatency
		b = wire.Uint(b, uint64(s.LatencyN))
	}
	if scores := s.scores(); anySet([]*[]int64{&scores}) {
		b[at] |= setScored
		b = appendInts(b, scores)
	}
	if anySet([]*[]int64{&s.Reasons}) {
		b[at] |= setReasons
		b = appendInts(b, s.Reasons)
	}
	return b
}

func (s *Set) scores() []int64 { return []int64{s.Scored, s.ScoreInvalid, s.Decided, s.Positive} }

// shapeOf is a checksum of a set's shape, so that a set counted by another plan is refused rather than misread.
func shapeOf(s *Set) [4]byte {
	var b []byte
	b = wire.Uint(b, uint64(len(s.Columns)))
	for i := range s.Columns {
		b = wire.Uint(b, uint64(len(s.Columns[i].Bins)))
	}
	b = wire.Uint(b, uint64(len(s.Rules)))
	if s.Curve != nil {
		b = wire.Uint(b, uint64(s.Curve.Bins()))
	}
	if s.Reasons != nil {
		b = append(b, "reasons"...)
	}
	h := fnv.New32a()
	h.Write(b)
	return [4]byte(h.Sum(nil))
}

// counters are in the order of their bits, which is the order in which they are written.
func (c *Column) counters() [11]*int64 {
	return [11]*int64{
		&c.Missing, nil, &c.Negative, &c.Zero, &c.Integral, &c.Below, &c.Above, &c.Invalid, &c.New, &c.Broken, &c.Overflow,
	}
}

func (c *Column) append(b []byte, rows int64) []byte {
	n, mask := c.Valid(), c.mask(rows)
	b = c.appendCounters(b, mask)
	if n > 0 && len(c.Bins) > 0 {
		b = appendBins(b, c.Bins, n)
	}
	return c.appendSums(b, mask)
}

// appendCounters writes what comes before the bins.
func (c *Column) appendCounters(b []byte, mask uint64) []byte {
	b = wire.Uint(b, mask)
	if mask&hasN != 0 {
		b = wire.Uint(b, uint64(c.N))
	}
	if mask&^(hasN|hasSums) != 0 {
		for _, v := range c.counters() {
			if v != nil && *v != 0 {
				b = wire.Uint(b, uint64(*v))
			}
		}
	}
	return b
}

// appendSums writes what comes behind the bins.
func (c *Column) appendSums(b []byte, mask uint64) []byte {
	if mask&hasSums != 0 {
		b = appendFixed(appendFixed(b, c.Sum), c.SumSq)
	}
	return b
}

func (c *Column) mask(rows int64) uint64 {
	return bitIf(hasN, c.N != rows) | bitIf(hasSums, !c.Sum.IsZero() || !c.SumSq.IsZero()) |
		bitIf(hasMissing, c.Missing != 0) | bitIf(hasNegative, c.Negative != 0) | bitIf(hasZero, c.Zero != 0) |
		bitIf(hasIntegral, c.Integral != 0) | bitIf(hasBelow, c.Below != 0) | bitIf(hasAbove, c.Above != 0) |
		bitIf(hasInvalid, c.Invalid != 0) | bitIf(hasNew, c.New != 0) | bitIf(hasBroken, c.Broken != 0) | bitIf(hasOverflow, c.Overflow != 0)
}

func bitIf(bit uint64, on bool) uint64 {
	if on {
		return bit
	}
	return 0
}

// ReadSet reads what AppendBinary wrote, or a build of the format before, for the plan that counted it. The error says what
// doesn't fit; there is no half-read set. The reader may go on behind the set.
func ReadSet(p *plan.Plan, r *wire.Reader) (*Set, error) {
	format := readByte(r)
	if r.Err() == nil && format != setFormat && format != setFormat-1 {
		r.Fail(fmt.Errorf("format %d, this build reads %d and %d", format, setFormat, setFormat-1))
	}
	shape := r.Raw(4)
	if err := r.Err(); err != nil { // before anything is allocated
		return nil, fmt.Errorf("read set: %w", err)
	}
	s := NewSet(p)
	if !bytes.Equal(shape, s.shape[:]) {
		r.Fail(fmt.Errorf("%w: the set was counted by another plan than %q", errShape, p.Digest()))
	}
	s.Rows = readCounter(r)
	for i := range s.Columns {
		if r.Err() != nil {
			break
		}
		if format == setFormat {
			s.Columns[i].read(r, &p.Columns[i].Layout, s.Rows)
		} else {
			s.Columns[i].readV1(r, &p.Columns[i].Layout, s.Rows)
		}
	}
	if format == setFormat {
		s.readParts(r)
	} else {
		s.readPartsV1(r)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read set of %s: %w", p.Model, err)
	}
	return s, nil
}

func (s *Set) readParts(r *wire.Reader) {
	parts := readByte(r)
	if parts > setParts || (s.Reasons != nil && s.Rows != 0) != (parts&setReasons != 0) || s.Curve == nil && parts&(setCurve|setScores|setScored) != 0 || parts&(setCurve|setScores) == setCurve|setScores {
		r.Fail(fmt.Errorf("%w: set parts %#x", errParts, parts))
		return
	}
	if parts&setRules != 0 {
		readInts(r, s.Rules, 0, s.Rows)
	}
	if parts&setLatency != 0 {
		s.LatencyN = readCounter(r)
	}
	if parts&setScored != 0 {
		scores := s.scores()
		readInts(r, scores, 0, maxCount)
		s.Scored, s.ScoreInvalid, s.Decided, s.Positive = scores[0], scores[1], scores[2], scores[3]
	}
	if parts&setReasons != 0 {
		s.readReasons(r)
	}
	switch {
	case parts&setScores != 0:
		s.Curve.readScores(r, s.Scored)
	case parts&setCurve != 0:
		if c := readCurve(s.Curve.Bins(), r); c != nil {
			s.Curve = c
		}
	}
	if r.Err() != nil {
		return
	}
	scores := s.scores()
	if parts&setRules != 0 && !anySet([]*[]int64{&s.Rules}) || parts&setLatency != 0 && s.LatencyN == 0 ||
		parts&setScored != 0 && !anySet([]*[]int64{&scores}) ||
		parts&(setCurve|setScores) != 0 && (s.Curve.empty() || s.Curve.scored(s.Scored) != (parts&setScores != 0)) {
		r.Fail(errEmpty)
	}
}

func (c *Column) read(r *wire.Reader, l *plan.Layout, rows int64) {
	mask := readUint(r)
	allowed := uint64(numericParts)
	switch {
	case l.Empty:
		allowed = emptyParts
	case l.Categorical:
		allowed = categoricalParts
	}
	if mask&^allowed != 0 {
		r.Fail(fmt.Errorf("%w: mask %#x, allowed %#x", errParts, mask, allowed))
		return
	}
	c.N = rows
	if mask&hasN != 0 {
		c.N = readCounter(r)
	}
	for i, v := range c.counters() {
		if v != nil && mask>>i&1 != 0 {
			*v = readCounter(r)
		}
	}
	if r.Err() != nil {
		return
	}
	n := c.Valid()
	if n < 0 || n < c.Overflow {
		r.Fail(fmt.Errorf("%w: %d rows, %d missing, %d invalid, %d too large to add up", errBinned, c.N, c.Missing, c.Invalid, c.Overflow))
		return
	}
	if most := max(c.Below, c.Above, c.New); n < most {
		r.Fail(fmt.Errorf("%w: %d values, %d below, %d above, %d new", errBinned, n, c.Below, c.Above, c.New))
		return
	}
	if n > 0 && len(c.Bins) > 0 {
		readBins(r, c.Bins, n)
	}
	if mask&hasSums != 0 {
		c.Sum, c.SumSq = readFixed(r), readFixed(r)
	}
	if got := c.mask(rows); r.Err() == nil && got != mask {
		r.Fail(fmt.Errorf("a column with the parts %#x is written with %#x", got, mask))
	}
}
