package app

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// asking is a plan of a model whose contract asks for so many pages a day, and a ticket.
func asking(model, team string, day int, pages float64) *plan.Plan {
	return &plan.Plan{
		Model: model, From: time.Date(2026, 1, day, 0, 0, 0, 0, time.UTC),
		Policy: plan.Policy{Digest: "sha256:" + model, Owners: map[string]string{"model": team}, Pages: pages, Tickets: 1},
	}
}

func capped(t *testing.T, p *plan.Plan, pages float64) *plan.Plan {
	t.Helper()
	q, err := p.Granted(budget.Grant{Rates: budget.Rates{Pages: pages, Tickets: 1}, PagesBy: budget.Fleet})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// What counts of a model is its newest plan, and of that what the contract asks for, whatever is in force.
func TestFleetOf(t *testing.T) {
	plans := bus.Plans{
		"a":    plan.History{asking("a", "x", 1, 9), capped(t, asking("a", "x", 2, 4), 1)},
		"b":    plan.History{asking("b", "y", 1, 4)},
		"gone": nil,
	}
	caps := budget.Caps{Fleet: budget.Rates{Pages: 4}, Teams: map[string]budget.Rates{"z": {Pages: 1}}, Weights: map[string]float64{"a": 3, "gone": 1}}
	f := FleetOf(plans, caps)
	want := []Member{
		{
			Model: "a", Team: "x", Weight: 3, Asked: budget.Rates{Pages: 4, Tickets: 1},
			Gets: budget.Grant{Rates: budget.Rates{Pages: 3, Tickets: 1}, PagesBy: "fleet"}, InForce: budget.Grant{Rates: budget.Rates{Pages: 1, Tickets: 1}, PagesBy: "fleet"},
		},
		{
			Model: "b", Team: "y", Weight: 1, Asked: budget.Rates{Pages: 4, Tickets: 1},
			Gets: budget.Grant{Rates: budget.Rates{Pages: 1, Tickets: 1}, PagesBy: "fleet"}, InForce: budget.Grant{Rates: budget.Rates{Pages: 4, Tickets: 1}},
		},
	}
	if d := cmp.Diff(want, f.Members); d != "" {
		t.Error(d)
	}
	if over := f.Overspent(); len(over) != 1 || over[0].Cap != budget.Fleet || over[0].Spent.Pages != 5 {
		t.Errorf("overspent: %+v", over)
	}
	if d := cmp.Diff([]string{"budget.teams.z", "budget.weights.gone"}, f.Strangers); d != "" {
		t.Error(d)
	}
	if len(FleetOf(plans, budget.Caps{}).Overspent()) != 0 {
		t.Error("overspent without a cap")
	}
}

// What a plan that follows another one has in force.
func TestShareOfTheNextPlan(t *testing.T) {
	fleet := budget.Caps{Fleet: budget.Rates{Pages: 4}}
	for name, c := range map[string]struct {
		caps       budget.Caps
		last, next *plan.Plan
		pages      float64
		by         string
	}{
		"the first one, without caps":          {budget.Caps{}, nil, asking("a", "x", 2, 9), 9, ""},
		"the first one":                        {fleet, nil, asking("a", "x", 2, 9), 2, "fleet"},
		"another one, beside its former self":  {fleet, asking("a", "x", 1, 100), asking("a", "x", 2, 9), 2, "fleet"},
		"one that asks for less":               {fleet, asking("a", "x", 1, 9), asking("a", "x", 2, 1), 1, ""},
		"a cap stays without settings":         {budget.Caps{}, capped(t, asking("a", "x", 1, 9), 2), asking("a", "x", 2, 10), 2, "fleet"},
		"a cap on what is asked for no more":   {budget.Caps{}, capped(t, asking("a", "x", 1, 9), 2), asking("a", "x", 2, 1), 1, ""},
		"what was not capped is as asked":      {budget.Caps{}, asking("a", "x", 1, 1), asking("a", "x", 2, 10), 10, ""},
		"one from before the cap, put back":    {budget.Caps{}, capped(t, asking("a", "x", 1, 9), 2), asking("a", "x", 1, 9), 2, "fleet"},
		"one from a tighter cap, put back":     {fleet, asking("a", "x", 1, 9), capped(t, asking("a", "x", 1, 9), 1), 2, "fleet"},
		"one from a lifted cap, without a cap": {budget.Caps{}, asking("a", "x", 1, 9), capped(t, asking("a", "x", 1, 9), 1), 9, ""},
	} {
		plans := bus.Plans{"b": plan.History{asking("b", "y", 1, 9)}}
		if c.last != nil {
			plans["a"] = plan.History{c.last}
		}
		got, err := (&Parts{Budget: c.caps}).share(plans, c.last, c.next)
		if err != nil {
			t.Fatal(err)
		}
		if g := got.Policy.InForce(); g.Pages != c.pages || g.PagesBy != c.by || g.Tickets != 1 {
			t.Errorf("%s: %+v, want %g pages by %q", name, g, c.pages, c.by)
		}
		if got.Policy.Asks() != c.next.Policy.Asks() {
			t.Errorf("%s: asks for %+v", name, got.Policy.Asks())
		}
		if again, err := (&Parts{Budget: c.caps}).share(plans, c.last, got); err != nil || again != got {
			t.Errorf("%s: not what it gets the second time: %v", name, err)
		}
	}
}

// The plans topic of an empty history holds nobody.
func TestRetiredModelsHaveNoPart(t *testing.T) {
	if got := membersOf(bus.Plans{"a": nil, "b": plan.History{asking("b", "y", 1, 9)}}); len(got) != 1 || !slices.Equal([]string{got[0].Name, got[0].Team}, []string{"b", "y"}) {
		t.Errorf("%+v", got)
	}
}
