//go:build synctests

package bus

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestExpiredSourceIsALostRange(t *testing.T) {
	tests := []struct {
		name    string
		expire  int64 // log start after deletion, of 10 records
		more    bool  // records follow
		sum     int64 // of what can still be read
		lostEnd int64
	}{
		{"the head", 7, false, 7 + 8 + 9, 7},
		{"everything, nothing follows", 10, false, 0, 10},
		{"everything, then more", 10, true, 100, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := w.pipeline()
				defer s.cl.Close()
				reg := prometheus.NewRegistry()
				w.produce("src", 2, 0, 1, 2)
				m := w.adder("0")
				w.caughtUp("a", "src") // up to 3
				m.stop()
				w.produce("src", 2, 3, 4, 5, 6, 7, 8, 9)
				if err := w.e.Cluster().DeleteRecords("src", 2, tt.expire); err != nil {
					t.Fatal(err)
				}
				// An abort in between must neither forget the loss nor tell it twice.
				h := w.e.Cluster().Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.TxnOffsetCommit}, Err: kerr.RebalanceInProgress})
				o := stageA("0")
				o.Registerer = reg
				m = w.member(o, func() Role { return newAdder("mid", midParts) })
				w.caughtUp("a", "src")
				if tt.more {
					w.produce("src", 2, 100)
					w.caughtUp("a", "src")
				}
				if got := counter(t, reg, "plumbline_runner_lost_offsets_total", map[string]string{"role": "adder"}); got != float64(tt.lostEnd-3) {
					t.Errorf("lost offsets counted: %v, want %d", got, tt.lostEnd-3)
				}
				m.stop()
				if len(m.errs) > 0 {
					t.Fatalf("runs failed: %v", m.errs)
				}
				if h.Hits() != 1 {
					t.Errorf("the fault was hit %d times", h.Hits())
				}
				m = w.adder("0") // a restart must find nothing more to lose
				time.Sleep(10 * time.Second)
				m.stop()
				var lost []piece
				var sum int64
				for _, p := range w.committedPieces("mid", midParts) { // checks the tiling
					if p.Lost {
						lost = append(lost, p)
					} else if p.From >= 3 {
						sum += p.Sum
					}
				}
				if len(lost) != 1 || lost[0].From != 3 || lost[0].To != tt.lostEnd {
					t.Errorf("lost ranges: %+v, want one [3, %d)", lost, tt.lostEnd)
				}
				if sum != tt.sum {
					t.Errorf("sum after the loss %d, want %d", sum, tt.sum)
				}
			})
		})
	}
}

// What expired before the group ever committed was never promised: the first range starts at the log start, as a number, so
// that an abort of the very first epoch rewinds to it.
func TestFirstRangeStartsAtTheLogStart(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		w.produce("src", 0, 0, 1, 2, 3, 4)
		if err := w.e.Cluster().DeleteRecords("src", 0, 3); err != nil {
			t.Fatal(err)
		}
		m := w.member(stageA("0"), func() Role {
			a := newAdder("mid", midParts)
			a.failOn = failNth("flush", 1, ErrRetry)
			return a
		})
		w.caughtUp("a", "src")
		m.stop()
		if len(m.errs) > 0 {
			t.Errorf("a run failed: %v", m.errs)
		}
		recs := w.readCommitted("mid", 0)
		if len(recs) != 1 {
			t.Fatalf("%d outputs, want 1", len(recs))
		}
		var got piece
		if err := jsonValue(recs[0], &got); err != nil {
			t.Fatal(err)
		}
		if want := (piece{Topic: "src", From: 3, To: 5, Sum: 7, N: 2}); got != want {
			t.Errorf("output %+v, want %+v", got, want)
		}
	})
}
