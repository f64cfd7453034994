package baseline

import (
	"strings"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/sketch"
)

// A reference that lacks a weekend, or nights, says so; one with events at all hours, or too few events to tell, doesn't.
func TestSeason(t *testing.T) {
	monday := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	every := func(d time.Duration, weeks int, is func(time.Time) bool) []time.Time {
		var out []time.Time
		for at := monday; at.Before(monday.AddDate(0, 0, 7*weeks)); at = at.Add(d) {
			if is(at) {
				out = append(out, at)
			}
		}
		return out
	}
	weekday := func(at time.Time) bool { return at.Weekday() != time.Saturday && at.Weekday() != time.Sunday }
	for name, c := range map[string]struct {
		times []time.Time
		want  string
	}{
		"all hours":       {every(20*time.Minute, 2, func(time.Time) bool { return true }), ""},
		"no weekends":     {every(20*time.Minute, 2, weekday), "no events for 48 hours of the week from Saturday 00:00 to Monday 00:00 (UTC): what"},
		"no nights":       {every(20*time.Minute, 2, func(at time.Time) bool { return at.Hour() >= 7 }), "no events for 7 hours of the week from Monday 00:00 to Monday 07:00 (UTC), and in 6 more stretches: what"},
		"office hours":    {every(20*time.Minute, 2, func(at time.Time) bool { return weekday(at) && at.Hour() >= 7 }), "no events for 55 hours of the week from Saturday 00:00 to Monday 07:00 (UTC), and in 4 more stretches"},
		"three days":      {every(20*time.Minute, 1, func(at time.Time) bool { return at.Day() <= 3 }), "no events for 96 hours of the week from Thursday 00:00 to Monday 00:00 (UTC): what"},
		"too few to tell": {every(24*time.Hour, 2, func(time.Time) bool { return true }), ""},
		"a single event":  {[]time.Time{monday}, ""},
	} {
		var week sketch.Week
		for _, at := range c.times {
			week.Count(at.UnixMicro(), 1)
		}
		got := strings.Join(season(&week, int64(len(c.times))), "\n")
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
