//go:build synctests

package bus

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/plan"
)

// policies are what is in force for a model, in order.
func (w *world) policies(model string) string {
	w.t.Helper()
	plans, err := ReadPlans(w.t.Context(), w.e.Settings(), zap.NewNop())
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, p := range plans[model] {
		out = append(out, p.Policy.Digest)
	}
	return strings.Join(out, " ")
}

// then is a plan that follows what is there.
func then(policy string, decided ...func()) func(Plans) (*plan.Plan, error) {
	return func(there Plans) (*plan.Plan, error) {
		p := from(1+len(there["a"]), smallPlan("a", policy))
		for _, f := range decided {
			f()
		}
		return p, nil
	}
}

// Of two who change the plans of a model, one of them between the other's look at what is there and its write, the later one goes
// first; the other is told, and nothing of it is there. Another model's are not concerned.
func TestChangePlansOneAtATime(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		change := func(model string, decide func(Plans) (*plan.Plan, error)) error {
			_, err := ChangePlans(t.Context(), w.e.Settings(), zap.NewNop(), model, decide)
			return err
		}
		if err := change("a", then("1")); err != nil {
			t.Fatal(err)
		}
		err := change("a", then("slow", func() {
			if err := change("a", then("quick")); err != nil {
				t.Error(err)
			}
			if err := change("b", func(Plans) (*plan.Plan, error) { return smallPlan("b", "1"), nil }); err != nil {
				t.Error(err)
			}
		}))
		if !errors.Is(err, ErrOvertaken) {
			t.Errorf("the slower one is told %v", err)
		}
		if got := w.policies("a") + ", " + w.policies("b"); got != "1 quick, 1" {
			t.Errorf("in force: %s", got)
		}
		if err := change("a", then("again")); err != nil || w.policies("a") != "1 quick again" {
			t.Errorf("in force: %s, %v", w.policies("a"), err)
		}
	})
}

// A decision against it writes nothing and keeps nobody out.
func TestChangePlansDecidedAgainst(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		no := errors.New("no")
		_, err := ChangePlans(t.Context(), w.e.Settings(), zap.NewNop(), "a", func(Plans) (*plan.Plan, error) { return nil, no })
		if !errors.Is(err, no) || w.policies("a") != "" {
			t.Errorf("in force: %q, %v", w.policies("a"), err)
		}
	})
}

// One that dies in its transaction, its plan written and not committed: nobody comes to run under it, and the next one goes on.
func TestChangePlansAfterADeadOne(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		s := w.supervise()
		w.publish(smallPlan("a", "1"))
		w.settled(s, 1)
		dead, err := w.e.Settings().NewClient(nil, nil, kgo.TransactionalID(TopicPlans+"-a"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
		if err != nil {
			t.Fatal(err)
		}
		defer dead.Close()
		if err := dead.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		if err := PublishPlan(t.Context(), dead, from(2, smallPlan("a", "dead"))); err != nil {
			t.Fatal(err)
		}
		if _, err := ChangePlans(t.Context(), w.e.Settings(), zap.NewNop(), "a", then("2")); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(w.settled(s, 2)); got != "[a=1 a=2]" || w.policies("a") != "1 2" {
			t.Errorf("started with %s, in force %s", got, w.policies("a"))
		}
		if err := dead.EndTransaction(t.Context(), kgo.TryCommit); !errors.Is(overtaken(err), ErrOvertaken) {
			t.Errorf("the dead one, back: %v", err)
		}
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
}

// Many at once: each that is not told otherwise is there, none is there that was told, and none has taken another's place.
func TestChangePlansManyAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		const people = 8
		var all sync.WaitGroup
		var said [people]error
		for i := range people {
			all.Go(func() {
				_, said[i] = ChangePlans(t.Context(), w.e.Settings(), zap.NewNop(), "a", then(fmt.Sprint("p", i)))
			})
		}
		all.Wait()
		there, done := strings.Fields(w.policies("a")), 0
		for i, err := range said {
			has := strings.Contains(" "+strings.Join(there, " ")+" ", fmt.Sprint(" p", i, " "))
			switch {
			case err != nil && !errors.Is(err, ErrOvertaken):
				t.Errorf("%d is told %v", i, err)
			case has != (err == nil):
				t.Errorf("%d is told %v; in force: %s", i, err, there)
			case err == nil:
				done++
			}
		}
		if done == 0 || done != len(there) {
			t.Errorf("%d are told that they are in force, and there are %s", done, there)
		}
	})
}

// Of many models at once each stands by itself: one is decided against, one has nothing to change, one is overtaken between its decision and its
// write; the others are there, decided by what was there when all had begun.
func TestChangeManyPlans(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.topic(TopicPlans, 1)
		no := errors.New("no")
		var told []string
		change := func(then func(model string, err error) error) error {
			return ChangeManyPlans(t.Context(), w.e.Settings(), zap.NewNop(), []string{"a", "b", "c", "d"}, func(model string, there Plans) (*plan.Plan, error) {
				switch model {
				case "b":
					return nil, no
				case "c":
					return nil, nil
				case "d":
					if _, err := ChangePlans(t.Context(), w.e.Settings(), zap.NewNop(), "d", func(Plans) (*plan.Plan, error) { return smallPlan("d", "quick"), nil }); err != nil {
						t.Error(err)
					}
				}
				return from(1+len(there[model]), smallPlan(model, "many")), nil
			}, func(model string, p *plan.Plan, err error) error {
				told = append(told, fmt.Sprint(model, p != nil, errors.Is(err, no), errors.Is(err, ErrOvertaken)))
				return then(model, err)
			})
		}
		if err := change(func(string, error) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(told, " "); got != "atrue false false bfalse true false cfalse false false dfalse false true" {
			t.Errorf("told %s", got)
		}
		if got := fmt.Sprintf("%s|%s|%s|%s", w.policies("a"), w.policies("b"), w.policies("c"), w.policies("d")); got != "many|||quick" {
			t.Errorf("in force: %s", got)
		}
		if err := change(func(_ string, err error) error { return err }); !errors.Is(err, no) {
			t.Errorf("ended with %v", err)
		}
		if got := w.policies("a") + ", " + w.policies("d"); got != "many many, quick" {
			t.Errorf("in force: %s", got)
		}
	})
}
