package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/engine-build/engine/engine/warehouse"
)

var (
	_ warehouse.Leaser = (*conn)(nil)
	_ warehouse.Fencer = (*tx)(nil)
)

// leaseClock is the server's time at the moment at which it is computed: a statement that
// waited for the row must not judge by the time at which it began.
const leaseClock = "(clock_timestamp() at time zone 'UTC')"

// leaseQueue is how long a call about a lease waits for a connection of the pool. All of
// them may be busy with long statements, and a heartbeat cannot wait for those.
const leaseQueue = 2 * time.Second

// leases is the table as this connection, or transaction, talks to it.
func (s session) leases() warehouse.LeaseTable {
	return warehouse.LeaseTable{
		Speller: Dialect{},
		Clock:   leaseClock,
		Ask: func(ctx context.Context, sql string) (rows [][]string, err error) {
			err = s.spare(ctx, func(pg *pgconn.PgConn) error {
				rows, err = leaseRows(ctx, pg, sql)
				return wrap(ctx, warehouse.Statement{SQL: sql}, err)
			})
			return rows, err
		},
		Do: func(ctx context.Context, sql string) error {
			_, err := s.Exec(ctx, warehouse.Statement{SQL: sql})
			return err
		},
		Missing: func(err error) bool {
			var e *Error
			return errors.As(err, &e) && (e.Code == "42P01" || e.Code == "3F000")
		},
		Again: func(err error) bool { return warehouse.Conflict(err) || makesAlike(err) },
	}
}

// makesAlike reports whether another session has just made the table that «if not exists» did
// not see: heap_create_with_catalog finds the table (42P07) or its row type (42710) on a second
// look. A violated index of the catalogue, the third way, is a conflict in itself, see kindOf.
func makesAlike(err error) bool {
	var e *Error
	var pg *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "42P07" || e.Code == "42710") && errors.As(err, &pg) &&
		(pg.Routine == "heap_create_with_catalog" || pg.Routine == "TypeCreate")
}

// spare calls f with the transaction's connection, one of the pool, or one of its own if
// the pool has none to give.
func (s session) spare(ctx context.Context, f func(*pgconn.PgConn) error) error {
	if s.own != nil {
		return f(s.own.Conn().PgConn())
	}
	soon, stop := context.WithTimeout(ctx, leaseQueue)
	one, err := s.acquire(soon)
	stop()
	if err == nil {
		defer one.Release()
		return f(one.Conn().PgConn())
	}
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	pg, err := pgconn.ConnectConfig(ctx, &s.pool.Config().ConnConfig.Config)
	if err != nil {
		return wrap(ctx, warehouse.Statement{}, err)
	}
	defer func() {
		within, stop := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
		defer stop()
		_ = pg.Close(within)
	}()
	if err := s.o.configure(ctx, pg); err != nil {
		return wrap(ctx, warehouse.Statement{}, err)
	}
	return f(pg)
}

// leaseRows sends one statement and gives the rows of its answer as the server writes them.
func leaseRows(ctx context.Context, pg *pgconn.PgConn, sql string) ([][]string, error) {
	r := pg.ExecParams(ctx, sql, nil, nil, nil, nil)
	var out [][]string
	for r.NextRow() {
		values := r.Values()
		row := make([]string, len(values))
		for i, v := range values {
			row[i] = string(v)
		}
		out = append(out, row)
	}
	if _, err := r.Close(); err != nil {
		return nil, err
	}
	return out, nil
}

// Acquire is that of warehouse.Leaser.
func (c *conn) Acquire(ctx context.Context, claim warehouse.Claim) (*warehouse.Lease, error) {
	return c.leases().Acquire(ctx, claim)
}

// Renew is that of warehouse.Leaser.
func (c *conn) Renew(ctx context.Context, claim warehouse.Claim) error {
	return c.leases().Renew(ctx, claim)
}

// Release is that of warehouse.Leaser.
func (c *conn) Release(ctx context.Context, claim warehouse.Claim) error {
	return c.leases().Release(ctx, claim)
}

// Holding is that of warehouse.Leaser.
func (c *conn) Holding(ctx context.Context, claim warehouse.Claim) (*warehouse.Lease, error) {
	return c.leases().Holding(ctx, claim)
}

// Fence locks the row of the lease until the transaction ends: whoever wants to take it
// waits for the commit, and what was taken before is seen, also by a transaction that began
// earlier (the isolation is READ COMMITTED, see sessionSQL). Transactions that publish do
// not wait for each other.
func (t *tx) Fence(ctx context.Context, claim warehouse.Claim) error {
	rows, err := t.leases().Ask(ctx, t.leases().Mine(claim)+" for share")
	if err != nil && t.leases().Missing(err) {
		return fmt.Errorf("the table of leases is gone: %w", &warehouse.LostError{})
	}
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		// The transaction is over in any case; who has the lease is asked outside of it.
		outside := t.session
		outside.own = nil
		return outside.leases().Fence(ctx, claim, false, nil)
	}
	return nil
}
