package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/plumbline-ml/plumbline/internal/incident"
)

const (
	apiTimeout = 20 * time.Second
	apiTries   = 3
	apiPause   = 2 * time.Second
	mostAnswer = 64 << 20 // bytes
)

// apiClient talks to the API of a running alerter.
type apiClient struct {
	address, token string
	http           *http.Client
}

// newAPIClient is a client for the API of the settings.
func newAPIClient(cmd *cobra.Command) (*apiClient, error) {
	s, err := loadSettings(cmd)
	if err != nil {
		return nil, err
	}
	return &apiClient{address: s.APIAddress(), token: s.API.Token.Reveal(), http: &http.Client{Timeout: apiTimeout}}, nil
}

// get reads a resource into v.
func (c *apiClient) get(ctx context.Context, path string, v any) error {
	return c.do(ctx, http.MethodGet, path, nil, v)
}

// do makes a request. What can be tried again is: an act has an id, so that one that arrived already changes nothing.
func (c *apiClient) do(ctx context.Context, method, path string, body []byte, v any) error {
	for try := 1; ; try++ {
		again, err := c.once(ctx, method, path, body, v)
		if err == nil || !again || try == apiTries {
			return err
		}
		t := time.NewTimer(apiPause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return errInterrupted
		}
	}
}

func (c *apiClient) once(ctx context.Context, method, path string, body []byte, v any) (again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, c.address+path, bytes.NewReader(body))
	if err != nil {
		return false, badInput(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return false, errInterrupted
		}
		if bad := (*url.Error)(nil); errors.As(err, &bad) {
			err = bad.Err
		}
		return false, dependencyAway(fmt.Errorf("no API answers at %s (api.url): %w", c.address, err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return true, dependencyAway(fmt.Errorf("read the answer of %s: %w", c.address, err))
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(answer, v); err != nil {
			return false, dependencyAway(fmt.Errorf("%s doesn't answer as Plumbline's API: %w", c.address, err))
		}
		return false, nil
	}
	return resp.StatusCode == http.StatusServiceUnavailable, refusedBy(resp, answer)
}

// refusedBy is what the API says against a request.
func refusedBy(resp *http.Response, answer []byte) error {
	var said struct {
		Error string `json:"error"`
	}
	if err := json.Unmarshal(answer, &said); err != nil || said.Error == "" {
		said.Error = resp.Status
	}
	err := errors.New(said.Error)
	switch {
	case resp.StatusCode == http.StatusConflict:
		return withCode(exitNo, err)
	case resp.StatusCode == http.StatusUnauthorized, resp.StatusCode == http.StatusForbidden:
		return badInput(fmt.Errorf("%w (the tool presents api.token)", err))
	case resp.StatusCode >= http.StatusInternalServerError:
		return dependencyAway(err)
	default:
		return badInput(err)
	}
}

// incidents are those of a query.
func (c *apiClient) incidents(ctx context.Context, query url.Values) ([]incident.Incident, error) {
	var all struct {
		Incidents []incident.Incident `json:"incidents"`
	}
	path := "/api/v1/incidents"
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err := c.get(ctx, path, &all)
	return all.Incidents, err
}

// find is the incident whose id is, or begins with, the text given.
func (c *apiClient) find(ctx context.Context, id string) (*incident.Incident, error) {
	all, err := c.incidents(ctx, nil)
	if err != nil {
		return nil, err
	}
	var found *incident.Incident
	for i := range all {
		switch {
		case all[i].ID == id:
			return &all[i], nil
		case id != "" && strings.HasPrefix(all[i].ID, id):
			if found != nil {
				return nil, badInput(fmt.Errorf("several incidents begin with %q; give more of the id", id))
			}
			found = &all[i]
		}
	}
	if found == nil {
		return nil, badInput(fmt.Errorf("unknown incident %q; plumbline incidents list shows them", id))
	}
	return found, nil
}
