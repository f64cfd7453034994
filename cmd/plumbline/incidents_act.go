package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

// actVerb is one thing to do, as the command line has it.
type actVerb struct {
	use, short, example string
	verb                incident.Verb
	most                int // arguments; the first is the incident
	least               int
	model               bool // --model may stand for the incident
	fill                func(ctx context.Context, c *apiClient, a *actFlags, args []string) error
	flags               func(cmd *cobra.Command, a *actFlags)
}

// actFlags is what is sent, and the flags that make it.
type actFlags struct {
	ID       string         `json:"id"`
	Actor    string         `json:"actor"`
	Verb     incident.Verb  `json:"verb"`
	Comment  string         `json:"comment,omitempty"`
	Assignee string         `json:"assignee,omitempty"`
	Until    *time.Time     `json:"until,omitempty"`
	Into     string         `json:"into,omitempty"`
	Subjects []string       `json:"subjects,omitempty"`
	Verdict  incident.Alarm `json:"verdict,omitempty"`

	model, until string
	span         time.Duration
}

func actVerbs() []actVerb {
	plain := func(use, short string, verb incident.Verb) actVerb {
		return actVerb{use: use + " INCIDENT", short: short, verb: verb, least: 1, most: 1}
	}
	return []actVerb{
		plain("ack", "Say that you are at it", incident.Acknowledge),
		plain("mitigate", "Say that it no longer does harm, though it isn't over", incident.Mitigate),
		plain("resolve", "Say that it is over; it comes back by itself if its signals do", incident.Resolve),
		plain("reopen", "Say that it isn't over", incident.Reopen),
		{
			use: "silence [INCIDENT]", short: "Hold back messages about an incident or a model for a while", verb: incident.Hush, most: 1, model: true,
			example: "  plumbline incidents silence 9f2c --for 2h -m 'deploy of the fix'\n  plumbline incidents silence --model churn --until 2026-04-01T06:00:00Z -m maintenance",
			flags: func(cmd *cobra.Command, a *actFlags) {
				cmd.Flags().StringVar(&a.until, "until", "", "the instant it ends")
				cmd.Flags().DurationVar(&a.span, "for", 0, "how long, instead of --until: 90m, 48h")
			},
			fill: func(_ context.Context, _ *apiClient, a *actFlags, _ []string) error { return a.silence(time.Now()) },
		},
		{use: "unsilence [INCIDENT]", short: "End a silence before its time", verb: incident.Unhush, most: 1, model: true},
		{
			use: "comment INCIDENT TEXT...", short: "Write something into the timeline", verb: incident.Remark, least: 2, most: 1 << 10,
			fill: func(_ context.Context, _ *apiClient, a *actFlags, args []string) error {
				a.Comment = strings.Join(args[1:], " ")
				return nil
			},
		},
		{
			use: "merge INCIDENT OTHER", short: "Make INCIDENT part of OTHER, which goes on", verb: incident.Merge, least: 2, most: 2,
			fill: func(ctx context.Context, c *apiClient, a *actFlags, args []string) error {
				into, err := c.find(ctx, args[1])
				if err == nil {
					a.Into = into.ID
				}
				return err
			},
		},
		{
			use: "split INCIDENT SUBJECT...", short: "Give some of its subjects an incident of their own", verb: incident.Split, least: 2, most: 1 << 10,
			fill: func(_ context.Context, _ *apiClient, a *actFlags, args []string) error {
				a.Subjects = args[1:]
				return nil
			},
		},
		{
			use: "assign INCIDENT [WHO]", short: "Give it to a person or team; without one back to its owner", verb: incident.Assign, least: 1, most: 2,
			fill: func(_ context.Context, _ *apiClient, a *actFlags, args []string) error {
				if len(args) == 2 {
					a.Assignee = args[1]
				}
				return nil
			},
		},
		{
			use: "verdict INCIDENT true|false", short: "Say whether it was a true or a false alarm", verb: incident.Judge, least: 2, most: 2,
			fill: func(_ context.Context, _ *apiClient, a *actFlags, args []string) error {
				switch args[1] {
				case "true":
					a.Verdict = incident.TrueAlarm
				case "false":
					a.Verdict = incident.FalseAlarm
				default:
					return badInput(fmt.Errorf("verdict %q: a true alarm is true, a false one false", args[1]))
				}
				return nil
			},
		},
	}
}

func newActCommand(v actVerb) *cobra.Command {
	var a actFlags
	var as string
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Example: v.example, Args: usageArgs(cobra.RangeArgs(v.least, v.most)),
		RunE: func(cmd *cobra.Command, args []string) error {
			a.Verb, a.Actor = v.verb, actorName(as)
			if a.ID == "" {
				a.ID = rand.Text()
			}
			if v.model && (len(args) == 1) == (a.model != "") {
				return badInput(fmt.Errorf("name an incident, or a model by --model; see %s --help", cmd.CommandPath()))
			}
			return runAct(cmd, v, &a, args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&as, "as", "", "who does it")
	f.StringVar(&a.ID, "id", "", "the act's own id: sent twice, it counts once")
	if v.verb != incident.Remark {
		f.StringVarP(&a.Comment, "comment", "m", "", "why")
	}
	if v.model {
		f.StringVar(&a.model, "model", "", "all incidents of this model, those to come too, instead of one")
	}
	if v.flags != nil {
		v.flags(cmd, &a)
	}
	return cmd
}

// actorName is who acts: as the flag says, the environment, or the machine.
func actorName(as string) string {
	if as != "" {
		return as
	}
	if name := os.Getenv("PLUMBLINE_ACTOR"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func runAct(cmd *cobra.Command, v actVerb, a *actFlags, args []string) error {
	c, err := newAPIClient(cmd)
	if err != nil {
		return err
	}
	path := "/api/v1/models/" + url.PathEscape(a.model) + "/acts"
	if a.model == "" {
		inc, err := c.find(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		path = "/api/v1/incidents/" + url.PathEscape(inc.ID) + "/acts"
	}
	if v.fill != nil {
		if err := v.fill(cmd.Context(), c, a, args); err != nil {
			return err
		}
	}
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode the act: %w", err)
	}
	var got struct {
		Incidents []incident.Incident `json:"incidents"`
	}
	if err := c.do(cmd.Context(), "POST", path, body, &got); err != nil {
		return err
	}
	if a.model != "" && len(got.Incidents) == 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%s: done; no incident of it is open\n", a.model)
		return nil
	}
	for i := range got.Incidents {
		inc := &got.Incidents[i]
		what := string(inc.Change)
		if what == "" {
			what = "nothing new"
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s: %s, it is %s: %s\n", inc.ID, what, inc.Status, inc.Title)
	}
	return nil
}

// silence fills in when it ends.
func (a *actFlags) silence(now time.Time) error {
	if (a.span == 0) == (a.until == "") {
		return badInput(errors.New("a silence has an end: give --until or --for"))
	}
	end := now.Add(a.span).UTC()
	if a.until != "" {
		var err error
		if end, err = instant("until", a.until, time.Time{}); err != nil {
			return err
		}
	}
	a.Until = &end
	return nil
}
