package settings

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0s": 0, "500ms": 500 * time.Millisecond, "90s": 90 * time.Second, "1h30m": 90 * time.Minute,
		"2d": 48 * time.Hour, "1w": 168 * time.Hour, "1w2d3h": 219 * time.Hour, "1d1ms": 24*time.Hour + time.Millisecond,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%q: got %v, %v, want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "2", "d", "-1s", "-1d", "1d-1s", "1.5d", "2d1w", "1x", "1d d", "99999999w", "106751d99h", "1w1w"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Min(0).Draw(t, "d"))
		if rapid.Bool().Draw(t, "days") {
			d = d.Truncate(24 * time.Hour)
		}
		if got, err := parseDuration(formatDuration(d)); err != nil || got != d {
			t.Errorf("%v: written %q, read %v, %v", d, formatDuration(d), got, err)
		}
	})
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "7B": 7, "32MiB": 32 << 20, "1 GB": 1e9, "500kB": 500e3, "64KiB": 64 << 10, "2GiB": 2 << 30, "3MB": 3e6,
	} {
		if got, err := parseSize(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5MiB", "1mb", "1KB", "1M", "9223372036854775808", "9007199254740993KiB", "1 MiB "} {
		if got, err := parseSize(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Int64Min(0).Draw(t, "n") >> rapid.IntRange(0, 62).Draw(t, "shift")
		if got, err := parseSize(formatSize(n)); err != nil || got != n {
			t.Errorf("%d: written %q, read %d, %v", n, formatSize(n), got, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for text, want := range map[string][2]bool{ // to dial, to listen on
		"localhost:9092": {true, true}, "[::1]:6379": {true, true}, "10.0.0.1:1": {true, true},
		":8090": {false, true}, "127.0.0.1:0": {false, true},
		"localhost": {}, "": {}, "a:b": {}, "a:65536": {}, "::1:80": {}, "http://a:1": {}, "u@h:1": {}, "a b:1": {},
	} {
		if got := [2]bool{isAddress(text) == nil, isListen(text) == nil}; got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestDistance compares with the recursive definition.
func TestDistance(t *testing.T) {
	var slow func(a, b string) int
	slow = func(a, b string) int {
		switch {
		case a == "" || b == "":
			return len(a) + len(b)
		case a[0] == b[0]:
			return slow(a[1:], b[1:])
		}
		best := 1 + min(slow(a[1:], b), slow(a, b[1:]), slow(a[1:], b[1:]))
		if len(a) > 1 && len(b) > 1 && a[0] == b[1] && a[1] == b[0] {
			best = min(best, 1+slow(a[2:], b[2:]))
		}
		return best
	}
	word := rapid.StringMatching(`[abc]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if got, want := distance(a, b), slow(a, b); got != want {
			t.Errorf("%q, %q: got %d, want %d", a, b, got, want)
		}
	})
}
