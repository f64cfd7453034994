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
	var last []byte
	err = bus.ReadState(ctx, s, bus.TopicPanes, bus.PartitionOf(model, layout.Fragments), func(rec *kgo.Record) error {
		if string(rec.Key) == clockKey {
			last = rec.Value
		}
		return nil
	})
	if err != nil || last == nil {
		return 0, false, err
	}
	rd := wire.NewReader(last)
	rd.Int() // the offset the state stands for
	clock, err := window.ReadClock(rd)
	if err != nil {
		return 0, false, fmt.Errorf("read clock of %s: %w", model, err)
	}
	us, ok = clock.High(topic)
	return us, ok, nil
}
