package ir

// AlterTable is ALTER TABLE. Actions apply one after the other.
type AlterTable struct {
	Name     []string
	IfExists bool
	Actions  []AlterAction
}

// AlterAction is one action of an ALTER TABLE.
type AlterAction struct {
	// What is ADD COLUMN, DROP COLUMN, RENAME COLUMN, RENAME TO, SET OPTIONS, ALTER COLUMN
	// SET OPTIONS, ALTER COLUMN DROP NOT NULL, or the analyzer's name of another action.
	What string
	// Column is the definition of ADD COLUMN; its column has a name and a type, no ID.
	Column ColumnDef
	// Name is the column of the other actions, NewName what RENAME COLUMN calls it.
	Name, NewName string
	// Path is the new name of RENAME TO.
	Path []string
	// Conditional says IF NOT EXISTS of ADD COLUMN, IF EXISTS of the others.
	Conditional bool
}

// Kind implements Stmt.
func (*AlterTable) Kind() string { return "AlterTableStmt" }
