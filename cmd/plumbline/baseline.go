package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// newBaselineCommand is "plumbline baseline".
func newBaselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Learn, show, compare and list what models are held against",
		Long: `A baseline is what a contract's reference range taught: where the values of each input lie, how much the reference's own panes
scatter, what outcomes showed. It is named by the digest of its content, and it is judged when it is made: too few panes, hours of the
week it lacks, inputs whose level, mixture or missing values moved within it, slices with hardly any events.

Where a model changed for good, a person can accept what it does now as its new normal: ` + "`plumbline baseline accept`" + `.`,
		Example: `  plumbline baseline build contract.yaml history.csv.gz --output baseline.json
  plumbline baseline show baseline.json
  plumbline baseline diff electricity baseline.json
  plumbline baseline accept electricity --why "new meters since April" --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBaselineBuildCommand(), newBaselineShowCommand(), newBaselineDiffCommand(), newBaselineListCommand(), newBaselineAcceptCommand())
	return cmd
}

func newBaselineShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show FILE|MODEL[@DIGEST]",
		Short: "Show a baseline: its inputs, and what is wrong with it",
		Long: `Shows the baseline in a file that ` + "`plumbline baseline build --output`" + ` wrote, or else that of a model on the broker: the one of its latest plan, or
the one whose digest begins with what follows the @ (see ` + "`plumbline baseline list`" + `).

MEAN is of numbers; MISSING the share of events without a value; PANES how many panes of the test's length the reference held with
enough events; PSI the population stability index that such a pane typically had against the whole reference (the mean of the cube
roots, cubed: near the median): what no drift looks like. Of what scores mean it says how much a day's outcomes tell and the smallest lasting shift, in logits,
that would usually be found in a week and in 30 days: a blind spot is shown, not hidden.`,
		Example: `  plumbline baseline show baseline.json
  plumbline baseline show electricity@3f2a`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, err := namedBaseline(cmd, args[0])
			if err != nil {
				return err
			}
			return printBaseline(cmd.OutOrStdout(), p, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

func newBaselineDiffCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Say how two baselines differ",
		Long: `Compares two baselines column by column; each is named as for ` + "`plumbline baseline show`" + `.

DISTANCE is how far the distributions are apart for certain, from 0 to 1. Of numbers it is a Kolmogorov-Smirnov distance: two baselines
cut their bins at different places, and what could be a matter of where values lie within a bin is left out. Of categories it is
the total variation. What else differs (the reference range, outcomes, slices, what the contract says of an input) is named below.

Exit codes: 0 they say the same, 1 they differ.`,
		Example: `  plumbline baseline diff electricity baseline.json
  plumbline baseline diff electricity@3f2a electricity`,
		Args: usageArgs(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			before, err := namedBaseline(cmd, args[0])
			if err != nil {
				return err
			}
			after, err := namedBaseline(cmd, args[1])
			if err != nil {
				return err
			}
			if err := printDifferences(cmd.OutOrStdout(), before, after, asJSON); err != nil {
				return err
			}
			if before.Baseline != after.Baseline {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// listedBaseline is one line of baseline list in JSON.
type listedBaseline struct {
	Kind     string    `json:"kind"`
	Model    string    `json:"model"`
	Baseline string    `json:"baseline"`
	From     time.Time `json:"reference_from"`
	To       time.Time `json:"reference_to"`
	Rows     int64     `json:"reference_rows"`
	Plans    int       `json:"plans"` // that are, were or will be in force with it

	Accepted *plan.Accepted `json:"accepted,omitempty"` // the act that made it the normal; none: the contract
}

func newBaselineListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [MODEL]",
		Short: "List the baselines of the plans on the broker",
		Long: `Prints every baseline that a plan was put in force with, by model, the oldest first: its digest, the reference range and its events, and who
accepted it where a person did (see ` + "`plumbline baseline accept`" + `).`,
		Example: `  plumbline baseline list
  plumbline baseline list electricity --json`,
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
				fmt.Fprintln(table, "MODEL\tBASELINE\tREFERENCE\tEVENTS\tPLANS"+acts.head())
			}
			for _, model := range models {
				for _, l := range listBaselines(plans[model]) {
					if asJSON {
						if err := json.NewEncoder(out).Encode(l); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d%s\n", l.Model, short(l.Baseline), stretch(plan.Span{From: l.From, To: l.To}), l.Rows, l.Plans, acts.cell(l.Accepted))
				}
			}
			return table.Flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

func listBaselines(h plan.History) []listedBaseline {
	var out []listedBaseline
	for _, p := range h {
		at := slices.IndexFunc(out, func(l listedBaseline) bool { return l.Baseline == p.Baseline })
		if at < 0 {
			at = len(out)
			out = append(out, listedBaseline{
				Kind: "baseline", Model: p.Model, Baseline: p.Baseline, From: p.Reference.From, To: p.Reference.To, Rows: p.ReferenceRows, Accepted: p.Accepted,
			})
		}
		out[at].Plans++
	}
	return out
}

// namedBaseline finds the plan that holds a baseline: in a file, or on the broker.
func namedBaseline(cmd *cobra.Command, name string) (*plan.Plan, error) {
	b, err := os.ReadFile(name)
	if err == nil {
		p, err := plan.Read(b)
		if err != nil {
			return nil, badInput(fmt.Errorf("%s is no baseline that plumbline baseline build wrote: %w", name, err))
		}
		if digest, err := baseline.Digest(p); err != nil || digest != p.Baseline {
			return nil, badInput(fmt.Errorf("%s was changed after it was written: it says that it is baseline %s, and holds %s", name, short(p.Baseline), short(digest)))
		}
		return p, nil
	}
	dir, missing := os.Stat(name)
	model, digest, which := strings.Cut(name, "@")
	if model == "" || strings.ContainsAny(name, "/\\") || missing == nil && !dir.IsDir() {
		return nil, badInput(fmt.Errorf("%q is neither a file nor a model: %w", name, err))
	}
	plans, err := publishedPlans(cmd)
	if err != nil {
		return nil, fmt.Errorf("there is no file %s, so it is taken for a model: %w", name, err)
	}
	if err := knownModel(plans, model); err != nil {
		return nil, err
	}
	if !which {
		return plans[model].Last(), nil
	}
	var found *plan.Plan
	for _, p := range plans[model] {
		if !strings.HasPrefix(p.Baseline, digest) && !strings.HasPrefix(strings.TrimPrefix(p.Baseline, "sha256:"), digest) {
			continue
		}
		if found != nil && found.Baseline != p.Baseline {
			return nil, badInput(fmt.Errorf("several baselines of %s begin with %q; give more of the digest", model, digest))
		}
		found = p
	}
	if found == nil {
		return nil, badInput(fmt.Errorf("no baseline of %s begins with %q; see plumbline baseline list %s", model, digest, model))
	}
	return found, nil
}
