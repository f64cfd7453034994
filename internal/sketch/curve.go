package sketch

import (
	"fmt"
	"math"
	"math/bits"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// ScoreScale is the unit of scores in fixed point: a score of 1 is 2^30.
const ScoreScale = 1 << 30

// Curve is the reliability curve: one entry per score bin of plan.Score, in integers. Merging adds, and a label that is taken
// back leaves nothing behind, so entries of a difference may be negative.
type Curve struct {
	N, S, S2       []int64 // predictions: number, sum of the score, sum of its square (each rounded to 2^-30)
	Labels, Pos    []int64 // joined outcomes: number, positive ones
	LS, LS2, PS    []int64 // labelled: sums of the score and of its square; sum of the score over the positive ones
	TP, FP, FN, TN int64   // labelled, at the decision taken
}

// NewCurve makes an empty curve of so many bins.
func NewCurve(bins int) *Curve {
	slab := make([]int64, 8*bins)
	c := &Curve{}
	for i, a := range c.arrays() {
		*a = slab[i*bins : (i+1)*bins : (i+1)*bins]
	}
	return c
}

func (c *Curve) arrays() [8]*[]int64 {
	return [8]*[]int64{&c.N, &c.S, &c.S2, &c.Labels, &c.Pos, &c.LS, &c.LS2, &c.PS}
}

func (c *Curve) decisions() [4]*int64 { return [4]*int64{&c.TP, &c.FP, &c.FN, &c.TN} }

// ScoreFixed is a score in units of 2^-30, rounded to nearest (ties to even); ok is false outside [0, 1] and for NaN.
func ScoreFixed(s float64) (v int64, ok bool) {
	if !(s >= 0 && s <= 1) {
		return 0, false
	}
	return int64(math.RoundToEven(s * ScoreScale)), true
}

// squared is the square of a score in fixed point, rounded half up.
func squared(score int64) int64 { return (score*score + ScoreScale/2) >> 30 }

// Bins is the number of score bins.
func (c *Curve) Bins() int { return len(c.N) }

// Predict counts a prediction: its bin (of ScoreBins) and its score (of ScoreFixed).
func (c *Curve) Predict(bin int, score int64) {
	c.N[bin]++
	c.S[bin] += score
	c.S2[bin] += squared(score)
}

// Label counts the joined outcome of a prediction, with sign +1; -1 takes it back exactly. decision is the decision that was
// taken, positive the outcome.
func (c *Curve) Label(bin int, score int64, decision, positive bool, sign int64) {
	c.Labels[bin] += sign
	c.LS[bin] += sign * score
	c.LS2[bin] += sign * squared(score)
	if positive {
		c.Pos[bin] += sign
		c.PS[bin] += sign * score
	}
	switch {
	case decision && positive:
		c.TP += sign
	case decision:
		c.FP += sign
	case positive:
		c.FN += sign
	default:
		c.TN += sign
	}
}

// Merge adds o; a curve with another number of bins is refused.
func (c *Curve) Merge(o *Curve) error {
	if c.Bins() != o.Bins() {
		return fmt.Errorf("merge curves: %w: %d score bins and %d", errShape, c.Bins(), o.Bins())
	}
	from := o.arrays()
	for i, a := range c.arrays() {
		addInts(*a, *from[i])
	}
	also := o.decisions()
	for i, v := range c.decisions() {
		*v += *also[i]
	}
	return nil
}

// Clone is a deep copy.
func (c *Curve) Clone() *Curve {
	n := NewCurve(c.Bins())
	from := c.arrays()
	for i, a := range n.arrays() {
		copy(*a, *from[i])
	}
	n.TP, n.FP, n.FN, n.TN = c.TP, c.FP, c.FN, c.TN
	return n
}

const (
	curveFormat      = 1
	curvePredictions = 1 << 0
	curveLabels      = 1 << 1

	maxScores = 1 << 62 // a sum of so many scores nobody counts
)

// AppendBinary writes c: version byte, then a byte that says which halves follow: predictions (N, S, S2) and labels (Labels,
// Pos, LS, LS2, PS, TP, FP, FN, TN), zeros run-length coded.
func (c *Curve) AppendBinary(b []byte) []byte { return c.append(append(b, curveFormat)) }

func (c *Curve) append(b []byte) []byte {
	at := len(b)
	b = append(b, 0)
	arrays := c.arrays()
	if anySet(arrays[:3]) {
		b[at] |= curvePredictions
		for _, a := range arrays[:3] {
			b = appendInts(b, *a)
		}
	}
	if c.labelled() {
		b[at] |= curveLabels
		for _, a := range arrays[3:] {
			b = appendInts(b, *a)
		}
		b = appendInts(b, []int64{c.TP, c.FP, c.FN, c.TN})
	}
	return b
}

func (c *Curve) labelled() bool {
	arrays := c.arrays()
	return anySet(arrays[3:]) || c.TP != 0 || c.FP != 0 || c.FN != 0 || c.TN != 0
}

// anySet reports whether any element is other than 0.
func anySet(arrays []*[]int64) bool {
	bits := int64(0)
	for _, a := range arrays {
		for _, v := range *a {
			bits |= v
		}
	}
	return bits != 0
}

// ReadCurve reads what AppendBinary wrote of a curve with so many bins.
func ReadCurve(bins int, r *wire.Reader) (*Curve, error) {
	if v := readByte(r); r.Err() == nil && v != curveFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, curveFormat))
	}
	c := readCurve(bins, r)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read curve: %w", err)
	}
	return c, nil
}

func readCurve(bins int, r *wire.Reader) *Curve {
	half := readByte(r)
	if half > curvePredictions|curveLabels {
		r.Fail(fmt.Errorf("a curve with unknown parts %#x", half))
		return nil
	}
	c := NewCurve(bins)
	arrays := c.arrays()
	if half&curvePredictions != 0 {
		for _, a := range arrays[:3] {
			readInts(r, *a, -maxScores, maxScores)
		}
		if r.Err() == nil && !anySet(arrays[:3]) {
			r.Fail(errEmpty)
		}
	}
	if half&curveLabels != 0 {
		for _, a := range arrays[3:] {
			readInts(r, *a, -maxScores, maxScores)
		}
		var decided [4]int64
		readInts(r, decided[:], -maxScores, maxScores)
		c.TP, c.FP, c.FN, c.TN = decided[0], decided[1], decided[2], decided[3]
		if r.Err() == nil && !c.labelled() {
			r.Fail(errEmpty)
		}
	}
	return c
}

// A curve of scores alone, as a counter makes it, takes little: how many there are in each bin (see appendBins); per bin that isn't empty
// the sum of the scores less what it were with the mean of the bin before, and the sum of the squares less n times the
// square of the mean.

func (c *Curve) empty() bool {
	arrays := c.arrays()
	return !anySet(arrays[:3]) && !c.labelled()
}

// scored reports whether c holds n > 0 scores and nothing else.
func (c *Curve) scored(n int64) bool {
	if n <= 0 || c.labelled() {
		return false
	}
	for i, v := range c.N {
		if v < 0 || v > n || v == 0 && (c.S[i] != 0 || c.S2[i] != 0) {
			return false
		}
		n -= v
	}
	return n == 0
}

func (c *Curve) appendScores(b []byte, n int64) []byte {
	b = appendBins(b, c.N, n)
	mean := int64(0)
	for i, v := range c.N {
		b, mean = appendScore(b, &scoreBin{v, c.S[i], c.S2[i]}, mean)
	}
	return b
}

// appendScore writes the sums of a bin; mean is that of the bin before, then its own.
func appendScore(b []byte, bin *scoreBin, mean int64) ([]byte, int64) {
	if bin.n == 0 {
		return b, mean
	}
	b = wire.Int(b, bin.s-bin.n*mean)
	return wire.Int(b, bin.s2-squareOfMean(bin.s, bin.n)), bin.s / bin.n
}

func (c *Curve) readScores(r *wire.Reader, n int64) {
	if n <= 0 {
		r.Fail(errEmpty)
		return
	}
	readBins(r, c.N, n)
	mean := int64(0)
	for i, v := range c.N {
		if v == 0 || r.Err() != nil {
			continue
		}
		c.S[i] = readInt(r) + v*mean
		c.S2[i] = readInt(r) + squareOfMean(c.S[i], v)
		mean = c.S[i] / v
		if c.S[i] < -maxScores || c.S[i] > maxScores || c.S2[i] < -maxScores || c.S2[i] > maxScores {
			r.Fail(fmt.Errorf("a sum of scores of %d, of squares of %d: not in [-2^62, 2^62]", c.S[i], c.S2[i]))
		}
	}
}

// squareOfMean is n times the square of the mean of n scores of this sum, 0 where it makes no sense.
func squareOfMean(sum, n int64) int64 {
	if sum <= 0 || n <= 0 || n > maxCount>>30 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(sum), uint64(sum))
	by := uint64(n) << 30
	if hi >= by {
		return 0
	}
	q, _ := bits.Div64(hi, lo, by)
	return int64(q)
}
