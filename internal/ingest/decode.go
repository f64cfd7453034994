package ingest

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

const (
	batchRows     = 512
	defaultCounts = 64 << 20 // bytes of counts, where the epoch's input is not bounded either
)

// record decodes one record for every model that reads its topic and returns the latest event time that any of them read. A
// *schema.Error says that no stream can read it: it is set aside, whole. One that some can read is theirs, and the others, whose
// contract it doesn't fit, pass it over and count it: models that share a topic don't depend on each other.
func (w *worker) record(readings []*reading, rec *kgo.Record) (int64, error) {
	var first *schema.Error
	read, missed, latest := false, false, int64(record.NoTime)
	for _, m := range readings {
		at, err := readIn(m, rec)
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

// readIn decodes one record by the plan in force at its event time and returns that time. The time is known only once it is
// decoded, so the newest plan is tried first: of a plan whose era it isn't, the row is taken back. A *schema.Error says that
// no plan in force can read it.
//
// A time in the era of a plan that reads another topic is counted by nobody here, and read all the same.
func readIn(m *reading, rec *kgo.Record) (int64, error) {
	var first error
	elsewhere := int64(record.NoTime)
	for _, s := range m.streams {
		at, err := decode(s, rec)
		if err != nil {
			if _, bad := errors.AsType[*schema.Error](err); !bad {
				return 0, err
			}
			if first == nil {
				first = err
			}
			continue
		}
		if s.era.Holds(at) {
			return at, nil
		}
		elsewhere = at
		s.batch.Truncate(s.batch.N - 1)
	}
	if first == nil {
		return elsewhere, nil
	}
	return 0, first
}

// decode reads one record for one stream and returns the event's time, which is a field of its own (a plan can't have it computed):
// what is computed waits for the batch, see count. A *schema.Error says that it can't.
func decode(s *stream, rec *kgo.Record) (at int64, err error) {
	b := s.batch
	if err := s.reader.Read(context.Background(), bus.SchemaRecord(rec), b); err != nil {
		return 0, err
	}
	return b.Cols[s.proj.Roles.Time].Int[b.N-1], nil
}
