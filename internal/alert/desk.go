package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/plumbline-ml/plumbline/internal/incident"
	"github.com/plumbline-ml/plumbline/internal/ledger"
)

const (
	entryAct = "act"
	self     = "alerter" // who ends silences
)

// ErrAway means that no alerter took the act: none runs here just now, or another one holds the lease. It was not done.
var ErrAway = errors.New("the alerter is not at work here")

// Desk is where people's acts come in. The alerter that runs takes them one by one, between findings.
type Desk struct{ requests chan request }

// NewDesk makes a desk that nobody sits at yet.
func NewDesk() *Desk { return &Desk{requests: make(chan request)} }

type request struct {
	act    incident.Act
	again  *again      // instead of an act
	answer chan answer // has room for one
}

type answer struct {
	told []incident.Told
	err  error
}

// Do hands in an act, which gets its time from the alerter, and returns what it changed once that is in the ledger. It waits for the alerter until
// ctx ends: ErrAway. An act that was taken and whose answer didn't come may have been done; handing it in again does no harm.
func (d *Desk) Do(ctx context.Context, a incident.Act) ([]incident.Told, error) {
	return d.hand(ctx, request{act: a, answer: make(chan answer, 1)})
}

// hand gives a request to the alerter and waits for its answer.
func (d *Desk) hand(ctx context.Context, r request) ([]incident.Told, error) {
	select {
	case d.requests <- r:
	case <-ctx.Done():
		return nil, ErrAway
	}
	select {
	case got := <-r.answer:
		return got.told, got.err
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the act to be entered: %w", ctx.Err())
	}
}

// serve does one act for somebody. It returns an error only when memory and ledger may differ.
func (s *service) serve(ctx context.Context, r request) error {
	if r.again != nil {
		refused, err := s.sendAgain(ctx, r.again)
		if err != nil {
			refused = fmt.Errorf("%w: %w", ErrAway, err)
		}
		r.answer <- answer{err: refused}
		return err
	}
	r.act.KindName, r.act.At = incident.KindAct, s.o.Now()
	told, refused, err := s.act(ctx, r.act)
	if err != nil {
		r.answer <- answer{err: fmt.Errorf("%w: %w", ErrAway, err)}
		return err
	}
	r.answer <- answer{told, refused}
	return nil
}

// act folds an act and enters it, with the messages that follow, in one SQL transaction.
func (s *service) act(ctx context.Context, a incident.Act) (told []incident.Told, refused, err error) {
	known := s.book.Knows(a.ID)
	told, refused = s.book.Act(a)
	if refused != nil || known {
		return told, refused, nil
	}
	body, err := json.Marshal(a)
	if err != nil {
		return nil, nil, fmt.Errorf("encode act %s: %w", a.ID, err)
	}
	s.retraining.moved(told)
	subject := a.Incident
	if subject == "" {
		subject = a.Model
	}
	var b batch
	s.enter(&b, ledger.Entry{At: a.At, Kind: entryAct, Subject: subject, Actor: a.Actor, Body: body})
	for _, t := range told {
		s.m.incidents.WithLabelValues(string(t.Change)).Inc()
		b.changed(t.Change, t.Incident)
	}
	if err := s.settle(&b); err != nil {
		return nil, nil, err
	}
	s.log.Info("act", zap.String("verb", string(a.Verb)), zap.String("actor", a.Actor), zap.String("incident", a.Incident), zap.String("model", a.Model))
	return told, nil, s.commit(ctx, &b, nil)
}

// endSilences ends those that are over. That is an entry, too: so that who folds the ledger again knows in which silence a finding fell.
func (s *service) endSilences(ctx context.Context) error {
	for _, a := range s.book.Ended(s.o.Now(), self) {
		if _, refused, err := s.act(ctx, a); err != nil {
			return err
		} else if refused != nil {
			s.log.Warn("end a silence", zap.Error(refused))
		}
	}
	return nil
}
