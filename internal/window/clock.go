package window

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/record"
)

// place is one partition of a source topic; Joins is the joins partition a mark came through, -1 for coverage.
type place struct {
	Topic     string
	Partition int32
	Joins     int32
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.Topic, q.Topic), cmp.Compare(p.Partition, q.Partition), cmp.Compare(p.Joins, q.Joins))
}

// progress is how far one place has come.
type progress struct {
	TopicID    [16]byte
	Next       int64 // next offset expected; coverage only
	Watermark  int64
	Partitions int32
	Idle       bool
}

// Clock keeps the watermarks of source partitions.
type Clock struct {
	places map[place]*progress
	joins  int32 // partitions of the joins topic, once known
}

// NewClock makes a clock that has seen nothing.
func NewClock() *Clock { return &Clock{places: map[place]*progress{}} }

// ProblemKind says what is wrong with a piece of coverage.
type ProblemKind string

// The kinds of problems.
const (
	Gap       ProblemKind = "gap"       // offsets nobody accounts for
	Overlap   ProblemKind = "overlap"   // offsets counted twice
	Lost      ProblemKind = "lost"      // offsets that expired before they were read
	Recreated ProblemKind = "recreated" // the topic is another one than before
	Delayed   ProblemKind = "delayed"   // offsets whose events waited for the schema registry; they are counted all the same
)

// Problem is a hole or a seam in what fragments account for. Counts that depend on it can't be trusted; but for Delayed, which
// says that they came late.
type Problem struct {
	Kind      ProblemKind
	Topic     string
	Partition int32
	From, To  int64
	At        int64 // event time the partition had reached, microseconds; record.NoTime before its first event
}

func (p Problem) String() string {
	return fmt.Sprintf("%s of %s/%d: offsets [%d, %d)", p.Kind, p.Topic, p.Partition, p.From, p.To)
}

// Cover takes one piece of coverage into account. It returns a problem where the piece doesn't begin where the last one ended.
func (c *Clock) Cover(v *record.Coverage) *Problem {
	p := place{v.Topic, v.Partition, -1}
	was := c.places[p]
	if was == nil {
		was = &progress{TopicID: v.TopicID, Next: v.From, Watermark: record.NoTime}
		c.places[p] = was
	}
	var problem *Problem
	tell := func(k ProblemKind, from, to int64) {
		problem = &Problem{Kind: k, Topic: v.Topic, Partition: v.Partition, From: from, To: to, At: max(was.Watermark, v.Watermark)}
	}
	// A topic without an id says nothing: of a quiet partition an ingestor may not know it yet.
	named := v.TopicID != [16]byte{}
	switch {
	case named && was.TopicID != [16]byte{} && v.TopicID != was.TopicID:
		tell(Recreated, 0, v.From) // of the new topic; what was left of the old one nobody can say
		was.Next = v.To
	case v.From > was.Next:
		tell(Gap, was.Next, v.From)
	case v.From < was.Next:
		tell(Overlap, v.From, min(v.To, was.Next))
	case v.Lost:
		tell(Lost, v.From, v.To)
	case v.Waited:
		tell(Delayed, v.From, v.To)
	}
	if named {
		was.TopicID = v.TopicID
	}
	was.Idle = v.Idle
	was.Next = max(was.Next, v.To) // an overlap takes nothing back
	was.Watermark = max(was.Watermark, v.Watermark)
	was.Partitions = max(was.Partitions, v.Partitions)
	return problem
}

// Mark takes into account how far a source has passed through a joins partition.
func (c *Clock) Mark(m *record.Mark, joins int32) {
	c.joins = max(c.joins, joins)
	p := place{m.Topic, m.Partition, m.Joins}
	was := c.places[p]
	if was == nil {
		was = &progress{Watermark: record.NoTime}
		c.places[p] = was
	}
	was.Watermark = max(was.Watermark, m.Watermark)
	was.Partitions = max(was.Partitions, m.Partitions)
	was.Idle = m.Idle
}

// Low is the event time that every partition of the topic has reached. ok is false while some partition is not heard of yet.
func (c *Clock) Low(topic string) (us int64, ok bool) {
	return c.low(topic, -1, 0)
}

// High is the latest event time that any partition of the topic has reached. ok is false before the first event.
func (c *Clock) High(topic string) (us int64, ok bool) {
	us = record.NoTime
	for p, w := range c.places {
		if p.Topic == topic {
			us = max(us, w.Watermark)
		}
	}
	return us, us != record.NoTime
}

// LowJoined is the event time that every partition of every one of the topics has reached as seen through every joins
// partition.
func (c *Clock) LowJoined(topics ...string) (us int64, ok bool) {
	if c.joins <= 0 {
		return 0, false
	}
	for i, t := range topics {
		v, ok := c.low(t, 0, c.joins)
		if !ok {
			return 0, false
		}
		if i == 0 || v < us {
			us = v
		}
	}
	return us, true
}

// LowBeside is the event time that every partition of a topic has reached as seen through every joins partition, where the topic need not be as
// current as others: a topic all of whose partitions are idle holds nothing up, and has reached the end of time. ok is false as long as nothing is known
// of it.
func (c *Clock) LowBeside(topic string) (us int64, ok bool) {
	known, busy := false, false
	for p, w := range c.places {
		if p.Topic == topic && p.Joins >= 0 {
			known, busy = true, busy || !w.Idle
		}
	}
	switch {
	case !known || c.joins <= 0:
		return 0, false
	case !busy:
		return math.MaxInt64, true
	}
	return c.low(topic, 0, c.joins)
}

// low is the smallest watermark of a topic's partitions, idle ones left out. If all are idle the largest counts: nothing
// older is on its way. Marks count as seen through the joins partitions [from, to).
func (c *Clock) low(topic string, from, to int32) (int64, bool) {
	var partitions int32
	for p, w := range c.places {
		if p.Topic == topic {
			partitions = max(partitions, w.Partitions)
		}
	}
	low, high, busy := int64(0), int64(record.NoTime), false
	for i := range partitions {
		for j := from; j < to; j++ {
			w := c.places[place{topic, i, j}]
			if w == nil {
				return 0, false
			}
			high = max(high, w.Watermark)
			if w.Idle {
				continue
			}
			if !busy || w.Watermark < low {
				low, busy = w.Watermark, true
			}
		}
	}
	if !busy {
		low = high
	}
	return low, partitions > 0 && low != record.NoTime
}

// sorted lists the places in order.
func (c *Clock) sorted() []place {
	return slices.SortedFunc(maps.Keys(c.places), place.compare)
}
