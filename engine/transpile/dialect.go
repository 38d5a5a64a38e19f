package transpile

import "github.com/engine-build/engine/engine/ir"

// Dialect is what a target knows and the writer does not. Texts are fragments of
// the target's SQL; a dialect asks Writer.Ref and Writer.Subquery for the parts of
// an expression that belong to the writer.
type Dialect interface {
	// Ident writes an identifier, quoted where it must be.
	Ident(name string) string
	// Table is the quoted name of a table, with time travel if it has any.
	Table(t *ir.Table) string
	// Expr writes an expression with the exact type of the target.
	Expr(e ir.Expr) string
	// Count writes the count of a LIMIT or OFFSET.
	Count(e ir.Expr) string
	// Aggregate writes an aggregate call.
	Aggregate(e ir.Expr) string
	// Window writes a whole window call; partition holds the texts of the keys, order
	// those of g.Order.
	Window(c *ir.WindowCall, g ir.WindowGroup, partition, order []string) string
	// SortKeys are the terms of an ORDER BY for one item whose expression reads text.
	SortKeys(text string, item ir.OrderItem) []string
	// Unnest is a FROM item that yields the elements of the arrays as the columns
	// given, and a last column for the one-based position if pos is not "".
	Unnest(u *ir.Unnest, alias string, columns []string, pos string) string
	// Sample is the TABLESAMPLE clause after a FROM item.
	Sample(s *ir.Sample) string
	// TVF is a FROM item for a table-valued function without alias, and the names of its columns.
	TVF(t *ir.TVF) (string, []string)
	// Assert is a condition that is true, or fails with the message.
	Assert(a *ir.Assert) string
	// Refuse notes a refusal.
	Refuse(what, why string, at ir.Span) string
	// Group is the text of GROUPING(key).
	Grouping(key string) string
	// Repeats reports whether a text may be evaluated more often than once a row, and
	// in a place where a subquery may not stand.
	Repeats(text string) bool
}

// Conditioner is the optional power of a Dialect to write a condition of which only being
// true counts, so that FALSE and NULL are the same.
type Conditioner interface {
	Condition(e ir.Expr) string
}

// Typer is the optional power of a Dialect whose types have limits that an expression
// loses: numeric(38,9) becomes numeric in a coalesce. Typed writes a column of a
// statement's result, or of the parts of a recursive query, with its type in full.
type Typer interface {
	Typed(text string, t *ir.Type) string
}

// Limits is what a dialect's SELECT cannot do; the writer nests another one there.
type Limits struct {
	// NoQualify: there is no QUALIFY clause.
	NoQualify bool
	// NoNamesInOrder: a sort key that is more than the name of an output column does
	// not see the names of output columns.
	NoNamesInOrder bool
	// Reorders: the conditions of a WHERE, and of derived tables without an OFFSET, are
	// tested in any order.
	Reorders bool
}

// Limited is a dialect that has limits. One without the method has none.
type Limited interface{ Limits() Limits }
