package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// clockStamp is how instants are written in tables, in UTC.
const clockStamp = "2006-01-02 15:04"

func newIncidentsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "incidents",
		Short: "Show incidents, and do something about them",
		Long: `Shows incidents and does something about them, through the API of a running alerter (api.url; by default this machine's
http.listen). Nothing is written past it: each act is an entry of the ledger, with who did it and when.

INCIDENT is an id or the beginning of one. Who acts is --as, else PLUMBLINE_ACTOR, else the user who is logged in; a token that is a
person's own (api.tokens_file) knows better. An act that may have got lost can be sent again with the same --id: it counts once.

plumbline explain INCIDENT tells one in plain words.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newIncidentsListCommand(), newIncidentsShowCommand(), newRateCommand())
	for _, verb := range actVerbs() {
		cmd.AddCommand(newActCommand(verb))
	}
	return cmd
}

func newIncidentsListCommand() *cobra.Command {
	var model, status string
	var asJSON, loud bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List incidents, by the time they opened or by how much they matter",
		Example: `  plumbline incidents list
  plumbline incidents list --status resolved --model churn --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newAPIClient(cmd)
			if err != nil {
				return err
			}
			query := url.Values{}
			if model != "" {
				query.Set("model", model)
			}
			if status != "all" {
				query.Set("status", status)
			}
			all, err := c.incidents(cmd.Context(), query)
			if err != nil {
				return err
			}
			if loud {
				slices.SortFunc(all, incident.Louder)
			}
			if asJSON {
				return writeJSONLines(cmd.OutOrStdout(), all)
			}
			return listIncidents(cmd.OutOrStdout(), all)
		},
	}
	f := cmd.Flags()
	f.StringVar(&model, "model", "", "only those of this model")
	f.StringVar(&status, "status", "active", "active (all but resolved), open, acknowledged, mitigated, resolved, reopened, or all")
	f.BoolVar(&loud, "loudest", false, "pages first, then what costs more a day, then by score (evidence x effect x cost)")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per incident")
	return cmd
}

func writeJSONLines[T any](w io.Writer, all []T) error {
	enc := json.NewEncoder(w)
	for i := range all {
		if err := enc.Encode(&all[i]); err != nil {
			return fmt.Errorf("write the answer: %w", err)
		}
	}
	return nil
}

func listIncidents(w io.Writer, all []incident.Incident) error {
	if len(all) == 0 {
		fmt.Fprintln(w, "none")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tMODEL\tSTATUS\tSEVERITY\tOPENED (UTC)\tWHO\tTITLE")
	for i := range all {
		inc := &all[i]
		status := string(inc.Status)
		if inc.Silence != nil && inc.Status.Active() {
			status += ", silenced"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", inc.ID, inc.Model, status, inc.Severity, inc.OpenedAt.UTC().Format(clockStamp), whoHas(inc), inc.Title)
	}
	return t.Flush()
}

func whoHas(inc *incident.Incident) string {
	switch {
	case inc.Assignee != "":
		return inc.Assignee
	case inc.Owner.Team != "":
		return inc.Owner.Team
	default:
		return "-"
	}
}

func newIncidentsShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show INCIDENT",
		Short: "Show one incident with its timeline",
		Args:  usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newAPIClient(cmd)
			if err != nil {
				return err
			}
			inc, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSONLines(cmd.OutOrStdout(), []incident.Incident{*inc})
			}
			showIncident(cmd.OutOrStdout(), inc)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the incident as JSON")
	return cmd
}

func showIncident(w io.Writer, inc *incident.Incident) {
	fmt.Fprintf(w, "%s  %s  %s  %s\n%s\n", inc.ID, inc.Model, inc.Status, inc.Severity, inc.Title)
	field := func(name, text string) {
		if text != "" {
			fmt.Fprintf(w, "%-10s%s\n", name, text)
		}
	}
	field("opened", inc.OpenedAt.UTC().Format(clockStamp))
	field("onset", inc.Onset.UTC().Format(clockStamp))
	if inc.ResolvedAt != nil {
		field("resolved", strings.TrimSpace(inc.ResolvedAt.UTC().Format(clockStamp)+" "+inc.Reason))
	}
	field("cause", inc.Cause.Kind)
	field("cost", incident.Price(inc))
	field("weight", fmt.Sprintf("%s, score %s (evidence %s x effect %s x cost %s)", inc.Level(), incident.Short(inc.Score),
		incident.Short(inc.Weight.Evidence), incident.Short(inc.Weight.Effect), incident.Short(inc.Weight.Cost)))
	field("who", whoHas(inc))
	field("runbook", inc.Runbook)
	if s := inc.Silence; s != nil {
		field("silence", strings.TrimSpace(fmt.Sprintf("until %s, by %s %s", s.Until.UTC().Format(clockStamp), s.By, s.Why)))
	}
	if v := inc.Verdict; v != nil {
		field("verdict", strings.TrimSpace(fmt.Sprintf("%s, by %s %s", strings.ReplaceAll(string(v.Says), "_", " "), v.By, v.Why)))
	}
	field("merged", inc.MergedInto)
	for _, s := range inc.Subjects {
		field("subject", fmt.Sprintf("%s %s", s.Name, share(s.Share)))
	}
	for _, s := range inc.Slices {
		field("slice", finding.SliceKey(s))
	}
	for i := range inc.Changes {
		c := &inc.Changes[i]
		field("change", strings.TrimSpace(fmt.Sprintf("%s %s %s %s, %s", c.At.UTC().Format(clockStamp), c.What, c.Name, c.Version, "names "+c.Names)))
	}
	field("retrain", inc.Retraining.Words())
	for _, n := range inc.Numbers {
		field("number", incident.Figure(n))
	}
	fmt.Fprintln(w, "timeline")
	for _, e := range inc.Timeline {
		fmt.Fprintf(w, "  %s  %s\n", e.At.UTC().Format(clockStamp), strings.TrimSpace(e.What+"  "+e.Who+"  "+e.Text))
	}
}

func share(n finding.Number) string {
	if !n.Valid() {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*float64(n))
}

func newRateCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "rate",
		Short: "Show how many of the alarms that people judged were false",
		Long: `Shows, by model and by month, how many incidents opened, how many people judged (plumbline incidents verdict), and what share of
those was false, with its 95 % interval. What nobody judged counts neither way.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newAPIClient(cmd)
			if err != nil {
				return err
			}
			var got struct {
				Rates []incident.Rate `json:"rates"`
			}
			if err := c.get(cmd.Context(), "/api/v1/false-alarms", &got); err != nil {
				return err
			}
			if asJSON {
				return writeJSONLines(cmd.OutOrStdout(), got.Rates)
			}
			t := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(t, "MODEL\tMONTH\tOPENED\tPAGES\tJUDGED\tFALSE\tFALSE PAGES\tSHARE FALSE (95 %)")
			for i := range got.Rates {
				r := &got.Rates[i]
				month := r.Month
				if month == "" {
					month = "all"
				}
				said := "nobody has judged"
				if r.Share.Valid() {
					said = fmt.Sprintf("%s (%s to %s)", share(r.Share), share(r.Band[0]), share(r.Band[1]))
				}
				fmt.Fprintf(t, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%s\n", r.Model, month, r.Opened, r.Pages, r.Judged(), r.False, r.FalsePages, said)
			}
			return t.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per model and month")
	return cmd
}
