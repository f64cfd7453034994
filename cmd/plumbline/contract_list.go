package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// listedContract is one line of contract list in JSON.
type listedContract struct {
	Kind     string      `json:"kind"`
	Model    string      `json:"model"`
	Contract string      `json:"contract"`
	Policy   string      `json:"policy"`
	Plan     string      `json:"plan"`
	Alarms   falseAlarms `json:"false_alarms"` // in force
	From     *time.Time  `json:"from"`         // null: in force for all earlier events too
	To       *time.Time  `json:"to"`           // null: until further notice
	Rows     int64       `json:"reference_rows"`

	Accepted *plan.Accepted `json:"accepted,omitempty"` // the act by which its baseline became the normal; none: it is the contract's reference
}

func newContractListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [MODEL]",
		Short: "List the contracts that are, were or will be in force",
		Long: `Prints every contract that was put in force, by model and by the event time from which it holds: the digest of the contract,
the digest of the plan that it was compiled to (what is counted and learnt), and the digest of the policy it is judged under.
Neighbours with the same plan differ in policy only; those with the same contract and other plans have learnt from other data. Where a person
accepted a new normal (` + "`plumbline baseline accept`" + `), it says who and why. Pages and tickets are the rates of false alarms in force; where a
cap of the budget keeps one below what the contract asks for, that and the cap stand beside it (see plumbline budget --help).`,
		Example: `  plumbline contract list
  plumbline contract list electricity --json`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			plans, err := publishedPlans(cmd)
			if err != nil {
				return err
			}
			models, err := chosenModels(plans, args)
			if err != nil {
				return err
			}
			out := cmd.OutOrStdout()
			table := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
			acts := anyAccepted(plans, models)
			if !asJSON {
				fmt.Fprintln(table, "MODEL\tFROM\tCONTRACT\tPLAN\tPOLICY\tPAGES\tTICKETS"+acts.head())
			}
			for _, model := range models {
				for i, l := range listContracts(plans[model]) {
					if asJSON {
						if err := json.NewEncoder(out).Encode(l); err != nil {
							return err
						}
						continue
					}
					from := "the first event"
					if i > 0 {
						from = l.From.Format("2006-01-02 15:04")
					}
					policy := &plans[model][i].Policy
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s%s\n", l.Model, from, short(l.Contract), l.Plan, short(l.Policy), alarmKinds[0].inForce(policy), alarmKinds[1].inForce(policy), acts.cell(l.Accepted))
				}
			}
			return table.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func listContracts(h plan.History) []listedContract {
	out := make([]listedContract, len(h))
	for i, p := range h {
		out[i] = listedContract{
			Kind: "contract", Model: p.Model, Contract: p.Contract, Policy: p.Policy.Digest, Plan: p.Digest(), Alarms: falseAlarmsOf(&p.Policy),
			Rows: p.ReferenceRows, Accepted: p.Accepted,
		}
		if i > 0 {
			out[i].From = &p.From
		}
		if i+1 < len(h) {
			out[i].To = &h[i+1].From
		}
	}
	return out
}

// short is enough of a digest for people to tell it from others.
func short(digest string) string {
	const enough = len("sha256:") + 12
	return digest[:min(len(digest), enough)]
}

// publishedPlans are all plans on the broker.
func publishedPlans(cmd *cobra.Command) (bus.Plans, error) {
	parts, done, err := openBroker(cmd)
	if err != nil {
		return nil, err
	}
	defer done()
	plans, err := parts.Published(cmd.Context())
	return plans, dependencyAway(err)
}

// chosenModels is the model that an argument names, or else all of them.
func chosenModels(plans bus.Plans, args []string) ([]string, error) {
	if len(args) == 0 {
		return slices.Sorted(maps.Keys(plans)), nil
	}
	return args, knownModel(plans, args[0])
}

func knownModel(plans bus.Plans, model string) error {
	if len(plans[model]) > 0 {
		return nil
	}
	if len(plans) == 0 {
		return badInput(fmt.Errorf("no contract of model %q was put in force, nor of any other; see plumbline apply --help", model))
	}
	return badInput(fmt.Errorf("no contract of model %q was put in force; there are: %s", model, strings.Join(slices.Sorted(maps.Keys(plans)), ", ")))
}

func newContractRollbackCommand() *cobra.Command {
	var asJSON bool
	var to, from string
	cmd := &cobra.Command{
		Use:   "rollback MODEL",
		Short: "Put a former contract in force again",
		Long: `Puts the contract before the present one in force again, or the one that --to names by the beginning of its digest. Nothing is
taken back: the former plan takes over from an event time on, as with ` + "`plumbline apply`" + `, and goes on where it stopped. Where a person accepted
a new normal under the present contract (` + "`plumbline baseline accept`" + `), the way back is to the plan before that. Of the false
alarms that it asks for it gets the share that its model has now (see plumbline budget --help).`,
		Example: `  plumbline contract rollback electricity
  plumbline contract rollback electricity --to sha256:3f2a`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := instant("from", from, time.Time{})
			if err != nil {
				return err
			}
			parts, done, err := openBroker(cmd)
			if err != nil {
				return err
			}
			defer done()
			plans, err := parts.Published(cmd.Context())
			if err != nil {
				return dependencyAway(err)
			}
			if err := knownModel(plans, args[0]); err != nil {
				return err
			}
			last := plans[args[0]].Last()
			former, err := formerContract(plans[args[0]], to)
			if err != nil {
				return badInput(err)
			}
			change := app.Afresh
			if former.Digest() == plans[args[0]].Last().Digest() {
				change = app.Policy
			}
			p, err := parts.Again(cmd.Context(), former, at)
			if err != nil {
				return broken(err)
			}
			var gave *plan.Accepted
			if p.Accepted == nil {
				gave = last.Accepted
			}
			if err := printApplied(cmd.OutOrStdout(), p, change, gave, asJSON); err != nil {
				return err
			}
			return tellOverspending(cmd, parts)
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the contract to go back to: its digest, or the beginning of it; the one before the present by default")
	cmd.Flags().StringVar(&from, "from", "", "event time from which it is in force: a date, or RFC 3339; the first possible by default")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// formerContract finds the contract to go back to. Only one that differs from the present one is a way back; or the same with the plan from before a
// new normal was accepted.
func formerContract(h plan.History, to string) (*plan.Plan, error) {
	last := h.Last()
	var found *plan.Plan
	for _, p := range slices.Backward(h) {
		switch {
		case to == "" && last.Accepted != nil && p.Baseline != last.Baseline:
			return p, nil
		case p.Contract == last.Contract:
		case to == "":
			return p, nil
		case !strings.HasPrefix(p.Contract, to) && !strings.HasPrefix(strings.TrimPrefix(p.Contract, "sha256:"), to):
		case found != nil && found.Contract != p.Contract:
			return nil, fmt.Errorf("--to %s: several contracts of %s begin so; give more of the digest", to, last.Model)
		case found == nil:
			found = p
		}
	}
	switch {
	case found != nil:
		return found, nil
	case to == "":
		return nil, errors.New("there is no former contract of " + last.Model)
	default:
		return nil, fmt.Errorf("--to %s: no former contract of %s begins so; see plumbline contract list %s", to, last.Model, last.Model)
	}
}
