package transpile

import "github.com/engine-build/engine/engine/ir"

// Target writes analyzed statements anew in the SQL of one warehouse. It is pure and safe
// for concurrent use.
type Target interface {
	// Name is the word for the target in messages and configuration, for example «duckdb».
	Name() string
	// Version changes whenever the same statement may be written differently.
	Version() string
	// Statement fails with Refusals for what the target cannot do.
	Statement(ir.Stmt, Options) (Result, error)
	// Type is the target's type for values of t.
	Type(t *ir.Type) (string, error)
	// Parse is the GoogleSQL type that holds every value of a type of the target, in the
	// target's spelling; false if there is none.
	Parse(native string) (*ir.Type, bool)
}
