package ingest

import (
	"context"
	"time"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
)

// Remote is what a source is ingested from, as it was found.
type Remote struct {
	Schema string
	Tables []Table // by name
}

// Table and Column are those of a remote.
type (
	Table  = warehouse.RemoteTable
	Column = warehouse.RemoteColumn
)

// Table is the table of that name, nil if there is none.
func (r *Remote) Table(name string) *Table {
	for i := range r.Tables {
		if r.Tables[i].Name == name {
			return &r.Tables[i]
		}
	}
	return nil
}

// Taken is a column that leaves the remote, and how.
type Taken struct {
	// Name is the remote's, and that of the column where it lands.
	Name string
	// From is the column's type as the remote spells it, empty for what the remote has no more.
	From string
	// Wire is the type of Expr, in the remote's spelling without parameters of texts: «bigint»,
	// «numeric(10,2)», «text».
	Wire string
	// Expr is the remote's expression, every name quoted.
	Expr string
	// Type is the landing column's, in the spelling of its warehouse.
	Type string
	// Transform are the words of its transform; empty: as it is.
	Transform string
}

// Wanted is a table of a source that is to be ingested.
type Wanted struct {
	Node   addr.Node
	Source *project.Source
	// Types are those that the project declares for columns, in the warehouse's spelling.
	Types map[string]string
	// Into is where it lands.
	Into addr.Relation
	// Locked is what was agreed to of it; nil: nothing yet.
	Locked *project.LockedSource
}

// Request is one source that is to be ingested.
type Request struct {
	Name   string // of the source
	Tables []Wanted
	// Connection opens what is read; nil for files. Config is the same as a configuration, for
	// kinds that have the warehouse itself read.
	Connection func(context.Context) (warehouse.Conn, error)
	Config     warehouse.Config
	// Target is where it lands. Fence is called right before something is published, within
	// the transaction if there is one: it fails if the run has lost its lease.
	// In a dry run Target may be nil: there is nothing yet.
	Target warehouse.Conn
	To     warehouse.Dialect // Target's
	// Database is the target's, for the engine's own records.
	Database string
	Fence    func(context.Context, warehouse.Conn) error
	// Dir is the folder of the project, Work that for what the engine writes; both absolute.
	Dir, Work string
	Run       string // id of the run
	Jobs      int    // most things that are done at the same time
	Now       func() time.Time
	// Full reads all rows where otherwise only new ones would be.
	Full bool
	// Parquet reads Parquet files; nil: they are refused.
	Parquet ParquetReader
	// DryRun: Apply is not called, and nothing is made.
	DryRun bool
}

// Kind is a way of ingestion. Kinds have no state.
type Kind interface {
	// Name is the word of project.Ingest.Kind.
	Name() string
	// Open begins to read, so that Remote and all that Apply lands are of one moment as far as
	// the kind can have that. What it cannot do for the target is refused here.
	Open(context.Context, Request) (Session, error)
}

// Session is a source while it is ingested.
type Session interface {
	// Remote is what there is, all tables of the remote schema or those of the files.
	Remote() Remote
	// Apply lands the tables of the plan, each for itself: that one failed does not keep the
	// others back. The results are in the order of the plan. tell hears what is done, from
	// several goroutines; it may be nil.
	Apply(ctx context.Context, p Plan, tell func(Event)) []Result
	Close() error
}

// Kinds are all there are, in the order of project.IngestKinds.
func Kinds() []Kind { return []Kind{Copy{}, Files{}, Foreign{}, Federated{}} }

// KindOf is the kind of that name, nil if there is none.
func KindOf(name string) Kind {
	for _, k := range Kinds() {
		if k.Name() == name {
			return k
		}
	}
	return nil
}

// Plan is what will be done for a source.
type Plan struct {
	Source string
	Kind   string
	Tables []Step
}

// Step is what will be done for one table.
type Step struct {
	Wanted
	From    Table
	Columns []Taken
	// Denied are the columns that stay where they are, in the remote's order.
	Denied []string
	// Query is what the remote is asked, without a condition; empty for files.
	Query string
	// Materialized is project.MaterializedTable or project.MaterializedView.
	Materialized string
}

// Landing are the columns where the step lands.
func (s *Step) Landing() []warehouse.Column {
	out := make([]warehouse.Column, len(s.Columns))
	for i, c := range s.Columns {
		out[i] = warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true}
	}
	return out
}

// Event is progress of one table.
type Event struct {
	Node addr.Node
	Rows int64 // so far
	Done *Result
}

// Result is what became of one table.
type Result struct {
	Node addr.Node     `json:"node"`
	Into addr.Relation `json:"relation"`
	// Mode says what was read: ModeFull, ModeNew, ModeNothing.
	Mode string `json:"mode,omitempty"`
	// Rows are those that were read, Total those that are there afterwards (-1: not known).
	Rows    int64     `json:"rows"`
	Total   int64     `json:"total"`
	Rejects int64     `json:"rejects,omitempty"` // records of files that were left out
	Start   time.Time `json:"start"`
	End     time.Time `json:"end"`
	Columns []Taken   `json:"-"`
	Diags   diag.List `json:"-"` // what is wrong, or is to be said
	Failed  bool      `json:"failed"`
	// form is copyForm, for the records.
	form string
}

// Landing are the columns of the table as it is now.
func (r *Result) Landing() []warehouse.Column { return (&Step{Columns: r.Columns}).Landing() }

// Words of Result.Mode.
const (
	ModeFull    = "full"        // all rows replace those that were there
	ModeNew     = "incremental" // new rows were added, or replace their earlier versions
	ModeNothing = "unchanged"   // there was nothing new
)

// fail files an error.
func (r *Result) fail(d diag.Diagnostic) {
	r.Failed = true
	r.Diags.Add(d)
}
