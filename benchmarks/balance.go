package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
)

const (
	models       = 1000
	detectors    = 10
	balanceLimit = 1.5
	transactions = 40
)

// names are ways in which people number models.
var names = []func(i int) string{
	func(i int) string { return fmt.Sprintf("model-%d", i) },
	func(i int) string { return fmt.Sprintf("team-%02d.model-%02d", i/20, i%20) },
	func(i int) string { return fmt.Sprintf("churn_%04d_v2", i) },
	func(i int) string { return fmt.Sprintf("%x", i*7919) },
	func(i int) string { return fmt.Sprintf("%s/%s-%d", []string{"eu", "us", "ap"}[i%3], "price", i/3) },
}

// balance prints, for several numbers of partitions, how the models spread over the detectors and what an epoch costs.
func balance(ctx context.Context, o options) error {
	ok := true
	standard := bus.DefaultLayout().Fragments
	fmt.Printf("%d models over %d detectors, whose partitions differ in number by at most one; busiest / mean\n", models, detectors)
	for _, partitions := range []int{8, 10, 12, 16, 20, 24, 32, 40, 60, 64, 128} {
		var ratios []float64
		for _, name := range names {
			ratios = append(ratios, busiest(name, partitions))
		}
		limit := 0.0
		if partitions == standard {
			limit = balanceLimit
		}
		title := fmt.Sprintf("busiest_vs_mean@%d", partitions)
		if partitions == standard {
			title += " (default)"
		}
		ok = report(title, ratios, limit) && ok
	}
	if err := price(ctx, o); err != nil {
		return err
	}
	if !ok {
		return errMissed
	}
	return nil
}

// busiest is how much more models the busiest detector has than the mean one. Which detectors get one partition more is not
// chosen by load: here the first do.
func busiest(name func(int) string, partitions int) float64 {
	var load [detectors]int
	most := 0
	for i := range models {
		d := int(bus.PartitionOf(name(i), partitions)) % detectors
		load[d]++
		most = max(most, load[d])
	}
	return float64(most) / (float64(models) / detectors)
}

// price measures a transaction that writes one record of coverage to every partition, which is what more partitions add to each
// epoch of an ingestor.
func price(ctx context.Context, o options) (err error) {
	b, err := openBroker(ctx, o.bootstrap, codecs["none"])
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	var coverage []record.Coverage
	for i := range int32(2 * sourcePartitions) {
		coverage = append(coverage, record.Coverage{
			Source: record.Source{Topic: predictionTopic, Partition: i, Partitions: sourcePartitions}, From: 1e6, To: 1e6 + 1e4, Watermark: 1.8e15, Records: 1e4,
		})
	}
	value := (&record.Fragment{Joins: 8, Coverage: coverage}).AppendBinary(nil)
	fmt.Printf("one record of coverage over %d source partitions: %d bytes; per transaction, median of %d:\n", len(coverage), len(value), transactions)
	for _, partitions := range []int{8, 20, 40, 64, 128} {
		topic := fmt.Sprintf("bench.price-%d", partitions)
		if err := b.wipe(ctx, topic); err != nil {
			return err
		}
		if _, err := b.admin.CreateTopic(ctx, int32(partitions), 1, nil, topic); err != nil {
			return err
		}
		if err := b.transact(ctx, topic, partitions, value); err != nil {
			return fmt.Errorf("write to %d partitions: %w", partitions, err)
		}
		if err := b.wipe(ctx, topic); err != nil {
			return err
		}
	}
	return nil
}

func (b *broker) transact(ctx context.Context, topic string, partitions int, value []byte) error {
	cl, err := b.settings.NewClient(nil, nil, kgo.TransactionalID(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		return err
	}
	defer cl.Close()
	var times []float64
	spent := time.Duration(0)
	for i := range transactions + 3 {
		began, used := time.Now(), cpu()
		if err := cl.BeginTransaction(); err != nil {
			return err
		}
		records := make([]*kgo.Record, partitions)
		for p := range records {
			records[p] = &kgo.Record{Topic: topic, Partition: int32(p), Value: value}
		}
		if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
			return err
		}
		if err := cl.EndTransaction(ctx, kgo.TryCommit); err != nil {
			return err
		}
		if i >= 3 { // the first ones find their way
			times = append(times, float64(time.Since(began))/float64(time.Millisecond))
			spent += cpu() - used
		}
	}
	mid, _ := median(times)
	where := "of this process"
	if b.embedded != nil {
		where += ", the embedded broker's included"
	}
	fmt.Printf("  %4d partitions  %7.1f ms  %6.2f ms CPU %s  %7d bytes\n", partitions, mid, float64(spent)/float64(transactions)/float64(time.Millisecond), where, partitions*len(value))
	return nil
}
