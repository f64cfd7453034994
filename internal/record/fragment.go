package record

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// fragmentFormat is the version of the record that this build writes; it reads these.
//
//   - 2: a text that came before is named by its number, a pane by its distance to the one before; Described.
//   - 3: Coverage.Waited.
//   - 4: Momentary.
const fragmentFormat = 4

const oldestFragment = 2

// NoTime is the watermark of a source no event was read from yet.
const NoTime = math.MinInt64

// Source is one partition of a topic. Partitions is how many partitions the topic has, as known to who wrote the record: a
// pane closes when every one of them has passed its end.
type Source struct {
	Topic      string
	TopicID    [16]byte // tells a topic from one that was deleted and made again
	Partition  int32
	Partitions int32
}

// Coverage says that a fragment accounts for the offsets [From, To) of a source. Records is how many of them held an event;
// the rest are transaction markers and aborted records.
type Coverage struct {
	Source
	From, To  int64
	Watermark int64 // largest event time read so far, microseconds; NoTime if none
	Records   int64
	Idle      bool // the source is declared idle: it holds no pane open (From == To)
	Lost      bool // the offsets expired before they were read
	Waited    bool // the schema registry was away when they were read first: they were counted later than they came
}

// Mark is how far a source's events have passed through one joins partition: only what passed through it says that a
// cohort's rows are all there.
type Mark struct {
	Source
	Joins     int32 // the joins partition
	Watermark int64
	Idle      bool
}

// Kind is what a cell counts.
type Kind uint8

// The kinds of cells.
const (
	Counted  Kind = 1 // events of the prediction stream: a sketch.Set
	Labelled Kind = 2 // joined outcomes, revised for ever: truth.Counts
	OnTime   Kind = 3 // joined outcomes that came before the cohort was mature: truth.Counts
	// Described is what describes the events of all slices of a version in a pane, with their spans: a sketch.Summary. Its
	// slice is "".
	Described Kind = 4
	// Momentary is what hard faults are told by in a moment of a version, see plan.Plan.Moment, with its spans: a sketch.Moment. Its
	// slice is "", its pane the moment's start.
	Momentary Kind = 5
)

// Span is the smallest and largest offset of a pane's own events in one partition.
type Span struct {
	Topic       string
	Partition   int32
	First, Last int64
}

// Cell is one cell's counts, encoded.
type Cell struct {
	Kind    Kind
	Model   string
	Plan    string // digest
	Version string
	Pane    int64 // start, microseconds since the Unix epoch
	Slice   string
	Spans   []Span
	Body    []byte
}

// VersionText is how a model version is called from the detector on: by its name, or, where that is no text (a field of bytes may hold any), quoted
// with its bytes as in Go. JSON, in which states and findings are written, would make one name of two.
func VersionText(version string) string {
	if utf8.ValidString(version) {
		return version
	}
	return strconv.Quote(version)
}

// Fragment is what one epoch of an ingestor or a joiner adds. Cells add up; coverage moves clocks. A fragment too large for one
// record is cut into chunks: coverage and marks travel in the last one.
type Fragment struct {
	Joins    int32 // partitions of the joins topic
	Coverage []Coverage
	Marks    []Mark
	Cells    []Cell
}

// The flags of a coverage.
const (
	idleFlag = 1 << iota
	lostFlag
	waitedFlag
)

var errFormat = errors.New("unknown format")

// AppendBinary writes f.
func (f *Fragment) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, fragmentFormat)
	b = wire.Int(b, int64(f.Joins))
	b = wire.Uint(b, uint64(len(f.Coverage)))
	for i := range f.Coverage {
		c := &f.Coverage[i]
		b = appendSource(b, c.Source)
		b = wire.Int(wire.Int(wire.Int(wire.Int(b, c.From), c.To), c.Watermark), c.Records)
		b = wire.Uint(b, flag(c.Idle)*idleFlag|flag(c.Lost)*lostFlag|flag(c.Waited)*waitedFlag)
	}
	b = wire.Uint(b, uint64(len(f.Marks)))
	for i := range f.Marks {
		m := &f.Marks[i]
		b = wire.Int(wire.Int(appendSource(b, m.Source), int64(m.Joins)), m.Watermark)
		b = wire.Uint(b, flag(m.Idle))
	}
	room := usualCell * len(f.Cells)
	for i := range f.Cells {
		room += len(f.Cells[i].Body)
	}
	b = slices.Grow(wire.Uint(b, uint64(len(f.Cells))), room)
	t := texts{at: map[string]uint64{}}
	pane := int64(0)
	for i := range f.Cells {
		b = f.Cells[i].append(b, &t, pane)
		pane = f.Cells[i].Pane
	}
	return b
}

func (c *Cell) append(b []byte, t *texts, pane int64) []byte {
	b = wire.Uint(b, uint64(c.Kind))
	b = t.append(t.append(t.append(b, c.Model), c.Plan), c.Version)
	b = wire.Int(b, c.Pane-pane)
	b = wire.String(b, c.Slice)
	b = wire.Uint(b, uint64(len(c.Spans)))
	for _, s := range c.Spans {
		b = t.append(b, s.Topic)
		b = wire.Int(wire.Int(wire.Int(b, int64(s.Partition)), s.First), s.Last-s.First)
	}
	return wire.Bytes(b, c.Body)
}

// texts are the texts of a fragment's cells in the order of their first use. The next number is followed by a text that is
// new.
type texts struct {
	at   map[string]uint64
	list []string // when read
}

func (t *texts) append(b []byte, s string) []byte {
	at, known := t.at[s]
	if known {
		return wire.Uint(b, at)
	}
	at = uint64(len(t.at))
	t.at[s] = at
	return wire.String(wire.Uint(b, at), s)
}

var errText = errors.New("a text is numbered beyond the next one, or came before")

func (t *texts) read(r *wire.Reader) string {
	at := r.Uint()
	if r.Err() != nil {
		return ""
	}
	if at < uint64(len(t.list)) {
		return t.list[at]
	}
	s := r.String()
	if _, known := t.at[s]; known || at > uint64(len(t.list)) {
		r.Fail(errText)
		return ""
	}
	t.at[s] = at
	t.list = append(t.list, s)
	return s
}

// ReadFragment reads what AppendBinary wrote, or a build of a format before. Bodies point into b.
func ReadFragment(b []byte) (*Fragment, error) {
	r := wire.NewReader(b)
	format := r.Uint()
	if r.Err() == nil && (format > fragmentFormat || format < oldestFragment) {
		return nil, fmt.Errorf("read fragment: %w %d, this build reads %d to %d", errFormat, format, oldestFragment, fragmentFormat)
	}
	flags, most := uint64(idleFlag|lostFlag), Described
	if format >= 3 {
		flags |= waitedFlag
	}
	if format >= 4 {
		most = Momentary
	}
	f := &Fragment{Joins: r.Int32()}
	for range r.Count(23) {
		c := Coverage{Source: readSource(r), From: r.Int(), To: r.Int(), Watermark: r.Int(), Records: r.Int()}
		bits := r.Uint()
		if bits&^flags != 0 {
			r.Fail(fmt.Errorf("coverage of %s/%d has unknown flags %#x", c.Topic, c.Partition, bits))
		}
		c.Idle, c.Lost, c.Waited = bits&idleFlag != 0, bits&lostFlag != 0, bits&waitedFlag != 0
		if c.To < c.From {
			r.Fail(fmt.Errorf("coverage of %s/%d ends at %d before it begins at %d", c.Topic, c.Partition, c.To, c.From))
		}
		f.Coverage = append(f.Coverage, c)
	}
	for range r.Count(22) {
		f.Marks = append(f.Marks, Mark{Source: readSource(r), Joins: r.Int32(), Watermark: r.Int(), Idle: r.Bool()})
	}
	t, pane := texts{at: map[string]uint64{}}, int64(0)
	for range r.Count(8) {
		f.Cells = append(f.Cells, readCell(r, &t, pane, most))
		pane = f.Cells[len(f.Cells)-1].Pane
	}
	if err := r.Close(); err != nil {
		return nil, fmt.Errorf("read fragment: %w", err)
	}
	return f, nil
}

func readCell(r *wire.Reader, t *texts, pane int64, most Kind) Cell {
	c := Cell{Kind: readKind(r, most), Model: t.read(r), Plan: t.read(r), Version: t.read(r), Pane: pane + r.Int(), Slice: r.String()}
	for range r.Count(4) {
		c.Spans = append(c.Spans, readSpan(r, t.read(r)))
	}
	c.Body = r.Bytes()
	return c
}

func readKind(r *wire.Reader, most Kind) Kind {
	kind := r.Uint()
	if r.Err() == nil && (kind < uint64(Counted) || kind > uint64(most)) {
		r.Fail(fmt.Errorf("a cell of unknown kind %d", kind))
	}
	return Kind(kind)
}

func readSpan(r *wire.Reader, topic string) Span {
	s := Span{Topic: topic, Partition: r.Int32(), First: r.Int()}
	s.Last = s.First + r.Int()
	if s.Last < s.First {
		r.Fail(fmt.Errorf("a cell's events in %s/%d end at %d before they begin at %d", s.Topic, s.Partition, s.Last, s.First))
	}
	return s
}

func appendSource(b []byte, s Source) []byte {
	b = wire.String(b, s.Topic)
	b = append(b, s.TopicID[:]...)
	return wire.Int(wire.Int(b, int64(s.Partition)), int64(s.Partitions))
}

func readSource(r *wire.Reader) Source {
	s := Source{Topic: r.String()}
	copy(s.TopicID[:], r.Raw(len(s.TopicID)))
	s.Partition, s.Partitions = r.Int32(), r.Int32()
	return s
}

func flag(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// Chunks cuts cells into fragments whose cells take at most size bytes each, or are one cell. The last one is last, which
// carries the coverage and marks of all: clocks move only when every cell is there.
func Chunks(cells []Cell, size int, last Fragment) []Fragment {
	var out []Fragment
	var run []Cell
	used := 0
	for i := range cells {
		n := cells[i].most()
		if used > 0 && used+n > size {
			out = append(out, Fragment{Joins: last.Joins, Cells: run})
			run, used = nil, 0
		}
		run = append(run, cells[i])
		used += n
	}
	last.Cells = run
	return append(out, last)
}

// most is the most that c takes when it is written, with every number at its longest. A cell of a topic of many partitions
// has many spans: they may take more than its body.
func (c *Cell) most() int {
	const number = binary.MaxVarintLen64
	n := 8*number + len(c.Model) + len(c.Plan) + len(c.Version) + len(c.Slice) + len(c.Body)
	for i := range c.Spans {
		n += 4*number + len(c.Spans[i].Topic)
	}
	return n
}
