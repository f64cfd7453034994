package window

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/record"
)

const ahead = 100

func watermarkOf(times ...int64) int64 {
	w := NewWatermark()
	for _, t := range times {
		w.See(t, ahead)
	}
	return w.At()
}

func TestWatermark(t *testing.T) {
	for _, c := range []struct {
		name  string
		times []int64
		want  int64
	}{
		{"nothing", nil, record.NoTime},
		{"in order", []int64{1, 50, 149, 249}, 249},
		{"out of order", []int64{200, 150, 120}, 200},
		{"one wrong clock", []int64{10, 9_999, 20}, 20},
		{"a wrong clock again and again", []int64{10, 500, 500, 20, 500, 500, 500, 30, 501}, 30},
		{"a pause, few events", []int64{10, 1000, 1050}, 10},
		{"a pause, further events", []int64{10, 1000, 1050, 1101}, 1000},
		{"a pause, many events", append([]int64{10}, slices.Repeat([]int64{1007, 1000}, 5)...), 1000},
		{"a pause, nine events", append([]int64{10}, slices.Repeat([]int64{1007, 1000, 1003}, 3)...), 10},
		{"a rare event now and then", []int64{0, 1000, 2000, 3000, 4000}, 3000},
	} {
		if got := watermarkOf(c.times...); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestWatermarkIsNeverBlinded: a tenth of the events may have any clock; the watermark stays with the others.
func TestWatermarkIsNeverBlinded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, truth := NewWatermark(), int64(0)
		w.See(0, ahead)
		skew := rapid.Int64Range(ahead+1, 1_000_000).Draw(t, "skew")
		for range rapid.IntRange(0, 50).Draw(t, "events") {
			truth += rapid.Int64Range(0, ahead).Draw(t, "step")
			if rapid.IntRange(0, 9).Draw(t, "wrong") == 0 {
				w.See(truth+skew, ahead)
			}
			w.See(truth, ahead)
			if w.At() != truth {
				t.Fatalf("watermark %d at %d", w.At(), truth)
			}
		}
	})
}

// TestWatermarkIsOneOfTheEvents: where nobody leaps it is the plain maximum, and where it isn't, it is behind and one of the events.
func TestWatermarkIsOneOfTheEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		times := rapid.SliceOf(rapid.Int64Range(0, 1000)).Draw(t, "times")
		got, most, leaps := watermarkOf(times...), int64(record.NoTime), false
		for _, x := range times {
			leaps = leaps || most != record.NoTime && x-most > ahead
			most = max(most, x)
		}
		if len(times) > 0 && !slices.Contains(times, got) || got > most || !leaps && got != most {
			t.Errorf("watermark %d of %v", got, times)
		}
	})
}

// TestWatermarkGoesOn: written down and read again anywhere, it goes on as if nothing had been.
func TestWatermarkGoesOn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := NewWatermark()
		for _, x := range rapid.SliceOf(rapid.Int64Range(-1000, 3000)).Draw(t, "times") {
			again, err := ParseWatermark(w.String())
			if err != nil {
				t.Fatal(err)
			}
			again.See(x, ahead)
			w.See(x, ahead)
			if again.At() != w.At() || again.String() != w.String() {
				t.Fatalf("%s, want %s", again.String(), w.String())
			}
		}
	})
	for _, s := range []string{"", "w1:", "w2:3", "w1:1:2", "w1:1:2:3:x", "w1:1:99:3:4", "w1:1:2:4:3", "member-1"} {
		if w, err := ParseWatermark(s); err == nil {
			t.Errorf("%q is read as %s", s, w.String())
		}
	}
}
