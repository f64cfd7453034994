package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"modernc.org/sqlite" // also registers the driver "sqlite"
)

// busyTimeout is how long, in milliseconds, a statement waits while another process holds SQLite's write lock.
const busyTimeout = 5000

// codeBusy is SQLITE_BUSY, the low byte of all codes that say that another connection holds a lock.
const codeBusy = 5

// Ledger is an open ledger. Its methods may be called from several goroutines: one connection serves them in turn.
type Ledger struct {
	db   *sql.DB
	page int // how many entries are read at once
}

// Open opens the ledger at url, creates it if it isn't there, and migrates its schema. Supported are sqlite://PATH (PATH
// relative to the working directory, or absolute: sqlite:///var/lib/ledger.db) and sqlite::memory:, which lives as long as
// the Ledger. A ledger that a newer build has migrated is refused.
func Open(ctx context.Context, url string) (*Ledger, error) {
	dsn, err := sqliteDSN(url)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	// One connection: SQLite has one writer anyway, and a database in memory belongs to its connection.
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	db.SetConnMaxIdleTime(0)
	err = useWAL(ctx, db)
	if err == nil {
		err = migrate(ctx, db)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open ledger: %w", err), db.Close())
	}
	return &Ledger{db: db, page: pageSize}, nil
}

// useWAL switches the database to a write-ahead log, so that readers in other processes don't block the writer. The file
// remembers it. SQLite refuses the switch at once, without waiting, while another process has the file open in a bad moment
// (several that start together on a new file): so it is tried again for about as long as any other lock is waited for.
func useWAL(ctx context.Context, db *sql.DB) error {
	const pause = 20 * time.Millisecond
	for tries := busyTimeout / int(pause.Milliseconds()); ; tries-- {
		_, err := db.ExecContext(ctx, `PRAGMA journal_mode = WAL`)
		if err == nil {
			return nil
		}
		if locked := (*sqlite.Error)(nil); tries == 0 || !errors.As(err, &locked) || locked.Code()&0xff != codeBusy {
			return fmt.Errorf("switch to write-ahead log: %w", err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("switch to write-ahead log: %w", ctx.Err())
		case <-time.After(pause):
		}
	}
}

// Close releases the database. Other methods fail afterwards.
func (l *Ledger) Close() error {
	if err := l.db.Close(); err != nil {
		return fmt.Errorf("close ledger: %w", err)
	}
	return nil
}

// sqliteDSN translates a ledger URL for the driver. Errors name the scheme only: a URL may hold a password.
func sqliteDSN(from string) (string, error) {
	const supported = "supported are sqlite://PATH and sqlite::memory:"
	if from == "sqlite::memory:" {
		return "file::memory:" + pragmas(), nil
	}
	path, ok := strings.CutPrefix(from, "sqlite://")
	if !ok {
		if scheme, _, has := strings.Cut(from, ":"); has && scheme != "" {
			return "", fmt.Errorf("the URL's scheme is %q; %s", scheme, supported)
		}
		return "", fmt.Errorf("the URL has no scheme; %s", supported)
	}
	if path == "" {
		return "", fmt.Errorf("the URL names no file; %s", supported)
	}
	dir := filepath.Dir(filepath.FromSlash(path))
	if info, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return "", fmt.Errorf("%s: there is no folder %s; create it first", path, dir)
	}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas(), nil
}

// pragmas are the settings of every connection. Transactions take the write lock at their start: one that read first and
// wrote later could not wait for another process, it would fail.
func pragmas() string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout), "synchronous(FULL)", "foreign_keys(ON)",
	}}
	return "?" + q.Encode()
}
