package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
)

func newPanesCommand() *cobra.Command {
	var from, to, kind string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "panes MODEL",
		Short: "Print what was counted: every ended pane and every mature cohort",
		Long: `Reads the history on the panes topic and prints what was counted of each ended test pane (predictions) and of each mature cohort
(outcomes), by model version and finest slice. These are the integers that every verdict comes from: a batch job over the same
events must arrive at the same ones.

The table shows the totals. With --json each cell is one line with all of its bins and counters; what the bins mean stands in
the plan that the line names.`,
		Example: `  plumbline panes churn --from 2026-04-01 --kind cohort
  plumbline panes churn --json | jq 'select(.kind == "test") | .columns[] | select(.name == "amount") | .bins'`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if kind != "" && kind != app.KindTest && kind != app.KindCohort {
				return badInput(fmt.Errorf("--kind %q: must be %s or %s", kind, app.KindTest, app.KindCohort))
			}
			start, err := instant("from", from, time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC))
			if err != nil {
				return err
			}
			end, err := instant("to", to, time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
			if err != nil {
				return err
			}
			if !start.Before(end) {
				return badInput(fmt.Errorf("--from %s: must be before --to %s", from, to))
			}
			s, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			kafka, err := app.Kafka(s)
			if err != nil {
				return badInput(err)
			}
			out := newPanePrinter(cmd.OutOrStdout(), asJSON)
			found, err := app.EndedCells(cmd.Context(), kafka, app.Layout(s), args[0], kind, start, end, out.print)
			switch {
			case err != nil && cmd.Context().Err() != nil:
				return errInterrupted
			case errors.Is(err, app.ErrUnknownPlan):
				return badInput(err)
			case err != nil:
				return dependencyAway(err)
			case !found:
				return badInput(fmt.Errorf("%s: no plan is in force for a model of this name", args[0]))
			}
			return out.flush()
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "only what began at this time or later: 2026-04-01 or 2026-04-01T06:00:00Z")
	cmd.Flags().StringVar(&to, "to", "", "only what began before this time")
	cmd.Flags().StringVar(&kind, "kind", "", "only test (panes of predictions) or only cohort (their outcomes)")
	cmd.Flags().BoolVar(&asJSON, "json", false, "one JSON object per cell, with every bin")
	return cmd
}

// instant reads a time given on the command line, in UTC where it names no zone.
func instant(flag, text string, missing time.Time) (time.Time, error) {
	if text == "" {
		return missing, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, badInput(fmt.Errorf("--%s %q: write a date or an instant, like 2026-04-01 or 2026-04-01T06:00:00Z", flag, text))
}

// panePrinter writes cells as JSON lines or as a table per kind.
type panePrinter struct {
	json  *json.Encoder
	table *tabwriter.Writer
	kind  string // of the table's present part
}

func newPanePrinter(w io.Writer, asJSON bool) *panePrinter {
	if asJSON {
		return &panePrinter{json: json.NewEncoder(w)}
	}
	return &panePrinter{table: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

func (p *panePrinter) print(c *app.EndedCell) error {
	if p.json != nil {
		return p.json.Encode(c)
	}
	if c.Kind != p.kind {
		head := "TEST PANE\tEND\tVERSION\tSLICE\tEVENTS\tMISSING\tINVALID\tSCORED"
		if c.Kind == app.KindCohort {
			head = "COHORT\tEND\tVERSION\tSLICE\tON TIME\tPOSITIVE\tALL\tPOSITIVE\tTP\tFP\tFN\tTN"
		}
		if p.kind != "" {
			fmt.Fprintln(p.table)
		}
		fmt.Fprintln(p.table, head)
		p.kind = c.Kind
	}
	fmt.Fprintf(p.table, "%s\t%s\t%s\t%s\t", minute(c.Start), minute(c.End), orDash(c.Version), orDash(sliceText(c.Slice)))
	if c.Kind == app.KindTest {
		missing, invalid, scored := int64(0), int64(0), int64(0)
		for i := range c.Columns {
			missing += c.Columns[i].Missing
			invalid += c.Columns[i].Invalid
		}
		if c.Scores != nil {
			scored = c.Scores.Scored
		}
		_, err := fmt.Fprintf(p.table, "%d\t%d\t%d\t%d\n", c.Rows, missing, invalid, scored)
		return err
	}
	onTime, all := c.OnTime, c.All
	if onTime == nil {
		onTime = &app.EndedCurve{}
	}
	if all == nil {
		all = &app.EndedCurve{}
	}
	_, err := fmt.Fprintf(p.table, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\n",
		total(onTime.Labels), total(onTime.Positives), total(all.Labels), total(all.Positives), all.TP, all.FP, all.FN, all.TN)
	return err
}

func (p *panePrinter) flush() error {
	if p.table == nil {
		return nil
	}
	return p.table.Flush()
}

func minute(t time.Time) string { return t.Format("2006-01-02 15:04") }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func sliceText(slice map[string]string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(slice)) {
		parts = append(parts, name+"="+slice[name])
	}
	return strings.Join(parts, ",")
}

func total(counts []int64) int64 {
	var n int64
	for _, c := range counts {
		n += c
	}
	return n
}
