package standin

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
)

// Webhook plays somebody who takes CloudEvents, and each of them once.
type Webhook struct {
	*Faults
	Secret string
	mu     sync.Mutex
	seen   map[string]bool
	Lives  map[string][]string // by incident: its statuses, as the events told them
	Again  int                 // events that had come already
	Wrong  []string
}

// NewWebhook makes one that fails as f says.
func NewWebhook(f *Faults, secret string) *Webhook {
	return &Webhook{Faults: f, Secret: secret, seen: map[string]bool{}, Lives: map[string][]string{}}
}

// RoundTrip answers a request.
func (h *Webhook) RoundTrip(req *http.Request) (*http.Response, error) {
	return h.serve(req, func(body []byte) (int, string) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if err := h.take(req, body); err != nil {
			h.Wrong = append(h.Wrong, err.Error())
			return http.StatusBadRequest, err.Error()
		}
		return http.StatusNoContent, ""
	})
}

func (h *Webhook) take(req *http.Request, body []byte) error {
	mac := hmac.New(sha256.New, []byte(h.Secret))
	mac.Write(body)
	if got, want := req.Header.Get("Plumbline-Signature"), "sha256="+hex.EncodeToString(mac.Sum(nil)); got != want {
		return fmt.Errorf("signature %q, want %q", got, want)
	}
	if req.Header.Get("Content-Type") != "application/cloudevents+json" {
		return fmt.Errorf("content type %q", req.Header.Get("Content-Type"))
	}
	if err := fits("cloudevent", body); err != nil {
		return err
	}
	var e struct {
		ID   string
		Data struct {
			ID, Status string
		}
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return err
	}
	if e.ID != req.Header.Get("Idempotency-Key") {
		return fmt.Errorf("idempotency key %q of event %q", req.Header.Get("Idempotency-Key"), e.ID)
	}
	if h.seen[e.ID] {
		h.Again++
		return nil
	}
	h.seen[e.ID] = true
	h.Lives[e.Data.ID] = append(h.Lives[e.Data.ID], e.Data.Status)
	return nil
}

// Life is what was told of an incident.
func (h *Webhook) Life(id string) []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.Lives[id])
}
