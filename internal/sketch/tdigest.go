package sketch

import (
	"cmp"
	"math"
	"slices"
)

// Compression is delta of the t-digest, in the convention of its authors: it holds delta/2 centroids and some, at most about delta.
// Libraries that let k1 run over delta units instead of delta/2 call the same resolution 200.
const Compression = 400

const (
	digestValues = 16384 // values kept before they are merged in
	digestItems  = 512   // of a list that is merged in
	digestExact  = 64    // items that are kept as they are
	maxCentroids = 416   // join gives at most delta + 3: any two neighbours span more than one unit of k1, which has delta/2

	// cosStep and sinStep are of 2*pi/delta: written out, because math.Cos may differ in the last bit between machines.
	cosStep = 0.99987663248166059863890712773
	sinStep = 0.015707317311820675753295353310
)

// TDigest summarises numbers for quantiles: the merging t-digest of Dunning & Ertl (2019, arXiv 1902.04023, algorithm 1) with the
// scale function k1(q) = delta/(2 pi) * asin(2q-1): a centroid may span at most one unit of k1, so that its rank
// width at q is at most about 2 pi/delta * sqrt(q(1-q)) and the tails are resolved finest. Four rules are our own:
//
//   - A centroid knows whether all its values are equal (pure). Equal values join their pure centroid whatever its weight, so
//     constants, two-point data and large atoms are held exactly, and the CDF jumps at them.
//   - The smallest and largest values stay pure centroids: minimum, maximum and extreme quantiles are exact.
//   - Up to 64 items are kept as they are: so many distinct values are held exactly, and in any order of operations alike.
//   - The bound of k1 is stepped by the addition theorem of the sine, without trigonometry.
//
// Values are gathered, sorted by radix (radix.go) and merged in at once; nothing else is done per value.
//
// Measured rank error (tests hold it over many shapes and seeds, n = 1e5, added one by one or merged from 24): at most 0.0025
// from q = .1 to .9, 0.00075 at .01 and .99, 0.0003 at .001 and .999; a t-digest has no worst-case guarantee. It is
// deterministic given the order of its operations, but merging in another order gives other bytes: it describes and never
// decides. The zero value is empty. Reading it never changes it.
type TDigest struct {
	cents []centroid // ascending by mean; first and last pure
	sum   int64      // weight of cents
	buf   []float64  // not merged in yet
}

type centroid struct {
	mean   float64
	weight int64
	pure   bool // every value equals mean
}

// NewTDigest makes an empty digest.
func NewTDigest() *TDigest { return &TDigest{} }

// Add adds a value. NaN and infinities are ignored: they can't be ranked among numbers.
func (d *TDigest) Add(v float64) {
	if v-v != 0 {
		return
	}
	if len(d.buf) == digestValues {
		d.flush()
	}
	d.buf = append(d.buf, v+0) // -0 + 0 = +0
}

// AddAll adds values, as Add one by one does, in two thirds of the time: if nothing waits to be merged in, it sorts them from where they are.
func (d *TDigest) AddAll(values []float64) {
	if len(d.buf) == 0 && len(values) >= digestValues {
		sort := sorters.Get().(*sorter)
		for len(values) >= digestValues {
			d.take(sort.sorted(values[:digestValues]))
			values = values[digestValues:]
		}
		sorters.Put(sort)
	}
	for _, v := range values {
		d.Add(v)
	}
}

// Weighted is a value and how often it came.
type Weighted struct {
	Value float64
	Times int64
}

// AddWeighted adds a value so many times. Of many values AddAllWeighted is faster.
func (d *TDigest) AddWeighted(v float64, times int64) {
	d.AddAllWeighted([]Weighted{{Value: v, Times: times}})
}

// AddAllWeighted adds values, each so many times, in any order; like Add it ignores what is no finite number, and what came no time.
func (d *TDigest) AddAllWeighted(values []Weighted) {
	d.flush()
	var room [digestItems]centroid
	for len(values) > 0 {
		part := values[:min(len(values), digestItems)]
		values = values[len(part):]
		items, weight := room[:0], int64(0)
		for _, w := range part {
			if w.Value-w.Value == 0 && w.Times > 0 {
				items = append(items, centroid{mean: w.Value + 0, weight: w.Times, pure: true})
				weight += w.Times
			}
		}
		if len(items) == 0 {
			continue
		}
		slices.SortFunc(items, func(a, b centroid) int { return cmp.Compare(a.mean, b.mean) })
		d.squeeze(items, weight) // which makes one of equal ones
	}
}

// Merge adds what o holds; o stays as it is.
func (d *TDigest) Merge(o *TDigest) {
	o = o.flushed()
	if len(o.cents) == 0 {
		return
	}
	d.flush()
	d.squeeze(o.cents, o.sum)
}

// Count is the number of values.
func (d *TDigest) Count() int64 { return d.sum + int64(len(d.buf)) }

// Min is the smallest value, exactly; NaN when empty.
func (d *TDigest) Min() float64 {
	v := math.NaN()
	if len(d.cents) > 0 {
		v = d.cents[0].mean
	}
	for _, x := range d.buf {
		if !(v <= x) {
			v = x
		}
	}
	return v
}

// Max is the largest value, exactly; NaN when empty.
func (d *TDigest) Max() float64 {
	v := math.NaN()
	if len(d.cents) > 0 {
		v = d.cents[len(d.cents)-1].mean
	}
	for _, x := range d.buf {
		if !(v >= x) {
			v = x
		}
	}
	return v
}

// Quantile is the smallest value that at least the share q (0..1, clamped) of all values does not exceed; between centroids
// that stand for unequal values it is interpolated linearly. It is NaN when the digest is empty or q is NaN.
func (d *TDigest) Quantile(q float64) float64 {
	f := d.flushed()
	if len(f.cents) == 0 || math.IsNaN(q) {
		return math.NaN()
	}
	rank := min(max(q, 0), 1) * float64(2*f.sum) // in half values: an impure centroid has half its weight on either side
	before := int64(0)
	for i := range f.cents {
		c := &f.cents[i]
		before += c.jump()
		if i == len(f.cents)-1 || rank <= float64(before) {
			return c.mean
		}
		next := &f.cents[i+1]
		gap := c.side() + next.side()
		if rank <= float64(before+gap) {
			return between(c.mean, next.mean, (rank-float64(before))/float64(gap))
		}
		before += gap
	}
	return math.NaN()
}

// CDF is the share of values that are at most x; NaN when the digest is empty or x is NaN.
func (d *TDigest) CDF(x float64) float64 {
	f := d.flushed()
	if len(f.cents) == 0 || math.IsNaN(x) {
		return math.NaN()
	}
	before := int64(0)
	for i := range f.cents {
		c := &f.cents[i]
		if x < c.mean {
			break
		}
		before += c.jump()
		if i == len(f.cents)-1 {
			break
		}
		next := &f.cents[i+1]
		gap := c.side() + next.side()
		if x < next.mean {
			share := (x/2 - c.mean/2) / (next.mean/2 - c.mean/2) // halves: the difference of two float64 may be infinite
			if next.mean-c.mean < 1 {
				share = (x - c.mean) / (next.mean - c.mean) // and halves of the smallest ones vanish
			}
			return (float64(before) + float64(float64(gap)*share)) / float64(2*f.sum)
		}
		before += gap
	}
	return float64(before) / float64(2*f.sum)
}

// Merged is d itself with every value merged in, which else each reading does for itself.
func (d *TDigest) Merged() *TDigest {
	d.flush()
	return d
}

// Clone is a deep copy.
func (d *TDigest) Clone() *TDigest {
	return &TDigest{cents: slices.Clone(d.cents), sum: d.sum, buf: slices.Clone(d.buf)}
}

// jump is the mass at the mean itself, in half values.
func (c *centroid) jump() int64 {
	if c.pure {
		return 2 * c.weight
	}
	return 0
}

// side is the mass on either side of the mean, in half values.
func (c *centroid) side() int64 {
	if c.pure {
		return 0
	}
	return c.weight
}

// between is the point at share f from a to b, without overflow and never outside.
func between(a, b, f float64) float64 {
	v := a + float64(f*(b-a))
	if v-v != 0 {
		v = float64(a*(1-f)) + float64(b*f)
	}
	return min(max(v, a), b)
}

// flushed is d with nothing in the buffer: d itself, or a copy.
func (d *TDigest) flushed() *TDigest {
	if len(d.buf) == 0 {
		return d
	}
	c := d.Clone()
	c.flush()
	return c
}

func (d *TDigest) flush() {
	if len(d.buf) == 0 {
		return
	}
	sort := sorters.Get().(*sorter)
	d.take(sort.sorted(d.buf))
	sorters.Put(sort)
	d.buf = d.buf[:0]
}

// take merges sorted values in.
func (d *TDigest) take(values []float64) {
	if len(values) == 0 {
		return
	}
	runs := 1
	for i := 1; i < len(values) && runs <= digestItems; i++ {
		if values[i] != values[i-1] {
			runs++
		}
	}
	if most := max(math.Abs(values[0]), math.Abs(values[len(values)-1])); runs > digestItems && most < hugeValue {
		d.absorb(values)
		return
	}
	var items [digestItems]centroid
	n, weight := 0, int64(0)
	for _, v := range values {
		if n > 0 && items[n-1].mean == v {
			items[n-1].weight++
			weight++
			continue
		}
		if n == len(items) {
			d.squeeze(items[:n], weight)
			n, weight = 0, 0
		}
		items[n] = centroid{mean: v, weight: 1, pure: true}
		weight++
		n++
	}
	d.squeeze(items[:n], weight)
}

// hugeValue is a magnitude of which a buffer full has no infinite sum.
const hugeValue = 1e300

// absorb merges sorted values in, more than can be kept as they are: as squeeze does, without making items of them. The mean of a
// centroid is that of its distances from the first of what it is made of, so that 1e9 +- 1 loses nothing.
func (d *TDigest) absorb(values []float64) {
	var room [maxCentroids]centroid
	out := room[:0]
	cents := d.cents
	d.sum += int64(len(values))
	total := float64(d.sum)
	// What may join others: all but the last item.
	joinable, lastJoins := len(values), len(cents) > 0 && cents[len(cents)-1].mean < values[len(values)-1]
	if len(cents) == 0 || lastJoins {
		joinable = runStart(values, len(values)-1)
	}
	var cur centroid
	spread := 0.0 // of cur: weight times distance from its first mean
	last := 0.0   // the mean of what joined cur last
	done, limit := int64(0), int64(0)
	for i := 0; i < len(values) || len(cents) > 0; {
		var item centroid
		var joins bool
		if len(cents) > 0 && (i == len(values) || cents[0].mean <= values[i]) {
			item = cents[0]
			cents = cents[1:]
			for item.pure && i < len(values) && values[i] == item.mean {
				item.weight++
				i++
			}
			joins = len(cents) > 0 || lastJoins
		} else {
			// As many as fit in and lie before the next centroid, but no part of a run of equal ones.
			end := min(int64(i)+max(limit-done-cur.weight, 0), int64(joinable))
			if len(cents) > 0 {
				end = int64(firstFrom(values[:max(end, int64(i))], i, cents[0].mean))
			}
			if e := int(end); e > i {
				if e < len(values) && values[e] == values[e-1] {
					e = max(runStart(values, e), i)
				}
				if e > i {
					spread += distances(values[i:e], cur.mean)
					cur.weight += int64(e - i)
					cur.pure = false
					last = values[e-1]
					i = e
					continue
				}
			}
			item = centroid{mean: values[i], weight: 1, pure: true}
			for i++; i < len(values) && values[i] == item.mean; i++ {
				item.weight++
			}
			joins = false // or it would have joined
		}
		if joins && done+cur.weight+item.weight <= limit {
			spread += float64(item.weight) * (item.mean - cur.mean)
			cur.weight += item.weight
			cur.pure = false
			last = item.mean
			continue
		}
		if cur.weight > 0 {
			out = append(out, cur.spread(spread, last))
			done += cur.weight
			limit = int64(total * oneFurther(float64(done)/total))
		}
		cur, spread, last = item, 0, item.mean
	}
	d.cents = append(d.cents[:0], append(out, cur.spread(spread, last))...)
}

// runStart is where the run of values equal to that at i begins.
func runStart(sorted []float64, i int) int {
	for i > 0 && sorted[i-1] == sorted[i] {
		i--
	}
	return i
}

// firstFrom is the first place from i on where a value is at least v; len(sorted) if there is none.
func firstFrom(sorted []float64, i int, v float64) int {
	n := len(sorted)
	if n <= i || sorted[n-1] < v {
		return n
	}
	for i < n {
		if mid := int(uint(i+n) / 2); sorted[mid] < v {
			i = mid + 1
		} else {
			n = mid
		}
	}
	return i
}

// distances sums how far values lie from v, four sums side by side.
func distances(values []float64, v float64) float64 {
	var a, b, c, d float64
	for len(values) >= 4 {
		a += values[0] - v
		b += values[1] - v
		c += values[2] - v
		d += values[3] - v
		values = values[4:]
	}
	for _, x := range values {
		a += x - v
	}
	return (a + b) + (c + d)
}

// spread is c with the mean of all that joined it; its own mean is still that of the first of them.
func (c centroid) spread(by, last float64) centroid {
	if !c.pure && by != 0 {
		c.mean = min(max(c.mean+by/float64(c.weight), c.mean), last)
	}
	return c
}

// squeeze merges a sorted list of at most digestItems items into d and, if they are too many to be kept, joins neighbours
// greedily from the left, as far as the scale function lets a centroid reach.
func (d *TDigest) squeeze(other []centroid, weight int64) {
	var room [digestItems + maxCentroids]centroid
	items := mergeSorted(room[:0], d.cents, other)
	d.sum += weight
	if len(items) > digestExact {
		items = join(items, float64(d.sum), 1)
	}
	d.cents = append(d.cents[:0], items...)
}

// join joins neighbours in place, so that each spans at most so many units of k1. The first and the last item stay alone.
func join(items []centroid, total float64, units int) []centroid {
	// items[n] is being filled; done is the weight before it; limit is where it must end, 0 for the first item.
	n, done, limit := 0, int64(0), 0.0
	for i := 1; i < len(items); i++ {
		item := items[i]
		cur := &items[n]
		if i < len(items)-1 && float64(done+cur.weight+item.weight) <= limit {
			cur.join(item)
			continue
		}
		done += cur.weight
		q := float64(done) / total
		for range units {
			q = oneFurther(q)
		}
		limit = total * q
		n++
		items[n] = item
	}
	return items[:n+1]
}

// oneFurther is k1^-1(k1(q) + 1): with 2q-1 = sin a, it is (1 + sin(a + 2 pi/delta))/2. Products are rounded before they are
// added (no fused multiply-add), so that every machine gives the same bits.
func oneFurther(q float64) float64 {
	sin := float64(2*q) - 1
	if sin >= cosStep { // a + 2 pi/delta >= pi/2
		return 1
	}
	cos := 2 * math.Sqrt(float64(q*(1-q)))
	return (1 + float64(sin*cosStep) + float64(cos*sinStep)) / 2
}

func (c *centroid) join(o centroid) {
	low := c.mean
	c.weight += o.weight
	c.mean = between(low, o.mean, float64(o.weight)/float64(c.weight))
	c.pure = false
}

// mergeSorted appends two sorted lists as one, equal pure neighbours as one item. On ties a comes first, which keeps the first and
// last items pure if those of a and b are.
func mergeSorted(out, a, b []centroid) []centroid {
	for len(a) > 0 || len(b) > 0 {
		var item centroid
		if len(a) > 0 && (len(b) == 0 || a[0].mean <= b[0].mean) {
			item, a = a[0], a[1:]
		} else {
			item, b = b[0], b[1:]
		}
		if n := len(out); n > 0 && item.pure && out[n-1].pure && out[n-1].mean == item.mean {
			out[n-1].weight += item.weight
			continue
		}
		out = append(out, item)
	}
	return out
}
