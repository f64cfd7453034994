//go:build integration

package integration

import (
	"context"
	"fmt"
	"net/http"
	"testing"
)

// Each service dies twice in the middle of the stream, without warning, and nobody can tell from what comes out.
func TestKillsInTheMiddle(t *testing.T) {
	s := fresh(t)
	s.set("PLUMBLINE_INGEST_EPOCH_BYTES=64KiB") // many commits
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	kills := []string{ingestor, detector, alerter, detector, ingestor, alerter}
	for _, name := range kills {
		s.midway(in, len(kills)+1, "kill -9 "+name, func() { s.restart(name) })
	}
	in.rest()
	s.settle()
	compare(t, "processes", s.verdicts())
}

// midway publishes the next of equal parts and does something while events are published, read and judged.
func (s *system) midway(in *stream, parts int, what string, do func()) {
	s.t.Helper()
	before := in.sent.Load()
	finish := in.begin(share(parts))
	s.reached(before + int64(share(parts))/3)
	at, err := consumed(s.t.Context(), s.adm, s.prefix+"-ingest", predictions, outcomes)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Logf("%s, with %d events published and %d committed", what, in.sent.Load(), at)
	do()
	finish()
}

// What Redis holds is a copy. It may be emptied and it may be away for a while; the join goes on where it was.
func TestRedisVanishes(t *testing.T) {
	s := fresh(t)
	in := newStream(t, s)
	s.apply(contractFile())
	s.startAll()
	const parts = 6
	for range 3 {
		s.midway(in, parts, "FLUSHALL", func() {
			if err := s.redis.FlushAll(t.Context()).Err(); err != nil {
				t.Fatal(err)
			}
		})
	}
	s.midway(in, parts, "Redis stops", func() { s.redisScript("stop") })
	until(t, "the detector says that Redis is away", func(ctx context.Context) error {
		status, body, err := s.runs[detector].get(ctx, "/readyz")
		if err == nil && status == http.StatusOK {
			err = fmt.Errorf("it is ready: %s", body)
		}
		return err
	})
	s.midway(in, parts, "Redis starts again, empty", func() { s.redisScript("start") }) // predictions were counted without it
	in.rest()
	s.settle()
	compare(t, "processes", s.verdicts())
	until(t, "the detector is ready again", s.ready(detector))
	if n, err := s.runs[detector].metric(t.Context(), "plumbline_join_rebuilt_rows_total", ""); err != nil || n == 0 {
		t.Errorf("%v join rows were folded again (%v): the index was never rebuilt, and nothing was tested", n, err)
	}
}

func (s *system) redisScript(verb string) {
	s.t.Helper()
	if err := here.script("redis", verb); err != nil {
		s.t.Fatal(err)
	}
}

func (s *system) ready(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		status, body, err := s.runs[name].get(ctx, "/readyz")
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s answers %d: %s", name, status, body)
		}
		return err
	}
}
