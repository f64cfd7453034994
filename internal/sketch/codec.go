package sketch

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// setFormat is the version of a set's encoding. This build writes it and reads no other; a change adds a reader for the one
// before.
const setFormat = 1

// Which parts of a column follow. What is rare comes last: the mask is a varint.
const (
	hasBins = 1 << iota
	hasDigest
	hasExact // the digest is exact: sums, shape counters and the distinct count follow from it
	hasDistinct
	hasMissing
	hasIntegral
	hasSum
	hasSumSq
	hasZero
	hasNegative
	hasBelow
	hasAbove
	hasNew
	hasBroken
	hasInvalid
	hasOverflow
	hasN // other than the set's rows

	numericParts     = hasN<<1 - 1 - hasNew
	categoricalParts = hasBins | hasDistinct | hasMissing | hasNew | hasBroken | hasInvalid | hasN
	emptyParts       = hasMissing | hasBroken | hasInvalid | hasN
	// exactParts are implied by hasExact.
	exactParts = hasDistinct | hasIntegral | hasSum | hasSumSq | hasZero | hasNegative | hasOverflow
)

// Which parts of a set follow its columns.
const (
	setRules = 1 << iota
	setLatency
	setScored
	setCurve
	setParts = setCurve<<1 - 1
)

var (
	errEmpty = errors.New("a part is there and empty")
	errParts = errors.New("parts that such a column can't have")
	errExact = errors.New("a column that follows from its t-digest is written out")
)

// AppendBinary writes s:
//
//	format      1 byte
//	shape       4 bytes: a checksum over the numbers of columns, bins, rules and score bins
//	rows        varint
//	columns     each a mask (varint) and the parts it names, in the order of AppendBinary's code below
//	parts       1 byte, then rules (run-length coded), latency (count, t-digest), scores (4 varints), curve
//
// A counter of 0 and a missing sketch take no bytes but their bit. A numeric column whose t-digest still holds every value
// needs neither sums nor hashes: they follow from it. Equal sets have equal bytes, and ReadSet refuses any other bytes.
func (s *Set) AppendBinary(b []byte) []byte {
	b = append(b, setFormat)
	b = append(b, s.shape()...)
	b = wire.Uint(b, uint64(s.Rows))
	for i := range s.Columns {
		b = s.Columns[i].append(b, s.Rows)
	}
	at := len(b)
	b = append(b, 0)
	if anySet([]*[]int64{&s.Rules}) {
		b[at] |= setRules
		b = appendInts(b, s.Rules)
	}
	if s.LatencyN != 0 || s.Latency.holds() {
		b[at] |= setLatency
		b = wire.Uint(b, uint64(s.LatencyN))
		if s.Latency == nil {
			b = wire.Uint(b, 0)
		} else {
			b = s.Latency.AppendBinary(b)
		}
	}
	if scores := s.scores(); anySet([]*[]int64{&scores}) {
		b[at] |= setScored
		b = appendInts(b, scores)
	}
	if s.Curve != nil && (anySet([]*[]int64{&s.Curve.N, &s.Curve.S, &s.Curve.S2}) || s.Curve.labelled()) {
		b[at] |= setCurve
		b = s.Curve.append(b)
	}
	return b
}

func (s *Set) scores() []int64 { return []int64{s.Scored, s.ScoreInvalid, s.Decided, s.Positive} }

// shape is a checksum of the set's shape, so that a set counted by another plan is refused rather than misread.
func (s *Set) shape() []byte {
	var b []byte
	b = wire.Uint(b, uint64(len(s.Columns)))
	for i := range s.Columns {
		b = wire.Uint(b, uint64(len(s.Columns[i].Bins)))
	}
	b = wire.Uint(b, uint64(len(s.Rules)))
	if s.Curve != nil {
		b = wire.Uint(b, uint64(s.Curve.Bins()))
	}
	h := fnv.New32a()
	h.Write(b)
	return h.Sum(nil)
}

func (d *TDigest) holds() bool { return d != nil && d.Count() > 0 }

type part struct {
	bit   uint64
	value *int64
}

func (c *Column) counters() []part {
	return []part{
		{hasMissing, &c.Missing},
		{hasInvalid, &c.Invalid},
		{hasBelow, &c.Below},
		{hasAbove, &c.Above},
		{hasNew, &c.New},
		{hasBroken, &c.Broken},
		{hasIntegral, &c.Integral},
		{hasZero, &c.Zero},
		{hasNegative, &c.Negative},
		{hasOverflow, &c.Overflow},
	}
}

func (c *Column) append(b []byte, rows int64) []byte {
	mask := c.mask(rows)
	b = wire.Uint(b, mask)
	if mask&hasN != 0 {
		b = wire.Uint(b, uint64(c.N))
	}
	for _, p := range c.counters() {
		if mask&p.bit != 0 {
			b = wire.Uint(b, uint64(*p.value))
		}
	}
	if mask&hasBins != 0 {
		b = appendInts(b, c.Bins)
	}
	if mask&hasSum != 0 {
		b = appendFixed(b, c.Sum)
	}
	if mask&hasSumSq != 0 {
		b = appendFixed(b, c.SumSq)
	}
	if mask&hasDigest != 0 {
		b = c.Digest.AppendBinary(b)
	}
	if mask&hasDistinct != 0 {
		b = c.Distinct.AppendBinary(b)
	}
	return b
}

func (c *Column) mask(rows int64) uint64 {
	mask := bitIf(hasN, c.N != rows) | bitIf(hasBins, anySet([]*[]int64{&c.Bins})) |
		bitIf(hasSum, !c.Sum.IsZero()) | bitIf(hasSumSq, !c.SumSq.IsZero()) |
		bitIf(hasDigest, c.Digest.holds()) | bitIf(hasDistinct, c.Distinct != nil && !c.Distinct.empty())
	for _, p := range c.counters() {
		mask |= bitIf(p.bit, *p.value != 0)
	}
	if c.exact() {
		mask = mask&^exactParts | hasExact
	}
	return mask
}

func bitIf(bit uint64, on bool) uint64 {
	if on {
		return bit
	}
	return 0
}

// exact reports whether everything describe counts, and the distinct count, follow from a digest that still holds every value.
func (c *Column) exact() bool {
	if c.Distinct == nil || !c.Distinct.Exact() || !c.Digest.holds() {
		return false
	}
	var implied Column
	return implied.imply(c.Digest) && implied.Sum == c.Sum && implied.SumSq == c.SumSq && implied.Overflow == c.Overflow &&
		implied.Integral == c.Integral && implied.Zero == c.Zero && implied.Negative == c.Negative &&
		equalHashes(implied.Distinct.list, c.Distinct.list)
}

func equalHashes(a, b []uint64) bool {
	if len(a) != len(b) {
		return false
	}
	for i, h := range a {
		if h != b[i] {
			return false
		}
	}
	return true
}

// imply fills c with what the values of a digest imply; it reports false if the digest doesn't hold every value, or more
// distinct ones than Distinct lists.
func (c *Column) imply(d *TDigest) bool {
	d = d.flushed()
	if len(d.cents) > distinctList {
		return false
	}
	for i := range d.cents {
		if !d.cents[i].pure {
			return false
		}
	}
	c.Distinct = NewDistinct()
	for i := range d.cents {
		c.describe(d.cents[i].mean, d.cents[i].weight)
		c.Distinct.Add(HashFloat(d.cents[i].mean))
	}
	return true
}

// ReadSet reads what AppendBinary wrote, for the plan that counted it. The error says what doesn't fit; there is no half-read
// set. The reader may go on behind the set.
func ReadSet(p *plan.Plan, r *wire.Reader) (*Set, error) {
	if v := readByte(r); r.Err() == nil && v != setFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, setFormat))
	}
	shape := r.Raw(4)
	if err := r.Err(); err != nil { // before anything is allocated
		return nil, fmt.Errorf("read set: %w", err)
	}
	s := NewSet(p)
	if !bytes.Equal(shape, s.shape()) {
		r.Fail(fmt.Errorf("%w: the set was counted by another plan than %q", errShape, p.Digest()))
	}
	s.Rows = readCounter(r)
	for i := range s.Columns {
		if r.Err() != nil {
			break
		}
		s.Columns[i].read(r, &p.Columns[i].Layout, s.Rows)
	}
	s.readParts(r)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read set of %s: %w", p.Model, err)
	}
	return s, nil
}

func (s *Set) readParts(r *wire.Reader) {
	parts := readByte(r)
	if parts > setParts || s.Curve == nil && parts&(setCurve|setScored) != 0 {
		r.Fail(fmt.Errorf("%w: set parts %#x", errParts, parts))
		return
	}
	if parts&setRules != 0 {
		readInts(r, s.Rules, 0, maxCount)
	}
	if parts&setLatency != 0 {
		s.LatencyN = readCounter(r)
		d, err := ReadTDigest(r)
		if err == nil && d.holds() {
			s.Latency = d
		}
	}
	if parts&setScored != 0 {
		scores := s.scores()
		readInts(r, scores, 0, maxCount)
		s.Scored, s.ScoreInvalid, s.Decided, s.Positive = scores[0], scores[1], scores[2], scores[3]
	}
	if parts&setCurve != 0 {
		if c := readCurve(s.Curve.Bins(), r); c != nil {
			s.Curve = c
		}
	}
	if r.Err() != nil {
		return
	}
	scores := s.scores()
	if parts&setRules != 0 && !anySet([]*[]int64{&s.Rules}) ||
		parts&setLatency != 0 && s.LatencyN == 0 && s.Latency == nil ||
		parts&setScored != 0 && !anySet([]*[]int64{&scores}) ||
		parts&setCurve != 0 && !anySet([]*[]int64{&s.Curve.N, &s.Curve.S, &s.Curve.S2}) && !s.Curve.labelled() {
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
	if mask&^allowed != 0 || mask&hasExact != 0 && (mask&exactParts != 0 || mask&hasDigest == 0) {
		r.Fail(fmt.Errorf("%w: mask %#x, allowed %#x", errParts, mask, allowed))
		return
	}
	c.N = rows
	if mask&hasN != 0 {
		c.N = readCounter(r)
	}
	for _, p := range c.counters() {
		if mask&p.bit != 0 {
			*p.value = readCounter(r)
		}
	}
	if mask&hasBins != 0 {
		readInts(r, c.Bins, 0, maxCount)
	}
	if mask&hasSum != 0 {
		c.Sum = readFixed(r)
	}
	if mask&hasSumSq != 0 {
		c.SumSq = readFixed(r)
	}
	c.readSketches(r, mask)
	if r.Err() != nil {
		return
	}
	c.check(r, l, mask, rows)
}

func (c *Column) readSketches(r *wire.Reader, mask uint64) {
	var err error
	if mask&hasDigest != 0 {
		if c.Digest, err = ReadTDigest(r); err != nil {
			return // the reader keeps the error
		}
	}
	if mask&hasDistinct != 0 {
		if c.Distinct, err = ReadDistinct(r); err != nil {
			return
		}
	}
	if mask&hasExact != 0 && !c.imply(c.Digest) {
		r.Fail(errExact)
	}
}

// check refuses what append would have written in another way, and bins that don't add up.
func (c *Column) check(r *wire.Reader, l *plan.Layout, mask uint64, rows int64) {
	if got := c.mask(rows); got != mask {
		r.Fail(fmt.Errorf("a column with the parts %#x is written with %#x", got, mask))
		return
	}
	var binned int64
	for _, n := range c.Bins {
		binned += n
		if binned > maxCount {
			r.Fail(fmt.Errorf("bins of more than 2^53 values"))
			return
		}
	}
	if valid := c.Valid(); valid < 0 || !l.Empty && binned != valid {
		r.Fail(fmt.Errorf("%d values in bins, but %d rows, %d missing, %d invalid", binned, c.N, c.Missing, c.Invalid))
	}
}
