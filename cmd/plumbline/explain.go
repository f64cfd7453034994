package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

func newExplainCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "explain INCIDENT",
		Short: "Tell an incident in plain words: what, since when, for whom, what it costs, what is done, what comes next",
		Long: `Tells an incident to somebody who runs no models. INCIDENT is an id or the beginning of one; it is asked of the API of a running
service (api.url).`,
		Args: usageArgs(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newAPIClient(cmd)
			if err != nil {
				return err
			}
			inc, err := c.find(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprint(cmd.OutOrStdout(), incident.Explain(inc, time.Now()))
			return nil
		},
	}
}
