package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/alert"
	"github.com/plumbline-ml/plumbline/internal/bus"
	"github.com/plumbline-ml/plumbline/internal/change"
	"github.com/plumbline-ml/plumbline/internal/console"
	"github.com/plumbline-ml/plumbline/internal/engine"
	"github.com/plumbline-ml/plumbline/internal/finding"
	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
	"github.com/plumbline-ml/plumbline/internal/view"
)

// store is the latest view as the services write it and the API reads it: public objects in JSON on the display.
type store struct{ display *view.Display }

// PutPane shows the latest panes of a model.
func (s *store) PutPane(ctx context.Context, snap engine.Snapshot) error {
	body, err := json.Marshal(snap)
	if err != nil {
		return fmt.Errorf("encode latest panes of %s: %w", snap.Model, err)
	}
	return s.display.PutPane(ctx, snap.Model, body, snap.Ended())
}

// PutIncident shows an incident as of a ledger entry.
func (s *store) PutIncident(ctx context.Context, inc incident.Incident, seq int64) error {
	body, err := json.Marshal(inc)
	if err != nil {
		return fmt.Errorf("encode incident %s: %w", inc.ID, err)
	}
	return s.display.PutIncident(ctx, inc.ID, body, seq)
}

// Models implements console.Store.
func (s *store) Models(ctx context.Context) ([]string, error) { return s.display.Models(ctx) }

// Latest implements console.Store.
func (s *store) Latest(ctx context.Context, model string) ([]byte, error) {
	b, err := s.display.Latest(ctx, model)
	if err == nil && b == nil {
		return nil, console.ErrNotFound
	}
	return b, err
}

// Incidents implements console.Store.
func (s *store) Incidents(ctx context.Context) ([]incident.Incident, error) {
	shown, err := s.display.Incidents(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]incident.Incident, len(shown))
	for i, b := range shown {
		if err := json.Unmarshal(b.Body, &out[i]); err != nil {
			return nil, fmt.Errorf("read incident %s: %w", b.ID, err)
		}
	}
	return out, nil
}

func newAPI(s *store, log *zap.Logger) *console.API { return console.New(s, log) }

// changes puts what was changed on its topic.
type changes struct{ producer *kgo.Client }

// Publish implements console.Changes.
func (c changes) Publish(ctx context.Context, e change.Event) error {
	body, err := json.Marshal(finding.Wrap(change.Kind, e.ID, strings.Join(e.Models, ","), e.At, e))
	if err != nil {
		return fmt.Errorf("encode change %s: %w", e.ID, err)
	}
	return c.producer.ProduceSync(ctx, &kgo.Record{Topic: bus.TopicChanges, Partition: 0, Key: []byte(e.ID), Value: body}).FirstErr()
}

// outbox is the ledger's outbox as the API knows it: read as it is, written by the alerter.
type outbox struct {
	ledger *ledger.Ledger
	desk   *alert.Desk
}

// GivenUp implements console.Outbox.
func (o outbox) GivenUp(ctx context.Context, id, sink string, limit int) ([]console.Letter, error) {
	waiting, err := o.ledger.Abandoned(ctx, id, sink, limit)
	out := make([]console.Letter, len(waiting))
	for i := range waiting {
		w := &waiting[i]
		out[i] = console.Letter{KindName: "message", ID: w.ID, Sink: w.Sink, Incident: alert.SubjectOf(w.ID), Due: w.Due, Attempts: w.Attempts, Reason: w.Reason}
	}
	return out, err
}

// Again implements console.Outbox.
func (o outbox) Again(ctx context.Context, actor, id, sink string) error {
	err := o.desk.Again(ctx, actor, id, sink)
	switch {
	case errors.Is(err, ledger.ErrUnknownMessage):
		return fmt.Errorf("%w: %w", console.ErrNoLetter, err)
	case errors.Is(err, ledger.ErrNotAbandoned), errors.Is(err, ledger.ErrOutdated), errors.Is(err, ledger.ErrOvertaken):
		return fmt.Errorf("%w: %w", console.ErrNotNow, err)
	case errors.Is(err, alert.ErrAway):
		return fmt.Errorf("%w: %w", console.ErrAway, err)
	}
	return err
}

// desk is the alerter's desk as the API knows it.
type desk struct{ of *alert.Desk }

// Do implements console.Desk.
func (d desk) Do(ctx context.Context, a incident.Act) ([]incident.Told, error) {
	told, err := d.of.Do(ctx, a)
	if errors.Is(err, alert.ErrAway) {
		return nil, fmt.Errorf("%w: %w", console.ErrAway, err)
	}
	return told, err
}
