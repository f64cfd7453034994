package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const usage = `usage: go run ./benchmarks VERB [flags]

  decode    the decoder against a hand-written walk, twmb/avro and goavro; writes benchmarks/results.json
  sketch    the t-digest and the distinct count against other libraries, speed and rank error; writes benchmarks/results.json
  ingest    the ingestor: CPU against poll + decode + count, bytes of fragments, two against one, memory
  set       the full set of counts against the hand-written walk, and the pipeline one would write first against the set
  sizing    bytes per model, input, slice and pane, in memory and on topics; whether they are flat in events; writes benchmarks/results.json
  poll      the whole ingestor against a bare poll loop on the same topic, with zstd and uncompressed; with --kafka on a Kafka of its own
  balance   how evenly models spread over detectors, and what more partitions cost; with --processes N as N detectors judge them
  latency   from the end of a pane to its finding on the topic: whole services on real Kafka
  replay    events replayed from zero: time, memory, and whether the findings are the same as live
  steady    memory of the services under a steady rate
  coverage  how often the intervals of every metric hold the truth; needs no broker
  diagnose  real streams broken in known ways: what is found, and what it is called; needs no broker
  simulate  false alarms and delays of the sequential engine, and of other tools' rules on the same traffic; needs no broker

Without --bootstrap a broker runs in the process that measures nothing. With it, the internal topics and bench.* on that
cluster are DELETED and made anew: use one that holds nothing else. Exit code 1: a limit was missed.
`

// errMissed says that a limit was missed; what it was is printed already.
var errMissed = errors.New("a limit was missed")

func main() { os.Exit(code()) }

func code() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errMissed):
		return 1
	case ctx.Err() != nil:
		return 130
	default:
		fmt.Fprintln(os.Stderr, "benchmarks:", err)
		return 2
	}
}

// verbs have flags of their own: whole services, as processes of their own, on real Kafka, registry and Redis; and the simulations.
var verbs = map[string]func(context.Context, []string) error{"latency": latency, "replay": replay, "steady": steady, "simulate": simulate, "sizing": measureSizing, "coverage": measureCoverage, "diagnose": measureDiagnose}

// options are the flags.
type options struct {
	bootstrap string
	codec     string
	runs      int
	events    int64
	epochs    sizes
	only      string
	memory    time.Duration
	rate      float64
	profile   string
	workers   int
	processes int
	ground    *ground
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		fmt.Fprint(os.Stderr, usage)
		return errors.New("no verb")
	}
	if args[0] == "child" && len(args) == 2 {
		return child(args[1])
	}
	switch args[0] {
	case "decode":
		return measureDecode(args[1:])
	case "sketch":
		return measureSketch(args[1:])
	case "set":
		return measureSet(args[1:])
	}
	if verb := verbs[args[0]]; verb != nil {
		return verb(ctx, args[1:])
	}
	o := options{epochs: sizes{60_000, 10_000}, ground: &ground{}}
	f := flag.NewFlagSet(args[0], flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage, "\nflags:\n")
		f.PrintDefaults()
	}
	f.StringVar(&o.bootstrap, "bootstrap", "", "host:port,... of a Kafka cluster whose topics may be deleted; empty: the embedded broker")
	f.StringVar(&o.codec, "compression", "none", "of the source topics: none, zstd, lz4, snappy")
	f.IntVar(&o.runs, "runs", 5, "of each measurement; the median is printed")
	f.Int64Var(&o.events, "events", 1_200_000, "predictions per run")
	f.Var(&o.epochs, "epochs", "predictions per epoch, comma separated")
	f.IntVar(&o.workers, "workers", 1, "goroutines of the ingestor that decode and count")
	f.StringVar(&o.only, "only", "", "one part of ingest: cpu, two or memory; empty: all")
	f.DurationVar(&o.memory, "memory", time.Minute, "how long memory is watched")
	f.Float64Var(&o.rate, "rate", 5000, "predictions per second while memory is watched")
	f.StringVar(&o.profile, "profile", "", "file for a CPU profile of one more run of the ingestor")
	kafka := false
	if args[0] == "poll" {
		f.BoolVar(&kafka, "kafka", false, "start a Kafka of its own (tools/parts) and stop it; keeps the ratios in benchmarks/results.json")
		o.ground.flags(f, 31092)
	}
	if args[0] == "balance" {
		f.IntVar(&o.processes, "processes", 0, "run so many detectors as processes on a real Kafka of their own and count what each judges; 0: by arithmetic")
		o.ground.flags(f, 41092)
	}
	if err := f.Parse(args[1:]); err != nil {
		return err
	}
	codec, ok := codecs[o.codec]
	if !ok || o.runs < 1 || o.events < 1 {
		return fmt.Errorf("--compression %s, --runs %d, --events %d: want none, zstd, lz4 or snappy, and at least one", o.codec, o.runs, o.events)
	}
	switch args[0] {
	case "ingest":
		b, err := openBroker(ctx, o.bootstrap, codec)
		if err != nil {
			return err
		}
		return errors.Join(measureIngest(ctx, b, o), b.close())
	case "poll":
		if kafka {
			return pollsOnKafka(ctx, o.ground, o)
		}
		b, err := openBroker(ctx, o.bootstrap, codec)
		if err != nil {
			return err
		}
		return errors.Join(polls(ctx, b, o), b.close())
	case "balance":
		if o.processes > 0 {
			return spread(ctx, o.ground, o.processes)
		}
		return balance(ctx, o)
	}
	return fmt.Errorf("no verb %q: want ingest, poll or balance", args[0])
}

// sizes is a list of numbers as a flag.
type sizes []int64

func (s *sizes) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int64(*s)), " ", ","), "[]")
}

// Set implements flag.Value.
func (s *sizes) Set(text string) error {
	*s = nil
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.ParseInt(part, 10, 64)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is no number of events", part)
		}
		*s = append(*s, n)
	}
	return nil
}

// median is the middle one, and all of them in order.
func median(values []float64) (mid float64, sorted []float64) {
	sorted = slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2, sorted
}

// report prints one ratio and whether it is within its limit; a limit of 0 is none.
func report(name string, values []float64, limit float64) (ok bool) {
	mid, sorted := median(values)
	ok = limit == 0 || mid <= limit
	said := ""
	switch {
	case limit > 0 && ok:
		said = fmt.Sprintf("at most %.2f: ok", limit)
	case limit > 0:
		said = fmt.Sprintf("at most %.2f: MISSED", limit)
	}
	list := make([]string, len(sorted))
	for i, v := range sorted {
		list[i] = fmt.Sprintf("%.3f", v)
	}
	fmt.Printf("%-36s %7.3f  %-22s (%s)\n", name, mid, said, strings.Join(list, " "))
	return ok
}
