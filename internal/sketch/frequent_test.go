package sketch

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// Against an exact count of the same stream, however it is cut into parts and merged: no count is too high or too low by more than Error, which
// is at most 1/(size+1) of all, what is more frequent than that is here, and there are at most 2 size counters.
func TestFrequentAgainstBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(1, 20).Draw(t, "size")
		parts := make([]*Frequent, rapid.IntRange(1, 6).Draw(t, "parts"))
		for i := range parts {
			parts[i] = NewFrequent(size)
		}
		skew := rapid.Float64Range(0, 6).Draw(t, "skew")
		kinds := rapid.SampledFrom([]int{1, 5, 40, 3000}).Draw(t, "kinds")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		exact, total := map[string]int64{}, int64(0)
		for range rapid.SampledFrom([]int{0, 1, 100, 5000}).Draw(t, "n") {
			text := strconv.Itoa(int(float64(kinds) * math.Pow(rng.Float64(), skew)))
			times := int64(1)
			if rng.IntN(10) == 0 {
				times = rng.Int64N(50)
			}
			exact[text] += times
			total += times
			parts[rng.IntN(len(parts))].AddTimes(text, times)
		}
		// Merged as a tree of random shape.
		for len(parts) > 1 {
			i := rng.IntN(len(parts) - 1)
			parts[i].Merge(parts[i+1])
			parts = slices.Delete(parts, i+1, i+2)
		}
		f := parts[0]
		if f.Total() != total || f.Error()*int64(size+1) > total || len(f.counts) > 2*size {
			t.Fatalf("%d texts of %d, error %d at size %d, %d counters", f.Total(), total, f.Error(), size, len(f.counts))
		}
		here := map[string]bool{}
		top := f.Top(math.MaxInt)
		for i, e := range top {
			here[e.Text] = true
			if n := exact[e.Text]; n < e.Least || n > e.Most || e.Least < 1 || e.Most-e.Least != f.Error() {
				t.Fatalf("%q came %d times, said to be %d to %d, error %d", e.Text, n, e.Least, e.Most, f.Error())
			}
			if i > 0 && (top[i-1].Least < e.Least || top[i-1].Least == e.Least && top[i-1].Text >= e.Text) {
				t.Fatalf("%v before %v", top[i-1], e)
			}
		}
		for text, n := range exact {
			if !here[text] && n > f.Error() {
				t.Fatalf("%q came %d times and isn't here, error %d", text, n, f.Error())
			}
			if !here[text] && n*int64(size+1) > total {
				t.Fatalf("%q came %d times of %d and isn't here, size %d", text, n, total, size)
			}
		}
	})
}

// As long as there are few texts, everything is exact, in any order.
func TestFrequentOfFewIsExact(t *testing.T) {
	f := NewFrequent(2)
	for _, text := range []string{"b", "a", "c", "b", "d", "b"} {
		f.Add(text)
	}
	f.AddTimes("z", 0)
	want := []FrequentText{{"b", 3, 3}, {"a", 1, 1}, {"c", 1, 1}}
	if got := f.Top(3); !slices.Equal(got, want) || f.Total() != 6 || f.Error() != 0 {
		t.Errorf("%v of %d, error %d; want %v", got, f.Total(), f.Error(), want)
	}
	if got := f.Top(-1); len(got) != 0 {
		t.Errorf("%v", got)
	}
	f.Merge(f)
	if got := f.Top(1); !slices.Equal(got, []FrequentText{{"b", 6, 6}}) || f.Total() != 12 {
		t.Errorf("merged with itself: %v of %d", got, f.Total())
	}
}

// Texts are copied: a decoder's memory is used again.
func TestFrequentKeepsNoMemoryOfOthers(t *testing.T) {
	memory := []byte("blue")
	text := unsafeTexts(memory, 4)[0]
	f := NewFrequent(4)
	f.Add(text)
	copy(memory, "pink")
	if got := f.Top(1); len(got) != 1 || got[0].Text != "blue" {
		t.Errorf("%v", got)
	}
}
