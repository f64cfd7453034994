package bus

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// skipExpired moves the position of partitions whose next offset expired to the log start, and notes what was lost: the
// open epoch will tell the role in a range of its own, and commits the new position even when no record follows. No epoch
// with records is open (step has ended it), so the positions are the committed ones.
//
// A position beyond the end is a log that was truncated: it goes on at the end.
//
// The loss stays noted through aborts: it is a fact about the log. If this member loses the partition before it commits,
// the next owner starts at the same committed offset and finds the same gap.
func (r *runner) skipExpired(ctx context.Context, expired []TopicPartition) error {
	if len(expired) == 0 || r.dirty || ctx.Err() != nil {
		return nil //nolint:nilerr // a runner that stops doesn't look for losses
	}
	adm := r.admin()
	for _, tp := range expired {
		own := r.parts[tp]
		if own == nil || own.to != own.start() {
			continue // an aborted end rewound it, or it is gone: the client will say so again
		}
		starts, err := adm.ListStartOffsets(ctx, tp.Topic)
		if err != nil {
			return stopped(ctx, fmt.Errorf("list log start of %s: %w", tp, err))
		}
		start, err := offsetOf(starts, tp.Topic, tp.Partition)
		if err != nil {
			return stopped(ctx, fmt.Errorf("list log start of %s: %w", tp, err))
		}
		if start > own.to {
			r.log.Error("source data expired before it was read", zap.Stringer("partition", tp),
				zap.Int64("from", own.to), zap.Int64("to", start))
			r.m.lost.Add(float64(start - own.to))
			own.lost, own.to = start, start
			r.session.Client().SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.Topic: {tp.Partition: {Epoch: -1, Offset: start}}})
			r.epoch.begin()
			continue
		}
		ends, err := adm.ListEndOffsets(ctx, tp.Topic)
		if err != nil {
			return stopped(ctx, fmt.Errorf("list end of %s: %w", tp, err))
		}
		end, err := offsetOf(ends, tp.Topic, tp.Partition)
		if err != nil {
			return stopped(ctx, fmt.Errorf("list end of %s: %w", tp, err))
		}
		if own.to > end {
			// The log lost its end, as after an unclean election: what was counted above is gone, and other events will take its
			// offsets. Ranges that overlap say so; whoever reads the fragments is told.
			r.log.Error("the log ends before what was read of it: it was truncated, going on at its end", zap.Stringer("partition", tp),
				zap.Int64("position", own.to), zap.Int64("end", end))
			r.m.truncated.Add(float64(own.to - end))
			*own = part{from: end, to: end, target: end}
			r.session.Client().SetOffsets(map[string]map[int32]kgo.EpochOffset{tp.Topic: {tp.Partition: {Epoch: -1, Offset: end}}})
			continue
		}
		// A message from before an earlier skip.
	}
	return nil
}

// stopped hides errors that come from the stop itself.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // that is what it is for
	}
	return err
}
