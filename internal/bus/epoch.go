package bus

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

// commit ends the open epoch: flush, begin, produce, wait for every acknowledgement, end. What a crash costs:
//
//   - before the first output: nothing happened;
//   - between the first output and the end: the next producer with the same transactional id, or the broker's timeout,
//     aborts; until then readers of the output partitions and the next owner of the input wait;
//   - during the end: it was committed with the offsets, or neither. The next owner's offset fetch waits for the answer.
//
// The transaction begins only here, so its timeout bounds the end of an epoch and not the epoch.
func (r *runner) commit(ctx context.Context) error {
	started := time.Now()
	flushCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	if err := r.refreshTopics(flushCtx); err != nil {
		if errors.Is(err, ErrProtocol) {
			return r.failed(ctx, abortCommit, err)
		}
		// Ids and counts change rarely; the last known ones do.
		r.log.Warn("refresh source topics", zap.Error(err))
	}
	ranges := r.ranges()
	outputs, err := r.o.Role.Flush(flushCtx, ranges)
	if err != nil {
		return r.failed(ctx, abortRole, fmt.Errorf("flush %s: %w", r.o.Name, err))
	}
	if err := r.session.Begin(); err != nil {
		return fmt.Errorf("begin transaction of %s: %w", r.o.TransactionalID, err)
	}
	if err := r.produce(ctx, outputs); err != nil {
		err = fmt.Errorf("write outputs of %s: %w", r.o.Name, err)
		if transient(err) {
			err = fmt.Errorf("%w: %w", ErrRetry, err)
		}
		return r.failed(ctx, abortProduce, err)
	}
	endCtx, cancelEnd := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancelEnd()
	committed, err := r.session.End(kgo.PreTxnCommitFnContext(endCtx, r.checkOffsets(ranges)), kgo.TryCommit)
	if err != nil {
		return fmt.Errorf("end transaction of %s: %w", r.o.TransactionalID, err)
	}
	if !committed {
		if err := r.drain(); err != nil {
			return err
		}
		if r.dirty {
			return r.rolledBack(abortRebalance)
		}
		r.fails++
		return r.rolledBack(abortCommit)
	}
	for tp, p := range r.parts {
		if p.to > p.from {
			r.m.setPosition(tp, p.to)
		}
		*p = part{from: p.to, to: p.to, target: p.target}
	}
	r.tell()
	r.m.committed.Inc()
	r.m.epoch.Observe(time.Since(r.epoch.opened).Seconds())
	r.m.commit.Observe(time.Since(started).Seconds())
	r.epoch, r.fails = epoch{}, 0
	r.o.Role.Committed()
	return nil
}

// ranges returns what the open epoch consumed, sorted.
func (r *runner) ranges() []Range {
	var ranges []Range
	for _, tp := range sortedKeys(r.parts) {
		p, info := r.parts[tp], r.topics[tp.Topic]
		add := func(from, to int64, lost bool, records int64) {
			if from < to {
				ranges = append(ranges, Range{
					Topic: tp.Topic, TopicID: info.id, Partition: tp.Partition, From: from, To: to,
					Lost: lost, Records: records, Partitions: max(info.partitions, tp.Partition+1),
				})
			}
		}
		add(p.from, p.start(), true, 0)
		add(p.start(), p.to, false, p.records)
	}
	return ranges
}

// checkOffsets compares what the client is about to commit with what was folded. The client commits everything it handed
// out; a difference would be a silent loss or a double count. It adds the new positions of partitions of which everything
// was lost: the client, set to the log start, has nothing to commit for them.
func (r *runner) checkOffsets(ranges []Range) func(*kmsg.TxnOffsetCommitRequest) error {
	folded, lost := map[TopicPartition]int64{}, map[TopicPartition]int64{}
	for _, rg := range ranges {
		tp := TopicPartition{rg.Topic, rg.Partition}
		if rg.Lost {
			lost[tp] = rg.To
			continue
		}
		folded[tp] = rg.To
		delete(lost, tp)
	}
	return func(req *kmsg.TxnOffsetCommitRequest) error {
		seen := 0
		for _, t := range req.Topics {
			for i := range t.Partitions {
				p := &t.Partitions[i]
				tp := TopicPartition{t.Topic, p.Partition}
				if to, ok := folded[tp]; !ok || to != p.Offset {
					return fmt.Errorf("commit %s: about to commit offset %d, folded up to %d: %w", tp, p.Offset, to, ErrProtocol)
				}
				seen++
				p.Metadata = r.mark(tp)
			}
		}
		if seen != len(folded) {
			return fmt.Errorf("commit: about to commit %d partitions, folded %d: %w", seen, len(folded), ErrProtocol)
		}
		for _, tp := range sortedKeys(lost) {
			i := slices.IndexFunc(req.Topics, func(t kmsg.TxnOffsetCommitRequestTopic) bool { return t.Topic == tp.Topic })
			if i < 0 {
				t := kmsg.NewTxnOffsetCommitRequestTopic()
				t.Topic, t.TopicID = tp.Topic, r.topics[tp.Topic].id
				req.Topics = append(req.Topics, t)
				i = len(req.Topics) - 1
			}
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset, p.LeaderEpoch, p.Metadata = tp.Partition, lost[tp], -1, r.mark(tp)
			req.Topics[i].Partitions = append(req.Topics[i].Partitions, p)
		}
		return nil
	}
}

// produce writes the outputs and waits until each is acknowledged. It gives up after the transaction's timeout: the broker
// has aborted by then.
func (r *runner) produce(ctx context.Context, outputs []*kgo.Record) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	var (
		mu    sync.Mutex // promises come from the client's goroutines
		first error
		left  = len(outputs)
		done  = make(chan struct{})
	)
	if left == 0 {
		return nil
	}
	for _, rec := range outputs {
		r.session.Produce(ctx, rec, func(rec *kgo.Record, err error) {
			mu.Lock()
			defer mu.Unlock()
			if err != nil && first == nil {
				first = fmt.Errorf("produce to %s/%d: %w", rec.Topic, rec.Partition, err)
			}
			if left--; left == 0 {
				close(done)
			}
		})
	}
	select {
	case <-done:
		if first != nil {
			return first
		}
		return r.settle(ctx, outputs)
	case <-ctx.Done():
		return fmt.Errorf("produce %d records: not acknowledged within %s: %w", len(outputs), transactionTimeout, ctx.Err())
	}
}

// settle waits until the client has entered every output topic in its book. On the first write to a topic it hands the
// records to the broker and enters the topic afterwards; when the broker answers and the transaction ends in between, the
// end overlooks the topic: sequence numbers are not reset, and the next write is refused as out of order
// (storePartitionsUpdate, v1.22.2). Both happen under one lock, and aborting the buffered records, of which there are none
// left, is the call that passes through it.
func (r *runner) settle(ctx context.Context, outputs []*kgo.Record) error {
	fresh := false
	for _, rec := range outputs {
		fresh = fresh || !r.written[rec.Topic]
		r.written[rec.Topic] = true
	}
	if !fresh {
		return nil
	}
	return r.session.Client().AbortBufferedRecords(ctx)
}

// transient says that the same outputs may well be accepted in another attempt.
func transient(err error) bool {
	return kerr.IsRetriable(err) || errors.Is(err, kgo.ErrRecordTimeout) || errors.Is(err, kgo.ErrRecordRetries) ||
		errors.Is(err, kgo.ErrAborting) || errors.Is(err, kerr.TransactionAbortable) || errors.Is(err, kerr.UnknownServerError) ||
		errors.Is(err, context.DeadlineExceeded)
}

// failed aborts the epoch for an error: one that asks for a retry is logged, any other is returned.
func (r *runner) failed(ctx context.Context, reason string, err error) error {
	retry := errors.Is(err, ErrRetry)
	if abortErr := r.abort(ctx, reason); abortErr != nil || !retry {
		return errors.Join(err, abortErr)
	}
	r.fails++
	r.log.Warn("epoch aborted, trying again", zap.Error(err), zap.Int("attempt", r.fails))
	return nil
}

// abort ends the epoch without a commit; the client rewinds every partition to its last committed offset. It is also how
// the session's memory of a revocation is cleared, so it is done when no epoch is open too.
func (r *runner) abort(ctx context.Context, reason string) error {
	endCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout)
	defer cancel()
	if _, err := r.session.End(endCtx, kgo.TryAbort); err != nil {
		return fmt.Errorf("abort transaction of %s: %w", r.o.TransactionalID, err)
	}
	return r.rolledBack(reason)
}

// rolledBack takes memory back to the last commit, after an End that did not commit.
func (r *runner) rolledBack(reason string) error {
	open := r.epoch.open()
	r.epoch, r.dirty = epoch{}, false
	book := r.session.Client().CommittedOffsets()
	for tp, p := range r.parts {
		p.to, p.records = p.start(), 0
		if at, ok := book[tp.Topic][tp.Partition]; ok && at.Offset != p.to {
			return fmt.Errorf("roll back %s: the client rewound to %d, the last commit is %d: %w", tp, at.Offset, p.to, ErrProtocol)
		}
		if p.lost > 0 {
			r.epoch.begin() // the loss is still to be told
		}
	}
	if !open {
		return nil
	}
	r.m.aborted.WithLabelValues(reason).Inc()
	r.log.Info("epoch aborted", zap.String("reason", reason))
	if err := r.o.Role.Rollback(); err != nil {
		return fmt.Errorf("roll back %s: %w", r.o.Name, err)
	}
	return nil
}
