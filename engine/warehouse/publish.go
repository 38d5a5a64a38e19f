package warehouse

import (
	"context"
	"fmt"
	"time"

	"github.com/engine-build/engine/engine/addr"
)

// Definer is the optional power of a Conn to say what a view was made from.
type Definer interface {
	// Definition is the query of a view or materialized view, such that a view made from it
	// anywhere reads the same relations. A relation that is missing or no view is an error.
	Definition(context.Context, addr.Relation) (string, error)
}

// Definition asks a connection for the query of a view.
func Definition(ctx context.Context, c Conn, rel addr.Relation) (string, error) {
	d, ok := c.(Definer)
	if !ok {
		return "", fmt.Errorf("the query of %s: %w", rel, ErrUnsupported)
	}
	return d.Definition(ctx, rel)
}

// Locker is the optional power of a Tx to take the locks under which relations are replaced
// before anything is done. While a transaction waits for a lock everybody who comes later
// waits behind it, and who waits for two may do so in a circle.
type Locker interface {
	// Lock locks relations in their order, all of them within d, and lets later statements of
	// the transaction wait for other locks no longer than d each. It gives up with an error
	// that is a conflict.
	Lock(ctx context.Context, relations []Relation, d time.Duration) error
}

// Lock takes the locks under which relations are replaced, where the warehouse has locks
// that readers would wait behind. Of the relations Name and Kind count.
func Lock(ctx context.Context, t Tx, relations []Relation, d time.Duration) error {
	if l, ok := t.(Locker); ok {
		return l.Lock(ctx, relations, d)
	}
	return nil
}
