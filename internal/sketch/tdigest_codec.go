package sketch

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// AppendBinary writes d: the number of centroids, then each as a varint weight-1<<5 | mixed<<4 | n and the n (0..8) highest
// bytes of the mean, highest first, up to its last byte that isn't 0. A single short number takes two or three bytes, any
// other nine.
func (d *TDigest) AppendBinary(b []byte) []byte {
	f := d.flushed()
	b = wire.Uint(b, uint64(len(f.cents)))
	for i := range f.cents {
		c := &f.cents[i]
		mean := math.Float64bits(c.mean)
		n := 8 - bits.TrailingZeros64(mean)/8
		head := uint64(c.weight-1)<<5 | uint64(n)
		if !c.pure {
			head |= 1 << 4
		}
		b = wire.Uint(b, head)
		for at := range n {
			b = append(b, byte(mean>>(56-8*at)))
		}
	}
	return b
}

var errDigest = errors.New("a t-digest is not as it would be written")

// ReadTDigest reads what AppendBinary wrote.
func ReadTDigest(r *wire.Reader) (*TDigest, error) {
	d := &TDigest{}
	n := readCount(r, 1)
	if n > maxCentroids {
		r.Fail(fmt.Errorf("%w: %d centroids, at most %d", errDigest, n, maxCentroids))
	}
	if r.Err() == nil && n > 0 {
		d.cents = make([]centroid, 0, n)
	}
	for i := range n {
		c := readCentroid(r)
		if r.Err() != nil {
			break
		}
		end := i == 0 || i == n-1
		switch {
		case c.mean-c.mean != 0 || c.mean == 0 && math.Signbit(c.mean):
			r.Fail(fmt.Errorf("%w: centroid %d is at %v", errDigest, i, c.mean))
		case !c.pure && (end || c.weight < 2):
			r.Fail(fmt.Errorf("%w: centroid %d of %d stands for unequal values", errDigest, i, n))
		case i > 0 && (c.mean < d.cents[i-1].mean || c.mean == d.cents[i-1].mean && c.pure && d.cents[i-1].pure):
			r.Fail(fmt.Errorf("%w: centroid %d does not ascend", errDigest, i))
		}
		d.cents = append(d.cents, c)
		d.sum += c.weight
	}
	if d.sum > maxCount {
		r.Fail(fmt.Errorf("%w: it holds %d values, at most 2^53", errDigest, d.sum))
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read t-digest: %w", err)
	}
	return d, nil
}

func readCentroid(r *wire.Reader) centroid {
	head := readUint(r)
	n := int(head & 15)
	if n > 8 || head>>5 >= maxCount {
		r.Fail(fmt.Errorf("%w: a centroid of weight %d with a mean of %d bytes", errDigest, head>>5+1, n))
		return centroid{}
	}
	raw := r.Raw(n)
	if n > 0 && (raw == nil || raw[n-1] == 0) {
		r.Fail(fmt.Errorf("%w: a mean ends in a zero byte", errDigest))
		return centroid{}
	}
	mean := uint64(0)
	for at, c := range raw {
		mean |= uint64(c) << (56 - 8*at)
	}
	return centroid{mean: math.Float64frombits(mean), weight: int64(head>>5) + 1, pure: head&(1<<4) == 0}
}
