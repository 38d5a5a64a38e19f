package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/engine-build/engine/engine/warehouse"
)

// tx is a transaction on one connection of the pool.
type tx struct {
	session
	one  *pgxpool.Conn
	open bool
}

// Begin takes a connection of the pool and starts a transaction on it. The transaction
// does not end with ctx.
func (c *conn) Begin(ctx context.Context) (warehouse.Tx, error) {
	one, err := c.acquire(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := one.Conn().PgConn().Exec(ctx, "begin").ReadAll(); err != nil {
		one.Release()
		return nil, wrap(ctx, warehouse.Statement{}, err)
	}
	s := c.session
	s.own, s.touched = one, new(bool)
	return &tx{session: s, one: one, open: true}, nil
}

// Commit makes everything visible. After an error nothing is, unless the connection was
// lost meanwhile: then nobody knows, and the error says so.
func (t *tx) Commit(ctx context.Context) error {
	if !t.open {
		return &Error{Kind: Transaction, Message: "the transaction is over", Offset: -1, Err: errors.New("transaction is over")}
	}
	results, err := t.one.Conn().PgConn().Exec(ctx, "commit").ReadAll()
	if err != nil {
		err = wrap(ctx, warehouse.Statement{}, err)
		if e := (*Error)(nil); errors.As(err, &e) && e.Kind == Lost {
			e.Message = "the connection was lost while the transaction ended: whether it took effect is not known"
		}
		t.undo()
		return err
	}
	t.open = false
	// After a failed statement the server answers COMMIT with ROLLBACK and no error.
	if len(results) != 1 || results[0].CommandTag.String() != "COMMIT" {
		return &Error{Kind: Transaction, Message: "the transaction was rolled back, because a statement in it had failed", Offset: -1, Err: errors.New("rolled back")}
	}
	return nil
}

// Rollback undoes everything, even when ctx is canceled.
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
	ctx, cancel := context.WithTimeout(context.Background(), cleanupTime)
	defer cancel()
	pg := t.one.Conn().PgConn()
	if _, err := pg.Exec(ctx, "rollback").ReadAll(); err != nil {
		_ = pg.Close(ctx)
	}
}

// Close rolls back what was not committed and gives the connection back.
func (t *tx) Close() error {
	t.undo()
	if t.one == nil {
		return nil
	}
	if *t.touched && !t.one.Conn().IsClosed() {
		t.restore(context.Background(), t.one.Conn().PgConn())
	}
	t.one.Release()
	t.one = nil
	return nil
}
