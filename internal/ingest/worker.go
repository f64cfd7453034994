package ingest

import (
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
	"github.com/plumbline-ml/plumbline/internal/schema"
)

// worker decodes and counts. What it counts into is its own: workers share nothing but plans, which nobody changes, and meet where an
// epoch ends, when their counts are added up. As those are integers, registers and bins, it doesn't show who counted what.
type worker struct {
	o          *Options
	readings   map[string][]*reading // by topic
	collectors []*collect.Collector  // by plan, in the order of role.plans
	rows       *record.Rows          // of all its collectors
	tally      tally                 // of the poll
}

// reading is one model's reading of one topic: a stream for each plan that is or was in force, the newest first.
type reading struct {
	model   string
	streams []*stream
	misses  map[schema.Reason]int // of the record at hand: why none of the streams could read it
}

// kind is what a stream brings.
type kind uint8

const (
	ofPredictions kind = iota
	ofOutcomes
	ofAttributes
)

// stream is one model's reading of one topic under one plan, in force for events of its era.
type stream struct {
	era       plan.Era
	collector *collect.Collector
	proj      *plan.Projection
	kind      kind
	deriver   *plan.Deriver
	reader    *schema.Reader
	batches   map[int32]*plan.Batch // by source partition
	batch     *plan.Batch           // of the partition at hand
}

// chunk are records of one partition in their order, and what a worker makes of them.
type chunk struct {
	tp      bus.TopicPartition
	records []*kgo.Record

	times []int64 // event time of each record that some stream could read; record.NoTime of one that was set aside
	aside []aside // in the order of the records
	err   error   // what follows was not looked at
}

// aside is a record that no stream can read.
type aside struct {
	record *kgo.Record
	why    *schema.Error
}

func newWorker(o *Options, eras []plan.Era) (*worker, error) {
	w := &worker{o: o, readings: map[string][]*reading{}, rows: record.NewRows(o.Layout.Joins), tally: tally{}}
	for _, era := range eras {
		c, err := collect.New(era.Plan, w.rows)
		if err != nil {
			return nil, err
		}
		w.collectors = append(w.collectors, c)
		if err := w.add(era, c, &era.Plan.Prediction, ofPredictions); err != nil {
			return nil, err
		}
		if era.Plan.Outcome == nil || era.Plan.Score == nil {
			continue
		}
		if err := w.add(era, c, era.Plan.Outcome, ofOutcomes); err != nil {
			return nil, err
		}
		if a := era.Plan.Attributes; a != nil {
			if err := w.add(era, c, &a.Projection, ofAttributes); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

func (w *worker) add(era plan.Era, c *collect.Collector, proj *plan.Projection, of kind) error {
	d, err := plan.NewDeriver(proj, nil)
	if err != nil {
		return err
	}
	s := &stream{
		era: era, collector: c, proj: proj, kind: of, deriver: d,
		reader: schema.NewReader(proj, era.Plan.Model, lookup{w.o.Schemas}), batches: map[int32]*plan.Batch{},
	}
	for _, known := range w.readings[proj.Topic] {
		if known.model == era.Plan.Model && known.streams[0].kind == of {
			known.streams = slices.Insert(known.streams, 0, s) // eras come in their order
			return nil
		}
	}
	w.readings[proj.Topic] = append(w.readings[proj.Topic], &reading{
		model: era.Plan.Model, streams: []*stream{s}, misses: map[schema.Reason]int{},
	})
	return nil
}

// each visits every stream of a topic.
func (w *worker) each(topic string, visit func(*stream)) {
	for _, known := range w.readings[topic] {
		for _, s := range known.streams {
			visit(s)
		}
	}
}

// work decodes the records of chunks into the batches of every stream that reads their topics, and counts batches that are full.
func (w *worker) work(chunks []*chunk) {
	for _, c := range chunks {
		readings := w.readings[c.tp.Topic]
		w.each(c.tp.Topic, func(s *stream) {
			if s.batch = s.batches[c.tp.Partition]; s.batch == nil {
				s.batch = plan.NewBatch(s.proj, batchRows)
				s.batches[c.tp.Partition] = s.batch
			}
		})
		for _, rec := range c.records {
			at, err := w.record(readings, rec)
			if bad, ok := errors.AsType[*schema.Error](err); ok {
				c.aside = append(c.aside, aside{rec, bad})
				c.times = append(c.times, record.NoTime)
				continue
			} else if err != nil {
				c.err = err
				return
			}
			c.times = append(c.times, at)
			for _, m := range readings {
				for _, s := range m.streams {
					if s.full() {
						w.count(s, c.tp, s.batch)
					}
				}
			}
		}
	}
}

// full reports whether the batch at hand is full of rows that the filter wants.
func (s *stream) full() bool {
	if s.batch.N < batchRows {
		return false
	}
	s.deriver.Derive(s.batch)
	return s.batch.N >= batchRows
}

// count derives and filters what isn't yet, and takes a batch into the counts. Until then rows are only decoded: whose era isn't the
// plan's is taken back, and one that the filter leaves out has counted as read and moved the clock.
func (w *worker) count(s *stream, tp bus.TopicPartition, b *plan.Batch) {
	s.deriver.Derive(b)
	src := collect.Source{Topic: tp.Topic, Partition: tp.Partition}
	switch s.kind {
	case ofOutcomes:
		w.tally.addN(tp.Topic, unlabelled, s.collector.Outcomes(src, b))
	case ofAttributes:
		s.collector.Attributes(src, b)
	case ofPredictions:
		s.collector.Predictions(src, b)
	}
	b.Reset()
}

// finish counts the batches that are not full: the epoch ends.
func (w *worker) finish() {
	for topic := range w.readings {
		w.each(topic, func(s *stream) {
			for _, part := range slices.Sorted(maps.Keys(s.batches)) {
				w.count(s, bus.TopicPartition{Topic: topic, Partition: part}, s.batches[part])
			}
		})
	}
}

// forget drops what the epoch counted.
func (w *worker) forget() {
	for topic := range w.readings {
		w.each(topic, func(s *stream) {
			for _, b := range s.batches {
				b.Reset()
			}
		})
	}
	for _, c := range w.collectors {
		c.Reset()
	}
	w.rows.Reset()
	clear(w.tally)
}

// drop forgets partitions.
func (w *worker) drop(tps []bus.TopicPartition) {
	for _, tp := range tps {
		w.each(tp.Topic, func(s *stream) { delete(s.batches, tp.Partition) })
	}
}

// bytes is about what the counts of the epoch take.
func (w *worker) bytes() int {
	n := w.rows.Bytes()
	for _, c := range w.collectors {
		n += c.Bytes()
	}
	return n
}
