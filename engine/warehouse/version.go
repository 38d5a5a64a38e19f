package warehouse

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
)

// Version names what a relation that others write holds.
type Version struct {
	// Token is a short text that differs from any earlier one of the relation if its rows, its
	// columns or their types may have changed in between. Empty where the warehouse cannot
	// tell; Unknown says why then, in a few words («it is a view»).
	Token   string
	Unknown string
}

// Versioner is the optional power of a Conn to tell whether relations that others write
// have changed. What has a token that was read before its rows were, and has the same token
// later, still has these rows. A token that changes although the rows did not is allowed.
type Versioner interface {
	// Versions gives the versions of relations, missing ones absent. It reads no rows that
	// are charged for. The number of calls does not depend on the number of relations, unless
	// the warehouse tells it of one at a time only; then they are made side by side.
	Versions(context.Context, []addr.Relation) (map[addr.Relation]Version, error)
}

// Versions asks a connection that has the power; others know of no relation.
func Versions(ctx context.Context, c Conn, rels []addr.Relation) (map[addr.Relation]Version, error) {
	if v, ok := c.(Versioner); ok && len(rels) > 0 {
		return v.Versions(ctx, rels)
	}
	return nil, nil
}

// Summer is the optional power of a Dialect to sum up the content of a relation.
type Summer interface {
	// Checksum is a query of one row and one text column: equal texts mean equal multisets of
	// rows over the columns, their names, types and order included. It is a sum over hashes of
	// rows, so that the order of rows does not matter and repeated ones count; two contents
	// have the same one by accident once in 2^64 pairs or less. Columns are as Inspect
	// reports them. Ok is false where a column's type has no exact text, or where reading
	// the rows is charged for.
	Checksum(rel addr.Relation, columns []Column) (query string, ok bool)
}

// Checksum asks a dialect that has the power.
func Checksum(d Dialect, rel addr.Relation, columns []Column) (query string, ok bool) {
	if s, has := d.(Summer); has && len(columns) > 0 {
		return s.Checksum(rel, columns)
	}
	return "", false
}
