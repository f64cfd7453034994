package alert

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

const (
	courierBatch = 200
	sendTimeout  = 10 * time.Second
)

// courier brings the messages of one sink, by itself: what others do doesn't concern it. It belongs to one goroutine.
type courier struct {
	s        *service
	name     string
	to       Sink // nil: it is no longer configured
	pace     *bucket
	paused   *holdOff // nothing goes to the sink before
	failures int      // in a row, of whatever message
	wake     chan struct{}
}

func (s *service) courier(name string) *courier {
	c := &courier{s: s, name: name, to: s.sinks[name], paused: new(holdOff), wake: make(chan struct{}, 1)}
	c.pace = newBucket(c.to)
	return c
}

// holdOff is a time that several may look at and put off.
type holdOff struct{ micros atomic.Int64 }

func (p *holdOff) until() time.Time { return time.UnixMicro(p.micros.Load()) }

// extend puts it off, never forward.
func (p *holdOff) extend(until time.Time) {
	for {
		was := p.micros.Load()
		if until.UnixMicro() <= was || p.micros.CompareAndSwap(was, until.UnixMicro()) {
			return
		}
	}
}

// asked begins the reason of a message that a sink asked to bring later: also after a restart nothing else is brought there before.
const asked = "asked to wait: "

// remember takes up what the sink asked for before a restart.
func (c *courier) remember(waiting []ledger.Waiting) {
	for i := range waiting {
		if strings.HasPrefix(waiting[i].Reason, asked) {
			c.paused.extend(waiting[i].Due)
		}
	}
}

// run brings messages until ctx ends.
func (c *courier) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
		}
		next, err := c.work(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			c.s.log.Warn("work on the outbox", zap.String("sink", c.name), zap.Error(err))
			next = c.s.o.Now().Add(deliverEvery)
		}
		if next.IsZero() {
			timer.Stop()
			continue
		}
		timer.Reset(max(next.Sub(c.s.o.Now()), 0))
	}
}

// work sends what may be sent now, and returns when there is more to do; never, if that is zero.
func (c *courier) work(ctx context.Context) (time.Time, error) {
	for {
		waiting, err := c.s.o.Ledger.Pending(ctx, c.name, courierBatch)
		if err != nil {
			return time.Time{}, err
		}
		c.remember(waiting)
		now := c.s.o.Now()
		w, at := pick(waiting, now)
		if w == nil {
			return at, nil
		}
		if until := c.paused.until(); now.Before(until) {
			return until, nil
		}
		if ok, at := c.pace.take(now); !ok {
			return at, nil
		}
		if err := c.send(ctx, *w); err != nil {
			return time.Time{}, err
		}
	}
}

// pick is the first message that is due and doesn't wait for an earlier one of its subject; without one, when there will be: the messages of
// one incident keep their order, and those of others go on.
func pick(waiting []ledger.Waiting, now time.Time) (*ledger.Waiting, time.Time) {
	var next time.Time
	held := map[string]bool{}
	for i := range waiting {
		w := &waiting[i]
		switch about := SubjectOf(w.ID); {
		case held[about]:
		case w.Due.After(now):
			held[about] = true
			if next.IsZero() || w.Due.Before(next) {
				next = w.Due
			}
		default:
			return w, now
		}
	}
	return nil, next
}

// SubjectOf is what a message is about: its id up to the last "-".
func SubjectOf(id string) string {
	if at := strings.LastIndex(id, "-"); at >= 0 {
		return id[:at]
	}
	return id
}

// send tries one message, and enters in the ledger what came of it.
func (c *courier) send(ctx context.Context, w ledger.Waiting) error {
	if c.to == nil {
		return c.give(ctx, w, errors.New("the sink is no longer configured"))
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := c.to.Send(sendCtx, w.ID, w.Body)
	if ctx.Err() != nil {
		return ctx.Err() // whether it arrived is not known: it is sent again
	}
	if err == nil {
		c.failures = 0
		c.s.m.sent.WithLabelValues(c.name, "delivered").Inc()
		return c.s.o.Ledger.Delivered(ctx, w.ID, w.Sink)
	}
	if _, refused := errors.AsType[*sink.RefusedError](err); refused || w.Attempts >= mostAttempts {
		return c.give(ctx, w, err)
	}
	c.s.m.sent.WithLabelValues(c.name, "retried").Inc()
	now := c.s.o.Now()
	wait, reason := jittered(w.Attempts, pauseMax, c.s.o.Jitter()), err.Error()
	c.paused.extend(now.Add(jittered(c.failures, pauseSink, c.s.o.Jitter())))
	c.failures++
	if later, ok := errors.AsType[*sink.LaterError](err); ok && later.After > 0 {
		wait, reason = later.After+time.Microsecond, asked+reason // the ledger keeps no nanoseconds
		c.paused.extend(now.Add(wait))
	}
	c.s.log.Warn("send a message: will try again", zap.String("sink", c.name), zap.Duration("pause", wait), zap.Error(err))
	return c.s.o.Ledger.Retry(ctx, w.ID, w.Sink, now.Add(wait), reason)
}

// give gives a message up: it is looked at by people from then on.
func (c *courier) give(ctx context.Context, w ledger.Waiting, err error) error {
	c.s.m.sent.WithLabelValues(c.name, "abandoned").Inc()
	c.s.log.Error("give up a message", zap.String("sink", c.name), zap.String("message", w.ID), zap.Error(err))
	return c.s.o.Ledger.Abandon(ctx, w.ID, w.Sink, err.Error())
}
