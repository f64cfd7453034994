package contract

import "time"

// Duration is a length of time; in YAML "90s", "1h30m", "2d", "1w".
type Duration time.Duration

// Std is d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Date is an instant: in YAML a date (midnight UTC) or an RFC 3339 time.
type Date struct{ time.Time }
