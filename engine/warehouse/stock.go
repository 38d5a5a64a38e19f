package warehouse

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
)

// Stocktaker is the optional power of a Conn to say, for many customers at once, what is still
// there of what releases have published: somebody may have dropped it, made something else of its
// name, restored an old copy, or changed who may read it.
type Stocktaker interface {
	// Stock gives what is there, by customer; one of whom nothing of spec's owner is there is
	// absent. It opens no release and locks nothing.
	Stock(ctx context.Context, specs []ReleaseSpec) (map[string]Stock, error)
}

// Stock is what a customer has.
type Stock struct {
	// Relations are those that a release has put into the customer's schemas and nobody has
	// replaced, by schema and name; nil where nobody has looked.
	Relations map[addr.Relation]bool
	// Run is the one that ReleaseTable names; nil where nobody has looked.
	Run *string
	// Hidden are relations that one of ReleaseSpec.Readers cannot read.
	Hidden map[addr.Relation]bool
	// Strangers are those who hold what the engine did not grant, as Distributor.Revoke reports
	// them; sorted.
	Strangers []string
	// Guarded are tables of which a reader sees what a policy of its lets through, see Handover;
	// nil where nobody has looked.
	Guarded map[addr.Relation]bool
	// Stamp, if it is not empty, tells what was looked at from whatever somebody makes of it
	// later: what has it now is as it was. It is that of ReleaseSpec where nobody has looked.
	Stamp string
}

// Stamper is the optional power of a Release to give the Stamp of what it has published, after
// Publish; empty where it has none.
type Stamper interface {
	Stamp(ctx context.Context) string
}
