package contract

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

var (
	durationForm = regexp.MustCompile(`^(\d{1,9}(\.\d{1,9})?(ns|us|ms|s|m|h|d|w)){1,8}$`)
	durationPart = regexp.MustCompile(`(\d+(?:\.\d+)?)(ns|us|ms|s|m|h|d|w)`)
	durationUnit = map[string]time.Duration{
		"ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": day, "w": week,
	}
)

// ParseDuration reads a length of time: Go's units and d (24 h) and w (7 d), largest first or not, as in "90s", "1h30m",
// "1.5d", "2w". There is no sign; what is finer than a nanosecond is cut off.
func ParseDuration(s string) (Duration, error) {
	if !durationForm.MatchString(s) {
		return 0, fmt.Errorf("parse duration %q: write it like 90s, 1h30m, 2d or 1w", s)
	}
	sum := new(big.Int)
	for _, part := range durationPart.FindAllStringSubmatch(s, -1) {
		n, ok := new(big.Rat).SetString(part[1])
		if !ok {
			return 0, fmt.Errorf("parse duration %q: %q is not a number", s, part[1])
		}
		n.Mul(n, new(big.Rat).SetInt64(int64(durationUnit[part[2]])))
		sum.Add(sum, new(big.Int).Quo(n.Num(), n.Denom()))
	}
	if !sum.IsInt64() {
		return 0, fmt.Errorf("parse duration %q: %w", s, errTooLong)
	}
	return Duration(sum.Int64()), nil
}

var errTooLong = errors.New("longer than 292 years")

// String is d in the largest units that divide it, as ParseDuration reads it: "1d12h", "250ms", "0s".
func (d Duration) String() string {
	if d == 0 {
		return "0s"
	}
	var b strings.Builder
	rest := time.Duration(d)
	if rest < 0 { // never parsed, but arithmetic may give it
		b.WriteByte('-')
	}
	for _, u := range []string{"w", "d", "h", "m", "s", "ms", "us", "ns"} {
		unit := durationUnit[u]
		n := rest / unit
		rest -= n * unit
		if n != 0 {
			fmt.Fprintf(&b, "%d%s", max(n, -n), u)
		}
	}
	return b.String()
}

const dateOnly = "2006-01-02"

// ParseDate reads a date (its midnight UTC) or an RFC 3339 time.
func ParseDate(s string) (Date, error) {
	for _, layout := range []string{dateOnly, time.RFC3339} {
		t, err := time.Parse(layout, s)
		if t = t.UTC(); err == nil && t.Year() >= 1 && t.Year() <= 9999 {
			return Date{t}, nil
		}
	}
	return Date{}, fmt.Errorf("parse date %q: write it like 2026-01-31 or 2026-01-31T00:00:00Z", s)
}

// String is d as ParseDate reads it: the date alone at midnight UTC.
func (d Date) String() string {
	t := d.UTC()
	if t.Equal(t.Truncate(day)) {
		return t.Format(dateOnly)
	}
	return t.Format(time.RFC3339Nano)
}

// Span renders a duration for people: in days where it is whole days.
func Span(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d d", d/day)
	}
	return Duration(d).String()
}
