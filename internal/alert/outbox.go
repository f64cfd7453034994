package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/ledger"
)

// entryAgain is the kind of an entry: somebody lets a message that was given up be sent again.
const entryAgain = "outbox_retry"

// again names a message and who wants it sent again.
type again struct {
	ID    string `json:"message"`
	Sink  string `json:"sink"`
	actor string
}

// Again lets a message that was given up be sent again, for somebody, and enters that in the ledger. It fails with ErrAway, or as ledger.Revive does.
func (d *Desk) Again(ctx context.Context, actor, id, sink string) error {
	_, err := d.hand(ctx, request{again: &again{ID: id, Sink: sink, actor: actor}, answer: make(chan answer, 1)})
	return err
}

// sendAgain lets a message wait again. It returns an error only when memory and ledger may differ.
func (s *service) sendAgain(ctx context.Context, a *again) (refused, err error) {
	body, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("encode message %s to %s: %w", a.ID, a.Sink, err), nil
	}
	now := s.o.Now()
	err = s.o.Ledger.Revive(ctx, ledger.Entry{At: now, Kind: entryAgain, Subject: SubjectOf(a.ID), Actor: a.actor, Body: body}, a.ID, a.Sink, now)
	switch {
	case errors.Is(err, ledger.ErrUnknownMessage), errors.Is(err, ledger.ErrNotAbandoned), errors.Is(err, ledger.ErrOutdated),
		errors.Is(err, ledger.ErrOvertaken), errors.Is(err, ledger.ErrNoEntry):
		return err, nil
	case err != nil:
		return nil, err
	}
	s.seq++ // the entry's
	s.log.Info("a message that was given up is sent again", zap.String("message", a.ID), zap.String("sink", a.Sink), zap.String("actor", a.actor))
	select {
	case s.queued <- struct{}{}:
	default:
	}
	return nil, nil
}
