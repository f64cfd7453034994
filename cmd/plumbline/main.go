// Command plumbline is the tool people type: it tries Plumbline out, checks contracts and files, publishes plans and runs the
// services.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:])) }

// run executes one command line and returns the exit code.
func run(args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil && !errors.Is(err, errSilent) {
		fmt.Fprintln(os.Stderr, "plumbline:", err)
	}
	return exitCode(err)
}

// version is what the build knows of itself.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "unknown"
	}
	return info.Main.Version
}

// errSilent ends a command whose output has already said that the answer is "no".
var errSilent = answerNo("")

// errInterrupted ends a command that was told to stop before it had its answer.
var errInterrupted = &exitError{code: exitInterrupted, err: errors.New("interrupted")}

// usageArgs makes wrong arguments a usage error that names the command's help.
func usageArgs(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return badInput(fmt.Errorf("%w; see %s --help", err, cmd.CommandPath()))
		}
		return nil
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "plumbline",
		Short: "Watches the quality of models in production, on Kafka",
		Long: `Plumbline tells the people who run a model in production whether its inputs, its outputs and its truth still agree with what
was promised: what broke, since when, for whom, what it costs, and who acts.

Try it:         plumbline demo
Your own file:  plumbline check contract.yaml events.csv
Your own topic: plumbline apply contract.yaml && plumbline standalone
A file to it:   plumbline produce contract.yaml events.csv

Exit codes: 0 fine, 1 the answer is "no" (findings, lint errors), 2 bad input or usage, 3 a dependency is away.`,
		Version:       version(),
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          usageArgs(cobra.NoArgs),
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().String("config", "", "service settings (YAML); every key is also PLUMBLINE_... in the environment")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return badInput(fmt.Errorf("%w; see %s --help", err, c.CommandPath()))
	})
	root.AddCommand(newDemoCommand(), newCheckCommand(), newContractCommand(), newBaselineCommand(), newConfigCommand(), newApplyCommand(), newStandaloneCommand(),
		newProduceCommand(), newTopicsCommand(), newReadyCommand(), newPanesCommand(), newInspectCommand(), newBackfillCommand(), newBudgetCommand(),
		newIncidentsCommand(), newExplainCommand(), newOutboxCommand(), newAuditCommand())
	return root
}
