//go:build synctests

package systest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// The contracts that follow the first one: one more input and a promise that can't be kept, which makes another plan; and the same
// at ten times the price, without the promise, which is another policy only.
var (
	widerText = strings.Replace(contractText, "inputs:\n", "inputs:\n  again: {type: numeric, path: x}\n", 1) +
		"promises:\n  - {metric: expected_cost, max: 1, over: 7d, then: ticket}\n"
	dearerText = strings.NewReplacer("false_positive: 10", "false_positive: 100", "false_negative: 20", "false_negative: 200").
			Replace(strings.Split(widerText, "promises:")[0])
)

// apply puts a contract in force while everything runs.
func (s *system) apply(text string, want app.Change) *plan.Plan {
	s.t.Helper()
	p, change, err := s.tryApply(text, time.Time{})
	if err != nil || change != want {
		s.t.Fatalf("apply: %q, want %q; %v", change, want, err)
	}
	return p
}

func (s *system) tryApply(text string, from time.Time) (*plan.Plan, app.Change, error) {
	s.t.Helper()
	c, err := contract.Parse("sys.yaml", []byte(text))
	if err != nil {
		s.t.Fatal(err)
	}
	return s.parts.Apply(s.t.Context(), c, app.Apply{From: from, Learn: func() (*plan.Plan, error) {
		draft, err := plan.Draft(c)
		if err != nil {
			return nil, err
		}
		return baseline.Build(draft, history{draft})
	}})
}

// refuses checks that a contract can't be in force from a time on, and that the error says why.
func (s *system) refuses(text string, from time.Time, says string) {
	s.t.Helper()
	if _, _, err := s.tryApply(text, from); !errors.Is(err, app.ErrFrom) || !strings.Contains(err.Error(), says) {
		s.t.Errorf("apply from %s: %v, want an error that says %q", from, err, says)
	}
}

// TestContractsChange: contracts that follow one another while everything runs. Every event is counted once, under the contract in
// force at its time; a replay from zero under all of them at once comes to the same.
func TestContractsChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		defer s.close()
		h := plan.History{s.plan}
		s.play(30, []action{
			At(6, 20, func() {
				s.refuses(widerText, start.AddDate(0, 0, 6), "events up to 2000-01-09T19:30:00Z have been counted under the plan in force; the first time possible is 2000-01-10T00:00:00Z")
				s.refuses(widerText, start.AddDate(0, 0, 7).Add(time.Hour), "2000-01-10T01:00:00Z is in the middle of a pane; the next one begins at 2000-01-11T00:00:00Z")
				h = h.With(s.apply(widerText, app.Afresh))
			}),
			At(7, 3, func() {
				if p := s.apply(widerText, app.Same); p.Digest() != h.Last().Digest() {
					t.Error("what is in force already is another plan")
				}
			}),
			At(15, 12, func() { h = h.With(s.apply(dearerText, app.Policy)) }),
			At(18, 0, func() { s.world.broken = true }),
			At(24, 0, func() {
				s.world.broken = false
				p, err := s.parts.Again(t.Context(), s.plan, time.Time{})
				if err != nil {
					t.Fatal(err)
				}
				h = h.With(p)
			}),
		}, []string{
			"ticket: performance of promise: cost per decision at most 1 EUR, onset day 7 00:00, opened day 14 00:00, priced false, owner model-team",
			"page: concept_drift of outcome, onset day 18 00:00, opened day 21 00:00, priced true, owner model-team",
		})
		a, b, c, again := h[0], h[1], h[2], h[3]
		for i, want := range []int{0, 7, 16, 25} {
			if from := start.AddDate(0, 0, want); i > 0 && !h[i].From.Equal(from) {
				t.Errorf("contract %d is in force from %s on, want %s", i, h[i].From, from)
			}
		}
		if a.Digest() == b.Digest() || b.Digest() != c.Digest() || b.Contract == c.Contract || again.Digest() != a.Digest() {
			t.Fatal("the first change is of the plan, the second of the policy, the third back to the first plan")
		}
		for i, p := range h { // else outcomes under one wouldn't find predictions under another
			if p.IDs != a.IDs || len(p.IDs) != 32 {
				t.Errorf("contract %d hashes ids by the key %q, the first by %q", i, p.IDs, a.IDs)
			}
		}
		if n := s.sum("plumbline_detect_skipped_cells_total") + s.sum("plumbline_detect_late_events") + s.sum("plumbline_detect_coverage_problems_total"); n != 0 {
			t.Errorf("%g cells set aside, events late or offsets unaccounted for", n)
		}
		s.eachDayOnce(h)
		live := findings(t, s.parts)
		judgedUnder(t, h, live)
		replayed := s.replay(h)
		if got := findings(t, replayed); !slices.Equal(texts(got), texts(live)) {
			t.Errorf("a replay from zero finds\n  %s\nand it was\n  %s", strings.Join(texts(got), "\n  "), strings.Join(texts(live), "\n  "))
		}
		if err := replayed.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestTwoContractsAtOnce: two people put contracts of one model in force at the same moment, and a third goes back. Each is told what
// is: it is in force, or somebody else was first and nothing of it is there.
func TestTwoContractsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSystem(t)
		defer s.close()
		s.play(7, []action{At(6, 12, func() {
			parse := func(text string) *contract.Contract {
				c, err := contract.Parse("sys.yaml", []byte(text))
				if err != nil {
					t.Fatal(err)
				}
				return c
			}
			learnt := func(c *contract.Contract) (*plan.Plan, error) {
				draft, err := plan.Draft(c)
				if err != nil {
					return nil, err
				}
				return baseline.Build(draft, history{draft})
			}
			slow, quick := parse(widerText), parse(dearerText)
			// The quick one comes while the slow one is still learning.
			_, _, err := s.parts.Apply(t.Context(), slow, app.Apply{Learn: func() (*plan.Plan, error) {
				if _, _, err := s.parts.Apply(t.Context(), quick, app.Apply{Learn: func() (*plan.Plan, error) { return learnt(quick) }}); err != nil {
					t.Error(err)
				}
				return learnt(slow)
			}})
			if o, ok := errors.AsType[*app.Overtaken](err); !ok || o.By == nil || o.By.Contract != quick.Digest || !strings.Contains(err.Error(), quick.Digest) ||
				!strings.Contains(err.Error(), "this one changed nothing") {
				t.Errorf("who learnt for longer is told %v", err)
			}
			// All begin to write at the same moment.
			var all sync.WaitGroup
			said, got := make([]error, 6), make([]*plan.Plan, 6)
			for i := range said {
				all.Go(func() {
					if i%2 == 0 {
						got[i], said[i] = s.parts.Again(t.Context(), s.plan, time.Time{})
						return
					}
					got[i], _, said[i] = s.parts.Apply(t.Context(), slow, app.Apply{Learn: func() (*plan.Plan, error) { return learnt(slow) }})
				})
			}
			all.Wait()
			plans, err := s.parts.Published(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			h, want := plans[s.plan.Model], map[string]bool{} // by key
			for i, err := range said {
				if err == nil {
					want[got[i].Key()+got[i].Contract] = true
				} else if _, ok := errors.AsType[*app.Overtaken](err); !ok {
					t.Error(err)
				}
			}
			for _, p := range h[min(2, len(h)):] {
				if !want[p.Key()+p.Contract] {
					t.Errorf("contract %s is in force from %s on, and nobody was told so", p.Contract, p.From)
				}
			}
			if len(want) == 0 || len(h) != 2+len(want) {
				t.Errorf("%d are told that they are in force, and there are %d plans after the two of before", len(want), len(h)-2)
			}
		})}, nil)
	})
}

// eachDayOnce holds the history against what was sent: every day is one pane and one cohort, of the plan in force on it, and holds
// all its events.
func (s *system) eachDayOnce(h plan.History) {
	s.t.Helper()
	byDigest := func(digest string) *plan.Plan {
		if of := h.Governed(digest); len(of) > 0 {
			return of[0]
		}
		return nil
	}
	panes, cohorts := map[int64]int64{}, 0
	err := detect.ReadHistory(s.t.Context(), s.parts.Kafka, s.parts.Layout, s.plan.Model, math.MinInt64, math.MaxInt64, byDigest, func(e detect.Ended) error {
		if e.Cohort != nil {
			cohorts++
			if want := h.At(e.Cohort.Start).Digest(); e.Plan.Digest() != want {
				s.t.Errorf("the cohort of %s is of plan %s, want %s", plan.FromMicros(e.Cohort.Start), e.Plan.Digest(), want)
			}
			return nil
		}
		if want := h.At(e.Pane.Start).Digest(); e.Plan.Digest() != want {
			s.t.Errorf("the pane of %s is of plan %s, want %s", plan.FromMicros(e.Pane.Start), e.Plan.Digest(), want)
		}
		panes[e.Pane.Start] += e.Pane.Rows()
		return nil
	})
	if err != nil {
		s.t.Fatal(err)
	}
	days := s.sent/perDay - 1 // the last one isn't over
	for d := range days {
		if n := panes[plan.Micros(start.AddDate(0, 0, d))]; n != perDay {
			s.t.Errorf("the pane of day %d holds %d events, want %d", d, n, perDay)
		}
	}
	if len(panes) != days || cohorts != days {
		s.t.Errorf("%d panes and %d cohorts, want %d of each", len(panes), cohorts, days)
	}
}

// judgedUnder checks that findings name the contract in force at what they are about and price by it, that a change of policy
// learns nothing anew, that an alarm of a promise ends with the promise, and that what is open when another plan takes over ends with its plan.
func judgedUnder(t *testing.T, h plan.History, all []finding.Finding) {
	t.Helper()
	priced, ended, book := 0, false, incident.NewBook()
	for _, f := range all {
		book.Fold(f)
		p := h.At(plan.Micros(f.Window.End) - 1)
		if f.Contract != p.Contract || f.Baseline != p.Baseline {
			t.Errorf("%s %s of %s to %s is under contract %s, want %s", f.Subject, f.Verdict, f.Window.Start, f.Window.End, f.Contract, p.Contract)
		}
		if f.Verdict == finding.Learning {
			t.Errorf("learning: %+v", f)
		}
		if f.Metric == "expected_cost" && f.Channel != "promise" {
			priced++
			want, _ := p.Score.Views[0].Measured(f.Metric, p.Policy.Costs)
			if len(f.Slice) == 0 && math.Abs(float64(f.Reference)-want.Null.Mean) > 1e-6 && math.Abs(float64(f.Reference)-want.Value) > 1e-6 {
				t.Errorf("the reference's cost is %g, want %g or %g at the prices of %s", f.Reference, want.Value, want.Null.Mean, f.Window.Start)
			}
		}
		if f.Channel == "promise" && f.Verdict == finding.Equivalent {
			ended = true
			if f.Contract != h[2].Contract || f.At.Before(h[2].From) || f.At.After(h[2].From.Add(2*day)) {
				t.Errorf("the promise was taken back at %s, its alarm ended at %s under contract %s", h[2].From, f.At, f.Contract)
			}
		}
	}
	over := 0
	for _, inc := range book.Incidents() {
		if inc.Status == incident.Open && inc.OpenedAt.Before(h.Last().From) {
			t.Errorf("%s: open under a plan that is over", inc.Title)
		}
		if inc.Reason == string(finding.Superseded) {
			over++
		}
	}
	if over == 0 {
		t.Error("no incident ended with its plan")
	}
	if !ended || priced == 0 {
		t.Errorf("alarm of the promise ended: %t; %d findings on the cost", ended, priced)
	}
}

// findings are all findings of an installation, offsets aside, in the order of what they say.
func findings(t *testing.T, p *app.Parts) []finding.Finding {
	t.Helper()
	var out []finding.Finding
	for partition := range int32(p.Layout.Fragments) {
		err := bus.ReadState(t.Context(), p.Kafka, bus.TopicFindings, partition, func(r *kgo.Record) error {
			var e finding.Envelope[finding.Finding]
			if err := json.Unmarshal(r.Value, &e); err != nil {
				return err
			}
			e.Data.Offsets = nil
			out = append(out, e.Data)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(out, func(a, b finding.Finding) int { return cmp.Compare(a.At.String()+a.ID, b.At.String()+b.ID) })
	return out
}

func texts(all []finding.Finding) []string {
	out := make([]string, len(all))
	for i := range all {
		b, err := json.Marshal(&all[i])
		out[i] = fmt.Sprint(string(b), err)
	}
	return out
}

// replay runs the services from zero in another installation, over the same topics and with all contracts there from the start.
func (s *system) replay(h plan.History) *app.Parts {
	s.t.Helper()
	must := func(err error) {
		s.t.Helper()
		if err != nil {
			s.t.Fatal(err)
		}
	}
	ctx := s.t.Context()
	p, err := app.Embedded(ctx, zap.NewNop(), prometheus.NewRegistry(), bus.EmbeddedOptions{Network: &kfake.VirtualNetwork{}})
	must(err)
	schemas := map[string]string{"sys.predictions": predictionSchema, "sys.outcomes": outcomeSchema}
	topics := slices.SortedFunc(func(yield func(string) bool) {
		for topic := range schemas {
			if !yield(topic) {
				return
			}
		}
	}, func(a, b string) int { return cmp.Compare(s.ids[a], s.ids[b]) })
	adm := kadm.NewClient(p.Producer)
	for _, topic := range topics {
		_, err := adm.CreateTopic(ctx, 2, 1, nil, topic)
		must(err)
		id, err := p.Registry.Register(ctx, topic+"-value", schemas[topic])
		must(err)
		if uint32(id) != s.ids[topic] {
			s.t.Fatalf("schema %d of %s is %d here", s.ids[topic], topic, id)
		}
		for partition := range int32(2) {
			must(bus.ReadState(ctx, s.parts.Kafka, topic, partition, func(r *kgo.Record) error {
				return p.Producer.ProduceSync(ctx, &kgo.Record{Topic: topic, Partition: partition, Value: r.Value}).FirstErr()
			}))
		}
	}
	for _, pl := range h {
		must(bus.PublishPlan(ctx, p.Producer, pl))
	}
	again := &system{t: s.t, stop: map[string]func(){}}
	for name, run := range p.All() {
		again.run(name, run)
	}
	for range 600 {
		ok, err := p.CaughtUp(ctx, h[0])
		must(err)
		if ok {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	for _, stop := range again.stop {
		stop()
	}
	return p
}
