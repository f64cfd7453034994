package sketch

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/axiomhq/hyperloglog"
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
	for n, most := range map[int]int{0: 1, 2: 17, 48: 385, 100: 210, 200: 400, 1000: 850, 10_000: 1650, 1_000_000: 1700} {
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
	coded := func(common byte, regs ...byte) []byte {
		w := bitWriter{b: []byte{distinctCoded, common}}
		for i := range registers {
			w.unary(foldRegister(regs[i%len(regs)], common))
		}
		return w.close()
	}
	for name, b := range map[string][]byte{
		"empty":                 {},
		"unknown form":          {distinctList + 1},
		"short list":            {1, 2, 3},
		"equal hashes":          {2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0},
		"no register":           {distinctSparse, 0},
		"a register of 0":       {distinctSparse, 1, 5, 0},
		"a register of 54":      {distinctSparse, 1, 5, 54},
		"beyond the registers":  {distinctSparse, 1, 0x80, 0x20, 1},
		"around the address":    append([]byte{distinctSparse, 2, 1, 1}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1),
		"a gap written long":    {distinctSparse, 1, 0x85, 0, 1},
		"too many for sparse":   append(wire.Uint([]byte{distinctSparse}, sparseRegisters+1), bytes.Repeat([]byte{0, 1}, sparseRegisters+1)...),
		"the old packed form":   append([]byte{distinctPacked, 1}, make([]byte, registers/2)...),
		"too few for coded":     coded(0, append(make([]byte, 12), 1)...),
		"another common value":  coded(2, 1, 1, 2),
		"the larger of equals":  coded(2, 1, 2),
		"a common value of 54":  coded(54, 54),
		"a register of 60":      coded(1, 1, 1, 60),
		"cut":                   coded(1, 1, 1, 2)[:600],
		"a bit behind the last": append(coded(1, 1, 1, 1, 3)[:0:0], lastBit(coded(1, 1, 1, 1, 3))...),
	} {
		if d, err := ReadDistinct(wire.NewReader(b)); err == nil {
			t.Errorf("%s: read as %d distinct values", name, d.Estimate())
		}
	}
	for _, good := range [][]byte{coded(1, 1, 1, 2), coded(0, 0, 0, 7), coded(53, 53, 1, 53)} {
		if _, err := ReadDistinct(wire.NewReader(good)); err != nil {
			t.Errorf("a good one was refused: %v", err)
		}
	}
}

// lastBit sets the highest bit, which lies behind the last code.
func lastBit(b []byte) []byte {
	b[len(b)-1] |= 0x80
	return b
}

// Registers are those of the library, hash by hash.
func TestDistinctCountsAsTheLibrary(t *testing.T) {
	library, err := hyperloglog.NewSketch(distinctPrecision, false)
	if err != nil {
		t.Fatal(err)
	}
	d, c := NewDistinct(), distinctCounter{}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range 20_000 {
		h := rng.Uint64() >> rng.IntN(64) // short ones, too
		if i%100 == 0 {
			h = h >> 52 << 52 // and those that are all zeros behind the index
		}
		library.InsertHash(h)
		d.Add(h)
		c.add(h)
		if i%1000 != 999 {
			continue
		}
		want, err := library.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		if got := append([]byte(hllHeader), d.regs...); !bytes.Equal(got, want) {
			t.Fatalf("other registers after %d values", i+1)
		}
		if !bytes.Equal(c.distinct().AppendBinary(nil), d.AppendBinary(nil)) || d.Estimate() != int64(library.Estimate()) {
			t.Fatalf("other counts after %d values", i+1)
		}
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
