package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/baseline"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// newBaselineCommand is "plumbline baseline".
func newBaselineCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "baseline",
		Short: "Learn, show, compare and list what models are held against",
		Long: `A baseline is what a contract's reference range taught: where the values of each input lie, how much the reference's own panes
scatter, what outcomes showed. It is named by the digest of its content, and it is judged when it is made: too few panes, hours of the
week it lacks, inputs whose level, mixture or missing values moved within it, slices with hardly any events.`,
		Example: `  plumbline baseline build contract.yaml history.csv.gz --output baseline.json
  plumbline baseline show baseline.json
  plumbline baseline diff electricity baseline.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBaselineBuildCommand(), newBaselineShowCommand(), newBaselineDiffCommand(), newBaselineListCommand())
	return cmd
}

func newBaselineBuildCommand() *cobra.Command {
	var files check.Files
	var output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "build CONTRACT FILE [OUTCOMES]",
		Short: "Learn a baseline from files and judge it, without Kafka",
		Long: `Learns what the contract's reference range of a CSV or JSON Lines file (plain or gzipped) teaches, prints it as ` + "`plumbline baseline show`" + `
does, and writes it to the file that --output names. Nothing is put in force: ` + "`plumbline apply --data`" + ` learns the same and does.`,
		Example: `  plumbline baseline build contract.yaml history.csv.gz
  plumbline baseline build contract.yaml history.csv.gz --output baseline.json`,
		Args: usageArgs(cobra.RangeArgs(2, 3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := contract.Load(args[0])
			if err != nil {
				return badInput(err)
			}
			files.Predictions = args[1]
			if len(args) == 3 {
				files.Outcomes = args[2]
			}
			if c.Streams.Outcome == nil && files.Outcomes != "" {
				return badInput(fmt.Errorf("the contract names no outcome stream, so %s can't be read as one", files.Outcomes))
			}
			if err := files.FindOutcomes(c); err != nil {
				return badInput(err)
			}
			write, discard, err := baselineFile(output, args)
			if err != nil {
				return badInput(err)
			}
			defer discard()
			progress, done := progressLine(cmd.ErrOrStderr())
			if progress != nil {
				progress("learning the reference", 0)
			}
			p, err := untilInterrupted(cmd.Context(), func() (*plan.Plan, error) { return check.Plan(c, files) })
			done()
			if err != nil {
				return err
			}
			if err := write(p); err != nil {
				return err
			}
			return printBaseline(cmd.OutOrStdout(), p, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&output, "output", "o", "", "write the baseline to this file, for show and diff")
	f.DurationVar(&files.Delay, "outcome-delay", 0, "how long after its prediction an outcome was known, where one row holds both")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// baselineFile makes the file that a baseline is written to, before anything is learnt: under another name, so that nobody finds half of it, and
// what was there before stays until write has succeeded. discard takes away what was not written. Without a name both do nothing.
func baselineFile(name string, inputs []string) (write func(*plan.Plan) error, discard func(), err error) {
	if name == "" {
		return func(*plan.Plan) error { return nil }, func() {}, nil
	}
	if there, err := os.Stat(name); err == nil {
		for _, in := range inputs {
			if of, err := os.Stat(in); err == nil && os.SameFile(there, of) {
				return nil, nil, fmt.Errorf("--output %s would replace an input, %s", name, in)
			}
		}
		if !there.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("--output %s is there and is no file", name)
		}
	}
	f, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return nil, nil, fmt.Errorf("--output %s: %w", name, err)
	}
	write = func(p *plan.Plan) error {
		b, err := p.JSON()
		if err != nil {
			return err
		}
		_, err = f.Write(append(b, '\n'))
		const readable = 0o644
		if err = errors.Join(err, f.Chmod(readable), f.Close()); err != nil {
			return badInput(fmt.Errorf("write the baseline: %w", err))
		}
		if err := os.Rename(f.Name(), name); err != nil {
			return badInput(fmt.Errorf("write the baseline: %w", err))
		}
		return nil
	}
	discard = func() {
		_ = f.Close()           // closed already, if it was written
		_ = os.Remove(f.Name()) // gone already, likewise
	}
	return write, discard, nil
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
roots, cubed: near the median): what no drift looks like.`,
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
}

func newBaselineListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list [MODEL]",
		Short: "List the baselines of the plans on the broker",
		Long:  `Prints every baseline that a plan was put in force with, by model, the oldest first: its digest, the reference range and its events.`,
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
			if !asJSON {
				fmt.Fprintln(table, "MODEL\tBASELINE\tREFERENCE\tEVENTS\tPLANS")
			}
			for _, model := range models {
				for _, l := range listBaselines(plans[model]) {
					if asJSON {
						if err := json.NewEncoder(out).Encode(l); err != nil {
							return err
						}
						continue
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%d\n", l.Model, short(l.Baseline), stretch(plan.Span{From: l.From, To: l.To}), l.Rows, l.Plans)
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
				Kind: "baseline", Model: p.Model, Baseline: p.Baseline, From: p.Reference.From, To: p.Reference.To, Rows: p.ReferenceRows,
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
