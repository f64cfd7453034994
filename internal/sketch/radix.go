package sketch

import (
	"math"
	"math/bits"
	"slices"
	"sync"
)

const (
	radixBits   = 11
	radixSize   = 1 << radixBits
	radixDigits = 3
)

// sorter sorts finite numbers by radix, least significant digit first, over the 33 bits of their ordered form that begin with the
// first one in which any two of them differ: with a fixed window, numbers such as 1e9 +- 1 would differ only beyond it. What the
// window doesn't tell apart stands in runs, which are looked through and sorted where they need it.
type sorter struct {
	counts [radixDigits][radixSize]uint32
	a, b   []uint64
}

// sorters are used again: one takes some 90 KB, which no digest should hold between two sorts.
var sorters = sync.Pool{New: func() any { return &sorter{} }}

// ordered maps a float64 to an integer of the same order.
func ordered(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func unordered(u uint64) float64 {
	return math.Float64frombits(u ^ (uint64(int64(^u)>>63) | 1<<63))
}

// sort sorts values in place.
func (s *sorter) sort(values []float64) {
	n := len(values)
	if n < 2 {
		return
	}
	if cap(s.a) < n {
		s.a, s.b = make([]uint64, n), make([]uint64, n)
	}
	from, to := s.a[:n], s.b[:n]
	first, differ := ordered(values[0]), uint64(0)
	for i, v := range values {
		u := ordered(v)
		from[i] = u
		differ |= u ^ first
	}
	if differ == 0 {
		return
	}
	shift := max(bits.Len64(differ)-radixDigits*radixBits, 0)
	s.counts = [radixDigits][radixSize]uint32{}
	for _, u := range from {
		u >>= shift
		s.counts[0][u&(radixSize-1)]++
		s.counts[1][u>>radixBits&(radixSize-1)]++
		s.counts[2][u>>(2*radixBits)&(radixSize-1)]++
	}
	for digit := range s.counts {
		counts, by := &s.counts[digit], shift+digit*radixBits
		if counts[from[0]>>by&(radixSize-1)] == uint32(n) {
			continue // all have this digit in common
		}
		sum := uint32(0)
		for i, c := range counts {
			counts[i] = sum
			sum += c
		}
		for _, u := range from {
			at := &counts[u>>by&(radixSize-1)]
			to[*at] = u
			*at++
		}
		from, to = to, from
	}
	if shift > 0 {
		sortRuns(from, shift)
	}
	for i, u := range from {
		values[i] = unordered(u)
	}
}

// sortRuns sorts what is equal but for the lowest bits.
func sortRuns(u []uint64, low int) {
	for i := 1; i < len(u); i++ {
		if u[i] >= u[i-1] {
			continue
		}
		begin, end := i-1, i+1
		for begin > 0 && u[begin-1]>>low == u[i]>>low {
			begin--
		}
		for end < len(u) && u[end]>>low == u[i]>>low {
			end++
		}
		slices.Sort(u[begin:end])
		i = end - 1
	}
}
