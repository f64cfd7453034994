package sketch

import (
	"fmt"
	"iter"
	"math"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Errors counts how far the predictions of a number are from what turned out: error = predicted - actual. The sums, in fixed point, give
// bias, MAE, RMSE, R², MAPE, sMAPE and, as the loss at a quantile q is (1-q) times the errors above 0 and q times those below, the
// quantile loss at any q (Koenker & Bassett 1978). The histogram gives the errors' distribution, in the bins of Histogram.
//
// Merging adds, and a label that is taken back leaves nothing behind: each pair is rounded once, by itself. So entries of a difference may be
// negative. The sums of squares are right while they are below 2^87 (see Fixed): of 131,072 pairs of the largest magnitude, of 2^36 below
// 2^25. The zero value is empty.
type Errors struct {
	N        int64 // pairs counted
	Unusable int64 // pairs left out: NaN, infinite, or 2^35 and more

	Sum, Abs, Square    Fixed // of the errors
	Actual, ActualSq    Fixed // of what turned out
	Share               Fixed // of |error| / |actual|
	ShareN              int64 // pairs in Share: not those whose actual value is 0, or so near to it that the share is 2^35 and more
	Symmetric           Fixed // of 2 |error| / (|predicted| + |actual|); 0 where both are 0
	Intervals, Covered  int64 // pairs with an interval that was predicted; of them, those whose actual value lies in it, ends included
	Above, Below, Equal int64 // predictions above, below and at the actual value

	bins sparse // by histogramKey of the error
}

// Pair is a prediction of a number and what turned out.
type Pair struct {
	Predicted, Actual float64
	Low, High         float64 // the interval that was predicted, where Interval says there is one
	Interval          bool
}

// mostShare is what an error is in units of the actual value at most: the sum of 2^52 of them fits.
const mostShare = 1 << 35

// Label counts a pair, with sign +1; -1 takes it back exactly.
func (e *Errors) Label(p Pair, sign int64) {
	difference := p.Predicted - p.Actual
	square, fits := squareFixed(difference)
	_, predictedFits := squareFixed(p.Predicted)
	actualSq, actualFits := squareFixed(p.Actual)
	if !fits || !predictedFits || !actualFits {
		e.Unusable += sign
		return
	}
	e.N += sign
	size := math.Abs(difference)
	e.Sum.count(difference, sign)
	e.Abs.count(size, sign)
	e.Square.Merge(square.times(sign))
	e.Actual.count(p.Actual, sign)
	e.ActualSq.Merge(actualSq.times(sign))
	if s := size / math.Abs(p.Actual); s < mostShare { // which NaN is not
		e.Share.count(s, sign)
		e.ShareN += sign
	}
	if size > 0 {
		e.Symmetric.count(2*size/(math.Abs(p.Predicted)+math.Abs(p.Actual)), sign)
	}
	switch {
	case difference > 0:
		e.Above += sign
	case difference < 0:
		e.Below += sign
	default:
		e.Equal += sign
	}
	if p.Interval {
		e.Intervals += sign
		if p.Low <= p.Actual && p.Actual <= p.High {
			e.Covered += sign
		}
	}
	e.bins.add(histogramKey(difference), sign)
}

// count adds v, which fits, so many times.
func (f *Fixed) count(v float64, times int64) {
	u, _ := toFixed(v)
	f.Merge(u.times(times))
}

// Quantile is the q-quantile of the errors, the middle of its bin: at most 1/64 of the error away from it. ok is false without errors, or
// where counts of a difference make no distribution.
func (e *Errors) Quantile(q float64) (v float64, ok bool) {
	if e.N <= 0 || !(q >= 0 && q <= 1) {
		return 0, false
	}
	for _, n := range e.bins.all() {
		if n < 0 {
			return 0, false
		}
	}
	rank := int64(q * float64(e.N-1))
	for key, n := range e.bins.all() {
		if rank -= n; rank < 0 {
			return middle(key), true
		}
	}
	return 0, false
}

// Bins visits the bins of the errors that occur, ascending: the middle of each, and how many lie in it.
func (e *Errors) Bins() iter.Seq2[float64, int64] {
	return func(yield func(float64, int64) bool) {
		for key, n := range e.bins.all() {
			if !yield(middle(key), n) {
				return
			}
		}
	}
}

func (e *Errors) counters() [7]*int64 {
	return [...]*int64{&e.N, &e.Unusable, &e.ShareN, &e.Intervals, &e.Covered, &e.Above, &e.Below}
}

func (e *Errors) sums() [7]*Fixed {
	return [...]*Fixed{&e.Sum, &e.Abs, &e.Square, &e.Actual, &e.ActualSq, &e.Share, &e.Symmetric}
}

// Merge adds o, which stays as it is.
func (e *Errors) Merge(o *Errors) {
	from, sums := o.counters(), o.sums()
	for i, v := range e.counters() {
		*v += *from[i]
	}
	e.Equal += o.Equal
	for i, s := range e.sums() {
		s.Merge(*sums[i])
	}
	e.bins.merge(o.bins)
}

// Clone is a deep copy.
func (e *Errors) Clone() *Errors {
	n := *e
	n.bins = nil
	n.bins.merge(e.bins)
	return &n
}

const errorsFormat = 1

// AppendBinary writes e: the format (1 byte), the counters but for Equal, which follows from them, the sums, then the bins (see sparse). Equal
// counts have equal bytes, and ReadErrors refuses any other bytes.
func (e *Errors) AppendBinary(b []byte) []byte {
	b = append(b, errorsFormat)
	for _, v := range e.counters() {
		b = wire.Int(b, *v)
	}
	for _, s := range e.sums() {
		b = appendFixed(b, *s)
	}
	return e.bins.append(b)
}

// ReadErrors reads what AppendBinary wrote.
func ReadErrors(r *wire.Reader) (*Errors, error) {
	if v := readByte(r); r.Err() == nil && v != errorsFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, errorsFormat))
	}
	e := &Errors{}
	for _, v := range e.counters() {
		if *v = readInt(r); *v < -maxCount || *v > maxCount {
			r.Fail(fmt.Errorf("a counter of %d, not in [-2^53, 2^53]", *v))
		}
	}
	for _, s := range e.sums() {
		*s = readFixed(r)
	}
	e.bins = readSparse(r, -maxMagnitude, maxMagnitude)
	e.Equal = e.N - e.Above - e.Below
	binned := int64(0)
	for _, n := range e.bins.all() {
		if binned += n; binned < -maxCount || binned > maxCount {
			break // far from wrapping around
		}
	}
	if r.Err() == nil && binned != e.N {
		r.Fail(fmt.Errorf("%w: %d errors in bins, %d counted", errBinned, binned, e.N))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read errors: %w", err)
	}
	return e, nil
}
