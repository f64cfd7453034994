package main

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"

	"github.com/plumbline-ml/plumbline/internal/drift"
	"github.com/plumbline-ml/plumbline/internal/fairness"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// shownGroups is what a baseline knows of protected attributes, in JSON.
type shownGroups struct {
	Reference *fairness.Report `json:"reference"`
	Followed  []shownGap       `json:"followed"` // gaps whose growth is followed
}

// shownGap is a gap whose growth is followed.
type shownGap struct {
	Group map[string]string `json:"group"`
	Rate  string            `json:"rate"`
	Ratio finding.Number    `json:"ratio"`      // of the rates, in the reference
	Pane  finding.Number    `json:"pane_hours"` // how long it takes until there is enough to judge, usually
	// InAWeek is the smallest lasting change of the ratio, as a factor below 1, that a week would usually show; ADay by which factor the ratio must fall a day to be told
	// within six; null: none is.
	InAWeek finding.Number `json:"found_in_a_week"`
	ADay    finding.Number `json:"growth_a_day_found_in_six"`
}

const (
	weekHours = 7 * 24
	sixDays   = 6 * 24
)

var rateWords = map[drift.Rate]string{drift.Selected: "selection rate", drift.TruePositives: "true positive rate", drift.FalsePositives: "false positive rate"}

// showGroups is nil for plans that compare no groups.
func showGroups(p *plan.Plan) (*shownGroups, error) {
	if p.Fairness == nil {
		return nil, nil
	}
	reference, err := fairness.Reference(p)
	if err != nil {
		return nil, err
	}
	gaps, err := drift.OpenGaps(p)
	if err != nil {
		return nil, err
	}
	out := &shownGroups{Reference: fairness.Describe(p, reference, reference), Followed: []shownGap{}}
	out.Reference.Window = &finding.Window{Start: p.Reference.From, End: p.Reference.To}
	factor := func(x float64) finding.Number {
		if math.IsInf(x, 1) {
			return finding.None()
		}
		return finding.Number(math.Exp(-x))
	}
	for i := range gaps {
		g := &gaps[i]
		out.Followed = append(out.Followed, shownGap{
			g.Labels(p), rateWords[g.Rate], finding.Number(math.Exp(g.Home())), finding.Number(g.Usual()), factor(g.Detectable(weekHours)), factor(g.Growing(sixDays)),
		})
	}
	return out, nil
}

// write shows the groups to people, after all else.
func (s *shownGroups) write(w io.Writer) {
	fmt.Fprintln(w, "\nfairness, in the reference (95 % intervals)")
	fairness.Write(w, s.Reference)
	if len(s.Followed) == 0 {
		fmt.Fprintln(w, "whether gaps grow is not followed: of no group the reference holds enough")
		return
	}
	table := tabwriter.NewWriter(w, 0, 4, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "GROUP\tRATE\tRATIO\tA PANE\tIN A WEEK\tA DAY\t")
	for _, g := range s.Followed {
		fmt.Fprintf(table, "%s\t%s\t%s\t%.0f h\t%s\t%s\t\n", printable(finding.SliceKey(g.Group)), g.Rate, figure(float64(g.Ratio), "%.2f"), float64(g.Pane),
			figure(float64(g.InAWeek), "x %.2f"), figure(float64(g.ADay), "x %.2f"))
	}
	_ = table.Flush() // people see what is left out
	fmt.Fprintln(w, "IN A WEEK: the factor by which a ratio must fall, and stay there, for a week to show it usually; A DAY: by which it must fall day by day to be told within six; -: none is.")
}
