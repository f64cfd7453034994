package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// config is the same for every seed.
type config struct {
	plan
	events, rate int
	patience     time.Duration
	limit        time.Duration
	binaries     string
	python       string
	say          func(format string, args ...any)
}

func main() { os.Exit(run()) }

func run() int {
	c := config{}
	seed := flag.Uint64("seed", 1, "first seed")
	seeds := flag.Int("seeds", 1, "how many seeds to run, one after the other")
	port := flag.Int("port", 21092, "first port of the brokers; Redis listens on port+500, the registry on port+600")
	out := flag.String("out", filepath.Join(os.TempDir(), "plumbline-chaos"), "folder for logs and exports; a run that passed leaves nothing")
	keep := flag.Bool("keep", false, "keep the logs of runs that passed, too")
	flag.IntVar(&c.kills, "kills", 50, "kill -9 of ingestors and detectors")
	flag.IntVar(&c.freezes, "freezes", 4, "processes stopped for longer than their session, and thawed")
	flag.IntVar(&c.brokerKills, "broker-kills", 5, "kill -9 of brokers, one at a time")
	flag.IntVar(&c.flushes, "flushes", 3, "FLUSHALL of Redis")
	flag.IntVar(&c.rebalances, "rebalances", 3, "replicas that join and leave in order")
	flag.IntVar(&c.events, "events", 60_000, "least events sent while the storm lasts")
	flag.IntVar(&c.rate, "rate", 900, "events per second")
	flag.DurationVar(&c.patience, "patience", 4*time.Minute, "how long draining may take")
	flag.DurationVar(&c.limit, "limit", 15*time.Minute, "how long one seed may take")
	flag.Parse()
	if flag.NArg() > 0 {
		fmt.Fprintf(os.Stderr, "chaos: unknown argument %q\n", flag.Arg(0))
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	passed, err := c.all(ctx, *seed, *seeds, *port, *out, *keep)
	switch {
	case ctx.Err() != nil:
		return 130
	case err != nil:
		fmt.Fprintln(os.Stderr, "chaos:", err)
		return 3
	case !passed:
		return 1
	}
	return 0
}

// all runs the seeds on one set of brokers and prints a line for each.
func (c *config) all(ctx context.Context, first uint64, seeds, port int, out string, keep bool) (passed bool, err error) {
	repo, err := os.Getwd()
	if err != nil {
		return false, err
	}
	if out, err = filepath.Abs(out); err != nil {
		return false, err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return false, err
	}
	c.say = func(format string, args ...any) {
		fmt.Fprintf(os.Stderr, "%s "+format+"\n", append([]any{time.Now().Format("15:04:05")}, args...)...)
	}
	c.say("building")
	c.binaries = filepath.Join(out, "bin")
	build := exec.CommandContext(ctx, "go", "build", "-o", c.binaries+string(filepath.Separator), "./cmd/...")
	if said, err := build.CombinedOutput(); err != nil {
		return false, fmt.Errorf("build (run me from the repository's root): %w\n%s", err, said)
	}
	if c.python, err = venv(ctx); err != nil {
		return false, err
	}
	c.say("starting brokers, registry, Redis")
	st, err := startStack(ctx, repo, out, port)
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, st.stop()) }()
	fmt.Fprintln(os.Stdout, "| seed | kill -9 | frozen | broker kills | flushes | rebalances | own exits | retries | events | panes | cells | numbers | differences | run | drain |")
	fmt.Fprintln(os.Stdout, "|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|")
	passed = true
	for n := range uint64(seeds) {
		seed := first + n
		t := &trial{config: *c, seed: seed, stack: st, dir: filepath.Join(out, fmt.Sprint("seed-", seed))}
		if err := os.RemoveAll(t.dir); err != nil {
			return false, err
		}
		if err := os.MkdirAll(t.dir, 0o755); err != nil {
			return false, err
		}
		limit, cancel := context.WithTimeout(ctx, c.limit)
		res, err := t.run(limit)
		cancel()
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		if err != nil {
			return false, fmt.Errorf("seed %d: %w\nlogs are in %s", seed, err, t.dir)
		}
		res.print()
		if res.verdict.Differences > 0 {
			passed = false
			c.say("seed %d failed; logs and exports are in %s", seed, t.dir)
		} else if !keep {
			if err := os.RemoveAll(t.dir); err != nil {
				return false, err
			}
		}
	}
	return passed, nil
}

func (r *result) print() {
	d, v := r.done, r.verdict
	fmt.Fprintf(os.Stdout, "| %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %.0f s | %.1f s |\n",
		r.seed, d.kills, d.freezes, d.brokerKills, d.flushes, d.rebalances, len(r.exits), r.restart, v.Events, v.Panes, v.Cells, v.Numbers,
		v.Differences, r.total.Seconds(), r.drain.Seconds())
	times := map[string]int{}
	for _, e := range r.exits {
		if times[e]++; times[e] == 1 {
			fmt.Fprintln(os.Stderr, "  ", e)
		}
	}
	for _, d := range v.Details {
		fmt.Fprintln(os.Stderr, "  ", d)
	}
}

// The independent count stands on these; both come with what they need.
var requirements = []string{"confluent-kafka==2.11.1", "fastavro==1.12.1"}

// venv makes a Python environment once, in the user's cache, and returns its interpreter.
func venv(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "plumbline-parts", "chaos-python")
	python := filepath.Join(dir, "bin", "python")
	done := filepath.Join(dir, "done-2.11.1-1.12.1")
	if _, err := os.Stat(done); err == nil {
		return python, nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	for _, args := range [][]string{
		{"python3", "-m", "venv", dir},
		append([]string{python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"}, requirements...),
	} {
		if said, err := exec.CommandContext(ctx, args[0], args[1:]...).CombinedOutput(); err != nil {
			return "", fmt.Errorf("make a Python environment: %w\n%s", err, said)
		}
	}
	return python, os.WriteFile(done, nil, 0o644)
}
