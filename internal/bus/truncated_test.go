//go:build synctests

package bus

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// committed is what stage A's group holds of src/0.
func (w *world) committed() kadm.Offset {
	w.t.Helper()
	all, err := w.adm.FetchOffsets(w.t.Context(), "a")
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		w.t.Fatal(err)
	}
	o, _ := all.Lookup("src", 0)
	return o.Offset
}

func (w *world) commit(o kadm.Offset) {
	w.t.Helper()
	var offsets kadm.Offsets
	offsets.Add(o)
	if err := w.adm.CommitAllOffsets(w.t.Context(), "a", offsets); err != nil {
		w.t.Fatal(err)
	}
}

// ranges lists what stage A consumed of src/0, in the order it was written.
func (w *world) ranges() (out [][2]int64) {
	w.t.Helper()
	for _, rec := range w.readCommitted("mid", 0) {
		var p piece
		if err := jsonValue(rec, &p); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, [2]int64{p.From, p.To})
	}
	return out
}

// TestTruncatedLogGoesOnAtItsEnd: an unclean election took the log's end away; its next events are read, at offsets that were read
// before, and the ranges say so.
func TestTruncatedLogGoesOnAtItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 1)
		w.topic("mid", 1)
		w.produce("src", 0, 1, 2, 3)
		w.commit(kadm.Offset{Topic: "src", Partition: 0, At: 10, LeaderEpoch: -1})
		m := w.adder("0")
		time.Sleep(10 * time.Second) // virtual: it finds out
		w.produce("src", 0, 4, 5)
		w.until("the events after the end", func() bool { return w.committed().At == 5 })
		m.stop()
		if got := w.ranges(); len(got) == 0 || got[0][0] != 3 || got[len(got)-1][1] != 5 {
			t.Errorf("ranges %v, want [3, 5)", got)
		}
		if len(m.errs) > 0 {
			t.Errorf("errors %v", m.errs)
		}
	})
}

// TestOffsetOfADeletedTopic: the offset that was committed is of another topic of the same name; the new one is read from its start.
func TestOffsetOfADeletedTopic(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic("src", 1)
		w.topic("mid", 1)
		w.produce("src", 0, 1, 2, 3)
		m := w.adder("0")
		w.until("the first topic", func() bool { return w.committed().At == 3 })
		m.stop()
		was := w.committed()
		if parseMark(was.Metadata).topic == [16]byte{} {
			t.Fatalf("committed with %q: no topic id in it", was.Metadata)
		}
		if _, err := w.adm.DeleteTopics(t.Context(), "src"); err != nil {
			t.Fatal(err)
		}
		w.topic("src", 1)
		w.cl.PurgeTopicsFromClient("src")
		w.commit(was) // brokers that forget the offsets with the topic don't need the mark
		w.produce("src", 0, 6, 7, 8, 9, 10)
		m = w.adder("0")
		w.until("the second topic", func() bool { return w.committed().At == 5 })
		m.stop()
		var sum int64
		for _, rec := range w.readCommitted("mid", 0) {
			var p piece
			if err := jsonValue(rec, &p); err != nil {
				t.Fatal(err)
			}
			sum += p.Sum
		}
		if sum != 1+2+3+6+7+8+9+10 {
			t.Errorf("sum %d of ranges %v", sum, w.ranges())
		}
	})
}
