package detect

import (
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
		for _, e := range p.panes {
			for key, body := range pieces(paneKey(e.model, e.pane.Start), e.pane.AppendBinary(nil)) {
				out = append(out, &kgo.Record{Topic: bus.TopicPanes, Partition: g.Partition, Key: []byte(key), Value: body})
			}
		}
		p.flushed = map[string][]byte{clockKey: p.clock.AppendBinary(wire.Int(nil, g.To))}
		for _, model := range slices.Sorted(maps.Keys(p.dirty)) {
			e := p.engines[model]
			body, err := e.AppendBinary(wire.String(nil, e.Plan().Digest()))
			if err != nil {
				return nil, err
			}
			maps.Insert(p.flushed, pieces(stateKey(model), body))
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

// getState puts a model's state together again; ok is false where there is none.
func getState(from map[string][]byte, model string) (body []byte, ok bool, err error) {
	head, ok := from[stateKey(model)]
	if !ok {
		return nil, false, nil
	}
	r := wire.NewReader(head)
	n := r.Uint()
	if err := r.Close(); err != nil {
		return nil, false, fmt.Errorf("read state of %s: %w", model, err)
	}
	for i := range int(n) {
		piece, there := from[pieceKey(stateKey(model), i)]
		if !there {
			return nil, false, fmt.Errorf("read state of %s: piece %d of %d is missing", model, i+1, n)
		}
		body = append(body, piece...)
	}
	return body, true, nil
}

// Committed makes the flushed state the one to roll back to, and shows it to people.
func (r *role) Committed() {
	for _, p := range r.parts {
		maps.Copy(p.committed, p.flushed)
		for _, f := range p.findings {
			r.m.findings.WithLabelValues(f.Model, string(f.Verdict)).Inc()
		}
		if p.flushed != nil {
			r.serve(p, maps.Keys(p.dirty))
		}
		p.findings, p.panes, p.flushed = nil, nil, nil
		clear(p.dirty)
	}
}
