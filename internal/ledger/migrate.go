package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// migrations[i] brings the schema from version i to version i+1. A migration that was released is never edited.
var migrations = [][]string{
	{
		// happened is RFC 3339 text and not a number: it is part of what is hashed, and people read it.
		`CREATE TABLE ledger_entries (
			seq BIGINT NOT NULL PRIMARY KEY,
			happened TEXT NOT NULL,
			kind TEXT NOT NULL,
			subject TEXT NOT NULL,
			actor TEXT NOT NULL,
			body TEXT NOT NULL,
			prev TEXT NOT NULL,
			hash TEXT NOT NULL
		)`,
		`CREATE INDEX ledger_entries_kind ON ledger_entries (kind, seq)`,
		// One row. It makes Append find its place without a scan, and a cut tail visible without an anchor.
		`CREATE TABLE ledger_head (one BIGINT NOT NULL PRIMARY KEY, seq BIGINT NOT NULL, hash TEXT NOT NULL)`,
		`INSERT INTO ledger_head (one, seq, hash) VALUES (1, 0, '` + Genesis + `')`,
		`CREATE TABLE ledger_offsets (
			topic TEXT NOT NULL,
			part BIGINT NOT NULL,
			next_offset BIGINT NOT NULL,
			PRIMARY KEY (topic, part)
		)`,
		// due is in microseconds since the Unix epoch; position keeps the order of Append among equal dues.
		`CREATE TABLE ledger_outbox (
			id TEXT NOT NULL,
			sink TEXT NOT NULL,
			position BIGINT NOT NULL,
			body TEXT NOT NULL,
			due BIGINT NOT NULL,
			state TEXT NOT NULL,
			attempts BIGINT NOT NULL,
			reason TEXT NOT NULL,
			PRIMARY KEY (id, sink)
		)`,
		`CREATE INDEX ledger_outbox_due ON ledger_outbox (state, due, position)`,
		`CREATE INDEX ledger_outbox_position ON ledger_outbox (position)`,
	},
	{
		// One row: who may write, see lease.go. until is in microseconds since the Unix epoch.
		`CREATE TABLE ledger_lease (one BIGINT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, token BIGINT NOT NULL, until BIGINT NOT NULL)`,
		`INSERT INTO ledger_lease (one, holder, token, until) VALUES (1, '', 0, 0)`,
	},
}

// migrate creates or upgrades the schema, all steps in one transaction, so that two processes that start together do it once. alone is
// what makes them wait for one another, where beginning a transaction doesn't.
func migrate(ctx context.Context, db *sql.DB, alone string) error {
	return inTx(ctx, db, func(tx *sql.Tx) error {
		if alone != "" {
			if _, err := tx.ExecContext(ctx, alone); err != nil {
				return fmt.Errorf("lock schema: %w", err)
			}
		}
		if _, err := tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS ledger_schema (version BIGINT NOT NULL)`); err != nil {
			return fmt.Errorf("read schema version: %w", err)
		}
		var version int
		err := tx.QueryRowContext(ctx, `SELECT version FROM ledger_schema`).Scan(&version)
		fresh := errors.Is(err, sql.ErrNoRows)
		if err != nil && !fresh {
			return fmt.Errorf("read schema version: %w", err)
		}
		if err := knownVersion(version); err != nil || version == len(migrations) {
			return err
		}
		for i, steps := range migrations[version:] {
			for _, step := range steps {
				if _, err := tx.ExecContext(ctx, step); err != nil {
					return fmt.Errorf("migrate schema to version %d: %w", version+i+1, err)
				}
			}
		}
		record := `UPDATE ledger_schema SET version = $1`
		if fresh {
			record = `INSERT INTO ledger_schema (version) VALUES ($1)`
		}
		if _, err := tx.ExecContext(ctx, record, len(migrations)); err != nil {
			return fmt.Errorf("write schema version: %w", err)
		}
		return nil
	})
}

func knownVersion(version int) error {
	switch {
	case version > len(migrations):
		return fmt.Errorf("its schema has version %d and this build knows versions up to %d; use the newer build",
			version, len(migrations))
	case version < 0:
		return fmt.Errorf("its schema has version %d; versions start at 1", version)
	default:
		return nil
	}
}

// inTx runs do in a transaction and commits it if do returns nil.
func inTx(ctx context.Context, db *sql.DB, do func(*sql.Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin transaction: %w", err)
	}
	if err := do(tx); err != nil {
		err = ended(ctx, err)
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			return errors.Join(err, fmt.Errorf("roll back: %w", back))
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", ended(ctx, err))
	}
	return nil
}

// ended says why a transaction was finished under the hands of who used it: a context that ends rolls it back by itself, and
// what is met then (a closed statement, a finished transaction) doesn't tell.
func ended(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w: %w", end, err)
	}
	return err
}
