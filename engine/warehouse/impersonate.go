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
	// ReadsBeyond gives some of the relations in schemas that releases of the owner, or its
	// workshop, have made which the principal may read, but for those of the customers named; none
	// if there are none. It needs no right to take the principal's place.
	ReadsBeyond(ctx context.Context, principal, owner string, customers []string) ([]addr.Relation, error)
	// Answers are those that the principal gets to queries of one whole number each. Errors are
	// those of Reads, and of queries that fail.
	Answers(ctx context.Context, principal string, queries []string) ([]int64, error)
}

// Vetter is the optional power of a Conn to say who must not be given access.
type Vetter interface {
	// Unfit are the principals that Release.Publish would refuse, with the reasons. guarded:
	// they are to read guarded tables, see Handover.
	Unfit(ctx context.Context, principals []string, guarded bool) ([]*PrincipalError, error)
}

// Sheltered is the optional power of a Conn whose statements could call what others have made.
type Sheltered interface {
	// Sheltered is an *OpenError where somebody who is not trusted has made, or may make, functions
	// that the session's statements would call in the place of those meant.
	Sheltered(ctx context.Context) error
	// ShelteredFrom is an *OpenError where one of the principals has made such functions, or may
	// make them, whatever trust it has otherwise. Those who have the connection's own rights need
	// no function for anything: of them Vetter tells.
	ShelteredFrom(ctx context.Context, principals []string) error
}

// Policed is the optional power of a Conn to show each reader of a table only some of its rows,
// see Handover.RowPolicies.
type Policed interface{ Policed() bool }
