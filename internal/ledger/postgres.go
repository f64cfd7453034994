package ledger

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

const (
	postgresConnections = 4 // the alerter folds and delivers at once, and people look
	postgresIdle        = 5 * time.Minute

	// migrateAlone is held until the migration's end. The number is ours: it says nothing, and no other program that shares the database is
	// likely to have it.
	migrateAlone = `SELECT pg_advisory_xact_lock(7235421091)`
)

func isPostgres(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}

// openPostgres connects by a URL of libpq's kind; sslmode and the rest of its parameters hold. What goes wrong is told without the password.
func openPostgres(_ context.Context, url string, a access) (db *sql.DB, alone string, err error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, "", err
	}
	if a == readOnly {
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	db = stdlib.OpenDB(*config)
	db.SetMaxOpenConns(postgresConnections)
	db.SetMaxIdleConns(postgresConnections)
	db.SetConnMaxIdleTime(postgresIdle)
	return db, migrateAlone, nil
}
