package warehouse

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
)

// Impersonator is the optional power of a Conn to look at relations as another account does.
type Impersonator interface {
	// Reads says of each relation whether the principal can read it, which it finds out as that
	// principal; a relation that is not there cannot be read. Where the connection's own account
	// must not take the principal's place the error is ErrUnsupported.
	Reads(ctx context.Context, principal string, rels []addr.Relation) (map[addr.Relation]bool, error)
}

// Policed is the optional power of a Conn to show each reader of a table only some of its rows,
// see Handover.RowPolicies.
type Policed interface{ Policed() bool }
