package view

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestDisplay(t *testing.T) {
	ctx := t.Context()
	d := NewDisplay(startRedis(t), "test")
	at := func(s int) time.Time { return time.Date(1996, 11, 3, 0, 0, s, 1000, time.UTC) }
	latest := func(model, want string) {
		t.Helper()
		if got, err := d.Latest(ctx, model); string(got) != want || (got == nil) != (want == "") || err != nil {
			t.Errorf("latest pane of %s = %q, %v; want %q", model, got, err, want)
		}
	}
	put := func(model, body string, s int) {
		t.Helper()
		if err := d.PutPane(ctx, model, []byte(body), at(s)); err != nil {
			t.Error(err)
		}
	}
	models := func(want ...string) {
		t.Helper()
		if got, err := d.Models(ctx); !slices.Equal(got, want) || err != nil {
			t.Errorf("models %q, %v; want %q", got, err, want)
		}
	}
	latest("a", "")
	models()
	put("b", "b5", 5)
	put("a", "a9", 9)
	put("b", "b4", 4)
	latest("b", "b5")
	put("b", "b5 revised", 5)
	latest("b", "b5 revised")
	put("b", "b10", 10)
	latest("b", "b10")
	latest("a", "a9")
	models("a", "b")
	put("b", "", 10)
	latest("b", "")
	models("a")
	put("b", "b9", 9)
	models("a")
	put("b", "b11", 11)
	models("a", "b")

	for _, p := range []struct {
		id, body string
		seq      int64
	}{{"y", "1", 1}, {"x", "2", 2}, {"y", "5", 5}, {"y", "4", 4}, {"z", "6", 6}, {"z", "", 7}} {
		if err := d.PutIncident(ctx, p.id, []byte(p.body), p.seq); err != nil {
			t.Error(err)
		}
	}
	got, err := d.Incidents(ctx)
	if diff := cmp.Diff([]Shown{{"x", []byte("2")}, {"y", []byte("5")}}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	models("a", "b")
}

// In whatever order panes arrive, the one with the latest end is shown, and of equals the one that came last.
func TestDisplayIsMonotonic(t *testing.T) {
	ctx := t.Context()
	c := startRedis(t)
	cases := 0
	rapid.Check(t, func(t *rapid.T) {
		cases++
		d := NewDisplay(c, fmt.Sprint("case", cases))
		type shown struct {
			at   int64
			body string
		}
		want := map[string]shown{}
		// Both signs, neighbours, and numbers around a million, where "1e+06" would be written.
		anyTime := rapid.OneOf(rapid.Int64Range(-2, 2), rapid.Int64Range(999_998, 1_000_002), rapid.Int64Range(1<<53-2, 1<<53))
		for range rapid.IntRange(1, 12).Draw(t, "puts") {
			model, at := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "model"), anyTime.Draw(t, "at")
			body := rapid.StringN(0, 3, -1).Draw(t, "body")
			if err := d.PutPane(ctx, model, []byte(body), time.UnixMicro(at)); err != nil {
				t.Fatal(err)
			}
			if old, there := want[model]; !there || at >= old.at {
				want[model] = shown{at, body}
			}
		}
		for _, model := range slices.Sorted(maps.Keys(want)) {
			if got, err := d.Latest(ctx, model); string(got) != want[model].body || err != nil {
				t.Fatalf("%s shows %q, %v; want %+v", model, got, err, want[model])
			}
		}
	})
}
