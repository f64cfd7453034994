package sketch

import (
	"math"
	"testing"

	"pgregory.net/rapid"
)

// Every value lies in one bin, between its bounds, and bins ascend without touching.
func TestBinsHoldTheirValues(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64(), rapid.Float64Range(-3, 3), rapid.Map(rapid.IntRange(-200, 200), func(i int) float64 { return float64(i) })), 1, 60).Draw(t, "values")
		c := &histogramCounter{}
		for _, v := range values {
			c.add(v)
		}
		h := c.histogram()
		bins := h.Bins()
		smallest, largest := h.Ends()
		if len(bins) != h.InUse() || bins[0].Low != smallest || bins[len(bins)-1].High != largest {
			t.Fatalf("%d bins of %d, from %v to %v: %v", len(bins), h.InUse(), smallest, largest, bins)
		}
		for i, b := range bins {
			var n int64
			for _, v := range values {
				if b.Low <= v && v <= b.High {
					n++
				}
			}
			if n != b.N || b.Low > b.High || i > 0 && b.Low <= bins[i-1].High {
				t.Fatalf("bin %d is %v and holds %d", i, b, n)
			}
			if span, size := b.High-b.Low, min(math.Abs(b.Low), math.Abs(b.High)); size > 1e-300 && span > size/32 {
				t.Fatalf("bin %d is %v: too wide", i, b)
			}
		}
	})
}

// What was seen is always there; of few what wasn't never is.
func TestHas(t *testing.T) {
	d := NewDistinct()
	for i := range 3000 {
		seen, not := HashString(string(rune('a'+i%26))+string(rune(i))), HashString("never "+string(rune(i)))
		d.Add(seen)
		if !d.Has(seen) {
			t.Fatalf("%d: not there", i)
		}
		if d.Exact() && d.Has(not) {
			t.Fatalf("%d: there, and never seen", i)
		}
	}
	wrong := 0
	few := NewDistinct()
	for i := range 100 {
		few.Add(HashString(string(rune(1000 + i))))
	}
	for i := range 10_000 {
		if few.Has(HashString("never " + string(rune(i)))) {
			wrong++
		}
	}
	if wrong > 500 { // 100 of 4096 registers: some 240
		t.Errorf("%d of 10,000 that were never seen are said to be", wrong)
	}
}
