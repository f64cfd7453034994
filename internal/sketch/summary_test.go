package sketch

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// drawSummary describes n random rows, and of numbers also how many are distinct: a Counter leaves that out, but builds before
// didn't, and the format has it.
func drawSummary(tb interface{ Fatal(...any) }, p *plan.Plan, rng *rand.Rand, n int, variety float64) *Summary {
	s := NewSummary(p)
	c := NewCounter(p)
	c.Describe()
	b := batchOf(p, rng, n, variety)
	c.Count(0, b, nil)
	for _, f := range c.Frames() {
		if err := s.Merge(f.Summary); err != nil {
			tb.Fatal(err)
		}
	}
	for _, col := range c.numbers {
		in := &b.Cols[col.field]
		for row := range b.N {
			if v := in.Num[row]; !col.empty && c.at.cells[row] >= 0 && in.State[row] == plan.OK && v-v == 0 {
				s.Columns[col.at].Distinct.Add(HashFloat(v))
			}
		}
	}
	return s
}

// Summaries merge bit for bit, in any order and grouping, and are read back as they were.
func TestSummaryMergesInAnyOrder(t *testing.T) {
	p := testPlan()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		parts := make([]*Summary, rapid.IntRange(1, 4).Draw(t, "parts"))
		for i := range parts {
			parts[i] = drawSummary(t, p, rng, rapid.SampledFrom([]int{0, 1, 10, 200, 2000}).Draw(t, "rows"), rng.Float64())
		}
		sum := func() []byte {
			left, right := NewSummary(p), NewSummary(p)
			for _, at := range rng.Perm(len(parts)) {
				before := parts[at].AppendBinary(nil)
				into := left
				if rng.IntN(2) == 0 {
					into = right
				}
				if err := into.Merge(parts[at]); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(before, parts[at].AppendBinary(nil)) {
					t.Fatal("Merge changed its argument")
				}
			}
			whole := left.Clone()
			if err := errors.Join(whole.Merge(right), left.Merge(left.Clone())); err != nil {
				t.Fatal(err)
			}
			return whole.AppendBinary(nil)
		}
		want := sum()
		if !bytes.Equal(sum(), want) {
			t.Fatal("other bytes in another order")
		}
		r := wire.NewReader(append(bytes.Clone(want), "behind"...))
		back, err := ReadSummary(p, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Raw(6)); got != "behind" || !bytes.Equal(back.AppendBinary(nil), want) {
			t.Fatal("another summary was read back")
		}
	})
}

func TestSummariesOfAnotherShape(t *testing.T) {
	p, q := testPlan(), testPlan()
	q.Columns = q.Columns[1:]
	s := drawSummary(t, p, rand.New(rand.NewPCG(1, 2)), 40, 0.5)
	if _, err := ReadSummary(q, wire.NewReader(s.AppendBinary(nil))); !errors.Is(err, errShape) {
		t.Errorf("read: %v", err)
	}
	if err := NewSummary(q).Merge(s); !errors.Is(err, errShape) {
		t.Errorf("merge: %v", err)
	}
}

func TestReadSummaryRefusesDamage(t *testing.T) {
	p := testPlan()
	good := drawSummary(t, p, rand.New(rand.NewPCG(1, 2)), 40, 0.5).AppendBinary(nil)
	for n := range good {
		if _, err := ReadSummary(p, wire.NewReader(good[:n])); err == nil {
			t.Fatalf("%d of %d bytes were read as a summary", n, len(good))
		}
	}
	bad := bytes.Clone(good)
	bad[0]++
	if _, err := ReadSummary(p, wire.NewReader(bad)); !errors.Is(err, errSummaryFormat) {
		t.Errorf("another format: %v", err)
	}
	for at := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[at] ^= flip
			checkReadSummary(t, p, bad)
		}
	}
}

func checkReadSummary(t *testing.T, p *plan.Plan, in []byte) {
	t.Helper()
	r := wire.NewReader(in)
	s, err := ReadSummary(p, r)
	if err != nil {
		return
	}
	if got := s.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
		t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
	}
	if err := s.Merge(s.Clone()); err != nil {
		t.Fatal(err)
	}
}

func FuzzReadSummary(f *testing.F) {
	p := testPlan()
	for _, n := range []int{0, 1, 50, 1000} {
		f.Add(drawSummary(f, p, rand.New(rand.NewPCG(1, 2)), n, 0.5).AppendBinary(nil))
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkReadSummary(t, p, in) })
}

// Decoding takes memory in proportion to the plan and the input: registers of 4 KiB per distinct count, and 16 bytes per bin of at
// least one byte.
func TestReadSummaryMemory(t *testing.T) {
	p := testPlan()
	rng := rand.New(rand.NewPCG(1, 2))
	inputs := [][]byte{drawSummary(t, p, rng, 2, 1).AppendBinary(nil), drawSummary(t, p, rng, 5000, 1).AppendBinary(nil)}
	for range 200 { // damaged: long counts on little input
		bad := bytes.Clone(inputs[rng.IntN(2)])
		for range 3 {
			bad[5+rng.IntN(min(len(bad)-5, 60))] = byte(rng.IntN(256))
		}
		inputs = append(inputs, bad)
	}
	for _, in := range inputs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := ReadSummary(p, wire.NewReader(in))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(64<<10+len(p.Columns)*registers+20*len(in)) {
			t.Errorf("%d bytes took %d bytes to read (%v, %t)", len(in), got, err, s != nil)
		}
	}
}

// The format on disk: what is written now never changes.
func TestGoldenSummaries(t *testing.T) {
	p := testPlan()
	for name, n := range map[string]int{"empty": 0, "two": 2, "many": 3000} {
		s := drawSummary(t, p, rand.New(rand.NewPCG(11, 12)), n, 0.7)
		golden(t, filepath.Join("testdata", "v1", name+".summary"), s.AppendBinary(nil))
	}
}
