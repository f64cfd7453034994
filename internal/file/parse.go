package file

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// missing reports whether text stands for no number: null and NA are how databases and R write one that is absent.
func missing(s string) bool {
	switch s {
	case "", "null", "NULL", "NA":
		return true
	default:
		return false
	}
}

// parseNumber reads a number, true and false (any case) as 1 and 0, and a written-out time as seconds since the Unix epoch,
// which is what the stream's decoder makes of an Avro timestamp. NaN and infinities are returned as they are.
func parseNumber(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	if err == nil {
		return v, true
	}
	switch {
	case strings.EqualFold(s, "true"):
		return 1, true
	case strings.EqualFold(s, "false"):
		return 0, true
	case len(s) >= 10 && s[4] == '-':
		if us, ok := parseTime(s); ok {
			return float64(us) / 1e6, true
		}
	}
	return 0, false
}

// layouts are how times are written out, most usual first. Go reads fractions of a second without being told. A time
// without a zone is UTC.
var layouts = [...]string{
	time.RFC3339,
	"2006-01-02 15:04:05",
	"2006-01-02 15:04:05Z07:00",
	"2006-01-02T15:04:05",
	"2006-01-02 15:04",
	"2006-01-02T15:04",
	time.DateOnly,
}

// parseTime reads a time as microseconds since the Unix epoch: written out as in layouts, or a number since the epoch whose
// unit follows from its size: below 1e11 seconds (until the year 5138; fractions allowed), below 1e14 milliseconds, below
// 1e17 microseconds, else nanoseconds. Milliseconds before March 1973 are therefore read as seconds.
func parseTime(s string) (int64, bool) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		switch size := math.Abs(float64(n)); {
		case size < 1e11:
			return n * 1e6, true
		case size < 1e14:
			return n * 1e3, true
		case size < 1e17:
			return n, true
		default:
			return n / 1e3, true
		}
	}
	if len(s) >= 8 && s[4] == '-' {
		for _, layout := range layouts {
			if t, err := time.Parse(layout, s); err == nil {
				return t.UnixMicro(), true
			}
		}
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && f-f == 0 {
		switch size := math.Abs(f); {
		case size < 1e11:
			return int64(math.Round(f * 1e6)), true
		case size < 1e14:
			return int64(math.Round(f * 1e3)), true
		}
	}
	return 0, false
}
