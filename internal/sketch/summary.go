package sketch

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Summary describes the predictions of one model version in one pane, over all slices: what quantiles and cardinalities are
// computed from when people look. It merges exactly, in any order, to the same bytes; no test may read it, but for promises on
// the latency, by Histogram.Beside.
type Summary struct {
	Columns []Described // by plan.Columns
	Latency *Histogram  // in the event's own unit
}

// Described is one column of a Summary.
type Described struct {
	Histogram *Histogram // nil for a categorical column
	Distinct  *Distinct
}

// NewSummary makes an empty summary of the shape a plan asks for.
func NewSummary(p *plan.Plan) *Summary {
	s := &Summary{Columns: make([]Described, len(p.Columns)), Latency: &Histogram{}}
	for i := range s.Columns {
		s.Columns[i].Distinct = NewDistinct()
		if !p.Columns[i].Layout.Categorical {
			s.Columns[i].Histogram = &Histogram{}
		}
	}
	return s
}

// Merge adds o, which stays as it is and shares nothing with s afterwards. A summary of another shape is refused and nothing is
// added.
func (s *Summary) Merge(o *Summary) error {
	if !bytes.Equal(s.shape(), o.shape()) {
		return fmt.Errorf("merge summaries: %w: %d columns and %d, or other kinds of them", errShape, len(s.Columns), len(o.Columns))
	}
	for i := range s.Columns {
		c, from := &s.Columns[i], &o.Columns[i]
		if c.Histogram != nil {
			c.Histogram.Merge(from.Histogram)
		}
		c.Distinct.Merge(from.Distinct)
	}
	s.Latency.Merge(o.Latency)
	return nil
}

// Clone is a deep copy.
func (s *Summary) Clone() *Summary {
	c := &Summary{Columns: make([]Described, len(s.Columns)), Latency: s.Latency.Clone()}
	for i, from := range s.Columns {
		c.Columns[i].Distinct = from.Distinct.Clone()
		if from.Histogram != nil {
			c.Columns[i].Histogram = from.Histogram.Clone()
		}
	}
	return c
}

// summaryFormat is the version of a summary's encoding. This build writes it and reads no other.
const summaryFormat = 1

var errSummaryFormat = errors.New("unknown format of a summary")

// AppendBinary writes s: the format (1 byte), the shape (4 bytes, a checksum over the kinds of the columns), each column's
// histogram, if it has one, and distinct count, then the histogram of the latency. Equal summaries have equal bytes, and
// ReadSummary refuses any other bytes.
func (s *Summary) AppendBinary(b []byte) []byte {
	b = append(append(b, summaryFormat), s.shape()...)
	for i := range s.Columns {
		if h := s.Columns[i].Histogram; h != nil {
			b = h.AppendBinary(b)
		}
		b = s.Columns[i].Distinct.AppendBinary(b)
	}
	return s.Latency.AppendBinary(b)
}

func (s *Summary) shape() []byte {
	kinds := make([]byte, len(s.Columns))
	for i := range s.Columns {
		if s.Columns[i].Histogram != nil {
			kinds[i] = 1
		}
	}
	h := fnv.New32a()
	h.Write(kinds)
	return h.Sum(nil)
}

// ReadSummary reads what AppendBinary wrote, for the plan that described it. The reader may go on behind the summary.
func ReadSummary(p *plan.Plan, r *wire.Reader) (*Summary, error) {
	if v := readByte(r); r.Err() == nil && v != summaryFormat {
		r.Fail(fmt.Errorf("%w %d, this build reads %d", errSummaryFormat, v, summaryFormat))
	}
	shape := r.Raw(4)
	if err := r.Err(); err != nil { // before anything is allocated
		return nil, fmt.Errorf("read summary: %w", err)
	}
	s := NewSummary(p)
	if !bytes.Equal(shape, s.shape()) {
		r.Fail(fmt.Errorf("%w: the summary was described by another plan than %q", errShape, p.Digest()))
	}
	var err error
	for i := 0; i < len(s.Columns) && r.Err() == nil; i++ {
		c := &s.Columns[i]
		if c.Histogram != nil {
			if c.Histogram, err = ReadHistogram(r); err != nil {
				break // the reader keeps the error
			}
		}
		c.Distinct, _ = ReadDistinct(r)
	}
	if r.Err() == nil {
		s.Latency, _ = ReadHistogram(r)
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read summary of %s: %w", p.Model, err)
	}
	return s, nil
}
