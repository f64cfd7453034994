package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// alarmKind is pages or tickets: what is printed of one is printed of the other.
type alarmKind struct {
	name string
	of   func(budget.Rates) float64
	by   func(budget.Grant) string
	over func(budget.Spending) bool
}

var alarmKinds = []alarmKind{
	{
		"pages", func(r budget.Rates) float64 { return r.Pages }, func(g budget.Grant) string { return g.PagesBy },
		func(s budget.Spending) bool { pages, _ := s.Over(); return pages },
	},
	{
		"tickets", func(r budget.Rates) float64 { return r.Tickets }, func(g budget.Grant) string { return g.TicketsBy },
		func(s budget.Spending) bool { _, tickets := s.Over(); return tickets },
	},
}

// ratesJSON are rates of false alarms per day, as JSON has them.
type ratesJSON struct {
	Pages   float64 `json:"pages_per_day"`
	Tickets float64 `json:"tickets_per_day"`
}

// falseAlarms is what contract list and apply print of the rates in force.
type falseAlarms struct {
	ratesJSON
	Asked *askedJSON `json:"asked,omitempty"` // if a cap keeps one of them below it
}

// askedJSON is what the contract asks for, and which caps keep the rates below it.
type askedJSON struct {
	ratesJSON
	PagesBy   string `json:"pages_by,omitempty"`
	TicketsBy string `json:"tickets_by,omitempty"`
}

func falseAlarmsOf(p *plan.Policy) falseAlarms {
	out := falseAlarms{ratesJSON: ratesJSON{p.Pages, p.Tickets}}
	if a := p.Asked; a != nil {
		out.Asked = &askedJSON{ratesJSON{a.Pages, a.Tickets}, a.PagesBy, a.TicketsBy}
	}
	return out
}

// inForce says a rate in force in words: "1/30d", or "0.5/30d of 1/30d (fleet)" where a cap keeps it below what is asked for.
func (k alarmKind) inForce(p *plan.Policy) string {
	asks, has := k.of(p.Asks()), p.InForce()
	if k.of(has.Rates) >= asks {
		return contract.Rate(asks)
	}
	words := contract.Rate(k.of(has.Rates)) + " of " + contract.Rate(asks)
	if by := k.by(has); by != "" {
		words += " (" + by + ")"
	}
	return words
}

// rateJSON is one kind of alarms of one model, per day.
type rateJSON struct {
	Asked   float64 `json:"asked_per_day"`
	Gets    float64 `json:"gets_per_day"`
	InForce float64 `json:"in_force_per_day"`
	By      string  `json:"by,omitempty"` // the cap that keeps what it gets below what it asks for
}

type memberJSON struct {
	Model   string   `json:"model"`
	Team    string   `json:"team"`
	Weight  float64  `json:"weight"`
	Pages   rateJSON `json:"pages"`
	Tickets rateJSON `json:"tickets"`
}

// sumJSON is one kind of alarms under one cap, per day.
type sumJSON struct {
	Limit     *float64 `json:"limit_per_day"` // null: none
	Asked     float64  `json:"asked_per_day"`
	Gets      float64  `json:"gets_per_day"`
	InForce   float64  `json:"in_force_per_day"`
	Overspent bool     `json:"overspent"`
}

type capJSON struct {
	Cap     string  `json:"cap"`
	Models  int     `json:"models"`
	Pages   sumJSON `json:"pages"`
	Tickets sumJSON `json:"tickets"`
}

type fleetJSON struct {
	Kind      string       `json:"kind"`
	Models    []memberJSON `json:"models"`
	Caps      []capJSON    `json:"caps"`
	Settled   bool         `json:"settled"` // every model has in force what it gets
	Overspent bool         `json:"overspent"`
	Strangers []string     `json:"strangers,omitempty"` // settings of models and teams that no plan knows
}

func printFleet(w io.Writer, f *app.Fleet, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(jsonOf(f))
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(table, "MODEL\tTEAM\tWEIGHT\tALARMS\tASKED\tGETS\tIN FORCE\tLIMITED BY")
	unsettled := 0
	for _, m := range f.Members {
		if !m.Settled() {
			unsettled++
		}
		for _, k := range alarmKinds {
			by := k.by(m.Gets)
			if by == "" {
				by = "-"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Model, m.Team, strconv.FormatFloat(m.Weight, 'g', -1, 64), k.name,
				contract.Rate(k.of(m.Asked)), contract.Rate(k.of(m.Gets.Rates)), contract.Rate(k.of(m.InForce.Rates)), by)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(table, "\nCAP\tMODELS\tALARMS\tLIMIT\tASKED\tGETS\tIN FORCE\t")
	for i, s := range f.InForce {
		for _, k := range alarmKinds {
			limit, over := "none", ""
			if k.of(s.Limit) > 0 {
				limit = contract.Rate(k.of(s.Limit))
			}
			if k.over(s) {
				over = "OVERSPENT"
			}
			fmt.Fprintf(table, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\n", s.Cap, s.Models, k.name, limit,
				contract.Rate(k.of(f.Asked[i].Spent)), contract.Rate(k.of(f.Gets[i].Spent)), contract.Rate(k.of(s.Spent)), over)
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if unsettled > 0 {
		fmt.Fprintf(w, "\nother rates than the shares are in force for %d of %s: plumbline budget apply puts the shares in force\n", unsettled, plural(len(f.Members), "model"))
	}
	for _, s := range f.Strangers {
		fmt.Fprintf(w, "note: %s: no plan knows that name\n", s)
	}
	return nil
}

func jsonOf(f *app.Fleet) fleetJSON {
	out := fleetJSON{Kind: "budget", Models: []memberJSON{}, Settled: true, Overspent: len(f.Overspent()) > 0, Strangers: f.Strangers}
	for _, m := range f.Members {
		rate := func(k alarmKind) rateJSON {
			return rateJSON{k.of(m.Asked), k.of(m.Gets.Rates), k.of(m.InForce.Rates), k.by(m.Gets)}
		}
		out.Settled = out.Settled && m.Settled()
		out.Models = append(out.Models, memberJSON{m.Model, m.Team, m.Weight, rate(alarmKinds[0]), rate(alarmKinds[1])})
	}
	for i, s := range f.InForce {
		sum := func(k alarmKind) sumJSON {
			n := sumJSON{Asked: k.of(f.Asked[i].Spent), Gets: k.of(f.Gets[i].Spent), InForce: k.of(s.Spent), Overspent: k.over(s)}
			if limit := k.of(s.Limit); limit > 0 {
				n.Limit = &limit
			}
			return n
		}
		out.Caps = append(out.Caps, capJSON{s.Cap, s.Models, sum(alarmKinds[0]), sum(alarmKinds[1])})
	}
	return out
}

// overspent says which caps are, in one line; "" if none is.
func overspent(f *app.Fleet) string {
	var out []string
	for _, s := range f.InForce {
		for _, k := range alarmKinds {
			if k.over(s) {
				out = append(out, fmt.Sprintf("%s %s of %s (%s)", k.name, contract.Rate(k.of(s.Spent)), contract.Rate(k.of(s.Limit)), s.Cap))
			}
		}
	}
	return strings.Join(out, ", ")
}

// regranted is what budget apply prints of a model in JSON.
type regranted struct {
	Kind  string     `json:"kind"`
	Model string     `json:"model"`
	Was   ratesJSON  `json:"was"`
	Now   ratesJSON  `json:"now"`
	Asked ratesJSON  `json:"asked"`
	By    byJSON     `json:"by"`
	From  *time.Time `json:"from"` // null: not in force, by --dry-run
}

// byJSON are the caps that keep rates below what is asked for.
type byJSON struct {
	Pages   string `json:"pages,omitempty"`
	Tickets string `json:"tickets,omitempty"`
}

func regrantedJSON(was app.Member, now budget.Grant, from time.Time) regranted {
	out := regranted{
		Kind: "regranted", Model: was.Model, Was: ratesJSON(was.InForce.Rates), Now: ratesJSON(now.Rates), Asked: ratesJSON(was.Asked),
		By: byJSON{now.PagesBy, now.TicketsBy},
	}
	if !from.IsZero() {
		out.From = &from
	}
	return out
}

// regrantedLine says what changed for a model: "credit: pages 1/30d -> 0.5/30d (fleet), from 2026-01-03 00:00 on".
func regrantedLine(was app.Member, now budget.Grant, from time.Time) string {
	var changes []string
	for _, k := range alarmKinds {
		before, after := k.of(was.InForce.Rates), k.of(now.Rates)
		if budget.Same(budget.Rates{Pages: before}, budget.Rates{Pages: after}) {
			continue
		}
		change := fmt.Sprintf("%s %s -> %s", k.name, contract.Rate(before), contract.Rate(after))
		if by := k.by(now); by != "" {
			change += " (" + by + ")"
		}
		changes = append(changes, change)
	}
	line := was.Model + ": " + strings.Join(changes, ", ")
	if !from.IsZero() {
		line += ", from " + from.Format("2006-01-02 15:04") + " on"
	}
	return line
}
