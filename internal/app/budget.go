package app

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/detect"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// Fleet is how the budget of false alarms stands: what each model asks for, gets and has, and the sums of that against the caps.
type Fleet struct {
	Members              []Member // by model
	Asked, Gets, InForce []budget.Spending
	Strangers            []string // models with a weight and teams with a cap that no plan knows, as settings name them
}

// Member is one model in it, by the newest of its plans; one that is in force from a later time on counts already.
type Member struct {
	Model, Team   string
	Weight        float64
	Asked         budget.Rates
	Gets, InForce budget.Grant
}

// Settled reports whether a model has in force what it gets.
func (m *Member) Settled() bool { return budget.Same(m.Gets.Rates, m.InForce.Rates) }

// Overspent are the caps above which something is in force.
func (f *Fleet) Overspent() []budget.Spending {
	return slices.DeleteFunc(slices.Clone(f.InForce), func(s budget.Spending) bool {
		pages, tickets := s.Over()
		return !pages && !tickets
	})
}

// FleetOf is the fleet of all models with a plan, under caps.
func FleetOf(plans bus.Plans, caps budget.Caps) *Fleet {
	models := membersOf(plans)
	gets := budget.Share(models, caps)
	f := &Fleet{}
	has, teams := map[string]budget.Grant{}, map[string]bool{}
	for _, m := range models {
		has[m.Name], teams[m.Team] = plans[m.Name].Last().Policy.InForce(), true
		f.Members = append(f.Members, Member{
			Model: m.Name, Team: m.Team, Weight: caps.Weight(m.Name), Asked: m.Asked, Gets: gets[m.Name], InForce: has[m.Name],
		})
	}
	f.Asked = budget.Spend(models, caps, func(m budget.Model) budget.Rates { return m.Asked })
	f.Gets = budget.Spend(models, caps, func(m budget.Model) budget.Rates { return gets[m.Name].Rates })
	f.InForce = budget.Spend(models, caps, func(m budget.Model) budget.Rates { return has[m.Name].Rates })
	for _, team := range slices.Sorted(maps.Keys(caps.Teams)) {
		if !teams[team] {
			f.Strangers = append(f.Strangers, "budget.teams."+team)
		}
	}
	for _, model := range slices.Sorted(maps.Keys(caps.Weights)) {
		if _, known := has[model]; !known {
			f.Strangers = append(f.Strangers, "budget.weights."+model)
		}
	}
	return f
}

// membersOf are the models with a plan, by name, as their newest plans have them.
func membersOf(plans bus.Plans) []budget.Model {
	var out []budget.Model
	for _, name := range slices.Sorted(maps.Keys(plans)) {
		if last := plans[name].Last(); last != nil {
			out = append(out, memberOf(last))
		}
	}
	return out
}

func memberOf(p *plan.Plan) budget.Model {
	return budget.Model{Name: p.Model, Team: budget.Team(p.Policy.Owners), Asked: p.Policy.Asks()}
}

// share gives a plan that is to follow last (nil: none) the rates that its model gets beside the others. It is next itself if it has them.
//
// Settings without a budget know of no caps, and lift none: a model that is capped keeps what it has, or what it asks for if that is less.
// Else a service or a person with other settings would undo with any contract what was decided for all.
func (p *Parts) share(plans bus.Plans, last, next *plan.Plan) (*plan.Plan, error) {
	gets := kept(last, next)
	if p.Budget.Any() {
		gets = budget.Share(append(membersOf(plans), memberOf(next)), p.Budget)[next.Model] // of two of one name the later counts
	}
	return grant(next, gets)
}

func grant(p *plan.Plan, gets budget.Grant) (*plan.Plan, error) {
	if budget.Same(p.Policy.InForce().Rates, gets.Rates) {
		return p, nil
	}
	return p.Granted(gets)
}

// kept is what next gets if the caps on last stay as they are.
func kept(last, next *plan.Plan) budget.Grant {
	gets := budget.Grant{Rates: next.Policy.Asks()}
	if last == nil {
		return gets
	}
	had, asked := last.Policy.InForce(), last.Policy.Asks()
	if had.Pages < asked.Pages && had.Pages < gets.Pages {
		gets.Pages, gets.PagesBy = had.Pages, had.PagesBy
	}
	if had.Tickets < asked.Tickets && had.Tickets < gets.Tickets {
		gets.Tickets, gets.TicketsBy = had.Tickets, had.TicketsBy
	}
	return gets
}

// together is how many models' plans are changed at a time: each takes a connection to the broker.
const together = 32

// Regranted tells how it went with one model whose rates in force were to change. p is nil where nothing had to be changed any more; err is
// an Overtaken where somebody else changed its plan at the same time.
type Regranted func(was Member, p *plan.Plan, err error) error

// ApplyBudget puts in force what the models get under caps, for every model that has something else. Without any cap it gives all of
// them what they ask for. Those who have to give come first, so that the sums only fall until all caps hold. told is told of each model; its
// error ends the rest. What was done before an error stays, and the next run goes on from there.
func (p *Parts) ApplyBudget(ctx context.Context, caps budget.Caps, told Regranted) error {
	plans, err := p.Published(ctx)
	if err != nil {
		return err
	}
	var changing []Member
	for _, m := range FleetOf(plans, caps).Members {
		if !m.Settled() {
			changing = append(changing, m)
		}
	}
	rank := func(m Member) (gives int, partition int32) {
		if m.Gets.Pages >= m.InForce.Pages && m.Gets.Tickets >= m.InForce.Tickets {
			gives = 1
		}
		return gives, bus.PartitionOf(m.Model, p.Layout.Fragments)
	}
	slices.SortStableFunc(changing, func(a, b Member) int { // those of a partition after one another: its clock is read once
		gives, at := rank(a)
		gives2, at2 := rank(b)
		return cmp.Or(cmp.Compare(gives, gives2), cmp.Compare(at, at2))
	})
	for some := range slices.Chunk(changing, together) {
		if err := p.regrant(ctx, some, caps, told); err != nil {
			return err
		}
	}
	return nil
}

// regrant changes some models.
func (p *Parts) regrant(ctx context.Context, some []Member, caps budget.Caps, told Regranted) error {
	members := map[string]Member{}
	var models []string
	for _, m := range some {
		members[m.Model] = m
		models = append(models, m.Model)
	}
	heard := map[int32]func(string) (int64, bool){}
	var gets map[string]budget.Grant // by what is there by now
	decide := func(model string, there bus.Plans) (*plan.Plan, error) {
		if gets == nil {
			gets = budget.Share(membersOf(there), caps)
		}
		last := there[model].Last()
		if last == nil {
			return nil, nil // retired meanwhile
		}
		next, err := grant(last, gets[model])
		if err != nil || next == last {
			return nil, err
		}
		at := bus.PartitionOf(model, p.Layout.Fragments)
		if heard[at] == nil {
			if heard[at], err = detect.Heard(ctx, p.Kafka, at); err != nil {
				return nil, err
			}
		}
		reached, seen := heard[at](last.Prediction.Topic)
		return follow(last, next, time.Time{}, reached, seen)
	}
	return bus.ChangeManyPlans(ctx, p.Kafka, p.Logger, models, decide, func(model string, next *plan.Plan, err error) error {
		if errors.Is(err, bus.ErrOvertaken) {
			err = &Overtaken{Model: model}
		}
		return told(members[model], next, err)
	})
}
