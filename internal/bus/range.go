package bus

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ReadRange calls visit for every committed data record of [from, to) of one partition, in order. It fails if the range
// begins before the log does: what expired can't be read again.
func ReadRange(ctx context.Context, s Settings, topic string, partition int32, from, to int64, visit func(*kgo.Record) error) error {
	_, err := readRange(ctx, s, topic, partition, from, to, visit)
	return err
}

// StartOffset is the first offset of a partition that is still there.
func StartOffset(ctx context.Context, s Settings, topic string, partition int32) (int64, error) {
	cl, err := s.NewClient(nil, nil)
	if err != nil {
		return 0, err
	}
	defer cl.Close()
	starts, err := kadm.NewClient(cl).ListStartOffsets(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("list log start of %s/%d: %w", topic, partition, err)
	}
	return offsetOf(starts, topic, partition)
}
