package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/produce"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// answersWithin is how long a broker may take to say that it is there.
const answersWithin = 10 * time.Second

func newProduceCommand() *cobra.Command {
	var o produce.Options
	var contractPath, prediction, outcome string
	var set []string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "produce [CONTRACT FILE [OUTCOMES]]",
		Short: "Publish the rows of files as events on the contract's topics",
		Long: `Reads CSV or JSON Lines (plain or gzipped) and publishes each row as its model would: Avro in the Confluent wire format, the
event's id as key, on the topics of the contract, which are made if they don't exist. FILE holds the predictions; if it also has
the label column, its rows are published as outcomes too, or name a second file for them. Of two streams the event with the
earlier time goes first; rows of one file keep their order, also where they are late, doubled or out of order.
Protected attributes with a topic of their own come from the file that --attributes names, and never go with predictions or outcomes, also
where a given schema has a field for them: that is null then, and if it can't be, nothing is published.

The schema is the one given with --schema or in the contract (streams.prediction.schema.file); else the registry's latest of the
subject (streams.prediction.schema.subject, or the topic's name and "-value"); else one made of the contract and the file's
columns: numbers as nullable doubles, the event's time as timestamp-micros, columns that the contract doesn't name as text. It is
registered if the registry doesn't know it.

Rows that can't be published are counted by reason and told at the end, as ` + "`plumbline check`" + ` does; cells that are no numbers go
out as NaN, which the services count as invalid. Ctrl-C ends in good order: what is on its way is sent, and how far it got is said.

Exits with 2 if no row can be published, with 3 if Kafka or the registry is away or goes away.`,
		Example: `  plumbline produce contract.yaml events.csv.gz
  plumbline produce --contract contract.yaml --data predictions.jsonl --outcomes outcomes.jsonl --speedup 3600
  plumbline produce contract.yaml events.csv --rate 500 --set model_version=gbm-2 --limit 100000`,
		Args: usageArgs(cobra.MaximumNArgs(3)),
		RunE: func(cmd *cobra.Command, args []string) error {
			for _, name := range []*string{&contractPath, &o.Files.Predictions, &o.Files.Outcomes} {
				if *name == "" && len(args) > 0 {
					*name, args = args[0], args[1:]
				}
			}
			if contractPath == "" || o.Files.Predictions == "" || len(args) > 0 {
				return badInput(fmt.Errorf("a contract and a file are needed, and at most one file of outcomes; see %s --help", cmd.CommandPath()))
			}
			if err := positive(cmd, "rate", "speedup", "limit", "partitions"); err != nil {
				return err
			}
			c, err := contract.Load(contractPath)
			if err != nil {
				return badInput(err)
			}
			o.Contract = c
			if o.Constants, err = constants(set); err != nil {
				return badInput(err)
			}
			if o.Schemas, err = schemaFiles(c, filepath.Dir(contractPath), prediction, outcome); err != nil {
				return badInput(err)
			}
			if c.Streams.Outcome == nil && o.Files.Outcomes != "" {
				return badInput(fmt.Errorf("the contract names no outcome stream, so %s can't be published as one", o.Files.Outcomes))
			}
			if err := knowsAttributes(c, o.Files.Attributes); err != nil {
				return err
			}
			if err := o.Files.FindOutcomes(c); err != nil {
				return badInput(err)
			}
			return runProduce(cmd, o, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&contractPath, "contract", "", "the contract, instead of the first argument")
	f.StringVar(&o.Files.Predictions, "data", "", "the file of predictions, instead of the next argument")
	f.StringVar(&o.Files.Outcomes, "outcomes", "", "the file of outcomes, instead of the last argument")
	f.StringVar(&o.Files.Attributes, "attributes", "", "the file of protected attributes, of a contract with streams.attributes")
	f.DurationVar(&o.Files.Delay, "outcome-delay", 0, "how long after its prediction an outcome was known, where one row holds both")
	f.StringVar(&o.Files.Version, "model-version", "", "the model's version, where the file has no column for it")
	f.StringVar(&prediction, "schema", "", "Avro schema (.avsc) of the predictions")
	f.StringVar(&outcome, "outcome-schema", "", "Avro schema (.avsc) of the outcomes")
	f.StringArrayVar(&set, "set", nil, "FIELD=VALUE: a value for a field of the schema that the file has no column for; may be repeated")
	f.Float64Var(&o.Rate, "rate", 0, "at most this many events per second, both streams together")
	f.Float64Var(&o.Speedup, "speedup", 0, "replay at this many times the recorded pace: 60 is a minute per second")
	f.Int64Var(&o.Limit, "limit", 0, "publish only the first so many rows of each file that can be read")
	f.IntVar(&o.Partitions, "partitions", 0, fmt.Sprintf("partitions of topics that don't exist yet (default %d)", produce.DefaultPartitions))
	f.BoolVar(&o.EventTimestamps, "event-timestamps", false, "give records the events' times; a topic with retention.ms then drops old events at once")
	f.BoolVar(&asJSON, "json", false, "print the summary as one JSON object")
	cmd.MarkFlagsMutuallyExclusive("rate", "speedup")
	return cmd
}

// positive refuses flags that were given and are not above zero.
func positive(cmd *cobra.Command, names ...string) error {
	for _, name := range names {
		f := cmd.Flags().Lookup(name)
		if f.Changed && (f.Value.String() == "0" || strings.HasPrefix(f.Value.String(), "-") || strings.HasSuffix(f.Value.String(), "NaN")) {
			return badInput(fmt.Errorf("--%s %s: must be above 0; see %s --help", name, f.Value, cmd.CommandPath()))
		}
	}
	return nil
}

// constants reads FIELD=VALUE.
func constants(set []string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range set {
		field, value, ok := strings.Cut(s, "=")
		if !ok || field == "" {
			return nil, fmt.Errorf("--set %q: must be FIELD=VALUE", s)
		}
		if _, twice := out[field]; twice {
			return nil, fmt.Errorf("--set %q: %s is set twice", s, field)
		}
		out[field] = value
	}
	return out, nil
}

// schemaFiles reads the schemas that the flags name, else those that the contract names, relative to its folder.
func schemaFiles(c *contract.Contract, folder, prediction, outcome string) (map[string]string, error) {
	out := map[string]string{}
	for _, s := range []struct {
		name, path string
		stream     *contract.Stream
	}{{produce.Prediction, prediction, c.Streams.Prediction}, {produce.Outcome, outcome, c.Streams.Outcome}} {
		if s.path == "" && s.stream != nil && s.stream.Schema.File != "" {
			if s.path = s.stream.Schema.File; !filepath.IsAbs(s.path) {
				s.path = filepath.Join(folder, s.path)
			}
		}
		if s.path == "" {
			continue
		}
		b, err := os.ReadFile(s.path)
		if err != nil {
			return nil, fmt.Errorf("read the schema of the %s stream: %w", s.name, err)
		}
		out[s.name] = string(b)
	}
	return out, nil
}

func runProduce(cmd *cobra.Command, o produce.Options, asJSON bool) (err error) {
	ctx := cmd.Context()
	s, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	if len(s.Registry.URLs) == 0 {
		return badInput(errors.New("registry.url is empty: events carry schema ids, so a registry is needed"))
	}
	o.Replication = int16(s.Kafka.ReplicationFactor)
	reg, err := app.Registry(s)
	if err != nil {
		return badInput(err)
	}
	k, err := app.Kafka(s)
	if err != nil {
		return badInput(err)
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), s.Log.Level, s.Log.Format, nil)
	if err != nil {
		return badInput(err)
	}
	show, done := rateLine(cmd.ErrOrStderr())
	o.Progress = show
	r, err := produce.Open(ctx, o, reg)
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case errors.Is(err, bus.ErrRegistryAway):
		return dependencyAway(err)
	case err != nil:
		return badInput(err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	cl, err := produce.NewClient(k, log)
	if err != nil {
		return badInput(err)
	}
	defer cl.Close()
	if err := answers(ctx, cl, s.Kafka.Brokers); err != nil {
		return err
	}
	sum, err := r.Run(ctx, cl)
	done()
	if len(sum.Streams) > 0 {
		if werr := writeSummary(cmd.OutOrStdout(), sum, asJSON); werr != nil {
			return errors.Join(err, werr)
		}
	}
	switch {
	case ctx.Err() != nil:
		return errInterrupted
	case errors.Is(err, produce.ErrInput):
		return badInput(err)
	default:
		return dependencyAway(err)
	}
}

func writeSummary(w io.Writer, s *produce.Summary, asJSON bool) error {
	if !asJSON {
		_, err := io.WriteString(w, s.Text())
		return err
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(s)
}

// answers asks a broker whether it is there, before anything waits for one that isn't.
func answers(ctx context.Context, cl *kgo.Client, brokers []string) error {
	asking, stop := context.WithTimeout(ctx, answersWithin)
	defer stop()
	err := cl.Ping(asking)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return errInterrupted
	default:
		return dependencyAway(fmt.Errorf("no broker answers at %s (kafka.brokers): %w", strings.Join(brokers, ", "), err))
	}
}

// rateLine shows how far a run is on one line that is rewritten, if w is a terminal; else it says nothing.
func rateLine(w io.Writer) (show func(produce.Progress), done func()) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return nil, func() {}
	}
	return func(p produce.Progress) {
			fmt.Fprintf(w, "\r\x1b[K%d events, %.0f/s, event time %s", p.Events, float64(p.Events)/p.Elapsed.Seconds(), p.Time.Format("2006-01-02 15:04:05"))
		}, func() {
			fmt.Fprint(w, "\r\x1b[K")
		}
}
