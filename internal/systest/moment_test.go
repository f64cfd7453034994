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

// swiftText is a contract of a model with an event every 300 ms, whose events come nearly in order.
var swiftText = strings.Replace(contractText, "watch: {reference: {from: 1999-10-25, to: 2000-01-03}}",
	"watch: {reference: {from: 2000-01-02, to: 2000-01-03}}", 1)

const swiftEvery = 300 * time.Millisecond

// swiftHistory is history with as many events as that.
type swiftHistory struct{ history }

func (h swiftHistory) Predictions(visit func(*plan.Batch) error) error {
	b := plan.NewBatch(&h.p.Prediction, int(h.p.Reference.To.Sub(h.p.Reference.From)/swiftEvery))
	at := map[string]int{}
	for i, f := range b.Fields {
		at[strings.Join(f.Path, ".")] = i
	}
	id, ts, x, k, score := at["id"], at["ts"], at["x"], at["nested.k"], at["score"]
	w := newWorld(seed + 1)
	for when := h.p.Reference.From; when.Before(h.p.Reference.To); when = when.Add(swiftEvery) {
		row := b.Grow(int64(b.N))
		vx, vs, _ := w.event()
		b.SetString(id, row, fmt.Sprint("ref-", row))
		b.SetTime(ts, row, plan.Micros(when))
		b.SetNumber(x, row, vx)
		b.SetNumber(k, row, 4)
		b.SetNumber(score, row, vs)
	}
	return visit(b)
}

// A column that is null from some instant on is told within a minute, by the clock of the events, while its pane has fifty minutes
// to go and five minutes of lateness after that: three moments of ten seconds, the five seconds that events may be late for faults, and what two epochs take.
func TestHardFaultsAreToldWithinAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystemOf(t, swiftText, func(draft *plan.Plan) baseline.Source { return swiftHistory{history{draft}} })
		defer s.close()
		if p := s.plan; p.Moment() != 10*time.Second || p.Pane != time.Hour || p.Lateness != 5*time.Minute {
			t.Fatalf("moments of %s in panes of %s, lateness %s", p.Moment(), p.Pane, p.Lateness)
		}
		findings := s.tail(bus.TopicFindings)
		defer findings.Close()
		broken := start.Add(10 * time.Minute)
		var told time.Duration
		for at, n := start, 0; told == 0 && at.Before(start.Add(15*time.Minute)); at, n = at.Add(swiftEvery), n+1 {
			x, score, _ := s.world.event()
			value := goavro.Union("double", x)
			if !at.Before(broken) {
				value = nil
			}
			s.produce("sys.predictions", int32(n%2), s.framed("sys.predictions", s.prediction, map[string]any{
				"id": fmt.Sprint("swift-", n), "ts": at, "x": value, "nested": map[string]any{"k": 4.0}, "score": score,
			}))
			time.Sleep(swiftEvery)
			if n%3 > 0 || at.Before(broken) {
				continue
			}
			told = s.fault(findings, at.Sub(broken))
		}
		if told == 0 || told > time.Minute {
			t.Errorf("told after %s", told)
		}
		t.Logf("told %s after the first event at fault", told)
	})
}

// fault is since, if a fault was found meanwhile.
func (s *system) fault(findings *kgo.Client, since time.Duration) (told time.Duration) {
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Millisecond)
	defer cancel()
	findings.PollFetches(ctx).EachRecord(func(r *kgo.Record) {
		var e finding.Envelope[finding.Finding]
		if err := json.Unmarshal(r.Value, &e); err != nil {
			s.t.Fatal(err)
		}
		f := &e.Data
		if f.Verdict != finding.Fault || f.Subject != "x" || f.Channel != "missing" || !f.Onset.Equal(start.Add(10*time.Minute)) {
			s.t.Errorf("found %s %s %s since %s", f.Subject, f.Channel, f.Verdict, f.Onset)
			return
		}
		told = since
	})
	return told
}
