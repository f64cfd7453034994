package detect

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// contentType marks the findings topic's records as CloudEvents.
const contentType = "application/cloudevents+json"

// Flush writes findings, ended panes and the state of every partition that moved. The clock's record names the offset the
// whole state stands for, so it is written also when nothing else changed.
func (r *role) Flush(_ context.Context, ranges []bus.Range) ([]*kgo.Record, error) {
	var out []*kgo.Record
	for _, g := range bus.Whole(ranges) {
		p := r.parts[g.Partition]
		if p == nil {
			continue
		}
		for i := range p.findings {
			body, err := finding.Event(&p.findings[i])
			if err != nil {
				return nil, err
			}
			out = append(out, &kgo.Record{
				Topic: bus.TopicFindings, Partition: g.Partition, Key: []byte(p.findings[i].Model), Value: body,
				Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}},
			})
		}
		told, err := p.changeRecords()
		if err != nil {
			return nil, err
		}
		out = append(out, told...)
		for key, body := range p.history() {
			out = append(out, &kgo.Record{Topic: bus.TopicPanes, Partition: g.Partition, Key: []byte(key), Value: body})
		}
		p.flushed = map[string][]byte{clockKey: p.clock.AppendBinary(wire.Int(nil, g.To))}
		for id := range p.dirty {
			e := p.engines[id]
			body, err := e.AppendBinary(wire.String(nil, id.digest))
			if err != nil {
				return nil, err
			}
			maps.Insert(p.flushed, pieces(stateKey(id), body))
			if e.DriftMoved() {
				body, err := e.AppendDrift(nil)
				if err != nil {
					return nil, err
				}
				maps.Insert(p.flushed, pieces(driftKey(id), body))
			}
		}
		for _, model := range p.models {
			key, body := pastKey(model), r.present(p, model).appendBinary(nil)
			if !bytes.Equal(p.committed[key], body) {
				p.flushed[key] = body
			}
		}
		if err := p.flushVersions(); err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(p.flushed)) {
			out = append(out, &kgo.Record{Topic: bus.TopicPanes, Partition: g.Partition, Key: []byte(key), Value: p.flushed[key]})
		}
	}
	return out, nil
}

// stateBytes is the largest piece of a state that goes into one record; brokers take 1 MiB by default.
const stateBytes = 512 << 10

// pieces cuts a body into records: the one under the key itself says how many there are.
func pieces(key string, body []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		n := (len(body) + stateBytes - 1) / stateBytes
		if !yield(key, wire.Uint(nil, uint64(n))) {
			return
		}
		for i := range n {
			if !yield(pieceKey(key, i), body[i*stateBytes:min((i+1)*stateBytes, len(body))]) {
				return
			}
		}
	}
}

// join puts together again what pieces cut; ok is false where there is nothing under the key.
func join(from map[string][]byte, key string) (body []byte, ok bool, err error) {
	head, ok := from[key]
	if !ok {
		return nil, false, nil
	}
	r := wire.NewReader(head)
	n := r.Uint()
	if err := r.Close(); err != nil {
		return nil, false, fmt.Errorf("read %s: %w", key, err)
	}
	for i := range int(n) {
		piece, there := from[pieceKey(key, i)]
		if !there {
			return nil, false, fmt.Errorf("read %s: piece %d of %d is missing", key, i+1, n)
		}
		body = append(body, piece...)
	}
	return body, true, nil
}

// Committed makes the flushed state the one to roll back to, and shows it to people.
func (r *role) Committed() {
	for _, p := range r.parts {
		if p.flushed == nil {
			continue // nothing of it was in the epoch: what it has to say since its restore is still to be written
		}
		maps.Copy(p.committed, p.flushed)
		for _, f := range p.findings {
			r.m.findings.WithLabelValues(f.Model, string(f.Verdict)).Inc()
		}
		r.slide(p)
		r.serve(p, p.dirty)
		p.findings, p.panes, p.cohorts, p.changes, p.flushed = nil, nil, nil, nil, nil
		clear(p.dirty)
	}
}
