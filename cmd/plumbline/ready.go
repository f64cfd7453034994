package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// readyAnswerLimit bounds what is read of an answer, in bytes.
const readyAnswerLimit = 1 << 20

// readiness is what /readyz answers.
type readiness struct {
	Ready  bool `json:"ready"`
	Checks []struct {
		Name  string `json:"name"`
		Ready bool   `json:"ready"`
		Error string `json:"error"`
	} `json:"checks"`
}

func newReadyCommand() *cobra.Command {
	var (
		base    string
		timeout time.Duration
		asJSON  bool
	)
	cmd := &cobra.Command{
		Use:   "ready",
		Short: "Ask a running service whether it is ready",
		Long: `Asks a service for /readyz and says which of its checks fail. Without --url it asks the service that would run here with the
same settings, at http.listen. Made for health checks in images that have no shell and no curl.

Exit codes: 0 ready, 1 not ready, 2 bad usage or no Plumbline service at that address, 3 no answer.`,
		Example: `  plumbline ready --config /etc/plumbline/plumbline.yaml
  plumbline ready --url http://detector-0:8090 --json`,
		Args: usageArgs(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if timeout <= 0 {
				return badInput(fmt.Errorf("--timeout %s: must be more than 0", timeout))
			}
			if base == "" {
				s, err := loadSettings(cmd)
				if err != nil {
					return err
				}
				if base, err = localURL(s.HTTP.Listen); err != nil {
					return badInput(err)
				}
			}
			target, err := readyURL(base)
			if err != nil {
				return badInput(err)
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			body, answer, err := askReady(ctx, target)
			switch {
			case cmd.Context().Err() != nil:
				return errInterrupted
			case errors.Is(ctx.Err(), context.DeadlineExceeded):
				return dependencyAway(fmt.Errorf("ask %s: no answer within %s", target, timeout))
			case err != nil:
				return err
			}
			return tellReady(cmd.OutOrStdout(), body, answer, asJSON)
		},
	}
	cmd.Flags().StringVar(&base, "url", "", "address of the service, as http://HOST:PORT (default: http.listen of the settings)")
	cmd.Flags().DurationVar(&timeout, "timeout", 4*time.Second, "how long to wait for the answer")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the service's answer as it is")
	return cmd
}

// localURL is where a service that listens at listen is reached from the same machine.
func localURL(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("http.listen %q: %w", listen, err)
	}
	if port == "0" {
		return "", fmt.Errorf("http.listen %q is any free port; name the service with --url", listen)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// readyURL is the address to ask, given the service's.
func readyURL(base string) (string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", fmt.Errorf("--url %q: want http://HOST:PORT", base)
	}
	u.Path = strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/readyz") + "/readyz"
	return u.String(), nil
}

// askReady asks target and returns the answer both as it came and as read.
func askReady(ctx context.Context, target string) (body []byte, answer readiness, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, answer, badInput(err)
	}
	// Straight to the service: a proxy of the environment is for the world outside.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if err != nil {
		return nil, answer, dependencyAway(fmt.Errorf("ask whether it is ready: %w", err))
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusServiceUnavailable {
		return nil, answer, badInput(fmt.Errorf("%s: answered %s; is a Plumbline service at that address?", target, res.Status))
	}
	if body, err = io.ReadAll(io.LimitReader(res.Body, readyAnswerLimit)); err != nil {
		return nil, answer, dependencyAway(fmt.Errorf("read the answer of %s: %w", target, err))
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Ready != (res.StatusCode == http.StatusOK) {
		return nil, answer, badInput(fmt.Errorf("%s: answered %s with something else than readiness; is a Plumbline service at that address?", target, res.Status))
	}
	return body, answer, nil
}

// tellReady prints the answer; not ready is an answer of "no".
func tellReady(w io.Writer, body []byte, answer readiness, asJSON bool) error {
	switch {
	case asJSON:
		fmt.Fprintln(w, strings.TrimSpace(string(body)))
	case answer.Ready:
		fmt.Fprintln(w, "ready")
	default:
		fmt.Fprintln(w, "not ready")
		for _, c := range answer.Checks {
			if !c.Ready {
				fmt.Fprintf(w, "  %s: %s\n", c.Name, c.Error)
			}
		}
	}
	if !answer.Ready {
		return errSilent
	}
	return nil
}
