package produce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

const (
	// BadSize is why an event is refused that the topic's max.message.bytes doesn't let in.
	BadSize file.Reason = "size"

	// grace is how long an interrupted run goes on sending what it has already taken.
	grace = 10 * time.Second
	// silence is how long brokers may acknowledge nothing before the run gives up. The client's own limit
	// (RecordDeliveryTimeout) counts from the records' timestamps, which may be the events' times.
	silence = time.Minute
	// silenceCheck is how often that is looked at.
	silenceCheck = time.Second
	// progressEvery is how many events lie between two looks at the clock, for an unpaced run.
	progressEvery = 1024
	// slab is how much memory is taken at once for the bytes of events.
	slab = 1 << 18
	// slabRecords is the same for records.
	slabRecords = 512
)

// Progress says how far a run is.
type Progress struct {
	Events  int64     // handed to the client
	Time    time.Time // event time of the last one
	Elapsed time.Duration
}

// StreamSummary says what became of one file.
type StreamSummary struct {
	Stream     string `json:"stream"`
	File       string `json:"file"`
	Topic      string `json:"topic"`
	Partitions int    `json:"partitions"`
	Created    bool   `json:"created"` // the topic did not exist
	Subject    string `json:"subject"`
	SchemaID   int    `json:"schema_id"`
	Read       int64  `json:"read"`      // rows; after an interruption some of them were not sent
	Published  int64  `json:"published"` // events acknowledged by the brokers
	Invalid    int64  `json:"invalid"`   // cells that are no numbers, published as NaN
	LastLine   int64  `json:"last_line"` // of the file, handed to the client
	Refused
}

// Summary says what a run did.
type Summary struct {
	Model       string          `json:"model"`
	Streams     []StreamSummary `json:"streams"`
	Events      int64           `json:"events"`  // acknowledged
	Unsure      int64           `json:"unsure"`  // sent and not acknowledged: they may be there or not
	Seconds     float64         `json:"seconds"` // from the first event to the last acknowledgement
	PerSecond   float64         `json:"events_per_second"`
	Until       *time.Time      `json:"until"` // event time of the last event handed to the client
	Interrupted bool            `json:"interrupted"`
	Notes       []string        `json:"notes,omitempty"`
}

// NewClient opens the client that a Replay sends with: idempotent, compressed, partitioned by the key's murmur2 hash as
// Kafka's own clients do. It does not connect.
func NewClient(k bus.Settings, log *zap.Logger) (*kgo.Client, error) {
	return k.NewClient(log, nil,
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)),
		kgo.ProducerBatchCompression(kgo.Lz4Compression(), kgo.NoCompression()),
	)
}

// MakeTopics makes the topics that don't exist yet. Run does it too.
func (r *Replay) MakeTopics(ctx context.Context, cl *kgo.Client) error {
	adm := kadm.NewClient(cl)
	for _, f := range r.feeds {
		n, created, err := ensure(ctx, adm, f.topic, r.o.Partitions, r.o.Replication)
		if err != nil {
			return err
		}
		f.partitions, f.created = n, f.created || created
	}
	return nil
}

// Run makes the topics that don't exist and publishes everything. The summary tells what happened also where there is an
// error: the context's after an interruption (what was on its way is waited for, up to 10 s), else Kafka's, a file's or
// Hold's.
func (r *Replay) Run(ctx context.Context, cl *kgo.Client) (*Summary, error) {
	s := &sending{Replay: r, cl: cl, streams: make([]stream, len(r.feeds))}
	out := &Summary{Model: r.o.Contract.Metadata.Model, Notes: r.notes}
	if err := r.MakeTopics(ctx, cl); err != nil {
		return out, err
	}
	for i, f := range r.feeds {
		s.streams[i].begin(s, f)
	}
	// Records outlive the context: what was taken is sent, for a while.
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	unhook := context.AfterFunc(ctx, func() {
		select {
		case <-time.After(grace):
			stop()
		case <-sending.Done():
		}
	})
	defer unhook()
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.watch(sending, stop)
	}()
	defer func() {
		stop()
		<-watched
	}()
	s.began = time.Now()
	err := s.all(ctx, sending)
	if flushed := cl.Flush(sending); err == nil && flushed != nil {
		err = flushed
	}
	if p := s.failed.Load(); p != nil {
		err = *p
	}
	s.summarise(out, time.Since(s.began))
	out.Interrupted = ctx.Err() != nil && errors.Is(err, context.Canceled)
	if out.Interrupted {
		return out, ctx.Err()
	}
	if err == nil && out.Events == 0 {
		err = r.nothing()
	}
	return out, err
}

// ErrInput is the kind of error that lies with the files, not with Kafka: one can't be read to its end, or none of its rows
// can be published.
var ErrInput = errors.New("nothing more can be published")

func (r *Replay) nothing() error {
	f := r.feeds[0]
	if len(f.refused.Examples) == 0 {
		return fmt.Errorf("%w: %s holds no rows", ErrInput, f.file)
	}
	return fmt.Errorf("%w: none of the %d rows of %s can be used; the first is refused because of %s", ErrInput, f.proj.Read(), f.file, f.refused.Examples[0])
}

// stream is where one feed goes.
type stream struct {
	feed      *feed
	handed    int64 // to the client
	line      int64
	acked     atomic.Int64
	oversized atomic.Int64
	promise   func(*kgo.Record, error)
}

func (t *stream) begin(s *sending, f *feed) {
	t.feed = f
	t.promise = func(_ *kgo.Record, err error) {
		switch {
		case err == nil:
			t.acked.Add(1)
		case errors.Is(err, kerr.MessageTooLarge):
			t.oversized.Add(1)
		default:
			err = fmt.Errorf("publish to %s: %w", f.topic, err)
			s.failed.CompareAndSwap(nil, &err)
		}
	}
}

// sending is a run under way.
type sending struct {
	*Replay
	cl      *kgo.Client
	streams []stream
	began   time.Time
	until   int64 // event time of the last event, microseconds
	events  int64
	failed  atomic.Pointer[error]
	bytes   []byte
	records []kgo.Record
}

// all sends every event, in order.
func (s *sending) all(ctx, sending context.Context) error {
	p := pace{rate: s.o.Rate, speedup: s.o.Speedup}
	told := s.began
	for {
		f, err := next(s.feeds)
		if err != nil || f == nil {
			return err
		}
		us := f.time()
		if err := p.wait(ctx, us); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if s.failed.Load() != nil {
			return nil // Run tells
		}
		if s.o.Hold != nil {
			if err := s.o.Hold(ctx, plan.FromMicros(us)); err != nil {
				return err
			}
		}
		t := &s.streams[slices.Index(s.feeds, f)]
		s.send(sending, t, us)
		if s.o.Progress != nil && (s.events%progressEvery == 0 || s.o.Rate > 0 || s.o.Speedup > 0) {
			if now := time.Now(); now.Sub(told) >= time.Second {
				told = now
				s.o.Progress(Progress{Events: s.events, Time: plan.FromMicros(us), Elapsed: now.Sub(s.began)})
			}
		}
	}
}

// ErrSilent is returned where the brokers acknowledged nothing for a minute.
var ErrSilent = errors.New("the brokers acknowledge nothing")

// watch ends a run that brokers have stopped to answer. It returns when sending has ended.
func (s *sending) watch(sending context.Context, stop func()) {
	tick := time.NewTicker(silenceCheck)
	defer tick.Stop()
	heard, last := time.Now(), int64(0)
	for {
		select {
		case <-sending.Done():
			return
		case now := <-tick.C:
			acked := int64(0)
			for i := range s.streams {
				acked += s.streams[i].acked.Load() + s.streams[i].oversized.Load()
			}
			if acked != last || s.cl.BufferedProduceRecords() == 0 {
				heard, last = now, acked
			}
			if now.Sub(heard) >= silence {
				err := fmt.Errorf("%w for %s; are they there, and may this user write?", ErrSilent, silence)
				s.failed.CompareAndSwap(nil, &err)
				stop()
				return
			}
		}
	}
}

// send hands the head of a feed to the client.
func (s *sending) send(ctx context.Context, t *stream, us int64) {
	f := t.feed
	if cap(s.bytes)-len(s.bytes) < slab/8 {
		s.bytes = make([]byte, 0, slab)
	}
	from := len(s.bytes)
	key := f.key()
	whole, bad := f.enc.encode(append(append(s.bytes, key...), f.writer...), f.batch, f.at)
	f.at++
	if bad != nil {
		f.refuse(*bad)
		return
	}
	t.line = f.batch.Offset[f.at-1]
	s.bytes = whole
	if len(s.records) == 0 {
		s.records = make([]kgo.Record, slabRecords)
	}
	rec := &s.records[0]
	s.records = s.records[1:]
	rec.Topic = f.topic
	if key != "" {
		rec.Key = whole[from : from+len(key) : from+len(key)]
	}
	rec.Value = whole[from+len(key) : len(whole) : len(whole)]
	if s.o.EventTimestamps {
		rec.Timestamp = plan.FromMicros(us)
	}
	t.handed++
	s.events++
	s.until = us
	s.cl.Produce(ctx, rec, t.promise)
}

func (s *sending) summarise(out *Summary, took time.Duration) {
	for i := range s.streams {
		t := &s.streams[i]
		f := t.feed
		if n := t.oversized.Load(); n > 0 {
			f.refused.Rows[string(BadSize)] = n
		}
		sum := StreamSummary{
			Stream: f.name, File: f.file, Topic: f.topic, Partitions: f.partitions, Created: f.created, Subject: f.subject, SchemaID: f.id,
			Read: f.proj.Read(), Published: t.acked.Load(), Invalid: f.enc.invalid, LastLine: t.line, Refused: f.refused,
		}
		out.Events += sum.Published
		out.Unsure += t.handed - sum.Published - t.oversized.Load()
		out.Streams = append(out.Streams, sum)
	}
	out.Seconds = took.Seconds()
	if out.Seconds > 0 {
		out.PerSecond = float64(out.Events) / out.Seconds
	}
	if s.events > 0 {
		at := plan.FromMicros(s.until)
		out.Until = &at
	}
}

// visible is how long a topic may take to show up, visibleCheck how often to look.
const (
	visible      = 30 * time.Second
	visibleCheck = 100 * time.Millisecond
)

// ensure makes a topic if it doesn't exist and says how many partitions it has.
func ensure(ctx context.Context, adm *kadm.Client, topic string, partitions int, replication int16) (n int, created bool, err error) {
	if partitions == 0 {
		partitions = DefaultPartitions
	}
	if replication == 0 {
		replication = -1
	}
	deadline, cancel := context.WithTimeout(ctx, visible)
	defer cancel()
	for {
		listed, err := adm.ListTopics(deadline, topic)
		if err != nil {
			return 0, created, fmt.Errorf("look for topic %s: %w", topic, err)
		}
		d := listed[topic]
		switch {
		case d.Err == nil && len(d.Partitions) > 0:
			return len(d.Partitions), created, nil
		case d.Err != nil && !errors.Is(d.Err, kerr.UnknownTopicOrPartition):
			return 0, created, fmt.Errorf("look for topic %s: %w", topic, d.Err)
		case !created:
			if _, err := adm.CreateTopic(deadline, int32(partitions), replication, nil, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
				return 0, false, fmt.Errorf("create topic %s: %w", topic, err)
			}
			created = true
		}
		select {
		case <-deadline.Done():
			return 0, created, fmt.Errorf("create topic %s: it does not show up: %w", topic, deadline.Err())
		case <-time.After(visibleCheck):
		}
	}
}

// Text is the summary for people.
func (s *Summary) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", s.Model)
	for _, t := range s.Streams {
		made := ""
		if t.Created {
			made = ", made for it"
		}
		fmt.Fprintf(&b, "  %s: %d events of %s on %s (%d partitions%s), schema %d of %s\n", t.Stream, t.Published, t.File, t.Topic, t.Partitions, made, t.SchemaID, t.Subject)
		for _, reason := range append(file.Reasons(), BadValue, BadSize) {
			if n := t.Rows[string(reason)]; n > 0 {
				fmt.Fprintf(&b, "    %d rows refused: %s\n", n, reason)
			}
		}
		for _, e := range t.Examples {
			fmt.Fprintf(&b, "      %s\n", e)
		}
		if t.Invalid > 0 {
			fmt.Fprintf(&b, "    %d cells are no numbers and were published as NaN\n", t.Invalid)
		}
	}
	for _, n := range s.Notes {
		fmt.Fprintf(&b, "  note: %s\n", n)
	}
	if s.Unsure > 0 {
		fmt.Fprintf(&b, "%d events were sent and not acknowledged: they may be there or not\n", s.Unsure)
	}
	fmt.Fprintf(&b, "%d events in %.1f s, %.0f events/s\n", s.Events, s.Seconds, s.PerSecond)
	if s.Interrupted {
		fmt.Fprintf(&b, "interrupted%s\n", s.where())
	}
	return b.String()
}

// where says how far an interrupted run got.
func (s *Summary) where() string {
	if s.Until == nil {
		return " before the first event"
	}
	var lines []string
	for _, t := range s.Streams {
		lines = append(lines, fmt.Sprintf("line %d of %s (%s)", t.LastLine, t.File, t.Stream))
	}
	return fmt.Sprintf(" after %s, event time %s", strings.Join(slices.Compact(lines), " and "), s.Until.Format(time.RFC3339))
}
