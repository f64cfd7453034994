package sketch

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The bins of a Histogram are cut from the bits of a float64: its sign, its exponent and the top histogramBits bits of its
// mantissa. A bin is at most 2^-5 = 1/32 of its own values wide, subnormal numbers aside. Zero has a bin of its own.
const (
	histogramBits  = 5
	histogramShift = 52 - histogramBits
	// maxMagnitude is the largest bin of finite numbers; the smallest is its negative.
	maxMagnitude = 0x7ff << histogramBits
)

// Histogram counts numbers in log-linear bins, exactly: it merges by addition, in any order, to the same bytes. Beside the
// bins it keeps the smallest and the largest value. It describes; tests read counters on the plan's edges, and Beside where a promise
// names a limit that is no edge. The zero value is
// empty.
type Histogram struct {
	bins     []histogramBin // ascending
	min, max float64        // 0 when empty
}

type histogramBin struct {
	key   int32 // histogramKey of its values
	count int64
}

// histogramKey orders the bins as their values: 0 is zero, k > 0 the k-th bin of positive numbers, -k its mirror image.
func histogramKey(v float64) int32 {
	b := math.Float64bits(v)
	k := int32(b<<1>>(histogramShift+1)) + 1
	switch {
	case v == 0:
		return 0
	case b>>63 == 1:
		return -k
	default:
		return k
	}
}

// middle is the middle of a bin.
func middle(key int32) float64 {
	if key == 0 {
		return 0
	}
	k := uint64(max(key, -key) - 1)
	return math.Copysign(math.Float64frombits(k<<histogramShift|1<<(histogramShift-1)), float64(key))
}

// Count is the number of values.
func (h *Histogram) Count() int64 {
	var n int64
	for i := range h.bins {
		n += h.bins[i].count
	}
	return n
}

// Largest is the largest magnitude of any value, 0 when empty.
func (h *Histogram) Largest() float64 { return max(math.Abs(h.min), math.Abs(h.max)) }

// Beside is how many values for sure are above a limit, and how many for sure are not: those of the limit's own bin are neither, unless the smallest or
// the largest value tells. The counts are exact; the bin is at most 1/32 of its values wide.
func (h *Histogram) Beside(limit float64) (above, within int64) {
	n := h.Count()
	switch {
	case n == 0 || math.IsNaN(limit):
		return 0, 0
	case h.min > limit:
		return n, 0
	case h.max <= limit:
		return 0, n
	}
	at := histogramKey(limit)
	for i := range h.bins {
		switch {
		case h.bins[i].key > at:
			above += h.bins[i].count
		case h.bins[i].key < at:
			within += h.bins[i].count
		}
	}
	return above, within
}

// Merge adds o, which stays as it is and shares nothing with h afterwards.
func (h *Histogram) Merge(o *Histogram) {
	switch {
	case len(o.bins) == 0:
		return
	case len(h.bins) == 0:
		*h = Histogram{bins: slices.Clone(o.bins), min: o.min, max: o.max}
		return
	}
	h.min, h.max = min(h.min, o.min), max(h.max, o.max)
	a, b := h.bins, o.bins
	sum := make([]histogramBin, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0].key < b[0].key:
			sum, a = append(sum, a[0]), a[1:]
		case a[0].key > b[0].key:
			sum, b = append(sum, b[0]), b[1:]
		default:
			sum = append(sum, histogramBin{a[0].key, a[0].count + b[0].count})
			a, b = a[1:], b[1:]
		}
	}
	h.bins = append(append(sum, a...), b...)
}

// Clone is a deep copy.
func (h *Histogram) Clone() *Histogram {
	return &Histogram{bins: slices.Clone(h.bins), min: h.min, max: h.max}
}

// Digest is a t-digest of the values as far as the bins tell them: every value stands in the middle of its bin, at most 1/64 of
// it away, but for the smallest and the largest, which are exact. The error of a quantile is this and the t-digest's own.
func (h *Histogram) Digest() *TDigest {
	d := NewTDigest()
	n := h.Count()
	if n == 0 {
		return d
	}
	if n == 1 || h.min == h.max {
		d.squeeze([]centroid{{mean: h.min, weight: n, pure: true}}, n)
		return d
	}
	// The two ends are taken out of their bins. They differ, so that nothing is taken twice.
	items := make([]centroid, 0, min(len(h.bins)+2, digestItems))
	var weight int64
	add := func(v float64, n int64) {
		if n == 0 {
			return
		}
		if last := len(items) - 1; last >= 0 && items[last].mean == v {
			items[last].weight += n
		} else {
			items = append(items, centroid{mean: v, weight: n, pure: true})
		}
		weight += n
		if len(items) == digestItems {
			d.squeeze(items, weight)
			items, weight = items[:0], 0
		}
	}
	add(h.min, 1)
	for i, b := range h.bins {
		n := b.count
		if i == 0 {
			n--
		}
		if i == len(h.bins)-1 {
			n--
		}
		add(min(max(middle(b.key), h.min), h.max), n)
	}
	add(h.max, 1)
	d.squeeze(items, weight)
	return d
}

var errHistogram = errors.New("a histogram is not as it would be written")

// AppendBinary writes h: the number of bins in use; then the smallest and the largest value (see appendFloat), the first bin
// as a zig-zag varint and the count of every bin, where a 0 and a varint say that so many and one more empty bins come
// first.
func (h *Histogram) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, uint64(len(h.bins)))
	if len(h.bins) == 0 {
		return b
	}
	b = appendFloat(appendFloat(b, h.min), h.max)
	next := h.bins[0].key
	b = wire.Int(b, int64(next))
	for _, bin := range h.bins {
		if gap := bin.key - next; gap > 0 {
			b = wire.Uint(append(b, 0), uint64(gap-1))
		}
		b = wire.Uint(b, uint64(bin.count))
		next = bin.key + 1
	}
	return b
}

// ReadHistogram reads what AppendBinary wrote.
func ReadHistogram(r *wire.Reader) (*Histogram, error) {
	h := &Histogram{}
	n := readCount(r, 1)
	if n > 0 {
		h.bins = make([]histogramBin, 0, n)
		h.min, h.max = readFloat(r), readFloat(r)
		h.read(r, n)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read histogram: %w", err)
	}
	return h, nil
}

func (h *Histogram) read(r *wire.Reader, n int) {
	key, total := readInt(r), int64(0)
	for i := range n {
		count := readUint(r)
		if count == 0 && i > 0 {
			gap := min(readUint(r), 2*maxMagnitude) // what is more leads beyond the last bin all the same
			key += int64(gap) + 1
			count = readUint(r)
		}
		if r.Err() != nil {
			return
		}
		if key < -maxMagnitude || key > maxMagnitude || count == 0 || count > maxCount {
			r.Fail(fmt.Errorf("%w: bin %d holds %d", errHistogram, key, count))
			return
		}
		h.bins = append(h.bins, histogramBin{int32(key), int64(count)})
		total += int64(count)
		if total > maxCount {
			r.Fail(fmt.Errorf("%w: it holds %d values, at most 2^53", errHistogram, total))
			return
		}
		key++
	}
	first, last := h.bins[0], h.bins[n-1]
	if h.min-h.min != 0 || h.max-h.max != 0 || histogramKey(h.min) != first.key || histogramKey(h.max) != last.key ||
		h.min > h.max || total == 1 && h.min != h.max || n > 1 && first.key == last.key {
		r.Fail(fmt.Errorf("%w: values from %v to %v in the bins from %d to %d", errHistogram, h.min, h.max, first.key, last.key))
	}
}

// window counts the bins of one sign while an epoch runs, which holds fewer than 2^32 rows: a stretch of bins without gaps, each by
// its histogramKey without the sign, less 1.
type window struct {
	first  uint64
	counts []uint32
}

const (
	windowStep = 64   // bins; windows begin and end at multiples of it
	windowKept = 4096 // bins that are worth keeping over an epoch
)

// reach makes room for a bin.
func (w *window) reach(bin uint64) {
	from, to := bin/windowStep*windowStep, (bin/windowStep+1)*windowStep
	if len(w.counts) > 0 {
		from, to = min(from, w.first), max(to, w.first+uint64(len(w.counts)))
	}
	counts := make([]uint32, to-from)
	if len(w.counts) > 0 {
		copy(counts[w.first-from:], w.counts)
	}
	w.first, w.counts = from, counts
}

func (w *window) reset() {
	if len(w.counts) > windowKept {
		*w = window{}
	}
	clear(w.counts)
}

// histogramCounter is a Histogram that is being counted.
type histogramCounter struct {
	sides    [2]window // by the sign bit: which of them a number belongs to is no branch, which could not be foreseen
	zeros    uint64
	min, max float64
	any      bool
}

func (c *histogramCounter) add(v float64) {
	one := [1]float64{v}
	s := spanOf(one[:])
	c.putAll(one[:], &s)
}

// putAll counts the values that a span tells of.
func (c *histogramCounter) putAll(values []float64, s *span) {
	c.stretch(s.lo)
	c.stretch(s.hi)
	switch {
	case s.lo > 0:
		c.sides[0].putPositive(values)
	case s.closest > 0:
		for _, v := range values {
			b := math.Float64bits(v)
			c.sides[b>>63].put(b << 1 >> (histogramShift + 1))
		}
	default:
		c.putZeros(values)
	}
}

// putPositive keeps the counts at hand, which a store to them can't change.
func (w *window) putPositive(values []float64) {
	first, counts := w.first, w.counts
	for _, v := range values {
		bin := math.Float64bits(v) >> histogramShift
		if at := bin - first; at < uint64(len(counts)) {
			counts[at]++
		} else {
			w.put(bin)
			first, counts = w.first, w.counts
		}
	}
}

func (w *window) put(bin uint64) {
	if at := bin - w.first; at < uint64(len(w.counts)) {
		w.counts[at]++
		return
	}
	w.reach(bin)
	w.counts[bin-w.first]++
}

// putZeros counts values some of which are 0. Whether one is is no branch: many columns hold zeros now and then.
func (c *histogramCounter) putZeros(values []float64) {
	zeros := uint64(0)
	for _, v := range values {
		b := math.Float64bits(v)
		size := b << 1
		some := (size | -size) >> 63 // 0 for 0 and -0, else 1
		zeros += 1 - some
		w := &c.sides[b>>63]
		if at := (size>>(histogramShift+1) - w.first) & -some; at < uint64(len(w.counts)) {
			w.counts[at] += uint32(some)
		} else if some > 0 {
			w.put(size >> (histogramShift + 1))
		}
	}
	c.zeros += zeros
}

// stretch takes v for the smallest or the largest value if it lies beyond those so far.
func (c *histogramCounter) stretch(v float64) {
	if !c.any {
		c.any, c.min, c.max = true, v, v
	}
	if v < c.min {
		c.min = v
	}
	if v > c.max {
		c.max = v
	}
}

// histogram is what was counted.
func (c *histogramCounter) histogram() *Histogram {
	h := &Histogram{}
	if !c.any {
		return h
	}
	h.min, h.max = c.min+0, c.max+0 // no -0
	used := 1
	for i := range c.sides {
		w := &c.sides[i]
		for _, n := range w.counts {
			if n != 0 {
				used++
			}
		}
	}
	h.bins = make([]histogramBin, 0, used)
	for at, n := range slices.Backward(c.sides[1].counts) {
		if n != 0 {
			h.bins = append(h.bins, histogramBin{-int32(c.sides[1].first) - int32(at) - 1, int64(n)})
		}
	}
	if c.zeros != 0 {
		h.bins = append(h.bins, histogramBin{0, int64(c.zeros)})
	}
	for at, n := range c.sides[0].counts {
		if n != 0 {
			h.bins = append(h.bins, histogramBin{int32(c.sides[0].first) + int32(at) + 1, int64(n)})
		}
	}
	return h
}

func (c *histogramCounter) reset() {
	c.sides[0].reset()
	c.sides[1].reset()
	c.zeros, c.any = 0, false
}

func (c *histogramCounter) bytes() int { return 4 * (len(c.sides[0].counts) + len(c.sides[1].counts)) }

// binEnds are the smallest and the largest number of a bin.
func binEnds(key int32) (low, high float64) {
	if key == 0 {
		return 0, 0
	}
	k := uint64(max(key, -key) - 1)
	low, high = math.Float64frombits(k<<histogramShift), math.Float64frombits((k+1)<<histogramShift-1)
	if key < 0 {
		return -high, -low
	}
	return low, high
}
