package inspect

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"
	"time"

	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// Kinds of lines.
const (
	KindEvent      = "event"
	KindUnreadable = "unreadable"
)

// Event is one prediction as it was published, read by the plan in force at its time.
type Event struct {
	KindName  string            `json:"kind"`
	Model     string            `json:"model"`
	Plan      string            `json:"plan"` // digest
	Topic     string            `json:"topic"`
	Partition int32             `json:"partition"`
	Offset    int64             `json:"offset"`
	ID        string            `json:"id"`
	Time      time.Time         `json:"time"`
	Version   string            `json:"version"`
	Score     *float64          `json:"score"`    // null: missing or no number
	Decision  *bool             `json:"decision"` // null: there is none
	Slice     map[string]string `json:"slice"`
	Inputs    Values            `json:"inputs"` // what is counted: inputs and derived columns
	Others    Values            `json:"others"` // what else is read of the event
	Outcome   *Outcome          `json:"outcome,omitempty"`
}

// Outcome is what became of an event: the last outcome of its id within the contract's keep.
type Outcome struct {
	Label    string    `json:"label"`
	Positive bool      `json:"positive"`
	Time     time.Time `json:"time"`

	partition int32
	offset    int64
}

// Place is where an event lies: events are ordered by time, then partition, then offset.
type Place struct {
	Time      int64 // microseconds
	Partition int32
	Offset    int64
}

// Compare orders places.
func (p Place) Compare(q Place) int {
	return cmp.Or(cmp.Compare(p.Time, q.Time), cmp.Compare(p.Partition, q.Partition), cmp.Compare(p.Offset, q.Offset))
}

// Place is where the event lies.
func (e *Event) Place() Place { return Place{plan.Micros(e.Time), e.Partition, e.Offset} }

// Settle takes an outcome of the event's id into account: of those within keep of the event the last one counts.
func (e *Event) Settle(o Outcome, partition int32, offset int64, keep time.Duration) {
	if apart := o.Time.Sub(e.Time); max(apart, -apart) > keep {
		return
	}
	o.partition, o.offset = partition, offset
	if was := e.Outcome; was != nil {
		if cmp.Or(was.Time.Compare(o.Time), cmp.Compare(was.partition, partition), cmp.Compare(was.offset, offset)) >= 0 {
			return
		}
	}
	e.Outcome = &o
}

// Value is one named value of an event: a float64, a string, a bool, nil where it is missing, or Unusable.
type Value struct {
	Name  string
	Value any
}

// Unusable stands for a value that is there and no number: NaN or infinite. In JSON it is null.
type Unusable struct{}

// MarshalJSON writes null.
func (Unusable) MarshalJSON() ([]byte, error) { return []byte("null"), nil }

// Values are named values in order: in JSON an object with its keys in that order.
type Values []Value

// MarshalJSON writes the object.
func (v Values) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	out.WriteByte('{')
	for i := range v {
		if i > 0 {
			out.WriteByte(',')
		}
		name, err := json.Marshal(v[i].Name)
		if err != nil {
			return nil, err
		}
		body, err := json.Marshal(v[i].Value)
		if err != nil {
			return nil, err
		}
		out.Write(name)
		out.WriteByte(':')
		out.Write(body)
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// read makes an event of a row. Nothing in it points into the row's own bytes.
func read(p *plan.Plan, b *plan.Batch, row int, topic string, partition int32) Event {
	r := p.Prediction.Roles
	e := Event{
		KindName: KindEvent, Model: p.Model, Plan: p.Digest(), Topic: topic, Partition: partition, Offset: b.Offset[row],
		Time: plan.FromMicros(b.Cols[r.Time].Int[row]), Slice: map[string]string{}, Inputs: Values{}, Others: Values{},
	}
	if r.ID >= 0 && b.Cols[r.ID].State[row] == plan.OK {
		e.ID = strings.Clone(b.Cols[r.ID].Str[row])
	}
	if r.Version >= 0 && b.Cols[r.Version].State[row] == plan.OK {
		e.Version = strings.Clone(b.Cols[r.Version].Str[row])
	}
	if r.Score >= 0 && b.Cols[r.Score].State[row] == plan.OK {
		score := b.Cols[r.Score].Num[row]
		e.Score = &score
	}
	if positive, ok := sketch.Decide(p, b, row); ok {
		e.Decision = &positive
	}
	code := sketch.SliceCode(p, b, row)
	for i := range p.Slices {
		e.Slice[p.Slices[i].Name] = p.Slices[i].Label(plan.SliceAt(code, i))
	}
	told := map[int]bool{r.ID: true, r.Time: true, r.Version: true, r.Score: true}
	for i := range p.Columns {
		if p.Columns[i].Field == r.Score { // counted like an input
			continue
		}
		told[p.Columns[i].Field] = true
		e.Inputs = append(e.Inputs, Value{p.Columns[i].Name, show(b, p.Columns[i].Field, row)})
	}
	for i := range p.Prediction.Fields {
		if !told[i] {
			e.Others = append(e.Others, Value{p.Prediction.Fields[i].Name, show(b, i, row)})
		}
	}
	return e
}

func show(b *plan.Batch, field, row int) any {
	c, f := &b.Cols[field], &b.Fields[field]
	switch {
	case c.State[row] == plan.Missing:
		return nil
	case c.State[row] == plan.Invalid:
		return Unusable{}
	case f.Kind == plan.String:
		return strings.Clone(c.Str[row])
	case f.Kind == plan.Time:
		return plan.FromMicros(c.Int[row]).Format(time.RFC3339Nano)
	case f.Boolean:
		return c.Num[row] != 0
	default:
		return c.Num[row]
	}
}

// Unreadable is an event that can't be decoded, and why.
type Unreadable struct {
	KindName  string `json:"kind"`
	Topic     string `json:"topic"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
	Path      string `json:"path"`
	Byte      int    `json:"byte"`
	Detail    string `json:"detail"`
}
