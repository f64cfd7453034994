package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const (
	sourcePartitions = 4
	panesOfLoad      = 2 // event time goes through so many panes in a run
)

// broker is where the load lies. It runs in the process that measures nothing.
type broker struct {
	settings bus.Settings
	embedded *bus.Embedded
	client   *kgo.Client
	admin    *kadm.Client
	plan     *plan.Plan
	codec    kgo.CompressionCodec
}

func openBroker(ctx context.Context, bootstrap string, codec kgo.CompressionCodec) (*broker, error) {
	b := &broker{codec: codec}
	if bootstrap == "" {
		e, err := bus.StartEmbedded(bus.EmbeddedOptions{})
		if err != nil {
			return nil, err
		}
		b.embedded, b.settings = e, e.Settings()
	} else {
		b.settings = bus.Settings{Brokers: strings.Split(bootstrap, ",")}
	}
	if err := b.connect(); err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, b.prepare(ctx)
}

// connect opens a client, in place of the one before: a client holds on to the ids of topics that are gone.
func (b *broker) connect() error {
	if b.client != nil {
		b.client.Close()
	}
	var err error
	b.client, err = b.settings.NewClient(nil, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(b.codec),
		kgo.MaxBufferedRecords(20_000), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	b.admin = kadm.NewClient(b.client)
	return nil
}

func (b *broker) close() error {
	if b.client != nil {
		b.client.Close()
	}
	if b.embedded != nil {
		return b.embedded.Close()
	}
	return nil
}

// prepare makes all topics anew and publishes the plan.
func (b *broker) prepare(ctx context.Context) error {
	if err := b.wipe(ctx, bus.TopicPlans, bus.TopicFragments, bus.TopicJoins, bus.TopicPanes, bus.TopicFindings, bus.TopicIncidents, bus.TopicQuarantine); err != nil {
		return err
	}
	if err := bus.EnsureTopics(ctx, b.admin, bus.DefaultLayout(), 1); err != nil {
		return err
	}
	p, err := widePlan()
	if err != nil {
		return fmt.Errorf("make the plan: %w", err)
	}
	b.plan = p
	if err := bus.PublishPlan(ctx, b.client, p); err != nil {
		return err
	}
	return b.renew(ctx)
}

// renew makes the source topics anew.
func (b *broker) renew(ctx context.Context) error {
	if err := b.wipe(ctx, predictionTopic, outcomeTopic); err != nil {
		return err
	}
	topics, err := b.admin.CreateTopics(ctx, sourcePartitions, 1, nil, predictionTopic, outcomeTopic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return fmt.Errorf("create the source topics: %w", err)
	}
	if err := b.connect(); err != nil {
		return err
	}
	return b.until(ctx, func() (bool, error) {
		have, err := b.admin.ListTopics(ctx, predictionTopic, outcomeTopic)
		return len(have) == 2 && have.Error() == nil, err
	})
}

func (b *broker) wipe(ctx context.Context, topics ...string) error {
	if _, err := b.admin.DeleteTopics(ctx, topics...); err != nil {
		return fmt.Errorf("delete topics: %w", err)
	}
	return b.until(ctx, func() (bool, error) {
		have, err := b.admin.ListTopics(ctx, topics...)
		if err != nil {
			return false, err
		}
		for _, t := range have {
			if t.Err == nil {
				return false, nil
			}
		}
		return true, nil
	})
}

const patience = 5 * time.Minute

// until waits for something.
func (b *broker) until(ctx context.Context, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); err != nil || ok {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("waited %s: %w", patience, ctx.Err())
		}
	}
}

// load publishes events [from, to) of whole, whose event time covers panesOfLoad panes, at a rate per second (0: as fast as it
// goes). It returns the bytes of the values.
func (b *broker) load(ctx context.Context, seed uint64, from, to, whole int64, rate float64) (bytes int64, err error) {
	w := newWriter(seed)
	step := panesOfLoad * b.plan.Pane / time.Duration(whole)
	start := referenceStart.Add(96 * time.Hour)
	var failed error
	send := func(topic string, n int64, value []byte) {
		bytes += int64(len(value))
		b.client.Produce(ctx, &kgo.Record{Topic: topic, Partition: int32(n % sourcePartitions), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed = err // of any goroutine of the client: one at a time
			}
		})
	}
	began := time.Now()
	for n := from; n < to; n++ {
		if rate > 0 && n%100 == 0 {
			due := began.Add(time.Duration(float64(n-from) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
		}
		at := start.Add(time.Duration(n) * step)
		send(predictionTopic, n, w.prediction(n, at))
		if w.rng.Float64() < joinedShare {
			send(outcomeTopic, n, w.outcome(n, at.Add(time.Minute)))
		}
		if ctx.Err() != nil {
			return bytes, ctx.Err()
		}
	}
	if err := b.client.Flush(ctx); err != nil {
		return bytes, err
	}
	return bytes, failed
}

// left is how many records the group has not committed yet.
func (b *broker) left(ctx context.Context, group string) (int64, error) {
	ends, err := b.admin.ListEndOffsets(ctx, predictionTopic, outcomeTopic)
	if err != nil {
		return 0, err
	}
	committed, err := b.admin.FetchOffsets(ctx, group)
	if err != nil {
		return 1, nil //nolint:nilerr // the group does not exist yet
	}
	var left int64
	ends.Each(func(o kadm.ListedOffset) {
		at, ok := committed.Lookup(o.Topic, o.Partition)
		if !ok {
			at.At = 0
		}
		left += o.Offset - max(at.At, 0)
	})
	return left, nil
}

// members waits until the group has so many members and is stable.
func (b *broker) members(ctx context.Context, group string, n int) error {
	return b.until(ctx, func() (bool, error) {
		groups, err := b.admin.DescribeGroups(ctx, group)
		if err != nil {
			return false, nil //nolint:nilerr // a new cluster has no coordinator yet
		}
		g := groups[group]
		return g.State == "Stable" && len(g.Members) == n, nil
	})
}

// read visits what is on a topic from the offsets given to its end.
func (b *broker) read(ctx context.Context, topic string, from kadm.ListedOffsets, visit func(*kgo.Record) error) error {
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err != nil {
		return err
	}
	start := map[string]map[int32]kgo.Offset{topic: {}}
	open := 0
	ends.Each(func(o kadm.ListedOffset) {
		begin, _ := from.Lookup(topic, o.Partition)
		if begin.Offset < o.Offset {
			start[topic][o.Partition] = kgo.NewOffset().At(begin.Offset)
			open++
		}
	})
	if open == 0 {
		return nil
	}
	cl, err := b.settings.NewClient(nil, nil, kgo.ConsumePartitions(start), kgo.KeepControlRecords(), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for open > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return err
		}
		for it := fetches.RecordIter(); !it.Done(); {
			r := it.Next()
			if !r.Attrs.IsControl() {
				if err := visit(r); err != nil {
					return err
				}
			}
			if end, _ := ends.Lookup(topic, r.Partition); r.Offset == end.Offset-1 {
				open--
			}
		}
	}
	return nil
}
