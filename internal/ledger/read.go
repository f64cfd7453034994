package ledger

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// pageSize is how many entries are read at once. Between pages the connection is free, so a visitor may use the Ledger.
const pageSize = 256

// querier is what a database and a transaction have in common for reading.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Offsets returns the stored consumer offsets, by topic and partition.
func (l *Ledger) Offsets(ctx context.Context) ([]Offset, error) {
	var all []Offset
	err := query(ctx, l.db, func(rows *sql.Rows) error {
		var o Offset
		if err := rows.Scan(&o.Topic, &o.Partition, &o.Next); err != nil {
			return err
		}
		all = append(all, o)
		return nil
	}, `SELECT topic, part, next_offset FROM ledger_offsets`)
	if err != nil {
		return nil, fmt.Errorf("read offsets from ledger: %w", err)
	}
	// Sorted here: how a database orders text depends on its collation.
	slices.SortFunc(all, func(a, b Offset) int {
		return cmp.Or(strings.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	return all, nil
}

// ForgetOffsets drops the offsets of a topic that was created anew: its offsets start again at 0, and Append would refuse
// them. Entries stay.
func (l *Ledger) ForgetOffsets(ctx context.Context, topic string) error {
	err := l.inOrder(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM ledger_offsets WHERE topic = $1`, topic)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget offsets of %s in ledger: %w", topic, err)
	}
	return nil
}

// Each visits the entries of a kind ("" for all) with Seq >= from, in order, including those that are appended meanwhile.
// visit may use the Ledger. An error of visit ends the walk and is returned as it is.
func (l *Ledger) Each(ctx context.Context, kind string, from int64, visit func(Entry) error) error {
	for {
		page, err := l.readPage(ctx, kind, from)
		if err != nil {
			return fmt.Errorf("read entries from ledger: %w", err)
		}
		for i := range page {
			e, err := parseRow(&page[i])
			if err != nil {
				return fmt.Errorf("read entries from ledger: %w", err)
			}
			if err := visit(e); err != nil {
				return err
			}
		}
		if len(page) < l.page || page[len(page)-1].seq == math.MaxInt64 {
			return nil
		}
		from = page[len(page)-1].seq + 1
	}
}

// Head returns the number and hash of the last entry; 0 and Genesis for an empty ledger.
func (l *Ledger) Head(ctx context.Context) (seq int64, hash string, err error) {
	seq, hash, err = head(ctx, l.db)
	if err != nil {
		return 0, "", fmt.Errorf("read ledger: %w", err)
	}
	return seq, hash, nil
}

func head(ctx context.Context, q querier) (seq int64, hash string, err error) {
	err = q.QueryRowContext(ctx, `SELECT seq, hash FROM ledger_head WHERE one = 1`).Scan(&seq, &hash)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, "", &TamperError{Seq: 1, How: Missing, Detail: "the head of the chain is gone"}
	}
	if err != nil {
		return 0, "", fmt.Errorf("read head: %w", err)
	}
	return seq, hash, nil
}

func (l *Ledger) readPage(ctx context.Context, kind string, from int64) ([]row, error) {
	const columns = `SELECT seq, happened, kind, subject, actor, body, prev, hash FROM ledger_entries `
	text, args := columns+`WHERE seq >= $1 ORDER BY seq LIMIT $2`, []any{from, l.page}
	if kind != "" {
		text, args = columns+`WHERE kind = $1 AND seq >= $2 ORDER BY seq LIMIT $3`, []any{kind, from, l.page}
	}
	var page []row
	err := query(ctx, l.db, func(rows *sql.Rows) error {
		var r row
		if err := rows.Scan(&r.seq, &r.at, &r.kind, &r.subject, &r.actor, &r.body, &r.prev, &r.hash); err != nil {
			return err
		}
		page = append(page, r)
		return nil
	}, text, args...)
	return page, err
}

// query calls each for every row, and closes the rows.
func query(ctx context.Context, q querier, each func(*sql.Rows) error, text string, args ...any) error {
	rows, err := q.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := each(rows); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
