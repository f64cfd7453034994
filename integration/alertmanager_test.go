//go:build integration

package integration

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

// notice is what Alertmanager posts to a receiver.
type notice struct {
	Alerts []struct {
		Status string
		Labels map[string]string
	}
}

func readNotice(r *http.Request) (n notice, err error) {
	err = json.NewDecoder(r.Body).Decode(&n)
	return n, err
}

// heard are the notifications that Alertmanager sent, in order, each once in a row.
type heard struct {
	mu     sync.Mutex
	states []string
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readNotice(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range body.Alerts {
		state := a.Labels["severity"] + " " + a.Status
		if len(h.states) == 0 || h.states[len(h.states)-1] != state {
			h.states = append(h.states, state)
		}
	}
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.states)
}

// An incident's life in the real Alertmanager: a ticket fires, becomes a page, is acknowledged and told again, which notifies nobody, and is over.
func TestAlertmanagerTakesIncidents(t *testing.T) {
	h := &heard{}
	hook := httptest.NewServer(h)
	defer hook.Close()
	at := port("PARTS_ALERTMANAGER_PORT", 29393)
	env := []string{"PARTS_ALERTMANAGER_PORT=" + strconv.Itoa(at), "PARTS_ALERTMANAGER_HOOK=" + hook.URL}
	if err := here.script("alertmanager", "start", env...); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := here.script("alertmanager", "reset", env...); err != nil {
			t.Error(err)
		}
	}()
	am := &sink.Alertmanager{URLs: []string{"http://" + address(at)}, Now: time.Now, Links: sink.Links{Base: "https://plumbline.example.org/incidents"}}
	inc := incident.Incident{
		KindName: incident.Kind, ID: "9f2c000000000001", Model: "credit", Status: incident.Open, Severity: finding.Ticket, Title: "income \"moved\" <&>",
		OpenedAt: time.Now().Add(-time.Minute), Onset: time.Now().Add(-time.Hour), Cause: incident.Cause{Kind: "unknown", Confidence: finding.None()},
		Owner: incident.Owner{Role: "data", Team: "data-team"}, Runbook: "https://example.org/runbook",
	}
	send := func(want ...string) {
		t.Helper()
		body, err := json.Marshal(finding.Wrap(incident.Kind, "a-1", inc.Model, inc.OpenedAt, inc))
		if err != nil {
			t.Fatal(err)
		}
		if err := am.Send(t.Context(), "a-1", body); err != nil {
			t.Fatal(err)
		}
		until(t, fmt.Sprintf("Alertmanager has told %q", want), func(context.Context) error {
			if got := h.all(); !slices.Equal(got, want) {
				return fmt.Errorf("told %q", got)
			}
			return nil
		})
	}
	send("ticket firing")
	inc.Severity = finding.Page
	send("ticket firing", "page firing", "ticket resolved")
	inc.Status = incident.Acknowledged
	send("ticket firing", "page firing", "ticket resolved")
	if err := am.Refresh(t.Context(), []incident.Incident{inc}); err != nil {
		t.Fatal(err)
	}
	over := time.Now()
	inc.Status, inc.ResolvedAt = incident.Resolved, &over
	send("ticket firing", "page firing", "ticket resolved", "page resolved")
}
