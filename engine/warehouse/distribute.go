package warehouse

import (
	"context"
	"fmt"
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// FieldType is the type of a custom field.
type FieldType string

const (
	FieldText     FieldType = "string"
	FieldNumber   FieldType = "number"
	FieldInteger  FieldType = "integer"
	FieldDate     FieldType = "date"
	FieldDatetime FieldType = "datetime"
	FieldBool     FieldType = "boolean"
	FieldList     FieldType = "multi-select" // an array of texts
)

// Slicer is the optional power of a Dialect to write what slices of a warehouse are made of.
// It is pure, and safe for concurrent use.
type Slicer interface {
	// Field reads one custom field from an expression that is JSON of the given type of the
	// warehouse. parts are expressions to be computed once for each row; of gives, for their
	// names, the value, which is NULL where there is none or it does not fit, and a condition
	// that is true where a value that is NULL is one that does not fit. formats are further
	// formats of dates and times, as strptime writes them.
	Field(json, jsonType, id string, t FieldType, formats []string) (parts []string, of func(names []string) (value, there string))
	// FieldColumn is the type of a column with such values.
	FieldColumn(t FieldType) string
	// Digest is the SHA-256 of an expression's text form, in hex digits; NULL stays NULL.
	Digest(expr string) string
	// SafeCast is the expression as a value of a type, NULL where it does not fit.
	SafeCast(expr, typ string) string
	// Document is an expression that is JSON, as Field reads it without reading a text anew
	// for every field, and its type; NULL where it is none.
	Document(expr, typ string) (json, jsonType string)
	// Exact is an expression of a type as a text that compares byte by byte, whatever the
	// collation; NULL of NULL, and of an array where the warehouse does not tell an empty one
	// from NULL.
	Exact(expr, typ string) string
	// Fence ends a subquery whose expressions are computed once for each row, and not for
	// each place that names them.
	Fence() string
	// Unguarded is a query that counts what lets a reader of a view look at rows before the
	// view's own filter; empty where nothing does.
	Unguarded(view addr.Relation) string
	// Needs names what all these use of the engine's own functions, see Preparer.
	Needs() []string
}

// Distributor is the optional power of a Conn to give customers relations of their own.
type Distributor interface {
	// Workshop makes the place where a run works for all customers (the frozen configuration,
	// tables of the rows of many), removes what a run before left there, and gives its
	// database and schema. Nobody but the engine reads it.
	Workshop(ctx context.Context, owner, schema string) (addr.Relation, error)
	// CloseWorkshop removes all that is in what Workshop gave, so that it takes no room until
	// the next run. Views of customers must not read it.
	CloseWorkshop(ctx context.Context, workshop addr.Relation) error
	// Revoke takes from everybody but the wanted principals what the engine granted to them before
	// (granted) in what a customer has, and reports what strangers hold. It is called before a
	// release is opened, and does what it can where that would be a *ForeignError: what is
	// somebody else's it leaves alone. A warehouse without accounts (Caps.Grants) has nothing to
	// take or report.
	Revoke(ctx context.Context, spec ReleaseSpec, granted, wanted []string) (strangers []string, err error)
	// OpenRelease opens what a customer has, to publish something new there.
	// A customer has one open at a time.
	OpenRelease(ctx context.Context, spec ReleaseSpec) (Release, error)
}

// ReleaseSpec says what of a customer's is the engine's business.
type ReleaseSpec struct {
	// Owner is the project and target that publish. What is another's is left alone: *ForeignError.
	Owner, Customer string
	// Schemas are all those that the customer has of the engine; ReleaseTable is in the first.
	Schemas []string
	// Workspace is a schema in which the customer makes relations of its own; empty: none.
	Workspace string
	// Workshop is what Distributor.Workshop gave. Dir is the folder for customers' files, for a
	// warehouse whose customers have files; absolute.
	Workshop addr.Relation
	Dir      string
	// Readers are those who are to read all of it, for a Stocktaker.
	Readers []string
	// Stamp is what Stock.Stamp or a Stamper has given when all was there that is asked for now;
	// a Stocktaker need not look at what still has it. Empty: it looks.
	Stamp string
}

// Release is what one customer has, while something new is made for it. It is used by one
// goroutine at a time; several may be open at once.
type Release interface {
	// Have are the relations in the customer's schemas, and in those that earlier releases had,
	// named by schema and name only, apart from ReleaseTable: those that an earlier release of
	// the owner put there, and those of strangers, which stay whatever is published. The
	// workspace is the customer's own affair. Columns are not filled.
	Have(ctx context.Context) (own, strangers []Relation, err error)
	// Staged is where a relation is made that will be published; made, read and tested through
	// the Conn that opened the release, under the name given.
	Staged(final addr.Relation) addr.Relation
	// Published is the name by which the Conn reads a relation that is published already; after
	// Publish it leads to the new ones.
	Published(final addr.Relation) addr.Relation
	// Publish makes visible, as one step where the warehouse can do that and otherwise such
	// that calling it again completes it, everything in p. The relations in Have that p does
	// not name stay as they are. Nothing is published that would take the place of a stranger's
	// relation: *ForeignError. A warehouse without accounts refuses Readers, one that cannot
	// let views read on behalf of others SliceView.Reads, one without policies RowPolicies, each
	// with ErrUnsupported.
	Publish(ctx context.Context, p Handover) (JobStats, error)
	// Close lets go, and removes what was staged and not published.
	Close(ctx context.Context) error
}

// Leaver is the optional power of a Release to say what could not follow to what was published.
type Leaver interface {
	// Left are sentences about what others have built on relations that Publish has replaced, and
	// what reads nothing any more.
	Left() []string
}

// Exporter is the optional power of a Release to write what is published as files that other
// programs read.
type Exporter interface {
	// Export writes «schema/name.parquet» for every relation of the engine's below a folder,
	// whose name leads to the old files or to the new ones, never to some of each.
	Export(ctx context.Context, folder string) error
	// Unexport removes what Export has written there, if anything: its rows would stay whatever
	// is published. What the engine did not write stays.
	Unexport(folder string) error
}

// Handover is what a release makes visible.
type Handover struct {
	Run      string
	At       time.Time
	Contract int
	// Tables are staged ones, by the name that they get. Views come after them, in order.
	Tables []addr.Relation
	Views  []SliceView
	// Drop are relations of the engine's own that nobody wants any more.
	Drop []Relation
	// Readers are the principals that may read all schemas, but for what is guarded; Workspace
	// lets them create in the workspace. A principal that does not exist, or whom no right can
	// keep away from other customers' rows, is a *PrincipalError.
	Readers []string
	// Guarded are all tables that the customer has afterwards, new or not, whose readers see
	// only some rows (tenant.Rows): of each only those have access that have a policy for it, to
	// the rows that it lets through. RowPolicies are all there are.
	Guarded     []addr.Relation
	RowPolicies []RowPolicy
}

// SliceView is a view that a customer reads. Barrier: nothing of a reader's query may look at
// rows before the view's own filter. Reads are the relations that it reads on behalf of its
// readers, outside of the customer's schemas.
type SliceView struct {
	Name    addr.Relation
	Query   string
	Barrier bool
	Reads   []addr.Relation
}

// RowPolicy lets a principal see the rows of a table where Column is Value.
type RowPolicy struct {
	Table         addr.Relation
	Principal     string
	Column, Value string
}

// ForeignError says that something in the way is not the engine's, or of another project or target.
type ForeignError struct {
	What  string // «schema dw_acme», «table dw_acme.material»
	Owner string // empty: nobody known
	// Help is what to do about it, where another name for schemas is of no use.
	Help string
}

func (e *ForeignError) Error() string {
	if e.Owner == "" {
		return fmt.Sprintf("%s was not made by the engine", e.What)
	}
	return fmt.Sprintf("%s belongs to %s", e.What, e.Owner)
}

// PrincipalError says that nobody has the name of a principal, or why it is none to give access.
type PrincipalError struct {
	Principal string
	// Reason is why one that is there will not do: «it is a superuser»; empty: it is not there.
	Reason string
	Err    error
}

func (e *PrincipalError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("%q will not do: %s", e.Principal, e.Reason)
	}
	return fmt.Sprintf("there is no %q", e.Principal)
}
func (e *PrincipalError) Unwrap() error { return e.Err }

// Distribute gives the power to hand slices to customers.
func Distribute(c Conn) (Distributor, error) {
	d, ok := c.(Distributor)
	if !ok {
		return nil, fmt.Errorf("customers' slices on %s: %w", c.Dialect().Name(), ErrUnsupported)
	}
	return d, nil
}
