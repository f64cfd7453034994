package fairness

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// The formats: 2, of plans with outcomes, has the predictions and outcomes of mature cohorts by score too. Of an earlier tally nothing is known of which predictions
// have their outcome.
const (
	tallyFormat = 1
	knownFormat = 2
)

var errTally = errors.New("counts that no events could have made")

// AppendBinary writes t.
func (t *Tally) AppendBinary(b []byte) []byte {
	format, lists := uint64(tallyFormat), t.curves
	if t.law != nil {
		format, lists = knownFormat, slices.Concat(t.curves, t.known)
	}
	b = wire.Uint(b, format)
	b = wire.Uint(b, uint64(len(t.cells)))
	for _, slice := range slices.Sorted(maps.Keys(t.cells)) {
		b = wire.String(b, slice)
		b = AppendCounts(b, t.cells[slice])
	}
	for _, curves := range lists {
		b = wire.Uint(b, uint64(len(curves)))
		for _, code := range slices.Sorted(maps.Keys(curves)) {
			b = wire.Bytes(wire.Uint(b, uint64(code)), curves[code].AppendBinary(nil))
		}
	}
	return b
}

// AppendCounts writes c.
func AppendCounts(b []byte, c Counts) []byte {
	for _, v := range []int64{c.Decided, c.Selected, c.TP, c.FP, c.FN, c.TN} {
		b = wire.Int(b, v)
	}
	return b
}

// ReadCounts reads what AppendCounts wrote.
func ReadCounts(r *wire.Reader) (c Counts) {
	for _, v := range []*int64{&c.Decided, &c.Selected, &c.TP, &c.FP, &c.FN, &c.TN} {
		*v = r.Int()
	}
	return c
}

// ReadTally reads what AppendBinary wrote of a tally of the plan. Nothing is half read.
func ReadTally(p *plan.Plan, r *wire.Reader) (*Tally, error) {
	if p.Fairness == nil || p.Score == nil {
		return nil, errors.New("read tally: the plan compares no groups")
	}
	format := r.Uint()
	if r.Err() == nil && format != tallyFormat && format != knownFormat {
		return nil, fmt.Errorf("read tally: unknown format %d, this build reads %d and %d", format, tallyFormat, knownFormat)
	}
	t := NewTally(p)
	if r.Err() == nil && format == knownFormat && t.law == nil {
		r.Fail(errTally)
	}
	lists := t.curves
	if format == knownFormat {
		lists = slices.Concat(t.curves, t.known)
	}
	last := ""
	for i := range r.Count(7) {
		slice := r.String()
		c := ReadCounts(r)
		if r.Err() == nil && (len(slice) != 2*len(p.Slices) || i > 0 && slice <= last) {
			r.Fail(errTally)
		}
		if r.Err() != nil {
			break
		}
		t.cells[slice], last = c, slice
	}
	for i := range lists {
		for range r.Count(3) {
			code, body := r.Uint(), r.Bytes()
			if r.Err() == nil && code > plan.NoValue {
				r.Fail(errTally)
			}
			if r.Err() != nil {
				break
			}
			in := wire.NewReader(body)
			c, err := sketch.ReadCurve(t.bins, in)
			if err == nil {
				err = in.Close()
			}
			if err != nil {
				return nil, fmt.Errorf("read tally: %w", err)
			}
			lists[i][int(code)] = c
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read tally: %w", err)
	}
	return t, nil
}

// Reference is what the plan's reference counted of groups.
func Reference(p *plan.Plan) (*Tally, error) {
	r := wire.NewReader(p.Fairness.Reference)
	t, err := ReadTally(p, r)
	if err == nil {
		err = r.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read the groups of the reference of %s: %w", p.Model, err)
	}
	return t, nil
}
