package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
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

// Queue says how many messages of a sink are not delivered.
type Queue struct {
	Sink      string
	Pending   int
	Abandoned int
}

// Queues returns the sinks with messages that wait or were given up, by name.
func (l *Ledger) Queues(ctx context.Context) ([]Queue, error) {
	byName := map[string]*Queue{}
	err := query(ctx, l.db, func(rows *sql.Rows) error {
		var sink, state string
		var n int
		if err := rows.Scan(&sink, &state, &n); err != nil {
			return err
		}
		q := byName[sink]
		if q == nil {
			q = &Queue{Sink: sink}
			byName[sink] = q
		}
		if state == statePending {
			q.Pending = n
		} else {
			q.Abandoned = n
		}
		return nil
	}, `SELECT sink, state, COUNT(*) FROM ledger_outbox WHERE state IN ($1, $2) GROUP BY sink, state`, statePending, stateAbandoned)
	if err != nil {
		return nil, fmt.Errorf("read outbox of ledger: %w", err)
	}
	out := make([]Queue, 0, len(byName))
	for _, name := range slices.Sorted(maps.Keys(byName)) { // sorted here: how a database orders text depends on its collation
		out = append(out, *byName[name])
	}
	return out, nil
}

// Pending returns the messages that wait for a sink, at most limit of them, in the order of Append, whether they are due or not: which may
// overtake which is the caller's to say. A message is returned again until Delivered or Abandon is called for it: who delivers and dies
// before Delivered delivers twice, with the same ID.
func (l *Ledger) Pending(ctx context.Context, sink string, limit int) ([]Waiting, error) {
	return l.waiting(ctx, `SELECT id, sink, body, due, attempts, reason FROM ledger_outbox
		WHERE sink = $1 AND state = $2 ORDER BY position LIMIT $3`, sink, statePending, max(limit, 0))
}

// Abandoned returns at most limit messages that were given up, the oldest first: those with an id and to a sink, where these aren't "".
func (l *Ledger) Abandoned(ctx context.Context, id, sink string, limit int) ([]Waiting, error) {
	text, args := `SELECT id, sink, body, due, attempts, reason FROM ledger_outbox WHERE state = $1`, []any{stateAbandoned}
	for _, c := range [][2]string{{"id", id}, {"sink", sink}} {
		if c[1] != "" {
			args = append(args, c[1])
			text += fmt.Sprintf(" AND %s = $%d", c[0], len(args))
		}
	}
	args = append(args, max(limit, 0))
	return l.waiting(ctx, text+fmt.Sprintf(" ORDER BY position LIMIT $%d", len(args)), args...)
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

// Delivered marks a message as sent, for good, and forgets its body. Calling it again does no harm.
func (l *Ledger) Delivered(ctx context.Context, id, sink string) error {
	return l.settle(ctx, "mark as delivered", id, sink,
		`UPDATE ledger_outbox SET state = $1, body = '' WHERE id = $2 AND sink = $3`, stateDelivered, id, sink)
}

// receiptMark tells a receipt from the reason of a retry; both are kept in one column.
const receiptMark = "receipt:"

// Keep remembers what a sink answered to a message, such as where it can be changed. It is called before Delivered.
func (l *Ledger) Keep(ctx context.Context, id, sink, receipt string) error {
	return l.settle(ctx, "keep the receipt of", id, sink,
		`UPDATE ledger_outbox SET reason = $1 WHERE id = $2 AND sink = $3`, receiptMark+asText(receipt), id, sink)
}

// Receipt returns what was kept last of the messages of a subject to a sink, or "". A message is of the subject whose name and "-" its ID
// begins with.
func (l *Ledger) Receipt(ctx context.Context, subject, sink string) (string, error) {
	prefix := subject + "-"
	var reason string
	err := l.db.QueryRowContext(ctx, `SELECT reason FROM ledger_outbox
		WHERE sink = $1 AND substr(id, 1, $2) = $3 AND substr(reason, 1, $4) = $5 ORDER BY position DESC LIMIT 1`,
		sink, utf8.RuneCountInString(prefix), prefix, len(receiptMark), receiptMark).Scan(&reason)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("read a receipt of %s from %s in the outbox: %w", subject, sink, err)
	}
	return strings.TrimPrefix(reason, receiptMark), nil
}

// ErrNotAbandoned means that a message waits, or was delivered: there is nothing to revive.
var ErrNotAbandoned = errors.New("the message was not given up")

// ErrOutdated means that a later message of the same subject was delivered to the sink: an older one after it would tell what is no longer so.
var ErrOutdated = errors.New("the sink was told later of the same subject")

// ErrOvertaken means that a later message of the same subject waits for the sink, and may be on its way just now: an older one might arrive after it. It
// says all that the older one would.
var ErrOvertaken = errors.New("a later message of the same subject is on its way to the sink, and says where it stands")

// ErrNoEntry means that an entry can't be kept as it is, such as one with text that isn't UTF-8 without NUL bytes.
var ErrNoEntry = errors.New("the ledger can't keep such an entry")

// Revive lets a message that was given up wait again, as if it had never been tried, and appends the entry that says who wanted it, in one SQL
// transaction. The subject of a message is its ID up to the last "-". It fails with ErrUnknownMessage, ErrNotAbandoned,
// ErrOutdated, ErrOvertaken or ErrNoEntry, and has then changed nothing.
func (l *Ledger) Revive(ctx context.Context, e Entry, id, sink string, due time.Time) error {
	entries := []Entry{e}
	if !storable(id, sink) { // no such message was ever taken, and not every database can be asked for it
		return fmt.Errorf("revive message %q to %q: %w", id, sink, ErrUnknownMessage)
	}
	if err := check(entries, nil, nil); err != nil {
		return fmt.Errorf("revive message %s to %s: %w: %w", id, sink, ErrNoEntry, err)
	}
	err := l.inOrder(ctx, func(tx *sql.Tx) error {
		if err := revivable(ctx, tx, id, sink); err != nil {
			return err
		}
		if _, err := appendEntries(ctx, tx, entries); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE ledger_outbox SET state = $1, due = $2, attempts = 0 WHERE id = $3 AND sink = $4`,
			statePending, due.UnixMicro(), id, sink)
		return err
	})
	if err != nil {
		return fmt.Errorf("revive message %s to %s: %w", id, sink, err)
	}
	return nil
}

// revivable says why a message can't be revived.
func revivable(ctx context.Context, tx *sql.Tx, id, sink string) error {
	var state string
	var position, told, waits int64
	err := tx.QueryRowContext(ctx, `SELECT state, position FROM ledger_outbox WHERE id = $1 AND sink = $2`, id, sink).Scan(&state, &position)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return ErrUnknownMessage
	case err != nil:
		return err
	case state != stateAbandoned:
		return ErrNotAbandoned
	}
	prefix := id[:strings.LastIndex(id, "-")+1]
	if prefix == "" {
		return nil
	}
	err = tx.QueryRowContext(ctx, `SELECT COUNT(CASE WHEN state = $1 THEN 1 END), COUNT(CASE WHEN state = $2 THEN 1 END) FROM ledger_outbox
		WHERE sink = $3 AND position > $4 AND substr(id, 1, $5) = $6`,
		stateDelivered, statePending, sink, position, utf8.RuneCountInString(prefix), prefix).Scan(&told, &waits)
	switch {
	case err != nil:
		return err
	case told > 0:
		return ErrOutdated
	case waits > 0:
		return ErrOvertaken
	default:
		return nil
	}
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
