//go:build synctests

package bus

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

const (
	srcParts = 6
	midParts = 3
)

func stageA(slot string) Options {
	return Options{Name: "adder", Group: "a", TransactionalID: "a-" + slot, Topics: []string{"src"}, EpochMax: 300 * time.Millisecond}
}

func stageB(slot string) Options {
	return Options{Name: "keeper", Group: "b", TransactionalID: "b-" + slot, Topics: []string{"mid"}, EpochMax: 200 * time.Millisecond}
}

func (w *world) pipeline() *source {
	w.topic("src", srcParts)
	w.topic("mid", midParts)
	w.topic("state", midParts)
	return w.source("src")
}

func (w *world) adder(slot string) *member {
	owned := &ownership{}
	m := w.member(stageA(slot), func() Role {
		a := newAdder("mid", midParts)
		owned.reset()
		a.owned = owned
		return a
	})
	m.owned = owned
	return m
}

func (w *world) keeper(slot string) *member {
	return w.member(stageB(slot), func() Role { return newKeeper(w.e.Settings(), "state") })
}

// drained waits for both stages and compares their outputs with what the source committed.
func (w *world) drained(s *source) {
	w.t.Helper()
	w.caughtUp("a", "src")
	w.caughtUp("b", "mid")
	wantSum, wantN := s.total()
	perPart := map[int32][2]int64{}
	for _, p := range w.committedPieces("mid", midParts) {
		perPart[p.Part] = [2]int64{perPart[p.Part][0] + p.Sum, perPart[p.Part][1] + p.N}
	}
	for p := range s.sum {
		if got, want := perPart[p], [2]int64{s.sum[p], s.n[p]}; got != want {
			w.t.Errorf("stage A, partition %d: sum and count %v, committed by the source %v", p, got, want)
		}
	}
	var sum, n int64
	for p := range int32(midParts) {
		recs := w.readCommitted("state", p)
		if len(recs) == 0 {
			continue
		}
		var last total
		if err := jsonValue(recs[len(recs)-1], &last); err != nil {
			w.t.Fatal(err)
		}
		sum, n = sum+last.Sum, n+last.N
	}
	if sum != wantSum || n != wantN {
		w.t.Errorf("stage B: sum %d of %d values, committed by the source: %d of %d", sum, n, wantSum, wantN)
	}
}

// feed writes transactions until stop is called, one in five aborted.
func feed(s *source, rng *rand.Rand) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			batch := map[int32][]int64{}
			for range 1 + rng.IntN(4) {
				p := rng.Int32N(srcParts)
				batch[p] = append(batch[p], rng.Int64N(1000))
			}
			s.send(rng.IntN(5) != 0, batch)
			select {
			case <-quit:
				return
			case <-time.After(time.Duration(20+rng.IntN(60)) * time.Millisecond):
			}
		}
	}()
	return func() { close(quit); <-done }
}

// ownedOnce waits until each source partition is in the memory of exactly one member's role.
func (w *world) ownedOnce(members map[int]*member) {
	w.t.Helper()
	w.until("each partition has one owner", func() bool {
		owners := map[TopicPartition]int{}
		for _, m := range members {
			for _, tp := range m.owned.list() {
				owners[tp]++
			}
		}
		for _, n := range owners {
			if n != 1 {
				return false
			}
		}
		return len(owners) == srcParts
	})
}

func TestPipelineIsExactWhileMembersComeAndGo(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				s := w.pipeline()
				defer s.cl.Close()
				rng := rand.New(rand.NewPCG(seed, 1))
				stopFeed := feed(s, rand.New(rand.NewPCG(seed, 2)))
				a, b := map[int]*member{0: w.adder("0")}, map[int]*member{0: w.keeper("0")}
				for range 8 {
					time.Sleep(time.Duration(500+rng.IntN(4000)) * time.Millisecond)
					members, start := a, w.adder
					if rng.IntN(2) == 0 {
						members, start = b, w.keeper
					}
					slot := rng.IntN(3)
					if m := members[slot]; m != nil {
						m.stop()
						for _, err := range m.errs {
							t.Errorf("a run failed without a fault: %v", err)
						}
						delete(members, slot)
					} else {
						members[slot] = start(fmt.Sprint(slot))
					}
				}
				stopFeed()
				a[9], b[9] = w.adder("9"), w.keeper("9")
				w.drained(s)
				w.ownedOnce(a)
				for _, ms := range []map[int]*member{a, b} {
					for _, m := range ms {
						m.stop()
					}
				}
				if _, n := s.total(); n < 100 {
					t.Fatalf("the source committed only %d values: this run shows little", n)
				}
			})
		})
	}
}

// A member whose network is away for longer than its session is a zombie when it comes back.
func TestPipelineIsExactAcrossZombies(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		s := w.pipeline()
		defer s.cl.Close()
		stopFeed := feed(s, rand.New(rand.NewPCG(7, 7)))
		broker := w.e.Settings()
		cut := func(o Options) (Options, *cable) {
			c := &cable{dial: broker.Dialer}
			o.Settings = Settings{Brokers: broker.Brokers, Dialer: c.dialContext}
			return o, c
		}
		oa, ca := cut(stageA("0"))
		ob, cb := cut(stageB("0"))
		members := []*member{
			w.member(oa, func() Role { return newAdder("mid", midParts) }),
			w.member(ob, func() Role { return newKeeper(broker, "state") }),
			w.adder("1"), w.keeper("1"),
		}
		rng := rand.New(rand.NewPCG(7, 8))
		for range 3 {
			for _, c := range []*cable{ca, cb} {
				time.Sleep(time.Duration(3000+rng.IntN(1000)) * time.Millisecond)
				c.set(true)
				time.Sleep(time.Duration(1+rng.IntN(15)) * time.Second)
				c.set(false)
			}
		}
		stopFeed()
		w.drained(s)
		for _, m := range members {
			m.stop()
		}
	})
}

func TestRunRefusesBadOptions(t *testing.T) {
	err := Run(t.Context(), Options{EpochMax: -1})
	for _, want := range []string{"name", "group", "transactional id", "topics", "role", "epoch max"} {
		if err == nil || !strings.Contains(err.Error(), "runner options: "+want) {
			t.Errorf("error %v does not name %q", err, want)
		}
	}
}
