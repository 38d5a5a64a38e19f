package metered

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// RowBytes is what one row of any table counts, in bytes.
const RowBytes = 1 << 20

// Driver opens metered databases. Meter is shared by all of them.
type Driver struct {
	duckdb.Driver
	Meter *Meter
}

// Meter keeps what the warehouse was asked to do, and says what it costs.
type Meter struct {
	Price warehouse.Price
	// Before, if set, may refuse a statement before it is run.
	Before func(warehouse.Job, warehouse.Statement) error

	mu   sync.Mutex
	sent []Job
}

// Job is one statement that was run, or refused by the limit of its job.
type Job struct {
	warehouse.Job
	ID     string
	SQL    string
	Billed int64
}

// Jobs are the statements so far, in the order in which they ended.
func (m *Meter) Jobs() []Job {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Job(nil), m.sent...)
}

// Forget begins a new list of jobs.
func (m *Meter) Forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.sent = nil
}

func (m *Meter) note(j warehouse.Job, sql string, billed int64) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	id := fmt.Sprintf("job%d", len(m.sent)+1)
	m.sent = append(m.sent, Job{Job: j, ID: id, SQL: sql, Billed: billed})
	return id
}

// Dialect is DuckDB's without transactions.
type Dialect struct{ duckdb.Dialect }

// Caps of a warehouse of jobs.
func (d Dialect) Caps() warehouse.Caps {
	c := d.Dialect.Caps()
	c.TransactionalDDL, c.Clone, c.DryRun = false, true, true
	return c
}

// Checksum: no, reading is charged for.
func (Dialect) Checksum(addr.Relation, []warehouse.Column) (string, bool) { return "", false }

// Dialect of the metered warehouse.
func (Driver) Dialect() warehouse.Dialect { return Dialect{} }

// Open connects to a DuckDB file.
func (d Driver) Open(ctx context.Context, c warehouse.Config) (warehouse.Conn, error) {
	inner, err := d.Driver.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	return &Conn{Conn: inner, Meter: d.Meter, schemas: map[addr.Relation]bool{}}, nil
}

// Conn is a connection whose statements are metered.
type Conn struct {
	warehouse.Conn
	Meter *Meter

	mu      sync.Mutex
	schemas map[addr.Relation]bool // seen in Inspect: where tables may be
}

// Dialect of the metered warehouse.
func (c *Conn) Dialect() warehouse.Dialect { return Dialect{} }

// Price of the meter.
func (c *Conn) Price() warehouse.Price { return c.Meter.Price }

// Inspect remembers the schemas, for weigh.
func (c *Conn) Inspect(ctx context.Context, relations []addr.Relation) ([]warehouse.Relation, error) {
	c.mu.Lock()
	for _, r := range relations {
		c.schemas[addr.Relation{Database: r.Database, Schema: r.Schema}] = true
	}
	c.mu.Unlock()
	return c.Conn.Inspect(ctx, relations)
}

// Load passes a file on; loading is free.
func (c *Conn) Load(ctx context.Context, target addr.Relation, columns []warehouse.Column, f warehouse.File) (warehouse.JobStats, error) {
	stats, err := c.Conn.(warehouse.Loader).Load(ctx, target, columns, f)
	stats.JobID = c.Meter.note(warehouse.JobOf(ctx), "load "+target.String(), 0)
	return stats, err
}

// DryRun binds the statement and weighs the tables that it names.
func (c *Conn) DryRun(ctx context.Context, s warehouse.Statement) (warehouse.Estimate, error) {
	rows, err := c.Conn.Query(ctx, warehouse.Statement{SQL: "explain " + s.SQL, BodyStart: s.BodyStart + 8, BodyEnd: s.BodyEnd + 8})
	if err != nil {
		return warehouse.Estimate{Bytes: -1}, err
	}
	if err := rows.Close(); err != nil {
		return warehouse.Estimate{Bytes: -1}, err
	}
	n, err := c.weigh(ctx, s.SQL)
	return warehouse.Estimate{Bytes: n}, err
}

// weigh is the size of the tables that a text reads. What it creates or writes to is read
// as well where it is named again.
func (c *Conn) weigh(ctx context.Context, sql string) (int64, error) {
	text := strings.ToLower(sql)
	if strings.HasPrefix(text, "insert into") && strings.Contains(text, ") values") || !strings.Contains(text, "select") || strings.Contains(text, "create view") || strings.Contains(text, "create or replace view") {
		return 0, nil
	}
	if _, after, ok := strings.Cut(text, "select"); ok {
		text = after
	}
	c.mu.Lock()
	var schemas []addr.Relation
	for s := range c.schemas {
		schemas = append(schemas, s)
	}
	c.mu.Unlock()
	var sum int64
	for _, s := range schemas {
		relations, err := c.List(ctx, s.Database, s.Schema)
		if err != nil {
			return 0, err
		}
		for _, r := range relations {
			name := strings.ToLower(c.Conn.Dialect().Quote(r.Name))
			if !word(text, name) {
				continue
			}
			n, err := c.count(ctx, r.Name)
			if err != nil {
				return 0, err
			}
			sum += n * RowBytes
		}
	}
	return sum, nil
}

// word reports whether a name stands in text, and not only as the beginning of a longer one.
func word(text, name string) bool {
	for {
		i := strings.Index(text, name)
		if i < 0 {
			return false
		}
		text = text[i+len(name):]
		if text == "" || !strings.ContainsAny(text[:1], "abcdefghijklmnopqrstuvwxyz0123456789_\"") {
			return true
		}
	}
}

func (c *Conn) count(ctx context.Context, r addr.Relation) (int64, error) {
	rows, err := c.Conn.Query(ctx, warehouse.Statement{SQL: "select count(*) from " + c.Conn.Dialect().Quote(r)})
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	if !rows.Next() {
		return 0, errors.Join(rows.Err(), errors.New("no count"))
	}
	v, err := rows.Values()
	if err != nil {
		return 0, err
	}
	return v[0].(int64), nil
}

// LimitError refuses a statement that would be billed for more than its job allows.
type LimitError struct{ Bytes, Limit int64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("query exceeded limit for bytes billed: %d. %d or higher required", e.Limit, e.Bytes)
}

// begin weighs a statement and holds it to the limit of its job.
func (c *Conn) begin(ctx context.Context, s warehouse.Statement) (warehouse.JobStats, error) {
	j := warehouse.JobOf(ctx)
	if c.Meter.Before != nil {
		if err := c.Meter.Before(j, s); err != nil {
			return warehouse.JobStats{Rows: -1, Bytes: -1}, err
		}
	}
	n, err := c.weigh(ctx, s.SQL)
	if err != nil {
		return warehouse.JobStats{}, err
	}
	if j.MaxBytes > 0 && n > j.MaxBytes {
		return warehouse.JobStats{JobID: c.Meter.note(j, s.SQL, 0), Rows: -1}, &LimitError{n, j.MaxBytes}
	}
	return warehouse.JobStats{JobID: c.Meter.note(j, s.SQL, n), Bytes: n, Billed: n, SlotMillis: n / RowBytes, Project: "billing", Location: "EU"}, nil
}

// Exec runs a statement as a job.
func (c *Conn) Exec(ctx context.Context, s warehouse.Statement) (warehouse.JobStats, error) {
	stats, err := c.begin(ctx, s)
	if err != nil {
		return stats, err
	}
	got, err := c.Conn.Exec(ctx, s)
	stats.Rows, stats.Duration = got.Rows, got.Duration
	return stats, err
}

// Query runs a query as a job.
func (c *Conn) Query(ctx context.Context, s warehouse.Statement) (warehouse.Rows, error) {
	stats, err := c.begin(ctx, s)
	if err != nil {
		return nil, err
	}
	rows, err := c.Conn.Query(ctx, s)
	if err != nil {
		return nil, err
	}
	return measured{rows, stats}, nil
}

type measured struct {
	warehouse.Rows
	stats warehouse.JobStats
}

// Stats are those of the job.
func (m measured) Stats() warehouse.JobStats { return m.stats }
