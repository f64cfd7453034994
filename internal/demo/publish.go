package demo

import (
	"context"
	"encoding/binary"
	"fmt"
	"io/fs"
	"sync/atomic"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// sourcePartitions is how many partitions the demo's own topics have.
const sourcePartitions = 3

// writer encodes the events of one stream for one topic.
type writer struct {
	topic  string
	codec  *goavro.Codec
	header [5]byte // Confluent: a zero byte and the schema id
}

func newWriter(ctx context.Context, reg *bus.Registry, s *contract.Stream, file string) (*writer, error) {
	text, err := fs.ReadFile(electricity.FS, file)
	if err != nil {
		return nil, err
	}
	codec, err := goavro.NewCodec(string(text))
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", file, err)
	}
	id, err := reg.Register(ctx, s.Schema.Subject, string(text))
	if err != nil {
		return nil, err
	}
	w := &writer{topic: s.Topic, codec: codec}
	binary.BigEndian.PutUint32(w.header[1:], uint32(id))
	return w, nil
}

func (w *writer) record(e *electricity.Event) (*kgo.Record, error) {
	body, err := w.codec.BinaryFromNative(append(make([]byte, 0, 160), w.header[:]...), e.Native)
	if err != nil {
		return nil, fmt.Errorf("encode event %s: %w", e.ID, err)
	}
	return &kgo.Record{
		Topic: w.topic, Partition: bus.PartitionOf(e.ID, sourcePartitions), Key: []byte(e.ID), Value: body, Timestamp: e.Time,
	}, nil
}

// lead is how far the events may run ahead of what has been judged of them, in event time: far enough to keep every service
// busy, near enough that incidents open as the story goes on.
const (
	lead      = 35 * 24 * time.Hour
	leadTruth = lead + 10*24*time.Hour // outcomes are judged by the week
)

// publish sends the whole stream as fast as it is judged. at follows the event time published, in microseconds; wait returns
// once events of the given time may be sent.
func publish(ctx context.Context, cl *kgo.Client, writers map[string]*writer, at *atomic.Int64, wait func(context.Context, time.Time) error) error {
	day := time.Time{}
	var failed atomic.Pointer[error]
	for e, err := range electricity.Events() {
		if err != nil {
			return err
		}
		if today := e.Time.Truncate(24 * time.Hour); today.After(day) {
			day = today
			if err := wait(ctx, day); err != nil {
				return err
			}
		}
		rec, err := writers[e.Stream].record(&e)
		if err != nil {
			return err
		}
		cl.Produce(ctx, rec, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
		if p := failed.Load(); p != nil {
			return fmt.Errorf("publish events: %w", *p)
		}
		at.Store(plan.Micros(e.Time))
	}
	if err := cl.Flush(ctx); err != nil {
		return fmt.Errorf("publish events: %w", err)
	}
	if p := failed.Load(); p != nil {
		return fmt.Errorf("publish events: %w", *p)
	}
	return nil
}
