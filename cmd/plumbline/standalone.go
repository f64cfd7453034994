package main

import (
	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
)

func newStandaloneCommand() *cobra.Command {
	var embeddedRedis bool
	cmd := &cobra.Command{
		Use:   "standalone",
		Short: "Run ingestor, detector, joiner and alerter in one process",
		Long: `Runs all services against the Kafka, registry and Redis of the settings (` + "`plumbline config show`" + ` prints them), with metrics,
health and the API on http.listen. Contracts named in the settings are put in force at the start; others by ` + "`plumbline apply`" + `.

With --embedded-redis the join index and the latest view are kept in this process: they are rebuilt from the topics at every
start.`,
		Example: `  PLUMBLINE_KAFKA_BROKERS=kafka:9092 PLUMBLINE_REGISTRY_URL=http://registry:8081 plumbline standalone --embedded-redis`,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := loadSettings(cmd)
			if err != nil {
				return err
			}
			err = app.Serve(cmd.Context(), s, cmd.ErrOrStderr(), app.Roles{Ingestor: true, Detector: true, Alerter: true, EmbeddedRedis: embeddedRedis})
			return dependencyAway(err)
		},
	}
	cmd.Flags().BoolVar(&embeddedRedis, "embedded-redis", false, "keep the join index and the latest view in this process")
	return cmd
}
