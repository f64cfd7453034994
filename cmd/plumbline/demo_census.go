package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/contract"
	"github.com/plumbline-ml/plumbline/internal/demo"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

func newDemoCensusCommand() *cobra.Command {
	var breakAt, mendAt, pace, listen, level string
	cmd := &cobra.Command{
		Use:   "census",
		Short: "Break a live stream, and see it named, priced and mended",
		Long: `The census flows live, 2,000 persons a day, through the whole of Plumbline in one process: embedded Kafka, schema registry, Redis
and ledger. A job, etl.income@v41, makes a model's inputs, and the model scores them; what turned out to be true comes an hour later.

Press Enter, and v42 of the job goes to half of the producers at the next 09:00: it writes one column 100 times too large. One incident opens, that says
which column, by which factor, since when and with which version; outcomes price it, and the retraining that would follow is held back.
Press Enter again, and the job is taken back: the incident is over by itself.

Where nobody is at a terminal, an Enter is a line of the input; at its end what is still to come comes at --break-at and --mend-at,
57 hours after the start and two days after that if they aren't given. Ctrl-C ends it.`,
		Example: `  plumbline demo census
  plumbline demo census --break-at 2d --mend-at 4d
  plumbline demo census --pace 0 </dev/null
  curl localhost:8090/api/v1/incidents          # while it runs`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			reg := telemetry.NewRegistry()
			log, err := telemetry.NewLogger(cmd.ErrOrStderr(), level, "console", reg)
			if err != nil {
				return badInput(fmt.Errorf("--log-level: %w", err))
			}
			act := &demo.Act{Screen: &demo.Narrator{Out: cmd.OutOrStdout()}, Logger: log, Metrics: reg}
			if err := schedule(act, breakAt, mendAt, pace, cmd.InOrStdin()); err != nil {
				return badInput(err)
			}
			ctx, stop := context.WithCancel(cmd.Context())
			defer stop()
			server, err := telemetry.NewServer(telemetry.Options{Listen: listen, Log: log, Metrics: reg})
			if err != nil {
				return err
			}
			serving := false
			act.Serving = func(p *app.Parts) error {
				server.Handle("/api/", p.API())
				if _, err := server.Start(ctx); err != nil {
					return dependencyAway(fmt.Errorf("listen on %s: %w; choose another address with --listen", listen, err))
				}
				serving = true
				return nil
			}
			if listen == "" {
				act.Serving = nil
			}
			_, err = act.Run(ctx)
			stop()
			if serving {
				err = errors.Join(err, server.Wait())
			}
			if cmd.Context().Err() != nil && errors.Is(err, context.Canceled) {
				return errInterrupted
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&breakAt, "break-at", "", "when the column breaks: a time of the stream, like 2026-02-04T00:00, or how long after its start, like 2d")
	f.StringVar(&mendAt, "mend-at", "", "when it is mended, said likewise")
	f.StringVar(&pace, "pace", "3h", "how much of the stream flows in a second; 0: as fast as it is judged")
	f.StringVar(&listen, "listen", "127.0.0.1:8090", `address of metrics and API; "" for none`)
	f.StringVar(&level, "log-level", "error", "debug, info, warn or error")
	return cmd
}

// schedule says when the act's column breaks and is mended: at the times given, else at keys.
func schedule(act *demo.Act, breakAt, mendAt, pace string, in io.Reader) error {
	start, err := act.Start()
	if err != nil {
		return err
	}
	if pace != "0" {
		d, err := contract.ParseDuration(pace)
		if err != nil {
			return fmt.Errorf("--pace: %w", err)
		}
		act.Pace = d.Std()
	}
	if act.BreakAt, err = timeOfStream("break-at", breakAt, start); err != nil {
		return err
	}
	if act.MendAt, err = timeOfStream("mend-at", mendAt, start); err != nil {
		return err
	}
	end := start.Add(demo.ActLength)
	switch {
	case !act.BreakAt.IsZero() && (act.BreakAt.Before(start) || !act.BreakAt.Before(end)):
		return fmt.Errorf("--break-at: the stream flows from %s to %s", start.Format(time.DateOnly), end.Format(time.DateOnly))
	case !act.MendAt.IsZero() && act.BreakAt.IsZero():
		return errors.New("--mend-at: it needs --break-at, which says when there is something to mend")
	case !act.MendAt.IsZero() && (!act.MendAt.After(act.BreakAt) || !act.MendAt.Before(end)):
		return fmt.Errorf("--mend-at: it comes after --break-at and before %s", end.Format(time.DateOnly))
	}
	act.Keys = enters(in)
	return nil
}

// timeOfStream reads a time, or how long after the start it is; the zero time if none is said.
func timeOfStream(flag, said string, start time.Time) (time.Time, error) {
	if d, err := contract.ParseDuration(said); err == nil {
		return start.Add(d.Std()), nil
	}
	at, err := instant(flag, said, time.Time{})
	if err != nil {
		err = fmt.Errorf("%w, or how long after the start, like 2d", err)
	}
	return at, err
}

// enters tells of each line of the input; it closes at its end.
func enters(in io.Reader) <-chan struct{} {
	out := make(chan struct{})
	go func() { // it ends with the process, if the input doesn't
		defer close(out)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			out <- struct{}{}
		}
	}()
	return out
}
