package budget

import (
	"maps"
	"slices"
)

// Spending is what models have, or ask for, against one cap, in alarms per day.
type Spending struct {
	Cap    string // "fleet" or "team NAME"
	Models int    // that it concerns
	Limit  Rates  // 0: none
	Spent  Rates
}

// Over reports of which kinds more is spent than the cap allows, by more than rounding.
func (s *Spending) Over() (pages, tickets bool) {
	return s.Limit.Pages > 0 && exceeds(s.Spent.Pages, s.Limit.Pages), s.Limit.Tickets > 0 && exceeds(s.Spent.Tickets, s.Limit.Tickets)
}

// Spend sums up the rates of models, against the fleet's cap first, with one or without, and then against the cap of each team that
// has one, by name.
func Spend(models []Model, caps Caps, rates func(Model) Rates) []Spending {
	out := []Spending{{Cap: Fleet, Limit: caps.Fleet}}
	at := map[string]int{}
	for _, team := range slices.Sorted(maps.Keys(caps.Teams)) {
		at[team] = len(out)
		out = append(out, Spending{Cap: OfTeam(team), Limit: caps.Teams[team]})
	}
	for _, m := range ordered(models) {
		r := rates(m)
		out[0].add(r)
		if i, capped := at[m.Team]; capped {
			out[i].add(r)
		}
	}
	return out
}

func (s *Spending) add(r Rates) {
	s.Models++
	s.Spent.Pages += r.Pages
	s.Spent.Tickets += r.Tickets
}
