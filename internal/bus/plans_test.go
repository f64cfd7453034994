//go:build synctests

package bus

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// smallPlan is the least that can be read back; the policy does not enter the plan's own digest.
func smallPlan(model, policy string) *plan.Plan {
	roles := plan.NoRoles()
	roles.ID, roles.Time = 0, 1
	return &plan.Plan{
		Format: plan.Format, Model: model, Policy: plan.Policy{Digest: policy},
		Prediction: plan.Projection{Topic: "p", Roles: roles, Fields: []plan.Field{
			{Name: "id", Path: []string{"id"}, Kind: plan.String}, {Name: "ts", Path: []string{"ts"}, Kind: plan.Time},
		}},
		Pane: time.Minute, TestPane: time.Hour, TruthPane: time.Hour,
	}
}

// from is a plan that is in force from some hours after the Unix epoch on.
func from(hours int, p *plan.Plan) *plan.Plan {
	p.From = time.Unix(int64(hours)*3600, 0).UTC()
	return p
}

func (w *world) publish(plans ...*plan.Plan) {
	w.t.Helper()
	for _, p := range plans {
		if err := PublishPlan(w.t.Context(), w.cl, p); err != nil {
			w.t.Fatal(err)
		}
	}
}

// supervised is a service under Supervise that does nothing but note what it is started with: model=policy, in order.
type supervised struct {
	mu     sync.Mutex // memory operations only
	starts []string
	stop   func() error
}

func (w *world) supervise() *supervised { return w.superviseWith(nil) }

func (w *world) superviseWith(ready *Readiness) *supervised {
	s := &supervised{}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Supervise(ctx, w.e.Settings(), zap.NewNop(), ready, func(ctx context.Context, plans Plans) error {
			s.note(plans)
			<-ctx.Done()
			return nil
		})
	}()
	s.stop = func() error { cancel(); return <-done }
	return s
}

func (s *supervised) note(plans Plans) {
	var words []string
	for _, model := range slices.Sorted(maps.Keys(plans)) {
		words = append(words, model+"="+plans[model].Last().Policy.Digest)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.starts = append(s.starts, strings.Join(words, " "))
}

func (s *supervised) seen() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.starts)
}

// settled waits for the n-th start, then long enough for one more that should not come.
func (w *world) settled(s *supervised, n int) []string {
	w.t.Helper()
	w.until(fmt.Sprintf("start %d", n), func() bool { return len(s.seen()) >= n })
	time.Sleep(time.Minute) // virtual
	return s.seen()
}

func TestSuperviseStartsWithAllPlans(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		const models = 40
		var want []string
		for i := range models {
			p := smallPlan(fmt.Sprintf("m%02d", i), "1")
			p.Unjudged = []string{strings.Repeat("x", 100_000)} // so that they come in several fetches
			w.publish(p)
			want = append(want, p.Model+"=1")
		}
		s := w.supervise()
		got := w.settled(s, 1)
		if len(got) != 1 || got[0] != strings.Join(want, " ") {
			t.Errorf("%d starts, the first with %d plans; want one, with %d", len(got), len(strings.Fields(got[0])), models)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// What changes costs or owners leaves the plan's digest alone, and has to come into force all the same.
func TestSuperviseFollowsThePlans(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		s := w.supervise()
		want := []string{}
		step := func(what string, start string) {
			t.Helper()
			if start != "" {
				want = append(want, start)
			}
			if got := w.settled(s, len(want)); !slices.Equal(got, want) {
				t.Fatalf("%s: started with %q, want %q", what, got, want)
			}
		}
		step("no plan", "")
		w.publish(smallPlan("a", "1"))
		step("the first plan", "a=1")
		w.publish(smallPlan("a", "1"))
		step("the same plan again", "")
		w.publish(smallPlan("a", "2"))
		step("another policy from the same time on", "")
		w.publish(from(1, smallPlan("a", "2")))
		step("another policy", "a=2")
		w.publish(smallPlan("b", "1"))
		step("another model", "a=2 b=1")
		w.record(&kgo.Record{Topic: TopicPlans, Key: []byte("a"), Value: []byte("{}")})
		step("an unreadable plan", "")
		w.record(&kgo.Record{Topic: TopicPlans, Key: []byte(from(1, smallPlan("a", "2")).Key())})
		step("a plan taken back", "")
		w.record(&kgo.Record{Topic: TopicPlans, Key: []byte("a")})
		step("a model retired", "b=1")
		w.publish(smallPlan("a", "3"))
		step("and back", "a=3 b=1")
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Everybody agrees on which of two plans with one from is in force, whenever they read the log: the first.
func TestFirstPlanWithAFromCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		other := from(1, smallPlan("a", "x"))
		other.Baseline = "another"
		w.publish(smallPlan("a", "0"), from(1, smallPlan("a", "1")))
		early := w.supervise()
		want := w.settled(early, 1)
		w.publish(other, from(1, smallPlan("a", "1")))
		core, logs := observer.New(zap.ErrorLevel)
		plans, err := ReadPlans(t.Context(), w.e.Settings(), zap.New(core))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.settled(early, 1); !slices.Equal(got, want) || "a="+plans["a"].Last().Policy.Digest != want[0] || len(plans["a"]) != 2 {
			t.Errorf("who was there runs under %q, who came later reads %d plans, the last of them under %s", got, len(plans["a"]), plans["a"].Last().Policy.Digest)
		}
		if told := logs.All(); len(told) != 1 || !strings.Contains(told[0].Message, "another one of the model is in force from the same time on") {
			t.Errorf("told: %+v", told)
		}
		if err := early.stop(); err != nil {
			t.Error(err)
		}
	})
}

// An unreadable plan that is there before the service starts holds nobody up either.
func TestSuperviseSkipsAnUnreadablePlan(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		w.publish(smallPlan("a", "1"))
		w.record(&kgo.Record{Topic: TopicPlans, Key: []byte("a"), Value: []byte("no plan")})
		w.record(&kgo.Record{Topic: TopicPlans, Key: []byte("b"), Value: []byte("no plan")})
		s := w.supervise()
		if got := w.settled(s, 1); !slices.Equal(got, []string{"a=1"}) {
			t.Errorf("started with %q, want once with a=1", got)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// A run that fails is started again under the same plans.
func TestSuperviseStartsAgain(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		w.publish(smallPlan("a", "1"))
		ctx, cancel := context.WithCancel(t.Context())
		runs := 0
		err := Supervise(ctx, w.e.Settings(), zap.NewNop(), nil, func(_ context.Context, plans Plans) error {
			if runs++; len(plans) != 1 {
				t.Errorf("run %d under %d plans, want 1", runs, len(plans))
			}
			if runs == 3 {
				cancel()
			}
			return errors.New("broken")
		})
		if err != nil || runs != 3 {
			t.Errorf("%d runs, error %v; want 3 and none", runs, err)
		}
	})
}

func (w *world) record(rec *kgo.Record) {
	w.t.Helper()
	if err := w.cl.ProduceSync(w.t.Context(), rec).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}
