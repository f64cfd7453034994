package budget_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/plumbline-ml/plumbline/internal/budget"
)

// kinds are pages and tickets, which every rule here holds of each by itself.
var kinds = []struct {
	name string
	of   func(budget.Rates) float64
	by   func(budget.Grant) string
}{
	{"pages", func(r budget.Rates) float64 { return r.Pages }, func(g budget.Grant) string { return g.PagesBy }},
	{"tickets", func(r budget.Rates) float64 { return r.Tickets }, func(g budget.Grant) string { return g.TicketsBy }},
}

// The numbers of a small fleet, by hand.
func TestShare(t *testing.T) {
	models := []budget.Model{
		{Name: "credit", Team: "risk", Asked: budget.Rates{Pages: 4, Tickets: 1}},
		{Name: "demand", Team: "forecasting", Asked: budget.Rates{Pages: 4, Tickets: 1}},
		{Name: "fraud", Team: "risk", Asked: budget.Rates{Pages: 1, Tickets: 1}},
		{Name: "weather", Team: "forecasting", Asked: budget.Rates{Pages: 4, Tickets: 1}},
	}
	grant := func(pages, tickets float64, by ...string) budget.Grant {
		return budget.Grant{Rates: budget.Rates{Pages: pages, Tickets: tickets}, PagesBy: by[0], TicketsBy: by[1]}
	}
	for _, c := range []struct {
		name string
		caps budget.Caps
		want map[string]budget.Grant
	}{
		{"no cap", budget.Caps{}, map[string]budget.Grant{
			"credit": grant(4, 1, "", ""), "demand": grant(4, 1, "", ""), "fraud": grant(1, 1, "", ""), "weather": grant(4, 1, "", ""),
		}},
		{"a cap of one kind, of which fraud wants less than its share", budget.Caps{Fleet: budget.Rates{Pages: 7}}, map[string]budget.Grant{
			"credit": grant(2, 1, "fleet", ""), "demand": grant(2, 1, "fleet", ""), "fraud": grant(1, 1, "", ""), "weather": grant(2, 1, "fleet", ""),
		}},
		{"by weight", budget.Caps{Fleet: budget.Rates{Pages: 6}, Weights: map[string]float64{"credit": 3}}, map[string]budget.Grant{
			"credit": grant(3, 1, "fleet", ""), "demand": grant(1, 1, "fleet", ""), "fraud": grant(1, 1, "", ""), "weather": grant(1, 1, "fleet", ""),
		}},
		{"a team leaves to others what its own cap keeps from it", budget.Caps{
			Fleet: budget.Rates{Pages: 7}, Teams: map[string]budget.Rates{"forecasting": {Pages: 2, Tickets: 1}},
		}, map[string]budget.Grant{
			"credit": grant(4, 1, "", ""), "demand": grant(1, 0.5, "team forecasting", "team forecasting"), "fraud": grant(1, 1, "", ""),
			"weather": grant(1, 0.5, "team forecasting", "team forecasting"),
		}},
		{"the tighter of two caps", budget.Caps{
			Fleet: budget.Rates{Pages: 2}, Teams: map[string]budget.Rates{"forecasting": {Pages: 2}},
		}, map[string]budget.Grant{
			"credit": grant(0.5, 1, "fleet", ""), "demand": grant(0.5, 1, "fleet", ""), "fraud": grant(0.5, 1, "fleet", ""), "weather": grant(0.5, 1, "fleet", ""),
		}},
	} {
		if d := cmp.Diff(c.want, budget.Share(models, c.caps)); d != "" {
			t.Errorf("%s: %s", c.name, d)
		}
	}
}

// Thirty models at a page in 30 days are a page a day: rounding alone caps nobody.
func TestRoundingCapsNobody(t *testing.T) {
	var models []budget.Model
	for i := range 30 {
		models = append(models, budget.Model{Name: fmt.Sprint(i), Asked: budget.Rates{Pages: 1. / 30, Tickets: 0.1}})
	}
	for name, g := range budget.Share(models, budget.Caps{Fleet: budget.Rates{Pages: 1, Tickets: 3}}) {
		if g != (budget.Grant{Rates: budget.Rates{Pages: 1. / 30, Tickets: 0.1}}) {
			t.Fatalf("%s: %+v", name, g)
		}
	}
}

// drawn are a fleet and its caps, some of them absent, with rates over many orders of size.
func drawn(t *rapid.T) ([]budget.Model, budget.Caps) {
	rate := rapid.OneOf(rapid.Just(0.), rapid.Float64Range(1e-6, 1e4), rapid.SampledFrom([]float64{1. / 30, 4. / 30, 1, 2}))
	rates := func(name string) budget.Rates {
		return budget.Rates{Pages: rate.Draw(t, name+" pages"), Tickets: rate.Draw(t, name+" tickets")}
	}
	team := rapid.SampledFrom([]string{"", "a", "b", "c"})
	caps := budget.Caps{Teams: map[string]budget.Rates{}, Weights: map[string]float64{}}
	var models []budget.Model
	for i := range rapid.IntRange(0, 30).Draw(t, "models") {
		m := budget.Model{Name: fmt.Sprint("m", i), Team: team.Draw(t, "team"), Asked: rates("asked")}
		models = append(models, m)
		if rapid.Bool().Draw(t, "weighs") {
			caps.Weights[m.Name] = rapid.Float64Range(0.001, 1000).Draw(t, "weight")
		}
	}
	if rapid.Bool().Draw(t, "fleet") {
		caps.Fleet = rates("fleet")
	}
	for _, name := range []string{"", "a", "b", "gone"} {
		if rapid.Bool().Draw(t, "capped") {
			caps.Teams[name] = rates(name)
		}
	}
	return models, caps
}

func TestSharesKeepTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models, caps := drawn(t)
		got := budget.Share(models, caps)
		if len(got) != len(models) {
			t.Fatalf("%d of %d models have a part", len(got), len(models))
		}
		given := budget.Spend(models, caps, func(m budget.Model) budget.Rates { return got[m.Name].Rates })
		for _, kind := range kinds {
			spent := map[string]float64{}
			for _, s := range given {
				if pages, tickets := s.Over(); pages || tickets {
					t.Errorf("%s: %+v is overspent", kind.name, s)
				}
				if limit := kind.of(s.Limit); limit > 0 {
					spent[s.Cap] = kind.of(s.Spent) / limit
				}
			}
			for _, m := range models {
				asks, gets, by := kind.of(m.Asked), kind.of(got[m.Name].Rates), kind.by(got[m.Name])
				switch {
				case gets > asks || gets < 0:
					t.Errorf("%s: %s gets %g of %g", kind.name, m.Name, gets, asks)
				case (gets < asks) != (by != ""):
					t.Errorf("%s: %s gets %g of %g, by %q", kind.name, m.Name, gets, asks, by)
				case gets < asks && by != budget.Fleet && by != budget.OfTeam(m.Team):
					t.Errorf("%s: %s of %q gets less by %q, which isn't its", kind.name, m.Name, m.Team, by)
				case gets < asks && math.Abs(spent[by]-1) > 1e-8: // work-conserving
					t.Errorf("%s: %s gets %g of %g, and of the cap of %s %g is spent", kind.name, m.Name, gets, asks, by, spent[by])
				}
			}
		}
	})
}

func TestWithoutACapAllIsGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models, caps := drawn(t)
		caps.Fleet, caps.Teams = budget.Rates{}, map[string]budget.Rates{"a": {}}
		if caps.Any() {
			t.Error("caps of nothing are some")
		}
		for _, m := range models {
			if g := budget.Share(models, caps)[m.Name]; g != (budget.Grant{Rates: m.Asked}) {
				t.Errorf("%s asks for %+v and gets %+v", m.Name, m.Asked, g)
			}
		}
	})
}

// To the last bit: rates are compared to see whether anything has to be put in force.
func TestTheOrderOfModelsDoesNotShow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models, caps := drawn(t)
		want := budget.Share(models, caps)
		for range 3 {
			if d := cmp.Diff(want, budget.Share(rapid.Permutation(models).Draw(t, "order"), caps)); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// Nobody could have more without somebody who has less by weight having less still: what is kept from one has gone to others of the same cap
// that are no better off.
func TestSharesAreFair(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models, caps := drawn(t)
		got := budget.Share(models, caps)
		for _, kind := range kinds {
			for _, m := range models {
				by := kind.by(got[m.Name])
				for _, other := range models {
					if by == "" || by == budget.OfTeam(m.Team) && other.Team != m.Team {
						continue
					}
					has := kind.of(got[m.Name].Rates) / caps.Weight(m.Name)
					if theirs := kind.of(got[other.Name].Rates) / caps.Weight(other.Name); theirs > has*(1+1e-8) {
						t.Errorf("%s: %s is kept at %g by %s, where %s has %g, by weight", kind.name, m.Name, has, by, other.Name, theirs)
					}
				}
			}
		}
	})
}

// Teams first and then the fleet is the same as raising all at once until they have what they asked for or a cap is exhausted.
func TestTeamsFirstIsAllAtOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		models, caps := drawn(t)
		got := budget.Share(models, caps)
		for _, kind := range kinds {
			want := raised(models, caps, kind.of)
			for _, m := range models {
				if g, w := kind.of(got[m.Name].Rates), want[m.Name]; math.Abs(g-w) > 1e-6*(g+w) {
					t.Errorf("%s: %s gets %g, want %g", kind.name, m.Name, g, w)
				}
			}
		}
	})
}

// raised raises all models together: from one event (somebody has enough, or a cap is exhausted) to the next.
func raised(models []budget.Model, caps budget.Caps, of func(budget.Rates) float64) map[string]float64 {
	has, moving := map[string]float64{}, map[string]bool{}
	for _, m := range models {
		moving[m.Name] = of(m.Asked) > 0
	}
	limits := budget.Spend(nil, caps, nil)
	concerns := func(s budget.Spending, m budget.Model) bool {
		return of(s.Limit) > 0 && (s.Cap == budget.Fleet || s.Cap == budget.OfTeam(m.Team))
	}
	for {
		step := math.Inf(1)
		for _, m := range models {
			if moving[m.Name] {
				step = min(step, (of(m.Asked)-has[m.Name])/caps.Weight(m.Name))
			}
		}
		if math.IsInf(step, 1) {
			return has
		}
		room := map[string]float64{}
		for _, s := range limits {
			left, weight := of(s.Limit), 0.
			for _, m := range models {
				if concerns(s, m) {
					left -= has[m.Name]
					if moving[m.Name] {
						weight += caps.Weight(m.Name)
					}
				}
			}
			if of(s.Limit) > 0 && weight > 0 {
				room[s.Cap] = max(0, left/weight)
				step = min(step, room[s.Cap])
			}
		}
		for _, m := range models {
			if !moving[m.Name] {
				continue
			}
			has[m.Name] += step * caps.Weight(m.Name)
			enough := has[m.Name] >= of(m.Asked)*(1-1e-12)
			for _, s := range limits {
				if left, full := room[s.Cap]; full && concerns(s, m) && left <= step*(1+1e-12) {
					enough = true
				}
			}
			moving[m.Name] = !enough
		}
	}
}

func TestTeam(t *testing.T) {
	for want, owners := range map[string]map[string]string{
		"":  nil,
		"m": {"platform": "p", "model": "m", "data": "d"},
		"p": {"platform": "p", "data": "d"},
		"x": {"zeta": "z", "alpha": "x"},
	} {
		if got := budget.Team(owners); got != want {
			t.Errorf("%v: %q, want %q", owners, got, want)
		}
	}
}

func TestSame(t *testing.T) {
	a := budget.Rates{Pages: 0.1 + 0.2, Tickets: 1}
	if !budget.Same(a, budget.Rates{Pages: 0.3, Tickets: 1}) || budget.Same(a, budget.Rates{Pages: 0.3, Tickets: 1.001}) || budget.Same(a, budget.Rates{Tickets: 1}) {
		t.Error("rates are the same where they differ by rounding, and only there")
	}
}
