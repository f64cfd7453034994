package view

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"
)

func startRedis(t *testing.T) *redis.Client {
	t.Helper()
	e, err := StartEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	c := e.Client()
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		e.Close()
	})
	return c
}

// implementations are what the conformance tests run against.
var implementations = map[string]func(t *testing.T) Index{
	"memory": func(*testing.T) Index { return NewMemoryIndex() },
	"redis":  func(t *testing.T) Index { return NewRedisIndex(startRedis(t), "test", 0) },
	"redis in small calls": func(t *testing.T) Index {
		x := NewRedisIndex(startRedis(t), "test", 0)
		x.batch = 2
		return x
	},
}

func list(words ...string) [][]byte {
	all := make([][]byte, len(words))
	for i, w := range words {
		if w != "" {
			all[i] = []byte(w)
		}
	}
	return all
}

func TestIndexConformance(t *testing.T) {
	ctx := context.Background()
	type call func(t *testing.T, x Index)
	reads := func(partition int32, upto int64, ids, states string) call {
		return func(t *testing.T, x Index) {
			t.Helper()
			got, ok, values, err := x.Read(ctx, partition, list(strings.Fields(ids)...))
			want := list(strings.Fields(states)...)
			for i := range want {
				if string(want[i]) == "-" {
					want[i] = nil
				}
			}
			if err != nil || !ok || got != upto || !slices.EqualFunc(want, values, bytes.Equal) {
				t.Errorf("Read(%d, %s) = %d, %v, %q, %v; want %d, %q", partition, ids, got, ok, values, err, upto, want)
			}
			for i := range values {
				if (values[i] == nil) != (want[i] == nil) {
					t.Errorf("state %d is %#v; none must be nil", i, values[i])
				}
			}
		}
	}
	missing := func(partition int32) call {
		return func(t *testing.T, x Index) {
			t.Helper()
			upto, ok, states, err := x.Read(ctx, partition, list("a"))
			if upto != 0 || ok || states != nil || err != nil {
				t.Errorf("Read(%d) = %d, %v, %q, %v; want nothing", partition, upto, ok, states, err)
			}
		}
	}
	writes := func(partition int32, from, to int64, ids, states string, want bool) call {
		return func(t *testing.T, x Index) {
			t.Helper()
			values := list(strings.Fields(states)...)
			for i := range values {
				if string(values[i]) == "-" {
					values[i] = nil
				}
			}
			if got, err := x.Write(ctx, partition, from, to, list(strings.Fields(ids)...), values); got != want || err != nil {
				t.Errorf("Write(%d, %d, %d, %s) = %v, %v; want %v", partition, from, to, ids, got, err, want)
			}
		}
	}
	resets := func(partition int32, start int64) call {
		return func(t *testing.T, x Index) {
			t.Helper()
			if err := x.Reset(ctx, partition, start); err != nil {
				t.Error(err)
			}
		}
	}
	tests := map[string][]call{
		"nothing there":             {missing(0), writes(0, 0, 1, "a", "1", false), missing(0)},
		"reset, write, read":        {resets(0, 7), reads(0, 7, "a", "-"), writes(0, 7, 9, "a b c", "1 2 3", true), reads(0, 9, "c a x b a", "3 1 - 2 1")},
		"only the offset":           {resets(0, 7), reads(0, 7, "", ""), writes(0, 7, 9, "", "", true), reads(0, 9, "", "")},
		"change and delete":         {resets(0, 0), writes(0, 0, 1, "a b c d", "1 2 3 4", true), writes(0, 1, 2, "b d a", "5 - 6", true), reads(0, 2, "a b c d", "6 5 3 -")},
		"the last of two counts":    {resets(0, 0), writes(0, 0, 1, "a a b b b", "1 2 3 4 -", true), reads(0, 1, "a b", "2 -")},
		"behind or ahead":           {resets(0, 5), writes(0, 4, 6, "a", "1", false), writes(0, 6, 7, "a", "1", false), writes(0, 0, 5, "a", "1", false), reads(0, 5, "a", "-")},
		"a repeated write":          {resets(0, 0), writes(0, 0, 5, "a b c", "1 2 3", true), writes(0, 0, 5, "a b c", "1 2 3", true), reads(0, 5, "a", "1")},
		"the same span, other data": {resets(0, 0), writes(0, 0, 5, "a", "1", true), writes(0, 0, 5, "a", "2", false), writes(0, 0, 5, "", "", false), reads(0, 5, "a", "1")},
		"an old write repeated": {
			resets(0, 0), writes(0, 0, 5, "a", "1", true), writes(0, 5, 6, "a", "2", true), writes(0, 0, 5, "a", "1", false), reads(0, 6, "a", "2"),
		},
		"reset forgets":            {resets(0, 0), writes(0, 0, 5, "a b", "1 2", true), resets(0, 5), reads(0, 5, "a b", "- -"), writes(0, 5, 6, "a", "3", true), reads(0, 6, "a b", "3 -")},
		"reset forgets the repeat": {resets(0, 0), writes(0, 0, 5, "a", "1", true), resets(0, 5), writes(0, 0, 5, "a", "1", false), reads(0, 5, "a", "-")},
		"partitions are apart":     {resets(1, 0), resets(11, 3), writes(1, 0, 5, "a 1:a", "1 2", true), missing(0), reads(11, 3, "a :a", "- -"), reads(1, 5, "a 1:a", "1 2")},
		"beyond 2^53":              {resets(0, 1<<53), writes(0, 1<<53+1, 1<<53+2, "a", "1", false), writes(0, 1<<53, 1<<53+1, "a", "1", true), reads(0, 1<<53+1, "a", "1")},
		"largest offset":           {resets(0, 0), writes(0, 0, 1<<63-1, "a", "1", true), reads(0, 1<<63-1, "a", "1")},
	}
	for name, start := range implementations {
		t.Run(name, func(t *testing.T) {
			for name, calls := range tests {
				t.Run(name, func(t *testing.T) {
					x := start(t)
					for i, c := range calls {
						if c(t, x); t.Failed() {
							t.Fatalf("at call %d", i+1)
						}
					}
				})
			}
			t.Run("any bytes", func(t *testing.T) {
				x := start(t)
				resets(0, 0)(t, x)
				ids, states := [][]byte{{}, {0}, {0xff, '{', '}', ':', '\r', '\n'}}, [][]byte{{0}, {0xff, 0, '\n'}, bytes.Repeat([]byte{7}, 5000)}
				if ok, err := x.Write(ctx, 0, 0, 1, ids, states); !ok || err != nil {
					t.Fatal(ok, err)
				}
				_, ok, got, err := x.Read(ctx, 0, ids)
				if d := cmp.Diff(states, got); d != "" || !ok || err != nil {
					t.Error(d, ok, err)
				}
				got[1][0]++ // what was read or written belongs to the caller
				states[2][0]++
				_, _, got, _ = x.Read(ctx, 0, ids)
				if got[1][0] != 0xff || got[2][0] != 7 {
					t.Error("the index shares memory with its caller")
				}
			})
			t.Run("refused arguments", func(t *testing.T) {
				x := start(t)
				resets(0, 3)(t, x)
				for _, err := range []error{
					x.Reset(ctx, -1, 0), x.Reset(ctx, 0, -1), second(x.Write(ctx, 0, 3, 3, nil, nil)), second(x.Write(ctx, 0, 3, 2, nil, nil)),
					second(x.Write(ctx, 0, -3, 4, nil, nil)), second(x.Write(ctx, -1, 3, 4, nil, nil)), second(x.Write(ctx, 0, 3, 4, list("a"), nil)),
				} {
					if err == nil {
						t.Error("accepted")
					}
				}
				over, cancel := context.WithCancel(ctx)
				cancel()
				_, _, _, readErr := x.Read(over, 0, nil)
				for _, err := range []error{readErr, x.Reset(over, 0, 0), second(x.Write(over, 0, 3, 4, nil, nil))} {
					if !errors.Is(err, context.Canceled) {
						t.Errorf("with a cancelled context: %v", err)
					}
				}
				reads(0, 3, "a", "-")(t, x)
			})
		})
	}
}

func second(_ bool, err error) error { return err }

// oracle is what an index is: one partition, no calls, no network.
type oracle struct {
	held       bool
	open       string // the Write that got stuck; the partition is unreadable
	last       string // the last Write that came to its end
	generation int
	upto       int64
	states     map[string]string
}

// write is a Write and its state of completion.
type write struct {
	from, to    int64
	ids, states [][]byte
}

func (w write) name() string { return fmt.Sprintf("%d %d %q %q", w.from, w.to, w.ids, w.states) }

func (o *oracle) reset(start int64) {
	*o = oracle{held: true, generation: o.generation + 1, upto: start, states: map[string]string{}}
}

// call is one call of w's calls: begun is the generation of its first call, 0 in the first.
func (o *oracle) call(w write, begun int, final bool) (ok bool) {
	switch {
	case !o.held:
		return false
	case o.open == "" && o.upto == w.to && o.last == w.name():
		return true
	case begun == 0 && (o.open != "" && o.open != w.name() || o.upto != w.from):
		return false
	case begun != 0 && (o.open != w.name() || o.generation != begun):
		return false
	case !final:
		o.open = w.name()
		return true
	}
	for i, id := range w.ids {
		o.states[string(id)] = string(w.states[i])
	}
	o.upto, o.open, o.last = w.to, "", w.name()
	return true
}

// between runs hooks before the scripts of a Write: the place where a process may stall or die.
type between struct{ before func() error }

func (b *between) DialHook(next redis.DialHook) redis.DialHook { return next }
func (b *between) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func (b *between) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if b.before != nil && strings.HasPrefix(cmd.Name(), "evalsha") {
			if err := b.before(); err != nil {
				cmd.SetErr(err)
				return err
			}
		}
		return next(ctx, cmd)
	}
}

// Whatever two processes do, crashes in the middle of a Write included, an index behaves as the oracle, which applies a Write
// in one step or not at all. Small calls and small numbers make them meet.
func TestIndexModel(t *testing.T) {
	ctx := context.Background()
	client := startRedis(t)
	hook := &between{}
	client.AddHook(hook)
	const batch = 2
	cases := 0
	for _, kind := range []string{"memory", "redis"} {
		t.Run(kind, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				var x Index = NewMemoryIndex()
				sentinel := ""
				if kind == "redis" {
					cases++
					r := NewRedisIndex(client, fmt.Sprint("case", cases), 0)
					r.batch = batch
					x, sentinel = r, r.sentinel(0)
				}
				o, past := &oracle{}, []write{{from: 0, to: 1}}
				anyIDs := rapid.SliceOfN(rapid.SampledFrom(list("a", "b", "c", "d")), 0, 5)
				anyWrite := rapid.Custom(func(t *rapid.T) write {
					if rapid.IntRange(0, 2).Draw(t, "repeat") == 0 {
						return rapid.SampledFrom(past).Draw(t, "write")
					}
					w := write{from: o.upto, ids: anyIDs.Draw(t, "ids")}
					if rapid.IntRange(0, 3).Draw(t, "elsewhere") == 0 {
						w.from = rapid.Int64Range(0, 4).Draw(t, "from")
					}
					w.to = w.from + rapid.Int64Range(1, 2).Draw(t, "by")
					for range w.ids {
						w.states = append(w.states, rapid.SampledFrom(list("", "1", "2")).Draw(t, "state"))
					}
					past = append(past, w)
					return w
				})
				read := func(t *rapid.T) {
					ids := anyIDs.Draw(t, "ids")
					upto, ok, states, err := x.Read(ctx, 0, ids)
					if err != nil || ok != (o.held && o.open == "") {
						t.Fatalf("Read = %v, %v; oracle %+v", ok, err, o)
					}
					if !ok {
						return
					}
					if upto != o.upto || len(states) != len(ids) {
						t.Fatalf("Read stands at %d with %d states; oracle %+v", upto, len(states), o)
					}
					for i, id := range ids {
						if string(states[i]) != o.states[string(id)] {
							t.Fatalf("Read of %s = %q; oracle %+v", id, states[i], o)
						}
					}
				}
				var step func(t *rapid.T, nested bool)
				step = func(t *rapid.T, nested bool) {
					actions := []string{"reset", "write", "write", "write", "read"}
					if kind == "redis" {
						actions = append(actions, "lose")
					}
					switch rapid.SampledFrom(actions).Draw(t, "action") {
					case "reset":
						start := rapid.Int64Range(0, 3).Draw(t, "start")
						if err := x.Reset(ctx, 0, start); err != nil {
							t.Fatal(err)
						}
						o.reset(start)
					case "lose":
						if err := client.Del(ctx, sentinel).Err(); err != nil {
							t.Fatal(err)
						}
						*o = oracle{generation: o.generation}
					case "read":
						read(t)
					case "write":
						w := anyWrite.Draw(t, "w")
						calls := 1
						if kind == "redis" {
							calls = max(1, (len(w.ids)+batch-1)/batch)
						}
						// The oracle is told of each call just before Redis is. What happens before the first call needs
						// no nesting; before a later one, others may act, or the process may die.
						want, done, begun := true, 0, 0
						died := errors.New("died")
						outer := hook.before
						hook.before = func() error {
							if done > 0 && rapid.IntRange(0, 3).Draw(t, "dies") == 0 {
								return died
							}
							if done > 0 && !nested {
								for range rapid.IntRange(0, 3).Draw(t, "others") {
									step(t, true)
								}
							}
							done++
							want = o.call(w, begun, done == calls)
							begun = o.generation
							return nil
						}
						if kind == "memory" {
							_ = hook.before()
						}
						got, err := x.Write(ctx, 0, w.from, w.to, w.ids, w.states)
						hook.before = outer
						if errors.Is(err, died) {
							return
						}
						if got != want || err != nil {
							t.Fatalf("Write %s = %v, %v; want %v; oracle now %+v", w.name(), got, err, want, o)
						}
					}
				}
				for range rapid.IntRange(1, 12).Draw(t, "steps") {
					step(t, false)
				}
				read(t)
			})
		})
	}
}

// The two interleavings that the model test meets rarely. A large Write stalls before its last call; meanwhile ...
func TestStalledWrite(t *testing.T) {
	ctx := context.Background()
	ids, states := list("a", "b", "c"), list("1", "2", "3")
	for name, meanwhile := range map[string]struct {
		act  func(t *testing.T, x *RedisIndex, hook *between)
		upto int64
		ok   bool
		want [][]byte
	}{
		// ... the next owner resets and dies in the middle of the same Write: its first states are there, the stalled Write's
		// are not, and the last call must not pretend they were.
		"reset, and the same Write begun": {
			act: func(t *testing.T, x *RedisIndex, hook *between) {
				if err := x.Reset(ctx, 0, 0); err != nil {
					t.Error(err)
				}
				died, calls := errors.New("died"), 0
				hook.before = func() error {
					if calls++; calls == 2 {
						return died
					}
					return nil
				}
				if _, err := x.Write(ctx, 0, 0, 1, ids, states); !errors.Is(err, died) {
					t.Error(err)
				}
			},
		},
		// ... the same Write is finished by another process, which goes on: the last call must not bring old states back.
		"finished and gone on": {
			act: func(t *testing.T, x *RedisIndex, _ *between) {
				if ok, err := x.Write(ctx, 0, 0, 1, ids, states); !ok || err != nil {
					t.Error(ok, err)
				}
				if ok, err := x.Write(ctx, 0, 1, 2, list("c"), list("4")); !ok || err != nil {
					t.Error(ok, err)
				}
			},
			upto: 2, ok: true, want: list("1", "2", "4"),
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := startRedis(t)
			hook := &between{}
			c.AddHook(hook)
			x := NewRedisIndex(c, "test", 0)
			x.batch = 1
			if err := x.Reset(ctx, 0, 0); err != nil {
				t.Fatal(err)
			}
			calls := 0
			hook.before = func() error {
				if calls++; calls == 3 {
					hook.before = nil
					meanwhile.act(t, x, hook)
					hook.before = nil
				}
				return nil
			}
			if ok, err := x.Write(ctx, 0, 0, 1, ids, states); ok || err != nil {
				t.Errorf("the stalled Write = %v, %v; want it refused", ok, err)
			}
			upto, ok, got, err := x.Read(ctx, 0, ids)
			if d := cmp.Diff(meanwhile.want, got); d != "" || upto != meanwhile.upto || ok != meanwhile.ok || err != nil {
				t.Error(d, upto, ok, err)
			}
		})
	}
}
