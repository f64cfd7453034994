package produce

import (
	"context"
	"time"
)

// pace holds events back. The zero value lets them all go.
type pace struct {
	rate    float64 // events per second; 0: not limited
	speedup float64 // event time per time; 0: not limited

	began  time.Time
	events int64
	first  int64 // event time, microseconds
	latest int64
}

// patience is how far ahead of its time an event may go out: a timer for each of a hundred thousand events a second would cost
// more than the events.
const patience = 2 * time.Millisecond

// wait returns when the event of the given time (microseconds) may be sent. Events that are older than one before are due at
// once. The error is the context's.
func (p *pace) wait(ctx context.Context, us int64) error {
	if p.rate == 0 && p.speedup == 0 {
		return nil
	}
	if p.events == 0 {
		p.began, p.first, p.latest = time.Now(), us, us
	}
	p.latest = max(p.latest, us)
	due := p.due()
	p.events++
	ahead := time.Until(p.began.Add(due))
	if ahead <= patience {
		return nil
	}
	timer := time.NewTimer(ahead)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// longest keeps a time far in the future from overflowing a duration: it is waited for, until somebody interrupts.
const longest = 100 * 365 * 24 * time.Hour

// due is when the event at hand is to be sent, from the first one on.
func (p *pace) due() time.Duration {
	seconds := 0.0
	if p.rate > 0 {
		seconds = float64(p.events) / p.rate
	} else {
		seconds = float64(p.latest-p.first) / 1e6 / p.speedup
	}
	if seconds > longest.Seconds() {
		return longest
	}
	return time.Duration(seconds * float64(time.Second))
}
