package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/budget"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

func newBudgetCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Share the false alarms of the fleet among its models",
		Long: `A contract says how many false alarms its own model may make (watch.false_alarms). A thousand models at a page in 30 days are
33 false pages a day; the settings may cap what a team's models or all of them are good for:

  budget:
    fleet: {pages: 2/1d, tickets: 20/1d}
    teams: {forecasting: {pages: 1/30d}}    # by the owner of role model in the contracts
    weights: {credit: 4}                    # 1 for the others

Under a cap a model gets at most its share by weight; what some don't ask for goes to the others, by weight. The caps of teams come
first, then the fleet's. A model is counted with the team of its owner of role model, else of platform, data, business, risk, legal, else
of the first other role by name.

The rates in force are part of the policy that is recorded with each plan, from an event time on: a replay goes by the same rates as
were in force then. They change when a contract is put in force (apply, contract rollback, services with contracts in their settings: that model
alone) and by budget apply (all models). check and demo go by the contract alone. Where the settings name no budget, a contract
that is put in force keeps the cap that its model is under.`,
		Example: `  plumbline budget show --config plumbline.yaml
  plumbline budget apply --config plumbline.yaml --dry-run`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBudgetShowCommand(), newBudgetApplyCommand())
	return cmd
}

func newBudgetShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print what each model asks for, gets and has, and the sums against the caps",
		Long: `Prints, by model and apart for pages and tickets, the rate that its contract asks for, the rate that it gets under the caps of the
settings, the rate in force, and the cap that keeps it below what it asks for; then the sums against each cap. What is in force
is the newest policy of a model, also if it holds from a later event time on.

Exit codes: 0 what is in force keeps every cap, 1 it doesn't, 2 bad settings or usage, 3 the broker is away.`,
		Example: `  plumbline budget show --config plumbline.yaml
  plumbline budget show --json | jq '.models[] | select(.pages.by)'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plans, parts, done, err := openPlans(cmd)
			if err != nil {
				return err
			}
			done()
			f := app.FleetOf(plans, parts.Budget)
			if err := printFleet(cmd.OutOrStdout(), f, asJSON); err != nil {
				return fmt.Errorf("write the budget: %w", err)
			}
			if over := overspent(f); over != "" {
				return answerNo("in force is more than a cap allows: " + over)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// openPlans opens the broker, which done closes, and reads the plans.
func openPlans(cmd *cobra.Command) (plans bus.Plans, parts *app.Parts, done func(), err error) {
	if parts, done, err = openBroker(cmd); err != nil {
		return nil, nil, nil, err
	}
	progress, cleared := progressLine(cmd.ErrOrStderr())
	if progress != nil {
		progress("reading the plans", 0)
	}
	plans, err = parts.Published(cmd.Context())
	cleared()
	if err != nil {
		done()
		return nil, nil, nil, dependencyAway(err)
	}
	return plans, parts, done, nil
}

func newBudgetApplyCommand() *cobra.Command {
	var asJSON, dry, lift bool
	cmd := &cobra.Command{
		Use:   "apply",
		Short: "Put in force what each model gets",
		Long: `Puts the share of each model in force where it has another rate, and prints what changed. Each changed model goes on with what it
has learnt, under a policy that is in force from an event time on, as after plumbline apply. Those who have to give come first. Run
again it changes nothing; interrupted, it goes on where it was.

With --lift it gives every model what its contract asks for, whatever the settings say. Without it, settings that name no cap are refused:
a forgotten --config would lift all caps.

Exit codes: 0 done, 1 somebody else changed a model's plan at the same time (it keeps what it had: run this again), 2 bad settings or usage,
3 the broker is away.`,
		Example: `  plumbline budget apply --config plumbline.yaml --dry-run
  plumbline budget apply --config plumbline.yaml`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			plans, parts, done, err := openPlans(cmd)
			if err != nil {
				return err
			}
			defer done()
			caps := parts.Budget
			switch {
			case lift:
				caps = budget.Caps{}
			case !caps.Any():
				return badInput(errors.New("the settings name no cap (budget.fleet, budget.teams): name them by --config, or lift all caps by --lift"))
			}
			f := app.FleetOf(plans, caps)
			r := &regranting{cmd: cmd, asJSON: asJSON, all: len(f.Members)}
			if dry {
				return r.rehearse(f)
			}
			return r.run(parts, caps, f)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per changed model")
	cmd.Flags().BoolVar(&dry, "dry-run", false, "change nothing; say what would be changed")
	cmd.Flags().BoolVar(&lift, "lift", false, "give every model what it asks for, without any cap")
	return cmd
}

// regranting is one run of budget apply.
type regranting struct {
	cmd               *cobra.Command
	asJSON            bool
	all, changed, out int // models: there are, changed, overtaken
}

// rehearse says what would change.
func (r *regranting) rehearse(f *app.Fleet) error {
	for _, m := range f.Members {
		if m.Settled() {
			continue
		}
		if err := r.print(m, m.Gets, time.Time{}); err != nil {
			return err
		}
	}
	return r.sumUp("would change")
}

func (r *regranting) run(parts *app.Parts, caps budget.Caps, f *app.Fleet) error {
	todo := 0
	for _, m := range f.Members {
		if !m.Settled() {
			todo++
		}
	}
	progress, cleared := progressLine(r.cmd.ErrOrStderr())
	tell := func() {
		if progress != nil {
			progress(fmt.Sprintf("put in force: %d of %s", r.changed+r.out, plural(todo, "model")), 0)
		}
	}
	if todo > 0 {
		tell()
	}
	err := parts.ApplyBudget(r.cmd.Context(), caps, func(was app.Member, p *plan.Plan, err error) error {
		cleared()
		defer tell()
		switch {
		case errors.Is(err, bus.ErrOvertaken):
			r.out++
			fmt.Fprintf(r.cmd.ErrOrStderr(), "%s: %v\n", was.Model, err)
			return nil
		case err != nil:
			return err
		case p == nil: // somebody else has done it
			return nil
		}
		return r.print(was, p.Policy.InForce(), p.From)
	})
	cleared()
	switch {
	case r.cmd.Context().Err() != nil:
		return errInterrupted
	case err != nil:
		return broken(err)
	}
	if err := r.sumUp("changed"); err != nil {
		return err
	}
	if r.out > 0 {
		return answerNo(fmt.Sprintf("of %s somebody else changed the plan at the same time; run this again", plural(r.out, "model")))
	}
	return nil
}

// print tells of one changed model.
func (r *regranting) print(was app.Member, now budget.Grant, from time.Time) error {
	r.changed++
	if r.asJSON {
		return json.NewEncoder(r.cmd.OutOrStdout()).Encode(regrantedJSON(was, now, from))
	}
	_, err := fmt.Fprintln(r.cmd.OutOrStdout(), regrantedLine(was, now, from))
	return err
}

func (r *regranting) sumUp(did string) error {
	if r.asJSON {
		return nil
	}
	_, err := fmt.Fprintf(r.cmd.OutOrStdout(), "%d of %s %s\n", r.changed, plural(r.all, "model"), did)
	return err
}

// tellOverspending says so if what is in force is above a cap, after a contract was put in force: the other models still have what they had
// without it.
func tellOverspending(cmd *cobra.Command, parts *app.Parts) error {
	if !parts.Budget.Any() {
		return nil
	}
	plans, err := parts.Published(cmd.Context())
	if err != nil {
		return dependencyAway(err)
	}
	if over := overspent(app.FleetOf(plans, parts.Budget)); over != "" {
		fmt.Fprintf(cmd.ErrOrStderr(), "in force is more than a cap allows: %s; plumbline budget apply gives the other models their shares\n", over)
	}
	return nil
}
