package view

import (
	"bytes"
	"context"
	"fmt"
	"sync"
)

// MemoryIndex is an Index within one process, for tests and for running without Redis. It keeps states until Reset.
type MemoryIndex struct {
	mu         sync.Mutex // never held across I/O
	partitions map[int32]*memoryPartition
}

type memoryPartition struct {
	upto   int64
	last   string // digest of the last Write
	states map[string][]byte
}

var _ Index = (*MemoryIndex)(nil)

// NewMemoryIndex returns an index that holds no partition.
func NewMemoryIndex() *MemoryIndex {
	return &MemoryIndex{partitions: map[int32]*memoryPartition{}}
}

// Read implements Index.
func (x *MemoryIndex) Read(ctx context.Context, partition int32, ids [][]byte) (int64, bool, [][]byte, error) {
	if err := ctx.Err(); err != nil {
		return 0, false, nil, fmt.Errorf("read join index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.partitions[partition]
	if p == nil {
		return 0, false, nil, nil
	}
	states := make([][]byte, len(ids))
	for i, id := range ids {
		states[i] = bytes.Clone(p.states[string(id)])
	}
	return p.upto, true, states, nil
}

// Write implements Index. It is atomic whatever its size.
func (x *MemoryIndex) Write(ctx context.Context, partition int32, from, to int64, ids, states [][]byte) (bool, error) {
	if err := checkWrite(partition, from, to, ids, states); err != nil {
		return false, fmt.Errorf("write join index: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("write join index: %w", err)
	}
	this := digest(from, to, ids, states)
	x.mu.Lock()
	defer x.mu.Unlock()
	p := x.partitions[partition]
	switch {
	case p == nil:
		return false, nil
	case p.upto == to && p.last == this:
		return true, nil
	case p.upto != from:
		return false, nil
	}
	for i, id := range ids {
		if len(states[i]) == 0 {
			delete(p.states, string(id))
			continue
		}
		p.states[string(id)] = bytes.Clone(states[i])
	}
	p.upto, p.last = to, this
	return true, nil
}

// Reset implements Index.
func (x *MemoryIndex) Reset(ctx context.Context, partition int32, start int64) error {
	if err := checkReset(partition, start); err != nil {
		return fmt.Errorf("reset join index: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("reset join index: %w", err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.partitions[partition] = &memoryPartition{upto: start, states: map[string][]byte{}}
	return nil
}
