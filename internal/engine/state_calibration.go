package engine

import (
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

func (w *conceptWatch) append(b []byte) []byte {
	b = wire.Bool(b, w.streams != nil)
	if w.streams == nil {
		return b
	}
	b = wire.Bool(wire.Int(b, w.end), w.held != nil)
	if w.held != nil {
		b = wire.Float(wire.Int(b, w.start), w.hours)
		for _, c := range w.held {
			b = wire.Bytes(b, c.AppendBinary(nil))
		}
	}
	b = wire.Uint(b, uint64(len(w.streams)))
	for i := range w.streams {
		s := &w.said[i]
		b = wire.Bool(wire.Int(b, s.onset), s.told)
		b = s.soFar.append(wire.Float(wire.Float(b, s.shift), s.slope))
		b = wire.Uint(b, uint64(len(s.days)))
		for i := range s.days {
			b = s.days[i].append(wire.Int(b, s.days[i].start))
		}
		b = wire.Bytes(b, w.streams[i].AppendBinary(nil))
	}
	return b
}

func (s *spent) append(b []byte) []byte {
	for _, n := range s.Turned {
		b = wire.Int(b, n)
	}
	return wire.Float(b, s.Money)
}

// readSpent reads what append wrote; drift states before format 4 hold money alone.
func readSpent(format uint64, r *wire.Reader) (s spent) {
	if format > 3 {
		for i := range s.Turned {
			s.Turned[i] = r.Int()
		}
	}
	s.Money = r.Float()
	return s
}

func readConceptWatch(p *plan.Plan, format uint64, r *wire.Reader) (w conceptWatch, err error) {
	if !r.Bool() || r.Err() != nil {
		return conceptWatch{}, r.Err()
	}
	if err := w.ready(p); err != nil {
		return conceptWatch{}, err
	}
	if len(w.streams) == 0 {
		return conceptWatch{}, fmt.Errorf("the plan has learnt nothing of what scores mean")
	}
	w.end = r.Int()
	if r.Bool() {
		w.start, w.hours = r.Int(), r.Float()
		for range w.streams {
			c, err := readWholeCurve(p, r.Bytes())
			if err != nil {
				return conceptWatch{}, err
			}
			w.held = append(w.held, c)
		}
	}
	if n := r.Uint(); r.Err() != nil || n != uint64(len(w.streams)) || !(w.hours >= 0) || math.IsInf(w.hours, 1) {
		return conceptWatch{}, fmt.Errorf("%d streams of what scores mean for a plan with %d, of a day of %g hours: %w", n, len(w.streams), w.hours, orDamaged(r.Err()))
	}
	for i := range w.streams {
		s := &w.said[i]
		s.onset, s.told, s.shift, s.slope = r.Int(), r.Bool(), r.Float(), r.Float()
		s.soFar = readSpent(format, r)
		for range r.Count(9) {
			s.days = append(s.days, daySpent{r.Int(), readSpent(format, r)})
		}
		if len(s.days) > rememberedDays {
			return conceptWatch{}, fmt.Errorf("the decisions of %d days: %w", len(s.days), orDamaged(nil))
		}
		in := wire.NewReader(r.Bytes())
		if err := r.Err(); err != nil {
			return conceptWatch{}, err
		}
		if err := w.streams[i].Read(in); err != nil {
			return conceptWatch{}, err
		}
		if err := in.Close(); err != nil {
			return conceptWatch{}, err
		}
	}
	return w, nil
}

// readWholeCurve reads a curve of the plan's bins from all of b.
func readWholeCurve(p *plan.Plan, b []byte) (*sketch.Curve, error) {
	r := wire.NewReader(b)
	c, err := sketch.ReadCurve(p.Score.Bins(), r)
	if err != nil {
		return nil, err
	}
	return c, r.Close()
}

func orDamaged(err error) error {
	if err == nil {
		return errGathered
	}
	return err
}
