//go:build synctests

package app_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/produce"
	"github.com/plumbline-ml/plumbline/internal/wire"
)

const contractText = `
apiVersion: plumbline/v1
kind: QualityContract
metadata: {model: shop}
owners: {data: crm, model: growth}
task: {type: binary, positive: 1}
streams:
  prediction: {topic: shop.predictions, fields: {id: id, time: at, score: score}}
  outcome: {topic: shop.outcomes, fields: {id: id, time: at, label: bought}, keep: 2d, mature_after: 1h}
inputs:
  amount: {type: numeric}
  k: {type: numeric}
  tier: {type: categorical}
slices: [[tier]]
watch: {reference: {from: 2026-03-01, to: 2026-03-10}}
`

const (
	day    = 24 * time.Hour
	perDay = 240
	days   = 14
)

var first = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// rows are a shop's events; k was constant until the 13th day, 10 o'clock.
func rows(from, to int) string {
	var out strings.Builder
	out.WriteString("id,at,amount,k,tier,score,bought\n")
	s := uint64(1)
	draw := func() float64 {
		s = s * 16807 % 2147483647
		return float64(s) / 2147483647
	}
	for n := range days * perDay {
		at := first.Add(time.Duration(n) * day / perDay)
		p, amount, tier, bought := draw(), 20+60*draw(), "free", 0
		if draw() < 0.3 {
			tier = "pro"
		}
		if draw() < p {
			bought = 1
		}
		k := 4
		if at.Sub(first) >= 12*day+10*time.Hour {
			k = 5
		}
		if n >= from*perDay && n < to*perDay {
			fmt.Fprintf(&out, "e%d,%s,%.2f,%d,%s,%.3f,%d\n", n, at.Format(time.RFC3339), amount, k, tier, p, bought)
		}
	}
	return out.String()
}

// shop is a model on embedded parts, in a bubble.
type shop struct {
	t     *testing.T
	parts *app.Parts
	c     *contract.Contract
	plan  *plan.Plan
	all   check.Files // the whole past in one file

	offsets bool // some pane that history read knows where its events lie
}

func files(t *testing.T, from, to int) check.Files {
	t.Helper()
	path := filepath.Join(t.TempDir(), "events.csv")
	if err := os.WriteFile(path, []byte(rows(from, to)), 0o644); err != nil {
		t.Fatal(err)
	}
	return check.Files{Predictions: path, Outcomes: path, Delay: 30 * time.Minute}
}

// open makes parts with the model's plan in force.
func open(t *testing.T) *shop {
	t.Helper()
	s := &shop{t: t, all: files(t, 0, days)}
	var err error
	s.parts, err = app.Embedded(t.Context(), zap.NewNop(), prometheus.NewRegistry(), bus.EmbeddedOptions{Network: &kfake.VirtualNetwork{}})
	s.must(err)
	s.c, err = contract.Parse("shop.yaml", []byte(contractText))
	s.must(err)
	s.plan, err = check.Plan(s.c, s.all)
	s.must(err)
	s.must(bus.PublishPlan(t.Context(), s.parts.Producer, s.plan))
	return s
}

func (s *shop) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *shop) close() { s.must(s.parts.Close()) }

// live publishes days of the past and lets the services work until everything has come out.
func (s *shop) live(from, to int) {
	s.t.Helper()
	ctx := s.t.Context()
	r, err := produce.Open(ctx, produce.Options{Contract: s.c, Files: files(s.t, from, to), Partitions: 1}, s.parts.Registry)
	s.must(err)
	cl, err := produce.NewClient(s.parts.Kafka, zap.NewNop())
	s.must(err)
	_, err = r.Run(ctx, cl)
	s.must(err)
	cl.Close()
	s.must(r.Close())
	stop := s.run()
	for range 2000 {
		time.Sleep(100 * time.Millisecond)
		done, err := s.parts.CaughtUp(ctx, s.plan)
		s.must(err)
		if done {
			break
		}
	}
	stop()
}

// run starts the services; what it returns stops them.
func (s *shop) run() (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	done := make(chan error, 1)
	go func() { done <- app.Together(ctx, s.parts.All()) }()
	return func() {
		cancel()
		s.must(<-done)
	}
}

// history is what the panes topic holds, by key, offsets of events taken out.
func (s *shop) history() map[string]string {
	s.t.Helper()
	out := map[string]string{}
	partition := bus.PartitionOf("shop", s.parts.Layout.Fragments)
	s.must(bus.ReadState(s.t.Context(), s.parts.Kafka, bus.TopicPanes, partition, func(r *kgo.Record) error {
		switch key := string(r.Key); {
		case strings.HasPrefix(key, "pane/") && strings.Count(key, "/") == 3:
			body := placeless(s.t, r.Value)
			out[key] = string(body)
			s.offsets = s.offsets || len(body) < len(r.Value)
		case strings.HasPrefix(key, "pane/"), strings.HasPrefix(key, "cohort/"):
			out[key] = string(r.Value)
		}
		return nil
	}))
	return out
}

// placeless is a pane's record without the offsets of its events, written anew from what the format says.
func placeless(t *testing.T, b []byte) []byte {
	t.Helper()
	r := wire.NewReader(b)
	out := wire.Uint(nil, r.Uint())
	out = wire.String(out, r.String())
	out = wire.Int(wire.Int(out, r.Int()), r.Int())
	n := r.Count(3)
	out = wire.Uint(out, uint64(n))
	for range n {
		out = wire.String(wire.String(out, r.String()), r.String())
		out = wire.Bytes(out, r.Bytes())
	}
	for range r.Count(4) {
		_, _, _, _ = r.String(), r.Int(), r.Int(), r.Int()
	}
	out = wire.Uint(out, 0)
	out = append(out, r.Raw(r.Len())...)
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	return out
}

// end is how far the panes topic goes: nothing was written if it stays the same.
func (s *shop) end() int64 {
	s.t.Helper()
	ends, err := kadm.NewClient(s.parts.Producer).ListEndOffsets(s.t.Context(), bus.TopicPanes)
	s.must(err)
	n := int64(0)
	ends.Each(func(l kadm.ListedOffset) { n += l.Offset })
	return n
}

func (s *shop) backfill(dry bool) *app.Backfilled {
	s.t.Helper()
	got, err := s.parts.Backfill(s.t.Context(), "shop", app.BackfillOptions{Files: s.all, DryRun: dry})
	s.must(err)
	return got
}

// same compares histories without printing their bytes.
func same(t *testing.T, want, got map[string]string) {
	t.Helper()
	if d := cmp.Diff(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got))); d != "" {
		t.Errorf("records (-want +got): %s", d)
	}
	for key, body := range want {
		if g, there := got[key]; there && body != g {
			t.Errorf("%s has other bytes", key)
		}
	}
}

// What a backfill counts is what the detector would have written, byte for byte, offsets aside; and what was counted live
// stays as it is.
func TestBackfillIsWhatTheDetectorWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		live := open(t)
		defer live.close()
		live.live(0, days)
		want := live.history()
		if len(want) < 2*2*(days-2) { // a head and a piece each, of panes and of cohorts
			t.Fatalf("%d history records, too few to compare", len(want))
		}
		before := live.end()
		got := live.backfill(false)
		if got.Panes.Written+got.Cohorts.Written != 0 || live.end() != before {
			t.Errorf("over a history that was counted live it wrote %+v and %+v", got.Panes, got.Cohorts)
		}
		if got.Panes.There == 0 || got.Cohorts.There == 0 || got.Live == nil || !got.Live.Equal(first) {
			t.Errorf("there already: %+v and %+v, live from %v", got.Panes, got.Cohorts, got.Live)
		}

		fresh := open(t)
		defer fresh.close()
		if got := fresh.backfill(true); got.Panes.Written == 0 || len(fresh.history()) != 0 {
			t.Errorf("a dry run would write %+v and wrote %d records", got.Panes, len(fresh.history()))
		}
		got = fresh.backfill(false)
		same(t, want, fresh.history())
		if fresh.offsets || !live.offsets {
			t.Errorf("panes know offsets: %t of a file, %t of a topic", fresh.offsets, live.offsets)
		}
		if n := got.Panes.Written + got.Cohorts.Written; 2*n != int64(len(want)) || got.Live != nil || got.Late != 0 {
			t.Errorf("written %+v and %+v of %d records, live from %v, %d late", got.Panes, got.Cohorts, len(want), got.Live, got.Late)
		}
		if r := got.Readings; len(r) != 2 || r[0].Read != days*perDay || r[0].Counted != days*perDay || r[1].Counted != days*perDay {
			t.Errorf("readings %+v", r)
		}
		end := fresh.end()
		if again := fresh.backfill(false); again.Panes.Written+again.Cohorts.Written != 0 || again.Panes.There != got.Panes.Written || fresh.end() != end {
			t.Errorf("a second run wrote %+v and %+v", again.Panes, again.Cohorts)
		}
	})
}

// The stream begins in the middle: what lies before is written, the rest is the stream's.
func TestBackfillEndsWhereTheStreamBegins(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const since = 10
		s := open(t)
		defer s.close()
		whole := open(t)
		defer whole.close()
		whole.backfill(false)
		s.live(since, days)
		counted := s.history()
		got := s.backfill(false)
		if want := first.Add(since * day); got.Live == nil || !got.Live.Equal(want) {
			t.Fatalf("the first pane counted live: %v, want %s", got.Live, want)
		}
		if got.Panes.Written == 0 || got.Cohorts.Written == 0 || got.Panes.There == 0 {
			t.Errorf("%+v and %+v", got.Panes, got.Cohorts)
		}
		after := s.history()
		for key, body := range counted {
			if after[key] != body {
				t.Errorf("%s was counted live and is another one now", key)
			}
		}
		same(t, whole.history(), after)
		end := s.end()
		if again := s.backfill(false); again.Panes.Written+again.Cohorts.Written != 0 || s.end() != end {
			t.Errorf("a second run wrote %+v and %+v", again.Panes, again.Cohorts)
		}
		// Detectors go on with it.
		stop := s.run()
		time.Sleep(3 * time.Second)
		stop()
	})
}

// Events are counted by the plan in force at their own time, and one plan's panes hold nothing of the other's.
func TestBackfillByThePlanOfTheTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		defer s.close()
		next := *s.plan
		next.From = first.Add(11 * day)
		next.Baseline += "2"
		s.must(next.Seal())
		s.must(bus.PublishPlan(t.Context(), s.parts.Producer, &next))
		got := s.backfill(false)
		if len(got.Readings) != 4 || got.Readings[0].Counted != 11*perDay || got.Readings[1].Counted != 3*perDay || got.Readings[1].Elsewhere != 11*perDay {
			t.Errorf("readings %+v", got.Readings)
		}
		rows := map[string]int64{}
		for _, kind := range []string{app.KindTest, app.KindCohort} {
			_, err := app.EndedCells(t.Context(), s.parts.Kafka, s.parts.Layout, "shop", kind, first, first.Add(days*day), func(c *app.EndedCell) error {
				if (c.Plan == next.Digest()) != !c.Start.Before(next.From) {
					t.Errorf("a %s from %s is counted under plan %s", c.Kind, c.Start, c.Plan)
				}
				if c.Kind == app.KindTest {
					rows[c.Plan] += c.Rows
				} else {
					for _, n := range c.OnTime.Labels {
						rows[c.Plan+c.Kind] += n
					}
				}
				return nil
			})
			s.must(err)
		}
		for key, days := range map[string]int64{s.plan.Digest(): 11, next.Digest(): 2, s.plan.Digest() + app.KindCohort: 11} {
			if rows[key] != days*perDay {
				t.Errorf("%s: %d events, want %d", key, rows[key], days*perDay)
			}
		}
	})
}

// A model without a plan has no terms to count by.
func TestBackfillNeedsAPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t)
		defer s.close()
		if _, err := s.parts.Backfill(t.Context(), "nosuch", app.BackfillOptions{Files: s.all}); err == nil || !strings.Contains(err.Error(), "no contract is in force for nosuch") {
			t.Error(err)
		}
	})
}
