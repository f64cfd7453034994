package sketch

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

func TestDistinctEstimates(t *testing.T) {
	sigma := 1.04 / math.Sqrt(registers)
	for _, n := range []int{0, 1, 2, 47, 48, 49, 60, 100, 500, 1000, 3000, 5000, 10_000, 20_000, 50_000, 200_000, 1_000_000} {
		for seed := range 3 {
			d := NewDistinct()
			for i := range n {
				h := HashFloat(float64(i) + 1e7*float64(seed))
				if seed == 2 && n <= 50_000 {
					h = HashString(fmt.Sprintf("id-%d", i))
				}
				d.Add(h)
				d.Add(h)
			}
			got := float64(d.Estimate())
			if n <= distinctList {
				if got != float64(n) || !d.Exact() {
					t.Errorf("n = %d: %v, exact %t", n, got, d.Exact())
				}
				continue
			}
			if z := (got/float64(n) - 1) / sigma; math.Abs(z) > 5 || d.Exact() {
				t.Errorf("n = %d, seed %d: %v is %.1f standard errors off", n, seed, got, z)
			}
		}
	}
}

// State and bytes depend on the set of values only: not on order, grouping or repetition, on either side of the step from list
// to registers.
func TestDistinctMergesInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, 120), rapid.IntRange(900, 1400), rapid.IntRange(3000, 30_000)).Draw(t, "n")
		groups := rapid.IntRange(1, 6).Draw(t, "groups")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		whole := NewDistinct()
		parts := make([]*Distinct, groups)
		for i := range parts {
			parts[i] = NewDistinct()
		}
		for _, i := range rng.Perm(n) {
			h := HashFloat(float64(i))
			whole.Add(h)
			for range 1 + rng.IntN(2) {
				parts[min(rng.IntN(groups*groups), groups-1)].Add(h) // one large part, others small
			}
		}
		want := whole.AppendBinary(nil)
		for range 3 {
			sum := NewDistinct()
			rng.Shuffle(groups, func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
			half := NewDistinct()
			for i, p := range parts {
				before := p.AppendBinary(nil)
				if i%2 == 0 {
					sum.Merge(p)
				} else {
					half.Merge(p)
				}
				if !bytes.Equal(before, p.AppendBinary(nil)) {
					t.Fatal("Merge changed its argument")
				}
			}
			half.Merge(sum)
			if got := half.AppendBinary(nil); !bytes.Equal(got, want) {
				t.Fatalf("n = %d in %d groups: other bytes in another order", n, groups)
			}
		}
		r := wire.NewReader(want)
		back, err := ReadDistinct(r)
		if err != nil || r.Close() != nil {
			t.Fatalf("read back: %v, %v", err, r.Err())
		}
		if back.Estimate() != whole.Estimate() || !bytes.Equal(back.AppendBinary(nil), want) {
			t.Fatal("another count was read back")
		}
	})
}

func TestDistinctBytes(t *testing.T) {
	for n, most := range map[int]int{0: 1, 2: 17, 48: 385, 200: 650, 1000: 2100, 10_000: 2052, 1_000_000: 2060} {
		d := NewDistinct()
		for i := range n {
			d.Add(HashFloat(float64(i)))
		}
		if got := len(d.AppendBinary(nil)); got > most {
			t.Errorf("%d distinct values take %d bytes, want at most %d", n, got, most)
		}
	}
}

// One state has one encoding: everything else is refused.
func TestReadDistinctRefuses(t *testing.T) {
	ones := bytes.Repeat([]byte{0x11}, registers/2)
	high := bytes.Repeat([]byte{0xff}, registers/2)
	for name, b := range map[string][]byte{
		"empty":                  {},
		"unknown form":           {distinctList + 1},
		"short list":             {1, 2, 3},
		"equal hashes":           {2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
		"no register":            {distinctSparse, 0},
		"a register of 0":        {distinctSparse, 1, 5, 0},
		"a register of 54":       {distinctSparse, 1, 5, 54},
		"beyond the registers":   {distinctSparse, 1, 0x80, 0x20, 1},
		"around the address":     append([]byte{distinctSparse, 2, 1, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1),
		"a gap written long":     {distinctSparse, 1, 0x85, 0, 1},
		"too many for sparse":    append([]byte{distinctSparse, 0x81, 8}, bytes.Repeat([]byte{0, 1}, sparseRegisters+1)...),
		"a base too low":         append([]byte{distinctPacked, 0}, ones...),
		"a base beyond the last": append([]byte{distinctPacked, 54}, make([]byte, registers/2)...),
		"too few for packed":     append([]byte{distinctPacked, 0}, make([]byte, registers/2)...),
		"no exceptions":          append([]byte{distinctPacked, 0}, high...),
	} {
		if d, err := ReadDistinct(wire.NewReader(b)); err == nil {
			t.Errorf("%s: read as %d distinct values", name, d.Estimate())
		}
	}
	if _, err := ReadDistinct(wire.NewReader(append([]byte{distinctPacked, 1}, make([]byte, registers/2)...))); err != nil {
		t.Errorf("a good one was refused: %v", err)
	}
}

func FuzzReadDistinct(f *testing.F) {
	for _, n := range []int{0, 1, 48, 49, 500, 1100, 5000} {
		d := NewDistinct()
		for i := range n {
			d.Add(HashFloat(float64(i)))
		}
		f.Add(d.AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := wire.NewReader(in)
		d, err := ReadDistinct(r)
		if err != nil {
			return
		}
		if got := d.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
			t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
		}
		d.Estimate()
	})
}
