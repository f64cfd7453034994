package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	batchRows     = 1000
	lookupTimeout = 10 * time.Second
	defaultCounts = 64 << 20 // bytes of counts, where the epoch's input is not bounded either
)

// Fold decodes one record into the batches of every stream that reads its topic. A record that no stream can read is set aside,
// whole; one that some can read is theirs, and the others, whose contract it doesn't fit, pass it over and count it: models
// that share a topic don't depend on each other.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	if r.at.tp.Partition != rec.Partition || r.at.tp.Topic != rec.Topic {
		r.turnTo(bus.TopicPartition{Topic: rec.Topic, Partition: rec.Partition})
	}
	tp, p, readings := r.at.tp, r.at.partition, r.at.readings
	for _, m := range readings {
		if len(m.misses) > 0 {
			clear(m.misses) // of a record whose epoch was aborted
		}
	}
	kind, id, fingerprint, body, err := schema.Frame(rec.Value)
	if err == nil && kind != schema.FrameConfluent {
		err = schema.Unknown(kind, id, fingerprint)
	}
	var first *schema.Error
	if errors.As(err, &first) {
		r.setAside(rec, first)
		return false, nil
	} else if err != nil {
		return false, err
	}
	read, latest := false, int64(record.NoTime)
	for _, m := range readings {
		at, err := r.read(m, rec, id, body)
		if bad, ok := errors.AsType[*schema.Error](err); ok {
			if first == nil {
				first = bad
			}
			m.misses[bad.Reason]++
			continue
		} else if err != nil {
			return false, err
		}
		read = true
		latest = max(latest, at)
	}
	if !read {
		for _, m := range readings {
			clear(m.misses)
		}
		r.setAside(rec, first)
		return false, nil
	}
	p.accepted++
	p.watermark.See(latest, r.at.ahead)
	urgent = r.paneEnded(tp, p)
	for _, m := range readings {
		for reason, n := range m.misses {
			r.tally.addN(rec.Topic, passedOver+m.model+"\x00"+string(reason), n)
		}
		if len(m.misses) > 0 {
			clear(m.misses)
		}
		for _, s := range m.streams {
			if b := s.batches[rec.Partition]; b != nil && b.N >= batchRows {
				r.collect(s, tp, b)
				urgent = urgent || r.outgrown()
			}
		}
	}
	return urgent, nil
}

// place is the partition whose records are being folded: they come in long runs, and looking it up for each would show.
type place struct {
	tp        bus.TopicPartition
	partition *partition
	readings  []*reading
	ahead     int64
}

func (r *role) turnTo(tp bus.TopicPartition) {
	r.at = place{tp, r.owned[tp], r.readings[tp.Topic], r.ahead[tp.Topic]}
}

// outgrown reports whether what was counted in the epoch takes more memory than the epoch's input may: many models, versions,
// slices or panes at once. The epoch ends then, and its counts leave memory.
func (r *role) outgrown() bool {
	held := r.rows.Bytes()
	for _, c := range r.collectors {
		held += c.Bytes()
	}
	return held > cmp.Or(r.o.EpochBytes, defaultCounts)
}

// read decodes one record by the plan in force at its event time and returns that time. The time is known only once it is
// decoded, so the newest plan is tried first: of a plan whose era it isn't, the row is taken back. A *schema.Error says that
// no plan in force can read it.
//
// A time in the era of a plan that reads another topic is counted by nobody here, and read all the same.
func (r *role) read(m *reading, rec *kgo.Record, id int32, body int) (int64, error) {
	var first error
	elsewhere := int64(record.NoTime)
	for _, s := range slices.Backward(m.streams) {
		at, kept, err := r.decode(s, rec, id, body)
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
			b := s.batches[rec.Partition]
			b.Truncate(b.N - 1)
		}
	}
	if first == nil {
		return elsewhere, nil
	}
	return 0, first
}

// decode reads one record for one stream and returns the event's time, and whether its row was kept: not if the stream's
// filter left it out. A *schema.Error says that it can't.
func (r *role) decode(s *stream, rec *kgo.Record, id int32, body int) (at int64, kept bool, err error) {
	prog, err := r.program(s, id)
	if err != nil {
		return 0, false, err
	}
	b := s.batches[rec.Partition]
	if b == nil {
		b = plan.NewBatch(s.proj, batchRows)
		s.batches[rec.Partition] = b
	}
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
func (r *role) program(s *stream, id int32) (*schema.Program, error) {
	if prog := s.programs[id]; prog != nil {
		return prog, nil
	}
	if bad := s.misfits[id]; bad != nil {
		return nil, bad
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	text, err := r.o.Schemas.SchemaByID(ctx, int(id))
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

func (r *role) collect(s *stream, tp bus.TopicPartition, b *plan.Batch) {
	src := collect.Source{Topic: tp.Topic, Partition: tp.Partition}
	if s.outcomes {
		r.tally.addN(tp.Topic, unlabelled, s.collector.Outcomes(src, b))
	} else {
		s.collector.Predictions(src, b)
	}
	b.Reset()
}
