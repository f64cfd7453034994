package sketch

import (
	"cmp"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// sparse counts keys, of which few occur: ascending, none at 0, so that equal ones look the same whatever was added and taken back.
// Counts of a difference may be negative.
type sparse []histogramBin

// add adds n, which may be negative, to a key.
func (t *sparse) add(key int32, n int64) {
	at, found := slices.BinarySearchFunc(*t, key, func(b histogramBin, key int32) int { return cmp.Compare(b.key, key) })
	switch {
	case n == 0:
	case !found:
		*t = slices.Insert(*t, at, histogramBin{key, n})
	case (*t)[at].count+n == 0:
		*t = slices.Delete(*t, at, at+1)
	default:
		(*t)[at].count += n
	}
}

// of is the count of a key.
func (t sparse) of(key int32) int64 {
	at, found := slices.BinarySearchFunc(t, key, func(b histogramBin, key int32) int { return cmp.Compare(b.key, key) })
	if !found {
		return 0
	}
	return t[at].count
}

// merge adds o, which stays as it is and shares nothing with t afterwards.
func (t *sparse) merge(o sparse) {
	a := *t
	sum := make(sparse, 0, len(a)+len(o))
	for len(a) > 0 || len(o) > 0 {
		switch {
		case len(o) == 0 || len(a) > 0 && a[0].key < o[0].key:
			sum, a = append(sum, a[0]), a[1:]
		case len(a) == 0 || o[0].key < a[0].key:
			sum, o = append(sum, o[0]), o[1:]
		default:
			if n := a[0].count + o[0].count; n != 0 {
				sum = append(sum, histogramBin{a[0].key, n})
			}
			a, o = a[1:], o[1:]
		}
	}
	*t = sum
}

// all visits keys and counts in their order.
func (t sparse) all() iter.Seq2[int32, int64] {
	return func(yield func(int32, int64) bool) {
		for _, b := range t {
			if !yield(b.key, b.count) {
				return
			}
		}
	}
}

var errSparse = errors.New("a sparse count is not as it would be written")

// append writes how many keys there are, then each: what it is above the one before less 1 (the first as it is), its count.
func (t sparse) append(b []byte) []byte {
	b = wire.Uint(b, uint64(len(t)))
	next := int64(0)
	for i, bin := range t {
		if i == 0 {
			b = wire.Int(b, int64(bin.key))
		} else {
			b = wire.Uint(b, uint64(int64(bin.key)-next))
		}
		b = wire.Int(b, bin.count)
		next = int64(bin.key) + 1
	}
	return b
}

// readSparse reads what append wrote, of keys from low to high.
func readSparse(r *wire.Reader, low, high int32) sparse {
	n := readCount(r, 2)
	if n == 0 {
		return nil
	}
	t := make(sparse, 0, n)
	next := int64(low)
	for i := range n {
		key := next
		if i == 0 {
			key = readInt(r)
		} else {
			key += int64(min(readUint(r), 1<<32)) // what is more leads beyond high all the same
		}
		count := readInt(r)
		if r.Err() != nil {
			return nil
		}
		if key < int64(low) || key > int64(high) || count == 0 || count < -maxCount || count > maxCount {
			r.Fail(fmt.Errorf("%w: %d of the key %d, of keys from %d to %d", errSparse, count, key, low, high))
			return nil
		}
		t = append(t, histogramBin{int32(key), count})
		next = key + 1
	}
	return t
}
