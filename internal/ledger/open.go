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

// Ledger is an open ledger. Its methods may be called from several goroutines.
type Ledger struct {
	db    *sql.DB
	page  int   // how many entries are read at once
	fence int64 // the token of the lease under which it is written; 0: none
}

// Open opens the ledger at url, creates it if it isn't there, and migrates its schema. Supported are sqlite://PATH (PATH
// relative to the working directory, or absolute: sqlite:///var/lib/ledger.db), sqlite::memory:, which lives as long as
// the Ledger, and postgres://USER:PASSWORD@HOST/DATABASE. A ledger that a newer build has migrated is refused.
func Open(ctx context.Context, url string) (*Ledger, error) {
	l, err := openAny(ctx, url, readWrite)
	if err != nil {
		return nil, fmt.Errorf("open ledger: %w", err)
	}
	return l, nil
}

// OpenReadOnly opens the ledger at url to be looked at. It creates, migrates and writes nothing: what would fails.
func OpenReadOnly(ctx context.Context, url string) (*Ledger, error) {
	l, err := openAny(ctx, url, readOnly)
	if err != nil {
		return nil, fmt.Errorf("open ledger to read: %w", err)
	}
	return l, nil
}

// access is what a ledger is opened for.
type access bool

const (
	readWrite access = false
	readOnly  access = true
)

func openAny(ctx context.Context, url string, a access) (*Ledger, error) {
	open := openSQLite
	if isPostgres(url) {
		open = openPostgres
	}
	db, alone, err := open(ctx, url, a)
	if err != nil {
		return nil, err
	}
	if a == readOnly {
		err = readable(ctx, db)
	} else {
		err = migrate(ctx, db, alone)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Ledger{db: db, page: pageSize}, nil
}

// readable reports why a database can't be read as a ledger.
func readable(ctx context.Context, db *sql.DB) error {
	var version int
	if err := db.QueryRowContext(ctx, `SELECT version FROM ledger_schema`).Scan(&version); err != nil {
		return fmt.Errorf("it is no ledger, or can't be read: %w", err)
	}
	return knownVersion(version)
}

func openSQLite(ctx context.Context, url string, a access) (db *sql.DB, alone string, err error) {
	dsn, err := sqliteDSN(url, a)
	if err != nil {
		return nil, "", err
	}
	if db, err = sql.Open("sqlite", dsn); err != nil {
		return nil, "", err
	}
	// One connection: SQLite has one writer anyway, and a database in memory belongs to its connection.
	db.SetMaxOpenConns(1)
	db.SetMaxIdleConns(1)
	db.SetConnMaxLifetime(0)
	db.SetConnMaxIdleTime(0)
	if a == readWrite {
		err = useWAL(ctx, db)
	}
	if err != nil {
		return nil, "", errors.Join(err, db.Close())
	}
	return db, "", nil
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
func sqliteDSN(from string, a access) (string, error) {
	const supported = "supported are sqlite://PATH, sqlite::memory: and postgres://USER:PASSWORD@HOST/DATABASE"
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
	file := "file:" + (&url.URL{Path: path}).EscapedPath() + pragmas()
	if a == readOnly {
		if _, err := os.Stat(filepath.FromSlash(path)); err != nil {
			return "", err
		}
		file += "&mode=ro"
	}
	return file, nil
}

// pragmas are the settings of every connection. Transactions take the write lock at their start: one that read first and
// wrote later could not wait for another process, it would fail.
func pragmas() string {
	q := url.Values{"_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout), "synchronous(FULL)", "foreign_keys(ON)",
	}}
	return "?" + q.Encode()
}
