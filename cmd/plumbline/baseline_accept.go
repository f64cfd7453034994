package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// longestWords is how much may be said of an act, in bytes: it is kept for ever, in every plan that goes on with it.
const longestWords = 1000

func newBaselineAcceptCommand() *cobra.Command {
	var a app.Accept
	var from, to string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "accept MODEL --why TEXT",
		Short: "Accept what a model does now as its new normal",
		Long: `Learns a baseline from the test panes that the services have counted of a model, says how it differs from the one in force and what is wrong
with it, and puts it in force, under the contract in force: from the next midnight (UTC) on up to which nothing was counted yet, as
` + "`plumbline apply`" + ` does. Alarms that are open end then, as superseded; what moves on from the new normal alarms again.

By default it learns from the last four weeks, or from as much of them as was counted in the bins of the plan in force. Name the moment of the change
by --from where it lies within them: a range that holds both is a mixture, and a note says that it drifts. Following drift takes a week of
panes at least, and 14 with enough events. What stays and what is learnt anew, see ` + "`plumbline baseline build --help`" + `.

Who did it, why, from when on and by which panes is kept in the plan, for ever: ` + "`plumbline baseline list`" + `, ` + "`show`" + ` and ` + "`plumbline contract list`" + `
say it. A contract that changes in policy only goes on with the accepted baseline. One that changes in what is learnt, and
` + "`plumbline apply --relearn`" + `, learn the contract's reference anew instead, and say so. ` + "`plumbline contract rollback`" + ` takes it back.

Exit codes: 0 it is in force, or would be, or was already; 1 the panes are too few, or somebody else changed the plan meanwhile.`,
		Example: `  plumbline baseline accept electricity --why "new meters since April" --dry-run
  plumbline baseline accept electricity --why "new meters since April" --from 2026-04-03
  plumbline baseline accept electricity --why "incident 9f2c: the new tariff stays" --by ada --json`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := signed(&a); err != nil {
				return badInput(err)
			}
			var err error
			if a.From, a.To, err = instants(from, to); err != nil {
				return err
			}
			parts, done, err := openBroker(cmd)
			if err != nil {
				return err
			}
			defer done()
			did, err := parts.Accept(cmd.Context(), args[0], a)
			if err != nil {
				return unlearnt(cmd.Context(), err)
			}
			return printAcceptance(cmd.OutOrStdout(), did, a.DryRun, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&a.Why, "why", "", "why this is the new normal, in a sentence; it is kept")
	f.StringVar(&a.By, "by", "", "who says so; your name on this machine by default")
	f.StringVar(&from, "from", "", "the start of the first test pane to learn from, a date or RFC 3339; four weeks before --to by default")
	f.StringVar(&to, "to", "", "the end of the last one; that of the last pane that has ended by default")
	f.BoolVar(&a.DryRun, "dry-run", false, "put nothing in force; say what would be")
	f.BoolVar(&asJSON, "json", false, "print JSON objects, one per line: the differences, then the act")
	return cmd
}

// signed checks who accepts and why.
func signed(a *app.Accept) error {
	a.Why, a.By = strings.TrimSpace(a.Why), strings.TrimSpace(a.By)
	if a.Why == "" {
		return errors.New(`--why: say why this is the new normal, like --why "new meters since April"; it is kept with the plan`)
	}
	if a.By == "" {
		if u, err := user.Current(); err == nil {
			a.By = u.Username
		}
	}
	if a.By == "" {
		return errors.New("--by: say who accepts it; this machine doesn't know your name")
	}
	for _, w := range []struct{ flag, text string }{{"why", a.Why}, {"by", a.By}} {
		if len(w.text) > longestWords || printable(w.text) != w.text {
			return fmt.Errorf("--%s: write one line of text, of %d bytes at most", w.flag, longestWords)
		}
	}
	return nil
}

// accepted is the act in JSON.
type accepted struct {
	Kind      string         `json:"kind"`
	Model     string         `json:"model"`
	Change    string         `json:"change"` // plan, or same: it was in force already
	DryRun    bool           `json:"dry_run"`
	Plan      string         `json:"plan"`
	Baseline  string         `json:"baseline"`
	Reference plan.Span      `json:"reference"`
	Rows      int64          `json:"reference_rows"`
	From      time.Time      `json:"from"` // event time from which it is in force
	Accepted  *plan.Accepted `json:"accepted"`
	Notes     []string       `json:"notes"`
}

func printAcceptance(w io.Writer, did *app.Acceptance, dryRun, asJSON bool) error {
	p := did.After
	if did.Change == app.Same && !asJSON {
		_, err := fmt.Fprintf(w, "%s: baseline %s is in force already; nothing was changed\n", p.Model, short(p.Baseline))
		return err
	}
	if did.Change != app.Same {
		if err := printDifferences(w, did.Before, p, asJSON); err != nil {
			return err
		}
	}
	if asJSON {
		out := accepted{
			Kind: "accepted", Model: p.Model, Change: string(did.Change), DryRun: dryRun, Plan: p.Digest(), Baseline: p.Baseline, Reference: p.Reference,
			Rows: p.ReferenceRows, From: p.From, Accepted: p.Accepted, Notes: p.Unjudged,
		}
		if out.Notes == nil {
			out.Notes = []string{}
		}
		return json.NewEncoder(w).Encode(out)
	}
	for _, n := range p.Unjudged {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	verb := "begins afresh"
	if dryRun {
		verb = "would begin afresh (--dry-run: nothing was changed)"
	}
	_, err := fmt.Fprintf(w, "%s: plan %s %s, from %s on, with baseline %s\n  %s\n", p.Model, p.Digest(), verb, minute(p.From), short(p.Baseline), act(p.Accepted))
	return err
}

// act says who accepted a baseline, since when it holds, by which panes, and why.
func act(a *plan.Accepted) string {
	return fmt.Sprintf("accepted by %s from %s on, by the panes of %s: %s", printable(a.By), minute(a.From.UTC()), stretch(a.Panes), printable(a.Why))
}

// gaveWay says that what a person had accepted is in force no more.
func gaveWay(a *plan.Accepted) string {
	return "what models were held against until then gives way; it was " + act(a)
}

// acts is the column of a list that says who accepted what, if anybody did.
type acts bool

func anyAccepted(plans bus.Plans, models []string) acts {
	return acts(slices.ContainsFunc(models, func(m string) bool {
		return slices.ContainsFunc(plans[m], func(p *plan.Plan) bool { return p.Accepted != nil })
	}))
}

func (c acts) head() string {
	if !c {
		return ""
	}
	return "\tACCEPTED"
}

func (c acts) cell(a *plan.Accepted) string {
	switch {
	case !bool(c):
		return ""
	case a == nil:
		return "\t-"
	}
	return fmt.Sprintf("\tby %s: %s", printable(a.By), printable(a.Why))
}
