package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// The states of a message. A delivered one is kept: its id must not be accepted again.
const (
	statePending   = "pending"
	stateDelivered = "delivered"
	stateAbandoned = "abandoned"
)

// ErrUnknownMessage means that no message with this id was ever appended for this sink.
var ErrUnknownMessage = errors.New("no such message in the outbox")

// Waiting is a message that is not delivered yet, or was given up.
type Waiting struct {
	Outgoing
	Attempts int    // how often Retry was called for it
	Reason   string // of the last Retry or Abandon
}

// Pending returns the messages that are due at now, at most limit of them, in the order of Append. The messages of one sink
// never overtake each other: one that was put off holds back those behind it. A message is returned again until Delivered, Retry or Abandon is called for it: who delivers and dies
// before Delivered delivers twice, with the same ID.
func (l *Ledger) Pending(ctx context.Context, now time.Time, limit int) ([]Waiting, error) {
	return l.waiting(ctx, `SELECT id, sink, body, due, attempts, reason FROM ledger_outbox
		WHERE state = $1 AND due <= $2 AND NOT EXISTS (SELECT 1 FROM ledger_outbox AS ahead
			WHERE ahead.sink = ledger_outbox.sink AND ahead.state = $1 AND ahead.position < ledger_outbox.position AND ahead.due > $2)
		ORDER BY position LIMIT $3`, statePending, now.UnixMicro(), max(limit, 0))
}

// Abandoned returns at most limit messages that were given up, the oldest first.
func (l *Ledger) Abandoned(ctx context.Context, limit int) ([]Waiting, error) {
	return l.waiting(ctx, `SELECT id, sink, body, due, attempts, reason FROM ledger_outbox
		WHERE state = $1 ORDER BY position LIMIT $2`, stateAbandoned, max(limit, 0))
}

func (l *Ledger) waiting(ctx context.Context, text string, args ...any) ([]Waiting, error) {
	var all []Waiting
	err := query(ctx, l.db, func(rows *sql.Rows) error {
		var w Waiting
		var body string
		var due int64
		if err := rows.Scan(&w.ID, &w.Sink, &body, &due, &w.Attempts, &w.Reason); err != nil {
			return err
		}
		w.Body, w.Due = []byte(body), time.UnixMicro(due).UTC()
		all = append(all, w)
		return nil
	}, text, args...)
	if err != nil {
		return nil, fmt.Errorf("read outbox of ledger: %w", err)
	}
	return all, nil
}

// Delivered marks a message as sent, for good. Calling it again does no harm.
func (l *Ledger) Delivered(ctx context.Context, id, sink string) error {
	return l.settle(ctx, "mark as delivered", id, sink,
		`UPDATE ledger_outbox SET state = $1 WHERE id = $2 AND sink = $3`, stateDelivered, id, sink)
}

// Retry puts a message off until due and counts the attempt. A message that was abandoned waits again; one that was delivered
// stays delivered.
func (l *Ledger) Retry(ctx context.Context, id, sink string, due time.Time, reason string) error {
	return l.settle(ctx, "put off", id, sink,
		`UPDATE ledger_outbox SET state = $1, due = $2, reason = $3, attempts = attempts + 1
			WHERE id = $4 AND sink = $5 AND state <> $6`,
		statePending, due.UnixMicro(), asText(reason), id, sink, stateDelivered)
}

// Abandon gives a message up: Pending no longer returns it, Abandoned does. One that was delivered stays delivered.
func (l *Ledger) Abandon(ctx context.Context, id, sink, reason string) error {
	return l.settle(ctx, "give up", id, sink,
		`UPDATE ledger_outbox SET state = $1, reason = $2 WHERE id = $3 AND sink = $4 AND state <> $5`,
		stateAbandoned, asText(reason), id, sink, stateDelivered)
}

// settle runs an update of one message and tells an unknown message from one that the update rightly left alone.
func (l *Ledger) settle(ctx context.Context, verb, id, sink, update string, args ...any) error {
	err := l.inOrder(ctx, func(tx *sql.Tx) error {
		var state string
		err := tx.QueryRowContext(ctx, `SELECT state FROM ledger_outbox WHERE id = $1 AND sink = $2`, id, sink).Scan(&state)
		if errors.Is(err, sql.ErrNoRows) {
			return ErrUnknownMessage
		}
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, update, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s message %s to %s: %w", verb, id, sink, err)
	}
	return nil
}

// asText makes a reason storable: it may quote what a sink answered, and that can be any bytes.
func asText(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
