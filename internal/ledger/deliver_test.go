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
	expect := func(want string) {
		t.Helper()
		var got []string
		for _, sink := range []string{"pager", "slack"} {
			got = append(got, names(l.Pending(ctx, sink, 10)))
		}
		if text := strings.TrimSpace(strings.Join(got, " ")); text != want {
			t.Errorf("pending: %q, want %q", text, want)
		}
	}
	if err := l.Append(ctx, nil, nil, []Outgoing{
		{"z", "slack", []byte(`{"n":1}`), at(5)}, {"a", "slack", []byte("2"), at(5)}, {"a", "pager", []byte("3"), at(1)},
	}); err != nil {
		t.Fatal(err)
	}
	expect("a>pager z>slack a>slack")
	if got := names(l.Pending(ctx, "slack", 1)); got != "z>slack" {
		t.Errorf("one of them: %q", got)
	}
	if got := names(l.Pending(ctx, "slack", -1)); got != "" {
		t.Errorf("a negative limit gives %q", got)
	}

	// A known message is not accepted again, with the same body or another, waiting or delivered.
	if err := l.Delivered(ctx, "a", "pager"); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(ctx, nil, nil, []Outgoing{{"a", "pager", []byte("4"), at(0)}, {"z", "slack", []byte("4"), at(0)}}); err != nil {
		t.Fatal(err)
	}
	expect("z>slack a>slack")

	if err := l.Retry(ctx, "z", "slack", at(9), "503 \xff\x00"); err != nil {
		t.Fatal(err)
	}
	got, err := l.Pending(ctx, "slack", 10)
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
	expect("a>slack")
	if got := names(l.Abandoned(ctx, "", "", 5)); got != "z>slack" {
		t.Errorf("abandoned: %q", got)
	}
	if err := l.Retry(ctx, "z", "slack", at(10), "by hand"); err != nil {
		t.Fatal(err)
	}
	expect("z>slack a>slack")

	again := Entry{At: at(11), Kind: "outbox_retry", Subject: "z", Actor: "ada", Body: []byte("{}")}
	if err := errors.Join(l.Abandon(ctx, "z", "slack", "again"), l.Revive(ctx, again, "z", "slack", at(11))); err != nil {
		t.Fatal(err)
	}
	if err := l.Revive(ctx, again, "a", "slack", at(99)); !errors.Is(err, ErrNotAbandoned) {
		t.Errorf("revive what waits: %v", err)
	}
	if seq, _, err := l.Head(ctx); err != nil || seq != 1 {
		t.Errorf("the head is %d, %v; want the one entry of the one that was revived", seq, err)
	}
	if got, err := l.Pending(ctx, "slack", 1); err != nil || got[0].Attempts != 0 || !got[0].Due.Equal(at(11)) {
		t.Errorf("revived: %+v, %v; want it as if never tried", got, err)
	}

	// What was delivered stays delivered.
	if err := errors.Join(l.Delivered(ctx, "a", "pager"), l.Retry(ctx, "a", "pager", at(0), ""), l.Abandon(ctx, "a", "pager", "")); err != nil {
		t.Fatal(err)
	}
	expect("z>slack a>slack")
	for name, err := range map[string]error{
		"Delivered": l.Delivered(ctx, "a", "mail"), "Keep": l.Keep(ctx, "a", "mail", ""), "Revive": l.Revive(ctx, again, "a", "mail", at(0)), "Retry": l.Retry(ctx, "x", "slack", at(0), ""), "Abandon": l.Abandon(ctx, "", "", ""),
	} {
		if !errors.Is(err, ErrUnknownMessage) {
			t.Errorf("%s of an unknown message: %v", name, err)
		}
	}
}

// Of a subject that the sink was told of later nothing older is told; of other subjects, and by other sinks, it is.
func TestReviveWhatIsOutdated(t *testing.T) {
	l := inMemory(t)
	ctx := t.Context()
	again := Entry{At: day, Kind: "outbox_retry", Actor: "ada", Body: []byte("{}")}
	if err := l.Append(ctx, nil, nil, []Outgoing{
		{"inc-1", "pager", []byte("1"), day},
		{"inc-1", "mail", []byte("1"), day},
		{"other-1", "pager", []byte("1"), day},
		{"inc-2", "pager", []byte("2"), day},
		{"inc-3", "pager", []byte("3"), day},
		{"wait-1", "pager", []byte("1"), day},
		{"wait-2", "pager", []byte("2"), day},
	}); err != nil {
		t.Fatal(err)
	}
	for _, of := range [][2]string{{"inc-1", "pager"}, {"inc-1", "mail"}, {"other-1", "pager"}, {"inc-3", "pager"}, {"wait-1", "pager"}} {
		if err := l.Abandon(ctx, of[0], of[1], "refused"); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Delivered(ctx, "inc-2", "pager"); err != nil {
		t.Fatal(err)
	}
	if err := l.Revive(ctx, again, "inc-1", "pager", day); !errors.Is(err, ErrOutdated) {
		t.Errorf("revive a trigger after the resolve: %v", err)
	}
	// A later one that waits may be on its way just now.
	if err := l.Revive(ctx, again, "wait-1", "pager", day); !errors.Is(err, ErrOvertaken) {
		t.Errorf("revive what a later message waits behind: %v", err)
	}
	if err := errors.Join(l.Abandon(ctx, "wait-2", "pager", "refused"), l.Revive(ctx, again, "wait-1", "pager", day), l.Revive(ctx, again, "wait-2", "pager", day)); err != nil {
		t.Errorf("both, in their order: %v", err)
	}
	if err := l.Revive(ctx, Entry{}, "inc-3", "pager", day); !errors.Is(err, ErrNoEntry) {
		t.Errorf("revive without an entry that says who wants it: %v", err)
	}
	for _, of := range [][2]string{{"\x00-1", "pager"}, {"inc-3", "\x00"}, {"\xff", "pager"}} {
		e := again
		e.Subject = strings.TrimSuffix(of[0], "-1")
		if err := l.Revive(ctx, e, of[0], of[1], day); !errors.Is(err, ErrUnknownMessage) {
			t.Errorf("revive %q to %q: %v", of[0], of[1], err)
		}
	}
	if err := errors.Join(l.Revive(ctx, again, "inc-1", "mail", day), l.Revive(ctx, again, "other-1", "pager", day), l.Revive(ctx, again, "inc-3", "pager", day)); err != nil {
		t.Error(err)
	}
}

// What a sink answered is found by what the message was about, and by nothing that only begins like it.
func TestReceipts(t *testing.T) {
	l := inMemory(t)
	ctx := t.Context()
	if err := l.Append(ctx, nil, nil, []Outgoing{
		{"inc-1", "slack", []byte("1"), day}, {"inc-2", "slack", []byte("2"), day}, {"inc-2", "mail", []byte("2"), day}, {"inc2-3", "slack", []byte("3"), day}, {"in_-4", "slack", []byte("4"), day},
	}); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		l.Retry(ctx, "inc-2", "slack", day, "receipt? no, a reason"), l.Keep(ctx, "inc-1", "slack", "C1 17.1"), l.Delivered(ctx, "inc-1", "slack"),
		l.Keep(ctx, "inc2-3", "slack", "C1 17.3"),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range [][3]string{{"inc", "slack", "C1 17.1"}, {"inc", "mail", ""}, {"inc2", "slack", "C1 17.3"}, {"in_", "slack", ""}, {"", "slack", ""}} {
		if got, err := l.Receipt(ctx, c[0], c[1]); err != nil || got != c[2] {
			t.Errorf("of %q in %s: %q, %v; want %q", c[0], c[1], got, err, c[2])
		}
	}
	if err := l.Keep(ctx, "inc-2", "slack", "C1 17.2"); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Receipt(ctx, "inc", "slack"); err != nil || got != "C1 17.2" {
		t.Errorf("the latest: %q, %v", got, err)
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
				limit := rapid.IntRange(0, 7).Draw(t, "limit")
				keys := slices.SortedFunc(maps.Keys(box), func(a, b key) int {
					return box[a].position - box[b].position
				})
				in := func(state, sink string) (want []Waiting) {
					for _, k := range keys {
						if m := box[k]; m.state == state && (sink == "" || k.sink == sink) {
							want = append(want, Waiting{Outgoing{k.id, k.sink, []byte(m.body), time.UnixMicro(m.due).UTC()}, m.attempts, m.reason})
						}
					}
					return want
				}
				first := func(all []Waiting) []Waiting {
					if limit == 0 {
						return nil
					}
					return all[:min(len(all), limit)]
				}
				var queues []Queue
				for _, sink := range []string{"p", "s"} {
					got, err := l.Pending(t.Context(), sink, limit)
					if d := cmp.Diff(first(in(statePending, sink)), got); d != "" || err != nil {
						t.Fatal(sink, d, err)
					}
					if q := (Queue{sink, len(in(statePending, sink)), len(in(stateAbandoned, sink))}); q.Pending+q.Abandoned > 0 {
						queues = append(queues, q)
					}
				}
				for _, of := range []key{{"", ""}, {"", "s"}, {"a", ""}, {"a", "p"}} {
					given, err := l.Abandoned(t.Context(), of.id, of.sink, limit)
					want := slices.DeleteFunc(in(stateAbandoned, of.sink), func(w Waiting) bool { return of.id != "" && w.ID != of.id })
					if want = first(want); len(want) == 0 {
						want = nil
					}
					if d := cmp.Diff(want, given); d != "" || err != nil {
						t.Fatal(of, d, err)
					}
				}
				counted, err := l.Queues(t.Context())
				if !slices.Equal(counted, queues) || err != nil {
					t.Fatal(counted, queues, err)
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
