package ir

// A Stmt is one statement.
type Stmt interface {
	// Kind is the statement's kind in the analyzer's words: QueryStmt, InsertStmt, …
	Kind() string
}

// Output is one output column of a query: a name (may be empty, may repeat) for
// a column of its scan.
type Output struct {
	Name   string
	Column Column
}

// ColumnDef is a column of a CREATE TABLE.
type ColumnDef struct {
	Name    string
	Column  Column
	Params  Params
	NotNull bool
	Default Expr
	Options []Option
}

type (
	// Query is a SELECT.
	Query struct {
		Output []Output
		// ValueTable says that rows are values without a column name (SELECT AS STRUCT, SELECT AS VALUE).
		ValueTable bool
		Scan       Scan
	}

	// CreateTable is CREATE TABLE, with a query or without.
	CreateTable struct {
		Name       []string
		Columns    []ColumnDef
		Query      *Query // nil without AS
		Temp       bool
		Replace    bool
		IfMissing  bool
		Partition  []Expr
		Cluster    []Expr
		Options    []Option
		PrimaryKey []string
	}

	// CreateView is CREATE [MATERIALIZED] VIEW.
	CreateView struct {
		Name         []string
		Materialized bool
		Recursive    bool
		Query        *Query
		SQL          string
		Replace      bool
		IfMissing    bool
		Options      []Option
	}

	// Insert inserts rows, or the rows of Query.
	Insert struct {
		Table     *Table
		Columns   []Column
		Query     Scan // nil with Rows
		From      []Column
		Rows      [][]Expr
		Mode      string // "", OR IGNORE, OR REPLACE, OR UPDATE
		Returning *Returning
	}

	// Update updates rows. From is nil without a FROM clause.
	Update struct {
		Table     *Table
		Where     Expr
		From      Scan
		Items     []UpdateItem
		Returning *Returning
	}

	// Delete deletes rows.
	Delete struct {
		Table     *Table
		Where     Expr
		Returning *Returning
	}

	// Merge is MERGE.
	Merge struct {
		Table *Table
		From  Scan
		On    Expr
		Whens []When
	}

	// Truncate empties a table, or the rows Where keeps.
	Truncate struct {
		Table *Table
		Where Expr
	}

	// CreateFunction declares a function. Body is nil for a function in another
	// language or of templated arguments.
	CreateFunction struct {
		Name      []string
		Language  string
		Args      []FunctionArg
		Result    *Type
		Body      Expr
		Aggregate bool
		Temp      bool
		SQL       string // the body as written
		Aggs      []Computed
	}

	// Drop drops an object.
	Drop struct {
		What     string // TABLE, VIEW, FUNCTION, …
		Name     []string
		IfExists bool
	}

	// UnsupportedStmt stands for a statement the tree has no node for.
	UnsupportedStmt struct{ What string }
)

// UpdateItem sets Target, a column or a path into one. Nested statements on
// arrays are Unsupported.
type UpdateItem struct {
	Target      Expr
	Value       Expr
	Unsupported string
}

// When is one WHEN clause of a MERGE.
type When struct {
	Match   string // MATCHED, NOT MATCHED BY SOURCE, NOT MATCHED BY TARGET
	And     Expr
	Action  string   // INSERT, UPDATE, DELETE
	Columns []Column // of INSERT
	Row     []Expr   // of INSERT
	Items   []UpdateItem
}

// Returning is THEN RETURN.
type Returning struct {
	Output []Output
	Exprs  []Computed
	Action *Column
}

// FunctionArg is an argument of a declared function; Type is nil for ANY TYPE.
type FunctionArg struct {
	Name      string
	Type      *Type
	Aggregate bool
}

// Kind implements Stmt.
func (*Query) Kind() string { return "QueryStmt" }

// Kind implements Stmt.
func (s *CreateTable) Kind() string {
	if s.Query != nil {
		return "CreateTableAsSelectStmt"
	}
	return "CreateTableStmt"
}

// Kind implements Stmt.
func (s *CreateView) Kind() string {
	if s.Materialized {
		return "CreateMaterializedViewStmt"
	}
	return "CreateViewStmt"
}

// Kind implements Stmt.
func (*Insert) Kind() string { return "InsertStmt" }

// Kind implements Stmt.
func (*Update) Kind() string { return "UpdateStmt" }

// Kind implements Stmt.
func (*Delete) Kind() string { return "DeleteStmt" }

// Kind implements Stmt.
func (*Merge) Kind() string { return "MergeStmt" }

// Kind implements Stmt.
func (*Truncate) Kind() string { return "TruncateStmt" }

// Kind implements Stmt.
func (*CreateFunction) Kind() string { return "CreateFunctionStmt" }

// Kind implements Stmt.
func (*Drop) Kind() string { return "DropStmt" }

// Kind implements Stmt.
func (s *UnsupportedStmt) Kind() string { return s.What }
