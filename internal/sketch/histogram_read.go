package sketch

import (
	"math/bits"
	"slices"
)

// HistogramBin is a bin of a Histogram that holds values: all of them lie in [Low, High]. Low and High differ by less than 1/32 of
// themselves; where the smallest or the largest value of all lies in the bin, it is the bound.
type HistogramBin struct {
	Low, High float64
	N         int64
}

// Bins are the bins that hold values, ascending.
func (h *Histogram) Bins() []HistogramBin {
	out := make([]HistogramBin, len(h.bins))
	for i, b := range h.bins {
		low, high := binEnds(b.key)
		out[i] = HistogramBin{Low: max(low, h.min), High: min(high, h.max), N: b.count}
	}
	return out
}

// Ends are the smallest and the largest value; both are 0 when the histogram is empty.
func (h *Histogram) Ends() (smallest, largest float64) { return h.min, h.max }

// Has reports whether a value was seen, by its hash (HashString): for sure not if it says no. As long as there are at most 48 distinct values it says
// yes of no other; of so many that registers are in use it may, of d values with a chance of about d/4096.
func (d *Distinct) Has(h uint64) bool {
	if d.regs == nil {
		_, found := slices.BinarySearch(d.list, h)
		return found
	}
	v := byte(bits.LeadingZeros64(h<<distinctPrecision|1<<(distinctPrecision-1))) + 1
	return d.regs[h>>(64-distinctPrecision)] >= v
}

// InUse is how many bins hold values.
func (h *Histogram) InUse() int { return len(h.bins) }
