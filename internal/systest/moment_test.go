//go:build synctests

package systest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/linkedin/goavro/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// swift is a model whose events come nearly in order, one every so often.
type swift struct {
	every  time.Duration
	from   string // of the reference, up to monitoring
	moment time.Duration
	broken time.Duration // after the start
	within time.Duration // of which it is told
}

// swiftHistory is history with as many events as that.
type swiftHistory struct {
	history
	every time.Duration
}

func (h swiftHistory) Predictions(visit func(*plan.Batch) error) error {
	const most = 100_000 // rows of a batch
	w := newWorld(seed + 1)
	for when, n := h.p.Reference.From, 0; when.Before(h.p.Reference.To); {
		b := plan.NewBatch(&h.p.Prediction, most)
		at := map[string]int{}
		for i, f := range b.Fields {
			at[strings.Join(f.Path, ".")] = i
		}
		for ; b.N < most && when.Before(h.p.Reference.To); when, n = when.Add(h.every), n+1 {
			row := b.Grow(int64(b.N))
			vx, vs, _ := w.event()
			b.SetString(at["id"], row, fmt.Sprint("ref-", n))
			b.SetTime(at["ts"], row, plan.Micros(when))
			b.SetNumber(at["x"], row, vx)
			b.SetNumber(at["nested.k"], row, 4)
			b.SetNumber(at["score"], row, vs)
		}
		if err := visit(b); err != nil {
			return err
		}
	}
	return nil
}

// A column that is null from some instant on is told by the clock of the events while its pane has most of an hour to go and five minutes of
// lateness after that: some moments, the five seconds that events may be late for faults, and what two epochs take. At three events a second a moment is ten
// seconds and it is told within a minute; at 300 it is one, and it is told within ten seconds.
func TestHardFaultsAreToldWithinAMinute(t *testing.T) {
	for name, w := range map[string]swift{
		"three a second": {every: 300 * time.Millisecond, from: "2000-01-02", moment: 10 * time.Second, broken: 10 * time.Minute, within: time.Minute},
		"300 a second":   {every: time.Second / 300, from: "2000-01-02T21:00:00Z", moment: time.Second, broken: 30 * time.Second, within: 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, w.told) })
	}
}

func (w swift) told(t *testing.T) {
	text := strings.Replace(contractText, "watch: {reference: {from: 1999-10-25, to: 2000-01-03}}", "watch: {reference: {from: "+w.from+", to: 2000-01-03}}", 1)
	s := newSystemOf(t, text, func(draft *plan.Plan) baseline.Source { return swiftHistory{history{draft}, w.every} })
	defer s.close()
	if p := s.plan; p.Moment() != w.moment || p.Pane != time.Hour || p.Lateness != 5*time.Minute {
		t.Fatalf("moments of %s in panes of %s, lateness %s", p.Moment(), p.Pane, p.Lateness)
	}
	findings := s.tail(bus.TopicFindings)
	defer findings.Close()
	broken := start.Add(w.broken)
	looks := max(1, int(time.Second/w.every))
	var told time.Duration
	for at, n := start, 0; told == 0 && at.Before(broken.Add(5*w.within)); at, n = at.Add(w.every), n+1 {
		x, score, _ := s.world.event()
		value := goavro.Union("double", x)
		if !at.Before(broken) {
			value = nil
		}
		s.produce("sys.predictions", int32(n%2), s.framed("sys.predictions", s.prediction, map[string]any{
			"id": fmt.Sprint("swift-", n), "ts": at, "x": value, "nested": map[string]any{"k": 4.0}, "score": score,
		}))
		time.Sleep(w.every)
		if n%looks > 0 || at.Before(broken) {
			continue
		}
		told = s.fault(findings, broken, at.Sub(broken))
	}
	if told == 0 || told > w.within {
		t.Errorf("told after %s", told)
	}
	t.Logf("told %s after the first event at fault", told)
}

// fault is since, if a fault was found meanwhile.
func (s *system) fault(findings *kgo.Client, broken time.Time, since time.Duration) (told time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel()
	findings.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		var e finding.Envelope[finding.Finding]
		if err := json.Unmarshal(r.Value, &e); err != nil {
			s.t.Fatal(err)
		}
		f := &e.Data
		if f.Verdict != finding.Fault || f.Subject != "x" || f.Channel != "missing" || !f.Onset.Equal(broken) {
			s.t.Errorf("found %s %s %s since %s", f.Subject, f.Channel, f.Verdict, f.Onset)
			return
		}
		told = since
	})
	return told
}
