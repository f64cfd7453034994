//go:build synctests

package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// inBubble runs fn in a synctest bubble with an embedded broker on a virtual network.
func inBubble(t *testing.T, fn func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := StartEmbedded(EmbeddedOptions{Network: &kfake.VirtualNetwork{}})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := e.Close(); err != nil {
				t.Error(err)
			}
		}()
		cl, err := e.Settings().NewClient(nil, nil, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer cl.Close()
		fn(t, &world{t: t, e: e, cl: cl, adm: kadm.NewClient(cl)})
	})
}

type world struct {
	t   *testing.T
	e   *Embedded
	cl  *kgo.Client
	adm *kadm.Client
}

func (w *world) topic(name string, partitions int32) {
	w.t.Helper()
	if err := w.e.Cluster().CreateTopic(name, partitions, nil); err != nil {
		w.t.Fatal(err)
	}
}

// until waits in virtual time.
func (w *world) until(what string, cond func() bool) {
	w.t.Helper()
	for range 6000 {
		if cond() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.t.Fatalf("ten virtual minutes passed without: %s", what)
}

func (w *world) caughtUp(group string, topics ...string) {
	w.t.Helper()
	w.until(group+" caught up", func() bool {
		ok, err := CaughtUp(w.t.Context(), w.adm, group, topics...)
		if err != nil {
			w.t.Fatal(err)
		}
		return ok
	})
}

// produce writes values to one partition outside any transaction.
func (w *world) produce(topic string, partition int32, values ...int64) {
	w.t.Helper()
	for _, v := range values {
		rec := &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "%d", v)}
		if err := w.cl.ProduceSync(w.t.Context(), rec).FirstErr(); err != nil {
			w.t.Fatal(err)
		}
	}
}

// source is a transactional producer that knows what it committed: the oracle.
type source struct {
	w     *world
	cl    *kgo.Client
	topic string
	sum   map[int32]int64
	n     map[int32]int64
}

func (w *world) source(topic string) *source {
	w.t.Helper()
	cl, err := w.e.Settings().NewClient(nil, nil, kgo.TransactionalID("source-"+topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0))
	if err != nil {
		w.t.Fatal(err)
	}
	return &source{w: w, cl: cl, topic: topic, sum: map[int32]int64{}, n: map[int32]int64{}}
}

// send writes one transaction.
func (s *source) send(commit bool, values map[int32][]int64) {
	s.w.t.Helper()
	must := func(err error) {
		s.w.t.Helper()
		if err != nil {
			s.w.t.Fatal(err)
		}
	}
	must(s.cl.BeginTransaction())
	for p, vs := range values {
		for _, v := range vs {
			rec := &kgo.Record{Topic: s.topic, Partition: p, Value: fmt.Appendf(nil, "%d", v)}
			must(s.cl.ProduceSync(s.w.t.Context(), rec).FirstErr())
			if commit {
				s.sum[p] += v
				s.n[p]++
			}
		}
	}
	must(s.cl.AbortBufferedRecords(s.w.t.Context())) // none is left; see runner.settle
	must(s.cl.EndTransaction(s.w.t.Context(), kgo.TransactionEndTry(commit)))
}

func (s *source) total() (sum, n int64) {
	for p := range s.sum {
		sum, n = sum+s.sum[p], n+s.n[p]
	}
	return sum, n
}

// piece is what stage A writes: the sum of one range of one source partition.
type piece struct {
	Topic    string
	Part     int32
	From, To int64
	Lost     bool
	Sum, N   int64
}

// adder is stage A: it writes, per range, the sum of the values in it.
type adder struct {
	out     string
	outs    int32
	sums    map[TopicPartition]*[2]int64
	flushes int
	failOn  func(stage string, n int) error // may inject errors

	folds     int
	owned     *ownership
	restored  map[TopicPartition][]int64
	committed int
	rollbacks int
}

func newAdder(out string, outs int32) *adder {
	return &adder{
		out: out, outs: outs, sums: map[TopicPartition]*[2]int64{}, owned: &ownership{}, restored: map[TopicPartition][]int64{},
	}
}

func (a *adder) fail(stage string, n int) error {
	if a.failOn == nil {
		return nil
	}
	return a.failOn(stage, n)
}

func (a *adder) Restore(_ context.Context, tp TopicPartition, next int64) error {
	a.sums[tp] = new([2]int64)
	a.owned.set(tp, true)
	a.restored[tp] = append(a.restored[tp], next)
	return a.fail("restore", len(a.restored[tp]))
}

func (a *adder) Drop(tps []TopicPartition) {
	for _, tp := range tps {
		delete(a.sums, tp)
		a.owned.set(tp, false)
	}
}

func (a *adder) Fold(rec *kgo.Record) (bool, error) {
	a.folds++
	if err := a.fail("fold", a.folds); err != nil {
		return false, err
	}
	var v int64
	if err := json.Unmarshal(rec.Value, &v); err != nil {
		return false, err
	}
	s := a.sums[TopicPartition{rec.Topic, rec.Partition}]
	s[0] += v
	s[1]++
	return false, nil
}

func (a *adder) Advance(TopicPartition, int64) {}

func (a *adder) Flush(_ context.Context, ranges []Range) ([]*kgo.Record, error) {
	a.flushes++
	if err := a.fail("flush", a.flushes); err != nil {
		return nil, err
	}
	var out []*kgo.Record
	for _, r := range ranges {
		p := piece{Topic: r.Topic, Part: r.Partition, From: r.From, To: r.To, Lost: r.Lost}
		if !r.Lost {
			s := a.sums[TopicPartition{r.Topic, r.Partition}]
			p.Sum, p.N = s[0], s[1]
			if s[1] != r.Records {
				return nil, fmt.Errorf("range says %d records, %d were folded", r.Records, s[1])
			}
		}
		b, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		out = append(out, &kgo.Record{Topic: a.out, Partition: r.Partition % a.outs, Value: b})
	}
	return out, nil
}

func (a *adder) Committed() { a.committed++; a.clear() }

func (a *adder) Rollback() error { a.rollbacks++; a.clear(); return nil }

func (a *adder) clear() {
	for _, s := range a.sums {
		*s = [2]int64{}
	}
}

// ownership is what a role holds in memory, for the test to look at while the role runs.
type ownership struct {
	mu  sync.Mutex // memory operations only
	tps map[TopicPartition]bool
}

func (o *ownership) set(tp TopicPartition, owned bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tps == nil {
		o.tps = map[TopicPartition]bool{}
	}
	if owned {
		o.tps[tp] = true
	} else {
		delete(o.tps, tp)
	}
}

func (o *ownership) reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tps = nil
}

func (o *ownership) list() []TopicPartition {
	o.mu.Lock()
	defer o.mu.Unlock()
	return sortedKeys(o.tps)
}

// total is what stage B keeps and writes, one per partition of stage A's topic.
type total struct {
	Next   int64
	Sum, N int64
}

// keeper is stage B: running totals, restored from its own state topic.
type keeper struct {
	s     Settings
	state string
	now   map[TopicPartition]total
	saved map[TopicPartition]total
}

func newKeeper(s Settings, state string) *keeper {
	return &keeper{s: s, state: state, now: map[TopicPartition]total{}, saved: map[TopicPartition]total{}}
}

func (k *keeper) Restore(ctx context.Context, tp TopicPartition, next int64) error {
	var last total
	err := ReadState(ctx, k.s, k.state, tp.Partition, func(rec *kgo.Record) error {
		return json.Unmarshal(rec.Value, &last)
	})
	if err != nil {
		return err
	}
	if last.Next != next {
		return fmt.Errorf("state of %s stands at %d, the group at %d", tp, last.Next, next)
	}
	k.now[tp], k.saved[tp] = last, last
	return nil
}

func (k *keeper) Drop(tps []TopicPartition) {
	for _, tp := range tps {
		delete(k.now, tp)
		delete(k.saved, tp)
	}
}

func (k *keeper) Fold(rec *kgo.Record) (bool, error) {
	var p piece
	if err := json.Unmarshal(rec.Value, &p); err != nil {
		return false, err
	}
	tp := TopicPartition{rec.Topic, rec.Partition}
	t, ok := k.now[tp]
	if !ok {
		return false, fmt.Errorf("record of %s, which was not restored", tp)
	}
	t.Sum += p.Sum
	t.N += p.N
	k.now[tp] = t
	return false, nil
}

func (k *keeper) Advance(TopicPartition, int64) {}

func (k *keeper) Flush(_ context.Context, ranges []Range) ([]*kgo.Record, error) {
	var out []*kgo.Record
	for _, r := range ranges {
		tp := TopicPartition{r.Topic, r.Partition}
		t := k.now[tp]
		if t.Next != r.From {
			return nil, fmt.Errorf("%s: range starts at %d, state stands at %d", tp, r.From, t.Next)
		}
		t.Next = r.To
		k.now[tp] = t
		b, err := json.Marshal(t)
		if err != nil {
			return nil, err
		}
		out = append(out, &kgo.Record{Topic: k.state, Partition: r.Partition, Key: []byte("total"), Value: b})
	}
	return out, nil
}

func (k *keeper) Committed() { k.saved = maps.Clone(k.now) }

func (k *keeper) Rollback() error { k.now = maps.Clone(k.saved); return nil }

// member is a supervised runner: when Run fails it starts over with a fresh role, as a process would.
type member struct {
	cancel context.CancelFunc
	done   chan struct{}
	errs   []error // of failed runs; read after stop
	owned  *ownership
}

func (w *world) member(o Options, role func() Role) *member {
	ctx, cancel := context.WithCancel(w.t.Context())
	m := &member{cancel: cancel, done: make(chan struct{})}
	if o.Settings.Brokers == nil {
		o.Settings = w.e.Settings()
	}
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			o.Role = role()
			if err := Run(ctx, o); err != nil {
				m.errs = append(m.errs, err)
				sleep(ctx, 100*time.Millisecond)
			}
		}
	}()
	return m
}

func (m *member) stop() { m.cancel(); <-m.done }

// committedPieces reads stage A's topic like any outside reader and checks that the ranges of every source partition tile.
func (w *world) committedPieces(topic string, partitions int32) []piece {
	w.t.Helper()
	var all []piece
	next := map[TopicPartition]int64{}
	for p := range partitions {
		for _, rec := range w.readCommitted(topic, p) {
			var pc piece
			if err := json.Unmarshal(rec.Value, &pc); err != nil {
				w.t.Fatal(err)
			}
			tp := TopicPartition{pc.Topic, pc.Part}
			if pc.From != next[tp] || pc.To <= pc.From {
				w.t.Errorf("%s: range [%d, %d) follows one that ended at %d", tp, pc.From, pc.To, next[tp])
			}
			next[tp] = pc.To
			all = append(all, pc)
		}
	}
	return all
}

// readCommitted reads a partition up to its last stable offset with a plain consumer, independent of ReadState.
func (w *world) readCommitted(topic string, partition int32) []*kgo.Record {
	w.t.Helper()
	ends, err := w.adm.ListCommittedOffsets(w.t.Context(), topic)
	if err != nil {
		w.t.Fatal(err)
	}
	end, ok := ends.Lookup(topic, partition)
	if !ok || end.Err != nil {
		w.t.Fatalf("no end of %s/%d: %v", topic, partition, end.Err)
	}
	if end.Offset == 0 {
		return nil
	}
	cl, err := w.e.Settings().NewClient(nil, nil, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	if err != nil {
		w.t.Fatal(err)
	}
	defer cl.Close()
	var recs []*kgo.Record
	for pos := int64(0); pos < end.Offset; {
		fs := cl.PollFetches(w.t.Context())
		if err := fs.Err(); err != nil {
			w.t.Fatal(err)
		}
		for rec := range fs.RecordsAll() {
			pos = rec.Offset + 1
			if !rec.Attrs.IsControl() {
				recs = append(recs, rec)
			}
		}
	}
	return recs
}

// cable is a network connection that can be cut.
type cable struct {
	dial func(context.Context, string, string) (net.Conn, error)

	mu    sync.Mutex // memory operations only
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("the cable is cut")

func (c *cable) dialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut {
		return nil, errCut
	}
	conn, err := c.dial(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.conns = append(c.conns, conn)
	c.mu.Unlock()
	return conn, nil
}

func (c *cable) set(cut bool) {
	c.mu.Lock()
	c.cut = cut
	conns := c.conns
	c.conns = nil
	c.mu.Unlock()
	for _, conn := range conns {
		_ = conn.Close() // the other side sees the end of the stream
	}
}
