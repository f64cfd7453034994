//go:build integration

package integration

import (
	"context"
	"errors"
	"testing"
	"time"
)

// patience is how long anything may take that the services do by themselves on a busy machine.
const patience = 90 * time.Second

// errHopeless in a condition's answer says that it will never hold.
var errHopeless = errors.New("hopeless")

// until asks for a condition again and again until it holds. The condition answers nil, or what it waits for; the test
// fails with the last answer when patience ends. This is the only place that lets time pass.
func until(t *testing.T, what string, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	began := time.Now()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			if took := time.Since(began); took > time.Second {
				t.Logf("waited %s for this: %s; before: %v", took.Round(100*time.Millisecond), what, last)
			}
			return
		}
		if errors.Is(err, errHopeless) {
			t.Fatalf("waiting for this: %s: %v", what, err)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("waited %s for this: %s; last: %v", patience, what, last)
		case <-tick.C:
		}
	}
}
