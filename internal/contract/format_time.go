package contract

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // time zones are the same on every machine, also where it has none

	"go.yaml.in/yaml/v3"
)

// weekdays as a contract writes them, in the order of time.Weekday.
var weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// Weekday is the day that a contract writes so.
func Weekday(s string) (time.Weekday, bool) {
	for i, w := range weekdays {
		if w == s {
			return time.Weekday(i), true
		}
	}
	return 0, false
}

const (
	clockPattern = `([01][0-9]|2[0-3]):[0-5][0-9]`
	day24        = Clock(24 * 60)
)

// parseClock reads HH:MM; 24:00 is the end of a day.
func parseClock(text string) (Clock, bool) {
	if text == "24:00" {
		return day24, true
	}
	at, err := time.Parse("15:04", text)
	return Clock(at.Hour()*60 + at.Minute()), err == nil && len(text) == len("15:04")
}

// String is HH:MM.
func (c Clock) String() string { return fmt.Sprintf("%02d:%02d", int(c)/60, int(c)%60) }

var formatClock = &format{
	want:   always("a time of day is needed, like \"08:30\" (in quotes: YAML may take it for a number)"),
	read:   func(n *yaml.Node) (any, bool) { c, ok := parseClock(n.Value); return c, ok && isText(n) && c < day24 },
	schema: typed("string", member{"pattern", `^` + clockPattern + `$`}),
}

var formatHours = &format{
	want: always("times of a day are needed, like 09:00-17:30"),
	read: func(n *yaml.Node) (any, bool) {
		from, to, found := strings.Cut(n.Value, "-")
		a, okFrom := parseClock(from)
		b, okTo := parseClock(to)
		return Hours{a, b}, found && okFrom && okTo && isText(n) && a != b && a < day24
	},
	schema: typed("string", member{"pattern", `^` + clockPattern + `-(` + clockPattern + `|24:00)$`}),
}

var formatZone = &format{
	want: always("a time zone of the IANA database is needed, like Europe/Berlin"),
	read: func(n *yaml.Node) (any, bool) {
		_, err := time.LoadLocation(n.Value)
		return n.Value, isText(n) && err == nil && n.Value != "" && n.Value != "Local"
	},
	schema: typed("string", member{"pattern", `^[A-Za-z][A-Za-z0-9_+/-]{0,63}$`}),
}
