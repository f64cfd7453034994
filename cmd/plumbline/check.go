package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
)

// untilInterrupted does what knows no context, and leaves it behind when the context ends: the process ends then. What goes wrong is the
// input's fault.
func untilInterrupted[T any](ctx context.Context, do func() (T, error)) (T, error) {
	type answer struct {
		of  T
		err error
	}
	did := make(chan answer, 1)
	go func() {
		of, err := do()
		did <- answer{of, err}
	}()
	select {
	case <-ctx.Done():
		var none T
		return none, errInterrupted
	case a := <-did:
		return a.of, badInput(a.err)
	}
}

func newCheckCommand() *cobra.Command {
	var files check.Files
	var format, contractPath string
	cmd := &cobra.Command{
		Use:   "check CONTRACT FILE [OUTCOMES]",
		Short: "Judge files by a contract, without Kafka",
		Long: `Runs the plan, the counters and the tests that the stream runs over a CSV or JSON Lines file (plain or gzipped).

FILE holds the predictions: the contract's inputs, the time and the score, under the names (or the last part of the paths) that
the contract gives. If it also has the label column, its rows hold the outcomes too; else name a second file for them. What the
contract's reference range covers is learnt, what comes after is judged. A file needs no Kafka, no registry and no schema.

Exits with 1 if there is any incident.`,
		Example: `  plumbline check examples/electricity/contract.yaml examples/electricity/electricity.csv.gz
  plumbline check --format json contract.yaml predictions.jsonl outcomes.jsonl`,
		Args: usageArgs(cobra.MaximumNArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != "text" && format != "json" {
				return badInput(fmt.Errorf("--format %q: must be text or json", format))
			}
			for _, name := range []*string{&contractPath, &files.Predictions, &files.Outcomes} {
				if *name == "" && len(args) > 0 {
					*name, args = args[0], args[1:]
				}
			}
			if files.Predictions == "" || len(args) > 0 {
				return badInput(fmt.Errorf("a contract and a file are needed, and at most one file of outcomes; see %s --help", cmd.CommandPath()))
			}
			c, err := contract.Load(contractPath)
			if err != nil {
				return badInput(err)
			}
			if c.Streams.Outcome == nil && files.Outcomes != "" {
				return badInput(fmt.Errorf("the contract names no outcome stream, so %s can't be read as one", files.Outcomes))
			}
			if err := files.FindOutcomes(c); err != nil {
				return badInput(err)
			}
			progress, done := progressLine(cmd.ErrOrStderr())
			r, err := untilInterrupted(cmd.Context(), func() (*check.Report, error) { return check.Run(c, files, progress) })
			done()
			if err != nil {
				return err
			}
			out := bufio.NewWriter(cmd.OutOrStdout())
			if format == "json" {
				enc := json.NewEncoder(out)
				enc.SetIndent("", "  ")
				if err := enc.Encode(r); err != nil {
					return err
				}
			} else {
				check.Write(out, r)
			}
			if err := out.Flush(); err != nil {
				return fmt.Errorf("write the report: %w", err)
			}
			if r.Alarming() > 0 {
				return errSilent
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&contractPath, "contract", "", "the contract, instead of the first argument")
	cmd.Flags().StringVar(&files.Predictions, "data", "", "the file of predictions, instead of the next argument")
	cmd.Flags().StringVar(&files.Outcomes, "outcomes", "", "the file of outcomes, instead of the last argument")
	cmd.Flags().StringVar(&files.Attributes, "attributes", "", "the file of protected attributes, of a contract with streams.attributes")
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().DurationVar(&files.Delay, "outcome-delay", 0, "how long after its prediction an outcome was known, where one row holds both")
	cmd.Flags().StringVar(&files.Version, "model-version", "", "the model's version, where the file has no column for it")
	return cmd
}

// progressLine reports progress on one line that is rewritten, if w is a terminal; else it says nothing.
func progressLine(w io.Writer) (report func(stage string, rows int64), done func()) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return nil, func() {}
	}
	last := time.Time{}
	return func(stage string, rows int64) {
			if now := time.Now(); now.Sub(last) > 100*time.Millisecond || rows == 0 {
				last = now
				fmt.Fprintf(w, "\r\x1b[K%s", stage)
				if rows > 0 {
					fmt.Fprintf(w, ": %d rows", rows)
				}
			}
		}, func() {
			fmt.Fprint(w, "\r\x1b[K")
		}
}
