package detect

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/window"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

// Reached is the latest event time on a topic that the detector of a model has heard of, microseconds; ok is false before the
// first event.
func Reached(ctx context.Context, s bus.Settings, layout bus.Layout, model, topic string) (us int64, ok bool, err error) {
	heard, err := Heard(ctx, s, bus.PartitionOf(model, layout.Fragments))
	if err != nil {
		return 0, false, fmt.Errorf("read clock of %s: %w", model, err)
	}
	us, ok = heard(topic)
	return us, ok, nil
}

// Heard tells of any topic what Reached tells, for all models of one partition.
func Heard(ctx context.Context, s bus.Settings, partition int32) (func(topic string) (us int64, ok bool), error) {
	var last []byte
	err := bus.ReadState(ctx, s, bus.TopicPanes, partition, func(rec *kgo.Record) error {
		if string(rec.Key) == clockKey {
			last = rec.Value
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if last == nil {
		return func(string) (int64, bool) { return 0, false }, nil
	}
	rd := wire.NewReader(last)
	rd.Int() // the offset the state stands for
	clock, err := window.ReadClock(rd)
	if err != nil {
		return nil, err
	}
	return clock.High, nil
}
