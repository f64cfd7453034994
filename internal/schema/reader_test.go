package schema

import (
	"context"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// shelf is a registry of one schema, which counts questions.
type shelf struct {
	text  string
	err   error
	asked int
}

func (s *shelf) SchemaByID(context.Context, int) (string, error) { s.asked++; return s.text, s.err }
func (s *shelf) SchemaByGUID(context.Context, string) (string, error) {
	s.asked++
	return s.text, s.err
}

func (s *shelf) Versions(context.Context, string) ([]string, error) {
	s.asked++
	return []string{s.text}, s.err
}

var readerEvent = rec(`{"name":"id","type":"string"},{"name":"x","type":"double"}`)

func confluentEvent(t testing.TB, id uint32) []byte {
	t.Helper()
	return append(binary.BigEndian.AppendUint32([]byte{0}, id), encode(t, readerEvent, map[string]any{"id": "e", "x": 2.5})...)
}

// A schema is asked for once, whether it fits or not; what isn't registered is asked for again, and what can't be answered is
// no verdict on the event.
func TestReaderAsksOnce(t *testing.T) {
	p := projection(t, "id string id", "x number")
	for name, c := range map[string]struct {
		s      shelf
		p      *plan.Projection
		asked  int // for three events
		reason Reason
		err    error
	}{
		"fits":           {shelf{text: readerEvent}, p, 1, "", nil},
		"doesn't fit":    {shelf{text: readerEvent}, projection(t, "y number"), 1, ReasonSchemaMismatch, nil},
		"isn't Avro":     {shelf{err: ErrUnsupported}, p, 1, ReasonSchemaMismatch, nil},
		"not registered": {shelf{err: ErrNotRegistered}, p, 3, ReasonUnknownSchema, nil},
		"away":           {shelf{err: context.DeadlineExceeded}, p, 3, "", context.DeadlineExceeded},
	} {
		r, b := NewReader(c.p, "m", &c.s), plan.NewBatch(c.p, 3)
		for range 3 {
			err := r.Read(t.Context(), &Record{Value: confluentEvent(t, 7)}, b)
			bad, refused := errors.AsType[*Error](err)
			switch {
			case refused && bad.Reason != c.reason, !refused && c.reason != "", c.err != nil && !errors.Is(err, c.err):
				t.Errorf("%s: %v", name, err)
			}
		}
		if c.s.asked != c.asked {
			t.Errorf("%s: asked %d times, want %d", name, c.s.asked, c.asked)
		}
		if want := map[bool]int{true: 3}[name == "fits"]; b.N != want {
			t.Errorf("%s: %d rows, want %d", name, b.N, want)
		}
	}
}

func TestReaderAllocatesNothing(t *testing.T) {
	p := projection(t, "id string id", "x number")
	p.Fields[0].From, p.Fields[0].Path = plan.FromKey, nil
	r, b := NewReader(p, "m", &shelf{text: readerEvent}), plan.NewBatch(p, 1)
	record := Record{Key: []byte("k"), Value: confluentEvent(t, 7)}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() {
		b.Reset()
		if err := r.Read(ctx, &record, b); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("%v allocations per record", n)
	}
}

// A default is absent in one branch of a union only, and in a map's records.
func TestDefaultsWithinUnionsAndMaps(t *testing.T) {
	const (
		a       = `{"type":"record","name":"A","fields":[{"name":"x","type":"double"}]}`
		without = `{"type":"record","name":"B","fields":[{"name":"y","type":"double"}]}`
		with    = `{"type":"record","name":"B","fields":[{"name":"y","type":"double"},{"name":"x","type":"double","default":7}]}`
	)
	p := projection(t, "u.x number", "m.k.x number")
	p.Schema = rec(`{"name":"u","type":["null",` + a + `,` + with + `]},{"name":"m","type":{"type":"map","values":"B"}}`)
	prog := compile(t, rec(`{"name":"u","type":["null",`+a+`,`+without+`]},{"name":"m","type":{"type":"map","values":"B"}}`), p)
	y := []byte{0, 0, 0, 0, 0, 0, 0, 0}
	kb := append([]byte{2, 2, 'k'}, y...) // a block of one item under "k"
	for _, c := range []struct {
		body []byte
		u, m cell
	}{
		{append([]byte{0}, 0), cell{state: plan.Missing}, cell{state: plan.Missing}},
		{append(append([]byte{2}, y...), append(kb, 0)...), num(0), num(7)},
		{append(append([]byte{4}, y...), 0), num(7), cell{state: plan.Missing}},
	} {
		b := plan.NewBatch(p, 1)
		if err := prog.Decode(c.body, 0, b, 0); err != nil {
			t.Fatal(err)
		}
		for col, want := range []cell{c.u, c.m} {
			if got := b.Cols[col]; got.State[0] != want.state || got.Num[0] != want.num {
				t.Errorf("% x: column %d is %v %v, want %+v", c.body, col, got.State[0], got.Num[0], want)
			}
		}
	}
}
