package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/plan"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// Roles says which services a process runs. The joiner runs where the detector runs.
type Roles struct {
	Ingestor, Detector, Alerter bool
	EmbeddedRedis               bool
}

// GCPercent is how much the heap may grow between two collections, in percent of what is live, where GOGC doesn't say. A
// service's live heap is small beside what it allocates per epoch: collecting half as often costs a few tens of megabytes.
const GCPercent = 200

// TuneGC sets it.
func TuneGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(GCPercent)
	}
}

// Serve runs services on real parts until ctx ends, with metrics, health and the API beside them.
func Serve(ctx context.Context, s *settings.Settings, logs io.Writer, roles Roles) (err error) {
	TuneGC()
	reg := telemetry.NewRegistry()
	log, err := telemetry.NewLogger(logs, s.Log.Level, s.Log.Format, reg)
	if err != nil {
		return err
	}
	server, err := telemetry.NewServer(telemetry.Options{Listen: s.HTTP.Listen, Log: log, Metrics: reg, Pprof: s.HTTP.Pprof})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// The server answers before the parts are there: alive, and not ready.
	ready := readiness(server, roles)
	addr, err := server.Start(ctx)
	if err != nil {
		return err
	}
	defer func() { stop(); err = errors.Join(err, server.Wait()) }()
	log.Info("serving", zap.Stringer("address", addr))
	parts, err := open(ctx, s, log, reg, roles)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	parts.Ready, parts.Pressure = ready, bus.HeapAbove(heapLimit(s.Memory.Limit))
	server.Check("kafka", func(ctx context.Context) error { return parts.Producer.Ping(ctx) })
	if parts.View != nil {
		server.Handle("/api/", parts.API())
	}
	if parts.reach != nil {
		for pattern, h := range parts.reach.hooks(parts.Desk, log) {
			server.Handle(pattern, h)
		}
	}
	if parts.View != nil && roles.Detector { // the others only show what they have
		server.Check("redis", func(ctx context.Context) error {
			if _, err := parts.View.Models(ctx); err != nil {
				return err
			}
			return parts.checkIndex(ctx)
		})
	}
	if err := parts.applyAll(ctx, s.Contracts); err != nil {
		log.Error("put contracts in force", zap.Error(err))
	}
	if roles.Detector {
		parts.warnOfJoins(ctx)
	}
	services := map[string]Service{}
	if roles.Ingestor {
		services["ingestor"] = parts.Ingestor
	}
	if roles.Detector {
		services["detector"], services["joiner"] = parts.Detector, parts.Joiner
	}
	if roles.Alerter {
		services["alerter"] = parts.Alerter
	}
	return Together(ctx, services)
}

// readiness makes what /readyz asks of each service.
func readiness(server *telemetry.Server, roles Roles) map[string]*bus.Readiness {
	out := map[string]*bus.Readiness{}
	for name, runs := range map[string]bool{"ingestor": roles.Ingestor, "detector": roles.Detector, "joiner": roles.Detector, "alerter": roles.Alerter} {
		if runs {
			out[name] = bus.NewReadiness()
			server.Check(name, out[name].Check)
		}
	}
	return out
}

// heapLimit is the live heap above which fetching pauses: what was set, or four fifths of the runtime's own limit. Above that
// the garbage collector would take ever more of the processor.
func heapLimit(set int64) uint64 {
	if set > 0 {
		return uint64(set)
	}
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		return 0
	}
	return uint64(limit) / 5 * 4
}

// applyAll puts the contracts of files and folders in force, unless the very same one already is.
func (p *Parts) applyAll(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	var errs []error
	for _, path := range paths {
		files, err := Contracts(path)
		if err != nil {
			return err
		}
		for _, file := range files {
			c, err := contract.Load(file)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if back, err := p.rolledBack(ctx, c); err != nil {
				return err
			} else if back {
				p.Logger.Warn("contract was rolled back and stays so: `plumbline apply` puts it in force again", zap.String("file", file), zap.String("model", c.Metadata.Model))
				continue
			}
			_, change, err := p.Apply(ctx, c, Apply{Learn: func() (*plan.Plan, error) {
				pl, _, err := p.Compile(ctx, c, nil)
				return pl, err
			}})
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
				continue
			}
			p.Logger.Info("contract in force", zap.String("file", file), zap.String("model", c.Metadata.Model), zap.String("change", string(change)))
		}
	}
	return errors.Join(errs...)
}

// rolledBack reports whether a contract was in force, and one from before it was put back in its place. A contract whose file
// went back to what it was is another case: it comes into force again.
func (p *Parts) rolledBack(ctx context.Context, c *contract.Contract) (bool, error) {
	plans, err := p.Published(ctx)
	if err != nil {
		return false, err
	}
	h := plans[c.Metadata.Model]
	at := slices.IndexFunc(h, func(q *plan.Plan) bool { return q.Contract == c.Digest })
	if at < 0 || h.Last().Contract == c.Digest {
		return false, nil
	}
	return slices.ContainsFunc(h[:at], func(q *plan.Plan) bool { return q.Contract == h.Last().Contract }), nil
}

// Contracts lists the contract files that a path names: itself, or the .yaml and .yml files of a folder.
func Contracts(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	for _, pattern := range []string{"*.yaml", "*.yml"} {
		found, err := filepath.Glob(filepath.Join(path, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%s holds no contract (*.yaml)", path)
	}
	slices.Sort(files)
	return files, nil
}

// Main is the whole of a service's main: settings from --config and the environment, then Serve until a signal comes. It
// returns the exit code.
func Main(name string, args []string, roles Roles) int {
	config := ""
	for i := 0; i < len(args); i++ {
		value, inline := strings.CutPrefix(args[i], "--config=")
		switch {
		case inline:
			config = value
		case args[i] == "--config" && i+1 < len(args):
			i++
			config = args[i]
		case args[i] == "--help" || args[i] == "-h":
			fmt.Fprintf(os.Stdout, "%s runs one of Plumbline's services until it is told to stop.\n\n  %s [--config FILE]\n\nEvery key of FILE is also PLUMBLINE_... in the environment; `plumbline config show` prints them all.\n", name, name)
			return 0
		default:
			fmt.Fprintf(os.Stderr, "%s: unknown argument %q; see %s --help\n", name, args[i], name)
			return 2
		}
	}
	s, _, err := settings.Load(config, os.LookupEnv, nil)
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := Serve(ctx, s, os.Stderr, roles); err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
		return 3
	}
	return 0
}
