package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/backfill"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

func newBackfillCommand() *cobra.Command {
	var o app.BackfillOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "backfill CONTRACT --data FILE",
		Short: "Count a file of the past into the history of a model",
		Long: `Counts the events of a file, and their outcomes, by the plan in force at each event's time, as the services count a topic, and
writes the panes that ended before the first pane counted live into the model's history: a new model then has a past to be held
against. ` + "`plumbline panes MODEL`" + ` shows it. Nothing is judged, and no incident opens.

The model needs a plan: ` + "`plumbline apply CONTRACT --data FILE`" + ` first. A pane that the history has already is left alone, and one
that the detector holds or has counted too, so that a second run changes nothing. A pane that the file's last event hasn't left is
not over and not written; a cohort needs the outcomes up to mature_after behind its end.

The file is what ` + "`plumbline check`" + ` reads: CSV or JSON Lines, plain or gzipped, sorted by time.`,
		Example: `  plumbline apply contract.yaml --data history.csv.gz
  plumbline backfill contract.yaml --data history.csv.gz --dry-run
  plumbline backfill contract.yaml --data history.csv.gz`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.Files.Predictions == "" {
				return badInput(fmt.Errorf("--data: name the file with the events; see %s --help", cmd.CommandPath()))
			}
			c, err := contract.Load(args[0])
			if err != nil {
				return badInput(err)
			}
			if c.Streams.Outcome == nil && o.Files.Outcomes != "" {
				return badInput(fmt.Errorf("the contract names no outcome stream, so %s can't be read as one", o.Files.Outcomes))
			}
			if err := knowsAttributes(c, o.Files.Attributes); err != nil {
				return err
			}
			if err := o.Files.FindOutcomes(c); err != nil {
				return badInput(err)
			}
			if o.Files.Outcomes == "" && c.Streams.Outcome != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "%s has no column %q, so no cohorts are counted; name the file with the outcomes by --outcomes\n",
					o.Files.Predictions, c.Streams.Outcome.Fields.Label)
			}
			if err := brokerAnswers(cmd); err != nil {
				return err
			}
			parts, done, err := openBroker(cmd)
			if err != nil {
				return err
			}
			defer done()
			progress, cleared := progressLine(cmd.ErrOrStderr())
			o.Progress = progress
			sum, err := parts.Backfill(cmd.Context(), c.Metadata.Model, o)
			cleared()
			switch {
			case cmd.Context().Err() != nil:
				return errInterrupted
			case errors.Is(err, app.ErrNoPlan):
				return badInput(fmt.Errorf("%w: run plumbline apply %s --data %s first", err, args[0], o.Files.Predictions))
			case errors.Is(err, app.ErrRows):
				return badInput(err)
			case err != nil:
				return dependencyAway(err)
			}
			if asJSON {
				enc := json.NewEncoder(cmd.OutOrStdout())
				enc.SetIndent("", "  ")
				return enc.Encode(sum)
			}
			return writeBackfilled(cmd.OutOrStdout(), sum)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Files.Predictions, "data", "", "the file with the events")
	f.StringVar(&o.Files.Outcomes, "outcomes", "", "the file with the outcomes, if it is another one")
	f.StringVar(&o.Files.Attributes, "attributes", "", "the file of protected attributes, of a contract with streams.attributes")
	f.DurationVar(&o.Files.Delay, "outcome-delay", 0, "how long after its prediction an outcome was known, where one row holds both")
	f.StringVar(&o.Files.Version, "model-version", "", "the model's version, where the file has no column for it")
	f.BoolVar(&o.DryRun, "dry-run", false, "write nothing; say what would be written")
	f.BoolVar(&asJSON, "json", false, "print the summary as one JSON object")
	return cmd
}

// knowsAttributes refuses a file of attributes that the contract has no stream for.
func knowsAttributes(c *contract.Contract, path string) error {
	if c.Streams.Attributes == nil && path != "" {
		return badInput(fmt.Errorf("the contract names no stream of attributes, so %s can't be read as one", path))
	}
	return nil
}

func writeBackfilled(w io.Writer, b *app.Backfilled) error {
	fmt.Fprintln(w, b.Model)
	plans := map[string]bool{}
	for i := range b.Readings {
		plans[b.Readings[i].Plan] = true
	}
	for i := range b.Readings {
		writeReading(w, &b.Readings[i], len(plans) > 1)
	}
	if b.Events != nil {
		fmt.Fprintf(w, "  events from %s to %s\n", minute(b.Events.From), minute(b.Events.To))
	}
	if b.Live != nil {
		fmt.Fprintf(w, "  the first pane counted live begins at %s\n", minute(*b.Live))
	} else {
		fmt.Fprintln(w, "  nothing was counted live yet")
	}
	verb := "written"
	if b.DryRun {
		verb = "would be written"
	}
	for _, p := range []struct {
		name string
		app.Placed
	}{{"panes", b.Panes}, {"cohorts", b.Cohorts}} {
		fmt.Fprintf(w, "  %s: %d %s, %d there already, %d not before the first counted live\n", p.name, p.Written, verb, p.There, p.Live)
	}
	if b.Late > 0 {
		fmt.Fprintf(w, "  note: %d events were out of order by more than the allowed lateness and are in no pane: sort the file by time\n", b.Late)
	}
	if b.Open != nil {
		fmt.Fprintf(w, "  note: what begins at %s or later is not over at the end of the file and not written\n", minute(b.Open.From))
	}
	return nil
}

func writeReading(w io.Writer, g *backfill.Reading, several bool) {
	fmt.Fprintf(w, "  read %d rows of %s as %ss", g.Read, g.File, g.Stream)
	if several {
		fmt.Fprintf(w, " by plan %s", g.Plan)
	}
	fmt.Fprintf(w, ": %d counted", g.Counted)
	if g.Elsewhere > 0 {
		fmt.Fprintf(w, ", %d at whose time another plan is in force", g.Elsewhere)
	}
	if g.Filtered > 0 {
		fmt.Fprintf(w, ", %d not wanted by the contract", g.Filtered)
	}
	for _, reason := range slices.Sorted(maps.Keys(g.Rejected)) {
		fmt.Fprintf(w, ", %d set aside (%s)", g.Rejected[reason], reason)
	}
	fmt.Fprintln(w)
	for _, e := range g.Examples {
		fmt.Fprintf(w, "    %s\n", e)
	}
}
