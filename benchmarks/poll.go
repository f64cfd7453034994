package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

// defaultEpochBytes is what ends an epoch by default, as ingest.epoch_bytes has it.
const defaultEpochBytes = 32 << 20

const pollCommand = "go run ./benchmarks poll --kafka"

// pollsOnKafka measures on a Kafka that it starts and stops, and keeps the ratios.
func pollsOnKafka(ctx context.Context, g *ground, o options) (err error) {
	if o.bootstrap != "" {
		return errors.New("--kafka and --bootstrap: want one of them")
	}
	if err := g.openParts(ctx, "kafka"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.close()) }()
	b, err := openBroker(ctx, g.broker, codecs["none"])
	if err != nil {
		return err
	}
	return errors.Join(polls(ctx, b, o), b.close())
}

// polls holds the whole ingestor, with its default epochs, against a loop that polls the same topic and looks at nothing: with zstd
// and uncompressed.
func polls(ctx context.Context, b *broker, o options) error {
	good := true
	var kept []result
	for _, c := range []struct {
		name, codec string
		limit       float64
	}{{"ingest_vs_poll_zstd", "zstd", 3}, {"ingest_vs_poll_none", "none", 4.5}} {
		b.codec = codecs[c.codec]
		if err := b.renew(ctx); err != nil {
			return err
		}
		m := &bench{broker: b, o: o}
		idle, err := m.idle(ctx)
		if err != nil {
			return err
		}
		if m.bytes, err = m.load(ctx, 7, 0, o.events, o.events, 0); err != nil {
			return err
		}
		var ratios, wholes, bares []float64
		for range o.runs {
			poll, whole, err := m.turns(ctx, m.job("poll", 0), m.job("whole", defaultEpochBytes))
			if err != nil {
				return err
			}
			ratios = append(ratios, float64(whole.CPU-idle)/float64(poll.CPU))
			wholes = append(wholes, float64(whole.CPU-idle)/float64(o.events)/1e3)
			bares = append(bares, float64(poll.CPU)/float64(o.events)/1e3)
		}
		good = report(c.name, ratios, c.limit) && good
		mid, _ := median(ratios)
		kept = append(kept, result{Name: c.name, Ratio: mid, Against: "a loop of the same client that polls the same topic on Kafka and looks at nothing; CPU", N: o.runs, Command: pollCommand})
		report("  us per prediction, ingest, "+c.codec, wholes, 0)
		report("  us per prediction, poll, "+c.codec, bares, 0)
	}
	if b.embedded == nil { // an embedded broker is not what the limits are about
		if err := keepResults(kept); err != nil {
			return err
		}
	}
	if !good {
		return errMissed
	}
	return nil
}

// poll reads all there is and looks at nothing.
func poll(ctx context.Context, j job) (used, error) {
	s := bus.Settings{Brokers: j.Brokers}
	j.begin()
	begun := cpu()
	offsets, left, err := all(ctx, s)
	if err != nil {
		return used{}, err
	}
	cl, err := kgo.NewClient(kgo.SeedBrokers(j.Brokers...), kgo.ConsumePartitions(offsets), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return used{}, err
	}
	defer cl.Close()
	events := int64(0)
	for events < left {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return used{}, fmt.Errorf("poll: %w", err)
		}
		events += int64(fetches.NumRecords())
	}
	return used{CPU: cpu() - begun, Events: events}, nil
}
