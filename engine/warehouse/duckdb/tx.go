package duckdb

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"github.com/engine-build/engine/engine/warehouse"
)

// tx is a transaction on one connection of the pool.
type tx struct {
	session
	c    *sql.Conn
	open bool
}

// Begin takes a connection of the pool and starts a transaction on it. The transaction
// does not end with ctx.
func (c *conn) Begin(ctx context.Context) (warehouse.Tx, error) {
	one, err := c.db.Conn(ctx)
	if err != nil {
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	t := &tx{session: session{db: c.db, q: gated{one, c.q.gate}, fills: c.fills}, c: one, open: true}
	if _, err := t.q.ExecContext(ctx, "begin transaction"); err != nil {
		one.Close()
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	return t, nil
}

// Commit makes everything visible. After an error nothing is.
func (t *tx) Commit(ctx context.Context) error {
	_, err := t.q.ExecContext(ctx, "commit")
	if err != nil {
		err = wrap(ctx, warehouse.Statement{}, err)
		t.undo()
		return err
	}
	t.open = false
	return nil
}

// Rollback undoes everything, even when ctx is canceled: it takes no time.
func (t *tx) Rollback(context.Context) error {
	t.undo()
	return nil
}

// undo rolls back; a connection on which even that fails is thrown away, which ends the
// transaction, too.
func (t *tx) undo() {
	if !t.open {
		return
	}
	t.open = false
	if _, err := t.q.ExecContext(context.Background(), "rollback"); err != nil && Classify(err) != Transaction {
		_ = t.c.Raw(func(any) error { return driver.ErrBadConn })
	}
}

// Close rolls back what was not committed and gives the connection back.
func (t *tx) Close() error {
	t.undo()
	return t.c.Close()
}
