package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
)

const (
	// A dead transaction blocks every read_committed reader of its partitions for as long. It has to outlast the writing
	// and ending of an epoch under a broker failover, not the epoch: the broker's transaction starts at the first output.
	transactionTimeout = 10 * time.Second
	// The least that brokers allow by default: how long a killed member's partitions stay idle.
	sessionTimeout    = 6 * time.Second
	heartbeatInterval = sessionTimeout / 3

	// Deadlines of the parts of an epoch's end. They run on a context that the stop of the process doesn't end.
	flushTimeout = 20 * time.Second
	endTimeout   = 20 * time.Second
	// How long a stopping runner waits for a running Restore, and for the group to let it go.
	stopTimeout  = 20 * time.Second
	leaveTimeout = 5 * time.Second

	// Pause after an epoch that failed for another reason than a rebalance; it doubles up to the maximum.
	retryPauseMin = 100 * time.Millisecond
	retryPauseMax = 5 * time.Second
)

// Run consumes the topics as a member of the group, folds them into the role and commits outputs and offsets together,
// until ctx ends or something can't go on. When ctx ends it finishes the open epoch, commits, leaves the group and returns
// nil. Otherwise the error is fatal for this run: the outcome of a transaction is unknown, the producer is fenced, the
// state can't be restored, or the role failed. The caller starts over with a fresh role; the committed state is whole.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return err
	}
	// The registry of this run joins the caller's as one collector and leaves it as one, so that a restarted role can
	// register again.
	own := prometheus.NewRegistry()
	r := &runner{
		o: o, log: o.Logger.Named("runner").With(zap.String("role", o.Name)), m: newMetrics(own),
		gate: make(chan struct{}, 1), parts: map[TopicPartition]*part{}, topics: map[string]topicInfo{}, written: map[string]bool{},
		stopping: ctx,
	}
	opts, err := o.Settings.Options(o.Logger, own)
	if err != nil {
		return err
	}
	// The client joins the group at once; its first assignment has to wait until the session is known.
	r.gate <- struct{}{}
	r.session, err = kgo.NewGroupTransactSession(append(opts, r.groupOptions()...)...)
	r.unlock()
	if err != nil {
		return fmt.Errorf("open kafka client: %w", err)
	}
	defer r.leave()
	if o.Registerer != nil {
		reg := prometheus.WrapRegistererWith(prometheus.Labels{"role": o.Name}, o.Registerer)
		if err := reg.Register(own); err != nil {
			return fmt.Errorf("register metrics of runner %s: %w", o.Name, err)
		}
		defer reg.Unregister(own)
	}
	// The client would ask for its producer id at the first output, and only that aborts the transaction of a dead
	// predecessor. The predecessor's pending offsets hold back our own offset fetch, so there may never be an output.
	if _, _, err := r.session.Client().ProducerID(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return fmt.Errorf("initialise producer %s: %w", o.TransactionalID, err)
	}
	return r.loop(ctx)
}

// runner is the state of one Run. Everything below the gate belongs to whoever holds the gate.
type runner struct {
	o        Options
	log      *zap.Logger
	m        *metrics
	session  *kgo.GroupTransactSession
	stopping context.Context // of Run: ends running Restores

	inbox   inbox
	fetched *kmsg.OffsetFetchResponse // of the assignment under way; the client's group goroutine alone uses it

	gate    chan struct{} // capacity 1; full while held
	parts   map[TopicPartition]*part
	topics  map[string]topicInfo
	written map[string]bool // output topics the client has entered in its book
	epoch   epoch
	dirty   bool // the open epoch can only abort
	fails   int  // epochs in a row that failed for another reason than a rebalance

	assigned bool // the group has answered, maybe with nothing
	paused   bool // for want of memory
}

// part is an owned partition. from <= lost or lost == 0; max(from, lost) <= to.
type part struct {
	from    int64 // committed
	lost    int64 // [from, lost) expired before it was read; 0 if nothing did
	to      int64 // next offset to fold
	records int64 // data records folded in [from, to)
	target  int64 // where the log ended when the partition was assigned: up to there it has to catch up
}

// start is where the records of the epoch begin.
func (p *part) start() int64 { return max(p.from, p.lost) }

// topicInfo is what metadata says about a source topic.
type topicInfo struct {
	id         [16]byte
	partitions int32 // the largest count seen
}

func (r *runner) groupOptions() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.ConsumerGroup(r.o.Group),
		kgo.ConsumeTopics(r.o.Topics...),
		kgo.TransactionalID(r.o.TransactionalID),
		kgo.TransactionTimeout(transactionTimeout),
		kgo.SessionTimeout(sessionTimeout),
		kgo.HeartbeatInterval(heartbeatInterval),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// Positions, and so committed offsets, pass the markers of transactional sources.
		kgo.KeepControlRecords(),
		// Never committed means the log start; adjust makes it a number. Expired data must not be skipped silently.
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()),
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerLinger(0),
		kgo.OnOffsetsFetched(r.offsetsFetched),
		kgo.AdjustFetchOffsetsFn(r.adjust),
		kgo.OnPartitionsAssigned(r.given),
		kgo.OnPartitionsRevoked(r.revoked),
		kgo.OnPartitionsLost(r.lost),
	}
	if r.o.FetchWait > 0 {
		opts = append(opts, kgo.FetchMinBytes(fetchMinBytes), kgo.FetchMaxWait(r.o.FetchWait))
	}
	if r.o.Packed {
		opts = append(opts, kgo.ProducerBatchCompression(kgo.NoCompression()))
	}
	if r.o.InstanceID != "" {
		opts = append(opts, kgo.InstanceID(r.o.InstanceID))
	}
	return opts
}

func (r *runner) loop(ctx context.Context) error {
	for {
		fetches := r.poll(ctx)
		if err := r.lock(ctx); err != nil {
			return err
		}
		r.relieve()
		err := r.step(ctx, fetches)
		pause := r.pause()
		r.unlock()
		if err != nil || ctx.Err() != nil {
			return err
		}
		sleep(ctx, pause)
	}
}

// poll waits for records; while an epoch is open at most until it is due. It returns early when the group took partitions
// away, when a Restore failed, and when ctx ends.
func (r *runner) poll(ctx context.Context) kgo.Fetches {
	pollCtx, cancel := context.WithCancel(ctx)
	defer cancel()
	room := r.o.EpochRecords
	if r.epoch.open() {
		room = max(1, room-r.epoch.polled)
		pollCtx, cancel = context.WithDeadline(pollCtx, r.epoch.opened.Add(r.o.EpochMax))
		defer cancel()
	} else if r.paused { // nothing may come any more, and somebody has to look whether there is room again
		pollCtx, cancel = context.WithTimeout(pollCtx, r.o.EpochMax)
		defer cancel()
	}
	if !r.inbox.wakeWith(cancel) {
		return nil
	}
	if r.o.PollRecords > 0 {
		room = min(room, r.o.PollRecords)
	}
	return r.session.PollRecords(pollCtx, room)
}

// step does everything that follows a poll. The gate is held.
func (r *runner) step(ctx context.Context, fetches kgo.Fetches) error {
	if err := r.drain(); err != nil {
		return err
	}
	var expired []TopicPartition
	if !r.dirty {
		// Fetches that were polled before a revocation are never folded: a partition that left and came back would be
		// folded from the wrong place. Aborting rewinds them.
		var err error
		if expired, err = r.fold(fetches); err != nil {
			return r.failed(ctx, abortRole, err)
		}
	}
	switch {
	case r.dirty:
		return r.abort(ctx, abortRebalance)
	case r.epoch.open() && (len(expired) > 0 || ctx.Err() != nil || r.due()):
		if err := r.commit(ctx); err != nil {
			return err
		}
	}
	return r.skipExpired(ctx, expired)
}

// lock takes the gate. A running Restore holds it; when ctx ends that Restore is told to return.
func (r *runner) lock(ctx context.Context) error {
	select {
	case r.gate <- struct{}{}:
		return nil
	case <-ctx.Done():
	}
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	select {
	case r.gate <- struct{}{}:
		return nil
	case <-timer.C:
		return fmt.Errorf("stop runner %s: a restore did not return within %s", r.o.Name, stopTimeout)
	}
}

func (r *runner) unlock() { <-r.gate }

// pause is how long to wait before the next poll.
func (r *runner) pause() time.Duration {
	if r.fails == 0 {
		return 0
	}
	return min(retryPauseMin<<min(r.fails-1, 10), retryPauseMax)
}

// leave leaves the group and closes the client. A static member stays in the group until its session times out.
func (r *runner) leave() {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.stopping), leaveTimeout)
	defer cancel()
	if err := r.session.Client().LeaveGroupContext(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		r.log.Warn("leave group", zap.Error(err))
	}
	r.session.Close()
}

func (r *runner) admin() *kadm.Client { return kadm.NewClient(r.session.Client()) }

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
