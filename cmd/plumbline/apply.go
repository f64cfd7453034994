package main

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/check"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

func newApplyCommand() *cobra.Command {
	var files check.Files
	cmd := &cobra.Command{
		Use:   "apply CONTRACT",
		Short: "Learn the reference and put a contract in force",
		Long: `Compiles a contract into a plan and publishes it on the plans topic. Running services take it up at once.

The reference is learnt from the model's own topics, read from their start to their present end; or, with --data, from a file
such as ` + "`plumbline check`" + ` reads.`,
		Example: `  plumbline apply contract.yaml
  plumbline apply contract.yaml --data history.csv.gz`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := contract.Load(args[0])
			if err != nil {
				return badInput(err)
			}
			s, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			log, err := telemetry.NewLogger(cmd.ErrOrStderr(), s.Log.Level, s.Log.Format, nil)
			if err != nil {
				return badInput(err)
			}
			parts, err := app.OpenBroker(cmd.Context(), s, log)
			if err != nil {
				return dependencyAway(err)
			}
			defer closeParts(parts, log)
			var p *plan.Plan
			if files.Predictions != "" {
				if files.Outcomes == "" && c.Streams.Outcome != nil {
					if has, err := files.HoldsOutcomes(c); err != nil {
						return badInput(err)
					} else if has {
						files.Outcomes = files.Predictions
					}
				}
				if p, err = check.Plan(c, files); err != nil {
					return badInput(err)
				}
			} else {
				var h *app.History
				p, h, err = parts.Compile(cmd.Context(), c, func(topic string, n int64) {
					fmt.Fprintf(cmd.ErrOrStderr(), "read %d events of %s\n", n, topic)
				})
				if errors.Is(err, bus.ErrRegistryAway) {
					return dependencyAway(err)
				} else if err != nil {
					return badInput(err)
				}
				if h.Unreadable > 0 {
					fmt.Fprintf(cmd.ErrOrStderr(), "%d events could not be read; the ingestor will set them aside with the reason\n", h.Unreadable)
				}
			}
			if c.Streams.Outcome != nil && p.Outcome == nil {
				return badInput(fmt.Errorf("%s has no column %q, and the contract names an outcome stream: name the file with the outcomes by --outcomes", files.Predictions, c.Streams.Outcome.Fields.Label))
			}
			if err := bus.PublishPlan(cmd.Context(), parts.Producer, p); err != nil {
				return dependencyAway(err)
			}
			out := cmd.OutOrStdout()
			fmt.Fprintf(out, "%s: plan %s in force from %s\n", p.Model, p.Digest(), p.From.Format("2006-01-02 15:04"))
			fmt.Fprintf(out, "  reference %d events; a test pane is %s, a pane of outcomes %s\n", p.ReferenceRows, check.Span(p.TestPane), check.Span(p.TruthPane))
			for _, n := range p.Unjudged {
				fmt.Fprintf(out, "  note: %s\n", n)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&files.Predictions, "data", "", "learn the reference from this CSV or JSON Lines file instead of the topics")
	cmd.Flags().DurationVar(&files.Delay, "outcome-delay", 0, "with --data: how long after its prediction an outcome was known, where one row holds both")
	cmd.Flags().StringVar(&files.Outcomes, "outcomes", "", "with --data: the file with the outcomes, if it is another one")
	return cmd
}

// loadSettings reads the service settings from --config and the environment.
func loadSettings(cmd *cobra.Command) (*settings.Settings, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return nil, err
	}
	s, _, err := settings.Load(path, os.LookupEnv, nil)
	return s, badInput(err)
}

func closeParts(p *app.Parts, log *zap.Logger) {
	if err := p.Close(); err != nil {
		log.Warn("close", zap.Error(err))
	}
}
