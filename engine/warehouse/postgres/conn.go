package postgres

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/engine-build/engine/engine/warehouse"
)

// conn is a database with a pool of connections.
type conn struct {
	session
}

// session runs statements on the pool or, within a transaction, on one connection.
type session struct {
	pool *pgxpool.Pool
	o    options
	// types are the types of columns that are not built in, by OID.
	types *sync.Map
	// ledger notes which connections may have written; see Versions.
	ledger *ledger
	// own is the transaction's connection, nil on the pool.
	own *pgxpool.Conn
	// touched: the user's own SQL ran on own, so that its settings may have changed.
	touched *bool
}

func newConn(pool *pgxpool.Pool, o options) *conn {
	return &conn{session{pool: pool, o: o, types: &sync.Map{}, ledger: o.ledger}}
}

// Dialect of PostgreSQL.
func (session) Dialect() warehouse.Dialect { return Dialect{} }

// Close closes all connections, once those in use are given back.
func (c *conn) Close() error {
	c.pool.Close()
	return nil
}

// Retries of a statement or connection attempt that met another session: a deadlock, the
// same entry of the catalog, no free connection at the server.
const (
	maxTries   = 10
	firstWait  = 2 * time.Millisecond
	maxWait    = 500 * time.Millisecond
	crowdedFor = 30 * time.Second
)

// pause waits unless ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// acquire gives a connection of the pool. A server without a free connection is asked
// again for a while as long as there are connections of our own that may become free.
func (s session) acquire(ctx context.Context) (*pgxpool.Conn, error) { return s.acquireFor(ctx, true) }

// acquireFor is acquire for what may write, or does not.
func (s session) acquireFor(ctx context.Context, writes bool) (*pgxpool.Conn, error) {
	wait, start := firstWait, time.Now()
	for {
		one, err := s.pool.Acquire(ctx)
		if err == nil {
			s.ledger.note(one.Conn().PgConn(), writes)
			return one, nil
		}
		err = wrap(ctx, warehouse.Statement{}, err)
		if Classify(err) != Crowded || s.pool.Stat().TotalConns() == 0 || time.Since(start) > crowdedFor {
			return nil, err
		}
		if err := pause(ctx, wait); err != nil {
			return nil, wrap(ctx, warehouse.Statement{}, err)
		}
		wait = min(2*wait, maxWait)
	}
}

// ownText reports whether a statement is wholly the user's own: then it may be several.
func ownText(stmt warehouse.Statement) bool {
	return stmt.BodyStart == 0 && stmt.BodyEnd == len(stmt.SQL) && stmt.BodyEnd > 0
}

// Exec runs a statement. One that met a conflict is sent again a few times, except within a
// transaction (it is lost as a whole) and except a text of the user's own. Only the
// latter may be several statements. Rows counts what was written; -1 where nothing was.
func (s session) Exec(ctx context.Context, stmt warehouse.Statement) (warehouse.JobStats, error) {
	start := time.Now()
	if err := checkText(stmt); err != nil {
		return warehouse.JobStats{Rows: -1, Bytes: -1}, err
	}
	ctx, limit := limited(ctx)
	defer limit.stop()
	wait := firstWait
	for try := 1; ; try++ {
		rows, err := s.exec(ctx, stmt)
		stats := warehouse.JobStats{Rows: rows, Bytes: -1, Duration: time.Since(start)}
		if err == nil {
			return stats, nil
		}
		// What never reached the server may always be sent again.
		unsent := s.own == nil && ctx.Err() == nil && pgconn.SafeToRetry(err)
		err = limit.reached(s.explained(ctx, stmt, err))
		again := s.own == nil && !ownText(stmt) && warehouse.Conflict(err)
		if try == maxTries || !again && !unsent {
			return stats, err
		}
		if err := pause(ctx, wait); err != nil {
			return stats, limit.reached(wrap(ctx, stmt, err))
		}
		wait = min(2*wait, maxWait)
	}
}

// limit is the time that the job of a context gives to one statement.
type limit struct {
	job  time.Duration
	own  context.Context // with the limit
	from context.Context // without
	stop context.CancelFunc
}

// limited is ctx with the limit of its job.
func limited(ctx context.Context) (context.Context, limit) {
	l := limit{job: warehouse.JobOf(ctx).Timeout, own: ctx, from: ctx, stop: func() {}}
	if l.job > 0 {
		l.own, l.stop = context.WithTimeout(ctx, l.job)
	}
	return l.own, l
}

// reached tells an error that is due to the limit from one that is due to who called.
func (l limit) reached(err error) error {
	if err == nil || l.job <= 0 || l.own.Err() == nil || l.from.Err() != nil {
		return err
	}
	return &Error{Kind: TimedOut, Message: "the statement took longer than the " + l.job.String() + " that it may", Offset: -1, Err: errLimit}
}

func (s session) exec(ctx context.Context, stmt warehouse.Statement) (int64, error) {
	if s.own != nil {
		if ownText(stmt) {
			*s.touched = true
			return -1, sendText(ctx, s.own.Conn().PgConn(), stmt.SQL, true)
		}
		return send(ctx, s.own.Conn().PgConn(), stmt.SQL)
	}
	one, err := s.acquire(ctx)
	if err != nil {
		return -1, err
	}
	defer one.Release()
	pg := one.Conn().PgConn()
	if !ownText(stmt) {
		return send(ctx, pg, stmt.SQL)
	}
	err = sendText(ctx, pg, stmt.SQL, false)
	s.restore(ctx, pg)
	return -1, err
}

// send runs one statement by the extended protocol, which takes no second one.
func send(ctx context.Context, pg *pgconn.PgConn, sql string) (int64, error) {
	r := pg.ExecParams(ctx, sql, nil, nil, nil, nil)
	counted := int64(-1)
	if strings.HasPrefix(sql, mergeHead) && r.NextRow() {
		if v := r.Values(); len(v) == 1 {
			if n, err := strconv.ParseInt(string(v[0]), 10, 64); err == nil {
				counted = n
			}
		}
	}
	tag, err := r.Close()
	if err != nil {
		return -1, err
	}
	if counted >= 0 {
		return counted, nil
	}
	return written(tag), nil
}

// written is the number of rows that a statement wrote or gave, -1 where it has none.
func written(tag pgconn.CommandTag) int64 {
	word, _, _ := strings.Cut(tag.String(), " ")
	switch word {
	case "INSERT", "UPDATE", "DELETE", "SELECT", "MERGE", "COPY":
		return tag.RowsAffected()
	}
	return -1
}

// sendText runs a text of the user's own, which may be several statements. It may not end
// a transaction that is not its own, nor leave one open.
func sendText(ctx context.Context, pg *pgconn.PgConn, sql string, inTx bool) error {
	results := pg.Exec(ctx, sql)
	ended := false
	for results.NextResult() {
		tag, err := results.ResultReader().Close()
		if err != nil {
			continue // Close of results has it, too
		}
		switch tag.String() {
		case "BEGIN", "START TRANSACTION", "COMMIT", "PREPARE TRANSACTION":
			ended = true
		}
	}
	if err := results.Close(); err != nil {
		return err
	}
	switch {
	case inTx && (ended || pg.TxStatus() == 'I'):
		return &Error{Kind: Transaction, Message: "the SQL ends or begins a transaction, but runs within one", Offset: -1, Err: errors.New("transaction ended"),
			Hint: "leave begin, commit and rollback out: what the engine does for a node is one transaction"}
	case !inTx && pg.TxStatus() != 'I':
		return &Error{Kind: Transaction, Message: "the SQL leaves a transaction open", Offset: -1, Err: errors.New("transaction left open"), Hint: "end it with commit"}
	}
	return nil
}

// restore makes a connection as new after SQL of the user's own: its settings, temporary
// tables, locks and prepared statements go. One that cannot be restored is closed.
func (s session) restore(ctx context.Context, pg *pgconn.PgConn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if pg.TxStatus() != 'I' {
		if _, err := pg.Exec(ctx, "rollback").ReadAll(); err != nil {
			_ = pg.Close(ctx)
			return
		}
	}
	// Before «discard all», which may not be part of a text of several statements.
	if _, err := pg.Exec(ctx, "discard all").ReadAll(); err != nil {
		_ = pg.Close(ctx)
		return
	}
	delete(pg.CustomData(), glanceName)
	if s.o.configure(ctx, pg) != nil {
		_ = pg.Close(ctx)
	}
}

// cleanupTime bounds what is done after an error or a canceled context.
const cleanupTime = 10 * time.Second

// Query runs a query and gives its rows as they arrive. Outside of a transaction it is run
// in a read-only one: it sees one state and changes nothing.
func (s session) Query(ctx context.Context, stmt warehouse.Statement) (warehouse.Rows, error) {
	if err := checkText(stmt); err != nil {
		return nil, err
	}
	ctx, limit := limited(ctx)
	one, err := s.reading(ctx, stmt)
	if err != nil {
		limit.stop()
		return nil, limit.reached(err)
	}
	return s.rows(ctx, limit, one, stmt)
}

// reading is the connection of the transaction or, on the pool, one that may only read; the
// rows give it back.
func (s session) reading(ctx context.Context, stmt warehouse.Statement) (*pgxpool.Conn, error) {
	if s.own != nil {
		return s.own, nil
	}
	one, err := s.acquireFor(ctx, false)
	if err != nil {
		return nil, err
	}
	if _, err := one.Conn().PgConn().Exec(ctx, "begin transaction read only").ReadAll(); err != nil {
		one.Release()
		return nil, wrap(ctx, stmt, err)
	}
	return one, nil
}

// checkText refuses a zero byte: the protocol ends a text there, so that the rest would be
// lost without a word, and no text value can hold one.
func checkText(stmt warehouse.Statement) error {
	if i := strings.IndexByte(stmt.SQL, 0); i >= 0 {
		return &Error{Kind: Syntax, Message: "the SQL contains a zero byte, which PostgreSQL cannot hold", Offset: i, Err: errZeroByte}
	}
	return nil
}
