//go:build synctests

package bus

import (
	"testing"
)

func TestTransactionalSourceIsCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		m := w.adder("0")
		s.send(true, map[int32][]int64{0: {1, 2}, 1: {3}})
		s.send(false, map[int32][]int64{0: {100}, 2: {100, 200}}) // partition 2 holds nothing but an aborted batch
		s.send(true, map[int32][]int64{0: {4}})
		s.send(false, map[int32][]int64{0: {100}, 1: {100}}) // and the tail of 0 and 1 is aborted
		w.caughtUp("a", "src")
		m.stop()
		got := map[int32]int64{}
		ends := map[int32]int64{}
		for _, p := range w.committedPieces("mid", midParts) {
			got[p.Part] += p.Sum
			ends[p.Part] = p.To
		}
		if got[0] != 7 || got[1] != 3 || got[2] != 0 {
			t.Errorf("sums per partition: %v, want 7, 3 and 0", got)
		}
		for _, p := range w.e.Cluster().PartitionInfos("src") {
			if ends[p.Partition] != p.HighWatermark {
				t.Errorf("partition %d: covered up to %d, should be %d, markers included", p.Partition, ends[p.Partition], p.HighWatermark)
			}
		}
	})
}

func TestCaughtUp(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		check := func(when string, want bool) {
			t.Helper()
			if got, err := CaughtUp(t.Context(), w.adm, "a", "src"); err != nil || got != want {
				t.Errorf("%s: caught up %v, %v; want %v", when, got, err, want)
			}
		}
		check("empty topic, unknown group", true)
		s.send(false, map[int32][]int64{3: {1}})
		check("an aborted batch was never read", false)
		m := w.adder("0")
		w.caughtUp("a", "src")
		m.stop()
		check("after the stop", true)
		w.produce("src", 1, 5)
		check("a new record in a partition never committed", false)
		if _, err := CaughtUp(t.Context(), w.adm, "a", "no.such.topic"); err == nil {
			t.Error("an unknown topic counts as caught up")
		}
	})
}
