package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
)

// tail reads a topic of CloudEvents from its beginning, as any subscriber would.
type tail[T any] struct {
	cl    *kgo.Client
	topic string
	next  map[int32]int64
}

func newTail[T any](s bus.Settings, topic string, partitions int) (*tail[T], error) {
	t := &tail[T]{topic: topic, next: map[int32]int64{}}
	at := map[int32]kgo.Offset{}
	for p := range partitions {
		at[int32(p)] = kgo.NewOffset().AtStart()
		t.next[int32(p)] = 0
	}
	cl, err := s.NewClient(nil, nil, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: at}),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords())
	if err != nil {
		return nil, err
	}
	t.cl = cl
	return t, nil
}

func (t *tail[T]) close() { t.cl.Close() }

// poll returns what came within the time given.
func (t *tail[T]) poll(ctx context.Context, wait time.Duration) []T {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var out []T
	t.cl.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		t.next[r.Partition] = r.Offset + 1
		if r.Attrs.IsControl() {
			return
		}
		var e finding.Envelope[T]
		if json.Unmarshal(r.Value, &e) == nil {
			out = append(out, e.Data)
		}
	})
	return out
}

// atEnd reports whether everything that is on the topic now was returned by poll.
func (t *tail[T]) atEnd(ctx context.Context) (bool, error) {
	ends, err := kadm.NewClient(t.cl).ListEndOffsets(ctx, t.topic)
	if err != nil {
		return false, fmt.Errorf("list the end of %s: %w", t.topic, err)
	}
	for p, next := range t.next {
		if e, ok := ends.Lookup(t.topic, p); ok && e.Err == nil && next < e.Offset {
			return false, nil
		}
	}
	return true, nil
}
