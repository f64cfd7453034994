package sketch

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"time"
	"unsafe"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// MomentOf is a moment of one model version, and where its rows lie.
type MomentOf struct {
	Start   int64 // microseconds since the Unix epoch
	Version string
	Spans   []Span // by Src
	Moment  *Moment
}

// momentCounter counts batches into moments. Rows come nearly in the order of their times, so that many in a row are of one moment:
// of such a run each column takes one look at its states.
type momentCounter struct {
	length  time.Duration
	time    int // field
	filled  []watched
	steady  []watched
	list    []*moment
	index   map[frameKey]*moment
	last    *moment
	perEach int // bytes, about
}

// watched is a column that is counted in moments.
type watched struct {
	at, field int
	text      bool
	only      string  // the one value of the reference, if text
	low, high float64 // else: the same number twice
}

type moment struct {
	frameKey
	rows         int64
	missing, odd []int64 // by filled, by steady
	spans        []Span
}

// newMomentCounter makes the counter of a plan's moments; nil if it has none.
func newMomentCounter(p *plan.Plan) *momentCounter {
	m := &momentCounter{length: p.Moment(), time: p.Prediction.Roles.Time, index: map[frameKey]*moment{}}
	if m.length == 0 {
		return nil
	}
	for i := range p.Columns {
		c := &p.Columns[i]
		if c.Field < 0 || c.Field >= len(p.Prediction.Fields) {
			continue
		}
		w := watched{at: i, field: c.Field, text: c.Layout.Categorical, low: c.Layout.Lo, high: c.Layout.Hi}
		if c.Filled() {
			m.filled = append(m.filled, w)
		}
		kind := plan.Number
		if w.text {
			kind = plan.String
		}
		if c.Steady() && isKind(p, c.Field, kind) {
			if w.text {
				w.only = c.Layout.Categories[0]
			}
			m.steady = append(m.steady, w)
		}
	}
	m.perEach = int(unsafe.Sizeof(moment{})) + 8*(len(m.filled)+len(m.steady)) + 64
	return m
}

// count takes the rows of a batch that have a cell; frameOf says of which frame each cell is.
func (m *momentCounter) count(src int, b *plan.Batch, c *Counter) {
	times, cells, step := b.Cols[m.time].Int[:b.N], c.at.cells, m.length.Microseconds()
	for from := 0; from < b.N; {
		if cells[from] < 0 {
			from++
			continue
		}
		frame := c.frameOf[cells[from]]
		start := plan.Align(times[from], m.length)
		to := from + 1
		for to < b.N && cells[to] >= 0 && times[to] >= start && times[to]-start < step && c.frameOf[cells[to]] == frame {
			to++
		}
		m.of(frameKey{start, c.frames[frame].version}).add(m, src, b, from, to)
		from = to
	}
}

func (m *momentCounter) of(k frameKey) *moment {
	if m.last != nil && m.last.frameKey == k {
		return m.last
	}
	at := m.index[k]
	if at == nil {
		counts := make([]int64, len(m.filled)+len(m.steady))
		at = &moment{frameKey: k, missing: counts[:len(m.filled)], odd: counts[len(m.filled):]}
		m.index[k] = at
		m.list = append(m.list, at)
	}
	m.last = at
	return at
}

// add counts the rows [from, to) of a batch.
func (at *moment) add(m *momentCounter, src int, b *plan.Batch, from, to int) {
	at.rows += int64(to - from)
	span := Span{Src: src, First: b.Offset[from], Last: b.Offset[from], Rows: int64(to - from)}
	for _, offset := range b.Offset[from:to] {
		span.First, span.Last = min(span.First, offset), max(span.Last, offset)
	}
	at.spans = covered(at.spans, span)
	for i := range m.filled {
		at.missing[i] += int64(bytes.Count(statesOf(b.Cols[m.filled[i].field].State[from:to]), missingState))
	}
	for i := range m.steady {
		w := &m.steady[i]
		in := &b.Cols[w.field]
		for row := from; row < to; row++ {
			if in.State[row] == plan.OK && (w.text && in.Str[row] != w.only || !w.text && !(in.Num[row] >= w.low && in.Num[row] <= w.high)) {
				at.odd[i]++
			}
		}
	}
}

var missingState = []byte{byte(plan.Missing)}

// statesOf sees states as the bytes they are, which can be counted many at a time.
func statesOf(s []plan.State) []byte { return unsafe.Slice((*byte)(unsafe.SliceData(s)), len(s)) }

// Moments returns the moments counted since the last Reset, by start and version; none of a counter that wasn't told CountMoments. They
// share nothing with the counter.
func (c *Counter) Moments() []MomentOf {
	if c.moments == nil {
		return nil
	}
	m := c.moments
	out := make([]MomentOf, len(m.list))
	for i, at := range m.list {
		out[i] = MomentOf{Start: at.pane, Version: at.version, Spans: at.spans, Moment: &Moment{Rows: at.rows}}
		out[i].Moment.missing = sparseOf(m.filled, at.missing)
		out[i].Moment.odd = sparseOf(m.steady, at.odd)
	}
	slices.SortFunc(out, func(a, b MomentOf) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Version, b.Version))
	})
	return out
}

// sparseOf are the counts that aren't 0, by column.
func sparseOf(of []watched, counts []int64) sparse {
	var out sparse
	for i, n := range counts {
		if n != 0 {
			out = append(out, histogramBin{int32(of[i].at), n})
		}
	}
	return out
}

// CountMoments makes the counter count moments, too (see Moment), if its plan has any.
func (c *Counter) CountMoments() { c.moments = newMomentCounter(c.plan) }

func (m *momentCounter) bytes() int { return m.perEach * len(m.list) }

func (m *momentCounter) reset() {
	clear(m.index)
	clear(m.list)
	m.list, m.last = m.list[:0], nil
}
