package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadState calls visit for every committed data record of one partition, in order, from the log start to the high
// watermark of the moment of the call, and returns when the position has reached it.
//
// The target is the high watermark and not the last stable offset: the answer to a transaction's end comes before its
// markers are written, so a committed input offset may be visible while the state record of the same transaction still
// lies behind the stable offset. Reading up to the watermark waits for the markers. Control records are read and not
// visited, so the position passes them and aborted tails; an empty poll says nothing and never ends the read.
//
// An error of visit ends the read and is returned as it is. If the log start moves past the position during the read, the
// read goes on at the new start: what expired would not have been there a moment later either.
func ReadState(ctx context.Context, s Settings, topic string, partition int32, visit func(*kgo.Record) error) error {
	cl, err := s.NewClient(nil, nil)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	ends, err := adm.ListEndOffsets(ctx, topic)
	if err != nil {
		return fmt.Errorf("read state %s/%d: list high watermark: %w", topic, partition, err)
	}
	end, err := offsetOf(ends, topic, partition)
	if err != nil {
		return fmt.Errorf("read state %s/%d: list high watermark: %w", topic, partition, err)
	}
	next := int64(0)
	for {
		starts, err := adm.ListStartOffsets(ctx, topic)
		if err != nil {
			return fmt.Errorf("read state %s/%d: list log start: %w", topic, partition, err)
		}
		start, err := offsetOf(starts, topic, partition)
		if err != nil {
			return fmt.Errorf("read state %s/%d: list log start: %w", topic, partition, err)
		}
		next = max(next, start)
		if next >= end {
			return nil
		}
		next, err = readRange(ctx, s, topic, partition, next, end, visit)
		if !errors.Is(err, kerr.OffsetOutOfRange) {
			return err
		}
	}
}

// readRange reads [next, end) and returns the position reached.
func readRange(ctx context.Context, s Settings, topic string, partition int32, next, end int64, visit func(*kgo.Record) error) (int64, error) {
	cl, err := s.NewClient(nil, nil,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().At(next)}}),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return next, err
	}
	defer cl.Close()
	for next < end {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return next, fmt.Errorf("read state %s/%d: position %d, should reach %d: %w", topic, partition, next, end, ctx.Err())
		}
		for _, fe := range fetches.Errors() {
			if kerr.IsRetriable(fe.Err) && !errors.Is(fe.Err, kerr.OffsetOutOfRange) {
				continue
			}
			return next, fmt.Errorf("read state %s/%d: position %d: %w", topic, partition, next, fe.Err)
		}
		for rec := range fetches.RecordsAll() {
			if rec.Offset >= end {
				return end, nil
			}
			next = rec.Offset + 1
			if rec.Attrs.IsControl() {
				continue
			}
			if err := visit(rec); err != nil {
				return next, err
			}
		}
	}
	return next, nil
}

func offsetOf(listed kadm.ListedOffsets, topic string, partition int32) (int64, error) {
	l, ok := listed.Lookup(topic, partition)
	if !ok {
		return 0, fmt.Errorf("topic %s has no partition %d", topic, partition)
	}
	if l.Err != nil {
		return 0, l.Err
	}
	return l.Offset, nil
}
