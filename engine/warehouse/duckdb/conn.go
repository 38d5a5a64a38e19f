package duckdb

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/engine-build/engine/engine/warehouse"
)

// conn is an open database with a pool of connections.
type conn struct {
	session
	// attaches counts databases attached since, for their names: one statement must not see
	// two of one name.
	attaches atomic.Int64
}

// session runs statements on a pool or, within a transaction, on one connection.
type session struct {
	db *sql.DB
	q  gated
	// again: a statement that lost against another one may be sent again.
	again bool
	// fills are those under way; nil where nothing is written.
	fills *fills
}

func newConn(db *sql.DB) *conn {
	return &conn{session: session{db: db, q: gated{db, newGate()}, again: true}}
}

// querier is a pool or one connection of it.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
}

// gated lets no statement run while a database is attached or detached; see gate. Results are
// computed as a whole before QueryContext returns.
type gated struct {
	of   querier
	gate *gate
}

func (g gated) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	defer g.gate.enter(false)()
	return g.of.ExecContext(ctx, text, args...)
}

func (g gated) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	defer g.gate.enter(false)()
	return g.of.QueryContext(ctx, text, args...)
}

// alone runs a statement that attaches or detaches a database while no other one runs.
func (c *conn) alone(ctx context.Context, text string) error {
	defer c.q.gate.close()()
	_, err := c.db.ExecContext(ctx, text)
	return wrap(ctx, warehouse.Statement{SQL: text}, err)
}

// Dialect of DuckDB.
func (session) Dialect() warehouse.Dialect { return Dialect{} }

// Close closes all connections. DuckDB writes its log into the database file then.
func (c *conn) Close() error { return c.db.Close() }

// Retries of a statement that met a write of another transaction to the same catalog
// entry: such conflicts end as soon as the other one commits.
const (
	maxTries  = 10
	firstWait = time.Millisecond
	maxWait   = 100 * time.Millisecond
)

// Exec runs a statement. One that is refused because of a conflict is sent again a few
// times, except within a transaction (it is lost as a whole) and except a text of the
// user's own, which may be several statements.
func (s session) Exec(ctx context.Context, stmt warehouse.Statement) (warehouse.JobStats, error) {
	start := time.Now()
	if err := checkText(stmt); err != nil {
		return warehouse.JobStats{}, err
	}
	ctx, limit := limited(ctx)
	defer limit.stop()
	again := s.again && (stmt.BodyStart != 0 || stmt.BodyEnd != len(stmt.SQL))
	wait := firstWait
	for try := 1; ; try++ {
		rows, err := s.send(ctx, stmt.SQL)
		if err == nil {
			return warehouse.JobStats{Rows: rows, Bytes: -1, Duration: time.Since(start)}, nil
		}
		if emptyText(err) {
			return warehouse.JobStats{Rows: -1, Bytes: -1, Duration: time.Since(start)}, nil
		}
		err = limit.reached(wrap(ctx, stmt, err))
		if !again || try == maxTries || !warehouse.Conflict(err) {
			return warehouse.JobStats{Rows: -1, Bytes: -1, Duration: time.Since(start)}, err
		}
		select {
		case <-ctx.Done():
			return warehouse.JobStats{}, limit.reached(wrap(ctx, stmt, ctx.Err()))
		case <-time.After(wait):
		}
		wait = min(2*wait, maxWait)
	}
}

// Query runs a statement and gives its rows. DuckDB computes the whole result first.
func (s session) Query(ctx context.Context, stmt warehouse.Statement) (warehouse.Rows, error) {
	if err := checkText(stmt); err != nil {
		return nil, err
	}
	ctx, limit := limited(ctx)
	r, err := s.q.QueryContext(ctx, stmt.SQL)
	if err != nil {
		defer limit.stop()
		if emptyText(err) {
			return nil, &Error{Kind: Syntax, Message: "the query is empty", Offset: 0, Err: err}
		}
		return nil, limit.reached(wrap(ctx, stmt, err))
	}
	found, err := r.ColumnTypes()
	if err != nil {
		limit.stop()
		r.Close()
		return nil, wrap(ctx, stmt, err)
	}
	r, text := s.exact(ctx, stmt, r, found)
	return newRows(ctx, limit, r, found, text), nil
}

// exact is the same result with JSON as the text it is: the driver reads it into float64,
// which has not the digits of every number. Such a query runs a second time. A statement
// that is no query keeps the result it has, and text is false.
func (s session) exact(ctx context.Context, stmt warehouse.Statement, r *sql.Rows, found []*sql.ColumnType) (out *sql.Rows, text bool) {
	cells, names, some := make([]string, len(found)), make([]string, len(found)), false
	for i, c := range found {
		names[i] = "c" + strconv.Itoa(i)
		cells[i] = names[i]
		if c.DatabaseTypeName() == "JSON" {
			cells[i], some = "cast("+names[i]+" as varchar)", true
		}
	}
	switch firstWord(stmt.SQL) {
	case "select", "with", "from", "values":
	default:
		some = false
	}
	if !some {
		return r, false
	}
	body := strings.TrimRight(strings.TrimSpace(stmt.SQL), ";")
	again, err := s.q.QueryContext(ctx, "select "+strings.Join(cells, ", ")+" from (\n"+body+"\n) as t("+strings.Join(names, ", ")+")")
	if err != nil {
		return r, false
	}
	r.Close()
	return again, true
}

// emptyText recognizes a statement of nothing but space and comments. The driver has no
// exported error for it.
func emptyText(err error) bool { return err.Error() == "empty query" }

// checkText refuses a zero byte: the driver hands the text over up to there, so that the
// rest would be lost without a word.
func checkText(stmt warehouse.Statement) error {
	if i := strings.IndexByte(stmt.SQL, 0); i >= 0 {
		return &Error{Kind: Syntax, Message: "the SQL contains a zero byte", Offset: i, Err: errors.New("zero byte")}
	}
	return nil
}

// send runs a text and gives the number of rows written, -1 where there is none. The
// driver counts for INSERT and its like; for CREATE TABLE AS the count is a result row.
func (s session) send(ctx context.Context, text string) (int64, error) {
	switch firstWord(text) {
	case "insert", "update", "delete", "merge", "copy":
		r, err := s.q.ExecContext(ctx, text)
		if err != nil {
			return -1, err
		}
		return r.RowsAffected()
	case "create":
		if strings.HasPrefix(text, "create table ") {
			return s.sendCounted(ctx, text)
		}
	}
	_, err := s.q.ExecContext(ctx, text)
	return -1, err
}

func (s session) sendCounted(ctx context.Context, text string) (int64, error) {
	r, err := s.q.QueryContext(ctx, text)
	if err != nil {
		return -1, err
	}
	defer r.Close()
	n := int64(-1)
	if columns, err := r.Columns(); err == nil && len(columns) == 1 && r.Next() {
		if err := r.Scan(&n); err != nil {
			return -1, err
		}
	}
	return n, r.Err()
}
