package warehouse

import (
	"context"
	"fmt"

	"github.com/engine-build/engine/engine/addr"
)

// Dependent is an object of a warehouse that needs a relation: a view that reads it,
// directly or through others, or anything else that goes with it when it is dropped.
type Dependent struct {
	// Of is the relation that was asked about.
	Of addr.Relation
	// Relation is a view's name, zero for what is no relation.
	Relation addr.Relation
	Kind     Kind
	// What describes the object in the warehouse's words: «trigger audit on table core.orders».
	What  string
	Owner string
	// Depth counts the views on the way, from 1 for one that reads Of itself.
	Depth int
	// Blocks: a Swap of Of is refused while this object is there, since it would be lost.
	// Without it a Swap makes the object again.
	Blocks bool
}

// Depender is the optional power of a Conn to say what else depends on relations.
type Depender interface {
	// Dependents lists what depends on each of the relations, in the order of their names
	// and then by depth, asking each database once. Relations that are missing have none.
	Dependents(context.Context, []addr.Relation) ([]Dependent, error)
}

// Dependents asks a warehouse what depends on relations; nothing does where the warehouse
// does not keep account of that.
func Dependents(ctx context.Context, c Conn, relations []addr.Relation) ([]Dependent, error) {
	if d, ok := c.(Depender); ok {
		return d.Dependents(ctx, relations)
	}
	return nil, nil
}

// DependentError says that a relation cannot be replaced or changed without losing what
// someone else built on it. Nothing was changed.
type DependentError struct {
	Dependent Dependent
	// Reason says what goes wrong, in the warehouse's words if they are its own.
	Reason string
	Help   string
	Err    error // of the warehouse, nil where it was not asked
}

func (e *DependentError) Error() string {
	owner := ""
	if e.Dependent.Owner != "" {
		owner = fmt.Sprintf(" (owner %s)", e.Dependent.Owner)
	}
	return fmt.Sprintf("%s%s depends on %s: %s", e.Dependent.What, owner, e.Dependent.Of, e.Reason)
}

func (e *DependentError) Unwrap() error { return e.Err }
