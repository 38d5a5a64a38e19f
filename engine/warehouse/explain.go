package warehouse

import (
	"context"
	"errors"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// Explanation is an error of a warehouse taken apart for a diagnostic.
type Explanation struct {
	// Class is the warehouse's own word for the sort of error: «Binder Error».
	Class string
	// Message is one line without the class, without an excerpt of the SQL and without
	// a full stop.
	Message string
	// Detail is what else the warehouse said, possibly several lines.
	Detail string
	// Word is the name at fault, if the error names one, and Candidates are names that
	// the warehouse knows in its place.
	Word       string
	Candidates []string
	// Data says that the statement is right, and a value of a row is none that one of its
	// expressions takes.
	Data bool
	// Help says what to do, where the cause is not the query (a full disk, too little memory).
	Help string
}

// Explainer is the optional power of a Dialect to take errors apart.
type Explainer interface {
	Explain(error) Explanation
}

// Explain takes an error apart with the dialect's help; without, the first line of the
// error is the message.
func Explain(d Dialect, err error) Explanation {
	if e, ok := d.(Explainer); ok {
		return e.Explain(err)
	}
	line, rest, _ := strings.Cut(strings.TrimSpace(err.Error()), "\n")
	return Explanation{Message: strings.TrimRight(line, ".! "), Detail: strings.TrimSpace(rest)}
}

// UnmetError is the refusal of a Require, alone or within another operation: the rows are not
// as the next step needs them, for example two new rows have one key. A Performer that asks
// such a thing by itself says so with it.
type UnmetError struct{ Err error }

func (e *UnmetError) Error() string { return e.Err.Error() }
func (e *UnmetError) Unwrap() error { return e.Err }

// Conflict reports whether a statement or transaction was refused only because another
// one changed the same thing at the same time, so that trying it again may succeed.
func Conflict(err error) bool {
	var c interface{ Conflict() bool }
	return errors.As(err, &c) && c.Conflict()
}

// Sniffer is the optional power to find the columns of a file: their names in file order
// and the types that every value fits. Connections and analyzers may have it. Columns that
// are known keep their types; when all are known only the file's header is read. A file
// that cannot be read as a table is a *LoadError.
type Sniffer interface {
	Sniff(ctx context.Context, f File, known ...Column) ([]Column, error)
}

// Trier is the optional power of an Analyzer to find out whether a file would load with
// these columns, without keeping anything. Bad rows are reported as *LoadError.
type Trier interface {
	Try(ctx context.Context, columns []Column, f File) error
}

// Preparer is the optional power to set up what translated statements need beside tables:
// functions of the engine's own.
type Preparer interface {
	// Prepare makes the named things ready for all connections of the Conn, if they are not.
	Prepare(ctx context.Context, needs []string) error
}

// Prepare sets up what statements need; a warehouse that cannot has nothing to set up.
func Prepare(ctx context.Context, c Conn, needs []string) error {
	if p, ok := c.(Preparer); ok && len(needs) > 0 {
		return p.Prepare(ctx, needs)
	}
	return nil
}

// Prober is the optional power to look up one relation faster than Inspect does. Sizes
// and comments may be missing.
type Prober interface {
	Probe(context.Context, addr.Relation) (Relation, error)
}

// Probe looks up kind and columns of one relation; a missing one has Kind None. It is the
// inspect function for Late operations.
func Probe(ctx context.Context, c Conn, rel addr.Relation) (Relation, error) {
	if p, ok := c.(Prober); ok {
		return p.Probe(ctx, rel)
	}
	found, err := c.Inspect(ctx, []addr.Relation{rel})
	if err != nil || len(found) == 0 {
		return Relation{Name: rel, Rows: -1, Bytes: -1}, err
	}
	return found[0], nil
}
