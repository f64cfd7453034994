package concept

import (
	"errors"
	"fmt"
	"math"

	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const (
	nullFormat   = 1
	streamFormat = 1
)

var (
	errFormat = errors.New("unknown format")
	errSound  = errors.New("numbers that no days could have made")
)

// AppendBinary writes a null: format, map, dispersion, days, hours, curve. It follows from the curve and these alone.
func (n *Null) AppendBinary(b []byte) []byte {
	b = wire.Uint(b, nullFormat)
	for _, v := range []float64{n.Map.A, n.Map.B, n.Map.SEA, n.Map.SEB, n.Map.Cov, n.Dispersion, n.Hours} {
		b = wire.Float(b, v)
	}
	b = wire.Uint(wire.Uint(b, uint64(max(n.Map.N, 0))), uint64(max(n.Days, 0)))
	return wire.Bytes(b, n.Curve.AppendBinary(nil))
}

// ReadNull reads what AppendBinary wrote of a null with so many score bins.
func ReadNull(bins int, r *wire.Reader) (*Null, error) {
	if v := r.Uint(); r.Err() == nil && v != nullFormat {
		return nil, fmt.Errorf("read what scores meant: %w %d, this build reads %d", errFormat, v, nullFormat)
	}
	n := &Null{}
	for _, v := range []*float64{&n.Map.A, &n.Map.B, &n.Map.SEA, &n.Map.SEB, &n.Map.Cov, &n.Dispersion, &n.Hours} {
		*v = r.Float()
	}
	n.Map.N, n.Days = int64(r.Uint()), int(r.Uint())
	var err error
	if n.Curve, err = readCurve(bins, r); err != nil {
		return nil, fmt.Errorf("read what scores meant: %w", err)
	}
	ok := n.Dispersion >= 1 && n.Hours > 0 && n.Days > 0 && n.Map.N > 0 && math.Abs(n.Map.B) > 1e-9 && n.Curve != nil && sound(n.Curve)
	for _, v := range []float64{n.Map.A, n.Map.B, n.Map.SEA, n.Map.SEB, n.Map.Cov, n.Dispersion, n.Hours} {
		ok = ok && !math.IsNaN(v) && math.Abs(v) < 1e12
	}
	if !ok || labels(n.Curve) != n.Map.N {
		return nil, fmt.Errorf("read what scores meant: %w", errSound)
	}
	return n, nil
}

// appendCurve writes a curve, or that there is none.
func appendCurve(b []byte, c *sketch.Curve) []byte {
	if c == nil {
		return wire.Bytes(b, nil)
	}
	return wire.Bytes(b, c.AppendBinary(nil))
}

func readCurve(bins int, r *wire.Reader) (*sketch.Curve, error) {
	body := r.Bytes()
	if r.Err() != nil || len(body) == 0 {
		return nil, r.Err()
	}
	in := wire.NewReader(body)
	c, err := sketch.ReadCurve(bins, in)
	if err != nil {
		return nil, err
	}
	return c, in.Close()
}

// AppendBinary writes where a stream stands; its null is the plan's.
func (s *Stream) AppendBinary(b []byte) []byte {
	b = wire.Bool(wire.Int(wire.Uint(b, streamFormat), s.end), s.open)
	for i := range s.bets {
		v := &s.bets[i]
		b = wire.Float(wire.Float(b, v.m), v.w)
		b = wire.Int(b, v.since)
	}
	for _, c := range s.counts {
		b = appendCurve(b, c)
	}
	b = wire.Uint(b, uint64(len(s.recent)))
	for i := range s.recent {
		d := &s.recent[i]
		b = wire.Float(wire.Int(wire.Int(wire.Int(b, d.start), d.n), d.pos), d.expected)
	}
	if s.open {
		b = wire.Float(wire.Float(wire.Float(b, s.held.a), s.held.b), s.held.back)
	}
	return b
}

// Read reads what AppendBinary wrote of a stream, into one that follows the same null. Nothing is half read.
func (s *Stream) Read(r *wire.Reader) error {
	if v := r.Uint(); r.Err() == nil && v != streamFormat {
		return fmt.Errorf("read stream: %w %d, this build reads %d", errFormat, v, streamFormat)
	}
	t := Stream{null: s.null, threshold: s.threshold, weight: s.weight, end: r.Int(), open: r.Bool()}
	ok := true
	for i := range t.bets {
		v := &t.bets[i]
		v.m, v.w, v.since = r.Float(), r.Float(), r.Int()
		ok = ok && v.m >= 0 && v.m <= mostEvidence && v.w >= 0 && !math.IsInf(v.w, 1)
	}
	for f := range t.counts {
		c, err := readCurve(s.null.Curve.Bins(), r)
		if err != nil {
			return fmt.Errorf("read stream: %w", err)
		}
		t.counts[f] = c
		ok = ok && (c == nil || sound(c)) && (c == nil) == (t.bets[dating[f]].w == 0)
	}
	n := r.Count(11)
	ok = ok && n <= remembered
	for range min(n, remembered) {
		d := brief{r.Int(), r.Int(), r.Int(), r.Float()}
		ok = ok && d.n > 0 && d.pos >= 0 && d.pos <= d.n && d.expected >= 0 && d.expected <= float64(d.n)
		t.recent = append(t.recent, d)
	}
	if t.open {
		h := &t.held
		h.a, h.b, h.back = r.Float(), r.Float(), r.Float()
		ok = ok && finite(h.a) && finite(h.b) && h.back >= 0 && h.back < back
	}
	if r.Err() != nil {
		return fmt.Errorf("read stream: %w", r.Err())
	}
	if !ok {
		return fmt.Errorf("read stream: %w", errSound)
	}
	*s = t
	return nil
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
