package sketch

import (
	"cmp"
	"slices"
	"strings"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Key names a cell of the prediction stream.
type Key struct {
	Pane    int64  // start of the base pane, microseconds since the Unix epoch
	Version string // model version; "" without one
	Slice   string // as SliceCode writes it
}

// Compare orders keys by pane, version, slice.
func (k Key) Compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Pane, l.Pane), strings.Compare(k.Version, l.Version), strings.Compare(k.Slice, l.Slice))
}

// Span is the smallest and largest offset of a cell's own rows in one source, and how many rows they are.
type Span struct {
	Src         int
	First, Last int64
	Rows        int64
}

// Cell is one cell and what was counted in it.
type Cell struct {
	Key Key
	Set *Set
}

// Limits of one epoch of one model.
const (
	// MaxVersions is how many model versions are counted by their own names. Further ones are counted as OtherVersion: which these
	// are depends on the order of the rows. It keeps a stream whose version field holds a build time or an id from filling the memory.
	MaxVersions  = 32
	OtherVersion = "other"

	// What is kept over a Reset, to be used again: what an ordinary epoch takes.
	keptCells  = 4096
	keptFrames = 8
)

// Counter counts batches of the prediction stream into cells of the finest slice. It belongs to one goroutine; what it hands out is
// its own until Reset. Its memory grows with the number of cells, never with the number of rows: see Bytes. An epoch, from one Reset to the
// next, holds fewer than 2^32 rows.
//
// A batch goes through it column by column. First every text is looked up and every row gets its cell (place.go); then each column is
// counted in one loop over all rows, into arrays that hold that column's counts of all cells (numbers.go, texts.go). Sets are put
// together from them only when the epoch ends (Cells).
type Counter struct {
	plan    *plan.Plan
	numbers []*numberColumn
	texts   []*textColumn
	unread  []*unreadColumn
	lookups []*lookup
	dims    []dimension
	score   *scoreColumn   // nil without a binary plan.Score
	reasons *reasonsColumn // nil: the plan names none
	moments *momentCounter // nil: they aren't counted
	version int            // field, or -1
	latency int            // field, or -1

	scoring      bool // what rows say of their scores is kept for ScoreOf
	describes    bool // from the next Reset on
	describing   bool
	combinations uint32 // of slices; 0: too many for a table

	// By cell.
	keys      []Key
	frameOf   []int32
	rows      []uint32
	latencies []uint32
	rules     [][]uint32 // by rule, then cell
	index     map[uint64]int32
	numbered  map[string]uint32

	frames    []*frame
	framed    map[frameKey]int32
	recent    [2]*frame
	versions  []string // by name, at most MaxVersions
	crowded   int64    // rows of further versions
	bytes     int      // of cells and their keys
	cellBytes int

	spareSets   []*Set
	single      *Set // see scratch
	spareFrames []*frame
	written     []writtenColumn // by plan.Columns

	// Scratch of one batch.
	at       placed
	combined []uint32 // its combination of slices
}

// NewCounter makes a counter for a plan.
func NewCounter(p *plan.Plan) *Counter {
	c := &Counter{
		plan: p, index: map[uint64]int32{}, numbered: map[string]uint32{}, framed: map[frameKey]int32{}, version: -1, latency: -1,
		rules: make([][]uint32, len(p.Rules)),
	}
	if at := p.Prediction.Roles.Version; isKind(p, at, plan.String) {
		c.version = at
	}
	if at := p.Prediction.Roles.Latency; isKind(p, at, plan.Number) {
		c.latency = at
	}
	byField := map[int]*lookup{}
	for i := range p.Columns {
		col := &p.Columns[i]
		switch {
		case col.Layout.Categorical && isKind(p, col.Field, plan.String):
			l := newLookup(p, col)
			if byField[col.Field] == nil {
				byField[col.Field] = l
			}
			c.lookups = append(c.lookups, l)
			c.texts = append(c.texts, newTextColumn(i, col, l))
		case !col.Layout.Categorical && isKind(p, col.Field, plan.Number):
			c.numbers = append(c.numbers, newNumberColumn(i, col))
		default:
			c.unread = append(c.unread, &unreadColumn{at: i, field: col.Field})
		}
	}
	c.combinations = 1
	for i := range p.Slices {
		d := &p.Slices[i]
		if byField[d.Field] == nil && isKind(p, d.Field, plan.String) {
			byField[d.Field] = &lookup{field: d.Field, table: newTable(d.Values)}
			c.lookups = append(c.lookups, byField[d.Field])
		}
		dim := newDimension(d, byField[d.Field])
		c.dims = append(c.dims, dim)
		if c.combinations *= uint32(min(dim.radix, maxCombinations+1)); c.combinations > maxCombinations {
			c.combinations = 0
		}
	}
	if p.Score.Binary() && isKind(p, p.Prediction.Roles.Score, plan.Number) {
		c.score = newScoreColumn(p)
	}
	if p.Reasons != nil {
		c.reasons = &reasonsColumn{plan: p, field: *p.Reasons}
	}
	c.cellBytes = int(unsafe.Sizeof(Key{})) + 4*(3+len(c.rules))
	c.eachColumn(func(n columnOfCells) { c.cellBytes += n.cellBytes() })
	return c
}

// newLookup makes the lookup of a column: of the values that the column and the slice dimensions of its field name.
func newLookup(p *plan.Plan, col *plan.Column) *lookup {
	lists := [][]string{col.Layout.Categories, col.Layout.Known, col.Values}
	for i := range p.Slices {
		if p.Slices[i].Field == col.Field {
			lists = append(lists, p.Slices[i].Values)
		}
	}
	return &lookup{field: col.Field, table: newTable(lists...)}
}

// columnOfCells is the counts of one column in all cells.
type columnOfCells interface {
	grow(cells int)
	reset()
	cellBytes() int
}

// columnOfPlan is one of plan.Columns.
type columnOfPlan interface {
	columnOfCells
	place() int // in plan.Columns
	// read writes what a cell of so many rows holds to c, but for its bins: it returns those, nil if all are 0.
	read(c *Column, cell int, rows int64) (bins []uint32)
}

func (c *Counter) eachPlanned(visit func(columnOfPlan)) {
	for _, n := range c.numbers {
		visit(n)
	}
	for _, n := range c.texts {
		visit(n)
	}
	for _, n := range c.unread {
		visit(n)
	}
}

func (c *Counter) eachColumn(visit func(columnOfCells)) {
	c.eachPlanned(func(n columnOfPlan) { visit(n) })
	if c.score != nil {
		visit(c.score)
	}
	if c.reasons != nil {
		visit(c.reasons)
	}
}

// Describe makes the counter describe what it counts (see Summary): from now on if nothing was counted yet, else from the next Reset.
func (c *Counter) Describe() {
	c.describes = true
	c.describing = c.describing || len(c.frames) == 0
}

// TellScores makes the counter answer ScoreOf.
func (c *Counter) TellScores() { c.scoring = true }

// Count adds the rows of a batch, which come from the source src. broken[i][row] says that the row broke plan.Rules[i]; it may
// be nil. Rows without an event time belong to no pane: they are skipped, and their number is returned.
func (c *Counter) Count(src int, b *plan.Batch, broken [][]bool) (skipped int) {
	for _, l := range c.lookups {
		l.fill(&b.Cols[l.field], b.N)
	}
	known := len(c.keys)
	skipped = c.place(b)
	if len(c.keys) > known {
		c.grow(len(c.keys))
	}
	from := int32(0)
	for _, r := range c.at.runs {
		c.rows[r.of] += uint32(r.end - from)
		from = r.end
	}
	for i := range min(len(broken), len(c.rules)) {
		for row, is := range broken[i][:b.N] {
			if cell := c.at.cells[row]; is && cell >= 0 {
				c.rules[i][cell]++
			}
		}
	}
	for _, n := range c.numbers {
		n.count(&b.Cols[n.field], &c.at)
	}
	for _, n := range c.texts {
		n.count(&b.Cols[n.lookup.field], &c.at)
	}
	for _, n := range c.unread {
		n.count(&b.Cols[n.field], c.at.cells)
	}
	if c.latency >= 0 {
		c.countLatency(&b.Cols[c.latency])
	}
	if c.score != nil {
		c.score.count(b, &c.at, c.scoring)
	}
	if c.reasons != nil {
		c.reasons.count(b, c.at.cells)
	}
	if c.moments != nil {
		c.moments.count(src, b, c)
	}
	for _, f := range c.frames {
		if f.batch.Rows > 0 {
			f.cover(src)
			if f.described {
				f.weigh()
			}
		}
	}
	return skipped
}

func (c *Counter) grow(cells int) {
	c.latencies = grown(c.latencies, cells)
	for i := range c.rules {
		c.rules[i] = grown(c.rules[i], cells)
	}
	c.eachColumn(func(n columnOfCells) { n.grow(cells) })
}

func (c *Counter) countLatency(in *plan.Col) {
	for row, cell := range c.at.cells {
		if cell < 0 || in.State[row] != plan.OK || in.Num[row]-in.Num[row] != 0 {
			continue
		}
		c.latencies[cell]++
		if f := c.frames[c.frameOf[cell]]; f.described {
			f.latency.add(in.Num[row])
		}
	}
}

// Len is the number of cells.
func (c *Counter) Len() int { return len(c.keys) }

// Bytes is about how much memory the counts take.
func (c *Counter) Bytes() int {
	n := c.bytes
	if c.moments != nil {
		n += c.moments.bytes()
	}
	for _, f := range c.frames {
		n += f.bytes
	}
	return n
}

// Crowded is how many rows since the last Reset were counted as OtherVersion because their version was one too many.
func (c *Counter) Crowded() int64 { return c.crowded }

// CellOf is the number of the cell that a row of the last batch was counted in, or -1 for a row without an event time. Cells are
// numbered from 0 in the order of their first rows since the last Reset.
func (c *Counter) CellOf(row int) int {
	if row >= len(c.at.cells) {
		return -1
	}
	return int(c.at.cells[row])
}

// ScoreOf is the score and the decision of a row of the last batch that has a cell, after TellScores.
func (c *Counter) ScoreOf(row int) Scored {
	if c.score == nil || !c.scoring {
		return Scored{}
	}
	return c.score.read[row]
}

// Key is the key of a cell by its number. Its texts don't point into the batch.
func (c *Counter) Key(cell int) Key { return c.keys[cell] }

// Cells returns the cells counted since the last Reset, by key. They are the counter's own until Reset.
func (c *Counter) Cells() []Cell {
	for len(c.spareSets) < len(c.keys) {
		c.spareSets = append(c.spareSets, NewSet(c.plan))
	}
	out := make([]Cell, len(c.keys))
	for i, at := range c.sorted() {
		out[i] = Cell{c.keys[at], c.set(c.spareSets[i], int(at))}
	}
	return out
}

// sorted are the numbers of the cells by their keys.
func (c *Counter) sorted() []int32 {
	out := make([]int32, len(c.keys))
	for i := range out {
		out[i] = int32(i)
	}
	slices.SortFunc(out, func(a, b int32) int { return c.keys[a].Compare(c.keys[b]) })
	return out
}

// set writes what was counted of a cell to s.
func (c *Counter) set(s *Set, cell int) *Set {
	for _, n := range c.numbers {
		n.touch(int32(cell))
	}
	for _, n := range c.texts {
		n.touch(int32(cell))
	}
	s.Rows = int64(c.rows[cell])
	c.eachPlanned(func(n columnOfPlan) {
		to := &s.Columns[n.place()]
		for i, v := range n.read(to, cell, s.Rows) {
			to.Bins[i] = int64(v)
		}
	})
	c.odds(s, cell)
	if c.score != nil {
		c.score.curveOf(s.Curve, cell)
	}
	return s
}

// odds writes to s what a cell holds beside its columns and its curve.
func (c *Counter) odds(s *Set, cell int) {
	s.LatencyN = int64(c.latencies[cell])
	for i := range s.Rules {
		s.Rules[i] = int64(c.rules[i][cell])
	}
	if c.score != nil {
		c.score.scores(s, cell)
	}
	if c.reasons != nil {
		c.reasons.reasons(s, cell)
	}
}

// Reset forgets what was counted. Its memory is used again, up to what an ordinary epoch takes.
func (c *Counter) Reset() {
	for _, f := range c.frames[:min(len(c.frames), keptFrames-min(keptFrames, len(c.spareFrames)))] {
		f.reset()
		c.spareFrames = append(c.spareFrames, f)
	}
	if len(c.spareSets) > keptCells {
		clear(c.spareSets[keptCells:])
		c.spareSets = c.spareSets[:keptCells]
	}
	clear(c.keys)
	clear(c.frames)
	clear(c.rows)
	clear(c.latencies)
	for i := range c.rules {
		clear(c.rules[i])
		c.rules[i] = kept(c.rules[i], keptCells)
	}
	c.keys, c.frameOf, c.rows, c.latencies = kept(c.keys, keptCells), kept(c.frameOf, keptCells), kept(c.rows, keptCells), kept(c.latencies, keptCells)
	c.eachColumn(columnOfCells.reset)
	if c.moments != nil {
		c.moments.reset()
	}
	for i := range c.written {
		c.written[i].reset()
	}
	c.frames, c.versions, c.at.cells, c.recent = c.frames[:0], c.versions[:0], c.at.cells[:0], [2]*frame{}
	c.bytes, c.crowded, c.describing = 0, 0, c.describes
	clear(c.index)
	clear(c.numbered)
	clear(c.framed)
}
