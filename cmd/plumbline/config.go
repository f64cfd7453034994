package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/settings"
)

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Look at the service settings",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newConfigShowCommand())
	return cmd
}

func newConfigShowCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Print every setting, its value and where it came from",
		Long: `Reads the settings as the services do, a flag before the environment before the file before the default, and prints each with
its source: default, FILE:LINE, env NAME or flag. Secrets are printed as <redacted>. Exits with 2 if the settings are not valid.`,
		Example: `  plumbline config show --config plumbline.yaml
  PLUMBLINE_LOG_LEVEL=debug plumbline config show --format json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if format != "text" && format != "json" {
				return badInput(fmt.Errorf("--format %q: must be text or json", format))
			}
			file := ""
			if f := cmd.Flags().Lookup("config"); f != nil {
				file = f.Value.String()
			}
			s, sources, err := settings.Load(file, os.LookupEnv, nil)
			if err != nil {
				return badInput(err)
			}
			return s.Show(cmd.OutOrStdout(), sources, format)
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}
