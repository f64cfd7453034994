package sketch

import (
	"bytes"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

var update = flag.Bool("update", false, "write the golden files anew")

// drawSet is a set of n random rows.
func drawSet(p *plan.Plan, rng *rand.Rand, n int, variety float64) *Set {
	s := NewSet(p)
	c := NewCounter(p)
	b := batchOf(p, rng, n, variety)
	c.Count(0, b, broken(p, b))
	for _, cell := range c.Cells() {
		if err := s.Merge(cell.Set); err != nil {
			panic(err)
		}
	}
	return s
}

// shapes lets sets be compared.
var shapes = cmp.AllowUnexported(Set{})

// Sets merge bit for bit in any order and grouping.
func TestSetMergesInAnyOrder(t *testing.T) {
	p := testPlan()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		sets := make([]*Set, rapid.IntRange(2, 5).Draw(t, "sets"))
		for i := range sets {
			sets[i] = drawSet(p, rng, rapid.SampledFrom([]int{0, 1, 2, 10, 200}).Draw(t, "rows"), rng.Float64())
		}
		sum := func(order []int, split int) *Set {
			left, right := NewSet(p), NewSet(p)
			for i, at := range order {
				into := left
				if i >= split {
					into = right
				}
				before := sets[at].AppendBinary(nil)
				if err := into.Merge(sets[at]); err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(before, sets[at].AppendBinary(nil)) {
					t.Fatal("Merge changed its argument")
				}
			}
			if err := right.Merge(left); err != nil {
				t.Fatal(err)
			}
			return right
		}
		one := sum(rng.Perm(len(sets)), rng.IntN(len(sets)))
		two := sum(rng.Perm(len(sets)), rng.IntN(len(sets)))
		if diff := cmp.Diff(one, two, shapes); diff != "" {
			t.Fatal(diff)
		}
		if !bytes.Equal(one.AppendBinary(nil), two.AppendBinary(nil)) {
			t.Fatal("other bytes in another order")
		}
	})
}

func TestSetRoundTrip(t *testing.T) {
	p := testPlan()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		n := rapid.SampledFrom([]int{0, 1, 2, 10, 100, 700}).Draw(t, "rows")
		s := drawSet(p, rng, n, rapid.SampledFrom([]float64{0.1, 0.5, 1}).Draw(t, "variety"))
		b := s.AppendBinary([]byte("front"))
		r := wire.NewReader(append(b, "behind"...))
		r.Raw(5)
		back, err := ReadSet(p, r)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Raw(6)); got != "behind" {
			t.Fatalf("behind the set: %q", got)
		}
		if diff := cmp.Diff(s, back, shapes); diff != "" {
			t.Fatal(diff)
		}
		if got := back.AppendBinary(nil); !bytes.Equal(got, b[5:]) {
			t.Fatal("other bytes after a round trip")
		}
		if diff := cmp.Diff(s, s.Clone(), shapes); diff != "" {
			t.Fatal(diff)
		}
		// Nothing is shared after a merge or with a clone.
		clone, sum := s.Clone(), NewSet(p)
		if err := errors.Join(sum.Merge(s), sum.Merge(s), clone.Merge(s), sum.Merge(drawSet(p, rng, 50, 1))); err != nil {
			t.Fatal(err)
		}
		if got := s.AppendBinary(nil); !bytes.Equal(got, b[5:]) {
			t.Fatal("a merge elsewhere changed the set")
		}
	})
}

// A set cut short anywhere is refused; so is one with a byte changed, unless it is another set's own writing.
func TestReadSetRefusesDamage(t *testing.T) {
	p := testPlan()
	good := drawSet(p, rand.New(rand.NewPCG(1, 2)), 40, 0.5).AppendBinary(nil)
	for n := range good {
		if _, err := ReadSet(p, wire.NewReader(good[:n])); err == nil {
			t.Fatalf("%d of %d bytes were read as a set", n, len(good))
		}
	}
	for at := range good {
		for _, flip := range []byte{1, 0x80, 0xff} {
			bad := bytes.Clone(good)
			bad[at] ^= flip
			checkRead(t, p, bad)
		}
	}
}

func TestSetsOfAnotherShape(t *testing.T) {
	p := testPlan()
	s := drawSet(p, rand.New(rand.NewPCG(1, 2)), 40, 0.5)
	b := s.AppendBinary(nil)
	for name, change := range map[string]func(*plan.Plan){
		"a column less":    func(p *plan.Plan) { p.Columns = p.Columns[1:] },
		"another bin":      func(p *plan.Plan) { p.Columns[0].Layout.Edges = append([]float64{-9}, p.Columns[0].Layout.Edges...) },
		"another category": func(p *plan.Plan) { p.Columns[5].Layout.Categories = []string{"north"} },
		"a rule less":      func(p *plan.Plan) { p.Rules = p.Rules[1:] },
		"no score":         func(p *plan.Plan) { p.Score = nil },
		"other score bins": func(p *plan.Plan) { p.Score.Edges = p.Score.Edges[1:] },
	} {
		q := testPlan()
		change(q)
		if _, err := ReadSet(q, wire.NewReader(b)); !errors.Is(err, errShape) {
			t.Errorf("%s: read: %v", name, err)
		}
		into := NewSet(q)
		empty := into.AppendBinary(nil)
		if err := into.Merge(s); !errors.Is(err, errShape) {
			t.Errorf("%s: merge: %v", name, err)
		}
		if !bytes.Equal(empty, into.AppendBinary(nil)) {
			t.Errorf("%s: a refused set was half merged", name)
		}
	}
}

// Counts that contradict one another were never counted.
func TestReadSetRefusesContradictions(t *testing.T) {
	p := testPlan()
	for name, change := range map[string]func(*Set){
		"fewer rows than missing":  func(s *Set) { s.Columns[5].N = s.Columns[5].Missing - 1 },
		"more missing than rows":   func(s *Set) { s.Columns[3].Missing = s.Rows + 1 },
		"an absurd counter":        func(s *Set) { s.Columns[0].Below = maxCount + 1 },
		"a sum of a category":      func(s *Set) { s.Columns[5].Sum = s.Columns[0].Sum },
		"a negative count of one":  func(s *Set) { s.LatencyN = -1 },
		"too many left out":        func(s *Set) { s.Columns[0].Overflow = s.Columns[0].Valid() + 1 },
		"a new number":             func(s *Set) { s.Columns[0].New = 1 },
		"values of an empty one":   func(s *Set) { s.Columns[3].Zero = 1 },
		"a negative rule":          func(s *Set) { s.Rules[1] = -1 },
		"a negative score counter": func(s *Set) { s.Scored = -1 },
	} {
		s := drawSet(p, rand.New(rand.NewPCG(1, 2)), 100, 1)
		change(s)
		if _, err := ReadSet(p, wire.NewReader(s.AppendBinary(nil))); err == nil {
			t.Errorf("%s: read", name)
		}
	}
}

// checkRead: what is read is written back as the same bytes, and can be used.
func checkRead(t *testing.T, p *plan.Plan, in []byte) {
	t.Helper()
	r := wire.NewReader(in)
	s, err := ReadSet(p, r)
	if err != nil {
		return
	}
	if in[0] != setFormat { // it is written in the format of today, and means the same
		again, err := ReadSet(p, wire.NewReader(s.AppendBinary(nil)))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, again, shapes); diff != "" {
			t.Fatal(diff)
		}
	} else if got := s.AppendBinary(nil); !bytes.Equal(got, in[:len(in)-r.Len()]) {
		t.Fatalf("%x was read and is written as %x", in[:len(in)-r.Len()], got)
	}
	sum := NewSet(p)
	if err := errors.Join(sum.Merge(s), sum.Merge(s)); err != nil {
		t.Fatal(err)
	}
	for i := range sum.Columns {
		sum.Columns[i].Moments(math.Inf(1))
	}
}

func FuzzReadSet(f *testing.F) {
	p := testPlan()
	for _, n := range []int{0, 1, 2, 50, 1000} {
		f.Add(drawSet(p, rand.New(rand.NewPCG(1, 2)), n, 0.5).AppendBinary(nil))
	}
	for _, name := range []string{"empty", "two", "many"} {
		b, err := os.ReadFile(filepath.Join("testdata", "v1", name+".set"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) { checkRead(t, p, in) })
}

// Decoding takes memory in proportion to the plan: an empty set. Format 1 has t-digests, too, of 24 bytes per centroid of at least
// one byte.
func TestReadSetMemory(t *testing.T) {
	p := testPlan()
	rng := rand.New(rand.NewPCG(1, 2))
	old, err := os.ReadFile(filepath.Join("testdata", "v1", "many.set"))
	if err != nil {
		t.Fatal(err)
	}
	inputs := [][]byte{drawSet(p, rng, 2, 1).AppendBinary(nil), drawSet(p, rng, 5000, 1).AppendBinary(nil), old}
	for range 200 { // damaged: long counts on little input
		bad := bytes.Clone(inputs[rng.IntN(3)])
		for range 3 {
			bad[5+rng.IntN(min(len(bad)-5, 60))] = byte(rng.IntN(256))
		}
		inputs = append(inputs, bad)
	}
	most := uint64(64 << 10)
	for _, in := range inputs {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		s, err := ReadSet(p, wire.NewReader(in))
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > most+2*uint64(unsafe.Sizeof(centroid{}))*uint64(len(in)) {
			t.Errorf("%d bytes took %d bytes to read (%v, %t)", len(in), got, err, s != nil)
		}
	}
}

// The format on disk: what was written once must be read for ever, and what is written now never changes. Sets of format 1
// had sketches beside the same counts.
func TestGoldenSets(t *testing.T) {
	p := testPlan()
	for name, n := range map[string]int{"empty": 0, "two": 2, "many": 3000} {
		s := drawSet(p, rand.New(rand.NewPCG(11, 12)), n, 0.7)
		golden(t, filepath.Join("testdata", "v2", name+".set"), s.AppendBinary(nil))
		for _, format := range []string{"v1", "v2"} {
			file := filepath.Join("testdata", format, name+".set")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			r := wire.NewReader(b)
			back, err := ReadSet(p, r)
			if err != nil || r.Close() != nil {
				t.Fatalf("%s: %v, %v", file, err, r.Err())
			}
			if diff := cmp.Diff(s, back, shapes); diff != "" {
				t.Errorf("%s: %s", file, diff)
			}
		}
	}
}

// golden compares with a file, or writes it anew.
func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: written as %d bytes, want %d", file, len(got), len(want))
	}
}

// The format before is read until there is another one; damage in it is refused as well.
func TestReadSetRefusesDamageOfFormat1(t *testing.T) {
	p := testPlan()
	good, err := os.ReadFile(filepath.Join("testdata", "v1", "two.set"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range good {
		if _, err := ReadSet(p, wire.NewReader(good[:n])); err == nil {
			t.Fatalf("%d of %d bytes were read as a set", n, len(good))
		}
	}
	for _, format := range []byte{0, 3} {
		bad := bytes.Clone(good)
		bad[0] = format
		if _, err := ReadSet(p, wire.NewReader(bad)); err == nil {
			t.Errorf("format %d was read", format)
		}
	}
}

func TestSmallSetsAreSmall(t *testing.T) {
	p := testPlan()
	for rows, most := range map[int]int{0: 25, 2: 400} {
		s := drawSet(p, rand.New(rand.NewPCG(3, 4)), rows, 1)
		if got := len(s.AppendBinary(nil)); got > most {
			t.Errorf("%d rows take %d bytes, want at most %d", rows, got, most)
		}
	}
}

func TestMoments(t *testing.T) {
	p := testPlan()
	count := func(values ...float64) *Column {
		b := plan.NewBatch(&p.Prediction, len(values))
		for i, v := range values {
			row := b.Grow(int64(i))
			b.SetTime(1, row, base)
			b.SetNumber(6, row, v)
		}
		c := NewCounter(p)
		c.Count(0, b, nil)
		return &c.Cells()[0].Set.Columns[0]
	}
	for _, c := range []struct {
		values   []float64
		mean, sd float64
		n        int64
		ok       bool
	}{
		{nil, 0, 0, 0, false},
		{[]float64{1e9 - 1, 1e9 + 1}, 1e9, 1, 2, true}, // float64 squares would give 0 or 11
		{[]float64{3, math.NaN(), 5, math.Inf(1)}, 4, 1, 2, true},
		{[]float64{-7, -7, -7}, -7, 0, 3, true},
		{[]float64{1, 2, 1e300}, 1.5, 0.5, 2, true}, // one doesn't fit and is left out
		{[]float64{1e300}, 0, 0, 0, false},
	} {
		if len(c.values) == 0 {
			if _, _, _, ok := (&Column{}).Moments(1); ok {
				t.Error("moments of nothing")
			}
			continue
		}
		mean, sd, n, ok := count(c.values...).Moments(math.Inf(1))
		if mean != c.mean || math.Abs(sd-c.sd) > 1e-9 || n != c.n || ok != c.ok {
			t.Errorf("%v: mean %v, sd %v, n %d, %t", c.values, mean, sd, n, ok)
		}
	}
	// Squares that may have wrapped are not trusted: 2^20 values of 2^34 are within, 2^21 are not.
	col := count(math.Ldexp(1, 34))
	for i := range 21 {
		if _, _, n, ok := col.Moments(math.Ldexp(1, 34)); ok != (i < 19) {
			t.Errorf("n = %d: ok is %t", n, ok)
		}
		twice := &Set{Columns: []Column{*col}}
		col = &twice.Clone().Columns[0]
		col.merge(&twice.Columns[0])
	}
}
