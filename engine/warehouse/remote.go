package warehouse

import (
	"context"
	"io"

	"github.com/engine-build/engine/engine/addr"
)

// Remote is the optional power of a Conn to give away what its database holds, table by
// table, all as it was at one moment.
type Remote interface {
	// Moment begins to read. Whatever is written meanwhile is not seen by anything that is
	// read of it. It changes nothing in the database.
	Moment(ctx context.Context) (Moment, error)
}

// Moment is a database as it was when it began. Its methods are safe for concurrent use:
// what runs at the same time runs on connections of its own, which share the moment.
type Moment interface {
	// Tables are the tables and views of a schema that may be read, by name.
	Tables(ctx context.Context, schema string) ([]RemoteTable, error)
	// Copy writes the rows of a query in a form of COPY, and gives their number.
	Copy(ctx context.Context, query string, form CopyForm, to io.Writer) (int64, error)
	// Close ends it. Nothing may be running.
	Close() error
}

// CopyForm is how rows are written by COPY.
type CopyForm int

// The forms of COPY: https://www.postgresql.org/docs/current/sql-copy.html#id-1.9.3.55.9
const (
	CopyText CopyForm = iota
	CopyBinary
)

// RemoteTable is a table or view of a remote.
type RemoteTable struct {
	Name    string
	Kind    Kind
	Columns []RemoteColumn
	// Key are the columns of the primary key; nil if there is none.
	Key []string
	// Rows and Pages are what the remote believes them to be, -1 where it does not say. Pages
	// is only of tables whose rows can be read by ranges of pages, and 0 for others.
	Rows, Pages int64
}

// Column is the column of that name, nil if there is none.
func (t *RemoteTable) Column(name string) *RemoteColumn {
	for i := range t.Columns {
		if t.Columns[i].Name == name {
			return &t.Columns[i]
		}
	}
	return nil
}

// RemoteColumn is a column of a remote table.
type RemoteColumn struct {
	Name string
	// Type is the remote's own spelling, with parameters. Base is what the type is made of: the
	// type under a domain, and otherwise Type itself.
	Type, Base string
	Nullable   bool
}

// Lander is the optional power of a Dialect to take the values of a PostgreSQL type as they
// are.
type Lander interface {
	// Landing is the type that holds the values of a type in the spelling of format_type();
	// false if it has to come as a text.
	Landing(base string) (typ string, ok bool)
	// Takes is the usual spelling of a type that somebody declares, if a column of it holds such
	// values, so that one that does not fit is refused and none is changed.
	Takes(base, typ string) (spelling string, ok bool)
}

// CopyTaker is the optional power of a Conn to take rows as COPY writes them.
type CopyTaker interface {
	// TakeCopy makes a new table of rows in COPY's text form, and gives their number. write is
	// called once. It is all or nothing.
	TakeCopy(ctx context.Context, target addr.Relation, columns []Column, write func(io.Writer) error) (int64, error)
}
