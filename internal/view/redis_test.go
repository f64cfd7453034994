package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// A Read of several calls that meets a Write in between starts again, and gives up if that happens every time.
func TestReadMeetsWrites(t *testing.T) {
	ctx := t.Context()
	c := startRedis(t)
	other := startedSecond(t, c)
	x, y := NewRedisIndex(c, "test", 0), NewRedisIndex(other, "test", 0)
	x.batch = 1
	if err := x.Reset(ctx, 0, 0); err != nil {
		t.Fatal(err)
	}
	ids := list("a", "b", "c")
	at, calls := int64(0), 0
	moves := func(call int) bool { return call == 2 || call == 3 }
	c.AddHook(&afterRead{func() {
		if calls++; moves(calls) {
			at++
			state := fmt.Append(nil, at)
			if ok, err := y.Write(ctx, 0, at-1, at, ids, [][]byte{state, state, state}); !ok || err != nil {
				t.Error(ok, err)
			}
		}
	}})
	upto, ok, states, err := x.Read(ctx, 0, ids)
	if upto != 2 || !ok || err != nil || string(states[0])+string(states[1])+string(states[2]) != "222" {
		t.Errorf("Read = %d, %v, %q, %v; want all as of 2", upto, ok, states, err)
	}
	moves = func(int) bool { return true }
	if _, ok, states, err := x.Read(ctx, 0, ids); !errors.Is(err, ErrMoved) || ok || states != nil {
		t.Errorf("Read = %v, %q, %v; want ErrMoved", ok, states, err)
	}
	if _, ok, _, err := y.Read(ctx, 0, ids); !ok || err != nil {
		t.Errorf("a Read in one call: %v, %v", ok, err)
	}
}

// startedSecond is another connection to the Redis of c.
func startedSecond(t *testing.T, c *redis.Client) *redis.Client {
	t.Helper()
	options := *c.Options()
	other := redis.NewClient(&options)
	t.Cleanup(func() { _ = other.Close() })
	return other
}

// afterRead calls then after every transaction.
type afterRead struct{ then func() }

func (a *afterRead) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (a *afterRead) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (a *afterRead) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		a.then()
		return err
	}
}

// More ids than one call carries, with the real limit.
func TestLargeBatch(t *testing.T) {
	ctx := t.Context()
	x := NewRedisIndex(startRedis(t), "test", time.Hour)
	if err := x.Reset(ctx, 3, 100); err != nil {
		t.Fatal(err)
	}
	const n = 2*MaxBatch + 1
	ids, states := make([][]byte, n), make([][]byte, n)
	for i := range n {
		ids[i], states[i] = fmt.Append(nil, i), fmt.Appendf(nil, "state %d", i)
	}
	if ok, err := x.Write(ctx, 3, 100, 200, ids, states); !ok || err != nil {
		t.Fatal(ok, err)
	}
	upto, ok, got, err := x.Read(ctx, 3, ids)
	if upto != 200 || !ok || err != nil {
		t.Fatal(upto, ok, err)
	}
	for i := range n {
		if !bytes.Equal(got[i], states[i]) {
			t.Fatalf("state %d is %q", i, got[i])
		}
	}
}

// After a Reset whose sentinel was lost with its Redis, old states must stay dead whatever else survived.
func TestLostSentinel(t *testing.T) {
	ctx := t.Context()
	c := startRedis(t)
	x := NewRedisIndex(c, "test", 0)
	for range 2 {
		if _, ok, _, err := x.Read(ctx, 0, list("a")); ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := x.Reset(ctx, 0, 0); err != nil {
			t.Fatal(err)
		}
		if upto, ok, states, err := x.Read(ctx, 0, list("a")); upto != 0 || !ok || states[0] != nil || err != nil {
			t.Fatalf("after Reset: %d, %v, %q, %v", upto, ok, states, err)
		}
		if ok, err := x.Write(ctx, 0, 0, 1, list("a"), list("1")); !ok || err != nil {
			t.Fatal(ok, err)
		}
		if err := c.Del(ctx, x.sentinel(0)).Err(); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.HSet(ctx, x.sentinel(0), "upto", "many", "generation", "12345678").Err(); err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := x.Read(ctx, 0, nil); err == nil || !strings.Contains(err.Error(), x.sentinel(0)) {
		t.Errorf("a damaged sentinel: %v", err)
	}
}

// Everything in a bubble: four joiners with four clients share one Redis without stalling it, and without using its time up.
func TestInBubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, start := t.Context(), time.Now()
		e, err := StartEmbedded()
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()
		var wg sync.WaitGroup
		for partition := range int32(4) {
			wg.Go(func() {
				c := e.Client()
				defer func() {
					if err := c.Close(); err != nil {
						t.Error(err)
					}
				}()
				x := NewRedisIndex(c, "test", time.Hour)
				if err := x.Reset(ctx, partition, 0); err != nil {
					t.Error(err)
				}
				large := bytes.Repeat([]byte("x"), 100_000) // more than any buffer on the way
				for i := range int64(5) {
					if ok, err := x.Write(ctx, partition, i, i+1, list("a", "b"), [][]byte{fmt.Append(nil, i), large}); !ok || err != nil {
						t.Error(ok, err)
					}
				}
				upto, ok, states, err := x.Read(ctx, partition, list("a", "b"))
				if upto != 5 || !ok || err != nil || string(states[0]) != "4" || !bytes.Equal(states[1], large) {
					t.Errorf("partition %d: %d, %v, %v", partition, upto, ok, err)
				}
			})
		}
		wg.Wait()
		if d := time.Since(start); d != 0 {
			t.Errorf("%v of virtual time passed", d)
		}
	})
}

// States live for their TTL from their last write, sentinels for ever.
func TestStatesExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		e := &Embedded{server: miniredis.NewMiniRedis()}
		e.server.ClockTTL(true)
		defer e.Close()
		c := e.Client()
		defer func() {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}()
		for partition, ttl := range []time.Duration{time.Hour, 0, -1} {
			x := NewRedisIndex(c, "test", ttl)
			if err := x.Reset(ctx, int32(partition), 0); err != nil {
				t.Error(err)
			}
			if ok, err := x.Write(ctx, int32(partition), 0, 1, list("a", "b"), list("1", "2")); !ok || err != nil {
				t.Error(ok, err)
			}
		}
		<-time.After(40 * time.Minute)
		hour, never := NewRedisIndex(c, "test", time.Hour), NewRedisIndex(c, "test", 0)
		if ok, err := hour.Write(ctx, 0, 1, 2, list("b"), list("3")); !ok || err != nil {
			t.Error(ok, err)
		}
		<-time.After(40 * time.Minute)
		upto, ok, states, err := hour.Read(ctx, 0, list("a", "b"))
		if upto != 2 || !ok || err != nil || states[0] != nil || string(states[1]) != "3" {
			t.Errorf("after 80 minutes: %d, %v, %q, %v; want only b", upto, ok, states, err)
		}
		<-time.After(10_000 * time.Hour)
		if upto, ok, states, err := hour.Read(ctx, 0, list("a", "b")); upto != 2 || !ok || err != nil || states[1] != nil {
			t.Errorf("after a year: %d, %v, %q, %v; want the sentinel alone", upto, ok, states, err)
		}
		for partition := int32(1); partition < 3; partition++ {
			if upto, ok, states, err := never.Read(ctx, partition, list("a")); upto != 1 || !ok || err != nil || string(states[0]) != "1" {
				t.Errorf("without a TTL: %d, %v, %q, %v", upto, ok, states, err)
			}
		}
	})
}

func TestRedisIsAway(t *testing.T) {
	ctx := t.Context()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	defer func() { _ = c.Close() }()
	x, d := NewRedisIndex(c, "test", 0), NewDisplay(c, "test")
	_, _, _, readErr := x.Read(ctx, 0, list("a"))
	_, latestErr := d.Latest(ctx, "m")
	_, modelsErr := d.Models(ctx)
	_, incidentsErr := d.Incidents(ctx)
	for _, err := range []error{
		readErr, second(x.Write(ctx, 0, 0, 1, nil, nil)), x.Reset(ctx, 0, 0), x.CheckPolicy(ctx),
		d.PutPane(ctx, "m", nil, time.Time{}), d.PutIncident(ctx, "i", nil, 0), latestErr, modelsErr, incidentsErr,
	} {
		if err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("error %v; want it to say that the connection was refused", err)
		}
	}
}

// informant answers INFO as a real Redis does.
type informant struct{ policy string }

func (i *informant) DialHook(next redis.DialHook) redis.DialHook { return next }
func (i *informant) ProcessHook(redis.ProcessHook) redis.ProcessHook {
	return func(_ context.Context, cmd redis.Cmder) error {
		cmd.(*redis.StringCmd).SetVal("# Memory\r\nused_memory:1\r\nmaxmemory_policy:" + i.policy + "\r\n")
		return nil
	}
}

func (i *informant) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestCheckPolicy(t *testing.T) {
	c := startRedis(t)
	if err := NewRedisIndex(c, "test", 0).CheckPolicy(t.Context()); err != nil {
		t.Errorf("embedded: %v", err)
	}
	for policy, want := range map[string]error{"noeviction": nil, "allkeys-lru": ErrEvicts, "volatile-ttl": ErrEvicts} {
		c := startRedis(t)
		c.AddHook(&informant{policy})
		if err := NewRedisIndex(c, "test", 0).CheckPolicy(t.Context()); !errors.Is(err, want) {
			t.Errorf("%s: %v", policy, err)
		}
	}
}
