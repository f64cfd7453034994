package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
)

// baselineBuild is one run of the command.
type baselineBuild struct {
	cmd             *cobra.Command
	files           check.Files
	model, from, to string
}

func newBaselineBuildCommand() *cobra.Command {
	var b baselineBuild
	var output string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "build {CONTRACT FILE [OUTCOMES] | --model MODEL}",
		Short: "Learn a baseline from files, or from what was counted, and judge it",
		Long: `Learns what the contract's reference range of a CSV or JSON Lines file (plain or gzipped) teaches, prints it as ` + "`plumbline baseline show`" + `
does, and writes it to the file that --output names. That takes no Kafka. Nothing is put in force: ` + "`plumbline apply --data`" + ` learns the
same and does.

With --model it learns from the broker instead: from the test panes that the services have counted of a model from --from to --to, and the
outcomes of their predictions. By default that is the last four weeks. ` + "`plumbline baseline accept`" + ` learns the same and puts it in force.

Counts can't be cut into other bins. So bins, dictionaries, score edges, the threshold and the length of a test pane stay those of the plan in
force; means, shares, scatter, outcomes and what drift is held against are learnt anew, and a standard deviation is that of these panes
from then on. If much of an input lies where its bins tell nothing, a note says so. Panes that were counted in other bins are refused; panes that are missing are
noted. Outcomes come late: where fewer than 8 panes of them are mature, those of the baseline in force stay.`,
		Example: `  plumbline baseline build contract.yaml history.csv.gz
  plumbline baseline build contract.yaml history.csv.gz --output baseline.json
  plumbline baseline build --model electricity --from 2026-04-01 --to 2026-05-01 --output april.json`,
		Args: usageArgs(func(cmd *cobra.Command, args []string) error {
			switch {
			case b.model == "" && len(args) == 0:
				return errors.New("name a contract and a file, or a model by --model")
			case b.model != "" && len(args) > 0:
				return fmt.Errorf("--model reads what was counted from the broker, so there is nothing to read in %s", args[0])
			case b.model != "" && b.files.Delay != 0:
				return errors.New("--outcome-delay is of files, and --model reads none")
			case b.model != "":
				return nil
			case b.from != "" || b.to != "":
				return errors.New("--from and --to choose among the panes of --model; of files the contract's reference is learnt")
			}
			return cobra.RangeArgs(2, 3)(cmd, args)
		}),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.cmd = cmd
			learn, inputs := b.counted, []string(nil)
			if b.model == "" {
				c, err := b.read(args)
				if err != nil {
					return badInput(err)
				}
				learn, inputs = func() (*plan.Plan, error) { return b.ofFiles(c) }, args
			}
			write, discard, err := baselineFile(output, inputs)
			if err != nil {
				return badInput(err)
			}
			defer discard()
			p, err := learn()
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
	f.StringVar(&b.files.Attributes, "attributes", "", "of files: the file with protected attributes, of a contract with streams.attributes")
	f.DurationVar(&b.files.Delay, "outcome-delay", 0, "of files: how long after its prediction an outcome was known, where one row holds both")
	f.StringVar(&b.model, "model", "", "learn from what the services have counted of this model, on the broker")
	f.StringVar(&b.from, "from", "", "with --model: the start of the first test pane, a date or RFC 3339; four weeks before --to by default")
	f.StringVar(&b.to, "to", "", "with --model: the end of the last one; that of the last pane that has ended by default")
	f.BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// read reads the contract and looks for the files.
func (b *baselineBuild) read(args []string) (*contract.Contract, error) {
	c, err := contract.Load(args[0])
	if err != nil {
		return nil, err
	}
	b.files.Predictions = args[1]
	if len(args) == 3 {
		b.files.Outcomes = args[2]
	}
	if c.Streams.Outcome == nil && b.files.Outcomes != "" {
		return nil, fmt.Errorf("the contract names no outcome stream, so %s can't be read as one", b.files.Outcomes)
	}
	return c, b.files.FindOutcomes(c)
}

func (b *baselineBuild) ofFiles(c *contract.Contract) (*plan.Plan, error) {
	progress, done := progressLine(b.cmd.ErrOrStderr())
	defer done()
	if progress != nil {
		progress("learning the reference", 0)
	}
	return untilInterrupted(b.cmd.Context(), func() (*plan.Plan, error) { return check.Plan(c, b.files) })
}

// counted learns from the panes on the broker.
func (b *baselineBuild) counted() (*plan.Plan, error) {
	from, to, err := instants(b.from, b.to)
	if err != nil {
		return nil, err
	}
	parts, done, err := openBroker(b.cmd)
	if err != nil {
		return nil, err
	}
	defer done()
	p, _, err := parts.Rebuild(b.cmd.Context(), b.model, from, to)
	return p, unlearnt(b.cmd.Context(), err)
}

// instants reads --from and --to; zero where they are not given.
func instants(from, to string) (begin, end time.Time, err error) {
	if begin, err = instant("from", from, time.Time{}); err == nil {
		end, err = instant("to", to, time.Time{})
	}
	return begin, end, err
}

// unlearnt sorts the errors of learning from panes; nil stays nil.
func unlearnt(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errInterrupted
	case errors.Is(err, app.ErrTooLittle):
		return withCode(exitNo, err)
	case errors.Is(err, app.ErrNoPlan):
		return badInput(fmt.Errorf("%w: see plumbline contract list, and plumbline apply --help", err))
	}
	return broken(err)
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
