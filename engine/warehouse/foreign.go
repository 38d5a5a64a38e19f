package warehouse

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
)

// Attacher is the optional power of a Tx to have its warehouse read tables of another
// database where they are. All that is read of one server within the transaction is of one
// moment, if the other database can do that.
type Attacher interface {
	// Attach makes the tables readable under their local names, which nothing may have yet. A
	// server of that name that an Attach has made gets the remote's address and password anew.
	// One that somebody else has made, and anything but tables of the server at Replaces, is a
	// *NotOwnError, and nothing has been changed then. No statement and no error holds the
	// password.
	Attach(ctx context.Context, a Attachment) error
	// Detach takes tables of a server away, and the server with its password if none is left.
	// What is not there is no mistake; a table that something else reads is, and one that is
	// not of the server is a *NotOwnError.
	Detach(ctx context.Context, server string, tables []addr.Relation) error
}

// Attachment is another database, and tables of it.
type Attachment struct {
	// Server is a name for the other database, unique in this one.
	Server string
	// Remote says where it is and who reads it, in the fields of a connection. The warehouse
	// itself connects: addresses are as its server sees them.
	Remote Config
	// FetchRows is how many rows are fetched at a time.
	FetchRows int
	Tables    []AttachedTable
	// Replaces are the names in the place of which tables are put later, or at which Detach
	// takes away what an earlier Attach has left.
	Replaces []addr.Relation
}

// NotOwnError is of an object that has a name which the engine needs, and that somebody else
// has made.
type NotOwnError struct {
	// Object is what it is and its name; Help is what can be done.
	Object, Help string
}

func (e *NotOwnError) Error() string {
	return "there is a " + e.Object + " already, and engine ingest has not made it"
}

// AttachedTable is a table of another database.
type AttachedTable struct {
	Name          addr.Relation // here
	Schema, Table string        // there
	// Columns are those that are read; the others stay out of sight. Type is the type there,
	// domains resolved. A type that is not the same in every database is read as text.
	Columns []Column
}
