package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// apply is one run of the command.
type apply struct {
	cmd     *cobra.Command
	parts   *app.Parts
	files   check.Files
	from    time.Time
	relearn bool
	asJSON  bool
}

func newApplyCommand() *cobra.Command {
	a := apply{}
	from := ""
	cmd := &cobra.Command{
		Use:   "apply FILE|FOLDER...",
		Short: "Learn the reference and put contracts in force",
		Long: `Compiles contracts into plans and publishes them on the plans topic. Running services take them up at once. Of a folder every
.yaml and .yml file is taken.

The reference is learnt from the model's own topics, read from their start to their present end; or, with --data, from a file
such as ` + "`plumbline check`" + ` reads. Where the contract's reference names a baseline by its digest, that of the plan which was put in force with it
is taken (see ` + "`plumbline baseline list`" + `), and nothing is read. A contract that differs from the one in force only in policy (costs, promises, owners, routes,
runbooks, false-alarm budget) keeps what was learnt, and nothing is read. A contract that is in force already changes nothing. That holds for a
new normal that a person accepted (` + "`plumbline baseline accept`" + `), too; what is learnt anew takes its place, and that is said.

The first plan of a model counts all its events. A later one is in force from an event time on, at which a pane begins and up
to which nothing has been counted yet; --from chooses a later one. Events belong to the plan in force at their own time: a
pane never mixes plans, and the new plan begins with a history of its own. The contracts of before are kept; see
` + "`plumbline contract list`" + ` and ` + "`rollback`" + `. Where somebody else changes what is in force for the model at the same moment, one of both
changes nothing, says so and exits with 1.

Of the false alarms that it asks for (watch.false_alarms) a contract gets its model's share under the caps of the settings
(budget.fleet, budget.teams), beside the other models in force, and it says so where that is less; a contract in force already whose share
is another one now gets that. The other models keep what they have until ` + "`plumbline budget apply`" + `. Where the settings name no cap, the one
that the model is under stays.`,
		Example: `  plumbline apply contract.yaml
  plumbline apply contracts/
  plumbline apply contract.yaml --data history.csv.gz
  plumbline apply contract.yaml --from 2026-04-01`,
		Args: usageArgs(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.cmd = cmd
			var err error
			if a.from, err = instant("from", from, time.Time{}); err != nil {
				return err
			}
			contracts, err := loadContracts(args)
			if err != nil {
				return badInput(err)
			}
			if len(contracts) > 1 && a.files.Predictions != "" {
				return badInput(fmt.Errorf("--data is the history of one model, and there are %d contracts", len(contracts)))
			}
			if at := slices.IndexFunc(contracts, func(c *contract.Contract) bool { return c.Watch.Reference.Baseline != "" }); at >= 0 && a.files.Predictions != "" {
				return badInput(fmt.Errorf("the reference of %s is a baseline, so there is nothing to learn from %s: leave --data out", contracts[at].Metadata.Model, a.files.Predictions))
			}
			parts, done, err := openBroker(cmd)
			if err != nil {
				return err
			}
			defer done()
			a.parts = parts
			for _, c := range contracts {
				if err := a.one(c); err != nil {
					return err
				}
			}
			return tellOverspending(cmd, parts)
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.files.Predictions, "data", "", "learn the reference from this CSV or JSON Lines file instead of the topics")
	f.DurationVar(&a.files.Delay, "outcome-delay", 0, "with --data: how long after its prediction an outcome was known, where one row holds both")
	f.StringVar(&a.files.Outcomes, "outcomes", "", "with --data: the file with the outcomes, if it is another one")
	f.StringVar(&a.files.Attributes, "attributes", "", "with --data: the file with protected attributes, of a contract with streams.attributes")
	f.StringVar(&from, "from", "", "event time from which the contract is in force: a date, or RFC 3339; the first possible by default")
	f.BoolVar(&a.relearn, "relearn", false, "learn the reference anew even if only the policy changed, or nothing")
	f.BoolVar(&a.asJSON, "json", false, "print one JSON object per contract")
	return cmd
}

// applied is what apply and rollback print.
type applied struct {
	Kind     string      `json:"kind"`
	Model    string      `json:"model"`
	Change   string      `json:"change"`
	Plan     string      `json:"plan"`
	Contract string      `json:"contract"`
	Policy   string      `json:"policy"`
	Alarms   falseAlarms `json:"false_alarms"` // in force
	From     time.Time   `json:"from"`
	Rows     int64       `json:"reference_rows"`
	Notes    []string    `json:"notes,omitempty"`

	GivesWay *plan.Accepted `json:"gives_way,omitempty"` // the new normal that a person had accepted, if what was learnt anew takes its place
}

// words say what a change did.
var words = map[app.Change]string{
	app.Same: "is in force already", app.First: "is in force for all its events", app.Policy: "under a new policy, with what was learnt",
	app.Afresh: "begins afresh",
}

func (a *apply) one(c *contract.Contract) error {
	var gave *plan.Accepted
	p, change, err := a.parts.Apply(a.cmd.Context(), c, app.Apply{
		From: a.from, Relearn: a.relearn, Learn: func() (*plan.Plan, error) { return a.learn(c) },
		GivesWay: func(was *plan.Accepted) { gave = was },
	})
	switch {
	case errors.Is(err, bus.ErrRegistryAway):
		return dependencyAway(err)
	case err != nil:
		return broken(err)
	}
	return printApplied(a.cmd.OutOrStdout(), p, change, gave, a.asJSON)
}

// printApplied says what is in force now. gave is what a person had accepted, if it is not in force any more.
func printApplied(w io.Writer, p *plan.Plan, change app.Change, gave *plan.Accepted, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(applied{
			Kind: "applied", Model: p.Model, Change: string(change), Plan: p.Digest(), Contract: p.Contract, Policy: p.Policy.Digest,
			Alarms: falseAlarmsOf(&p.Policy), From: p.From, Rows: p.ReferenceRows, Notes: p.Unjudged, GivesWay: gave,
		})
	}
	fmt.Fprintf(w, "%s: plan %s %s", p.Model, p.Digest(), words[change])
	if change == app.Policy || change == app.Afresh {
		fmt.Fprintf(w, ", from %s on", p.From.Format("2006-01-02 15:04"))
	}
	fmt.Fprintf(w, "\n  reference %d events; a test pane is %s, a pane of outcomes %s\n", p.ReferenceRows, contract.Span(p.TestPane), contract.Span(p.TruthPane))
	if p.Policy.Asked != nil {
		fmt.Fprintf(w, "  false alarms are capped: pages %s, tickets %s\n", alarmKinds[0].inForce(&p.Policy), alarmKinds[1].inForce(&p.Policy))
	}
	switch {
	case p.Accepted != nil:
		fmt.Fprintf(w, "  %s\n", act(p.Accepted))
	case gave != nil:
		fmt.Fprintf(w, "  note: %s\n", gaveWay(gave))
	}
	for _, n := range p.Unjudged {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
	return nil
}

// learn compiles a contract from the file given, or else from the model's topics.
func (a *apply) learn(c *contract.Contract) (*plan.Plan, error) {
	stderr := a.cmd.ErrOrStderr()
	if a.files.Predictions == "" {
		p, h, err := a.parts.Compile(a.cmd.Context(), c, func(topic string, n int64) {
			fmt.Fprintf(stderr, "read %d events of %s\n", n, topic)
		})
		if err != nil {
			return nil, err
		}
		if h.Unreadable > 0 {
			fmt.Fprintf(stderr, "%d events could not be read; the ingestor will set them aside with the reason\n", h.Unreadable)
		}
		return p, nil
	}
	files := a.files
	if err := files.FindOutcomes(c); err != nil {
		return nil, err
	}
	p, err := check.Plan(c, files)
	if err != nil {
		return nil, err
	}
	if c.Streams.Outcome != nil && p.Outcome == nil {
		return nil, fmt.Errorf("%s has no column %q, and the contract names an outcome stream: name the file with the outcomes by --outcomes", files.Predictions, c.Streams.Outcome.Fields.Label)
	}
	if p.Attributes != nil && files.Attributes == "" {
		return nil, errors.New("the contract names a stream of attributes: name the file with them by --attributes")
	}
	return p, nil
}

// broken sorts the errors of what is written to the broker: a broker that is away is no fault of the input, nor is somebody else who
// was first.
func broken(err error) error {
	switch {
	case errors.Is(err, bus.ErrOvertaken):
		return withCode(exitNo, err)
	case bus.Away(err):
		return dependencyAway(err)
	}
	return badInput(err)
}

// loadContracts reads all contracts before anything is done with the first. Two of one model are refused.
func loadContracts(paths []string) ([]*contract.Contract, error) {
	var out []*contract.Contract
	of := map[string]string{}
	for _, path := range paths {
		files, err := app.Contracts(path)
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			c, err := contract.Load(file)
			if err != nil {
				return nil, err
			}
			if other, twice := of[c.Metadata.Model]; twice {
				return nil, fmt.Errorf("%s and %s are both of model %s", other, file, c.Metadata.Model)
			}
			of[c.Metadata.Model] = file
			out = append(out, c)
		}
	}
	return out, nil
}

// openBroker opens what a command needs to read and write topics.
func openBroker(cmd *cobra.Command) (*app.Parts, func(), error) {
	s, err := loadSettings(cmd)
	if err != nil {
		return nil, nil, err
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), s.Log.Level, s.Log.Format, nil)
	if err != nil {
		return nil, nil, badInput(err)
	}
	parts, err := app.OpenBroker(cmd.Context(), s, log)
	if err != nil {
		return nil, nil, dependencyAway(err)
	}
	return parts, func() { closeParts(parts, log) }, nil
}

// loadSettings reads the service settings from --config and the environment.
func loadSettings(cmd *cobra.Command) (*settings.Settings, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	s, _, err := settings.Load(path, os.LookupEnv, nil)
	return s, badInput(err)
}

func closeParts(p *app.Parts, log *zap.Logger) {
	if err := p.Close(); err != nil {
		log.Warn("close", zap.Error(err))
	}
}
