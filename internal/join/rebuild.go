package join

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/outcome"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// upToDate makes the index hold the joins partition up to the committed offset g.From, folding what it lacks from the topic.
func (r *role) upToDate(ctx context.Context, g bus.Range) error {
	p := r.parts[g.Partition]
	p.next, p.end = g.From, g.To
	upto, ok, _, err := r.o.Index.Read(ctx, g.Partition, nil)
	if err != nil {
		return fmt.Errorf("%w: read join index: %w", bus.ErrRetry, err)
	}
	if ok && upto == g.From {
		return nil
	}
	if ok && upto > g.From {
		// Somebody committed beyond us and wrote it: we are the one that was left behind, or the topic was made anew.
		return fmt.Errorf("join index of partition %d stands at %d, beyond the committed offset %d", g.Partition, upto, g.From)
	}
	start, err := bus.StartOffset(ctx, r.o.Settings, bus.TopicJoins, g.Partition)
	if err != nil {
		return fmt.Errorf("%w: %w", bus.ErrRetry, err)
	}
	if !ok || upto < start { // gone, or so old that the topic no longer tells what it lacks
		upto = min(start, g.From)
		if err := r.o.Index.Reset(ctx, g.Partition, upto); err != nil {
			return fmt.Errorf("%w: reset join index: %w", bus.ErrRetry, err)
		}
		if upto == g.From {
			return nil
		}
	}
	r.log.Info("bringing the join index up to date", zap.Int32("partition", g.Partition), zap.Int64("from", upto), zap.Int64("to", g.From))
	at := upto
	err = bus.ReadRange(ctx, r.o.Settings, bus.TopicJoins, g.Partition, upto, g.From, func(rec *kgo.Record) error {
		if err := r.refold(ctx, g.Partition, at, rec); err != nil {
			return err
		}
		at = rec.Offset + 1
		return nil
	})
	if err != nil {
		return fmt.Errorf("%w: bring join index up to date: %w", bus.ErrRetry, err)
	}
	if at < g.From { // markers at the end of the range
		if err := r.move(ctx, g.Partition, at, g.From, nil, nil); err != nil {
			return fmt.Errorf("%w: write join index: %w", bus.ErrRetry, err)
		}
	}
	return nil
}

// refold folds one record whose effects are long committed into the index.
func (r *role) refold(ctx context.Context, partition int32, from int64, rec *kgo.Record) error {
	j, err := record.ReadJoins(rec.Value)
	if err != nil {
		return err
	}
	r.m.rebuilt.Add(float64(len(j.Rows)))
	states := map[outcome.ID]*outcome.State{}
	var ids [][]byte
	for i := range j.Rows {
		if states[j.Rows[i].ID] == nil {
			states[j.Rows[i].ID] = &outcome.State{}
			ids = append(ids, j.Rows[i].ID[:])
		}
	}
	upto, ok, found, err := r.o.Index.Read(ctx, partition, ids)
	if err != nil {
		return err
	}
	if !ok || upto != from {
		return fmt.Errorf("%w: it stands at %d, not at %d", errIndexMoved, upto, from)
	}
	for i, b := range found {
		s, err := outcome.ReadState(b)
		if err != nil {
			return err
		}
		states[outcome.ID(ids[i])] = s
	}
	for i := range j.Rows {
		states[j.Rows[i].ID].Fold(&j.Rows[i])
	}
	out := make([][]byte, len(ids))
	for i, id := range ids {
		out[i] = states[outcome.ID(id)].AppendBinary(nil)
	}
	return r.move(ctx, partition, from, rec.Offset+1, ids, out)
}

// errIndexMoved means that somebody else wrote the index meanwhile: start over from what it holds now.
var errIndexMoved = errors.New("the join index moved during the rebuild")

// move writes states and moves the index, unless somebody else did.
func (r *role) move(ctx context.Context, partition int32, from, to int64, ids, states [][]byte) error {
	ok, err := r.o.Index.Write(ctx, partition, from, to, ids, states)
	if err == nil && !ok {
		err = errIndexMoved
	}
	return err
}
