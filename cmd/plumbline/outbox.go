package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/console"
)

func newOutboxCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "outbox",
		Short: "Show the messages that were given up, and send them again",
		Long: `Shows the dead letters: messages about incidents, triggers of retraining and digests that a sink refused (a wrong key, a channel that
isn't there) or that were tried 200 times, some 16 hours. They wait here for a person. What is still being tried isn't among them:
plumbline_alert_outbox_messages{state="pending"} counts that.

  1. plumbline outbox list                  the reason says what is wrong
  2. mend it: a key, a channel, an address  restart the alerter if it was a setting
  3. plumbline outbox retry --sink NAME     each is tried as if for the first time

It goes through the API of a running alerter (api.url), as plumbline incidents does, and needs the same token, also to look. Each message that is sent
again is an entry of the ledger, with who wanted it. A message is not sent again where the sink was told later of the same incident: a call
for what is over would call somebody for nothing.`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newOutboxListCommand(), newOutboxRetryCommand())
	return cmd
}

func newOutboxListCommand() *cobra.Command {
	var sink string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the messages that were given up, the oldest first, with the reason",
		Long: `Lists the messages that were given up, the oldest first, 1000 at most. ABOUT is the incident, trigger or digest that a message tells of, TRIED how
often it was put off before.

Exits with 0, whether there are any or not.`,
		Example: `  plumbline outbox list
  plumbline outbox list --sink pagerduty:grid --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newAPIClient(cmd)
			if err != nil {
				return err
			}
			all, err := c.letters(cmd.Context(), "", sink)
			if err != nil {
				return err
			}
			if all.More {
				fmt.Fprintln(cmd.ErrOrStderr(), "there are more than these: name a sink by --sink, or retry them first")
			}
			if asJSON {
				return writeJSONLines(cmd.OutOrStdout(), all.Messages)
			}
			return listLetters(cmd.OutOrStdout(), all.Messages)
		},
	}
	cmd.Flags().StringVar(&sink, "sink", "", "only those to this sink, as list names it")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per message")
	return cmd
}

func listLetters(w io.Writer, all []console.Letter) error {
	if len(all) == 0 {
		fmt.Fprintln(w, "none")
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "MESSAGE\tSINK\tABOUT\tTRIED\tLAST DUE (UTC)\tREASON")
	for i := range all {
		l := &all[i]
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", l.ID, l.Sink, l.Incident, l.Attempts, l.Due.UTC().Format(clockStamp), l.Reason)
	}
	return t.Flush()
}

func newOutboxRetryCommand() *cobra.Command {
	var sink, as string
	var all bool
	cmd := &cobra.Command{
		Use:   "retry [MESSAGE]",
		Short: "Send messages that were given up again",
		Long: `Lets messages that were given up be tried again, as if for the first time: one by its id as list prints it (to every sink that it was given up for, or
to --sink), all of a sink by --sink alone, or all by --all.

Exits with 1 if one of them can't be: it isn't given up any more, the sink was told later of the same incident,
or a later message of it is on its way.`,
		Example: `  plumbline outbox retry 9f2c4a6b8d0e1f23-17
  plumbline outbox retry --sink pagerduty:grid
  plumbline outbox retry --all`,
		Args: usageArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			id := ""
			if len(args) > 0 {
				id = args[0]
			}
			if all == (id != "" || sink != "") {
				return badInput(fmt.Errorf("name a message, or a sink by --sink, or all by --all; see %s --help", cmd.CommandPath()))
			}
			return retryLetters(cmd, id, sink, actorName(as))
		},
	}
	f := cmd.Flags()
	f.StringVar(&sink, "sink", "", "to this sink only, as list names it")
	f.BoolVar(&all, "all", false, "all that were given up")
	f.StringVar(&as, "as", "", "who wants it")
	return cmd
}

// retryLetters sends what was given up again, one by one, and goes on where one can't be.
func retryLetters(cmd *cobra.Command, id, sink, actor string) error {
	c, err := newAPIClient(cmd)
	if err != nil {
		return err
	}
	return c.retryLetters(cmd.Context(), cmd.OutOrStdout(), id, sink, actor)
}

func (c *apiClient) retryLetters(ctx context.Context, out io.Writer, id, sink, actor string) error {
	tried, refused := map[[2]string]bool{}, 0
	for {
		letters, err := c.letters(ctx, id, sink)
		if err != nil {
			return err
		}
		isNew := false
		for i := range letters.Messages {
			l := &letters.Messages[i]
			if tried[[2]string{l.ID, l.Sink}] { // it stays given up, or is again
				continue
			}
			tried[[2]string{l.ID, l.Sink}], isNew = true, true
			again, err := c.retry(ctx, out, l, actor)
			if err != nil {
				return err
			}
			if !again {
				refused++
			}
		}
		switch {
		case letters.More && isNew:
			continue
		case letters.More:
			fmt.Fprintln(out, "there are more, behind those that stay given up: name them by id or by --sink")
			return errSilent
		case len(tried) == 0 && id != "":
			return badInput(fmt.Errorf("no message %q was given up; plumbline outbox list shows those that were", id))
		case len(tried) == 0:
			fmt.Fprintln(out, "none was given up")
		case refused > 0:
			return errSilent
		}
		return nil
	}
}

// retry sends one message again, and reports whether it could be.
func (c *apiClient) retry(ctx context.Context, out io.Writer, l *console.Letter, actor string) (again bool, err error) {
	body, err := json.Marshal(map[string]string{"id": l.ID, "sink": l.Sink, "actor": actor})
	if err != nil {
		return false, fmt.Errorf("encode the request: %w", err)
	}
	var got map[string]string
	err = c.do(ctx, "POST", "/api/v1/outbox/retry", body, &got)
	if no, answered := errors.AsType[*exitError](err); answered && no.code == exitNo {
		fmt.Fprintf(out, "%s to %s: stays given up: %v\n", l.ID, l.Sink, err)
		return false, nil
	}
	if err != nil {
		return false, err
	}
	fmt.Fprintf(out, "%s to %s: is tried again\n", l.ID, l.Sink)
	return true, nil
}

// letters are the messages that were given up, of one id and to one sink where those are named.
func (c *apiClient) letters(ctx context.Context, id, sink string) (got console.Letters, err error) {
	query := url.Values{}
	if id != "" {
		query.Set("id", id)
	}
	if sink != "" {
		query.Set("sink", sink)
	}
	path := "/api/v1/outbox"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return got, c.get(ctx, path, &got)
}
