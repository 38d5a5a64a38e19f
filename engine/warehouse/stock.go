package warehouse

import (
	"context"

	"github.com/engine-build/engine/engine/addr"
)

// Stocktaker is the optional power of a Conn to say cheaply, for many customers at once, what is
// still there of what releases have published: somebody may have dropped it.
type Stocktaker interface {
	// Stock gives what is there, by customer; one of whom nothing is there is absent. It opens no
	// release and locks nothing.
	Stock(ctx context.Context, specs []ReleaseSpec) (map[string]Stock, error)
}

// Stock is what a customer has.
type Stock struct {
	// Relations are those in the customer's schemas, by schema and name; nil where the warehouse
	// would have to open something to look inside.
	Relations map[addr.Relation]bool
}
