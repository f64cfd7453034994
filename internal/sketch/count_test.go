package sketch

import (
	"bytes"
	order "cmp"
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// tally counts one row after another by the words of the documentation: the oracle of Counter.
type tally struct {
	cells  map[Key]*tallyCell
	frames map[frameKey]*tallyFrame
}

type tallyCell struct {
	set     *Set
	sums    []*big.Int
	squares []*big.Int
}

type tallyFrame struct {
	distinct []map[string]bool
	values   [][]float64 // by column, the latency last
	spans    map[int]Span
}

func newTally() *tally {
	return &tally{cells: map[Key]*tallyCell{}, frames: map[frameKey]*tallyFrame{}}
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
			c = &tallyCell{set: NewSet(p)}
			for range p.Columns {
				c.sums, c.squares = append(c.sums, new(big.Int)), append(c.squares, new(big.Int))
			}
			o.cells[key] = c
		}
		whole := frameKey{key.Pane, key.Version}
		f := o.frames[whole]
		if f == nil {
			f = &tallyFrame{spans: map[int]Span{}, values: make([][]float64, len(p.Columns)+1)}
			for range p.Columns {
				f.distinct = append(f.distinct, map[string]bool{})
			}
			o.frames[whole] = f
		}
		c.row(p, f, src, b, row)
		for i := range broken {
			if broken[i][row] {
				c.set.Rules[i]++
			}
		}
	}
	return skipped
}

func (c *tallyCell) row(p *plan.Plan, f *tallyFrame, src int, b *plan.Batch, row int) {
	s := c.set
	s.Rows++
	off := b.Offset[row]
	span, ok := f.spans[src]
	if !ok {
		span = Span{src, off, off, 0}
	}
	f.spans[src] = Span{src, min(span.First, off), max(span.Last, off), span.Rows + 1}
	for i := range p.Columns {
		c.value(i, f, &p.Columns[i], &b.Cols[p.Columns[i].Field], row)
	}
	if b.Cols[5].State[row] == plan.OK {
		s.LatencyN++
		f.values[len(p.Columns)] = append(f.values[len(p.Columns)], b.Cols[5].Num[row])
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

func (c *tallyCell) value(i int, f *tallyFrame, pc *plan.Column, in *plan.Col, row int) {
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
		f.distinct[i][v] = true
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
	f.values[i] = append(f.values[i], v)
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
		got := cell.Set.Clone()
		for j := range got.Columns {
			c := &got.Columns[j]
			if c.Sum.big().Cmp(want.sums[j]) != 0 || c.SumSq.big().Cmp(want.squares[j]) != 0 {
				return fmt.Sprintf("column %d: sums %v, %v, want %v, %v", j, c.Sum.big(), c.SumSq.big(), want.sums[j], want.squares[j])
			}
			c.Sum, c.SumSq = Fixed{}, Fixed{}
		}
		if diff := cmp.Diff(want.set, got, shapes); diff != "" {
			return diff
		}
	}
	return ""
}

// compareFrames shows how a counter's frames differ from the oracle's.
func (o *tally) compareFrames(frames []Frame) string {
	if len(frames) != len(o.frames) {
		return fmt.Sprintf("%d frames, want %d", len(frames), len(o.frames))
	}
	for i, f := range frames {
		if i > 0 && (frames[i-1].Pane > f.Pane || frames[i-1].Pane == f.Pane && frames[i-1].Version >= f.Version) {
			return fmt.Sprintf("frame %d is not in order", i)
		}
		want := o.frames[frameKey{f.Pane, f.Version}]
		if want == nil {
			return fmt.Sprintf("frame %d %q should not be", f.Pane, f.Version)
		}
		if diff := cmp.Diff(slices.SortedFunc(maps.Values(want.spans), func(a, b Span) int { return a.Src - b.Src }), f.Spans); diff != "" {
			return diff
		}
		if diff := checkHistogram(f.Summary.Latency, want.values[len(want.distinct)]); diff != "" {
			return "latency: " + diff
		}
		for j, c := range f.Summary.Columns {
			if n := len(want.distinct[j]); n <= distinctList && c.Distinct.Estimate() != int64(n) {
				return fmt.Sprintf("column %d: distinct %v, want %d", j, c.Distinct, n)
			}
			reference := NewDistinct()
			for v := range want.distinct[j] {
				reference.Add(HashString(v))
			}
			if !bytes.Equal(c.Distinct.AppendBinary(nil), reference.AppendBinary(nil)) {
				return fmt.Sprintf("column %d: distinct values are counted otherwise than one by one", j)
			}
			if c.Histogram == nil {
				continue
			}
			if diff := checkHistogram(c.Histogram, want.values[j]); diff != "" {
				return fmt.Sprintf("column %d: %s", j, diff)
			}
		}
	}
	return ""
}

func TestCounterAgainstTally(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testPlan()
		p.Score.Own = rapid.Bool().Draw(t, "own")
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		c, o := NewCounter(p), newTally()
		c.Describe()
		if rapid.Bool().Draw(t, "again") { // what was counted before and forgotten doesn't show
			used := batchOf(p, rng, rng.IntN(80), rng.Float64())
			c.Count(5, used, broken(p, used))
			c.Reset()
		}
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
		cells := c.Cells()
		for i, w := range c.Written() { // while the sets are out: they must stay as they are
			set := cells[i].Set.AppendBinary(nil)
			if w.Key != cells[i].Key || w.Rows != cells[i].Set.Rows || !bytes.Equal(w.AppendBinary(nil), set) || !bytes.Equal(cells[i].Set.AppendBinary(nil), set) {
				t.Fatalf("cell %d is written otherwise than its set", i)
			}
		}
		if diff := o.compareFrames(c.Frames()); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Each row can be asked for the cell it was counted in.
func TestCounterTellsTheCellOfARow(t *testing.T) {
	p := testPlan()
	b := batchOf(p, rand.New(rand.NewPCG(3, 1)), 300, 1)
	c := NewCounter(p)
	c.Count(0, b, nil)
	for row := range b.N {
		at := c.CellOf(row)
		if (at >= 0) != (b.Cols[1].State[row] == plan.OK) {
			t.Fatalf("row %d: cell %d", row, at)
		}
		if at < 0 {
			continue
		}
		k := c.Key(at)
		want := Key{Pane: p.PaneStart(b.Cols[1].Int[row]), Slice: SliceCode(p, b, row)}
		if b.Cols[2].State[row] == plan.OK {
			want.Version = b.Cols[2].Str[row]
		}
		if k != want {
			t.Fatalf("row %d: %+v, want %+v", row, k, want)
		}
	}
	c.Reset()
	if c.CellOf(0) >= 0 {
		t.Error("a row of a batch that was forgotten has a cell")
	}
}

// Each row can be asked for its score: the bin, the fixed point and the decision that the functions for one value give.
func TestCounterTellsTheScoreOfARow(t *testing.T) {
	for _, own := range []bool{false, true} {
		p := testPlan()
		p.Score.Own = own
		b := batchOf(p, rand.New(rand.NewPCG(5, 1)), 300, 1)
		c := NewCounter(p)
		c.TellScores()
		c.Count(0, b, nil)
		usable := 0
		for row := range b.N {
			if c.CellOf(row) < 0 {
				continue
			}
			var want Scored
			v, there := number(p, b, p.Prediction.Roles.Score, row)
			fixed, in := ScoreFixed(v)
			if positive, decided := Decide(p, b, row); there && in && decided {
				want = Scored{Score: fixed, Bin: int32(NewScoreBins(p).Of(v)), Positive: positive, OK: true}
				usable++
			}
			if got := c.ScoreOf(row); got.OK != want.OK || got.OK && got != want {
				t.Fatalf("own %v, row %d: %+v, want %+v", own, row, got, want)
			}
		}
		if usable < 30 || usable == b.N {
			t.Errorf("own %v: %d usable scores of %d rows prove nothing", own, usable, b.N)
		}
	}
}

// Versions beyond the cap are one version, whatever they are called, and memory is that of the cells that are there.
func TestCounterCapsVersions(t *testing.T) {
	p := testPlan()
	c := NewCounter(p)
	c.Describe()
	b := plan.NewBatch(&p.Prediction, 1)
	for range 2 {
		if c.Bytes() != 0 || c.Crowded() != 0 {
			t.Fatalf("%d bytes, %d rows of nothing", c.Bytes(), c.Crowded())
		}
		grown := 0
		for i := range 100 {
			b.Reset()
			for range 3 {
				row := b.Grow(int64(i))
				b.SetTime(1, row, base)
				b.SetString(2, row, fmt.Sprintf("build-%d", i))
			}
			c.Count(0, b, nil)
			if i < MaxVersions && c.Bytes() <= grown || i > MaxVersions && c.Bytes() != grown {
				t.Fatalf("after version %d: %d bytes, before it %d", i, c.Bytes(), grown)
			}
			grown = c.Bytes()
			if k := c.Key(c.CellOf(0)); i >= MaxVersions && k.Version != OtherVersion {
				t.Fatalf("version %d counts as %q", i, k.Version)
			}
		}
		rows := map[string]int64{}
		for _, cell := range c.Cells() {
			rows[cell.Key.Version] += cell.Set.Rows
		}
		if n := int64(3 * (100 - MaxVersions)); len(rows) != MaxVersions+1 || rows["build-0"] != 3 || rows[OtherVersion] != n || c.Crowded() != n {
			t.Errorf("%d versions; other: %d rows, %d were crowded, want %d", len(rows), rows[OtherVersion], c.Crowded(), n)
		}
		if len(c.Frames()) != MaxVersions+1 {
			t.Errorf("%d frames", len(c.Frames()))
		}
		c.Reset()
	}
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

// One worker or many, whole batches or single rows: the same counts and the same bytes.
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
				counters[i].Describe()
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
			summaries := map[frameKey]*Summary{}
			for _, c := range counters {
				for _, f := range c.Frames() {
					at := frameKey{f.Pane, f.Version}
					if summaries[at] == nil {
						summaries[at] = NewSummary(p)
					}
					if err := summaries[at].Merge(f.Summary); err != nil {
						t.Fatal(err)
					}
				}
			}
			var got []byte
			for _, at := range slices.SortedFunc(maps.Keys(summaries), func(a, b frameKey) int {
				return order.Or(order.Compare(a.pane, b.pane), order.Compare(a.version, b.version))
			}) {
				got = summaries[at].AppendBinary(got)
			}
			for _, k := range slices.SortedFunc(maps.Keys(sets), Key.Compare) {
				got = append(got, fmt.Sprintf("%+v", k)...)
				got = sets[k].AppendBinary(got)
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

// After a Reset the memory of the cells is used again, and nothing that was in it shows.
func TestResetForgets(t *testing.T) {
	p := testPlan()
	rng := rand.New(rand.NewPCG(1, 1))
	c := NewCounter(p)
	c.Describe()
	b := batchOf(p, rng, 300, 1)
	write := func(c *Counter) (out []byte) {
		for _, f := range c.Frames() {
			out = f.Summary.AppendBinary(fmt.Appendf(out, "%d %s %v", f.Pane, f.Version, f.Spans))
		}
		for _, cell := range c.Cells() {
			out = cell.Set.AppendBinary(fmt.Appendf(out, "%+v", cell.Key))
		}
		return out
	}
	c.Count(1, b, broken(p, b))
	want := write(c)
	set := c.Cells()[0].Set
	c.Reset()
	if c.Len() != 0 || len(c.Cells()) != 0 || len(c.Frames()) != 0 || c.Bytes() != 0 {
		t.Fatal("cells are left")
	}
	other := batchOf(p, rng, 1000, 1)
	c.Count(0, other, broken(p, other))
	if !slices.ContainsFunc(c.Cells(), func(cell Cell) bool { return cell.Set == set }) {
		t.Error("memory is not used again")
	}
	c.Reset()
	c.Count(1, b, broken(p, b))
	if !bytes.Equal(write(c), want) {
		t.Error("counted again, the same rows give other bytes")
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

// What a value's sums lie in is one line of the cache.
func TestNumberSumsFillALine(t *testing.T) {
	if n := unsafe.Sizeof(numberSums{}); n != 64 {
		t.Errorf("%d bytes", n)
	}
}
