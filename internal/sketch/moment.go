package sketch

import (
	"fmt"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Moment is what is counted of a moment of one model version, over all slices: just what hard faults are told by.
type Moment struct {
	Rows    int64
	missing sparse // by plan.Columns, of those that are Filled
	odd     sparse // by plan.Columns, of those that are Steady: values other than the one of the reference
}

// Missing is how many events had no value of a column, which is plan.Column.Filled.
func (m *Moment) Missing(column int) int64 { return m.missing.of(int32(column)) }

// Odd is how many values of a column, which is plan.Column.Steady, were not that of the reference.
func (m *Moment) Odd(column int) int64 { return m.odd.of(int32(column)) }

// Merge adds o, which stays as it is.
func (m *Moment) Merge(o *Moment) {
	m.Rows += o.Rows
	m.missing.merge(o.missing)
	m.odd.merge(o.odd)
}

// AppendBinary writes m: rows, then of which columns values were missing and odd.
func (m *Moment) AppendBinary(b []byte) []byte {
	return m.odd.append(m.missing.append(wire.Uint(b, uint64(m.Rows))))
}

// ReadMoment reads what AppendBinary wrote of a moment under a plan.
func ReadMoment(p *plan.Plan, r *wire.Reader) (*Moment, error) {
	m := &Moment{Rows: readCount64(r)}
	last := int32(len(p.Columns)) - 1
	m.missing, m.odd = readSparse(r, 0, last), readSparse(r, 0, last)
	for _, list := range []sparse{m.missing, m.odd} {
		for column, n := range list.all() {
			if n < 0 || n > m.Rows {
				r.Fail(fmt.Errorf("%d of column %d in a moment of %d events", n, column, m.Rows))
			}
		}
	}
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read moment: %w", err)
	}
	return m, nil
}

// readCount64 reads how many events there are: one at least.
func readCount64(r *wire.Reader) int64 {
	n := readUint(r)
	if r.Err() == nil && (n == 0 || n > maxCount) {
		r.Fail(fmt.Errorf("a moment of %d events", n))
		return 0
	}
	return int64(n)
}
