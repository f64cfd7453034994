package ledger

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ErrFenced means that a write was refused because the lease it was made under is another's now. Nothing was written.
var ErrFenced = errors.New("the lease was taken over")

// HeldError says who holds the lease.
type HeldError struct {
	Holder string
	Until  time.Time
}

// Error names the holder.
func (e *HeldError) Error() string {
	return fmt.Sprintf("the lease is held by %s until %s", e.Holder, e.Until.UTC().Format(time.RFC3339))
}

// Lease is the right to write, for a while. Its token grows with every taking: who writes under an older one is refused,
// whatever clock they have.
type Lease struct {
	Holder string
	Token  int64
	Until  time.Time
}

// Acquire takes the lease for ttl if it is free at now, or over, or the holder's own: a process that was killed and comes back under
// its name need not wait for itself. It fails with *HeldError where another has it.
func (l *Ledger) Acquire(ctx context.Context, holder string, now time.Time, ttl time.Duration) (Lease, error) {
	var got Lease
	err := inTx(ctx, l.db, func(tx *sql.Tx) error {
		var has string
		var token, until int64
		if err := lockLease(ctx, tx); err != nil {
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT holder, token, until FROM ledger_lease WHERE one = 1`).Scan(&has, &token, &until); err != nil {
			return err
		}
		if has != holder && until > now.UnixMicro() {
			return &HeldError{has, time.UnixMicro(until).UTC()}
		}
		got = Lease{Holder: holder, Token: token + 1, Until: time.UnixMicro(now.Add(ttl).UnixMicro()).UTC()}
		_, err := tx.ExecContext(ctx, `UPDATE ledger_lease SET holder = $1, token = $2, until = $3 WHERE one = 1`, holder, got.Token, got.Until.UnixMicro())
		return err
	})
	if err != nil {
		return Lease{}, fmt.Errorf("acquire the ledger's lease: %w", err)
	}
	return got, nil
}

// lockLease makes the transaction the only one that looks at the lease. PostgreSQL locks the row; SQLite has locked everything.
func lockLease(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `UPDATE ledger_lease SET token = token WHERE one = 1`)
	return err
}

// Renew extends a lease to now + ttl. It fails with ErrFenced where another took it over; that it ran out meanwhile does no harm.
func (l *Ledger) Renew(ctx context.Context, held Lease, now time.Time, ttl time.Duration) (Lease, error) {
	held.Until = time.UnixMicro(now.Add(ttl).UnixMicro()).UTC()
	if err := l.setLease(ctx, held); err != nil {
		return Lease{}, fmt.Errorf("renew the ledger's lease: %w", err)
	}
	return held, nil
}

// Release gives a lease up, so that another need not wait for its end. One that was taken over is left alone.
func (l *Ledger) Release(ctx context.Context, held Lease) error {
	held.Until = time.UnixMicro(0)
	if err := l.setLease(ctx, held); err != nil && !errors.Is(err, ErrFenced) {
		return fmt.Errorf("release the ledger's lease: %w", err)
	}
	return nil
}

func (l *Ledger) setLease(ctx context.Context, held Lease) error {
	if held.Token == 0 { // none was ever taken
		return ErrFenced
	}
	return inTx(ctx, l.db, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `UPDATE ledger_lease SET until = $1 WHERE one = 1 AND token = $2 AND holder = $3`,
			held.Until.UnixMicro(), held.Token, held.Holder)
		return touched(done, err)
	})
}

// touched is ErrFenced where an update found no row.
func touched(done sql.Result, err error) error {
	if err != nil {
		return err
	}
	switch n, err := done.RowsAffected(); {
	case err != nil:
		return err
	case n == 0:
		return ErrFenced
	default:
		return nil
	}
}

// Under is the ledger as the holder of a lease writes it: every write checks in its own transaction that the lease is still theirs, and
// is refused with ErrFenced otherwise. Reading is as before.
func (l *Ledger) Under(held Lease) *Ledger {
	return &Ledger{db: l.db, page: l.page, fence: held.Token}
}

// inOrder runs a write: under the lease, if there is one, and one at a time. Two that append at once would both follow the same
// entry.
func (l *Ledger) inOrder(ctx context.Context, do func(tx *sql.Tx) error) error {
	return inTx(ctx, l.db, func(tx *sql.Tx) error {
		if l.fence != 0 {
			done, err := tx.ExecContext(ctx, `UPDATE ledger_lease SET token = token WHERE one = 1 AND token = $1`, l.fence)
			if err := touched(done, err); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `UPDATE ledger_head SET seq = seq WHERE one = 1`); err != nil {
			return fmt.Errorf("lock head: %w", err)
		}
		return do(tx)
	})
}
