package ledger

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestOutbox(t *testing.T) {
	l := inMemory(t)
	ctx := t.Context()
	at := func(s int) time.Time { return day.Truncate(time.Microsecond).Add(time.Duration(s) * time.Second) }
	names := func(all []Waiting, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		var b []string
		for _, w := range all {
			b = append(b, w.ID+">"+w.Sink)
		}
		return strings.Join(b, " ")
	}
	expect := func(now int, want string) {
		t.Helper()
		if got := names(l.Pending(ctx, at(now), 10)); got != want {
			t.Errorf("pending at %d s: %q, want %q", now, got, want)
		}
	}
	if err := l.Append(ctx, nil, nil, []Outgoing{
		{"z", "slack", []byte(`{"n":1}`), at(5)}, {"a", "slack", []byte("2"), at(5)}, {"a", "pager", []byte("3"), at(1)},
	}); err != nil {
		t.Fatal(err)
	}
	expect(0, "")
	expect(1, "a>pager")
	expect(5, "z>slack a>slack a>pager")
	if got := names(l.Pending(ctx, at(5), 2)); got != "z>slack a>slack" {
		t.Errorf("two of them: %q", got)
	}
	if got := names(l.Pending(ctx, at(5), -1)); got != "" {
		t.Errorf("a negative limit gives %q", got)
	}

	// A known message is not accepted again, with the same body or another, waiting or delivered.
	if err := l.Delivered(ctx, "a", "pager"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, nil, nil, []Outgoing{{"a", "pager", []byte("4"), at(0)}, {"z", "slack", []byte("4"), at(0)}}); err != nil {
		t.Fatal(err)
	}
	expect(5, "z>slack a>slack")

	if err := l.Retry(ctx, "z", "slack", at(9), "503 \xff\x00"); err != nil {
		t.Fatal(err)
	}
	expect(8, "") // a>slack is due and waits behind z>slack
	got, err := l.Pending(ctx, at(9), 10)
	if err != nil {
		t.Fatal(err)
	}
	want := []Waiting{
		{Outgoing{"z", "slack", []byte(`{"n":1}`), at(9)}, 1, "503 \uFFFD\uFFFD"},
		{Outgoing{"a", "slack", []byte("2"), at(5)}, 0, ""},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}

	if err := l.Abandon(ctx, "z", "slack", "gone for a day"); err != nil {
		t.Fatal(err)
	}
	expect(9, "a>slack")
	if got := names(l.Abandoned(ctx, 5)); got != "z>slack" {
		t.Errorf("abandoned: %q", got)
	}
	if err := l.Retry(ctx, "z", "slack", at(10), "by hand"); err != nil {
		t.Fatal(err)
	}
	expect(10, "z>slack a>slack")

	// What was delivered stays delivered.
	if err := errors.Join(l.Delivered(ctx, "a", "pager"), l.Retry(ctx, "a", "pager", at(0), ""), l.Abandon(ctx, "a", "pager", "")); err != nil {
		t.Fatal(err)
	}
	expect(10, "z>slack a>slack")
	for name, err := range map[string]error{
		"Delivered": l.Delivered(ctx, "a", "mail"), "Retry": l.Retry(ctx, "x", "slack", at(0), ""), "Abandon": l.Abandon(ctx, "", "", ""),
	} {
		if !errors.Is(err, ErrUnknownMessage) {
			t.Errorf("%s of an unknown message: %v", name, err)
		}
	}
}

// Any sequence of calls leaves the outbox and the offsets as a few maps say.
func TestOutboxAndOffsetsModel(t *testing.T) {
	type message struct {
		body, state, reason string
		due                 int64
		attempts, position  int
	}
	type key struct{ id, sink string }
	l := inMemory(t) // opening is slow: one ledger, emptied for every case
	rapid.Check(t, func(t *rapid.T) {
		if _, err := l.db.ExecContext(t.Context(), "DELETE FROM ledger_outbox"); err != nil {
			t.Fatal(err)
		}
		if _, err := l.db.ExecContext(t.Context(), "DELETE FROM ledger_offsets"); err != nil {
			t.Fatal(err)
		}
		box, offsets, next := map[key]*message{}, map[Offset]int64{}, 0
		anyKey := rapid.Custom(func(t *rapid.T) key {
			return key{rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"), rapid.SampledFrom([]string{"s", "p"}).Draw(t, "sink")}
		})
		anyTime := rapid.Int64Range(-3, 6)
		settled := func(m *message, err error) bool {
			if (m == nil) != errors.Is(err, ErrUnknownMessage) || m != nil && err != nil {
				t.Fatalf("known: %v, error: %v", m != nil, err)
			}
			return m == nil || m.state == stateDelivered
		}
		actions := map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				var out []Outgoing
				for range rapid.IntRange(0, 4).Draw(t, "messages") {
					k := anyKey.Draw(t, "key")
					out = append(out, Outgoing{k.id, k.sink, []byte(rapid.StringN(0, 5, -1).Filter(func(s string) bool {
						return !strings.Contains(s, "\x00")
					}).Draw(t, "body")), time.UnixMicro(anyTime.Draw(t, "due"))})
				}
				o := Offset{"t", rapid.Int32Range(0, 1).Draw(t, "partition"), rapid.Int64Range(0, 20).Draw(t, "next")}
				at := Offset{Topic: o.Topic, Partition: o.Partition}
				err := l.Append(t.Context(), nil, []Offset{o}, out)
				if errors.Is(err, ErrStaleOffset) != (o.Next < offsets[at]) {
					t.Fatalf("offset %d after %d: %v", o.Next, offsets[at], err)
				}
				if err != nil {
					return
				}
				offsets[at] = o.Next
				for _, m := range out {
					next++
					if k := (key{m.ID, m.Sink}); box[k] == nil {
						box[k] = &message{body: string(m.Body), state: statePending, due: m.Due.UnixMicro(), position: next}
					}
				}
			},
			"delivered": func(t *rapid.T) {
				k := anyKey.Draw(t, "key")
				if !settled(box[k], l.Delivered(t.Context(), k.id, k.sink)) {
					box[k].state = stateDelivered
				}
			},
			"retry": func(t *rapid.T) {
				k, due := anyKey.Draw(t, "key"), anyTime.Draw(t, "due")
				if !settled(box[k], l.Retry(t.Context(), k.id, k.sink, time.UnixMicro(due), "r")) {
					box[k].state, box[k].due, box[k].reason = statePending, due, "r"
					box[k].attempts++
				}
			},
			"abandon": func(t *rapid.T) {
				k := anyKey.Draw(t, "key")
				if !settled(box[k], l.Abandon(t.Context(), k.id, k.sink, "q")) {
					box[k].state, box[k].reason = stateAbandoned, "q"
				}
			},
			"look": func(t *rapid.T) {
				now, limit := anyTime.Draw(t, "now"), rapid.IntRange(0, 7).Draw(t, "limit")
				for _, view := range []struct {
					state string
					got   func() ([]Waiting, error)
				}{
					{statePending, func() ([]Waiting, error) { return l.Pending(t.Context(), time.UnixMicro(now), limit) }},
					{stateAbandoned, func() ([]Waiting, error) { return l.Abandoned(t.Context(), limit) }},
				} {
					keys := slices.SortedFunc(maps.Keys(box), func(a, b key) int {
						return box[a].position - box[b].position
					})
					var want []Waiting
					held := map[string]bool{} // sinks with a message that is put off: those behind it wait
					for _, k := range keys {
						m := box[k]
						if view.state == statePending && m.state == statePending && m.due > now {
							held[k.sink] = true
						}
						if held[k.sink] {
							continue
						}
						if m.state == view.state && (m.state == stateAbandoned || m.due <= now) && len(want) < limit {
							want = append(want, Waiting{Outgoing{k.id, k.sink, []byte(m.body), time.UnixMicro(m.due).UTC()}, m.attempts, m.reason})
						}
					}
					got, err := view.got()
					if d := cmp.Diff(want, got); d != "" || err != nil {
						t.Fatal(view.state, d, err)
					}
				}
				all, err := l.Offsets(t.Context())
				if err != nil || len(all) != len(offsets) {
					t.Fatal(all, offsets, err)
				}
				for _, o := range all {
					if offsets[Offset{Topic: o.Topic, Partition: o.Partition}] != o.Next {
						t.Fatal(all, offsets)
					}
				}
			},
		}
		names := slices.Sorted(maps.Keys(actions))
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			actions[rapid.SampledFrom(names).Draw(t, "action")](t)
		}
		actions["look"](t)
	})
}
