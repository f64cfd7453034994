package alert

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

func waiting(id string, due int) ledger.Waiting {
	return ledger.Waiting{Outgoing: ledger.Outgoing{ID: id, Sink: "s", Due: onset.Add(time.Duration(due) * time.Second)}}
}

func TestPick(t *testing.T) {
	for name, c := range map[string]struct {
		waiting []ledger.Waiting
		want    string // the message, or when there will be one
	}{
		"nothing":                             {nil, "never"},
		"the first":                           {[]ledger.Waiting{waiting("a-1", 0), waiting("b-2", 0)}, "a-1"},
		"one that waits holds its incident":   {[]ledger.Waiting{waiting("a-1", 9), waiting("a-2", 0)}, "9"},
		"and nobody else":                     {[]ledger.Waiting{waiting("a-1", 9), waiting("a-2", 0), waiting("b-3", 0)}, "b-3"},
		"the earliest of those that wait":     {[]ledger.Waiting{waiting("a-1", 9), waiting("b-2", 7), waiting("b-3", 2)}, "7"},
		"a message that is about only itself": {[]ledger.Waiting{waiting("x", 9), waiting("y", 0)}, "y"},
	} {
		w, at := pick(c.waiting, onset)
		got := "never"
		switch {
		case w != nil:
			got = w.ID
		case !at.IsZero():
			got = fmt.Sprint(int(at.Sub(onset).Seconds()))
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// However messages fail, those of one incident leave in their order, and a message leaves only when it is due.
func TestPickKeepsOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []ledger.Waiting
		for i := range rapid.IntRange(0, 12).Draw(t, "messages") {
			all = append(all, waiting(fmt.Sprintf("%s-%d", rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "incident"), i), rapid.IntRange(0, 5).Draw(t, "due")))
		}
		order := map[string][]string{}
		for _, w := range all {
			order[SubjectOf(w.ID)] = append(order[SubjectOf(w.ID)], w.ID)
		}
		now := onset
		for len(all) > 0 {
			w, at := pick(all, now)
			if w == nil {
				if !at.After(now) {
					t.Fatalf("waits for %s at %s", at, now)
				}
				now = at
				continue
			}
			if w.Due.After(now) || order[SubjectOf(w.ID)][0] != w.ID {
				t.Fatalf("%s leaves at %s, due %s, before %q", w.ID, now, w.Due, order[SubjectOf(w.ID)])
			}
			i := slices.IndexFunc(all, func(o ledger.Waiting) bool { return o.ID == w.ID })
			if rapid.Bool().Draw(t, "fails") && now.Sub(onset) < time.Minute {
				all[i].Due = now.Add(time.Duration(rapid.IntRange(1, 3).Draw(t, "pause")) * time.Second)
				continue
			}
			order[SubjectOf(w.ID)] = order[SubjectOf(w.ID)][1:]
			all = slices.Delete(all, i, i+1)
		}
	})
}

type paced struct {
	recorder
	perSecond float64
	burst     int
}

func (p *paced) Pace() (perSecond float64, burst int) { return p.perSecond, p.burst }

// In any stretch of time no more are sent than the rate allows, and as many as that if there is enough to send.
func TestBucket(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		perSecond, burst := rapid.Float64Range(0.1, 50).Draw(t, "per second"), rapid.IntRange(1, 20).Draw(t, "burst")
		b := newBucket(&paced{perSecond: perSecond, burst: burst})
		now := onset
		var sent []time.Time
		for len(sent) < 60 {
			ok, at := b.take(now)
			if ok {
				sent = append(sent, now)
				continue
			}
			if !at.After(now) {
				t.Fatalf("no token at %s, and none later", now)
			}
			now = at
			if rapid.Bool().Draw(t, "late") {
				now = now.Add(time.Duration(rapid.IntRange(0, 3000).Draw(t, "ms")) * time.Millisecond)
			}
		}
		for i := range sent {
			for j := i; j < len(sent); j++ {
				if most := float64(burst) + sent[j].Sub(sent[i]).Seconds()*perSecond; float64(j-i+1) > most+1e-3*float64(j-i+1) {
					t.Fatalf("%d messages in %s, at %g a second and %d at once", j-i+1, sent[j].Sub(sent[i]), perSecond, burst)
				}
			}
		}
	})
	if ok, _ := newBucket(&recorder{}).take(onset); !ok {
		t.Error("a sink without a pace waits")
	}
}

func TestJittered(t *testing.T) {
	for _, c := range []struct {
		failures int
		draw     float64
		want     time.Duration
	}{{0, 0, 0}, {0, 0.5, 500 * time.Millisecond}, {3, 0.5, 4 * time.Second}, {9, 0.5, 256 * time.Second}, {10, 0.5, 5 * time.Minute}, {190, 0.5, 5 * time.Minute}} {
		if got := jittered(c.failures, pauseMax, c.draw); got != c.want {
			t.Errorf("after %d failures: %s, want %s", c.failures, got, c.want)
		}
	}
}

// A sink that asks to be left alone is: nothing else goes there either, and others don't wait for it.
func TestRetryAfter(t *testing.T) {
	busy := &recorder{name: "busy", fail: []error{&sink.LaterError{After: time.Minute, Err: errors.New("429")}}}
	fine := &recorder{name: "fine"}
	f := newFixture(t, open(t), busy, fine)
	f.mustFold(t, records(t, 0, fault(t, "a", 1, finding.Fault)))
	if len(fine.got) != 1 || len(busy.got) != 0 {
		t.Fatalf("fine got %d, busy %d; want 1 and 0", len(fine.got), len(busy.got))
	}
	f.now = f.now.Add(59 * time.Second)
	f.mustDeliver(t)
	if len(busy.got) != 0 {
		t.Error("told before the pause was over")
	}
	f.now = f.now.Add(time.Second + time.Millisecond)
	f.mustDeliver(t)
	if len(busy.got) != 1 {
		t.Error("not told after the pause")
	}
}
