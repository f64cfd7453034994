//go:build synctests

package bus

import (
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestAbortedEpochIsFoldedAgain(t *testing.T) {
	away := fmt.Errorf("index is away: %w", ErrRetry)
	tests := []struct {
		name   string
		failOn func(stage string, n int) error
		fault  *kfake.Fault
		reason string
		fatal  bool
	}{
		{name: "the very first flush asks for a retry", reason: abortRole, failOn: failNth("flush", 1, away)},
		{name: "flush asks for a retry", reason: abortRole, failOn: failNth("flush", 2, away)},
		{name: "fold asks for a retry", reason: abortRole, failOn: failNth("fold", 7, away)},
		{name: "flush fails", fatal: true, failOn: failNth("flush", 2, errors.New("broken"))},
		{name: "fold fails", fatal: true, failOn: failNth("fold", 7, errors.New("broken"))},
		{name: "offsets refused: generation", reason: abortCommit, fault: &kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.IllegalGeneration}},
		{name: "offsets refused: rebalance", reason: abortCommit, fault: &kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.RebalanceInProgress}},
		{name: "output refused for good", fatal: true, fault: &kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: "mid", Err: kerr.TopicAuthorizationFailed}},
		{name: "fenced at the end", fatal: true, fault: &kfake.Fault{
			Keys: []kmsg.Key{kmsg.EndTxn}, TopLevel: true, Err: kerr.InvalidProducerEpoch,
			When: func(req kmsg.Request) bool { return req.(*kmsg.EndTxnRequest).TransactionalID == "a-0" },
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := w.pipeline()
				defer s.cl.Close()
				if tt.fault != nil {
					h := w.e.Cluster().Fault(*tt.fault)
					defer func() {
						if h.Hits() == 0 {
							t.Error("the fault was never hit")
						}
					}()
				}
				// The hook outlives a failed run: a fresh role counts on, so that the fault strikes once.
				var roles []*adder
				hook := tt.failOn
				reg := prometheus.NewRegistry()
				o := stageA("0")
				o.Registerer = reg
				m := w.member(o, func() Role {
					a := newAdder("mid", midParts)
					if len(roles) == 0 {
						a.failOn = hook
					}
					roles = append(roles, a)
					return a
				})
				b := w.keeper("0")
				for i := range int64(10) {
					s.send(true, map[int32][]int64{int32(i % srcParts): {i, 10 * i}})
					time.Sleep(200 * time.Millisecond)
				}
				w.drained(s)
				if tt.reason != "" {
					if got := counter(t, reg, "plumbline_runner_epochs_aborted_total", map[string]string{"role": "adder", "reason": tt.reason}); got < 1 {
						t.Errorf("epochs aborted for %q: %v, want at least 1", tt.reason, got)
					}
				}
				m.stop()
				b.stop()
				if got := len(m.errs) > 0; got != tt.fatal {
					t.Errorf("a run failed: %v (%v), want %v", got, m.errs, tt.fatal)
				}
				if tt.reason == abortRole && roles[0].rollbacks == 0 {
					t.Error("the role was never rolled back")
				}
			})
		})
	}
}

func failNth(stage string, n int, err error) func(string, int) error {
	return func(s string, i int) error {
		if s == stage && i == n {
			return err
		}
		return nil
	}
}

func counter(t *testing.T, reg *prometheus.Registry, name string, labels map[string]string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			got := map[string]string{}
			for _, l := range m.GetLabel() {
				got[l.GetName()] = l.GetValue()
			}
			if f.GetName() == name && maps.Equal(got, labels) {
				return m.GetCounter().GetValue()
			}
		}
	}
	t.Errorf("no series %s%v", name, labels)
	return 0
}

func TestStopCommitsTheOpenEpoch(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		o := stageA("0")
		o.EpochMax = time.Hour
		var folds atomic.Int64
		m := w.member(o, func() Role {
			a := newAdder("mid", midParts)
			a.failOn = func(stage string, n int) error {
				if stage == "fold" {
					folds.Store(int64(n))
				}
				return nil
			}
			return a
		})
		s.send(true, map[int32][]int64{0: {1, 2}, 4: {3}})
		w.until("all three values folded", func() bool { return folds.Load() == 3 })
		time.Sleep(time.Minute)
		if ps := w.committedPieces("mid", midParts); len(ps) != 0 {
			t.Fatalf("an epoch of an hour ended within a minute: %v", ps)
		}
		m.stop()
		var sum int64
		for _, p := range w.committedPieces("mid", midParts) {
			sum += p.Sum
		}
		if sum != 6 {
			t.Errorf("committed at the stop: sum %d, want 6", sum)
		}
		if info := w.e.Cluster().GroupInfo("a"); len(info.Members) != 0 {
			t.Errorf("the group still has %d members after the stop", len(info.Members))
		}
	})
}

func TestEpochEnds(t *testing.T) {
	tests := []struct {
		name string
		set  func(*Options)
	}{
		{"by records", func(o *Options) { o.EpochRecords = 2 }},
		{"by bytes", func(o *Options) { o.EpochBytes = 1 }},
		{"by time", func(o *Options) { o.EpochMax = 50 * time.Millisecond }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := w.pipeline()
				defer s.cl.Close()
				o := stageA("0")
				o.EpochMax = time.Hour
				tt.set(&o)
				m := w.member(o, func() Role { return newAdder("mid", midParts) })
				for i := range int64(4) {
					w.produce("src", 0, i, i)
				}
				w.caughtUp("a", "src")
				m.stop()
			})
		})
	}
}

// What one poll brings is never cut, so small polls are what keeps an epoch near its size.
func TestSmallPollsMakeSmallEpochs(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		w.produce("src", 0, 1, 2, 3, 4, 5, 6, 7)
		o := stageA("0")
		o.EpochMax, o.EpochBytes, o.PollRecords = time.Hour, 1, 2
		m := w.member(o, func() Role { return newAdder("mid", midParts) })
		w.caughtUp("a", "src")
		m.stop()
		var n int64
		for _, p := range w.committedPieces("mid", midParts) {
			if n += p.N; p.N > 2 {
				t.Errorf("an epoch of one byte holds offsets [%d, %d)", p.From, p.To)
			}
		}
		if n != 7 {
			t.Errorf("%d values were committed, want 7", n)
		}
	})
}

func TestIdleRunnerEndsNoTransactions(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		m := w.adder("0")
		s.send(true, map[int32][]int64{0: {1}})
		w.caughtUp("a", "src")
		time.Sleep(5 * time.Second)
		h := w.e.Cluster().Fault(kfake.Fault{
			Keys: []kmsg.Key{kmsg.EndTxn, kmsg.TxnOffsetCommit, kmsg.Produce, kmsg.InitProducerID}, Observe: true, Count: -1,
		})
		fetches := w.e.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Observe: true, Count: -1, TopLevel: true})
		time.Sleep(time.Hour)
		if h.Hits() != 0 {
			t.Errorf("%d transaction requests in an idle hour", h.Hits())
		}
		if n := fetches.Hits(); n > 2000 { // the client waits up to 5 s for data: 720 an hour
			t.Errorf("%d fetches in an idle hour", n)
		}
		m.stop()
	})
}

func TestRecordBelowThePositionIsFatal(t *testing.T) {
	tp := TopicPartition{"src", 0}
	r := &runner{o: Options{Role: newAdder("mid", 1)}.withDefaults(), m: newMetrics(nil), parts: map[TopicPartition]*part{tp: {from: 3, to: 5}}}
	err := r.foldPartition(tp, [16]byte{}, []*kgo.Record{{Topic: "src", Offset: 4}})
	if !errors.Is(err, ErrProtocol) {
		t.Errorf("got %v, want a protocol error", err)
	}
}

func TestOffsetsAreCheckedBeforeTheCommit(t *testing.T) {
	ranges := []Range{
		{Topic: "a", Partition: 0, From: 1, To: 5, Lost: true},
		{Topic: "a", Partition: 0, From: 5, To: 9},
		{Topic: "a", Partition: 1, From: 0, To: 4, Lost: true},
		{Topic: "b", Partition: 0, From: 2, To: 3, Lost: true},
	}
	request := func(offsets ...int64) *kmsg.TxnOffsetCommitRequest {
		req := kmsg.NewPtrTxnOffsetCommitRequest()
		topic := kmsg.NewTxnOffsetCommitRequestTopic()
		topic.Topic = "a"
		for i, o := range offsets {
			p := kmsg.NewTxnOffsetCommitRequestTopicPartition()
			p.Partition, p.Offset = int32(i), o
			topic.Partitions = append(topic.Partitions, p)
		}
		req.Topics = append(req.Topics, topic)
		return req
	}
	r := &runner{topics: map[string]topicInfo{}}
	good := request(9)
	if err := r.checkOffsets(ranges)(good); err != nil {
		t.Fatal(err)
	}
	got := map[TopicPartition]int64{}
	for _, t := range good.Topics {
		for _, p := range t.Partitions {
			got[TopicPartition{t.Topic, p.Partition}] = p.Offset
		}
	}
	if len(got) != 3 || got[TopicPartition{"a", 0}] != 9 || got[TopicPartition{"a", 1}] != 4 || got[TopicPartition{"b", 0}] != 3 {
		t.Errorf("offsets to commit: %v", got)
	}
	for name, bad := range map[string]*kmsg.TxnOffsetCommitRequest{
		"another offset": request(8), "too few partitions": request(), "too many": request(9, 4),
	} {
		if err := r.checkOffsets(ranges)(bad); !errors.Is(err, ErrProtocol) {
			t.Errorf("%s: got %v, want a protocol error", name, err)
		}
	}
}
