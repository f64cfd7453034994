package sketch

import (
	"math"
	"math/bits"
	"slices"
	"sync"
)

const (
	radixBits   = 12
	radixSize   = 1 << radixBits
	radixDigits = 2
	radixRun    = 24   // what the digits don't tell apart is put in order by insertion as long as nothing moves further than this,
	radixLong   = 1024 // else by comparison, or by its own digits if there are so many
)

// sorter sorts finite numbers by radix, least significant digit first, over the 24 bits of their ordered form that begin with the
// first one in which any two of them differ: with a fixed window, numbers such as 1e9 +- 1 would differ only beyond it. What the
// window doesn't tell apart stands side by side and is put in order by insertion; where much of it does, in the same way again,
// twice at most, as 24 of 64 bits are dealt with each time. What comes in order, or in reverse, is copied.
type sorter struct {
	counts [radixDigits][radixSize]uint16 // digestValues fit
	a, b   []uint64
	values []float64
}

// sorters are used again: one takes some 410 KB, which no digest should hold between two sorts.
var sorters = sync.Pool{New: func() any { return &sorter{} }}

// ordered maps a float64 to an integer of the same order.
func ordered(v float64) uint64 {
	b := math.Float64bits(v)
	return b ^ (uint64(int64(b)>>63) | 1<<63)
}

func unordered(u uint64) float64 {
	return math.Float64frombits(u ^ (uint64(int64(^u)>>63) | 1<<63))
}

// sorted is the finite ones of at most digestValues values in order, -0 as 0. It is the sorter's: until it sorts again.
func (s *sorter) sorted(values []float64) []float64 {
	if s.a == nil {
		s.a, s.b, s.values = make([]uint64, digestValues), make([]uint64, digestValues), make([]float64, digestValues)
	}
	if out, ok := s.copied(values); ok {
		return out
	}
	keys := s.a[:len(values)]
	all, some, n := ^uint64(0), uint64(0), 0
	for _, v := range values {
		if v-v != 0 {
			continue
		}
		u := ordered(v + 0) // -0 + 0 = +0
		keys[n] = u
		n++
		all &= u
		some |= u
	}
	out := s.values[:n]
	s.sort(out, keys[:n], s.b[:n], all^some)
	return out
}

// copied is a copy of finite values that are in order as they come, or in reverse: which ends at the third value of most others.
func (s *sorter) copied(values []float64) (out []float64, ok bool) {
	if len(values) == 0 {
		return nil, true
	}
	first, last := values[0], values[len(values)-1]
	if first-first != 0 || last-last != 0 {
		return nil, false
	}
	out = s.values[:len(values)]
	switch {
	case monotone(values, 1):
		for i, v := range values {
			out[i] = v + 0
		}
	case monotone(values, -1):
		for i, v := range values {
			out[len(out)-1-i] = v + 0
		}
	default:
		return nil, false
	}
	return out, true
}

// monotone is whether no number times the sign is less than the one before it, and none is NaN but for the first.
func monotone(values []float64, sign float64) bool {
	before := values[0] * sign
	for _, v := range values[1:] {
		if !(before <= v*sign) {
			return false
		}
		before = v * sign
	}
	return true
}

// sort puts the numbers of keys into out, in order. differ has every bit in which any two of them differ; room is as long as they are.
func (s *sorter) sort(out []float64, keys, room []uint64, differ uint64) {
	shift := uint(max(bits.Len64(differ)-radixDigits*radixBits, 0)) & 63
	if len(keys) == 0 || differ == 0 {
		for i, u := range keys {
			out[i] = unordered(u)
		}
		return
	}
	low, high := &s.counts[0], &s.counts[1]
	*low, *high = [radixSize]uint16{}, [radixSize]uint16{}
	for _, u := range keys {
		u >>= shift
		low[u&(radixSize-1)]++
		high[u>>radixBits&(radixSize-1)]++
	}
	first, second := uint16(0), uint16(0)
	for i := range low {
		c, d := low[i], high[i]
		low[i], high[i] = first, second
		first += c
		second += d
	}
	room = room[:len(keys)]
	for _, u := range keys {
		next := &low[u>>shift&(radixSize-1)]
		at := *next
		*next = at + 1 // before the place is written: not to be loaded again
		room[at] = u
	}
	shift = (shift + radixBits) & 63
	for _, u := range room {
		next := &high[u>>shift&(radixSize-1)]
		at := *next
		*next = at + 1
		out[at] = unordered(u)
	}
	if shift > radixBits {
		s.settle(out, keys, room, shift-radixBits)
	}
}

// settle sorts what is in order but for the lowest bits.
func (s *sorter) settle(out []float64, keys, room []uint64, low uint) {
	for i := descent(out, 1); i < len(out); i = descent(out, i+1) {
		v := out[i]
		at := i
		for at > 0 && out[at-1] > v && i-at < radixRun {
			out[at] = out[at-1]
			at--
		}
		out[at] = v
		if at == 0 || out[at-1] <= v {
			continue
		}
		begin, end, head := at, i+1, ordered(v)>>low
		for begin > 0 && ordered(out[begin-1])>>low == head {
			begin--
		}
		for end < len(out) && ordered(out[end])>>low == head {
			end++
		}
		i = end - 1
		if end-begin < radixLong {
			slices.Sort(out[begin:end])
			continue
		}
		all, some := ^uint64(0), uint64(0)
		for j, v := range out[begin:end] {
			u := ordered(v)
			keys[begin+j] = u
			all &= u
			some |= u
		}
		s.sort(out[begin:end], keys[begin:end], room[begin:end], all^some)
	}
}

// descent is the first place from which on a number is less than the one before it; the length where there is none.
func descent(out []float64, from int) int {
	if from >= len(out) {
		return len(out)
	}
	before := out[from-1]
	for i, v := range out[from:] {
		if v < before {
			return from + i
		}
		before = v
	}
	return len(out)
}
