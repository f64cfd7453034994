package budget

import (
	"cmp"
	"slices"
)

// Rates are how many false alarms there may be, per day.
type Rates struct{ Pages, Tickets float64 }

// Caps are what a team or the fleet can bear. A rate of 0 in them is no cap.
type Caps struct {
	Fleet   Rates
	Teams   map[string]Rates   // by team, see Team
	Weights map[string]float64 // by model, above 0; 1 for those that aren't in it
}

// Any reports whether there is any cap.
func (c *Caps) Any() bool {
	for _, t := range c.Teams {
		if t != (Rates{}) {
			return true
		}
	}
	return c.Fleet != (Rates{})
}

// Weight is the weight of a model.
func (c *Caps) Weight(model string) float64 {
	if w := c.Weights[model]; w > 0 {
		return w
	}
	return 1
}

// Model is one that has its part in the budget. Names tell models apart.
type Model struct {
	Name, Team string
	Asked      Rates // by its contract; not negative
}

// Grant is what a model gets, at most what it asked for. PagesBy and TicketsBy name the cap that keeps it below that, "fleet" or
// "team NAME"; "" where it gets all of it.
type Grant struct {
	Rates
	PagesBy, TicketsBy string
}

// Fleet is what Grant and Spending call the cap of all models.
const Fleet = "fleet"

// OfTeam is what they call the cap of a team.
func OfTeam(team string) string { return "team " + team }

// slack is the part of a rate that rounding may add or take: what differs by less is the same.
const slack = 1e-9

// Share gives every model its part, by name. Under a cap a model gets at most its share by weight; what some don't ask for goes to
// the others, again by weight (weighted max-min fairness). The caps of teams come first, each over its own models; the fleet's cap is
// then shared by what those have left of what was asked. As every team lies within the fleet whole, that is the same as raising
// all models at once, in proportion to their weights, and stopping each where it has what it asked for or a cap that concerns
// it is exhausted.
//
// Of several models of one name the last one counts.
func Share(models []Model, caps Caps) map[string]Grant {
	fleet := ordered(models)
	out := make(map[string]Grant, len(fleet))
	pages := allot(fleet, caps, func(r Rates) float64 { return r.Pages })
	tickets := allot(fleet, caps, func(r Rates) float64 { return r.Tickets })
	for i, m := range fleet {
		out[m.Name] = Grant{
			Rates:   Rates{Pages: pages[i].gets, Tickets: tickets[i].gets},
			PagesBy: pages[i].by, TicketsBy: tickets[i].by,
		}
	}
	return out
}

// ordered are the models by name: sums round alike whatever order they come in.
func ordered(models []Model) []Model {
	byName := make(map[string]Model, len(models))
	for _, m := range models {
		byName[m.Name] = m
	}
	out := make([]Model, 0, len(byName))
	for _, m := range byName {
		out = append(out, m)
	}
	slices.SortFunc(out, func(a, b Model) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// part is what a model has of one kind of alarms so far.
type part struct {
	gets, weight float64
	by           string
}

// allot shares one kind of alarms.
func allot(models []Model, caps Caps, of func(Rates) float64) []part {
	parts := make([]part, len(models))
	all := make([]*part, len(models))
	teams := map[string][]*part{}
	for i, m := range models {
		parts[i] = part{gets: of(m.Asked), weight: caps.Weight(m.Name)}
		all[i] = &parts[i]
		teams[m.Team] = append(teams[m.Team], all[i])
	}
	for team, own := range teams { // they have no model in common: their order doesn't matter
		fill(own, of(caps.Teams[team]), OfTeam(team))
	}
	fill(all, of(caps.Fleet), Fleet)
	return parts
}

// fill brings parts below a cap, 0 for none. Those that want least by weight are served first: once one wants more than its share of
// what is left, so do all after it, and they divide that by weight.
func fill(parts []*part, limit float64, by string) {
	if limit <= 0 || !exceeds(total(parts), limit) {
		return
	}
	line := slices.Clone(parts)
	slices.SortStableFunc(line, func(a, b *part) int { return cmp.Compare(a.gets/a.weight, b.gets/b.weight) })
	weights := make([]float64, len(line)+1) // of those from here on; summed up from the end, nothing cancels
	for i := len(line) - 1; i >= 0; i-- {
		weights[i] = weights[i+1] + line[i].weight
	}
	left := limit
	for i, p := range line {
		level := left / weights[i]
		if p.gets <= p.weight*level {
			left = max(0, left-p.gets)
			continue
		}
		for _, q := range line[i:] {
			if share := q.weight * level; share < q.gets*(1-slack/2) {
				q.gets, q.by = share, by
			}
		}
		return
	}
}

func total(parts []*part) float64 {
	sum := 0.
	for _, p := range parts {
		sum += p.gets
	}
	return sum
}

// exceeds reports whether a sum is above a limit by more than rounding.
func exceeds(sum, limit float64) bool { return sum > limit*(1+slack) }

// Same reports whether two rates differ by rounding at most.
func Same(a, b Rates) bool {
	near := func(a, b float64) bool { return !exceeds(a, b) && !exceeds(b, a) }
	return near(a.Pages, b.Pages) && near(a.Tickets, b.Tickets)
}
