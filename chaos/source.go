package main

import (
	"container/heap"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	sourcePartitions = 6
	perHour          = 90                 // predictions per domain and hour of event time
	jitter           = 25 * time.Minute   // how far events come out of order; the contracts allow an hour
	early            = 30 * time.Minute   // how long before its prediction an outcome may be
	wrong            = 9 * 24 * time.Hour // how far a wrong clock is ahead
	afterAll         = 30 * 24 * time.Hour
	farewells        = 12 // events at the end, per partition: ten in a row convince that time has moved
)

// The reference that the contracts name.
var (
	begin   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	learned = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
)

// domain is one pair of source topics.
type domain struct {
	name                  string
	predictions, outcomes string
	next                  int   // number of the next prediction
	clock                 int64 // event time of the next prediction
}

// sent is one record on its way: due is its place in the stream, in event time plus how late it comes.
type sent struct {
	due int64
	seq int
	rec *kgo.Record
}

type queue []sent

func (q queue) Len() int { return len(q) }
func (q queue) Less(i, j int) bool {
	return q[i].due < q[j].due || q[i].due == q[j].due && q[i].seq < q[j].seq
}
func (q queue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *queue) Push(x any)   { *q = append(*q, x.(sent)) }
func (q *queue) Pop() any {
	old := *q
	x := old[len(old)-1]
	*q = old[:len(old)-1]
	return x
}

// source makes the stream, the same for a seed, and writes it in transactions. It belongs to one goroutine.
type source struct {
	brokers []string
	r       *rand.Rand
	cl      *kgo.Client
	domains []*domain
	headers map[string][]byte // by topic
	waiting queue
	seq     int

	committed atomic.Int64 // events
	aborted   atomic.Int64 // transactions, on purpose
	failed    atomic.Int64 // transactions whose end is unknown: what they held is not sent again
}

func newSource(brokers []string, seed uint64, predictionID, outcomeID int) (*source, error) {
	s := &source{brokers: brokers, r: rand.New(rand.NewPCG(seed, 1)), headers: map[string][]byte{}}
	for _, name := range []string{"loan", "churn"} {
		d := &domain{name: name, predictions: "chaos." + name + ".predictions", outcomes: "chaos." + name + ".outcomes", clock: begin.UnixMicro()}
		s.headers[d.predictions], s.headers[d.outcomes] = confluent(predictionID), confluent(outcomeID)
		s.domains = append(s.domains, d)
	}
	return s, s.open()
}

func (s *source) open() (err error) {
	if s.cl != nil {
		s.cl.Close()
	}
	s.cl, err = kgo.NewClient(
		kgo.SeedBrokers(s.brokers...), kgo.TransactionalID("chaos-source"), kgo.TransactionTimeout(30*time.Second),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0), kgo.MetadataMinAge(250*time.Millisecond),
	)
	return err
}

// until generates predictions, and all that follows from them, up to an event time.
func (s *source) until(us int64) {
	for _, d := range s.domains {
		for d.clock < us {
			s.predict(d)
			d.clock += int64(s.r.ExpFloat64() * float64(time.Hour.Microseconds()) / perHour)
		}
	}
}

func (s *source) predict(d *domain) {
	r := s.r
	d.next++
	e := draw(r, name(d.name, d.next), d.clock, learned.UnixMicro())
	s.push(d.predictions, e.at, s.home(e.id), e.prediction(s.headers[d.predictions]), e.id)
	if r.IntN(25) == 0 { // again: half of them with other content, half through any partition
		again := *e
		if r.IntN(2) == 0 {
			again = *draw(r, e.id, e.at+r.Int64N(int64(2*time.Hour/time.Microsecond)), learned.UnixMicro())
		}
		at := s.home(e.id)
		if r.IntN(2) == 0 {
			at = r.Int32N(sourcePartitions)
		}
		s.push(d.predictions, again.at, at, again.prediction(s.headers[d.predictions]), e.id)
	}
	if r.IntN(300) == 0 {
		s.push(d.predictions, e.at, r.Int32N(sourcePartitions), broken(r, e.prediction(s.headers[d.predictions])), e.id)
	}
	if wild := r.IntN(400) == 0; wild && e.at > begin.Add(4*time.Hour).UnixMicro() { // a wrong clock; of a partition's first event nobody could tell
		w := draw(r, e.id+"-wrong", e.at+wrong.Microseconds(), learned.UnixMicro())
		s.pushAt(d.predictions, e.at, r.Int32N(sourcePartitions), w.prediction(s.headers[d.predictions]), w.id)
	}
	s.turnOut(d, e)
}

// turnOut makes the outcomes of a prediction.
func (s *source) turnOut(d *domain, e *event) {
	r := s.r
	between := func(a, b time.Duration) int64 { return a.Microseconds() + r.Int64N((b - a).Microseconds()) }
	var delay int64
	switch n := r.IntN(100); {
	case n < 4:
		return // never known
	case n < 10:
		delay = between(-early, 0)
	case n < 60:
		delay = between(0, 6*time.Hour)
	case n < 85:
		delay = between(6*time.Hour, 24*time.Hour)
	case n < 95:
		delay = between(24*time.Hour, 47*time.Hour)
	default:
		delay = between(48*time.Hour, 80*time.Hour) // beyond keep, for most models
	}
	o := &event{id: e.id, at: e.at + delay, label: label(r, e)}
	if r.IntN(100) == 0 {
		o.label = ""
	}
	header := s.headers[d.outcomes]
	s.push(d.outcomes, o.at, s.home(e.id), o.outcome(header), e.id)
	if r.IntN(25) == 0 {
		s.push(d.outcomes, o.at, r.Int32N(sourcePartitions), o.outcome(header), e.id)
	}
	if r.IntN(12) == 0 {
		c := &event{id: e.id, at: o.at + between(0, 20*time.Hour), label: map[string]string{"0": "1", "1": "0", "": "1"}[o.label]}
		s.push(d.outcomes, c.at, r.Int32N(sourcePartitions), c.outcome(header), e.id)
	}
	if r.IntN(400) == 0 {
		s.push(d.outcomes, o.at, s.home(e.id), broken(r, o.outcome(header)), e.id)
	}
}

// push queues an event that is sent when its time has come, or a little later.
func (s *source) push(topic string, at int64, partition int32, value []byte, key string) {
	s.pushAt(topic, at+s.r.Int64N(jitter.Microseconds()), partition, value, key)
}

func (s *source) pushAt(topic string, due int64, partition int32, value []byte, key string) {
	s.seq++
	heap.Push(&s.waiting, sent{
		due: due, seq: s.seq,
		rec: &kgo.Record{Topic: topic, Partition: partition, Key: []byte(key), Value: value, Timestamp: time.Now()},
	})
}

func (s *source) home(id string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(id))
	return int32(h.Sum32() % sourcePartitions)
}

// batch takes the next n records of the stream. What is due before the generators' clocks less early is settled.
func (s *source) batch(n int) []*kgo.Record {
	var out []*kgo.Record
	for len(out) < n {
		clock := min(s.domains[0].clock, s.domains[1].clock)
		if s.waiting.Len() == 0 || s.waiting[0].due >= clock-early.Microseconds() {
			s.until(clock + time.Hour.Microseconds())
			continue
		}
		out = append(out, heap.Pop(&s.waiting).(sent).rec)
	}
	return out
}

// reference sends everything that is due before the end of the reference and some hours more.
func (s *source) reference(ctx context.Context) error {
	end := learned.Add(6 * time.Hour).UnixMicro()
	s.until(end + 2*early.Microseconds())
	for s.waiting.Len() > 0 && s.waiting[0].due < end {
		var out []*kgo.Record
		for len(out) < 2000 && s.waiting.Len() > 0 && s.waiting[0].due < end {
			out = append(out, heap.Pop(&s.waiting).(sent).rec)
		}
		if err := s.write(ctx, out); err != nil {
			return err
		}
	}
	return nil
}

// run sends events at a rate until stop is closed and at least least events have been sent since it began.
func (s *source) run(ctx context.Context, perSecond, least int, stop <-chan struct{}) error {
	began, before, taken := time.Now(), s.committed.Load(), 0
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-stop:
			if s.committed.Load()-before >= int64(least) {
				return nil
			}
		default:
		}
		n := int(time.Since(began).Seconds()*float64(perSecond)) - taken
		if n < perSecond/10 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		n = min(n, 2000)
		taken += n
		if err := s.write(ctx, s.batch(n)); err != nil {
			return err
		}
	}
}

// finish sends events with a far later time to every partition, so that every pane and cohort before them ends.
func (s *source) finish(ctx context.Context) error {
	last := max(s.domains[0].clock, s.domains[1].clock) + afterAll.Microseconds()
	var out []*kgo.Record
	for _, d := range s.domains {
		for n := range int32(sourcePartitions * farewells) {
			p := n % sourcePartitions
			e := draw(s.r, name(d.name+"-end", int(n)), last, learned.UnixMicro())
			e.amount, e.region = 10, "north"
			out = append(out,
				&kgo.Record{Topic: d.predictions, Partition: p, Key: []byte(e.id), Value: e.prediction(s.headers[d.predictions])},
				&kgo.Record{Topic: d.outcomes, Partition: p, Key: []byte(e.id), Value: (&event{id: e.id, at: last, label: "1"}).outcome(s.headers[d.outcomes])})
		}
	}
	for {
		before := s.committed.Load()
		if err := s.write(ctx, out); err != nil {
			return err
		}
		if s.committed.Load() > before {
			return nil
		}
	}
}

// write sends records in one transaction; of every ten one is sent first with other values and aborted.
func (s *source) write(ctx context.Context, records []*kgo.Record) error {
	if s.r.IntN(10) == 0 {
		var wrong []*kgo.Record
		for i, rec := range records {
			wrong = append(wrong, &kgo.Record{Topic: rec.Topic, Partition: rec.Partition, Key: rec.Key, Value: records[len(records)-1-i].Value})
		}
		done, err := s.transact(ctx, wrong, kgo.TryAbort)
		if err != nil {
			return err
		}
		if done {
			s.aborted.Add(1)
		}
	}
	for {
		done, err := s.transact(ctx, records, kgo.TryCommit)
		if err != nil {
			return err
		}
		if done {
			return nil
		}
		for i, rec := range records { // a record can't be sent twice
			records[i] = &kgo.Record{Topic: rec.Topic, Partition: rec.Partition, Key: rec.Key, Value: rec.Value}
		}
	}
}

// transact writes one transaction. It returns false where the transaction was aborted against its will and should be tried again.
// Where nobody knows how it ended nothing is tried again: the topics say what there is.
func (s *source) transact(ctx context.Context, records []*kgo.Record, end kgo.TransactionEndTry) (done bool, err error) {
	limit, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	if err := s.cl.BeginTransaction(); err != nil {
		return false, s.reopen(ctx, err)
	}
	produced := s.cl.ProduceSync(limit, records...).FirstErr()
	// Passing through the client's lock once: else the first write to a topic may still be on its way into its books, and the
	// end of the transaction would overlook it.
	if err := s.cl.AbortBufferedRecords(limit); err != nil {
		return false, s.reopen(ctx, err)
	}
	if produced != nil {
		if err := s.cl.EndTransaction(limit, kgo.TryAbort); err != nil {
			return false, s.reopen(ctx, err)
		}
		return false, ctx.Err()
	}
	if err := s.cl.EndTransaction(limit, end); err != nil {
		s.failed.Add(1)
		return true, s.reopen(ctx, err)
	}
	if end == kgo.TryCommit {
		s.committed.Add(int64(len(records)))
	}
	return true, nil
}

// reopen starts a new client, whose first request aborts what the old one left open.
func (s *source) reopen(ctx context.Context, cause error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err := s.open(); err != nil {
		return fmt.Errorf("after %w: %w", cause, err)
	}
	return nil
}

func (s *source) close() { s.cl.Close() }
