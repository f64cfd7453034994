package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/sr"

	"github.com/plumbline-ml/plumbline/internal/bus"
)

//go:embed contracts/*.yaml
var contracts embed.FS

//go:embed count.py
var countScript []byte

// models are the contracts in the order they are applied; two of them share topics.
var models = []string{"loan", "loan-north", "churn"}

// verdict is what count.py says.
type verdict struct {
	Events      int64    `json:"events"`      // committed on the source topics
	Panes       int64    `json:"panes"`       // test panes and cohorts
	Cells       int64    `json:"cells"`       // of them, by version and slice
	Numbers     int64    `json:"numbers"`     // integers and sums compared
	Differences int64    `json:"differences"` // of any kind
	Details     []string `json:"details"`
}

// result is one line of the table.
type result struct {
	seed    uint64
	done    plan
	exits   []string
	restart int
	source  *source
	verdict verdict
	total   time.Duration
	drain   time.Duration
}

// trial is one run of one seed.
type trial struct {
	config
	seed  uint64
	stack *stack
	dir   string // logs and what was exported
	env   []string
	procs []*process
}

func (t *trial) run(ctx context.Context) (res *result, err error) {
	began := time.Now()
	res = &result{seed: t.seed}
	if err := t.stack.healthy(ctx); err != nil {
		return nil, err
	}
	if err := t.stack.clear(ctx); err != nil {
		return nil, err
	}
	src, err := t.prepare(ctx)
	if err != nil {
		return nil, err
	}
	defer src.close()
	res.source = src
	defer func() { t.stop() }()
	for _, role := range []string{"ingestor", "ingestor", "detector", "detector", "alerter"} {
		n := 0
		for _, p := range t.procs {
			if strings.HasPrefix(p.name, role) {
				n++
			}
		}
		p, err := t.service(role, n)
		if err != nil {
			return nil, err
		}
		t.procs = append(t.procs, p)
	}
	t.say("storm")
	st := &storm{
		plan: t.plan, r: rand.New(rand.NewPCG(t.seed, 2)), stack: t.stack, say: t.say, slots: t.procs[:4], extra: t.service,
	}
	over, sent := make(chan struct{}), make(chan error, 1)
	sending, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() { sent <- src.run(sending, t.rate, t.events, over) }()
	err = st.run(ctx)
	close(over)
	if err != nil {
		cancel()
		return nil, errors.Join(err, <-sent)
	}
	if err := <-sent; err != nil {
		return nil, err
	}
	if err := src.finish(ctx); err != nil {
		return nil, err
	}
	t.say("%d events sent, draining", src.committed.Load())
	drain := time.Now()
	if err := t.drain(ctx); err != nil {
		return nil, err
	}
	res.drain = time.Since(drain)
	res.done = st.done
	for _, p := range append(append([]*process(nil), t.procs...), st.extras...) {
		res.exits = append(res.exits, p.exits()...)
		res.restart += grep(p.log, `stopped, starting again`)
	}
	t.say("counting")
	if res.verdict, err = t.count(ctx); err != nil {
		return nil, err
	}
	res.total = time.Since(began)
	return res, nil
}

// prepare makes topics and schemas, sends the reference and puts the contracts in force.
func (t *trial) prepare(ctx context.Context) (*source, error) {
	registry, err := sr.NewClient(sr.URLs(t.stack.url))
	if err != nil {
		return nil, err
	}
	ids := map[string]int{}
	for subject, text := range map[string]string{"chaos-prediction": predictionSchema, "chaos-outcome": outcomeSchema} {
		if ids[subject], err = registry.RegisterSchema(ctx, subject, sr.Schema{Schema: text, Type: sr.TypeAvro}, -1, -1); err != nil {
			return nil, fmt.Errorf("register %s: %w", subject, err)
		}
	}
	src, err := newSource(t.stack.brokers, t.seed, ids["chaos-prediction"], ids["chaos-outcome"])
	if err != nil {
		return nil, err
	}
	var topics []string
	for topic := range src.headers {
		topics = append(topics, topic)
	}
	if err := t.stack.create(ctx, topics...); err != nil {
		return nil, err
	}
	if err := src.reference(ctx); err != nil {
		return nil, err
	}
	t.say("%d events of the reference sent", src.committed.Load())
	t.env = []string{
		"PLUMBLINE_KAFKA_BROKERS=" + strings.Join(t.stack.brokers, ","), "PLUMBLINE_REGISTRY_URL=" + t.stack.url,
		"PLUMBLINE_REDIS_ADDRESS=" + t.stack.redis, "PLUMBLINE_LEDGER_URL=sqlite://" + filepath.Join(t.dir, "ledger.db"),
		"PLUMBLINE_HTTP_LISTEN=127.0.0.1:0", "PLUMBLINE_KAFKA_FRAGMENTS_PARTITIONS=4", "PLUMBLINE_KAFKA_JOINS_PARTITIONS=4",
		"PLUMBLINE_KAFKA_REPLICATION_FACTOR=3", "PLUMBLINE_INGEST_EPOCH=1s",
		// A partition is idle by the wall clock; a broker that is away that long would make what follows late, and then the count
		// depends on when.
		"PLUMBLINE_INGEST_IDLE_AFTER=1h",
	}
	for _, model := range models {
		text, err := contracts.ReadFile("contracts/" + model + ".yaml")
		if err != nil {
			return nil, err
		}
		file := filepath.Join(t.dir, model+".yaml")
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return nil, err
		}
		if _, err := t.plumbline(ctx, "apply", file); err != nil {
			return nil, err
		}
	}
	return src, nil
}

// service starts a service in slot n of its role.
func (t *trial) service(role string, n int) (*process, error) {
	name := fmt.Sprintf("%s-%d", role, n)
	return startProcess(name, filepath.Join(t.binaries, role), t.dir, append(append([]string(nil), t.env...), "PLUMBLINE_GROUP_INSTANCE="+name))
}

func (t *trial) plumbline(ctx context.Context, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(t.binaries, "plumbline"), args...)
	cmd.Env = append(os.Environ(), t.env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("plumbline %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return out, nil
}

// drain waits until every group has committed all there is to read, twice in a row, stage by stage.
func (t *trial) drain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.patience)
	defer cancel()
	stages := []struct {
		group  string
		topics []string
	}{
		{"plumbline-ingest", []string{"chaos.loan.predictions", "chaos.loan.outcomes", "chaos.churn.predictions", "chaos.churn.outcomes"}},
		{"plumbline-join", []string{bus.TopicJoins}},
		{"plumbline-detect", []string{bus.TopicFragments}},
	}
	for idle := 0; idle < 2; {
		reached := true
		for _, stage := range stages {
			ok, err := bus.CaughtUp(ctx, t.stack.adm, stage.group, stage.topics...)
			if ctx.Err() != nil {
				return fmt.Errorf("%s has not caught up within %s", stage.group, t.patience)
			}
			if reached = err == nil && ok; !reached {
				break
			}
		}
		idle++
		if !reached {
			idle = 0
		}
		pause(ctx, 300*time.Millisecond)
	}
	return nil
}

// count exports what Plumbline counted and has it compared.
func (t *trial) count(ctx context.Context) (verdict, error) {
	for _, model := range models {
		out, err := t.plumbline(ctx, "panes", model, "--json")
		if err != nil {
			return verdict{}, err
		}
		if err := os.WriteFile(filepath.Join(t.dir, model+".jsonl"), out, 0o644); err != nil {
			return verdict{}, err
		}
	}
	script := filepath.Join(t.dir, "count.py")
	if err := os.WriteFile(script, countScript, 0o644); err != nil {
		return verdict{}, err
	}
	cmd := exec.CommandContext(ctx, t.python, script, "--brokers", strings.Join(t.stack.brokers, ","), "--registry", t.stack.url, "--panes", t.dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return verdict{}, fmt.Errorf("count.py: %w", err)
	}
	var v verdict
	if err := json.Unmarshal(out, &v); err != nil {
		return verdict{}, fmt.Errorf("count.py said %q: %w", out, err)
	}
	return v, nil
}

// stop ends every service in order.
func (t *trial) stop() {
	done := make(chan struct{}, len(t.procs))
	for _, p := range t.procs {
		go func() {
			if err := p.leave(45 * time.Second); err != nil {
				t.say("%v", err)
			}
			done <- struct{}{}
		}()
	}
	for range t.procs {
		<-done
	}
}

// grep counts the lines of a file that hold a text.
func grep(file, text string) int {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	return strings.Count(string(b), text)
}
