package ledger

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// ErrStaleOffset means that Append would move a consumer offset back: another alerter has folded further. The caller is a
// zombie, or its memory is old; it must read the ledger again.
var ErrStaleOffset = errors.New("offset is behind the ledger's")

// Offset is where a consumer goes on: Next is the first offset of the topic's partition that no entry stands for yet.
type Offset struct {
	Topic     string
	Partition int32
	Next      int64
}

// Outgoing is a message to send to a sink.
type Outgoing struct {
	ID   string    // idempotency key: one message per ID and Sink is ever accepted
	Sink string    // where to: not empty
	Body []byte    // UTF-8 text, as a rule JSON
	Due  time.Time // not before; kept to the microsecond
}

// Append writes entries, consumer offsets and outgoing messages in one SQL transaction. If it fails, nothing was written,
// with one exception that every database has: when the connection breaks during the commit the outcome is unknown; read
// Offsets or Head again.
//
// On success Seq, Prev and Hash of entries are filled in; what they held before doesn't matter. An outgoing message whose ID
// and Sink are known, even if it was delivered long ago, is left as it is. An offset equal to the stored one is fine, a lower
// one gives ErrStaleOffset. If the stored chain's end doesn't agree with its head, the ledger was tampered with: Append
// refuses with a *TamperError, because going on would cover the traces.
func (l *Ledger) Append(ctx context.Context, entries []Entry, offsets []Offset, out []Outgoing) error {
	if err := check(entries, offsets, out); err != nil {
		return fmt.Errorf("append to ledger: %w", err)
	}
	if len(entries)+len(offsets)+len(out) == 0 {
		return nil
	}
	var sealed []Entry
	err := l.inOrder(ctx, func(tx *sql.Tx) error {
		var err error
		if sealed, err = appendEntries(ctx, tx, entries); err != nil {
			return err
		}
		if err := storeOffsets(ctx, tx, offsets); err != nil {
			return err
		}
		return enqueue(ctx, tx, out)
	})
	if err != nil {
		return fmt.Errorf("append to ledger: %w", err)
	}
	copy(entries, sealed)
	return nil
}

func appendEntries(ctx context.Context, tx *sql.Tx, entries []Entry) ([]Entry, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	seq, prev, err := checkedHead(ctx, tx)
	if err != nil {
		return nil, err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO ledger_entries
		(seq, happened, kind, subject, actor, body, prev, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`)
	if err != nil {
		return nil, fmt.Errorf("write entries: %w", err)
	}
	defer func() { _ = insert.Close() }() // the transaction's end closes it too

	sealed := slices.Clone(entries)
	for i := range sealed {
		e := &sealed[i]
		seq++
		r := row{
			seq: seq, at: formatTime(e.At), kind: e.Kind, subject: e.Subject, actor: e.Actor,
			body: string(e.Body), prev: prev,
		}
		r.hash = r.seal(seq)
		if _, err := insert.ExecContext(ctx, r.seq, r.at, r.kind, r.subject, r.actor, r.body, r.prev, r.hash); err != nil {
			return nil, fmt.Errorf("write entry %d: %w", seq, err)
		}
		e.Seq, e.Prev, e.Hash = seq, prev, r.hash
		prev = r.hash
	}
	if _, err := tx.ExecContext(ctx, `UPDATE ledger_head SET seq = $1, hash = $2 WHERE one = 1`, seq, prev); err != nil {
		return nil, fmt.Errorf("write head: %w", err)
	}
	return sealed, nil
}

// checkedHead reads the head and compares it with the last entry.
func checkedHead(ctx context.Context, q querier) (seq int64, hash string, err error) {
	seq, hash, err = head(ctx, q)
	if err != nil {
		return 0, "", err
	}
	last, lastHash := int64(0), Genesis
	err = q.QueryRowContext(ctx, `SELECT seq, hash FROM ledger_entries ORDER BY seq DESC LIMIT 1`).Scan(&last, &lastHash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, "", fmt.Errorf("read last entry: %w", err)
	}
	if err := checkEnd(last, lastHash, seq, hash); err != nil {
		return 0, "", err
	}
	return seq, hash, nil
}

func storeOffsets(ctx context.Context, tx *sql.Tx, offsets []Offset) error {
	for _, o := range offsets {
		var stored int64
		err := tx.QueryRowContext(ctx, `SELECT next_offset FROM ledger_offsets WHERE topic = $1 AND part = $2`,
			o.Topic, o.Partition).Scan(&stored)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("read offset of %s/%d: %w", o.Topic, o.Partition, err)
		}
		if err == nil && o.Next < stored {
			return fmt.Errorf("%w: %s/%d: %d would follow %d", ErrStaleOffset, o.Topic, o.Partition, o.Next, stored)
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_offsets (topic, part, next_offset) VALUES ($1, $2, $3)
			ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset`, o.Topic, o.Partition, o.Next); err != nil {
			return fmt.Errorf("write offset of %s/%d: %w", o.Topic, o.Partition, err)
		}
	}
	return nil
}

func enqueue(ctx context.Context, tx *sql.Tx, out []Outgoing) error {
	if len(out) == 0 {
		return nil
	}
	var position int64
	if err := tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(position), 0) FROM ledger_outbox`).Scan(&position); err != nil {
		return fmt.Errorf("read outbox: %w", err)
	}
	for _, o := range out {
		position++
		if _, err := tx.ExecContext(ctx, `INSERT INTO ledger_outbox
			(id, sink, position, body, due, state, attempts, reason) VALUES ($1, $2, $3, $4, $5, $6, 0, '')
			ON CONFLICT (id, sink) DO NOTHING`,
			o.ID, o.Sink, position, string(o.Body), o.Due.UnixMicro(), statePending); err != nil {
			return fmt.Errorf("write message %s to %s: %w", o.ID, o.Sink, err)
		}
	}
	return nil
}

// check refuses what couldn't be stored or hashed faithfully, before a transaction begins.
func check(entries []Entry, offsets []Offset, out []Outgoing) error {
	for i := range entries {
		e := &entries[i]
		switch y := e.At.UTC().Year(); {
		case e.Kind == "":
			return fmt.Errorf("entry %d of %d has no kind", i+1, len(entries))
		case y < 0 || y > 9999:
			return fmt.Errorf("entry %d of %d (%s) is of the year %d; RFC 3339 has 0 to 9999", i+1, len(entries), e.Kind, y)
		case !json.Valid(e.Body):
			return fmt.Errorf("entry %d of %d (%s): the body is not JSON", i+1, len(entries), e.Kind)
		case !storable(e.Kind, e.Subject, e.Actor, string(e.Body)):
			return fmt.Errorf("entry %d of %d (%q): %s", i+1, len(entries), e.Kind, notText)
		}
	}
	for _, o := range offsets {
		switch {
		case o.Topic == "" || !storable(o.Topic):
			return fmt.Errorf("offset of topic %q: the topic's name is empty or no text", o.Topic)
		case o.Partition < 0 || o.Next < 0:
			return fmt.Errorf("offset of %s/%d is %d; partitions and offsets start at 0", o.Topic, o.Partition, o.Next)
		}
	}
	for _, o := range out {
		switch {
		case o.ID == "" || o.Sink == "":
			return fmt.Errorf("message %q to sink %q: it needs an id and a sink", o.ID, o.Sink)
		case !storable(o.ID, o.Sink, string(o.Body)):
			return fmt.Errorf("message %q to sink %q: %s", o.ID, o.Sink, notText)
		}
	}
	return nil
}

const notText = "text must be UTF-8 without NUL bytes"

// storable says whether texts come back from every database as they went in.
func storable(texts ...string) bool {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return false
		}
	}
	return true
}

// parseRow is the entry that r stores.
func parseRow(r *row) (Entry, error) {
	at, err := time.Parse(time.RFC3339Nano, r.at)
	if err != nil {
		return Entry{}, fmt.Errorf("entry %d: %w", r.seq, err)
	}
	return Entry{
		Seq: r.seq, At: at.UTC(), Kind: r.kind, Subject: r.subject, Actor: r.actor,
		Body: bytes.Clone([]byte(r.body)), Prev: r.prev, Hash: r.hash,
	}, nil
}
