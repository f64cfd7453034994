package sketch

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// tally counts one row after another by the words of the documentation: the oracle of Counter.
type tally struct {
	cells map[Key]*tallyCell
}

type tallyCell struct {
	set      *Set
	sums     []*big.Int
	squares  []*big.Int
	distinct []map[any]bool
	spans    map[int]Span
}

func (o *tally) count(p *plan.Plan, src int, b *plan.Batch, broken [][]bool) (skipped int) {
	for row := range b.N {
		if b.Cols[1].State[row] != plan.OK {
			skipped++
			continue
		}
		us := b.Cols[1].Int[row]
		key := Key{Pane: us - ((us%3_600_000_000)+3_600_000_000)%3_600_000_000, Slice: SliceCode(p, b, row)}
		if b.Cols[2].State[row] == plan.OK {
			key.Version = string([]byte(b.Cols[2].Str[row]))
		}
		c := o.cells[key]
		if c == nil {
			c = &tallyCell{set: NewSet(p), spans: map[int]Span{}}
			for range p.Columns {
				c.sums, c.squares = append(c.sums, new(big.Int)), append(c.squares, new(big.Int))
				c.distinct = append(c.distinct, map[any]bool{})
			}
			o.cells[key] = c
		}
		c.row(p, src, b, row)
		for i := range broken {
			if broken[i][row] {
				c.set.Rules[i]++
			}
		}
	}
	return skipped
}

func (c *tallyCell) row(p *plan.Plan, src int, b *plan.Batch, row int) {
	s := c.set
	s.Rows++
	off := b.Offset[row]
	span, ok := c.spans[src]
	if !ok {
		span = Span{src, off, off, 0}
	}
	c.spans[src] = Span{src, min(span.First, off), max(span.Last, off), span.Rows + 1}
	for i := range p.Columns {
		c.value(i, &p.Columns[i], &b.Cols[p.Columns[i].Field], row)
	}
	if b.Cols[5].State[row] == plan.OK {
		s.LatencyN++
	}
	score, state := b.Cols[3].Num[row], b.Cols[3].State[row]
	valid := state == plan.OK && score >= 0 && score <= 1
	switch {
	case valid:
		s.Scored++
		fixed := int64(math.RoundToEven(score * (1 << 30)))
		bin := 0
		for _, e := range p.Score.Edges {
			if score > e {
				bin++
			}
		}
		s.Curve.N[bin]++
		s.Curve.S[bin] += fixed
		s.Curve.S2[bin] += (fixed*fixed + 1<<29) / (1 << 30)
	case state != plan.Missing:
		s.ScoreInvalid++
	}
	decided, positive := valid, score >= p.Score.Threshold
	if p.Score.Own {
		decided, positive = b.Cols[4].State[row] == plan.OK, b.Cols[4].Num[row] >= 0.5
	}
	if decided {
		s.Decided++
		if positive {
			s.Positive++
		}
	}
}

func (c *tallyCell) value(i int, pc *plan.Column, in *plan.Col, row int) {
	col := &c.set.Columns[i]
	col.N++
	switch in.State[row] {
	case plan.Missing:
		col.Missing++
		return
	case plan.Invalid:
		col.Invalid++
		return
	}
	l := &pc.Layout
	if l.Categorical {
		v := in.Str[row]
		if pc.Values != nil && !slices.Contains(pc.Values, v) {
			col.Broken++
		}
		if l.Empty {
			return
		}
		bin := slices.Index(l.Categories, v)
		if bin < 0 {
			bin = len(l.Categories)
			if !slices.Contains(l.Known, v) {
				col.New++
			}
		}
		col.Bins[bin]++
		c.distinct[i][v] = true
		return
	}
	v := in.Num[row]
	if pc.Range != nil && (v < pc.Range[0] || v > pc.Range[1]) {
		col.Broken++
	}
	if l.Empty {
		return
	}
	bin := 0
	for bin < len(l.Edges) && v > l.Edges[bin] {
		bin++
	}
	col.Bins[bin]++
	for _, c := range []struct {
		n  *int64
		is bool
	}{
		{&col.Below, v < l.Lo},
		{&col.Above, v > l.Hi},
		{&col.Integral, v == math.Floor(v)},
		{&col.Zero, v == 0},
		{&col.Negative, v < 0},
		{&col.Overflow, math.Abs(v) >= 1<<35},
	} {
		if c.is {
			*c.n++
		}
	}
	if math.Abs(v) < 1<<35 {
		c.sums[i].Add(c.sums[i], units(big.NewFloat(v)))
		c.squares[i].Add(c.squares[i], units(new(big.Float).SetPrec(200).Mul(big.NewFloat(v), big.NewFloat(v))))
	}
	c.distinct[i][v+0] = true
}

// compare shows how a counter's cells differ from the oracle's.
func (o *tally) compare(cells []Cell) string {
	if len(cells) != len(o.cells) {
		return fmt.Sprintf("%d cells, want %d", len(cells), len(o.cells))
	}
	for i, cell := range cells {
		if i > 0 && cells[i-1].Key.Compare(cell.Key) >= 0 {
			return fmt.Sprintf("cell %d is not in order", i)
		}
		want := o.cells[cell.Key]
		if want == nil {
			return fmt.Sprintf("cell %+v should not be", cell.Key)
		}
		if diff := cmp.Diff(slices.SortedFunc(maps.Values(want.spans), func(a, b Span) int { return a.Src - b.Src }), cell.Spans); diff != "" {
			return diff
		}
		got := integers(cell.Set)
		for j := range got.Columns {
			c, original := &got.Columns[j], &cell.Set.Columns[j]
			if c.Sum.big().Cmp(want.sums[j]) != 0 || c.SumSq.big().Cmp(want.squares[j]) != 0 {
				return fmt.Sprintf("column %d: sums %v, %v, want %v, %v", j, c.Sum.big(), c.SumSq.big(), want.sums[j], want.squares[j])
			}
			n := len(want.distinct[j])
			if (c.Distinct != nil) != (n > 0) || n > 0 && n <= distinctList && c.Distinct.Estimate() != int64(n) {
				return fmt.Sprintf("column %d: distinct %v, want %d", j, c.Distinct, n)
			}
			if d := original.Digest; d != nil && d.Count() != c.Valid() {
				return fmt.Sprintf("column %d: a t-digest of %d values, want %d", j, d.Count(), c.Valid())
			}
			c.Sum, c.SumSq, c.Distinct = Fixed{}, Fixed{}, nil
		}
		if l := cell.Set.Latency; l.holds() != (got.LatencyN > 0) || l.holds() && l.Count() != got.LatencyN {
			return fmt.Sprintf("latency: %d values", got.LatencyN)
		}
		if diff := cmp.Diff(want.set, got, unexported); diff != "" {
			return diff
		}
	}
	return ""
}

func TestCounterAgainstTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPlan()
		p.Score.Own = rapid.Bool().Draw(t, "own")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		c, o := NewCounter(p), &tally{map[Key]*tallyCell{}}
		b := plan.NewBatch(&p.Prediction, 64)
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			b.Reset()
			fill(b, rng, rng.IntN(80), rng.Float64())
			src, rules := rng.IntN(3), broken(p, b)
			if rng.IntN(4) == 0 {
				rules = nil
			}
			if got, want := c.Count(src, b, rules), o.count(p, src, b, rules); got != want {
				t.Fatalf("%d rows skipped, want %d", got, want)
			}
		}
		if diff := o.compare(c.Cells()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Keys don't point into the batch: its memory is overwritten before they are read.
func TestCounterKeepsNoMemoryOfTheBatch(t *testing.T) {
	p := testPlan()
	memory := []byte("v1northwebcustomer")
	b := plan.NewBatch(&p.Prediction, 1)
	row := b.Grow(5)
	b.SetTime(1, row, base)
	texts := unsafeTexts(memory, 2, 5, 3, 8)
	b.SetString(2, row, texts[0])
	b.SetString(11, row, texts[1])
	b.SetString(12, row, texts[2])
	b.SetString(13, row, texts[3])
	c := NewCounter(p)
	c.Count(0, b, nil)
	copy(memory, "XXXXXXXXXXXXXXXXXX")
	if k := c.Cells()[0].Key; k.Version != "v1" || k.Slice != "\x00\x00\x00\x00" {
		t.Errorf("key %+v", k)
	}
	copy(memory, "v1northwebcustomer")
	c.Count(0, b, nil)
	if c.Len() != 1 {
		t.Errorf("%d cells, want 1", c.Len())
	}
	copy(memory, "v1northapp") // what was looked up last now reads otherwise
	c.Count(0, b, nil)
	if cells := c.Cells(); len(cells) != 2 || cells[1].Key.Slice != "\x00\x00\x00\x01" {
		t.Errorf("%d cells, want 2", len(cells))
	}
}

// One worker or many, whole batches or single rows: the same counts and the same bytes, t-digests aside.
func TestWorkersAgree(t *testing.T) {
	p := testPlan()
	rng := rand.New(rand.NewPCG(5, 6))
	b := batchOf(p, rng, 4000, 1)
	var want []byte
	for _, workers := range []int{1, 2, 8} {
		for _, size := range []int{1, 7, 1000, b.N} {
			counters := make([]*Counter, workers)
			for i := range counters {
				counters[i] = NewCounter(p)
			}
			for from := 0; from < b.N; from += size {
				part := slice(b, from, min(from+size, b.N))
				counters[rng.IntN(workers)].Count(from%3, part, broken(p, part))
			}
			sets := map[Key]*Set{}
			for _, c := range counters {
				for _, cell := range c.Cells() {
					if sets[cell.Key] == nil {
						sets[cell.Key] = NewSet(p)
					}
					if err := sets[cell.Key].Merge(cell.Set); err != nil {
						t.Fatal(err)
					}
				}
			}
			var got []byte
			for _, k := range slices.SortedFunc(maps.Keys(sets), Key.Compare) {
				got = append(got, fmt.Sprintf("%+v", k)...)
				got = integers(sets[k]).AppendBinary(got)
			}
			if want == nil {
				want = got
			}
			if !bytes.Equal(got, want) {
				t.Errorf("%d workers, batches of %d: other bytes", workers, size)
			}
		}
	}
}

func TestResetHandsCellsOver(t *testing.T) {
	p := testPlan()
	c := NewCounter(p)
	b := batchOf(p, rand.New(rand.NewPCG(1, 1)), 300, 1)
	c.Count(0, b, nil)
	cells := c.Cells()
	var before [][]byte
	for _, cell := range cells {
		before = append(before, cell.Set.AppendBinary(nil))
	}
	c.Reset()
	if c.Len() != 0 || len(c.Cells()) != 0 {
		t.Fatal("cells are left")
	}
	c.Count(1, b, nil)
	for i, cell := range c.Cells() {
		if !bytes.Equal(cells[i].Set.AppendBinary(nil), before[i]) || cell.Set == cells[i].Set {
			t.Fatal("a set that was handed over was written again")
		}
		if !bytes.Equal(cell.Set.AppendBinary(nil), before[i]) || cell.Spans[0].Src != 1 {
			t.Fatal("the second round counted otherwise")
		}
	}
}

// A plan whose roles and columns name fields of another kind counts their values as unreadable; it doesn't panic.
func TestCounterSurvivesFieldsOfAnotherKind(t *testing.T) {
	p := testPlan()
	p.Columns[0].Field, p.Columns[5].Field = 11, 6
	p.Prediction.Roles.Score, p.Prediction.Roles.Latency, p.Prediction.Roles.Version = 11, 12, 6
	p.Slices[0].Field = 7
	c := NewCounter(p)
	b := batchOf(p, rand.New(rand.NewPCG(1, 1)), 300, 0.1)
	skipped := c.Count(0, b, nil)
	var rows int64
	for _, cell := range c.Cells() {
		rows += cell.Set.Rows
		for _, i := range []int{0, 5} {
			if col := &cell.Set.Columns[i]; col.Valid() != 0 || col.N != cell.Set.Rows {
				t.Errorf("column %d: %+v", i, col)
			}
		}
		if cell.Set.Scored != 0 || cell.Set.LatencyN != 0 || cell.Key.Version != "" || cell.Key.Slice[:2] != "\xff\xff" {
			t.Errorf("cell %+v", cell.Key)
		}
		checkRead(t, p, cell.Set.AppendBinary(nil))
	}
	if int(rows)+skipped != b.N {
		t.Errorf("%d counted and %d skipped of %d", rows, skipped, b.N)
	}
	p.Prediction.Roles.Time = 6
	if got := NewCounter(p).Count(0, b, nil); got != b.N {
		t.Errorf("%d rows skipped, want all %d", got, b.N)
	}
}
