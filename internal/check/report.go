package check

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/file"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// HoldsOutcomes reports whether the predictions' file has the contract's label column too.
func (f *Files) HoldsOutcomes(c *contract.Contract) (bool, error) {
	open := f.Open
	if open == nil {
		open = file.Open
	}
	r, err := open(f.Predictions)
	if err != nil {
		return false, err
	}
	defer func() { _ = r.Close() }() // it was only read
	label := c.Streams.Outcome.Fields.Label
	last := label[strings.LastIndexByte(label, '.')+1:]
	return slices.Contains(r.Columns(), label) || slices.Contains(r.Columns(), last), nil
}

// FindOutcomes takes the file of predictions for that of the outcomes too, where no other was named, the contract has such a stream and the
// file the label column. Else f stays as it is.
func (f *Files) FindOutcomes(c *contract.Contract) error {
	if f.Outcomes != "" || c.Streams.Outcome == nil {
		return nil
	}
	has, err := f.HoldsOutcomes(c)
	if has {
		f.Outcomes = f.Predictions
	}
	return err
}

// Write renders a report for people.
func Write(w io.Writer, r *Report) {
	fmt.Fprintf(w, "%s\n", r.Model)
	for _, s := range r.Streams {
		fmt.Fprintf(w, "  read %d rows of %s: %d accepted", s.Read, s.File, s.Accepted)
		if s.Filtered > 0 {
			fmt.Fprintf(w, ", %d not wanted by the contract", s.Filtered)
		}
		for _, reason := range slices.Sorted(maps.Keys(s.Rejected)) {
			fmt.Fprintf(w, ", %d set aside (%s)", s.Rejected[reason], reason)
		}
		fmt.Fprintln(w)
		for _, e := range s.Examples {
			fmt.Fprintf(w, "    %s\n", e)
		}
	}
	fmt.Fprintf(w, "  reference %s to %s, %d events; a test pane is %s, a pane of outcomes %s\n",
		r.Reference.From.Format("2006-01-02"), r.Reference.To.Format("2006-01-02"), r.Rows, r.TestPane, r.TruthPane)
	if r.Judged == nil {
		fmt.Fprintln(w, "  nothing was judged: no pane after the reference has ended")
	} else {
		fmt.Fprintf(w, "  judged %s to %s", r.Judged.From.Format("2006-01-02 15:04"), r.Judged.To.Format("2006-01-02 15:04"))
		if r.Outcomes != nil {
			fmt.Fprintf(w, "; outcomes to %s", r.Outcomes.To.Format("2006-01-02 15:04"))
		}
		fmt.Fprintln(w)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "  note: %s\n", n)
	}
	fmt.Fprintln(w)
	writeMoney(w, r.Money)
	writeReasons(w, r.Reasons)
	writeLabelled(w, r)
	writeEstimates(w, r)
	writeIncidents(w, r)
	if f := r.Fairness; f != nil {
		fmt.Fprintf(w, "\nfairness, %s to %s (95 %% intervals)\n", f.Window.Start.Format("2006-01-02 15:04"), f.Window.End.Format("2006-01-02 15:04"))
		fairness.Write(w, f)
	}
}

func writeIncidents(w io.Writer, r *Report) {
	if len(r.Incidents) == 0 {
		fmt.Fprintln(w, "no incidents")
		return
	}
	pages := 0
	for i := range r.Incidents {
		if r.Incidents[i].Severity == finding.Page {
			pages++
		}
		WriteIncident(w, &r.Incidents[i])
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%s, of which %s; %s\n", count(len(r.Incidents), "incident"), count(pages, "page"), count(len(r.Findings), "finding"))
}

// WriteIncident renders one incident for people.
func WriteIncident(w io.Writer, i *incident.Incident) {
	status := string(i.Status)
	if i.ResolvedAt != nil {
		status += " " + i.ResolvedAt.Format("2006-01-02")
		if i.Reason != "" {
			status += " (" + i.Reason + ")"
		}
	}
	fmt.Fprintf(w, "%-6s %s\n", strings.ToUpper(string(i.Severity)), i.Title)
	fmt.Fprintf(w, "       onset %s, opened %s, %s\n", i.Onset.Format("2006-01-02 15:04"), i.OpenedAt.Format("2006-01-02 15:04"), status)
	if len(i.Numbers) > 0 {
		var parts []string
		for _, f := range i.Numbers[:min(3, len(i.Numbers))] {
			parts = append(parts, incident.Figure(f))
		}
		fmt.Fprintf(w, "       %s\n", strings.Join(parts, "; "))
	}
	if c := &i.Cause; c.Fix != "" {
		fmt.Fprintf(w, "       cause: %s, which explains %.0f %% of it; %s\n", c.Kind, 100*float64(c.Confidence), c.Fix)
		for _, why := range c.Against {
			fmt.Fprintf(w, "       against it: %s\n", why)
		}
	}
	fmt.Fprintf(w, "       cost: %s\n", incident.Price(i))
	if i.Owner.Team != "" || i.Runbook != "" {
		fmt.Fprintf(w, "       owner: %s (%s)", i.Owner.Team, i.Owner.Role)
		if i.Runbook != "" {
			fmt.Fprintf(w, "; runbook: %s", i.Runbook)
		}
		fmt.Fprintln(w)
	}
}

// count says how many there are of something.
func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}
