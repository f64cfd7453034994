package bus

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// CaughtUp says whether the group has committed everything a read_committed reader could read of the topics: for each
// partition the committed offset has reached the last stable offset, taken before. It is not "lag 0": behind a
// transactional source the high watermark may stay ahead. A partition the group never committed counts as caught up only
// while it is empty.
func CaughtUp(ctx context.Context, adm *kadm.Client, group string, topics ...string) (bool, error) {
	ends, err := adm.ListCommittedOffsets(ctx, topics...)
	if err = errors.Join(err, ends.Error()); err != nil {
		return false, fmt.Errorf("list stable offsets: %w", err)
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err = errors.Join(err, starts.Error()); err != nil {
		return false, fmt.Errorf("list start offsets: %w", err)
	}
	committed, err := adm.FetchOffsets(ctx, group)
	if errors.Is(err, kerr.GroupIDNotFound) {
		committed, err = nil, nil
	}
	if err != nil {
		return false, fmt.Errorf("fetch offsets of group %s: %w", group, err)
	}
	caughtUp := true
	ends.Each(func(end kadm.ListedOffset) {
		reached, ok := committed.Lookup(end.Topic, end.Partition)
		if !ok || reached.At < 0 {
			start, found := starts.Lookup(end.Topic, end.Partition)
			caughtUp = caughtUp && found && start.Offset >= end.Offset
			return
		}
		if reached.Err != nil {
			err = errors.Join(err, fmt.Errorf("fetch offset of %s/%d: %w", end.Topic, end.Partition, reached.Err))
			return
		}
		caughtUp = caughtUp && reached.At >= end.Offset
	})
	if err != nil {
		return false, err
	}
	return caughtUp, nil
}
