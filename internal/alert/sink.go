package alert

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/sink"
)

// Sink takes messages about incidents: CloudEvents in JSON. Send may be called again with the same id after a failure that
// left open whether the message arrived. Package sink has most of them.
type Sink interface {
	Name() string
	Wants(c incident.Change) bool
	Send(ctx context.Context, id string, body []byte) error
}

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
		return &sink.RefusedError{Err: fmt.Errorf("read message: %w", err)}
	}
	rec := &kgo.Record{
		Topic: bus.TopicIncidents, Partition: 0, Key: []byte(e.Data.ID), Value: body,
		Headers: []kgo.RecordHeader{{Key: "content-type", Value: []byte(contentType)}},
	}
	return t.Client.ProduceSync(ctx, rec).FirstErr()
}

const contentType = "application/cloudevents+json"
