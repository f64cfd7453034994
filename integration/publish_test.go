//go:build integration

package integration

import (
	"context"
	"encoding/binary"
	"hash/fnv"
	"io/fs"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/examples/electricity"
	"github.com/plumbline-ml/plumbline/internal/bus"
)

// The topics of the electricity contract.
const (
	predictions = "electricity.predictions"
	outcomes    = "electricity.outcomes"
	model       = "electricity-price"
)

const sourcePartitions = 3

// events are all events of the stream, read once.
var events = sync.OnceValues(func() (all []electricity.Event, err error) {
	for e, err := range electricity.Events() {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
})

// stream publishes the electricity events as a model's service would: Avro with the registry's ids, keyed by event id, with
// the event time as the record's. Equal keys go to one partition.
type stream struct {
	t       *testing.T
	cl      *kgo.Client
	writers map[string]*writer
	left    []electricity.Event
	count   int32        // partitions of the topics
	sent    atomic.Int64 // events of both topics
}

type writer struct {
	topic  string
	codec  *goavro.Codec
	header []byte
}

// newStream makes the topics and registers the schemas.
func newStream(t *testing.T, s *system) *stream {
	t.Helper()
	all, err := events()
	if err != nil {
		t.Fatal(err)
	}
	registry, err := bus.NewRegistry(bus.RegistrySettings{URLs: []string{here.registry}})
	if err != nil {
		t.Fatal(err)
	}
	p := &stream{t: t, cl: s.cl, writers: map[string]*writer{}, left: all, count: sourcePartitions}
	for name, w := range map[string]struct{ topic, file string }{
		electricity.Prediction: {predictions, electricity.PredictionFile},
		electricity.Outcome:    {outcomes, electricity.OutcomeFile},
	} {
		s.createTopic(w.topic, sourcePartitions)
		text, err := fs.ReadFile(electricity.FS, w.file)
		if err != nil {
			t.Fatal(err)
		}
		codec, err := goavro.NewCodec(string(text))
		if err != nil {
			t.Fatal(err)
		}
		id, err := registry.Register(t.Context(), w.topic+"-value", string(text))
		if err != nil {
			t.Fatal(err)
		}
		p.writers[name] = &writer{w.topic, codec, binary.BigEndian.AppendUint32([]byte{0}, uint32(id))}
	}
	return p
}

func (p *stream) record(e *electricity.Event) (*kgo.Record, error) {
	w := p.writers[e.Stream]
	value, err := w.codec.BinaryFromNative(append([]byte(nil), w.header...), e.Native)
	if err != nil {
		return nil, err
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(e.ID)) // a hash takes everything
	return &kgo.Record{Topic: w.topic, Partition: int32(h.Sum32() % uint32(p.count)), Key: []byte(e.ID), Value: value, Timestamp: e.Time}, nil
}

// next publishes the next n events, acknowledged by the broker.
func (p *stream) next(n int) {
	p.t.Helper()
	if err := p.send(n); err != nil {
		p.t.Fatal(err)
	}
}

// ahead publishes the next n events of one topic; those of the other keep their place.
func (p *stream) ahead(topic string, n int) {
	p.t.Helper()
	var now, later []electricity.Event
	for _, e := range p.left {
		if len(now) < n && p.writers[e.Stream].topic == topic {
			now = append(now, e)
		} else {
			later = append(later, e)
		}
	}
	p.left = now
	p.next(len(now))
	p.left = later
}

// begin publishes the next n events in the background, some at a time; the function that it returns waits for the end.
func (p *stream) begin(n int) (finish func()) {
	const some = 250
	done := make(chan error, 1)
	go func() {
		for left := n; left > 0; left -= some {
			if err := p.send(min(some, left)); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	return func() {
		p.t.Helper()
		if err := <-done; err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *stream) send(n int) error {
	batch := make([]*kgo.Record, n)
	for i := range batch {
		var err error
		if batch[i], err = p.record(&p.left[i]); err != nil {
			return err
		}
	}
	p.left = p.left[n:]
	if err := p.cl.ProduceSync(p.t.Context(), batch...).FirstErr(); err != nil {
		return err
	}
	p.sent.Add(int64(n))
	return nil
}

// rest publishes everything that is left.
func (p *stream) rest() { p.next(len(p.left)) }

// slice publishes the next of some equal parts of the whole.
func (p *stream) slice(parts int) { p.next(share(parts)) }

func share(parts int) int { return 2 * electricity.Rows / parts }

// consumed is how many offsets a group has committed of topics, over all partitions.
func consumed(ctx context.Context, adm *kadm.Client, group string, topics ...string) (int64, error) {
	offsets, err := adm.FetchOffsetsForTopics(ctx, group, topics...)
	if err != nil {
		return 0, err
	}
	sum := int64(0)
	offsets.Each(func(o kadm.OffsetResponse) { sum += max(0, o.At) })
	return sum, offsets.Error()
}
