//go:build synctests

package bus

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// noting is an adder that keeps a note with its offsets, and blocks its folds while it is held.
type noting struct {
	*adder
	noted map[TopicPartition][]string
	held  *atomic.Bool
}

func (n *noting) Note(tp TopicPartition) string {
	return fmt.Sprintf("%s folded %d", tp, n.sums[tp][1])
}

func (n *noting) Noted(tp TopicPartition, note string) { n.noted[tp] = append(n.noted[tp], note) }

func (n *noting) Fold(rec *kgo.Record) (bool, error) {
	if n.held.Load() {
		return false, fmt.Errorf("%w: held", ErrRetry)
	}
	return n.adder.Fold(rec)
}

// TestReadyMeansCaughtUp: a service is ready once it has committed what lay on its partitions when it got them, and not before;
// what comes later doesn't make it unready. What it noted with its offsets comes back at the next start.
func TestReadyMeansCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 2)
		w.topic("mid", 1)
		w.produce("src", 0, 1, 2, 3)
		n := &noting{noted: map[TopicPartition][]string{}, held: &atomic.Bool{}}
		n.held.Store(true)
		o := stageA("0")
		o.Ready = NewReadiness()
		start := func() *member {
			return w.member(o, func() Role { n.adder = newAdder("mid", 1); return n })
		}
		reason := func() string {
			if err := o.Ready.Check(t.Context()); err != nil {
				return err.Error()
			}
			return ""
		}
		if got := reason(); got != "starting" {
			t.Errorf("before it runs: %q", got)
		}
		m := start()
		w.until("assignment", func() bool { return strings.HasPrefix(reason(), "catching up: 1 of 2 partitions, 3 offsets") })
		n.held.Store(false)
		w.until("readiness", func() bool { return reason() == "" })
		n.held.Store(true)
		w.produce("src", 0, 4)
		time.Sleep(10 * time.Second) // virtual
		if got := reason(); got != "" {
			t.Errorf("behind on what came later: %q", got)
		}
		m.stop()
		n.held.Store(false)
		o.Ready = NewReadiness()
		m = start()
		w.until("readiness after a restart", func() bool { return reason() == "" })
		m.stop()
		tp := TopicPartition{"src", 0}
		if got := n.noted[tp]; len(got) != 2 || got[0] != "" || got[1] != "src/0 folded 3" {
			t.Errorf("noted %q", got)
		}
	})
}

// TestSpareReplicaIsReady: there are more replicas than partitions; the one that gets none does what it can.
func TestSpareReplicaIsReady(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 1)
		w.topic("mid", 1)
		var members []*member
		for _, slot := range []string{"0", "1"} {
			o := stageA(slot)
			o.Ready = NewReadiness()
			members = append(members, w.member(o, func() Role { return newAdder("mid", 1) }))
			w.until("readiness of "+slot, func() bool { return o.Ready.Check(t.Context()) == nil })
		}
		for _, m := range members {
			m.stop()
		}
	})
}

// TestServiceWithoutPlansIsReady: there is nothing to do, and that is well.
func TestServiceWithoutPlansIsReady(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		ready := NewReadiness()
		s := w.superviseWith(ready)
		w.until("readiness", func() bool { return ready.Check(t.Context()) == nil })
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// TestPressurePauses: while memory is short nothing more is fetched, and the service stays in its group; after that it goes on and
// nothing is missing.
func TestPressurePauses(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		tight, folds := &atomic.Bool{}, &atomic.Int64{}
		o := stageA("0")
		o.Pressure = tight.Load
		m := w.member(o, func() Role {
			a := newAdder("mid", midParts)
			a.failOn = func(stage string, _ int) error {
				if stage == "fold" {
					folds.Add(1)
				}
				return nil
			}
			return a
		})
		s.send(true, map[int32][]int64{0: {1}, 1: {2}})
		w.caughtUp("a", "src")
		tight.Store(true)
		time.Sleep(time.Minute) // virtual: the pause takes effect
		s.send(true, map[int32][]int64{0: {3}})
		time.Sleep(time.Minute)
		s.send(true, map[int32][]int64{0: {4}})
		time.Sleep(time.Minute)
		if n := folds.Load(); n > 3 { // one fetch may have been under way
			t.Errorf("%d records folded while memory was short", n-2)
		}
		tight.Store(false)
		w.caughtUp("a", "src")
		m.stop()
		var sum int64
		for _, p := range w.committedPieces("mid", midParts) {
			sum += p.Sum
		}
		if want, _ := s.total(); sum != want || len(m.errs) > 0 {
			t.Errorf("sum %d, want %d; errors %v", sum, want, m.errs)
		}
	})
}
