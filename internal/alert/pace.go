package alert

import "time"

// Paced is a sink that says how fast it may be sent to.
type Paced interface {
	Pace() (perSecond float64, burst int)
}

// bucket is a token bucket: burst messages at once, and perSecond in the long run.
type bucket struct {
	perSecond float64 // 0: no limit
	burst     float64
	tokens    float64
	at        time.Time
}

func newBucket(s Sink) *bucket {
	p, ok := s.(Paced)
	if !ok {
		return &bucket{}
	}
	perSecond, burst := p.Pace()
	return &bucket{perSecond: perSecond, burst: float64(burst), tokens: float64(burst)}
}

// take takes a token, or says when there will be one.
func (b *bucket) take(now time.Time) (ok bool, at time.Time) {
	if b.perSecond <= 0 {
		return true, now
	}
	if since := now.Sub(b.at); !b.at.IsZero() && since > 0 {
		b.tokens = min(b.burst, b.tokens+since.Seconds()*b.perSecond)
	}
	b.at = now
	if b.tokens >= 1-1e-9 {
		b.tokens--
		return true, now
	}
	return false, now.Add(max(time.Duration((1-b.tokens)/b.perSecond*float64(time.Second)), time.Millisecond))
}

const (
	pauseMin     = time.Second
	pauseMax     = 10 * time.Minute
	pauseSink    = time.Minute // the longest pause of a whole sink that doesn't ask for one
	mostAttempts = 200         // about sixteen hours, with pauses that are half of the longest on average
)

// jittered is a pause before another try: anything from nothing to the double of the one before, and at most longest ("full jitter"; Brooker,
// Exponential Backoff and Jitter, AWS Architecture Blog 2015). draw is in [0, 1).
func jittered(failures int, longest time.Duration, draw float64) time.Duration {
	return time.Duration(draw * float64(min(pauseMin<<min(failures, 20), longest)))
}
