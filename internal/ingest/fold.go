package ingest

import (
	"cmp"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Fold is FoldAll of one record.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	r.FoldAll(bus.TopicPartition{Topic: rec.Topic, Partition: rec.Partition}, []*kgo.Record{rec})
	return false, nil
}

// FoldAll keeps records until all that was polled is there.
func (r *role) FoldAll(tp bus.TopicPartition, records []*kgo.Record) {
	for part := range slices.Chunk(records, batchRows) {
		c := &chunk{}
		if n := len(r.spare); n > 0 {
			c, r.spare = r.spare[n-1], r.spare[:n-1]
		}
		c.tp, c.records = tp, part
		r.chunks = append(r.chunks, c)
	}
}

// keptChunks is how many are kept from one poll to the next: those of an ordinary one.
const keptChunks = 64

// done takes chunks back.
func (r *role) done(chunks []*chunk) {
	for _, c := range chunks[:min(len(chunks), keptChunks-min(keptChunks, len(r.spare)))] {
		*c = chunk{times: c.times[:0]}
		r.spare = append(r.spare, c)
	}
	clear(chunks)
	r.chunks = chunks[:0]
}

// Folded deals what was polled out to the workers, waits until all of it is decoded and counted, and takes down what they say, in the
// order of the records. An error leaves the rest of the poll out: the epoch is aborted.
func (r *role) Folded() (urgent bool, err error) {
	chunks := r.chunks
	r.chunks = nil
	r.deal(chunks)
	for _, w := range r.workers {
		for k, n := range w.tally {
			r.tally[k] += n
		}
		clear(w.tally)
	}
	r.wait(chunks)
	for _, c := range chunks {
		if c.err != nil {
			return false, c.err
		}
		p, ahead := r.owned[c.tp], r.ahead[c.tp.Topic]
		for _, a := range c.aside {
			r.setAside(a.record, a.why)
		}
		for _, at := range c.times {
			if at == noTime {
				continue
			}
			p.accepted++
			p.watermark.See(at, ahead)
			urgent = r.paneEnded(c.tp, p) || urgent
		}
	}
	r.done(chunks)
	return urgent || r.outgrown(), nil
}

// deal gives chunks to workers. A partition that brings little stays with one of them, so that its batches fill; what comes in many
// chunks is spread.
func (r *role) deal(chunks []*chunk) {
	if len(r.workers) == 1 {
		r.workers[0].work(chunks)
		return
	}
	mine := make([][]*chunk, len(r.workers))
	nth, before := 0, bus.TopicPartition{}
	for _, c := range chunks {
		if c.tp != before {
			nth, before = 0, c.tp
		}
		at := (int(c.tp.Partition) + nth) % len(r.workers)
		mine[at] = append(mine[at], c)
		nth++
	}
	var wg sync.WaitGroup
	for i, w := range r.workers[1:] {
		if len(mine[i+1]) > 0 {
			wg.Go(func() { w.work(mine[i+1]) })
		}
	}
	r.workers[0].work(mine[0])
	wg.Wait()
}

// outgrown reports whether what was counted in the epoch takes more memory than the epoch's input may: many models, versions,
// slices or panes at once. The epoch ends then, and its counts leave memory.
func (r *role) outgrown() bool {
	held := 0
	for _, w := range r.workers {
		held += w.bytes()
	}
	return held > cmp.Or(r.o.EpochBytes, defaultCounts)
}

const noTime = int64(record.NoTime)
