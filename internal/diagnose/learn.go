package diagnose

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	learntFormat = 1
	// mostParts is how many slices and versions are kept of a reference, those with most events.
	mostParts = 64
	// mostBytes is how much a plan may hold of what is kept of its reference; then parts are left out.
	mostBytes = 1 << 20
)

// Append writes what a plan keeps of its reference to diagnose by: the whole's counts and histograms, those of its largest parts, and how many events came in each hour of the week. Texts are not in it, nor how many distinct ones there were.
func Append(b []byte, s *Side) []byte {
	b = wire.Uint(b, learntFormat)
	b = wire.Bytes(b, s.Set.AppendBinary(nil))
	b = wire.Uint(b, uint64(s.Panes))
	b = wire.Float(b, s.Hours)
	b = wire.Uint(b, uint64(len(s.Hourly)))
	for _, n := range s.Hourly {
		b = wire.Uint(b, uint64(n))
	}
	b = wire.Bool(b, s.Summary != nil)
	if s.Summary != nil {
		for i := range s.Summary.Columns {
			if h := s.Summary.Columns[i].Histogram; h != nil {
				b = wire.Bytes(b, h.AppendBinary(nil))
			}
		}
	}
	b = wire.Uint(b, uint64(len(s.Occupied)))
	for i, v := range s.Occupied {
		b = wire.Float(wire.Float(b, v), s.Unique[i])
	}
	parts := largest(s.Parts)
	at := len(b)
	full := appendParts(b, parts)
	for len(full) > mostBytes && len(parts) > 0 {
		parts = parts[:len(parts)/2]
		full = appendParts(b[:at], parts)
	}
	return full
}

// largest are the parts with most events, the larger first, those of equal size by name.
func largest(parts []Part) []Part {
	out := slices.Clone(parts)
	slices.SortStableFunc(out, func(a, b Part) int {
		switch {
		case a.Set.Rows != b.Set.Rows:
			return int(min(1, max(-1, b.Set.Rows-a.Set.Rows)))
		case a.Group != b.Group:
			return a.Group - b.Group
		case a.Version != b.Version:
			return strings.Compare(a.Version, b.Version)
		default:
			return slices.Compare(a.Codes, b.Codes)
		}
	})
	return out[:min(len(out), mostParts)]
}

func appendParts(b []byte, parts []Part) []byte {
	b = wire.Uint(b, uint64(len(parts)))
	for i := range parts {
		p := &parts[i]
		b = wire.Int(b, int64(p.Group))
		b = wire.Uint(b, uint64(len(p.Codes)))
		for _, c := range p.Codes {
			b = wire.Uint(b, uint64(c))
		}
		b = wire.String(b, p.Version)
		b = wire.Bytes(b, p.Set.AppendBinary(nil))
	}
	return b
}

var errLearnt = errors.New("not what a plan keeps of its reference to diagnose by")

// Open reads what a plan keeps of its reference; nil where that is nothing.
func Open(p *plan.Plan) (*Side, error) {
	if len(p.Diagnosis) == 0 {
		return nil, nil
	}
	s, err := Read(p, wire.NewReader(p.Diagnosis))
	if err != nil {
		return nil, fmt.Errorf("read the reference of %s: %w", p.Model, err)
	}
	return s, nil
}

// Read reads what Append wrote, to the end.
func Read(p *plan.Plan, r *wire.Reader) (*Side, error) {
	if v := r.Uint(); r.Err() == nil && v != learntFormat {
		return nil, fmt.Errorf("%w: format %d, this build reads %d", errLearnt, v, learntFormat)
	}
	s := &Side{}
	var err error
	if s.Set, err = readSet(p, r.Bytes()); err != nil {
		return nil, err
	}
	s.Panes = int(r.Uint())
	s.Hours = r.Float()
	if n := r.Count(1); n > 0 {
		if n != sketch.WeekHours {
			return nil, fmt.Errorf("%w: %d hours of the week", errLearnt, n)
		}
		for range n {
			s.Hourly = append(s.Hourly, int64(r.Uint()))
		}
	}
	if r.Bool() && r.Err() == nil {
		s.Summary = sketch.NewSummary(p)
		for i := range s.Summary.Columns {
			c := &s.Summary.Columns[i]
			if c.Histogram == nil {
				continue
			}
			h := wire.NewReader(r.Bytes())
			if c.Histogram, err = sketch.ReadHistogram(h); err != nil {
				return nil, err
			}
			if err := h.Close(); err != nil {
				return nil, err
			}
		}
	}
	if n := r.Count(16); n > 0 {
		if n != len(p.Columns) {
			return nil, fmt.Errorf("%w: %d columns in place of %d", errLearnt, n, len(p.Columns))
		}
		for range n {
			s.Occupied = append(s.Occupied, r.Float())
			s.Unique = append(s.Unique, r.Float())
		}
	}
	if err := s.readParts(p, r); err != nil {
		return nil, err
	}
	return s, r.Close()
}

func (s *Side) readParts(p *plan.Plan, r *wire.Reader) error {
	for range r.Count(4) {
		part := Part{Group: int(r.Int())}
		if r.Err() == nil && (part.Group < ofVersion || part.Group >= len(p.Groups)) {
			return fmt.Errorf("%w: a slice in group %d of %d", errLearnt, part.Group, len(p.Groups))
		}
		for range r.Count(1) {
			part.Codes = append(part.Codes, int(r.Uint()))
		}
		part.Version = r.String()
		if r.Err() == nil && part.Group >= 0 && len(part.Codes) != len(p.Groups[part.Group]) {
			return fmt.Errorf("%w: a slice of %d dimensions", errLearnt, len(part.Codes))
		}
		var err error
		if part.Set, err = readSet(p, r.Bytes()); err != nil {
			return err
		}
		s.Parts = append(s.Parts, part)
	}
	return r.Err()
}

func readSet(p *plan.Plan, b []byte) (*sketch.Set, error) {
	r := wire.NewReader(b)
	s, err := sketch.ReadSet(p, r)
	if err != nil {
		return nil, err
	}
	return s, r.Close()
}
