package main

import (
	"context"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/schema"
	"github.com/plumbline-ml/plumbline/internal/sketch"
)

const batchRows = 512 // as the ingestor's

// bareStream decodes one topic.
type bareStream struct {
	prog    *schema.Program
	proj    *plan.Projection
	deriver *plan.Deriver
	counts  bool
	batches map[int32]*plan.Batch
}

// bare polls, decodes and counts all there is, and does nothing else: no rows to join, no fragments, no transactions. It counts
// anew after as many bytes as an epoch of the ingestor has.
func bare(ctx context.Context, j job) (used, error) {
	s := bus.Settings{Brokers: j.Brokers}
	p, err := widePlan()
	if err != nil {
		return used{}, err
	}
	streams := map[string]*bareStream{}
	for topic, of := range map[string]struct {
		id   int
		proj *plan.Projection
	}{predictionTopic: {predictionSchema, &p.Prediction}, outcomeTopic: {outcomeSchema, p.Outcome}} {
		prog, err := schema.Compile(schemas()[of.id], of.proj)
		if err != nil {
			return used{}, err
		}
		deriver, err := plan.NewDeriver(of.proj, nil)
		if err != nil {
			return used{}, err
		}
		streams[topic] = &bareStream{prog: prog, proj: of.proj, deriver: deriver, counts: topic == predictionTopic, batches: map[int32]*plan.Batch{}}
	}
	counter := sketch.NewCounter(p)
	counter.Describe()
	j.begin() // the plan took long; it isn't part of it
	begun := cpu()
	offsets, left, err := all(ctx, s)
	if err != nil {
		return used{}, err
	}
	cl, err := s.NewClient(nil, nil, kgo.ConsumePartitions(offsets), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return used{}, err
	}
	defer cl.Close()
	bytes, events := 0, int64(0)
	for left > 0 {
		fetches := cl.PollRecords(ctx, 100_000)
		if err := fetches.Err(); err != nil {
			return used{}, err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			rec := it.Next()
			left--
			if err := streams[rec.Topic].fold(counter, rec); err != nil {
				return used{}, err
			}
			events++
			if bytes += len(rec.Value); bytes >= j.EpochBytes {
				bytes = 0
				for _, s := range streams {
					s.flush(counter)
				}
				counter.Reset()
			}
		}
	}
	return used{CPU: cpu() - begun, Events: events}, nil
}

func (s *bareStream) fold(c *sketch.Counter, rec *kgo.Record) error {
	_, _, _, body, err := schema.Frame(rec.Value)
	if err != nil {
		return err
	}
	b := s.batches[rec.Partition]
	if b == nil {
		b = plan.NewBatch(s.proj, batchRows)
		s.batches[rec.Partition] = b
	}
	if err := s.prog.Decode(rec.Value, body, b, rec.Offset); err != nil {
		return err
	}
	if b.N >= batchRows {
		s.count(c, rec.Partition, b)
	}
	return nil
}

func (s *bareStream) count(c *sketch.Counter, partition int32, b *plan.Batch) {
	s.deriver.Derive(b)
	if s.counts {
		c.Count(int(partition), b, s.deriver.Broken(b))
	}
	b.Reset()
}

func (s *bareStream) flush(c *sketch.Counter) {
	for partition, b := range s.batches {
		s.count(c, partition, b)
	}
}

// all is where the source topics begin, and how many records they hold.
func all(ctx context.Context, s bus.Settings) (map[string]map[int32]kgo.Offset, int64, error) {
	cl, err := s.NewClient(nil, nil)
	if err != nil {
		return nil, 0, err
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, predictionTopic, outcomeTopic)
	if err != nil {
		return nil, 0, err
	}
	offsets, left := map[string]map[int32]kgo.Offset{}, int64(0)
	ends.Each(func(o kadm.ListedOffset) {
		if offsets[o.Topic] == nil {
			offsets[o.Topic] = map[int32]kgo.Offset{}
		}
		offsets[o.Topic][o.Partition] = kgo.NewOffset().At(0)
		left += o.Offset
	})
	return offsets, left, nil
}
