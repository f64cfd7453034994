package window

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/record"
)

// Watermark is how far the events of one partition have come: the largest event time, but for events that run ahead of all the
// others. One producer whose clock is wrong must not close the panes of everybody, so an event that lies more than a bound
// beyond everything before is not believed by itself. It is believed once events in a row, none of them nearer, are ten, or
// lie further apart than the bound: then the stream itself has moved, as after a weekend. The watermark goes to the earliest
// of them.
//
// It depends on nothing but the events of the partition in their order. The events that are not believed are counted like
// any other, in the panes of their own times.
type Watermark struct {
	at        int64
	run       int // events in a row that ran ahead
	low, high int64
}

// convincing is how many events in a row make a leap true. Of a tenth of events with a wrong clock that many come in a row
// once in ten thousand million.
const convincing = 10

// NewWatermark is the watermark of a partition no event was read from yet.
func NewWatermark() Watermark { return Watermark{at: record.NoTime} }

// At is the watermark, microseconds; record.NoTime before the first event.
func (w *Watermark) At() int64 { return w.at }

// See takes one more event into account. ahead is the bound, microseconds.
func (w *Watermark) See(us, ahead int64) {
	if w.at == record.NoTime || us-w.at <= ahead {
		w.at = max(w.at, us)
		w.run = 0
		return
	}
	if w.run == 0 {
		w.low, w.high = us, us
	}
	w.run++
	w.low, w.high = min(w.low, us), max(w.high, us)
	if w.run >= convincing || w.high-w.low > ahead {
		w.at = w.low
		w.run = 0
	}
}

// String is all of the watermark, for ParseWatermark.
func (w *Watermark) String() string {
	if w.run == 0 {
		return fmt.Sprintf("w1:%d", w.at)
	}
	return fmt.Sprintf("w1:%d:%d:%d:%d", w.at, w.run, w.low, w.high)
}

// ParseWatermark reads what String wrote.
func ParseWatermark(s string) (Watermark, error) {
	text, ok := strings.CutPrefix(s, "w1:")
	parts := strings.Split(text, ":")
	var n [4]int64
	if !ok || len(parts) != 1 && len(parts) != len(n) {
		return Watermark{}, fmt.Errorf("read watermark %q: %w", s, errWatermark)
	}
	for i, p := range parts {
		var err error
		if n[i], err = strconv.ParseInt(p, 10, 64); err != nil {
			return Watermark{}, fmt.Errorf("read watermark %q: %w", s, errWatermark)
		}
	}
	w := Watermark{at: n[0], run: int(n[1]), low: n[2], high: n[3]}
	if w.run < 0 || w.run >= convincing || w.low > w.high {
		return Watermark{}, fmt.Errorf("read watermark %q: %w", s, errWatermark)
	}
	return w, nil
}

var errWatermark = errors.New("not one of this build's")
