package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// serviceNames are the processes of an installation; the joiner runs in the detector's.
var serviceNames = []string{"ingestor", "detector", "alerter"}

// installation is Plumbline on the ground: internal topics, a ledger, and the services as processes with default settings.
type installation struct {
	*ground
	folder   string // logs and ledger
	env      []string
	services []*service
}

// service is one running process.
type service struct {
	name string
	cmd  *exec.Cmd
	log  string
	at   string        // address of its metrics, once known
	done chan struct{} // closed when it has ended
}

// bare is an installation without a contract: nothing runs and no topic is made.
func (g *ground) bare(name string) (*installation, error) {
	i := &installation{ground: g, folder: filepath.Join(g.folder, name)}
	if err := os.RemoveAll(i.folder); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(i.folder, 0o750); err != nil {
		return nil, err
	}
	i.env = append(os.Environ(),
		"PLUMBLINE_KAFKA_BROKERS="+g.broker, "PLUMBLINE_REGISTRY_URL="+g.url, "PLUMBLINE_REDIS_ADDRESS="+g.redis,
		"PLUMBLINE_LEDGER_URL="+i.ledger(), "PLUMBLINE_HTTP_LISTEN=127.0.0.1:0", "PLUMBLINE_GROUP_INSTANCE=0", "PLUMBLINE_HTTP_PPROF=true",
	)
	return i, nil
}

// install makes the internal topics and puts the contract in force; the services don't run yet.
func (g *ground) install(ctx context.Context, name, contract string) (*installation, error) {
	i, err := g.bare(name)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(i.folder, "contract.yaml")
	if err := os.WriteFile(file, []byte(contract), 0o600); err != nil {
		return nil, err
	}
	if _, err := i.plumbline(ctx, "topics", "create"); err != nil {
		return nil, err
	}
	said, err := i.plumbline(ctx, "apply", file)
	if err != nil {
		return nil, err
	}
	say("%s", strings.Join(strings.Fields(said), " "))
	return i, nil
}

func (i *installation) ledger() string { return "sqlite://" + filepath.Join(i.folder, "ledger.db") }

// plumbline runs a command to its end and returns what it prints.
func (i *installation) plumbline(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, filepath.Join(i.binaries, "plumbline"), args...) //nolint:gosec // built by us
	cmd.Env = i.env
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("plumbline %s: %w\n%s", strings.Join(args, " "), err, said.String())
	}
	return string(out), nil
}

// start starts the services; it doesn't wait until they are ready.
func (i *installation) start() error {
	for _, name := range serviceNames {
		if err := i.launch(name, name); err != nil {
			return err
		}
	}
	return nil
}

// launch starts one binary under a name of its own, with more settings.
func (i *installation) launch(binary, name string, more ...string) error {
	s := &service{name: name, log: filepath.Join(i.folder, name+".log"), done: make(chan struct{})}
	out, err := os.Create(s.log)
	if err != nil {
		return err
	}
	s.cmd = exec.CommandContext(context.Background(), filepath.Join(i.binaries, binary)) //nolint:gosec // built by us
	s.cmd.Env, s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = append(slices.Clone(i.env), more...), i.folder, out, out
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is for us to pass on
	if err := errors.Join(s.cmd.Start(), out.Close()); err != nil {
		return fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		_ = s.cmd.Wait() // the state has the code
		close(s.done)
	}()
	i.services = append(i.services, s)
	return nil
}

// stop asks the services to end and kills those that don't.
func (i *installation) stop() error {
	var errs []error
	for _, s := range i.services {
		_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	for _, s := range i.services {
		select {
		case <-s.done:
		case <-time.After(40 * time.Second):
			errs = append(errs, fmt.Errorf("%s did not end within 40 s of SIGTERM", s.name), s.cmd.Process.Kill())
			<-s.done
		}
	}
	i.services = nil
	return errors.Join(errs...)
}

// alive is an error if a service has ended by itself.
func (i *installation) alive() error {
	for _, s := range i.services {
		select {
		case <-s.done:
			return fmt.Errorf("%s ended by itself with %d; its log is %s", s.name, s.cmd.ProcessState.ExitCode(), s.log)
		default:
		}
	}
	return nil
}

// until is eventually, but a service that ends ends it too.
func (i *installation) until(ctx context.Context, within time.Duration, what string, ask func() (bool, error)) error {
	var dead error
	err := eventually(ctx, within, what, func() (bool, error) {
		if dead = i.alive(); dead != nil {
			return true, nil //nolint:nilerr // told below
		}
		return ask()
	})
	return errors.Join(dead, err)
}

// stage is one step of the flow, with the group that reads its topics.
type stage struct {
	name, group string
	topics      []string
}

// stages are in the order of the flow: one that has caught up gets nothing more once those before it have.
var stages = []stage{
	{"ingestor", "plumbline-ingest", []string{flowPredictions, flowOutcomes}},
	{"joiner", "plumbline-join", []string{bus.TopicJoins}},
	{"detector", "plumbline-detect", []string{bus.TopicFragments}},
}

// drained waits until everything on the source topics has come out at the other end, and returns when each stage had caught up.
// It asks twice: a stage may seem to have caught up while the end of the transaction before it is on its way to its input.
func (i *installation) drained(ctx context.Context, within time.Duration) (map[string]time.Time, error) {
	at := map[string]time.Time{}
	for again := range 2 {
		if again == 1 {
			pause(ctx, 500*time.Millisecond)
		}
		wait := func(name string, ask func() (bool, error)) error {
			asked := 0
			err := i.until(ctx, within, name+" has caught up", func() (bool, error) { asked++; return ask() })
			if again == 0 || asked > 1 {
				at[name] = time.Now()
			}
			return err
		}
		for _, s := range stages {
			if err := wait(s.name, func() (bool, error) { return bus.CaughtUp(ctx, i.adm, s.group, s.topics...) }); err != nil {
				return nil, err
			}
		}
		if err := wait("alerter", func() (bool, error) { return i.alerted(ctx) }); err != nil {
			return nil, err
		}
	}
	return at, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// alerted reports whether the ledger has every finding.
func (i *installation) alerted(ctx context.Context) (bool, error) {
	ends, err := i.adm.ListEndOffsets(ctx, bus.TopicFindings)
	if err != nil {
		return false, err
	}
	l, err := ledger.Open(ctx, i.ledger())
	if err != nil {
		return false, err
	}
	known, err := l.Offsets(ctx)
	if err = errors.Join(err, l.Close()); err != nil {
		return false, err
	}
	at := map[int32]int64{}
	for _, o := range known {
		at[o.Partition] = o.Next
	}
	for p, end := range ends[bus.TopicFindings] {
		if at[p] < end.Offset {
			return false, nil
		}
	}
	return true, nil
}

// get asks a service over HTTP; any answer but 200 is an error.
func (s *service) get(ctx context.Context, path string) (string, error) {
	if s.at == "" {
		if s.at = s.address(); s.at == "" {
			return "", fmt.Errorf("%s doesn't listen: %w", s.name, errNotYet)
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.at+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(resp.Body)
	if err = errors.Join(err, resp.Body.Close()); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %d on %s: %s", s.name, resp.StatusCode, path, strings.Join(strings.Fields(string(b)), " "))
	}
	return string(b), nil
}

// address is where the service says in its log that it listens.
func (s *service) address() string {
	f, err := os.Open(s.log)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }() // only read
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var said struct{ Message, Address string }
		if json.Unmarshal(lines.Bytes(), &said) == nil && said.Message == "serving" {
			return said.Address
		}
	}
	return ""
}

// resident is how much memory the process has now, and the most it ever had, in bytes.
func (s *service) resident() (now, peak int64, err error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0, 0, err
	}
	of := func(key string) int64 {
		_, rest, _ := strings.Cut(string(b), key+":")
		fields := strings.Fields(rest)
		if len(fields) == 0 {
			err = fmt.Errorf("no %s in the status of %s", key, s.name)
			return 0
		}
		n, failed := strconv.ParseInt(fields[0], 10, 64)
		err = errors.Join(err, failed)
		return n << 10
	}
	return of("VmRSS"), of("VmHWM"), err
}

// live is the live heap as of the last garbage collection, in bytes. With GOGC at 100, as it is, the heap may grow to twice of
// that before the next one; the metric of that goal is what the runtime's registry has.
func (s *service) live(ctx context.Context) (int64, error) {
	text, err := s.get(ctx, "/metrics")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "go_memstats_next_gc_bytes "); ok {
			goal, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return int64(goal / 2), err
		}
	}
	return 0, fmt.Errorf("%s has no metric of its heap", s.name)
}
