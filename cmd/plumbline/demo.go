package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/demo"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

func newDemoCommand() *cobra.Command {
	var exit, asJSON, findings bool
	var listen, level string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See real incidents, on embedded parts and real data",
		Long: `Replays 45,312 half-hours of the New South Wales electricity market (1996-05 to 1998-12), with a model's score and what then
happened, through the whole of Plumbline in one process: embedded Kafka, schema registry, Redis and ledger, the ingestor, the
detector and the alerter, joined only by topics. Incidents are printed as they open. Nothing is written to disk.

Afterwards the metrics and the API stay up until Ctrl-C:

  curl localhost:8090/api/v1/incidents
  curl localhost:8090/metrics`,
		Example: `  plumbline demo
  plumbline demo --exit
  plumbline demo --exit --json | head -1
  plumbline demo census                         # the second act: break a live stream`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := cmd.OutOrStdout()
			reg := telemetry.NewRegistry()
			log, err := telemetry.NewLogger(cmd.ErrOrStderr(), level, "console", reg)
			if err != nil {
				return badInput(fmt.Errorf("--log-level: %w", err))
			}
			server, err := telemetry.NewServer(telemetry.Options{Listen: listen, Log: log, Metrics: reg})
			if err != nil {
				return err
			}
			screen := demo.Screen(demo.Silent{})
			terminal := &demo.Terminal{Out: out, Bar: barWriter()}
			if !asJSON {
				screen = terminal
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			serving, drained := false, false
			err = demo.Run(ctx, demo.Options{
				Screen: screen, Logger: log, Metrics: reg,
				Serving: func(p *app.Parts) error {
					if exit {
						return nil
					}
					server.Handle("/api/", p.API())
					addr, err := server.Start(ctx)
					if err != nil {
						return dependencyAway(fmt.Errorf("listen on %s: %w; choose another address with --listen", listen, err))
					}
					serving, listen = true, addr.String()
					return nil
				},
				Drained: func(ctx context.Context, r demo.Result) error {
					drained = true
					terminal.Clear()
					if asJSON {
						if err := writeJSON(out, r, findings); err != nil {
							return err
						}
					} else {
						if err := summarise(out, &r); err != nil {
							return err
						}
					}
					if exit {
						return nil
					}
					fmt.Fprintf(cmd.ErrOrStderr(), "metrics: http://%s/metrics   API: http://%s/api/v1/incidents   Ctrl-C ends\n", listen, listen)
					<-ctx.Done()
					return nil
				},
			})
			terminal.Clear()
			stop()
			if serving {
				err = errors.Join(err, server.Wait())
			}
			if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
				if !drained {
					return errInterrupted
				}
				return nil // Ctrl-C while serving
			}
			return err
		},
	}
	f := cmd.Flags()
	f.BoolVar(&exit, "exit", false, "end when everything is judged, instead of serving metrics and API until Ctrl-C")
	f.BoolVar(&asJSON, "json", false, "print the incidents as JSON lines when everything is judged, and nothing else")
	f.BoolVar(&findings, "findings", false, "with --json: print the findings, too, before the incidents")
	f.StringVar(&listen, "listen", "127.0.0.1:8090", "address of metrics and API")
	f.StringVar(&level, "log-level", "error", "debug, info, warn or error")
	cmd.AddCommand(newDemoCensusCommand())
	return cmd
}

func summarise(w io.Writer, r *demo.Result) error {
	pages := 0
	for i := range r.Incidents {
		if r.Incidents[i].Severity == finding.Page {
			pages++
		}
	}
	_, err := fmt.Fprintf(w, "%d events judged in %s: %d incidents, %d of them pages, from %d findings.\n",
		r.Events, r.Took.Round(100*time.Millisecond), len(r.Incidents), pages, len(r.Findings))
	return err
}

// writeJSON prints public objects, one per line, in an order that doesn't depend on how the run went.
func writeJSON(w io.Writer, r demo.Result, findings bool) error {
	enc := json.NewEncoder(w)
	if findings {
		for i := range r.Findings {
			if err := enc.Encode(&r.Findings[i]); err != nil {
				return err
			}
		}
	}
	for i := range r.Incidents {
		if err := enc.Encode(&r.Incidents[i]); err != nil {
			return err
		}
	}
	return nil
}

// barWriter is where a progress bar may be drawn: standard error, if it is a terminal.
func barWriter() io.Writer {
	if isatty.IsTerminal(os.Stderr.Fd()) {
		return os.Stderr
	}
	return nil
}
