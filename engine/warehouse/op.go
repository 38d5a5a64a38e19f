package warehouse

import "github.com/engine-build/engine/engine/addr"

// Op is one thing that shall happen in a warehouse. Ops are plain data with a JSON form
// (see MarshalOps); a Dialect renders them. A Dialect's switch covers every op here.
// Of a Column operations take Name and Type; Nullable and Comment are only reported.
type Op interface{ op() }

// Late is an operation that must look at live relations before it can be rendered.
// The runner calls Expand right before the operation's turn, with inspect reading the
// warehouse (a missing relation has Kind None), and runs what it returns. Ask NeedsExpand:
// an operation that is Late by type needs no expansion when all is spelled out.
type Late interface {
	Op
	Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error)
}

type (
	// CreateSchema makes a schema unless it exists.
	CreateSchema struct {
		Database string `json:"database,omitempty"`
		Schema   string `json:"schema"`
	}

	// CreateTableAs makes a new table from a query. The target must not exist.
	CreateTableAs struct {
		Target  addr.Relation
		Query   string
		Columns []Column // empty, or explicit names and types to cast to by position
		Layout  *Layout  // nil: the warehouse's own
	}

	// CreateTable makes an empty table; with IfNotExists an existing one is left alone.
	CreateTable struct {
		Target      addr.Relation
		Columns     []Column
		IfNotExists bool
		Layout      *Layout
	}

	// CreateViewAs makes a new view. The target must not exist, unless Replace is set: then a
	// view of that name with the same columns gets another query, and keeps what hangs on it
	// where the warehouse can do that.
	CreateViewAs struct {
		Target  addr.Relation
		Query   string
		Layout  *Layout
		Replace bool
	}

	// Swap makes New visible under the name Target and removes what had that name
	// (Old is its kind, None if there is nothing). Readers see either the old or the new
	// relation. On warehouses with TransactionalDDL it is run inside a transaction.
	Swap struct {
		New     addr.Relation
		NewKind Kind
		Target  addr.Relation
		Old     Kind
		// Query and Layout are New's if it is a view: some warehouses cannot rename views
		// and make them again.
		Query  string
		Layout *Layout
		// Respread: Target is partitioned or clustered in another way than New, so that
		// rows cannot simply be copied over it.
		Respread bool
		// Keep is where the table that had the name stays, in the same schema; zero lets it
		// go. It is for tables: of a view the text is enough (see Definer). What others have
		// built on Target belongs to New afterwards, whatever is kept.
		Keep addr.Relation
		// Copied: New began as a Whole copy of Target, so that its indexes get their names.
		Copied bool
	}

	// CloneTable copies a table aside (zero-copy where the warehouse can). Whole is for a copy
	// that is to take the place of the original: it has the indexes, constraints, defaults
	// and comments, too. What cannot be copied is an error, and there is no copy.
	CloneTable struct {
		From, To addr.Relation
		Whole    bool
	}

	// InsertSelect appends all rows of From. Columns nil means: the columns of Target
	// that From has too, found when the operation runs.
	InsertSelect struct {
		Target  addr.Relation
		From    addr.Relation
		Columns []string
	}

	// MergeInto updates the rows of Target whose Key equals a row of From and inserts the
	// others. Update nil means all columns but the key and Exclude. Columns nil as above.
	// Keys are compared with «=»: a NULL in a key matches nothing, so such a row is
	// inserted. Two rows of From with the same key (without NULL) are an error.
	MergeInto struct {
		Target     addr.Relation
		From       addr.Relation
		Key        []string
		Columns    []string
		Update     []string
		Exclude    []string
		Predicates []string // extra conditions on target (alias t) and source (alias s)
		// Partition of the target, if it has one: a warehouse that charges for what it reads
		// then looks only at the partitions that the rows of From match. The result is that
		// of a merge with the whole target: where Partition's column is not in Key, the
		// partitions of earlier versions of a row are found by the key first.
		Partition *Partition
	}

	// DeleteMatching removes the rows of Target whose Key occurs in From.
	DeleteMatching struct {
		Target     addr.Relation
		From       addr.Relation
		Key        []string
		Predicates []string // extra conditions on the target (alias t)
	}

	// SyncColumns makes Target's columns fit From's. Policy: ignore, append_new_columns,
	// sync_all_columns, fail. It is Late.
	SyncColumns struct {
		Target addr.Relation
		From   addr.Relation
		Policy string
		// Keep lists columns of Target that are not From's business (snapshot columns).
		Keep []string
	}

	// AddColumns, DropColumns and RetypeColumns change a table in place. RetypeColumns
	// casts what is there; a value that does not fit is an error.
	AddColumns struct {
		Target  addr.Relation
		Columns []Column
	}
	DropColumns struct {
		Target  addr.Relation
		Columns []string
	}
	RetypeColumns struct {
		Target  addr.Relation
		Columns []Column
	}

	// Drop removes a relation if it exists.
	Drop struct {
		Relation addr.Relation
		Kind     Kind
	}

	// Comment describes a relation (Column empty) or a column.
	Comment struct {
		Relation addr.Relation
		Kind     Kind
		Column   string
		Text     string
	}

	// InsertValues appends literal rows (state records, unit test rows).
	InsertValues struct {
		Target  addr.Relation
		Columns []Column // names and types, literals are cast to them
		Rows    [][]any
	}

	// Load fills a new table from a file of the project. The runner uses the Loader of
	// the connection.
	Load struct {
		Target    addr.Relation
		Columns   []Column
		Path      string // relative to the project directory
		Format    string
		Delimiter string
		Layout    *Layout
	}

	// CloseRows ends rows of a snapshot: sets To := At for the current rows (To is NULL) of
	// Target whose Key is in From and changed, or, with Missing, whose Key is not in From.
	CloseRows struct {
		Target  addr.Relation
		From    addr.Relation // staged rows that replace the closed ones (or all live keys, with Missing)
		Key     string        // column that identifies a row in both
		To      string        // column to set
		At      string        // column of From that gives the value; empty: the statement's time
		Missing bool          // At must be empty: a missing row gives no value
		Current string        // an expression: rows whose To is this are current, too
	}

	// SQL is a user's own statement (hooks). It is sent as it is. One that is Alone stays outside
	// of the transaction of the statements that it is among.
	SQL struct {
		Text  string
		Alone bool
	}
)

func (CreateSchema) op()   {}
func (CreateTableAs) op()  {}
func (CreateTable) op()    {}
func (CreateViewAs) op()   {}
func (Swap) op()           {}
func (CloneTable) op()     {}
func (InsertSelect) op()   {}
func (MergeInto) op()      {}
func (DeleteMatching) op() {}
func (SyncColumns) op()    {}
func (AddColumns) op()     {}
func (DropColumns) op()    {}
func (RetypeColumns) op()  {}
func (Drop) op()           {}
func (Comment) op()        {}
func (InsertValues) op()   {}
func (Load) op()           {}
func (CloseRows) op()      {}
func (SQL) op()            {}
