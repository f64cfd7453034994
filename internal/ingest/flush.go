package ingest

import (
	"context"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/collect"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const chunkBytes = 400 << 10 // brokers take records of 1 MiB by default; a fragment stays well below

// Flush turns the epoch into records: for every fragments partition and every joins partition one at least, also where there
// is nothing to count, because coverage and markers carry the clocks.
func (r *role) Flush(ctx context.Context, ranges []bus.Range) ([]*kgo.Record, error) {
	rows := make([]*record.Rows, len(r.workers))
	for i, w := range r.workers {
		w.finish()
		rows[i] = w.rows
	}
	cells := make([][]record.Cell, r.o.Layout.Fragments)
	r.epoch = map[string]*counts{}
	for i, p := range r.plans {
		counted, err := r.counted(i)
		if err != nil {
			return nil, err
		}
		f := bus.PartitionOf(p.Model, r.o.Layout.Fragments)
		cells[f] = append(cells[f], counted...)
	}
	coverage := r.coverage(ctx, ranges)
	out := r.aside
	for f, list := range cells {
		for _, frag := range record.Chunks(list, chunkBytes, record.Fragment{Joins: int32(r.o.Layout.Joins), Coverage: coverage}) {
			out = append(out, &kgo.Record{Topic: bus.TopicFragments, Partition: int32(f), Value: frag.AppendBinary(nil)})
		}
	}
	markers := make([]record.Marker, len(coverage))
	for i, c := range coverage {
		markers[i] = record.Marker{Source: c.Source, From: c.From, To: c.To, Watermark: c.Watermark, Idle: c.Idle}
	}
	for j := range r.o.Layout.Joins {
		for _, value := range record.TakeRows(rows, j, markers) {
			out = append(out, &kgo.Record{Topic: bus.TopicJoins, Partition: int32(j), Value: value})
		}
	}
	return out, nil
}

// counted is what all workers have counted under one of the plans.
func (r *role) counted(at int) ([]record.Cell, error) {
	of := make([]*collect.Collector, len(r.workers))
	held := 0
	for i, w := range r.workers {
		of[i] = w.collectors[at]
		held += of[i].Bytes()
	}
	cells, err := collect.Together(of)
	model := r.plans[at].Model
	if r.epoch[model] == nil {
		r.epoch[model] = &counts{versions: map[string]bool{}}
	}
	r.epoch[model].add(of[0].Taken(), cells, held)
	for i, w := range r.workers {
		r.tally.addN(r.plans[at].Model, crowded, int(of[i].Crowded()))
		for k, n := range w.tally { // of the batches that were not full
			r.tally[k] += n
		}
		clear(w.tally)
	}
	return cells, err
}

// coverage says which offsets the epoch accounts for, and which partitions have been quiet for so long that nobody should
// wait for them.
func (r *role) coverage(ctx context.Context, ranges []bus.Range) []record.Coverage {
	var out []record.Coverage
	seen := map[bus.TopicPartition]bool{}
	for _, g := range ranges {
		tp := bus.TopicPartition{Topic: g.Topic, Partition: g.Partition}
		p := r.owned[tp]
		if p == nil {
			continue
		}
		seen[tp] = true
		p.next, p.count, p.id = g.To, g.Partitions, g.TopicID
		if g.Records > 0 {
			p.active = r.o.Now()
		}
		r.tally.addN(g.Topic, accepted, p.accepted)
		p.accepted = 0
		out = append(out, record.Coverage{
			Source: record.Source{Topic: g.Topic, TopicID: g.TopicID, Partition: g.Partition, Partitions: g.Partitions},
			From:   g.From, To: g.To, Watermark: p.watermark.At(), Records: g.Records, Lost: g.Lost,
			Waited: r.waited[tp] && g.Records > 0,
		})
	}
	now := r.o.Now()
	ends := map[string]map[int32]int64{}
	for _, tp := range slices.SortedFunc(maps.Keys(r.owned), bus.TopicPartition.Compare) {
		p := r.owned[tp]
		if seen[tp] || now.Sub(p.active) < r.o.IdleAfter {
			continue
		}
		if !r.atEnd(ctx, ends, tp, p.next) {
			continue
		}
		count, id := r.ofTopic(tp.Topic)
		out = append(out, record.Coverage{
			Source: record.Source{Topic: tp.Topic, TopicID: id, Partition: tp.Partition, Partitions: count},
			From:   p.next, To: p.next, Watermark: p.watermark.At(), Idle: true,
		})
	}
	return out
}

// atEnd reports whether everything on a partition has been read. Where that can't be told it is not idle.
func (r *role) atEnd(ctx context.Context, ends map[string]map[int32]int64, tp bus.TopicPartition, next int64) bool {
	if ends[tp.Topic] == nil {
		known, err := r.o.Ends(ctx, tp.Topic)
		if err != nil {
			r.log.Warn("ask for the end of a quiet topic", zap.String("topic", tp.Topic), zap.Error(err))
			known = map[int32]int64{}
		}
		ends[tp.Topic] = known
	}
	end, ok := ends[tp.Topic][tp.Partition]
	return ok && next >= end
}

// ofTopic is what any partition has taught about its topic.
func (r *role) ofTopic(topic string) (count int32, id [16]byte) {
	for tp, p := range r.owned {
		if tp.Topic == topic && p.count > count {
			count, id = p.count, p.id
		}
	}
	return count, id
}
