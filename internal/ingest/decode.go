package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	batchRows     = 1000
	lookupTimeout = 10 * time.Second
)

// Fold decodes one record into the batches of every stream that reads its topic. A record that some stream can't read is set
// aside as a whole and counts for none of them.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	tp := bus.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}
	p := r.owned[tp]
	p.active = r.o.Now()
	streams := r.streams[rec.Topic]
	latest, err := r.decode(rec, streams)
	var bad *schema.Error
	switch {
	case errors.As(err, &bad):
		for _, s := range streams { // take back what the streams before the failing one had read
			if b := s.batches[rec.Partition]; b != nil && b.N > 0 && b.Offset[b.N-1] == rec.Offset {
				b.Truncate(b.N - 1)
			}
		}
		r.setAside(rec, bad)
		return false, nil
	case err != nil:
		return false, err
	}
	r.tally.add(rec.Topic, accepted)
	p.watermark = max(p.watermark, latest)
	for _, s := range streams {
		if b := s.batches[rec.Partition]; b != nil && b.N >= batchRows {
			r.collect(s, tp, b)
		}
	}
	return false, nil
}

// decode returns the event's time: the latest of what the streams read as such.
func (r *role) decode(rec *kgo.Record, streams []*stream) (int64, error) {
	kind, id, _, body, err := schema.Frame(rec.Value)
	if err != nil {
		return 0, err
	}
	if kind != schema.FrameConfluent {
		return 0, &schema.Error{Reason: schema.ReasonUnknownSchema, Detail: "the event carries a fingerprint; this build finds schemas by registry id"}
	}
	latest := int64(0)
	for i, s := range streams {
		prog := s.programs[id]
		if prog == nil {
			if prog, err = r.program(s, id); err != nil {
				return 0, err
			}
		}
		b := s.batches[rec.Partition]
		if b == nil {
			b = plan.NewBatch(s.proj, batchRows)
			s.batches[rec.Partition] = b
		}
		if err := prog.Decode(rec.Value, body, b, rec.Offset); err != nil {
			return 0, err
		}
		t := b.Cols[s.proj.Roles.Time].Int[b.N-1]
		if i == 0 || t > latest {
			latest = t
		}
		if !s.deriver.Last(b) {
			b.Truncate(b.N - 1)
		}
	}
	return latest, nil
}

// program compiles the writer schema against the stream's projection, once per schema id.
func (r *role) program(s *stream, id int32) (*schema.Program, error) {
	ctx, cancel := context.WithTimeout(context.Background(), lookupTimeout)
	defer cancel()
	text, err := r.o.Schemas.SchemaByID(ctx, int(id))
	switch {
	case errors.Is(err, bus.ErrUnknownSchema):
		return nil, &schema.Error{Reason: schema.ReasonUnknownSchema, Offset: 1, Detail: fmt.Sprintf("schema id %d is not in the registry", id)}
	case err != nil: // the registry is away: wait for it, lose nothing
		return nil, fmt.Errorf("%w: %w", bus.ErrRetry, err)
	}
	prog, err := schema.Compile(text, s.proj)
	if err != nil {
		return nil, &schema.Error{Reason: schema.ReasonUnknownSchema, Offset: 1, Detail: fmt.Sprintf("schema id %d does not fit the contract of %s: %v", id, s.collector.Plan().Model, err)}
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
