package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	batchRows     = 1000
	lookupTimeout = 10 * time.Second
	defaultCounts = 64 << 20 // bytes of counts, where the epoch's input is not bounded either
)

// record decodes one record for every model that reads its topic and returns the latest event time that any of them read. A
// *schema.Error says that no stream can read it: it is set aside, whole. One that some can read is theirs, and the others, whose
// contract it doesn't fit, pass it over and count it: models that share a topic don't depend on each other.
func (w *worker) record(readings []*reading, rec *kgo.Record) (int64, error) {
	kind, id, fingerprint, body, err := schema.Frame(rec.Value)
	if err != nil {
		return 0, err
	}
	if kind != schema.FrameConfluent {
		return 0, schema.Unknown(kind, id, fingerprint)
	}
	var first *schema.Error
	read, missed, latest := false, false, int64(record.NoTime)
	for _, m := range readings {
		at, err := w.read(m, rec, id, body)
		if err == nil {
			read = true
			latest = max(latest, at)
			continue
		}
		bad, ok := errors.AsType[*schema.Error](err)
		if !ok {
			return 0, err
		}
		if first == nil {
			first = bad
		}
		m.misses[bad.Reason]++
		missed = true
	}
	if missed {
		for _, m := range readings {
			for reason, n := range m.misses {
				if read {
					w.tally.addN(rec.Topic, passedOver+m.model+"\x00"+string(reason), n)
				}
			}
			clear(m.misses)
		}
	}
	if !read {
		return 0, first
	}
	return latest, nil
}

// read decodes one record by the plan in force at its event time and returns that time. The time is known only once it is
// decoded, so the newest plan is tried first: of a plan whose era it isn't, the row is taken back. A *schema.Error says that
// no plan in force can read it.
//
// A time in the era of a plan that reads another topic is counted by nobody here, and read all the same.
func (w *worker) read(m *reading, rec *kgo.Record, id int32, body int) (int64, error) {
	var first error
	elsewhere := int64(record.NoTime)
	for _, s := range slices.Backward(m.streams) {
		at, kept, err := w.decode(s, rec, id, body)
		var bad *schema.Error
		switch {
		case errors.As(err, &bad):
			if first == nil {
				first = err
			}
			continue
		case err != nil:
			return 0, err
		case s.era.Holds(at):
			return at, nil
		}
		elsewhere = at
		if kept {
			s.batch.Truncate(s.batch.N - 1)
		}
	}
	if first == nil {
		return elsewhere, nil
	}
	return 0, first
}

// decode reads one record for one stream and returns the event's time, and whether its row was kept: not if the stream's
// filter left it out. A *schema.Error says that it can't.
func (w *worker) decode(s *stream, rec *kgo.Record, id int32, body int) (at int64, kept bool, err error) {
	prog, err := w.program(s, id)
	if err != nil {
		return 0, false, err
	}
	b := s.batch
	if err := prog.Decode(rec.Value, body, b, rec.Offset); err != nil {
		return 0, false, err
	}
	at = b.Cols[s.proj.Roles.Time].Int[b.N-1]
	if !s.deriver.Last(b) {
		b.Truncate(b.N - 1)
		return at, false, nil
	}
	return at, true, nil
}

// program compiles the writer schema against the stream's projection, once per schema id, whether it fits or not. An id that
// the registry doesn't know is asked for again: it may be registered later; the registry's client remembers it for a while.
func (w *worker) program(s *stream, id int32) (*schema.Program, error) {
	if prog := s.programs[id]; prog != nil {
		return prog, nil
	}
	if bad := s.misfits[id]; bad != nil {
		return nil, bad
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	text, err := w.o.Schemas.SchemaByID(ctx, int(id))
	switch {
	case errors.Is(err, bus.ErrUnknownSchema):
		return nil, schema.Unknown(schema.FrameConfluent, id, 0)
	case err != nil: // the registry is away: wait for it, lose nothing
		return nil, fmt.Errorf("%w: %w", bus.ErrRetry, err)
	}
	prog, err := schema.Compile(text, s.proj)
	if err != nil {
		s.misfits[id] = &schema.Error{
			Reason: schema.ReasonSchemaMismatch, Offset: 1,
			Detail: fmt.Sprintf("schema id %d does not fit the contract of %s: %v", id, s.collector.Plan().Model, err),
		}
		return nil, s.misfits[id]
	}
	s.programs[id] = prog
	return prog, nil
}
