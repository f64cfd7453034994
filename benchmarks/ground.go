package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

// ground is what the services stand on: Kafka, a registry and Redis of its own, started by the scripts of tools/parts, and the
// binaries of the services.
type ground struct {
	port     int    // of Kafka; Redis listens on port+500, the registry on port+600
	folder   string // data, logs and binaries
	binaries string // folder of the services' binaries; "": built from this tree

	env    []string // of the scripts
	parts  []string // that were started, by the names of their scripts
	broker string
	url    string // of the registry
	redis  string
	cl     *kgo.Client
	adm    *kadm.Client
	cache  *redis.Client
}

// groundFlags makes the flags that all verbs on real parts have, and the ground they describe.
func groundFlags(verb string) (*ground, *flag.FlagSet) {
	g := &ground{}
	f := flag.NewFlagSet(verb, flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage, "\nflags of ", verb, ":\n")
		f.PrintDefaults()
	}
	g.flags(f, 31092)
	return g, f
}

func (g *ground) flags(f *flag.FlagSet, port int) {
	f.IntVar(&g.port, "port", port, "port of Kafka; Redis listens on port+500, the registry on port+600 (and 900 above)")
	f.StringVar(&g.folder, "out", filepath.Join(os.TempDir(), "plumbline-benchmarks"), "folder for logs, data and binaries")
	f.StringVar(&g.binaries, "binaries", "", "folder with ingestor, detector, alerter and plumbline; empty: built from this tree")
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
}

// open builds the services and starts the parts, empty.
func (g *ground) open(ctx context.Context) (err error) {
	if err := g.prepare(); err != nil {
		return err
	}
	if g.binaries == "" {
		say("building the services")
		g.binaries = filepath.Join(g.folder, "bin")
		build := exec.CommandContext(ctx, "go", "build", "-o", g.binaries+string(filepath.Separator), "./cmd/...") //nolint:gosec // our own folder
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build (from the root of the repository): %w\n%s", err, said)
		}
	}
	if err := g.start(ctx, "kafka", "registry", "redis"); err != nil {
		return err
	}
	if g.url, err = g.script(ctx, "registry", "url"); err != nil {
		return errors.Join(err, g.close())
	}
	return nil
}

// prepare makes the folder and sets what the scripts go by.
func (g *ground) prepare() (err error) {
	if g.folder, err = filepath.Abs(g.folder); err != nil {
		return err
	}
	g.redis = fmt.Sprintf("127.0.0.1:%d", g.port+500)
	g.env = append(os.Environ(),
		"PARTS_RUN="+filepath.Join(g.folder, "parts"), "PARTS_BROKERS=1", "PARTS_KAFKA_HEAP=1g", "PARTS_KAFKA_TIER=4", "PARTS_REDIS_MEMORY=8gb",
		fmt.Sprint("PARTS_KAFKA_PORT=", g.port), fmt.Sprint("PARTS_REDIS_PORT=", g.port+500), fmt.Sprint("PARTS_REGISTRY_PORT=", g.port+600),
	)
	return os.MkdirAll(g.folder, 0o750)
}

// openParts starts some of the parts only, without services.
func (g *ground) openParts(ctx context.Context, parts ...string) error {
	if err := g.prepare(); err != nil {
		return err
	}
	return g.start(ctx, parts...)
}

// start starts some of the parts, empty, and connects to them.
func (g *ground) start(ctx context.Context, parts ...string) (err error) {
	g.parts = parts
	say("starting %s", strings.Join(parts, ", "))
	for _, verb := range []string{"reset", "start"} {
		for _, script := range parts {
			if _, err := g.script(ctx, script, verb); err != nil {
				return errors.Join(err, g.close())
			}
		}
	}
	if slices.Contains(parts, "redis") {
		g.cache = redis.NewClient(&redis.Options{Addr: g.redis})
	}
	if !slices.Contains(parts, "kafka") {
		return nil
	}
	if g.broker, err = g.script(ctx, "kafka", "bootstrap"); err != nil {
		return errors.Join(err, g.close())
	}
	g.cl, err = kgo.NewClient(kgo.SeedBrokers(g.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(50_000),
		kgo.ProducerLinger(5*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		return errors.Join(err, g.close())
	}
	g.adm = kadm.NewClient(g.cl)
	return nil
}

// close stops the parts and removes their data. Logs stay.
func (g *ground) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var errs []error
	if g.cl != nil {
		g.cl.Close()
	}
	if g.cache != nil {
		errs = append(errs, g.cache.Close())
	}
	for _, script := range slices.Backward(g.parts) {
		_, err := g.script(ctx, script, "reset")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// script runs one of the scripts of tools/parts and returns what it says on stdout.
func (g *ground) script(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join("tools", "parts", name+".sh"), args...) //nolint:gosec // one of three names
	cmd.Env = g.env
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s.sh %s (from the root of the repository): %w\n%s", name, strings.Join(args, " "), err, said.String())
	}
	return strings.TrimSpace(string(out)), nil
}

// sources makes the source topics, kept for ever, and registers the schemas of their events.
func (g *ground) sources(ctx context.Context, f *flow) error {
	forever := "-1"
	made, err := g.adm.CreateTopics(ctx, flowPartitions, 1, map[string]*string{"retention.ms": &forever}, flowPredictions, flowOutcomes)
	if err = errors.Join(err, made.Error()); err != nil {
		return fmt.Errorf("create the source topics: %w", err)
	}
	registry, err := sr.NewClient(sr.URLs(g.url))
	if err != nil {
		return err
	}
	for topic, text := range flowSchemas {
		id, err := registry.RegisterSchema(ctx, topic+"-value", sr.Schema{Schema: text, Type: sr.TypeAvro}, -1, -1)
		if err != nil {
			return fmt.Errorf("register the schema of %s: %w", topic, err)
		}
		f.schemas[topic] = id
	}
	return nil
}

// wipe deletes what an installation left behind: its topics, its groups, and what Redis holds. The source topics stay.
func (g *ground) wipe(ctx context.Context) error {
	if err := g.cache.FlushAllAsync(ctx).Err(); err != nil { // ten million keys take longer than a client waits
		return fmt.Errorf("flush redis: %w", err)
	}
	err := eventually(ctx, time.Minute, "the groups are gone", func() (bool, error) {
		groups, err := g.adm.ListGroups(ctx)
		if err != nil || len(groups) == 0 {
			return err == nil, err
		}
		_, err = g.adm.DeleteGroups(ctx, groups.Groups()...)
		return false, err
	})
	if err != nil {
		return err
	}
	return eventually(ctx, time.Minute, "the internal topics are gone", func() (bool, error) {
		topics, err := g.adm.ListTopics(ctx)
		if err != nil {
			return false, err
		}
		ours := slices.DeleteFunc(topics.Names(), func(name string) bool { return !strings.HasPrefix(name, "plumbline.") })
		if len(ours) == 0 {
			return true, nil
		}
		_, err = g.adm.DeleteTopics(ctx, ours...)
		return false, err
	})
}

// held is how much memory Redis uses, in bytes.
func (g *ground) held(ctx context.Context) (n int64, err error) {
	info, err := g.cache.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("ask redis: %w", err)
	}
	if _, err := fmt.Sscan(info["Memory"]["used_memory"], &n); err != nil {
		return 0, fmt.Errorf("read the memory of redis: %w", err)
	}
	return n, nil
}

// eventually asks again and again until the answer is yes.
func eventually(ctx context.Context, within time.Duration, what string, ask func() (bool, error)) error {
	deadline := time.Now().Add(within)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, err := ask()
		if ok {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("waited %s until %s: %w", within, what, errors.Join(errNotYet, err))
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

var errNotYet = errors.New("not yet")

// partitions is how many partitions a topic has.
func (g *ground) partitions(ctx context.Context, topic string) (int, error) {
	ends, err := g.adm.ListEndOffsets(ctx, topic)
	if err = errors.Join(err, ends.Error()); err != nil {
		return 0, fmt.Errorf("count the partitions of %s: %w", topic, err)
	}
	return len(ends[topic]), nil
}

// visit reads partitions of a topic from their start, committed records only, until seen returns false or ctx ends.
func (g *ground) visit(ctx context.Context, topic string, partitions []int32, seen func(*kgo.Record) (more bool, err error)) error {
	from := map[int32]kgo.Offset{}
	for _, p := range partitions {
		from[p] = kgo.NewOffset().AtStart()
	}
	cl, err := bus.Settings{Brokers: []string{g.broker}}.NewClient(nil, nil,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		return err
	}
	defer cl.Close()
	for {
		fetches := cl.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", topic, err)
		}
		for it := fetches.RecordIter(); !it.Done(); {
			if more, err := seen(it.Next()); err != nil || !more {
				return err
			}
		}
	}
}
