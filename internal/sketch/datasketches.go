package sketch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// Apache DataSketches stores a t-digest as, little endian:
//
//	byte    0: how many longs of header follow one another: 1 for the empty one and that of one value, else 2
//	byte    1: version of the format, 1
//	byte    2: kind of sketch, 20
//	bytes 3-4: k
//	byte    5: flags: 1 empty, 2 a single value, 4 the next merge goes from right to left
//	bytes 6-7: unused
//	the single value; or, of all that is not empty,
//	number of centroids and of values not merged yet, 4 bytes each; smallest and largest value; each centroid's mean and weight;
//	those values
//
// Values are doubles and weights eight bytes, or (the float form) floats and four bytes.
const (
	dsHeader  = 8
	dsVersion = 1
	dsFamily  = 20
	dsEmpty   = 1 << 0
	dsSingle  = 1 << 1
	dsFlags   = 1<<3 - 1
	dsLeastK  = 10

	dsK = 200 // under which Apache DataSketches keeps some 250 centroids, as finely as we do

	dsCentroids = 283 // at most, with which the float form takes 2,296 bytes
)

// AppendDataSketches writes d in the double form of Apache DataSketches, with k = 200. It has no word for a centroid whose
// values are all equal; the largest are written in three pieces, the outer of weight 1, so that its readers interpolate nothing
// across them. At most 283 centroids are written; of the rare digest that has more, neighbours are joined.
func (d *TDigest) AppendDataSketches(b []byte) []byte { return d.appendDataSketches(b, false) }

// AppendDataSketchesFloat writes the float form: means are rounded to nearest, beyond its range to its largest number; it takes at
// most 2.3 KB. A digest of 2^32 values or more is written with weights cut in pieces.
func (d *TDigest) AppendDataSketchesFloat(b []byte) []byte { return d.appendDataSketches(b, true) }

func (d *TDigest) appendDataSketches(b []byte, single bool) []byte {
	f := d.flushed()
	longs, flags := byte(2), byte(0)
	switch f.sum {
	case 0:
		longs, flags = 1, dsEmpty
	case 1:
		longs, flags = 1, dsSingle
	}
	b = append(b, longs, dsVersion, dsFamily, dsK, 0, flags, 0, 0)
	if flags == dsEmpty {
		return b
	}
	w := dsWriter{single: single}
	if flags == dsSingle {
		return w.value(b, f.cents[0].mean)
	}
	at := len(b)
	b = append(b, 0, 0, 0, 0, 0, 0, 0, 0)
	b = w.value(w.value(b, f.Min()), f.Max())
	cents := f.cents
	if len(cents) > dsCentroids {
		cents = join(slices.Clone(cents), float64(f.sum), 2)
	}
	least := atoms(cents)
	for _, c := range cents {
		if c.pure && c.weight >= least {
			b = w.centroid(b, c.mean, 1)
			b = w.centroid(b, c.mean, c.weight-2)
			c.weight = 1
		}
		b = w.centroid(b, c.mean, c.weight)
	}
	binary.LittleEndian.PutUint32(b[at:], uint32(w.centroids))
	return b
}

// atoms is the least weight of the centroids of equal values that are written in pieces: as many as there is room for.
func atoms(cents []centroid) int64 {
	weights := make([]int64, 0, len(cents))
	for _, c := range cents {
		if c.pure {
			weights = append(weights, c.weight)
		}
	}
	most := (dsCentroids - len(cents)) / 2
	if len(weights) <= most {
		return 3
	}
	slices.Sort(weights)
	return max(weights[len(weights)-most-1]+1, 3)
}

type dsWriter struct {
	single    bool
	centroids int
}

func (w *dsWriter) value(b []byte, v float64) []byte {
	if !w.single {
		return binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	v = min(max(v, -math.MaxFloat32), math.MaxFloat32)
	return binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
}

func (w *dsWriter) centroid(b []byte, mean float64, weight int64) []byte {
	for w.single && weight > math.MaxUint32 {
		b = w.centroid(b, mean, math.MaxUint32)
		weight -= math.MaxUint32
	}
	w.centroids++
	b = w.value(b, mean)
	if w.single {
		return binary.LittleEndian.AppendUint32(b, uint32(weight))
	}
	return binary.LittleEndian.AppendUint64(b, uint64(weight))
}

var errDataSketches = errors.New("no t-digest of Apache DataSketches")

// ReadDataSketches reads the double form, ReadDataSketchesFloat the float form, whatever their k: with more centroids than
// are kept here neighbours are joined. Of a centroid at one end that stands for several values, the smallest or largest is taken out.
func ReadDataSketches(b []byte) (*TDigest, error) { return readDataSketches(b, 8) }

// ReadDataSketchesFloat reads the float form.
func ReadDataSketchesFloat(b []byte) (*TDigest, error) { return readDataSketches(b, 4) }

func readDataSketches(b []byte, width int) (*TDigest, error) {
	r := dsReader{b: b, width: width}
	d, err := r.digest()
	if err != nil {
		return nil, fmt.Errorf("read t-digest: %w: %w", errDataSketches, err)
	}
	return d, nil
}

type dsReader struct {
	b     []byte
	width int // of a value and of a weight
}

func (r *dsReader) digest() (*TDigest, error) {
	if len(r.b) < dsHeader {
		return nil, fmt.Errorf("its header has %d bytes, the record %d", dsHeader, len(r.b))
	}
	longs, version, family, k, flags := r.b[0], r.b[1], r.b[2], binary.LittleEndian.Uint16(r.b[3:]), r.b[5]
	want := byte(2)
	if flags&(dsEmpty|dsSingle) != 0 {
		want = 1
	}
	switch {
	case version != dsVersion || family != dsFamily:
		return nil, fmt.Errorf("version %d of kind %d, want %d of %d", version, family, dsVersion, dsFamily)
	case k < dsLeastK:
		return nil, fmt.Errorf("k is %d, at least %d", k, dsLeastK)
	case flags > dsFlags || flags&dsEmpty != 0 && flags&dsSingle != 0 || longs != want:
		return nil, fmt.Errorf("flags %#x with a header of %d longs", flags, longs)
	}
	r.b = r.b[dsHeader:]
	d := NewTDigest()
	switch {
	case flags&dsEmpty != 0:
		return d, r.end(0)
	case flags&dsSingle != 0:
		if err := r.end(r.width); err != nil {
			return nil, err
		}
		v := r.value()
		if v-v != 0 {
			return nil, fmt.Errorf("its value is %v", v)
		}
		d.Add(v)
		d.flush()
		return d, nil
	}
	if len(r.b) < 8 {
		return nil, fmt.Errorf("it ends after %d bytes", dsHeader+len(r.b))
	}
	centroids, values := int(binary.LittleEndian.Uint32(r.b)), int(binary.LittleEndian.Uint32(r.b[4:]))
	r.b = r.b[8:]
	if err := r.end((2 + 2*centroids + values) * r.width); err != nil {
		return nil, err
	}
	least, most := r.value(), r.value()
	if least-least != 0 || most-most != 0 || least > most || centroids+values == 0 {
		return nil, fmt.Errorf("%d centroids and %d values from %v to %v", centroids, values, least, most)
	}
	if err := r.centroids(d, centroids, least, most); err != nil {
		return nil, err
	}
	for range values {
		v := r.value()
		if !(v >= least && v <= most) {
			return nil, fmt.Errorf("a value of %v, all are from %v to %v", v, least, most)
		}
		d.Add(v)
	}
	d.flush()
	if d.Min() != least || d.Max() != most {
		return nil, fmt.Errorf("the smallest and the largest value are %v and %v, said to be %v and %v", d.Min(), d.Max(), least, most)
	}
	return d, nil
}

// end checks that so many bytes are left.
func (r *dsReader) end(bytes int) error {
	if len(r.b) != bytes {
		return fmt.Errorf("%d bytes follow where %d should", len(r.b), bytes)
	}
	return nil
}

func (r *dsReader) value() float64 {
	b := r.b
	r.b = b[r.width:]
	if r.width == 4 {
		return float64(math.Float32frombits(binary.LittleEndian.Uint32(b))) + 0
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)) + 0
}

func (r *dsReader) weight() uint64 {
	b := r.b
	r.b = b[r.width:]
	if r.width == 4 {
		return uint64(binary.LittleEndian.Uint32(b))
	}
	return binary.LittleEndian.Uint64(b)
}

// centroids reads n centroids into d, which is empty, the ends first.
func (r *dsReader) centroids(d *TDigest, n int, least, most float64) error {
	list, sum := make([]centroid, 0, n), int64(0)
	for i := range n {
		mean, weight := r.value(), r.weight()
		before := least
		if i > 0 {
			before = list[i-1].mean
		}
		switch {
		case !(mean >= before && mean <= most):
			return fmt.Errorf("centroid %d of %d is at %v, between %v and %v", i, n, mean, before, most)
		case weight == 0 || weight > maxCount || sum+int64(weight) > maxCount:
			return fmt.Errorf("centroid %d of %d has the weight %d", i, n, weight)
		}
		list = append(list, centroid{mean: mean, weight: int64(weight), pure: weight == 1})
		sum += int64(weight)
	}
	if n == 0 {
		return nil
	}
	// Neighbours at one place: what is between them lies there too.
	for i := 1; i < n; i++ {
		if list[i].mean == list[i-1].mean {
			list[i].pure, list[i-1].pure = true, true
		}
	}
	list[0].pure = list[0].pure || list[0].mean == least
	list[n-1].pure = list[n-1].pure || list[n-1].mean == most
	first, last := list[0], list[n-1]
	if first.pure && first.mean != least || last.pure && last.mean != most {
		return fmt.Errorf("the ends are at %v and %v, the smallest and the largest value at %v and %v", first.mean, last.mean, least, most)
	}
	if !first.pure {
		next := most
		if n > 1 {
			next = list[1].mean
		}
		list[0] = without(first, least, least, next)
		d.squeeze([]centroid{{mean: least, weight: 1, pure: true}}, 1)
	}
	if !last.pure {
		before := least
		if n > 1 {
			before = list[n-2].mean
		}
		list[n-1] = without(list[n-1], most, before, most)
		d.squeeze([]centroid{{mean: most, weight: 1, pure: true}}, 1)
	}
	for len(list) > 0 {
		part := list[:min(len(list), digestItems)]
		list = list[len(part):]
		d.takeItems(part)
	}
	return nil
}

// without is c less one value of it, kept between its neighbours.
func without(c centroid, v, low, high float64) centroid {
	c.weight--
	if c.weight > 0 {
		c.mean = min(max(c.mean+(c.mean/2-v/2)/float64(c.weight)*2, low), high)
	}
	c.pure = c.weight == 1
	return c
}

// takeItems merges items in, those of them that have any weight.
func (d *TDigest) takeItems(items []centroid) {
	n, weight := 0, int64(0)
	for _, c := range items {
		if c.weight > 0 {
			items[n] = c
			n++
			weight += c.weight
		}
	}
	if n > 0 {
		d.squeeze(items[:n], weight)
	}
}
