package sketch

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/wire"
)

// WeekHours is how many hours a week has.
const WeekHours = 7 * 24

// Week counts events by the hour of the week, in UTC: 0 is Monday from 00:00 to 01:00. A clock in another zone, or one that was set
// wrong by whole hours, rotates it. Merging adds.
type Week struct{ N [WeekHours]int64 }

// HourOfWeek is the hour of the week of a time in microseconds since the Unix epoch.
func HourOfWeek(us int64) int {
	const hour = int64(time.Hour / time.Microsecond)
	hours := us / hour
	if us%hour < 0 {
		hours--
	}
	const thursday = 3 * 24 // 1970-01-01 was one
	return int(((hours+thursday)%WeekHours + WeekHours) % WeekHours)
}

// Count counts events at a time in microseconds since the Unix epoch; -1 takes one back.
func (w *Week) Count(us, times int64) { w.N[HourOfWeek(us)] += times }

// Total is how many events there are.
func (w *Week) Total() int64 {
	n := int64(0)
	for _, v := range w.N[:] {
		n += v
	}
	return n
}

// Merge adds o.
func (w *Week) Merge(o *Week) { addInts(w.N[:], o.N[:]) }

// Gap is a stretch of hours of the week without events: from the hour First on, Hours of them, which may go on over the end of
// the week.
type Gap struct{ First, Hours int }

// Gaps are the stretches of at least so many hours without events, by their first hours; the whole week where there are none at all.
func (w *Week) Gaps(least int) []Gap {
	begin := -1 // an hour with events: no stretch goes over it
	for h, n := range w.N[:] {
		if n != 0 {
			begin = h
			break
		}
	}
	if begin < 0 {
		return []Gap{{0, WeekHours}}
	}
	var gaps []Gap
	empty := 0
	for i := 1; i <= WeekHours; i++ {
		h := (begin + i) % WeekHours
		if w.N[h] == 0 {
			empty++
			continue
		}
		if empty >= max(least, 1) {
			gaps = append(gaps, Gap{(h - empty + WeekHours) % WeekHours, empty})
		}
		empty = 0
	}
	slices.SortFunc(gaps, func(a, b Gap) int { return cmp.Compare(a.First, b.First) })
	return gaps
}

// String says from when to when, in words for people.
func (g Gap) String() string {
	if g.Hours >= WeekHours {
		return "the whole week"
	}
	at := func(hour int) string {
		day := time.Weekday((hour/24 + 1) % 7)
		return fmt.Sprintf("%s %02d:00", day, hour%24)
	}
	end := (g.First + g.Hours) % WeekHours
	return at(g.First) + " to " + at(end)
}

const weekFormat = 1

// AppendBinary writes w: the format (1 byte), then the hours, zeros run-length coded.
func (w *Week) AppendBinary(b []byte) []byte { return appendInts(append(b, weekFormat), w.N[:]) }

// ReadWeek reads what AppendBinary wrote.
func ReadWeek(r *wire.Reader) (*Week, error) {
	if v := readByte(r); r.Err() == nil && v != weekFormat {
		r.Fail(fmt.Errorf("format %d, this build reads %d", v, weekFormat))
	}
	w := &Week{}
	readInts(r, w.N[:], -maxCount, maxCount)
	if err := r.Err(); err != nil {
		return nil, fmt.Errorf("read hours of the week: %w", err)
	}
	return w, nil
}
