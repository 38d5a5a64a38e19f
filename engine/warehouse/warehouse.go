package warehouse

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// Kind is what a relation is in the warehouse.
type Kind string

const (
	None  Kind = "" // does not exist
	Table Kind = "table"
	View  Kind = "view"
	// MaterializedView is a view whose rows are kept by the warehouse.
	MaterializedView Kind = "materialized_view"
)

// String is the kind for people: «materialized view».
func (k Kind) String() string { return strings.ReplaceAll(string(k), "_", " ") }

// Column is one column as the warehouse reports or takes it. Type is the warehouse's
// own spelling («DECIMAL(18,3)», «STRUCT(a INTEGER)»).
type Column struct {
	Name     string `json:"name"`
	Type     string `json:"type,omitempty"`
	Nullable bool   `json:"nullable,omitempty"`
	Comment  string `json:"comment,omitempty"`
}

// Relation is an existing object. Rows and Bytes are -1 where the warehouse does not
// know them without a scan.
type Relation struct {
	Name    addr.Relation
	Kind    Kind
	Columns []Column
	Rows    int64
	Bytes   int64
	Comment string
	// Layout is how the relation is stored, as far as the warehouse reports it; nil where
	// it reports nothing. Partition, Cluster and Labels are filled.
	Layout *Layout
	// Modified is when the rows last changed; zero where the warehouse does not say.
	Modified time.Time
}

// Statement is one SQL text to send. BodyStart and BodyEnd delimit the model's own SQL
// inside it, so that an error can be led back to the user's file; both are 0 when the
// statement has no user text.
type Statement struct {
	SQL                string
	BodyStart, BodyEnd int
}

// Caps says what a warehouse can do. The planner asks; it never asks for a name.
type Caps struct {
	// TransactionalDDL: several statements, DDL included, become visible together and
	// can be rolled back (see Transactor).
	TransactionalDDL bool
	// Merge: MergeInto can be done.
	Merge bool
	// Partitions, Clusters, Indexes, Constraints, MaterializedViews, Labels, Grants and
	// Authorize say which parts of a Layout, and which operations, the warehouse has.
	Partitions  bool
	Clusters    bool
	Indexes     bool
	Constraints bool
	// Enforces: constraints of every type are, not only not_null; otherwise primary_key and
	// foreign_key are information for readers, and there are no others.
	Enforces          bool
	Unlogged          bool
	Expiration        bool // Hours, PartitionDays
	Labels            bool // Labels, KMSKey, PolicyTags
	NestedComments    bool // Comment describes fields of struct columns by path, «a.b.c»
	MaterializedViews bool
	Grants            bool
	Authorize         bool
	// CopyPartitions: ReplacePartitions can copy whole partitions without a query.
	CopyPartitions bool
	// ArrivalTime: tables can be partitioned by the time at which rows arrive.
	ArrivalTime bool
	// Clone: a table can be copied without copying its data.
	Clone bool
	// DryRun: a statement can be validated and priced without running it.
	DryRun bool
	// MaxIdentifier is the longest name in bytes, 0 for no limit.
	MaxIdentifier int
	// FoldsCase: two names that differ only in case are the same relation.
	FoldsCase bool
}

// Speller writes the small parts of SQL that queries are made of: names, literals and
// expressions whose spelling differs between languages. It is pure and safe for
// concurrent use. Every Dialect is one; GoogleSQL that is yet to be translated has one
// without being a warehouse (package google).
type Speller interface {
	// Name is the word used in configuration, for example «duckdb».
	Name() string
	// Ident quotes one identifier.
	Ident(name string) string
	// Quote writes a relation's full quoted name.
	Quote(addr.Relation) string
	// Literal writes a value: nil, bool, int64, float64, string, []byte, time.Time.
	Literal(v any) string
	// Words gives the spelling of expressions that differ between languages.
	Words() Words
}

// Dialect writes the SQL of a warehouse. It is pure and safe for concurrent use.
type Dialect interface {
	Speller
	// Render writes an operation. An error is an operation outside Caps or an
	// unexpanded Late operation: a bug in the planner.
	Render(Op) ([]Statement, error)
	Caps() Caps
	// ErrorAt finds the byte offset in stmt.SQL at which the warehouse saw the error,
	// and its length (0 if unknown).
	ErrorAt(stmt Statement, err error) (offset, length int, ok bool)
}

// Words are small SQL spellings that generated SQL (data tests, snapshots, state) needs.
type Words interface {
	CountIf(cond string) string         // rows for which cond is true
	Regexp(expr, pattern string) string // boolean: expr matches pattern (a Go string, RE2 syntax)
	Hash(exprs []string) string         // stable text hash over the expressions, NULL-safe
	Now() string                        // timestamp, UTC, stable within a statement
	Cast(expr, typ string) string       // strict cast
	Ago(n int, unit string) string      // Now minus n unit (second, minute, hour, day, month, quarter, year)
	// Later is a timestamp plus n unit, which are those of Ago; n may be negative.
	Later(expr string, n int, unit string) string
	Text() string                // type name of unbounded text
	Timestamp() string           // type name of a UTC timestamp
	Distinct(a, b string) string // NULL-safe inequality
}

// Describer are Words of a language that can tell in a query what columns a row has.
type Describer interface {
	// RowText is the row of a from item as a JSON object, as text, without spaces between
	// its keys and values.
	RowText(alias string) string
	// TypeOf is the name of the type of an expression, as text.
	TypeOf(expr string) string
}

// JobStats is what is known about a finished statement; -1 where the warehouse does not say.
type JobStats struct {
	JobID    string        `json:"job_id,omitempty"`
	Rows     int64         `json:"rows"`
	Bytes    int64         `json:"bytes"` // read
	Duration time.Duration `json:"duration"`
	// Billed is what the warehouse charges for, in bytes, and SlotMillis the work it did;
	// 0 where it does not charge by them.
	Billed     int64   `json:"billed,omitempty"`
	SlotMillis int64   `json:"slot_millis,omitempty"`
	Retries    []Retry `json:"retries,omitempty"`
	// Project and Location say where the job ran; empty where there is no such thing.
	Project  string `json:"project,omitempty"`
	Location string `json:"location,omitempty"`
}

// Conn is a connection (or a pool of them) to one target. Safe for concurrent use.
// Optional powers are interfaces of their own: Transactor, Performer, Loader, DryRunner …
type Conn interface {
	Dialect() Dialect
	Exec(context.Context, Statement) (JobStats, error)
	Query(context.Context, Statement) (Rows, error)
	// Inspect reports which of the relations exist, in one call per schema and never one
	// per object. Missing ones are absent from the answer. Columns are filled.
	Inspect(context.Context, []addr.Relation) ([]Relation, error)
	// List reports all relations of a schema, without columns; a missing schema is empty.
	List(ctx context.Context, database, schema string) ([]Relation, error)
	Close() error
}

// Rows iterates over a result. Use: for r.Next() { v, err := r.Values() }; r.Err(); r.Close().
// Values are nil, bool, int64, float64, string, []byte, time.Time, or the driver's own type
// for nested values; decimals and huge integers are strings.
type Rows interface {
	Columns() []Column
	Next() bool
	Values() ([]any, error)
	Err() error
	Close() error
}

// Tx is a transaction: a Conn whose effects become visible together at Commit.
// It is used by one goroutine at a time. Close rolls back what was not committed.
type Tx interface {
	Conn
	Commit(context.Context) error
	Rollback(context.Context) error
}

// Transactor is the optional power behind Caps.TransactionalDDL.
type Transactor interface {
	Begin(context.Context) (Tx, error)
}

// ErrUnsupported is returned by fallbacks when a warehouse lacks an optional power.
var ErrUnsupported = errors.New("not supported by this warehouse")

// Begin starts a transaction where the warehouse has them.
func Begin(ctx context.Context, c Conn) (Tx, error) {
	if t, ok := c.(Transactor); ok {
		return t.Begin(ctx)
	}
	return nil, ErrUnsupported
}

// File is input of a bulk load: an open file of the project with its format.
type File struct {
	Path      string // absolute path, for warehouses that read files themselves
	Open      func() (io.ReadCloser, error)
	Format    string // «csv» or «parquet»
	Delimiter rune   // csv; 0 means comma
	// Layout of the table that is made, nil for the warehouse's own.
	Layout *Layout
}

// Loader is the optional power to load a file into a new table faster than row by row.
// For CSV the header gives names and order of the table's columns; columns gives types by
// name, and a column without one gets the type that Sniffer finds. A named column that the
// header lacks, and every bad row, is reported as *LoadError, and no table is left behind.
type Loader interface {
	Load(ctx context.Context, target addr.Relation, columns []Column, f File) (JobStats, error)
}

// BadRow is one record of an input file that cannot be loaded. Line counts physical
// lines from 1, Column is the 1-based field number, 0 when the whole record is at fault.
type BadRow struct {
	Line   int
	Field  int
	Name   string // column name, if known
	Value  string
	Reason string
}

// LoadError lists the records that a load refused; nothing was loaded.
type LoadError struct {
	Rows []BadRow
	More int // how many more were refused but are not listed
}

func (e *LoadError) Error() string {
	if len(e.Rows) == 0 {
		return "load refused"
	}
	return "load refused: " + e.Rows[0].Reason
}

// Analysis is what binding a query without data found out.
type Analysis struct {
	Columns []Column
	// Unknown is the reason why the query could not be analyzed although it may be right
	// (it reads a file, calls an extension …). Columns are empty then.
	Unknown string
}

// Analyzer binds queries against relations that exist only by name and columns: no data,
// no target, no network. Implementations are safe for concurrent use.
type Analyzer interface {
	// Declare makes a relation known with these columns.
	Declare(ctx context.Context, rel addr.Relation, columns []Column) error
	// Analyze binds query and, when rel is not zero, declares rel with the columns found.
	// A mistake in the query is the error; Dialect.ErrorAt finds its place for
	// Statement{SQL: query}.
	Analyze(ctx context.Context, rel addr.Relation, query string) (Analysis, error)
	Close() error
}

// Config is a target of engine.yml after interpolation: what a driver needs to open it.
type Config struct {
	Type   string            // driver name
	Fields map[string]string // driver's own keys (path, project, host …)
	Dir    string            // project directory, for relative paths
	// Attach are databases to read beside the target's own (see Neighbor).
	Attach []Attached
}

// Driver opens warehouses of one type. Drivers are listed in cmd/engine/drivers.go.
type Driver interface {
	Name() string
	Dialect() Dialect
	// Fields lists the configuration keys the driver understands, with one line of help each.
	Fields() []Field
	// Open connects. It must not create anything but the local database file of an embedded
	// warehouse. Failures that the user can mend are *OpenError.
	Open(context.Context, Config) (Conn, error)
	// Analyzer makes an offline analyzer for SQL of this warehouse's own dialect,
	// or returns ErrUnsupported.
	Analyzer(context.Context) (Analyzer, error)
}

// Reserver is the optional power of a Driver to name schemas that a target cannot have.
type Reserver interface {
	// Reserved lists them for a configuration, each with the reason in a few words.
	Reserved(Config) map[string]string
}

// Field documents one configuration key of a driver.
type Field struct {
	Name     string
	Help     string
	Required bool
	Secret   bool // never printed
	Default  string
}

// OpenError says why a warehouse could not be opened and what to do.
type OpenError struct {
	Reason string // one line, lower case: «the database file is locked by another process»
	Help   string
	Err    error
}

func (e *OpenError) Error() string { return e.Reason }
func (e *OpenError) Unwrap() error { return e.Err }
