package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// inbox carries what the client's callbacks have to say to the holder of the gate. A callback must not wait for the gate:
// the session calls it under the lock that End takes, and the runner ends epochs with the gate held. So callbacks leave a
// message, and the mutex is held for memory operations only.
type inbox struct {
	mu    sync.Mutex
	gone  []TopicPartition
	dirty bool
	spare bool // the group answered and had nothing to give
	err   error
	wake  context.CancelFunc
}

// wakeWith sets what ends the coming poll, or says false if there is a message already.
func (in *inbox) wakeWith(cancel context.CancelFunc) bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.wake = cancel
	return !in.dirty && !in.spare && in.err == nil
}

// takeSpare reports whether the group answered with nothing since the last call.
func (in *inbox) takeSpare() (spare bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	spare, in.spare = in.spare, false
	return spare
}

func (in *inbox) putSpare() {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.spare = true
	if in.wake != nil {
		in.wake()
	}
}

func (in *inbox) take() (gone []TopicPartition, dirty bool, err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	gone, dirty, err = in.gone, in.dirty, in.err
	in.gone, in.dirty, in.wake = nil, false, nil
	return gone, dirty, err
}

func (in *inbox) takeGone() (gone []TopicPartition) {
	in.mu.Lock()
	defer in.mu.Unlock()
	gone, in.gone = in.gone, nil
	return gone
}

func (in *inbox) putGone(gone map[string][]int32) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.gone = append(in.gone, flatten(gone)...)
	in.dirty = true
	if in.wake != nil {
		in.wake()
	}
}

func (in *inbox) putError(err error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.err == nil {
		in.err = err
	}
	if in.wake != nil {
		in.wake()
	}
}

// given is the client's callback at the end of every rebalance, before adjust is called for what is new. A member that gets
// nothing hears nothing else: it is a spare, and as ready as one can be.
func (r *runner) given(_ context.Context, _ *kgo.Client, added map[string][]int32) {
	if len(flatten(added)) == 0 {
		r.inbox.putSpare()
	}
}

// revoked is the client's callback. With cooperative balancing it also fires when a session ends and nothing was taken
// away; the transaction session goes on then, and so do we.
func (r *runner) revoked(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	if len(flatten(gone)) > 0 {
		r.inbox.putGone(gone)
	}
}

// lost is the client's callback. The transaction session refuses to commit after every loss, also of nothing.
func (r *runner) lost(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	r.inbox.putGone(gone)
}

// drain acts on the messages of the callbacks. The gate is held.
func (r *runner) drain() error {
	gone, dirty, err := r.inbox.take()
	r.drop(gone)
	r.dirty = r.dirty || dirty
	if r.inbox.takeSpare() {
		r.assigned = true
		r.tell()
	}
	return err
}

// drop forgets the partitions of which there is memory.
func (r *runner) drop(tps []TopicPartition) {
	tps = slices.DeleteFunc(tps, func(tp TopicPartition) bool { return r.parts[tp] == nil })
	if len(tps) == 0 {
		return
	}
	slices.SortFunc(tps, TopicPartition.Compare)
	tps = slices.Compact(tps)
	for _, tp := range tps {
		delete(r.parts, tp)
		r.m.dropPosition(tp)
	}
	r.log.Info("partitions dropped", zap.Stringers("partitions", tps))
	r.tell()
	r.o.Role.Drop(tps)
}

// adjust is the client's hook between the fetch of the committed offsets of new partitions and their first fetch. Here a
// partition gets its state, and a start that is a number: the client keeps no position to rewind to for a partition
// assigned at "the start", so the first abort would skip what it had read.
//
// ctx ends when the group begins to take partitions away again; the client then asks anew in the next session.
func (r *runner) adjust(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(r.stopping, cancel)()
	select {
	case r.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer r.unlock()
	adjusted, err := r.assign(ctx, offsets)
	if err == nil || ctx.Err() != nil {
		return adjusted, errors.Join(err, ctx.Err())
	}
	err = fmt.Errorf("assign partitions to runner %s: %w", r.o.Name, err)
	r.inbox.putError(err)
	return nil, err
}

func (r *runner) assign(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[string]map[int32]kgo.Offset, error) {
	// What the callbacks took away must be gone before any of it is restored. The session swallows the second revocation
	// between two Ends, but the client's own book is right at this point: earlier assignments are entered, revoked ones
	// are not. That the epoch is dirty stays in the inbox for the runner, who has to abort.
	r.drop(r.inbox.takeGone())
	r.dropUnowned()

	if err := r.refreshTopics(ctx); err != nil {
		return nil, err
	}
	next, err := r.resolve(ctx, offsets)
	if err != nil {
		return nil, err
	}
	adjusted := make(map[string]map[int32]kgo.Offset, len(offsets))
	for _, tp := range sortedKeys(next) {
		r.drop([]TopicPartition{tp})
		n := next[tp]
		if noter, ok := r.o.Role.(Noter); ok {
			noter.Noted(tp, r.marked(tp).note)
		}
		if err := r.o.Role.Restore(ctx, tp, n); err != nil {
			return nil, fmt.Errorf("restore %s at %d: %w", tp, n, err)
		}
		r.parts[tp] = &part{from: n, to: n}
		r.m.setPosition(tp, n)
		if adjusted[tp.Topic] == nil {
			adjusted[tp.Topic] = map[int32]kgo.Offset{}
		}
		adjusted[tp.Topic][tp.Partition] = kgo.NewOffset().At(n).WithEpoch(-1)
	}
	r.log.Info("partitions restored", zap.Stringers("partitions", sortedKeys(next)))
	r.aim(ctx, sortedKeys(next))
	return adjusted, nil
}

// offsetsFetched is the client's hook before adjust, on the same goroutine: it keeps the answer for the notes that came with the
// offsets.
func (r *runner) offsetsFetched(_ context.Context, _ *kgo.Client, resp *kmsg.OffsetFetchResponse) error {
	r.fetched = resp
	return nil
}

// dropUnowned drops every partition that the client's own book doesn't have. It must be called in adjust: a partition
// restored there enters the book only after adjust returned.
func (r *runner) dropUnowned() {
	book := r.session.Client().CommittedOffsets()
	var ghosts []TopicPartition
	for tp := range r.parts {
		if _, ok := book[tp.Topic][tp.Partition]; !ok {
			ghosts = append(ghosts, tp)
		}
	}
	r.drop(ghosts)
}

// resolve returns where each partition starts: its committed offset, or the log start if it has none.
func (r *runner) resolve(ctx context.Context, offsets map[string]map[int32]kgo.Offset) (map[TopicPartition]int64, error) {
	next := map[TopicPartition]int64{}
	var fresh []string
	for topic, partitions := range offsets {
		for partition, offset := range partitions {
			tp, at := TopicPartition{topic, partition}, offset.EpochOffset().Offset
			if was, is := r.marked(tp).topic, r.topics[topic].id; at >= 0 && was != is && was != [16]byte{} && is != [16]byte{} {
				r.log.Error("the topic was deleted and created again: reading it from its start", zap.Stringer("partition", tp), zap.Int64("committed", at))
				at = -1
			}
			next[tp] = at
			if at < 0 {
				fresh = append(fresh, topic)
			}
		}
	}
	if len(fresh) == 0 {
		return next, nil
	}
	slices.Sort(fresh)
	starts, err := r.admin().ListStartOffsets(ctx, slices.Compact(fresh)...)
	if err != nil {
		return nil, fmt.Errorf("list log starts: %w", err)
	}
	for tp, at := range next {
		if at >= 0 {
			continue
		}
		if next[tp], err = offsetOf(starts, tp.Topic, tp.Partition); err != nil {
			return nil, fmt.Errorf("list log start of %s: %w", tp, err)
		}
	}
	return next, nil
}

// refreshTopics learns ids and partition counts of the source topics. Between two calls within a few seconds it answers
// from the client's cache. What can't be learned now keeps its last value.
func (r *runner) refreshTopics(ctx context.Context) error {
	req := kmsg.NewPtrMetadataRequest()
	for _, topic := range r.o.Topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = new(topic)
		req.Topics = append(req.Topics, t)
	}
	resp, err := r.session.Client().RequestCachedMetadata(ctx, req, metadataMaxAge)
	if err != nil {
		return fmt.Errorf("describe source topics: %w", err)
	}
	for _, t := range resp.Topics {
		if t.Topic == nil || kerr.ErrorForCode(t.ErrorCode) != nil {
			continue
		}
		info := r.topics[*t.Topic]
		if info.id != [16]byte{} && t.TopicID != [16]byte{} && info.id != t.TopicID {
			return recreated(*t.Topic)
		}
		info.id = t.TopicID
		info.partitions = max(info.partitions, int32(len(t.Partitions)))
		r.topics[*t.Topic] = info
	}
	return nil
}

func recreated(topic string) error {
	return fmt.Errorf("read topic %s: it was deleted and created again, its offsets start over: %w", topic, ErrProtocol)
}

func flatten(m map[string][]int32) []TopicPartition {
	var tps []TopicPartition
	for topic, partitions := range m {
		for _, p := range partitions {
			tps = append(tps, TopicPartition{topic, p})
		}
	}
	return tps
}

func sortedKeys[V any](m map[TopicPartition]V) []TopicPartition {
	tps := make([]TopicPartition, 0, len(m))
	for tp := range m {
		tps = append(tps, tp)
	}
	slices.SortFunc(tps, TopicPartition.Compare)
	return tps
}
