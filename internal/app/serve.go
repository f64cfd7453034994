package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/settings"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// Roles says which services a process runs. The joiner runs where the detector runs.
type Roles struct {
	Ingestor, Detector, Alerter bool
	EmbeddedRedis               bool
}

// Serve runs services on real parts until ctx ends, with metrics, health and the API beside them.
func Serve(ctx context.Context, s *settings.Settings, logs io.Writer, roles Roles) (err error) {
	reg := telemetry.NewRegistry()
	log, err := telemetry.NewLogger(logs, s.Log.Level, s.Log.Format, reg)
	if err != nil {
		return err
	}
	server, err := telemetry.NewServer(telemetry.Options{Listen: s.HTTP.Listen, Log: log, Metrics: reg, Pprof: s.HTTP.Pprof})
	if err != nil {
		return err
	}
	parts, err := open(ctx, s, log, reg, roles)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, parts.Close()) }()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	server.Check("kafka", func(ctx context.Context) error { return parts.Producer.Ping(ctx) })
	if parts.View != nil {
		server.Check("redis", func(ctx context.Context) error { _, err := parts.View.Models(ctx); return err })
		server.Handle("/api/", parts.API())
	}
	addr, err := server.Start(ctx)
	if err != nil {
		return err
	}
	log.Info("serving", zap.Stringer("address", addr))
	if err := parts.applyAll(ctx, s.Contracts); err != nil {
		log.Error("put contracts in force", zap.Error(err))
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
	err = Together(ctx, services)
	stop()
	return errors.Join(err, server.Wait())
}

// applyAll puts the contracts of files and folders in force, unless the very same one already is.
func (p *Parts) applyAll(ctx context.Context, paths []string) error {
	if len(paths) == 0 {
		return nil
	}
	published, err := p.Published(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range paths {
		files := []string{path}
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			if files, err = filepath.Glob(filepath.Join(path, "*.yaml")); err != nil {
				return err
			}
		}
		for _, file := range files {
			c, err := contract.Load(file)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if was := published[c.Metadata.Model]; was != nil && was.Contract == c.Digest {
				continue
			}
			pl, _, err := p.Compile(ctx, c, nil)
			if err == nil {
				err = bus.PublishPlan(ctx, p.Producer, pl)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", file, err))
			}
		}
	}
	return errors.Join(errs...)
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
