package check

import (
	"fmt"
	"io"
	"slices"

	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// nearlyAll is the share of predictions with an outcome from which on nothing is said of it in words.
const nearlyAll = 0.9

// writeLabelled says which predictions have an outcome, where that matters: where many have none, or the contract says something of those.
func writeLabelled(w io.Writer, r *Report) {
	if len(r.Labelled) == 0 {
		return
	}
	whole := &r.Labelled[0]
	if whole.Share >= nearlyAll && whole.States == "" {
		return
	}
	fmt.Fprintf(w, "predictions with an outcome: %s of %d (%d outcomes)\n", percent(whole.Share), whole.Predictions, whole.Labels)
	for i := range whole.Bands {
		b := &whole.Bands[i]
		span := fmt.Sprintf("scores above %s up to %s", incident.Short(b.From), incident.Short(b.To))
		switch {
		case i == 0 && i == len(whole.Bands)-1:
			continue // the whole again
		case i == 0:
			span = "scores up to " + incident.Short(b.To)
		case i == len(whole.Bands)-1:
			span = "scores above " + incident.Short(b.From)
		}
		fmt.Fprintf(w, "  %s: %s of %d\n", span, percent(b.Share), b.Predictions)
	}
	for i := range r.Labelled[1:] {
		l := &r.Labelled[1+i]
		fmt.Fprintf(w, "  %s: %s of %d\n", finding.SliceKey(l.Slice), percent(l.Share), l.Predictions)
	}
	if whole.States != "" {
		fmt.Fprintf(w, "  %s\n", whole.States)
	}
	if whole.Effective > 0 {
		fmt.Fprintf(w, "  the %d outcomes are worth %.0f at random\n", whole.Labels, float64(whole.Effective))
	}
	for _, words := range unidentified(r.Findings) {
		fmt.Fprintf(w, "  %s\n", words)
	}
	fmt.Fprintln(w)
}

func percent(n finding.Number) string {
	if !n.Valid() {
		return "none"
	}
	return fmt.Sprintf("%.3g %%", 100*float64(n))
}

// unidentified are the latest sentences on promises that can't be judged, one by promise and slice, in the order of the promises' findings.
func unidentified(all []finding.Finding) []string {
	var order []string
	said := map[string]string{}
	for i := range all {
		f := &all[i]
		if f.Channel != "promise" {
			continue
		}
		key := f.Signal()
		if _, had := said[key]; !had {
			order = append(order, key)
		}
		said[key] = ""
		if f.Verdict == finding.Undecided && len(f.Numbers) > 1 {
			said[key] = fmt.Sprintf("%s, over %s to %s", f.Numbers[1].Name, f.Window.Start.Format("2006-01-02"), f.Window.End.Format("2006-01-02"))
			if len(f.Slice) > 0 {
				said[key] = finding.SliceKey(f.Slice) + ": " + said[key]
			}
		}
	}
	var out []string
	for _, key := range order {
		if said[key] != "" {
			out = append(out, said[key])
		}
	}
	slices.Sort(out)
	return out
}

// labelled says which predictions after the reference have an outcome, as a whole and by slice.
func (r *run) labelled() []engine.Labelled {
	sums, _ := r.matured()
	return engine.LabelledBy(r.plan, sums)
}
