package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

func newTopicsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "topics",
		Short: "Make and look at the internal topics",
		Args:  usageArgs(cobra.NoArgs),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newTopicsCreateCommand(), newTopicsListCommand())
	return cmd
}

func newTopicsCreateCommand() *cobra.Command {
	var dry, asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make the internal topics that are missing, and compare the others",
		Long: `Makes the topics that the services meet at, with the partitions of kafka.fragments_partitions and kafka.joins_partitions, the
replicas of kafka.replication_factor (-1: the brokers' default), and the retention and compaction that each of them needs. Joins are
kept for the longest keep of the contracts in force and of those in the settings, and 30 days more; at least 60 days. The
services make missing topics themselves; this is for clusters where they may not, and for seeing what is there.

A topic that exists is left as it is and compared: partitions, replicas, cleanup.policy, retention, min.insync.replicas and more.
For each difference it says what would be right and why. Exits with 1 if one of them is wrong: the services would refuse the
topic, or it loses data. Other differences cost time or disk only.`,
		Example: `  plumbline topics create --dry-run
  plumbline topics create --config plumbline.yaml
  plumbline topics create --json | jq '.[] | select(.differs)'`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			visit := bus.CreateTopics
			if dry {
				visit = bus.InspectTopics
			}
			return runTopics(cmd, visit, asJSON, dry, false)
		},
	}
	cmd.Flags().BoolVar(&dry, "dry-run", false, "make nothing; say what would be made")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the topics as JSON")
	return cmd
}

func newTopicsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the internal topics and how they stand",
		Long: `Lists the internal topics with their partitions, replicas and settings, and what differs from what they should be. Exits with 1
if one is missing or wrong.`,
		Example: `  plumbline topics list`,
		Args:    usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runTopics(cmd, bus.InspectTopics, asJSON, false, true)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the topics as JSON")
	return cmd
}

type topicsVisit func(context.Context, *kadm.Client, bus.TopicOptions) ([]bus.TopicState, error)

// topicsWithin bounds all that is asked of the brokers.
const topicsWithin = time.Minute

func runTopics(cmd *cobra.Command, visit topicsVisit, asJSON, dry, mustExist bool) error {
	ctx, stop := context.WithTimeout(cmd.Context(), topicsWithin)
	defer stop()
	s, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	k, err := app.Kafka(s)
	if err != nil {
		return badInput(err)
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), s.Log.Level, s.Log.Format, nil)
	if err != nil {
		return badInput(err)
	}
	o := bus.TopicOptions{Layout: app.Layout(s), Replication: int16(s.Kafka.ReplicationFactor)}
	if o.Keep, err = keepOfFiles(s.Contracts); err != nil {
		return badInput(err)
	}
	cl, err := k.NewClient(log, nil)
	if err != nil {
		return badInput(err)
	}
	defer cl.Close()
	if err := answers(ctx, cl, s.Kafka.Brokers); err != nil {
		return err
	}
	adm := kadm.NewClient(cl)
	topics, err := func() ([]bus.TopicState, error) {
		if o.Keep, err = keepInForce(ctx, adm, k, o.Keep); err != nil {
			return nil, err
		}
		return visit(ctx, adm, o)
	}()
	switch {
	case cmd.Context().Err() != nil:
		return errInterrupted
	case err != nil:
		return dependencyAway(err)
	}
	if asJSON {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetIndent("", "  ")
		err = enc.Encode(topics)
	} else {
		err = writeTopics(cmd.OutOrStdout(), topics, dry)
	}
	if err != nil {
		return fmt.Errorf("write the topics: %w", err)
	}
	for i := range topics {
		if topics[i].Wrong() || mustExist && !topics[i].Exists {
			return errSilent
		}
	}
	return nil
}

// keepOfFiles is the longest keep of the contracts in files and folders.
func keepOfFiles(paths []string) (time.Duration, error) {
	longest := time.Duration(0)
	for _, path := range paths {
		files, err := app.Contracts(path)
		if err != nil {
			return 0, err
		}
		for _, f := range files {
			c, err := contract.Load(f)
			if err != nil {
				return 0, err
			}
			if c.Streams.Outcome != nil {
				longest = max(longest, c.Streams.Outcome.Keep.Std())
			}
		}
	}
	return longest, nil
}

// keepInForce is the longest keep of the plans in force, or longest if that is longer.
func keepInForce(ctx context.Context, adm *kadm.Client, k bus.Settings, longest time.Duration) (time.Duration, error) {
	listed, err := adm.ListTopics(ctx, bus.TopicPlans)
	if err != nil {
		return 0, fmt.Errorf("look for topic %s: %w", bus.TopicPlans, err)
	}
	if !listed.Has(bus.TopicPlans) {
		return longest, nil
	}
	plans, err := bus.ReadPlans(ctx, k, zap.NewNop())
	if err != nil {
		return 0, fmt.Errorf("read the plans in force: %w", err)
	}
	for _, p := range plans {
		if last := p.Last(); last != nil {
			longest = max(longest, last.Keep)
		}
	}
	return longest, nil
}

func writeTopics(out io.Writer, topics []bus.TopicState, dry bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	wrong, differ := 0, 0
	for i := range topics {
		t := &topics[i]
		stands := "exists"
		switch {
		case t.Wrong():
			stands = "WRONG"
			wrong++
		case len(t.Differs) > 0:
			stands = "differs"
			differ++
		case t.Made:
			stands = "made"
		case !t.Exists && dry:
			stands = "would be made"
		case !t.Exists:
			stands = "missing"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", t.Name, stands, counted(t.Partitions, "partition"), replicas(t.Replication), kept(t.Config))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for i := range topics {
		for _, d := range topics[i].Differs {
			_, err := fmt.Fprintf(out, "\n%s: %s is %s, right would be %s:\n  %s\n", topics[i].Name, d.Setting, d.Has, d.Right, d.Why)
			if err != nil {
				return err
			}
		}
	}
	if wrong+differ == 0 {
		return nil
	}
	_, err := fmt.Fprintf(out, "\n%s wrong, %d more differ\n", counted(wrong, "topic"), differ)
	return err
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return strconv.Itoa(n) + " " + what + "s"
}

func replicas(n int) string {
	if n < 0 {
		return "replicas as the broker has it"
	}
	if n == 1 {
		return "1 replica"
	}
	return strconv.Itoa(n) + " replicas"
}

// kept says in words what a topic keeps.
func kept(config map[string]string) string {
	if config["cleanup.policy"] == "compact" {
		return "compacted"
	}
	ms, err := strconv.ParseInt(config["retention.ms"], 10, 64)
	if err != nil || ms < 0 {
		return "kept for ever"
	}
	return config["cleanup.policy"] + " after " + contract.Span(time.Duration(ms)*time.Millisecond)
}
