package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/app"
	"github.com/plumbline-ml/plumbline/internal/inspect"
	"github.com/plumbline-ml/plumbline/internal/telemetry"
)

// tableWidth is how wide a table may be where COLUMNS doesn't say.
const tableWidth = 120

func newInspectCommand() *cobra.Command {
	var o app.InspectOptions
	var window, from, to, slice string
	var asJSON, wide bool
	cmd := &cobra.Command{
		Use:   "inspect [INCIDENT]",
		Short: "Read the very events behind an incident or a window again",
		Long: `Reads events again from the model's own topic and prints them: those behind an incident, or those of a model and a window of
event time. Findings and ended panes know the offsets of their events, so only these are read. Of a window whose panes haven't
ended the whole topic is read, from the start of its log, and that is said.

INCIDENT is the id of an incident, or the beginning of it. Its events are those from the onset to the end, in its slices;
--window and --slice choose others. A condition is CEL over the fields that the contract reads, under the contract's names.

Events are in the order of their times, then partition and offset; --limit keeps the first so many. The table begins with time,
id, version, slice and what the incident is about, and has of the other columns as many as a line holds; COLUMNS in the
environment says how much that is (120 characters if it doesn't). With --json each event is one line with everything that was
read, and where it lies.

How many events were read and matched stands on the error output. Exits with 1 if none matched.`,
		Example: `  plumbline inspect 9f2c
  plumbline inspect 9f2c --where 'amount > 1000.0' --limit 5 --outcomes
  plumbline inspect --model churn --window 2026-04-01/2026-04-02 --slice plan=pro
  plumbline inspect --model churn --from 2026-04-01 --to 2026-04-02 --limit 0 --json > events.jsonl`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.Incident = args[0]
			}
			if err := inspected(cmd, &o, window, from, to); err != nil {
				return err
			}
			if slice != "" {
				var err error
				if o.Slice, err = inspect.ParseSlice(slice); err != nil {
					return badInput(fmt.Errorf("--slice: %w", err))
				}
			}
			look := inspect.Look{Width: columnsOf(os.Getenv("COLUMNS")), Outcomes: o.Outcomes}
			if wide {
				look.Width = 0
			}
			return runInspect(cmd, o, look, asJSON)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.Model, "model", "", "the model, where no incident is named")
	f.StringVar(&window, "window", "", "FROM/TO: event time from FROM on and before TO")
	f.StringVar(&from, "from", "", "event time from which on: 2026-04-01 or 2026-04-01T06:00:00Z; instead of --window")
	f.StringVar(&to, "to", "", "event time before which")
	f.StringVar(&slice, "slice", "", "NAME=VALUE[,NAME=VALUE]: only events of this slice, with the values as the plan counts them")
	f.StringVar(&o.Where, "where", "", "CEL condition over the fields of an event")
	f.IntVar(&o.Limit, "limit", 20, "print at most so many events, the first by time; 0 prints all and keeps them in memory")
	f.BoolVar(&o.Outcomes, "outcomes", false, "read what became of each event, too: the whole outcome topic")
	f.BoolVar(&o.Unreadable, "quarantine", false, "print the events that can't be decoded, too, with the reason")
	f.BoolVar(&wide, "wide", false, "print every column, however long the lines")
	f.BoolVar(&asJSON, "json", false, "print one JSON object per event")
	return cmd
}

// inspected checks what is asked for and reads the window.
func inspected(cmd *cobra.Command, o *app.InspectOptions, window, from, to string) error {
	switch {
	case cmd.Flags().Changed("window") && (from != "" || to != ""):
		return badInput(errors.New("--window is the same as --from and --to: give one or the other"))
	case o.Incident != "" && o.Model != "":
		return badInput(errors.New("--model: an incident knows its model; leave one of them out"))
	case o.Incident == "" && o.Model == "":
		return badInput(fmt.Errorf("name an incident, or a model by --model and a window; see %s --help", cmd.CommandPath()))
	case o.Limit < 0:
		return badInput(fmt.Errorf("--limit %d: must be 0 (all) or more", o.Limit))
	}
	if window != "" {
		var ok bool
		if from, to, ok = strings.Cut(window, "/"); !ok || from == "" || to == "" {
			return badInput(fmt.Errorf("--window %q: write it as FROM/TO, like 2026-04-01/2026-04-02", window))
		}
	}
	if o.Incident == "" && (from == "" || to == "") {
		return badInput(errors.New("a model's events are asked for by a window: --window FROM/TO, or --from and --to"))
	}
	if (from == "") != (to == "") {
		return badInput(errors.New("a window needs both --from and --to"))
	}
	var err error
	if o.From, err = instant("from", from, time.Time{}); err != nil {
		return err
	}
	if o.To, err = instant("to", to, time.Time{}); err != nil {
		return err
	}
	if from != "" && !o.From.Before(o.To) {
		return badInput(fmt.Errorf("the window begins at %s: it must end later than that, not at %s", from, to))
	}
	return nil
}

// columnsOf is how many characters a line may have.
func columnsOf(environment string) int {
	if n, err := strconv.Atoi(environment); err == nil && n > 0 {
		return n
	}
	return tableWidth
}

func runInspect(cmd *cobra.Command, o app.InspectOptions, look inspect.Look, asJSON bool) error {
	s, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	in := &app.Inspector{Layout: app.Layout(s)}
	if in.Kafka, err = app.Kafka(s); err != nil {
		return badInput(err)
	}
	if in.Schemas, err = app.Registry(s); err != nil {
		return badInput(err)
	}
	if err := brokerAnswers(cmd); err != nil {
		return err
	}
	progress, cleared := countLine(cmd.ErrOrStderr())
	in.Progress = progress
	found, err := in.Inspect(cmd.Context(), o)
	cleared()
	switch {
	case cmd.Context().Err() != nil:
		return errInterrupted
	case errors.Is(err, app.ErrUnknownIncident), errors.Is(err, app.ErrNoPlan), errors.Is(err, inspect.ErrQuery), errors.Is(err, app.ErrUnknownPlan):
		return badInput(err)
	case err != nil:
		return dependencyAway(err)
	}
	look.First = found.Subjects
	out := bufio.NewWriter(cmd.OutOrStdout())
	left, err := writeInspected(out, found, look, asJSON)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("write the events: %w", err)
	}
	sumUp(cmd.ErrOrStderr(), found, left)
	if found.Matched == 0 {
		return errSilent
	}
	return nil
}

// writeInspected writes what was found and returns the columns for which there was no room.
func writeInspected(w io.Writer, found *app.Inspection, look inspect.Look, asJSON bool) (left []string, err error) {
	if asJSON {
		enc := json.NewEncoder(w)
		for _, e := range found.Events {
			if err := enc.Encode(e); err != nil {
				return nil, err
			}
		}
		for i := range found.Unreadable {
			if err := enc.Encode(&found.Unreadable[i]); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	if len(found.Events) > 0 {
		if left, err = inspect.Table(w, found.Events, look); err != nil {
			return nil, err
		}
	}
	for i := range found.Unreadable {
		u := &found.Unreadable[i]
		where := ""
		if u.Path != "" {
			where = " in " + u.Path
		}
		fmt.Fprintf(w, "unreadable: %s/%d at offset %d: %s at byte %d%s: %s\n", u.Topic, u.Partition, u.Offset, u.Reason, u.Byte, where, u.Detail)
	}
	return left, nil
}

// sumUp says what was read and what it came to.
func sumUp(w io.Writer, f *app.Inspection, left []string) {
	if f.Incident != nil {
		fmt.Fprintf(w, "incident %s: %s\n", f.Incident.ID, f.Incident.Title)
	}
	fmt.Fprintf(w, "%s, %s: read %d events of %s; %d in the window, %d matched, %d shown", f.Model, app.InspectedWindow(f.From, f.To), f.Read,
		strings.Join(f.Topics, ", "), f.InWindow, f.Matched, len(f.Events))
	if f.Filtered > 0 {
		fmt.Fprintf(w, ", %d not wanted by the contract", f.Filtered)
	}
	if f.Bad > 0 {
		fmt.Fprintf(w, ", %d could not be decoded", f.Bad)
	}
	fmt.Fprintln(w)
	if f.Gone > 0 {
		fmt.Fprintf(w, "note: %d of the offsets are gone: retention removed them, or the topic is another one now\n", f.Gone)
	}
	for _, n := range f.Notes {
		fmt.Fprintf(w, "note: %s\n", n)
	}
	if len(left) > 0 {
		fmt.Fprintf(w, "no room for %s: --wide or --json\n", strings.Join(left, ", "))
	}
}

// brokerAnswers asks whether a broker is there, before anything waits for one that isn't.
func brokerAnswers(cmd *cobra.Command) error {
	s, err := loadSettings(cmd)
	if err != nil {
		return err
	}
	k, err := app.Kafka(s)
	if err != nil {
		return badInput(err)
	}
	log, err := telemetry.NewLogger(cmd.ErrOrStderr(), s.Log.Level, s.Log.Format, nil)
	if err != nil {
		return badInput(err)
	}
	cl, err := k.NewClient(log, nil)
	if err != nil {
		return badInput(err)
	}
	defer cl.Close()
	return answers(cmd.Context(), cl, s.Kafka.Brokers)
}

// countLine shows how many events were read on one line that is rewritten, once that takes longer than a second, if w is a
// terminal; else it says nothing.
func countLine(w io.Writer) (show func(topic string, events int64), done func()) {
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return nil, func() {}
	}
	last := time.Now()
	shown := false
	return func(topic string, events int64) {
			if events%1000 != 0 || time.Since(last) < time.Second {
				return
			}
			last, shown = time.Now(), true
			fmt.Fprintf(w, "\r\x1b[Kread %d events of %s", events, topic)
		}, func() {
			if shown {
				fmt.Fprint(w, "\r\x1b[K")
			}
		}
}
