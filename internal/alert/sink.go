package alert

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
)

// Sink takes messages about incidents: CloudEvents in JSON. Send may be called again with the same id after a failure that
// left open whether the message arrived.
type Sink interface {
	Name() string
	Wants(c incident.Change) bool
	Send(ctx context.Context, id string, body []byte) error
}

// RefusedError says that a sink will never take the message: trying again is no use.
type RefusedError struct{ Err error }

func (e *RefusedError) Error() string { return "refused: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *RefusedError) Unwrap() error { return e.Err }

// TopicSink publishes every change of an incident on the incidents topic, keyed by the incident.
type TopicSink struct{ Client *kgo.Client }

// Name is "topic".
func (t *TopicSink) Name() string { return "topic" }

// Wants every change: the topic shows each incident as it is.
func (t *TopicSink) Wants(incident.Change) bool { return true }

// Send writes the message and waits until the broker has it.
func (t *TopicSink) Send(ctx context.Context, _ string, body []byte) error {
	var e finding.Envelope[struct {
		ID string `json:"id"`
	}]
	if err := json.Unmarshal(body, &e); err != nil {
		return &RefusedError{fmt.Errorf("read message: %w", err)}
	}
	rec := &kgo.Record{
		Topic: bus.TopicIncidents, Partition: 0, Key: []byte(e.Data.ID), Value: body,
		Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}},
	}
	return t.Client.ProduceSync(ctx, rec).FirstErr()
}

const contentType = "application/cloudevents+json"

// Webhook posts messages to a URL as CloudEvents in structured mode. With a secret, the header Plumbline-Signature carries
// "sha256=" and the HMAC of the body in hexadecimal.
type Webhook struct {
	URL    string
	Secret string
	Client *http.Client // nil: the default client
}

// Name is "webhook".
func (w *Webhook) Name() string { return "webhook" }

// Wants what people are told of.
func (w *Webhook) Wants(c incident.Change) bool { return louder(c) }

// Send posts the message. Every answer 2xx is fine; 408, 425, 429 and 5xx are tried again; any other is a refusal.
func (w *Webhook) Send(ctx context.Context, id string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.URL, bytes.NewReader(body))
	if err != nil {
		return &RefusedError{err}
	}
	req.Header.Set("Content-Type", contentType)
	req.Header.Set("Idempotency-Key", id)
	if w.Secret != "" {
		mac := hmac.New(sha256.New, []byte(w.Secret))
		mac.Write(body)
		req.Header.Set("Plumbline-Signature", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	}
	client := w.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post to webhook: %w", err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return fmt.Errorf("read answer of webhook: %w", err)
	}
	switch code := resp.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly || code == http.StatusTooManyRequests || code >= 500:
		return fmt.Errorf("webhook answers %s", resp.Status)
	default:
		return &RefusedError{fmt.Errorf("webhook answers %s", resp.Status)}
	}
}
