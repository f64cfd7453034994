package inspect

import (
	"github.com/plumbline-ml/plumbline/internal/expr"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Picker picks the rows that a query asks for, of events read by one plan. It belongs to one goroutine.
type Picker struct {
	plan   *plan.Plan
	query  *Query
	places []place
	where  *expr.Program
}

// NewPicker compiles a query for a plan. An error is the query's fault.
func NewPicker(p *plan.Plan, q *Query) (*Picker, error) {
	k := &Picker{plan: p, query: q}
	for _, s := range q.Slices {
		at, err := placeOf(p, s)
		if err != nil {
			return nil, err
		}
		k.places = append(k.places, at)
	}
	var err error
	k.where, err = condition(&p.Prediction, q.Where)
	return k, err
}

// Within reports whether an event time lies in the window asked for.
func (q *Query) Within(us int64) bool { return us >= q.From && us < q.To }

// Wants reports whether a row is asked for, its time apart. An error says that the condition has no answer for it.
func (k *Picker) Wants(b *plan.Batch, row int) (bool, error) {
	if len(k.places) > 0 {
		code, in := sketch.SliceCode(k.plan, b, row), false
		for _, p := range k.places {
			in = in || plan.InSlice(code, p.dims, p.codes)
		}
		if !in {
			return false, nil
		}
	}
	if k.where == nil {
		return true, nil
	}
	v, err := k.where.Eval(func(field int) expr.Value { return value(b, field, row) })
	return v.Kind == expr.KindBool && v.Bool, err
}

// Event makes an event of a row.
func (k *Picker) Event(b *plan.Batch, row int, topic string, partition int32) Event {
	return read(k.plan, b, row, topic, partition)
}
