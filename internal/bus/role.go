package bus

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
)

var (
	// ErrRetry wrapped by an error of Role.Fold or Role.Flush, says that the epoch should be aborted, rolled back and
	// folded again after a pause: something the role depends on is away. Any other error of a role ends Run.
	ErrRetry = errors.New("retry the epoch")
	// ErrProtocol says that the broker, the client or the runner broke the protocol: a record below the position, offsets
	// about to be committed that are not the ones folded, a recreated source topic. Run ends with it, nothing is committed.
	ErrProtocol = errors.New("protocol violated")
)

// TopicPartition names a partition of a source topic.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// String is topic/partition.
func (tp TopicPartition) String() string { return fmt.Sprintf("%s/%d", tp.Topic, tp.Partition) }

// Compare orders by topic, then partition.
func (tp TopicPartition) Compare(o TopicPartition) int {
	return cmp.Or(cmp.Compare(tp.Topic, o.Topic), cmp.Compare(tp.Partition, o.Partition))
}

// Range is a half-open interval of source offsets that one transaction consumes. The ranges of successive committed
// transactions tile a partition, also across members and restarts: From is where the last one ended.
//
// One transaction may hold two ranges of a partition: what was lost, then what was read.
//
// An interval holds more offsets than records: transaction markers, aborted batches and compacted records leave holes.
type Range struct {
	Topic      string
	TopicID    [16]byte // of the topic when it was read; zero if the broker has no topic ids
	Partition  int32
	From, To   int64 // From < To
	Lost       bool  // the data expired before it was read; nothing in it was folded
	Records    int64 // data records folded, without control records; 0 if Lost
	Partitions int32 // partitions of the topic, the largest count seen by this runner
}

// Role is a fold over source partitions. Its methods are never called concurrently. Drop, Fold, Advance, Flush, Committed
// and Rollback are called from the goroutine of Run. Restore is called from the client's group goroutine, while the
// runner is kept from calling anything (a Drop of partitions that were taken away in the meantime may come from there too,
// directly before). So a role needs no lock, but must not tie its state to a goroutine.
//
// Between Flush and the Committed or Rollback that follows it, no other method is called. Restore and Drop may come in the
// middle of an open epoch, between two Folds: a Rollback then returns the restored partition to its restored state, and
// ignores the dropped one.
type Role interface {
	// Restore prepares the partition as of the committed offset next: the state must be what folding every record below
	// next gives. It is called once for every newly assigned partition, before any record of it. It may take long;
	// heartbeats go on meanwhile. When ctx ends (the partition is revoked again, or the runner stops) it must return soon.
	// An error while ctx is alive ends Run.
	Restore(ctx context.Context, tp TopicPartition, next int64) error
	// Drop forgets the partitions: they were revoked or lost. Nothing may be written for them any more.
	Drop(tps []TopicPartition)
	// Fold takes one data record; the records of a partition come in order. The record and its bytes are the role's to
	// keep. Urgent asks to end the epoch as soon as what was polled is folded.
	Fold(rec *kgo.Record) (urgent bool, err error)
	// Advance says that the position moved to next (exclusive) past control records. It is not called for holes that a
	// later record of the same poll makes evident.
	Advance(tp TopicPartition, next int64)
	// Flush returns the outputs of the open epoch; the runner writes and commits them together with the ends of the ranges.
	// Records need Topic and Partition set. The ranges are sorted by topic, partition and From; there is at least one, and
	// they may hold no data record at all. A role that writes to a topic it reads itself must write nothing for such an
	// epoch, or its own markers keep it busy for ever. The context has a deadline and outlives the stop of the runner.
	Flush(ctx context.Context, ranges []Range) ([]*kgo.Record, error)
	// Committed says that the transaction of the last Flush holds.
	Committed()
	// Rollback returns to the state of the last commit, from memory. The same records will be folded again. An error ends Run.
	Rollback() error
}

// Noter is a Role that keeps a few bytes for each partition with its committed offset, in the same transaction. They are for
// what has to survive a restart and would be too small for a state of its own.
type Noter interface {
	// Note returns what to keep with the offset about to be committed: at most 1 KiB of text.
	Note(tp TopicPartition) string
	// Noted hands back what the last commit kept, directly before Restore; "" if there is nothing.
	Noted(tp TopicPartition, note string)
}

// Batcher is a Role that folds many records at once.
type Batcher interface {
	// FoldAll takes data records of a partition, in order, in place of Fold. The list is the role's to keep, too.
	FoldAll(tp TopicPartition, records []*kgo.Record)
	// Folded is called when everything that was polled has been handed to FoldAll, from the same goroutine and before anything else;
	// errors and urgent are as of Fold. Rollback may come instead.
	Folded() (urgent bool, err error)
}

// Options configure Run. Name, Group, TransactionalID, Topics, Role and Settings are required.
type Options struct {
	Name            string   // of the role, for logs and the role label of the metrics
	Group           string   // consumer group
	TransactionalID string   // unique per running replica; stable per replica slot lets a restart abort its dead predecessor at once
	InstanceID      string   // static group membership; "": dynamic
	Topics          []string // source topics

	Role     Role
	Settings Settings

	EpochMax     time.Duration // longest time from the first record of an epoch to its end; 0: 1 s
	EpochRecords int           // records, control records included, that end an epoch; 0: 100,000
	EpochBytes   int           // bytes of keys, values and headers that end an epoch; 0: 64 MiB
	PollRecords  int           // most records of one poll; the epoch's size is looked at after each. 0: what is left of EpochRecords

	// FetchWait is how long a broker may wait until there is a good deal to fetch; 0: it sends whatever there is at once. Without it
	// a steady stream comes in very many small fetches, each of which costs as much as hundreds of events.
	FetchWait time.Duration

	// Packed says that compression gains next to nothing on the outputs and isn't worth its time.
	Packed bool

	Ready    *Readiness // told when the service does its work; may be nil
	Pressure Pressure   // while true, fetching pauses; nil: never

	Logger *zap.Logger // nil: none
	// Registerer gets the metrics of the runner and of its client while Run runs; nil: none. Two runners of the same name in
	// one process need registerers that differ in a label.
	Registerer prometheus.Registerer
}

const (
	defaultEpochMax     = time.Second
	defaultEpochRecords = 100_000
	defaultEpochBytes   = 64 << 20

	fetchMinBytes = 256 << 10 // with FetchWait
)

func (o Options) withDefaults() Options {
	o.EpochMax = cmp.Or(o.EpochMax, defaultEpochMax)
	o.EpochRecords = cmp.Or(o.EpochRecords, defaultEpochRecords)
	o.EpochBytes = cmp.Or(o.EpochBytes, defaultEpochBytes)
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return o
}

func (o Options) validate() error {
	var errs []error
	require := func(ok bool, what string) {
		if !ok {
			errs = append(errs, errors.New("runner options: "+what))
		}
	}
	require(o.Name != "", "name: is empty")
	require(o.Group != "", "group: is empty")
	require(o.TransactionalID != "", "transactional id: is empty")
	require(len(o.Topics) > 0, "topics: none given")
	require(o.Role != nil, "role: is nil")
	require(o.EpochMax > 0, "epoch max: must be positive")
	require(o.EpochRecords > 0, "epoch records: must be positive")
	require(o.EpochBytes > 0, "epoch bytes: must be positive")
	return errors.Join(errs...)
}
