package telemetry

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// checkTimeout bounds all checks of one question together.
const checkTimeout = 2 * time.Second

// Check reports why a part is not ready, nil if it is. It gives up when ctx ends.
type Check func(ctx context.Context) error

// health is a set of named checks.
type health struct {
	mu     sync.Mutex // held only to look at the map, never while a check runs
	checks map[string]Check
}

// state is the answer of /readyz.
type state struct {
	Ready  bool          `json:"ready"`
	Checks []checkResult `json:"checks"`
}

// checkResult is the answer of one check.
type checkResult struct {
	Name  string `json:"name"`
	Ready bool   `json:"ready"`
	Error string `json:"error,omitempty"`
}

func (h *health) add(name string, check Check) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.checks[name] = check
}

// ask runs all checks at once, so that the slowest and not their sum decides how long it takes. A check that does not end
// with its context is reported as such and left behind.
func (h *health) ask(ctx context.Context) state {
	h.mu.Lock()
	checks := maps.Clone(h.checks)
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()

	type answer struct {
		name string
		err  error
	}
	answers := make(chan answer, len(checks)) // with room for all: a late check must not block for ever
	for name, check := range checks {
		go func() { answers <- answer{name, check(ctx)} }()
	}
	results := map[string]error{}
	for len(results) < len(checks) {
		select {
		case a := <-answers:
			results[a.name] = a.err
			continue
		case <-ctx.Done():
		}
		for name := range checks {
			if _, answered := results[name]; !answered {
				results[name] = fmt.Errorf("no answer within %s", checkTimeout)
			}
		}
	}
	out := state{Ready: true, Checks: []checkResult{}}
	for _, name := range slices.Sorted(maps.Keys(results)) {
		result := checkResult{Name: name, Ready: results[name] == nil}
		if err := results[name]; err != nil {
			result.Error, out.Ready = err.Error(), false
		}
		out.Checks = append(out.Checks, result)
	}
	return out
}

// ServeHTTP answers 200 if all checks pass and 503 if not, and lists them by name.
func (h *health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := h.ask(r.Context())
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if !answer.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(answer) // the client has gone: nobody to tell
}
