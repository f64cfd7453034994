package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

// epoch is what was polled since the last end.
type epoch struct {
	opened time.Time // zero while nothing was polled
	polled int       // records, control records included
	bytes  int
	urgent bool
}

func (e *epoch) open() bool { return !e.opened.IsZero() }

func (e *epoch) begin() {
	if !e.open() {
		e.opened = time.Now()
	}
}

// due says that the epoch should end now.
func (r *runner) due() bool {
	e := &r.epoch
	return e.urgent || e.polled >= r.o.EpochRecords || e.bytes >= r.o.EpochBytes || time.Since(e.opened) >= r.o.EpochMax
}

// fold folds everything that was polled, or else fails or marks the epoch dirty: a commit would cover the rest too.
// It returns the partitions whose position lies outside the log.
func (r *runner) fold(fetches kgo.Fetches) (expired []TopicPartition, err error) {
	for i := range fetches {
		for j := range fetches[i].Topics {
			t := &fetches[i].Topics[j]
			for k := range t.Partitions {
				p := &t.Partitions[k]
				tp := TopicPartition{t.Topic, p.Partition}
				outside, err := r.fetchError(tp, p.Err)
				if err != nil {
					return nil, err
				}
				if outside {
					expired = append(expired, tp)
				}
				if err := r.foldPartition(tp, t.TopicID, p.Records); err != nil {
					return nil, err
				}
			}
		}
	}
	if b, ok := r.o.Role.(Batcher); ok && r.epoch.open() {
		urgent, err := b.Folded()
		if err != nil {
			return nil, fmt.Errorf("fold what was polled: %w", err)
		}
		r.epoch.urgent = r.epoch.urgent || urgent
	}
	return expired, nil
}

func (r *runner) foldPartition(tp TopicPartition, id [16]byte, records []*kgo.Record) error {
	if len(records) == 0 {
		return nil
	}
	own := r.parts[tp]
	if own == nil {
		r.log.Warn("record of a partition not owned", zap.Stringer("partition", tp), zap.Int64("offset", records[0].Offset))
		r.dirty = true
		return nil
	}
	if known := r.topics[tp.Topic].id; known != [16]byte{} && id != [16]byte{} && known != id {
		return recreated(tp.Topic)
	}
	r.epoch.begin()
	folded, control := int64(0), false
	batcher, together := r.o.Role.(Batcher)
	from := 0 // of the records that a Batcher is still to get
	for i, rec := range records {
		if rec.Offset < own.to {
			return fmt.Errorf("fold %s: got offset %d, should be at least %d: %w", tp, rec.Offset, own.to, ErrProtocol)
		}
		own.to = rec.Offset + 1
		if control = rec.Attrs.IsControl(); control {
			if from < i && together {
				batcher.FoldAll(tp, records[from:i])
			}
			from = i + 1
			continue
		}
		if !together {
			urgent, err := r.o.Role.Fold(rec)
			if err != nil {
				return fmt.Errorf("fold %s offset %d: %w", tp, rec.Offset, err)
			}
			r.epoch.urgent = r.epoch.urgent || urgent
		}
		r.epoch.bytes += size(rec)
		folded++
	}
	if from < len(records) && together {
		batcher.FoldAll(tp, records[from:])
	}
	if control {
		r.o.Role.Advance(tp, own.to)
	}
	own.records += folded
	r.epoch.polled += len(records)
	r.m.records.Add(float64(folded))
	return nil
}

func size(rec *kgo.Record) int {
	n := len(rec.Key) + len(rec.Value)
	for _, h := range rec.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

// fetchError sorts the errors that a poll reports: ends of the poll's own context, and what the client gets over by
// itself, are none; an offset outside the log is for skipExpired; the rest is fatal.
func (r *runner) fetchError(tp TopicPartition, err error) (outside bool, _ error) {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false, nil
	}
	if errors.Is(err, kerr.OffsetOutOfRange) {
		return true, nil
	}
	if group, ok := errors.AsType[*kgo.ErrGroupSession](err); ok && !fatalForGroup(group.Err) {
		r.log.Warn("group session ended; joining again", zap.Error(group.Err))
		return false, nil
	}
	if !kerr.IsRetriable(err) {
		return false, fmt.Errorf("fetch %s: %w", tp, err)
	}
	r.log.Warn("fetch", zap.Stringer("partition", tp), zap.Error(err))
	if errors.Is(err, kerr.UnknownTopicID) || errors.Is(err, kerr.InconsistentTopicID) || errors.Is(err, kerr.UnknownTopicOrPartition) {
		return false, r.recreatedMeanwhile()
	}
	return false, nil
}

// recreatedMeanwhile asks whether a source topic is another one than before. The client goes on asking for the old one, and if
// nothing else is read either, no epoch ends that would notice.
func (r *runner) recreatedMeanwhile() error {
	ctx, cancel := context.WithTimeout(r.stopping, requestOverhead)
	defer cancel()
	err := r.refreshTopics(ctx)
	if err == nil || errors.Is(err, ErrProtocol) {
		return err
	}
	r.log.Warn("refresh source topics", zap.Error(err)) // the next failing fetch asks again
	return nil
}

// fatalForGroup says that joining again would fail again, or would fight another process over the same identity.
func fatalForGroup(err error) bool {
	for _, fatal := range []error{
		kerr.FencedInstanceID, kerr.GroupAuthorizationFailed, kerr.TopicAuthorizationFailed,
		kerr.InconsistentGroupProtocol, kerr.InvalidSessionTimeout, kerr.InvalidGroupID,
	} {
		if errors.Is(err, fatal) {
			return true
		}
	}
	return false
}
