package sketch

import (
	"bytes"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

func TestBinAgainstBruteForce(t *testing.T) {
	negativeZero := math.Copysign(0, -1)
	special := []float64{0, negativeZero, 5e-324, -5e-324, 1e-310, 1, math.Nextafter(1, 0), math.Nextafter(1, 2), math.MaxFloat64, -math.MaxFloat64}
	rapid.Check(t, func(t *rapid.T) {
		edges := rapid.SliceOfNDistinct(rapid.OneOf(finite(), rapid.SampledFrom(special)), 0, 40, func(v float64) float64 { return v + 0 }).Draw(t, "edges")
		slices.Sort(edges)
		l := &plan.Layout{Edges: edges}
		values := append(slices.Clone(special), finite().Draw(t, "v"))
		for _, e := range edges {
			values = append(values, e, -e, math.Nextafter(e, math.Inf(1)), math.Nextafter(e, math.Inf(-1)))
		}
		for _, v := range values {
			if v-v != 0 {
				continue
			}
			want := 0
			for _, e := range edges {
				if e < v {
					want++
				}
			}
			if got := Bin(l, v); got != want {
				t.Fatalf("Bin(%v, %v) = %d, want %d", edges, v, got, want)
			}
			if want < len(edges) && v > edges[want] || want > 0 && v <= edges[want-1] {
				t.Fatalf("%v does not lie in bin %d of %v", v, want, edges)
			}
		}
	})
}

// An atom has the bin between the largest float64 below it and itself to itself.
func TestBinOfAnAtom(t *testing.T) {
	l := &plan.Layout{Edges: []float64{math.Nextafter(0, -1), 0, 1}}
	for v, want := range map[float64]int{-1: 0, -5e-324: 0, 0: 1, math.Copysign(0, -1): 1, 5e-324: 2, 1: 2, 1.5: 3} {
		if got := Bin(l, v); got != want {
			t.Errorf("Bin(%v) = %d, want %d", v, got, want)
		}
	}
}

func TestTableFindsWhatBinStringFinds(t *testing.T) {
	// Texts of every length that differ in one place, if at all.
	text := rapid.Custom(func(t *rapid.T) string {
		b := bytes.Repeat([]byte{'a'}, rapid.IntRange(0, 40).Draw(t, "length"))
		if len(b) > 0 {
			b[rapid.IntRange(0, len(b)-1).Draw(t, "place")] = rapid.ByteRange('a', 'c').Draw(t, "byte")
		}
		return string(b)
	})
	rapid.Check(t, func(t *rapid.T) {
		l := &plan.Layout{
			Categorical: true,
			Categories:  rapid.SliceOf(text).Draw(t, "categories"),
			Known:       rapid.SliceOf(text).Draw(t, "known"),
		}
		promised := rapid.SliceOf(text).Draw(t, "promised")
		x := newTable(l.Categories, l.Known, promised)
		list, other := categories(x, l, promised)
		for _, v := range append(rapid.SliceOf(text).Draw(t, "values"), append(l.Categories, promised...)...) {
			wantBin, wantNew := BinString(l, v)
			c := other
			if at := x.find(v); at >= 0 {
				c = list[at]
			}
			if int(c.bin) != wantBin || c.isNew != wantNew {
				t.Fatalf("%q: bin %d, new %t, want %d, %t", v, c.bin, c.isNew, wantBin, wantNew)
			}
			if want := len(promised) > 0 && !slices.Contains(promised, v); c.broken != want {
				t.Fatalf("%q: broken %t, want %t", v, c.broken, want)
			}
		}
	})
}

func TestSliceCode(t *testing.T) {
	p := testPlan()
	b := plan.NewBatch(&p.Prediction, 1)
	row := b.Grow(0)
	for _, c := range []struct {
		region, channel any
		want            string
	}{
		{nil, nil, "\xff\xff\xff\xff"},
		{"north", "web", "\x00\x00\x00\x00"},
		{"south", "app", "\x00\x01\x00\x01"},
		{"", nil, "\x00\x02\xff\xff"},
		{"west", "", "\x00\x03\x00\x01"},
	} {
		for field, v := range map[int]any{11: c.region, 12: c.channel} {
			if s, ok := v.(string); ok {
				b.SetString(field, row, s)
			} else {
				b.SetInvalid(field, row)
			}
		}
		if got := SliceCode(p, b, row); got != c.want {
			t.Errorf("%v, %v: %x, want %x", c.region, c.channel, got, c.want)
		}
	}
}
