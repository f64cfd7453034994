package inspect

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Range is a stretch of offsets [From, To) of one partition.
type Range struct {
	Topic     string
	Partition int32
	From, To  int64
}

// Cover is a set of offsets. The zero value is empty.
type Cover struct{ ranges []Range }

// Add adds a range; an empty one adds nothing.
func (c *Cover) Add(r Range) {
	if r.From < r.To {
		c.ranges = append(c.ranges, r)
	}
}

// AddSpans adds the offsets of a pane's own events.
func (c *Cover) AddSpans(spans []record.Span) {
	for _, s := range spans {
		c.Add(Range{s.Topic, s.Partition, s.First, s.Last + 1})
	}
}

// AddOffsets adds the offsets that a finding names. What is no partition is left out.
func (c *Cover) AddOffsets(offsets finding.Offsets) {
	for topic, partitions := range offsets {
		for text, o := range partitions {
			if p, err := strconv.ParseInt(text, 10, 32); err == nil {
				c.Add(Range{topic, int32(p), o[0], o[1] + 1})
			}
		}
	}
}

// Ranges lists the offsets by topic and partition, each offset once.
func (c *Cover) Ranges() []Range {
	sorted := slices.SortedFunc(slices.Values(c.ranges), func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.From, b.From))
	})
	var out []Range
	for _, r := range sorted {
		if n := len(out); n > 0 && out[n-1].Topic == r.Topic && out[n-1].Partition == r.Partition && r.From <= out[n-1].To {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Empty reports whether there is no offset in it.
func (c *Cover) Empty() bool { return len(c.ranges) == 0 }

// Within is the part of a range that lies in the log [start, end), and how many of its offsets are not there.
func (r Range) Within(start, end int64) (left Range, gone int64) {
	left = r
	left.From, left.To = max(r.From, start), min(r.To, end)
	if left.To < left.From {
		left.To = left.From
	}
	return left, (r.To - r.From) - (left.To - left.From)
}
