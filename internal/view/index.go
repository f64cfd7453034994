package view

import (
	"context"
	"errors"
	"fmt"
)

// Index holds the folded states of joins partitions. States are opaque bytes; nil and empty are the same and mean that there
// is none. Implementations are safe for concurrent use, by several processes where they share a store.
type Index interface {
	// Read returns the offset up to which the index holds the partition, and the states of ids as of that offset, all of one
	// moment: states[i] belongs to ids[i]. ok is false, with nothing else returned, when the index doesn't hold the partition:
	// never Reset, lost, or left in the middle of a large Write; the caller must Reset and rebuild. No ids: only the offset.
	Read(ctx context.Context, partition int32, ids [][]byte) (upto int64, ok bool, states [][]byte, err error)

	// Write sets the states of ids (nil deletes; of an id given twice the last counts) and moves the partition from offset
	// from to offset to, which must be larger, if the index stands at from exactly. It returns false, and has changed
	// nothing, when the index stands elsewhere or doesn't hold the partition. Repeating the last successful Write, as a
	// client does whose answer was lost on the way, returns true and changes nothing.
	//
	// After an error the Write may have happened or not: Read tells. If it was large (over MaxBatch) and got stuck in the
	// middle, Read returns ok == false.
	Write(ctx context.Context, partition int32, from, to int64, ids, states [][]byte) (bool, error)

	// Reset forgets the states of the partition and sets its offset to start, the first one that a rebuild will fold.
	Reset(ctx context.Context, partition int32, start int64) error
}

// ErrMoved means that the index was written to by somebody else, again and again, while a large Read was under way.
var ErrMoved = errors.New("index moved during the read")

func checkWrite(partition int32, from, to int64, ids, states [][]byte) error {
	switch {
	case partition < 0 || from < 0:
		return fmt.Errorf("partition %d, offset %d: both start at 0", partition, from)
	case to <= from:
		return fmt.Errorf("partition %d: the new offset %d is not beyond %d", partition, to, from)
	case len(ids) != len(states):
		return fmt.Errorf("partition %d: %d ids and %d states", partition, len(ids), len(states))
	}
	return nil
}

func checkReset(partition int32, start int64) error {
	if partition < 0 || start < 0 {
		return fmt.Errorf("partition %d, offset %d: both start at 0", partition, start)
	}
	return nil
}
