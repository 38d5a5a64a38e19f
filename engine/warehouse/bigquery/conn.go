package bigquery

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	cloud "cloud.google.com/go/bigquery"
	bq "google.golang.org/api/bigquery/v2"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// conn is a project of BigQuery with credentials to work in it. It holds no session: every
// statement stands for itself.
type conn struct {
	service *bq.Service   // jobs, and what must come back with all that it had
	client  *cloud.Client // datasets, removals; see once
	http    *http.Client
	dir     string // the project directory, for files to load

	project, billing, location string
	priority, reservation      string
	labels                     map[string]string
	maxBytes                   int64
	execution                  time.Duration
	retries                    int
	price                      warehouse.Price
	pace                       pacing

	limit   *limiter
	token   string
	numbers atomic.Int64   // of statements
	skew    atomic.Int64   // of the service's clock against ours, in nanoseconds
	turns   turns          // of changes of datasets
	open    sync.WaitGroup // calls that go on after their caller has gone

	mu      sync.Mutex
	details map[addr.Relation]*details // of relations that are built aside
}

var (
	_ warehouse.Conn      = (*conn)(nil)
	_ warehouse.Performer = (*conn)(nil)
	_ warehouse.Loader    = (*conn)(nil)
	_ warehouse.Sniffer   = (*conn)(nil)
	_ warehouse.Prober    = (*conn)(nil)
	_ warehouse.DryRunner = (*conn)(nil)
	_ warehouse.Pricer    = (*conn)(nil)
)

func newConn(o options, client *http.Client, dir string) (*conn, error) {
	service, err := newService(client, o.endpoint)
	if err != nil {
		return nil, err
	}
	library, err := newClient(o.project, service.BasePath, client)
	if err != nil {
		return nil, err
	}
	token, err := newToken()
	if err != nil {
		return nil, err
	}
	return &conn{
		service: service, client: library, http: client, dir: dir,
		project: o.project, billing: o.billing, location: o.location,
		priority: o.priority, reservation: o.reservation, labels: o.labels, maxBytes: o.maxBytes,
		execution: o.execution, retries: o.retries, price: o.price, pace: o.pace,
		limit: newLimiter(o.concurrent), token: token, details: map[addr.Relation]*details{},
	}, nil
}

// greet asks for a dry run, within less time than other calls get: what is wrong with a
// target does not pass.
func (c *conn) greet(ctx context.Context) error {
	pace := c.pace
	defer func() { c.pace = pace }()
	c.pace.deadline, c.pace.call = min(pace.deadline, 15*time.Second), min(pace.call, 20*time.Second)
	_, err := c.DryRun(ctx, warehouse.Statement{SQL: "select 1"})
	return err
}

// Dialect of BigQuery.
func (*conn) Dialect() warehouse.Dialect { return Dialect{} }

// Price of what statements are billed for.
func (c *conn) Price() warehouse.Price { return c.price }

// Close waits for calls that nobody waited for, a few seconds at most.
func (c *conn) Close() error {
	done := make(chan struct{})
	go func() { c.open.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * graceTime):
	}
	c.http.CloseIdleConnections()
	return nil
}

// Exec runs a statement as a job of its own.
func (c *conn) Exec(ctx context.Context, stmt warehouse.Statement) (warehouse.JobStats, error) {
	start := time.Now()
	if blank(stmt.SQL) {
		return warehouse.JobStats{Rows: -1, Bytes: -1, Duration: time.Since(start)}, nil
	}
	job, stats, err := c.run(ctx, work{config: &bq.JobConfiguration{Query: &bq.JobConfigurationQuery{Query: stmt.SQL}}, ours: ours(stmt)})
	if err == nil && stats.Rows < 0 {
		stats.Rows = c.rowsMade(ctx, job)
	}
	stats.Duration = time.Since(start)
	return stats, err
}

// ours reports whether the engine wrote the statement around the user's text, so that it is
// a single one. What is the user's alone may be a script.
func ours(stmt warehouse.Statement) bool {
	return stmt.BodyStart != 0 || stmt.BodyEnd != len(stmt.SQL)
}

// rowsMade is how many rows a table has that a query just made, -1 where none was: the job
// does not tell.
func (c *conn) rowsMade(ctx context.Context, job *bq.Job) int64 {
	if job.Statistics == nil || job.Statistics.Query == nil || job.Statistics.Query.StatementType != "CREATE_TABLE_AS_SELECT" {
		return -1
	}
	made := job.Statistics.Query.DdlTargetTable
	if made == nil {
		return -1
	}
	var table *bq.Table
	err := c.call(ctx, &trail{}, func(ctx context.Context) (err error) {
		table, err = c.service.Tables.Get(made.ProjectId, made.DatasetId, made.TableId).Fields("numRows").Context(ctx).Do()
		return err
	})
	if err != nil {
		return -1 // the count is worth less than the statement that went well
	}
	return int64(table.NumRows)
}

// DryRun asks what a statement would read. It makes no job.
func (c *conn) DryRun(ctx context.Context, stmt warehouse.Statement) (warehouse.Estimate, error) {
	config := &bq.JobConfiguration{DryRun: true, Query: &bq.JobConfigurationQuery{Query: stmt.SQL}}
	c.describe(ctx, config, c.limitOf(ctx))
	config.Query.MaximumBytesBilled = 0 // the figure is wanted, however large
	var job *bq.Job
	err := c.call(ctx, &trail{}, func(ctx context.Context) (err error) {
		job, err = c.service.Jobs.Insert(c.billing, &bq.Job{
			JobReference:  &bq.JobReference{ProjectId: c.billing, Location: c.location},
			Configuration: config,
		}).Context(ctx).Do()
		return err
	})
	if err != nil {
		return warehouse.Estimate{Bytes: -1}, err
	}
	if job.Status != nil && job.Status.ErrorResult != nil {
		return warehouse.Estimate{Bytes: -1}, jobError("", job.Status.ErrorResult)
	}
	out := warehouse.Estimate{Bytes: -1}
	if s := job.Statistics; s != nil {
		out.Bytes = s.TotalBytesProcessed
		if q := s.Query; q != nil {
			out.Bytes = max(out.Bytes, q.TotalBytesProcessed)
			out.Upper = q.TotalBytesProcessedAccuracy == "UPPER_BOUND"
			out.Columns = columnsOf(q.Schema)
			out.Billed = chargedFor(out.Bytes, len(q.ReferencedTables))
		}
	}
	return out, nil
}

// smallestCharge is what a query is billed for at least for each table that it reads, in
// bytes, and chargeUnit what the sum is rounded up to (BigQuery's pricing: on-demand compute).
const (
	smallestCharge = 10 << 20
	chargeUnit     = 1 << 20
)

// chargedFor is what a query that reads so many bytes of so many tables is billed for.
func chargedFor(bytes int64, tables int) int64 {
	if bytes <= 0 {
		return 0
	}
	bytes = max(bytes, smallestCharge*int64(max(tables, 1)))
	return (bytes + chargeUnit - 1) / chargeUnit * chargeUnit
}

// ref is the service's form of a name; without a database it is the target's project.
func (c *conn) ref(r addr.Relation) *bq.TableReference {
	return &bq.TableReference{ProjectId: firstOf(r.Database, c.project), DatasetId: r.Schema, TableId: r.Name}
}

// full is a name with its project, for a key that is the same however it was written.
func (c *conn) full(r addr.Relation) addr.Relation {
	r.Database = firstOf(r.Database, c.project)
	return r
}

// tablePath is the path of a table below the service's base.
func (c *conn) tablePath(r addr.Relation) string {
	ref := c.ref(r)
	return place("projects", ref.ProjectId, "datasets", ref.DatasetId, "tables", ref.TableId)
}

func (c *conn) datasetPath(database, schema string) string {
	return place("projects", firstOf(database, c.project), "datasets", schema)
}

// columnsOf writes a schema as columns with types as SQL spells them.
func columnsOf(s *bq.TableSchema) []warehouse.Column {
	if s == nil {
		return nil
	}
	out := make([]warehouse.Column, len(s.Fields))
	for i, f := range s.Fields {
		out[i] = warehouse.Column{Name: f.Name, Type: typeOf(f), Nullable: f.Mode != "REQUIRED", Comment: f.Description}
	}
	return out
}

// typeOf spells the type of a field as INFORMATION_SCHEMA does.
func typeOf(f *bq.TableFieldSchema) string {
	typ := scalarOf(f)
	if f.Mode == "REPEATED" {
		return "ARRAY<" + typ + ">"
	}
	return typ
}

// modern are the names of types that the interface still spells as legacy SQL does.
var modern = map[string]string{"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "DOUBLE": "FLOAT64"}

func scalarOf(f *bq.TableFieldSchema) string {
	typ := strings.ToUpper(f.Type)
	if m, ok := modern[typ]; ok {
		typ = m
	}
	switch typ {
	case "RECORD", "STRUCT":
		fields := make([]string, len(f.Fields))
		for i, inner := range f.Fields {
			fields[i] = fieldName(inner.Name) + " " + typeOf(inner)
		}
		return "STRUCT<" + strings.Join(fields, ", ") + ">"
	case "NUMERIC", "BIGNUMERIC":
		switch {
		case f.Precision > 0 && f.Scale > 0:
			typ += fmt.Sprintf("(%d, %d)", f.Precision, f.Scale)
		case f.Precision > 0:
			typ += fmt.Sprintf("(%d)", f.Precision)
		}
	case "STRING", "BYTES":
		if f.MaxLength > 0 {
			typ += fmt.Sprintf("(%d)", f.MaxLength)
		}
	case "RANGE":
		if f.RangeElementType != nil {
			typ += "<" + f.RangeElementType.Type + ">"
		}
	}
	return typ
}

// fieldName quotes the name of a field only where it must be.
func fieldName(name string) string {
	for i := 0; i < len(name); i++ {
		if !wordByte(name[i]) || i == 0 && name[i] >= '0' && name[i] <= '9' {
			return Dialect{}.Ident(name)
		}
	}
	return name
}
