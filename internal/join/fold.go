package join

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/record"
)

// Restore begins a partition; what the index holds of it is looked at when rows come.
func (r *role) Restore(_ context.Context, tp bus.TopicPartition, _ int64) error {
	r.parts[tp.Partition] = &part{}
	return nil
}

// Drop forgets partitions.
func (r *role) Drop(tps []bus.TopicPartition) {
	for _, tp := range tps {
		delete(r.parts, tp.Partition)
	}
}

// Fold gathers one record of rows.
func (r *role) Fold(rec *kgo.Record) (urgent bool, err error) {
	j, err := record.ReadJoins(rec.Value)
	if err != nil {
		return false, fmt.Errorf("joins %d at offset %d: %w", rec.Partition, rec.Offset, err)
	}
	p := r.parts[rec.Partition]
	p.pending = append(p.pending, folded{offset: rec.Offset, rows: j.Rows, markers: j.Markers})
	return false, nil
}

// Advance does nothing: the sentinel of the index moves with the ranges of Flush.
func (r *role) Advance(bus.TopicPartition, int64) {}

// Rollback forgets the epoch; nothing of it was written.
func (r *role) Rollback() error {
	for _, p := range r.parts {
		*p = part{}
	}
	return nil
}
