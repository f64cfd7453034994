//go:build synctests

package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestRestartRestores(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		for round := range int64(3) {
			a, b := w.adder("0"), w.keeper("0")
			s.send(true, map[int32][]int64{0: {round}, 1: {10 * round}, 5: {1}})
			w.drained(s)
			a.stop()
			b.stop()
			if len(a.errs)+len(b.errs) > 0 {
				t.Fatalf("round %d: %v %v", round, a.errs, b.errs)
			}
		}
	})
}

func TestStateBehindTheGroupEndsRun(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		a, b := w.adder("0"), w.keeper("0")
		s.send(true, map[int32][]int64{0: {1}})
		w.drained(s)
		a.stop()
		b.stop()
		w.topic("other", midParts) // the same group with an empty state topic
		o := stageB("0")
		o.Settings, o.Role = w.e.Settings(), newKeeper(w.e.Settings(), "other")
		err := Run(t.Context(), o)
		if err == nil || !strings.Contains(err.Error(), "state of mid/0 stands at 0") {
			t.Fatalf("run ended with %v, want a state that doesn't match", err)
		}
	})
}

func TestRestoreErrorEndsRun(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		broken := errors.New("broken state")
		a := newAdder("mid", midParts)
		a.failOn = failNth("restore", 1, broken)
		o := stageA("0")
		o.Settings, o.Role = w.e.Settings(), a
		if err := Run(t.Context(), o); !errors.Is(err, broken) {
			t.Fatalf("run ended with %v, want the error of Restore", err)
		}
	})
}

// A Restore that takes long must neither cost the membership nor hold up the stop.
func TestSlowRestore(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		s.send(true, map[int32][]int64{0: {1}})
		m := w.member(stageA("0"), func() Role { return slowRole{newAdder("mid", midParts), 3 * time.Second} }) // x 6 partitions
		w.caughtUp("a", "src")
		m.stop()
		if len(m.errs) > 0 {
			t.Errorf("a run failed: %v", m.errs)
		}
		m = w.member(stageA("0"), func() Role { return slowRole{newAdder("mid", midParts), time.Hour} })
		time.Sleep(10 * time.Second)
		before := time.Now()
		m.stop()
		if d := time.Since(before); d > 10*time.Second {
			t.Errorf("the stop took %s of virtual time", d)
		}
	})
}

type slowRole struct {
	*adder
	takes time.Duration
}

func (r slowRole) Restore(ctx context.Context, tp TopicPartition, next int64) error {
	sleep(ctx, r.takes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.adder.Restore(ctx, tp, next)
}

func TestNewPartitionsStartAtZero(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		m := w.adder("0")
		w.produce("src", 0, 1)
		w.caughtUp("a", "src")
		if _, err := w.adm.CreatePartitions(t.Context(), 1, "src"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * metadataMaxAge) // the writer, too, has to find it
		w.produce("src", srcParts, 41)
		w.caughtUp("a", "src")
		m.stop()
		var sum int64
		for _, p := range w.committedPieces("mid", midParts) {
			sum += p.Sum
		}
		if sum != 42 {
			t.Errorf("sum %d, want 42: the record of the new partition counts", sum)
		}
	})
}
