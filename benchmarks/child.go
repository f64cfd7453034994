package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/ingest"
)

// job is what a child is asked to do.
type job struct {
	Verb       string        `json:"verb"` // "bare", "poll", "whole" or "fleet"
	Brokers    []string      `json:"brokers"`
	Group      string        `json:"group"`
	Instance   string        `json:"instance"`
	EpochBytes int           `json:"epoch_bytes"`
	EpochMax   time.Duration `json:"epoch_max"`         // 0: 10 s
	Workers    int           `json:"workers"`           // of "whole"; 0: one
	Held       bool          `json:"held"`              // of "bare" and "poll": begin at SIGUSR1
	Profile    string        `json:"profile,omitempty"` // file for a CPU profile
	Fleet      fleetJob      `json:"fleet"`

	begin func() // of a child: waits for the start, if it is held
}

// used is what a child used from the moment it was told to measure (or began) to its end.
type used struct {
	CPU    time.Duration `json:"cpu"`
	Events int64         `json:"events,omitempty"` // not of "whole"
	Fleet  fleetHeld     `json:"fleet"`
}

// cpu is the processor time of this process, user and system.
func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// child does a job. It measures from the start of the work, or from SIGUSR1 on, to SIGTERM.
func child(text string) (err error) {
	var j job
	if err := json.Unmarshal([]byte(text), &j); err != nil {
		return fmt.Errorf("read the job: %w", err)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	app.TuneGC() // as the services do
	if j.Profile != "" {
		f, err := os.Create(filepath.Clean(j.Profile))
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	j.begin = func() {
		if j.Held {
			select {
			case <-told:
			case <-ctx.Done():
			}
		}
	}
	if alone := map[string]func(context.Context, job) (used, error){"bare": bare, "poll": poll, "fleet": fleet}[j.Verb]; alone != nil {
		u, err := alone(ctx, j)
		if err != nil {
			return err
		}
		return json.NewEncoder(os.Stdout).Encode(u)
	}
	begun := cpu()
	began := make(chan time.Duration, 1)
	go func() {
		for {
			select {
			case <-told:
				begun = cpu()
			case <-ctx.Done():
				began <- begun
				return
			}
		}
	}()
	if err := whole(ctx, j); err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(used{CPU: cpu() - <-began})
}

// static is the registry: the benchmark has two schemas.
type static map[int]string

func (s static) SchemaByID(_ context.Context, id int) (string, error) {
	if text := s[id]; text != "" {
		return text, nil
	}
	return "", bus.ErrUnknownSchema
}

func (s static) SchemaByGUID(context.Context, string) (string, error) {
	return "", bus.ErrUnknownSchema
}

func (s static) Versions(context.Context, string) ([]string, error) { return nil, nil }

// whole runs the ingestor as it is.
func whole(ctx context.Context, j job) error {
	s := bus.Settings{Brokers: j.Brokers}
	cl, err := s.NewClient(nil, nil)
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	return ingest.Run(ctx, ingest.Options{
		Settings: s, Layout: bus.DefaultLayout(), Group: j.Group, Instance: j.Instance, Epoch: cmp.Or(j.EpochMax, 10*time.Second), EpochBytes: j.EpochBytes, Workers: j.Workers, FetchWait: app.FetchWait,
		Schemas: static(schemas()), Now: time.Now, Logger: zap.NewNop(), Registerer: prometheus.NewRegistry(),
		Ends: func(ctx context.Context, topic string) (map[int32]int64, error) {
			ends, err := adm.ListEndOffsets(ctx, topic)
			if err != nil {
				return nil, err
			}
			out := map[int32]int64{}
			ends.Each(func(o kadm.ListedOffset) { out[o.Partition] = o.Offset })
			return out, nil
		},
	})
}

// process is a child that runs.
type process struct {
	cmd *exec.Cmd
	out *bufio.Reader
}

func start(ctx context.Context, j job) (*process, error) {
	text, err := json.Marshal(j)
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "child", string(text)) //nolint:gosec // ourselves
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a process to measure: %w", err)
	}
	return &process{cmd, bufio.NewReader(out)}, nil
}

func (p *process) measure() error { return p.cmd.Process.Signal(syscall.SIGUSR1) }

func (p *process) stop() error { return p.cmd.Process.Signal(syscall.SIGTERM) }

// wait reads what the child used, once it has ended.
func (p *process) wait() (used, error) {
	var u used
	err := json.NewDecoder(p.out).Decode(&u)
	return u, errors.Join(err, p.cmd.Wait())
}

// resident is the memory of the child in bytes.
func (p *process) resident() (int64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	fields := strings.Fields(string(b))
	if len(fields) < 2 {
		return 0, fmt.Errorf("read the size of process %d: %q", p.cmd.Process.Pid, b)
	}
	pages, err := strconv.ParseInt(fields[1], 10, 64)
	return pages * int64(os.Getpagesize()), err
}

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "zstd": kgo.ZstdCompression(), "lz4": kgo.Lz4Compression(), "snappy": kgo.SnappyCompression(),
}
