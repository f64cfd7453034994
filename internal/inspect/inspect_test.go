package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/record"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The offsets of a cover are those of its ranges, each once: held against a set of single offsets.
func TestCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var c Cover
		want := map[string]bool{}
		for range rapid.IntRange(0, 12).Draw(t, "ranges") {
			topic := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "topic")
			p := rapid.Int32Range(0, 1).Draw(t, "partition")
			first := rapid.Int64Range(0, 30).Draw(t, "first")
			last := first + rapid.Int64Range(-1, 8).Draw(t, "more")
			switch rapid.IntRange(0, 2).Draw(t, "as") {
			case 0:
				c.Add(Range{topic, p, first, last + 1})
			case 1:
				c.AddSpans([]record.Span{{Topic: topic, Partition: p, First: first, Last: last}})
			default:
				c.AddOffsets(finding.Offsets{topic: {fmt.Sprint(p): {first, last}}})
			}
			for o := first; o <= last; o++ {
				want[fmt.Sprint(topic, p, " ", o)] = true
			}
		}
		if c.Empty() != (len(want) == 0) {
			t.Errorf("empty: %t with %d offsets", c.Empty(), len(want))
		}
		got := map[string]bool{}
		for _, r := range c.Ranges() {
			for o := r.From; o < r.To; o++ {
				key := fmt.Sprint(r.Topic, r.Partition, " ", o)
				if got[key] {
					t.Errorf("%s twice", key)
				}
				got[key] = true
			}
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	})
}

func TestWithin(t *testing.T) {
	for _, c := range []struct{ from, to, start, end, wantFrom, wantTo, gone int64 }{
		{10, 20, 0, 100, 10, 20, 0},
		{10, 20, 15, 100, 15, 20, 5},
		{10, 20, 20, 100, 20, 20, 10},
		{10, 20, 50, 100, 50, 50, 10},
		{10, 20, 0, 12, 10, 12, 8}, // the topic is another one now
		{10, 20, 0, 0, 10, 10, 10},
	} {
		got, gone := Range{"t", 0, c.from, c.to}.Within(c.start, c.end)
		if got.From != c.wantFrom || got.To != c.wantTo || gone != c.gone {
			t.Errorf("[%d, %d) in [%d, %d): [%d, %d), %d gone", c.from, c.to, c.start, c.end, got.From, got.To, gone)
		}
	}
}

// With a limit the same events are kept as are first when all are sorted.
func TestKept(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 6).Draw(t, "limit")
		k := NewKept(limit)
		var all []*Event
		for i := range rapid.IntRange(0, 30).Draw(t, "events") {
			e := &Event{
				Time: plan.FromMicros(rapid.Int64Range(0, 4).Draw(t, "time")), Partition: rapid.Int32Range(0, 1).Draw(t, "partition"), Offset: int64(i),
			}
			all = append(all, e)
			k.Add(e)
			if limit > 0 && len(k.events) > limit {
				t.Fatalf("%d events are kept, %d are asked for", len(k.events), limit)
			}
		}
		slices.SortFunc(all, func(a, b *Event) int { return a.Place().Compare(b.Place()) })
		if limit > 0 {
			all = all[:min(limit, len(all))]
		}
		if !slices.Equal(all, k.Events()) {
			t.Error("others are kept")
		}
	})
}

// Of the outcomes of an id the last one within keep counts, in whatever order they are read.
func TestSettle(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	type told struct {
		label     string
		after     time.Duration
		partition int32
		offset    int64
	}
	all := []told{{"early", time.Minute, 0, 9}, {"last", time.Hour, 1, 3}, {"same time", time.Hour, 1, 2}, {"beyond keep", 25 * time.Hour, 0, 1}, {"before", -time.Minute, 0, 0}}
	rapid.Check(t, func(t *rapid.T) {
		e := &Event{Time: at}
		for _, o := range rapid.Permutation(all).Draw(t, "order") {
			e.Settle(Outcome{Label: o.label, Time: at.Add(o.after)}, o.partition, o.offset, 24*time.Hour)
		}
		if e.Outcome == nil || e.Outcome.Label != "last" {
			t.Errorf("%+v", e.Outcome)
		}
	})
}

func TestParseSlice(t *testing.T) {
	got, err := ParseSlice("plan=pro,region=a=b")
	if d := cmp.Diff(map[string]string{"plan": "pro", "region": "a=b"}, got); d != "" || err != nil {
		t.Error(d, err)
	}
	for _, bad := range []string{"", "plan", "=pro", "plan=pro,", "plan=pro,plan=free"} {
		if _, err := ParseSlice(bad); !errors.Is(err, ErrQuery) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// examples are events with everything that a cell may hold.
func examples() []*Event {
	at := time.Date(2026, 4, 1, 12, 0, 0, 250e6, time.UTC)
	score, yes, small := 0.8125, true, 1e-7
	return []*Event{
		{
			KindName: KindEvent, Model: "churn", Plan: "0011223344556677", Topic: "churn.predictions", Partition: 2, Offset: 12345, ID: "order-1",
			Time: at, Version: "v7", Score: &score, Decision: &yes, Slice: map[string]string{"tier": "pro", "region": "other"},
			Inputs: Values{{"amount", 4698.25}, {"age", nil}, {"tier", "pro"}, {"note", "a very long text that no table has any room for"}},
			Others: Values{{"eligible", true}}, Outcome: &Outcome{Label: "1", Positive: true, Time: at.Add(time.Hour)},
		},
		{
			KindName: KindEvent, Model: "churn", Plan: "0011223344556677", Topic: "churn.predictions", Offset: 7, ID: "a\x1b[31m<red>\n",
			Time: at.Add(time.Second), Slice: map[string]string{"tier": "missing", "region": "eu"}, Score: &small,
			Inputs: Values{{"amount", Unusable{}}, {"age", -3.0}, {"tier", nil}, {"note", ""}}, Others: Values{{"eligible", false}},
		},
	}
}

// What people and programs read.
func TestGolden(t *testing.T) {
	write := func(look Look) func(*bytes.Buffer) error {
		return func(out *bytes.Buffer) error {
			left, err := Table(out, examples(), look)
			fmt.Fprintf(out, "left out: %q\n", left)
			return err
		}
	}
	for name, f := range map[string]func(*bytes.Buffer) error{
		"wide.txt":   write(Look{Outcomes: true}),
		"narrow.txt": write(Look{First: []string{"age", "nosuch"}, Width: 80}),
		"events.jsonl": func(out *bytes.Buffer) error {
			enc := json.NewEncoder(out)
			for _, e := range examples() {
				if err := enc.Encode(e); err != nil {
					return err
				}
			}
			return enc.Encode(&Unreadable{KindName: KindUnreadable, Topic: "churn.predictions", Partition: 1, Offset: 3, Reason: "truncated", Path: "amount", Byte: 17, Detail: "8 bytes are left"})
		},
	} {
		var out bytes.Buffer
		if err := f(&out); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), out.String()); d != "" {
			t.Errorf("%s (-want +got): %s", name, d)
		}
	}
}
