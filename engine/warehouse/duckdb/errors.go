package duckdb

import (
	"context"
	"errors"
	"strings"

	driver "github.com/duckdb/duckdb-go/v2"
	"github.com/goccy/go-json"

	target "github.com/engine-build/engine/engine/transpile/duckdb"
	"github.com/engine-build/engine/engine/warehouse"
)

// Kind is the sort of an error, as far as it matters for what to do next.
type Kind string

const (
	Syntax      Kind = "syntax"      // the text is not SQL
	Binder      Kind = "binder"      // a column, function or type does not fit
	Catalog     Kind = "catalog"     // a relation, schema, function or type does not exist, or does already
	Conflict    Kind = "conflict"    // another transaction changed the same thing; try again
	Transaction Kind = "transaction" // the transaction is over or was aborted
	Constraint  Kind = "constraint"  // a constraint of a table is violated
	Conversion  Kind = "conversion"  // a value does not fit a type
	Data        Kind = "data"        // a value that an expression cannot take
	Disk        Kind = "disk"        // no room on the disk
	OOM         Kind = "oom"         // memory_limit is reached
	IO          Kind = "io"          // a file cannot be read or written
	Permission  Kind = "permission"  // forbidden by the configuration
	Extension   Kind = "extension"   // needs an extension that is not there
	TimedOut    Kind = "timeout"     // the time limit of the node was reached
	Interrupted Kind = "interrupted" // canceled by us
	Fatal       Kind = "fatal"       // a bug in DuckDB; the database must be reopened
	Other       Kind = "other"
)

// Error is an error of DuckDB taken apart. All methods of connections and analyzers
// return errors of the database as *Error.
type Error struct {
	Kind       Kind
	Class      string // DuckDB's word: «Binder Error»
	Message    string // one line without the class
	Detail     string // what else was said
	Word       string // the name at fault, if given
	Candidates []string
	Offset     int // in bytes from the start of the statement, -1 if unknown
	Err        error

	raised bool // by translated SQL itself, see ownMessage
}

func (e *Error) Error() string {
	text := e.Message
	if e.Class != "" {
		text = e.Class + ": " + text
	}
	if e.Detail != "" {
		text += "\n" + e.Detail
	}
	return text
}

// Unwrap gives the context's error where a statement was canceled, otherwise the driver's.
func (e *Error) Unwrap() error { return e.Err }

// Conflict reports that the same statement or transaction may succeed when tried again.
func (e *Error) Conflict() bool { return e.Kind == Conflict }

// data reports whether an expression failed on a value. A function that is called with an
// argument it never takes fails alike: DuckDB tells them apart by class alone.
func (e *Error) data() bool { return e.Kind == Data || e.Kind == Conversion }

// Classify gives the kind of an error, Other for one that is not DuckDB's.
func Classify(err error) Kind {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	if err == nil {
		return Other
	}
	return explainText(err.Error()).Kind
}

// wrap makes an *Error of what the driver returned for a statement. body is the part of
// the statement that is the user's own text, or empty.
func wrap(ctx context.Context, stmt warehouse.Statement, err error) error {
	if err == nil {
		return nil
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return err
	}
	if ctxErr := ctx.Err(); ctxErr != nil {
		return &Error{Kind: Interrupted, Message: "interrupted: " + ctxErr.Error(), Offset: -1, Err: ctxErr}
	}
	text := err.Error()
	if d := (*driver.Error)(nil); errors.As(err, &d) {
		text = d.Msg
	}
	e := explainText(text)
	e.Err = err
	if e.Kind == Syntax && stmt.BodyEnd > 0 && e.Offset > stmt.BodyEnd {
		// The text that follows the user's is right, so the user's stops too early.
		e.Message, e.Word, e.Offset = "syntax error at end of input", "", stmt.BodyEnd
	}
	return e
}

// report is an error with errors_as_json. All values are strings.
type report struct {
	Type     string `json:"exception_type"`
	Message  string `json:"exception_message"`
	Position string `json:"position"`
	Name     string `json:"name"`
	Entry    string `json:"type"` // what sort of name: Table, Scalar Function, Type
}

// explainText takes the text of an error apart, written as JSON or for people.
func explainText(text string) *Error {
	class, message, ok := strings.Cut(text, "Error: ")
	if ok && !strings.ContainsAny(class, "{\n") {
		class = strings.TrimSpace(class[strings.LastIndex(class, ": ")+1:]) + " Error"
	} else {
		class, message = "", text
	}
	e := &Error{Class: class, Offset: -1}
	var r report
	if strings.HasPrefix(message, "{") && json.Unmarshal([]byte(message), &r) == nil && r.Message != "" {
		e.Class, message, e.Word = r.Type+" Error", r.Message, r.Name
		if n, err := parseUint(r.Position); err == nil {
			e.Offset = n
		}
	}
	// The driver puts its own name before the message of an error of a Go function.
	message = strings.TrimPrefix(message, "database/sql/driver: API error: ")
	e.Message, e.Detail, e.Candidates = splitMessage(ownMessage(message))
	e.raised = strings.Contains(message, "'"+target.Failure)
	if e.Word == "" {
		e.Word = quotedWord(e.Message)
	}
	e.Kind = kindOf(e.Class, message)
	if strings.Contains(message, "incorrect argument count for command") {
		e.Kind, e.Message = Syntax, "the query has a parameter («?» or «$1»), which nothing fills"
	}
	return e
}

// ownMessage is what translated SQL itself says of a value it refuses. It says so by a cast
// that fails, whose error quotes the message.
func ownMessage(message string) string {
	_, own, ok := strings.Cut(message, "'"+target.Failure)
	if !ok {
		return message
	}
	if end := strings.LastIndex(own, "' to "); end >= 0 {
		own = own[:end]
	} else if end := strings.LastIndex(own, "'"); end >= 0 {
		own = own[:end]
	}
	return own
}

func kindOf(class, message string) Kind {
	switch {
	case strings.Contains(message, "No space left on device"), strings.Contains(message, "Disk quota exceeded"),
		strings.Contains(message, "max_temp_directory_size"):
		return Disk
	case strings.Contains(message, "in the catalog, but it exists in the"):
		return Extension
	}
	switch strings.TrimSuffix(class, " Error") {
	case "Parser", "Syntax":
		return Syntax
	case "Binder", "Parameter Not Resolved", "Parameter Not Allowed", "Not implemented", "Mismatch Type", "Invalid type", "Expression", "Planner":
		return Binder
	case "Catalog", "Dependency", "Sequence":
		return Catalog
	case "TransactionContext":
		if strings.Contains(strings.ToLower(message), "conflict") {
			return Conflict
		}
		return Transaction
	case "Constraint":
		return Constraint
	case "Conversion":
		return Conversion
	case "Out of Range", "Divide by Zero", "Invalid Input", "Decimal":
		return Data
	case "Out of Memory":
		return OOM
	case "IO", "HTTP", "Network", "Serialization":
		return IO
	case "Permission":
		return Permission
	case "Missing Extension", "Extension Autoloading":
		return Extension
	case "INTERRUPT", "Interrupt":
		return Interrupted
	case "FATAL", "INTERNAL", "Fatal", "Internal", "NullPointer":
		return Fatal
	}
	return Other
}

// splitMessage separates the first line, the names that DuckDB suggests, and the rest.
func splitMessage(text string) (message, detail string, candidates []string) {
	if i := strings.Index(text, "\n\nLINE "); i >= 0 {
		text = text[:i]
	}
	for _, mark := range []string{"\nCandidate bindings:", "\n\nCandidate bindings:", "\nDid you mean ", "\nCandidate tables:"} {
		if i := strings.Index(text, mark); i >= 0 {
			line, rest, _ := strings.Cut(text[i+len(mark):], "\n")
			candidates = userNames(quotedNames(line))
			text = text[:i] + "\n" + rest
			break
		}
	}
	if i := strings.Index(text, "\n\tCandidate functions:"); i >= 0 {
		for _, line := range strings.Split(text[i:], "\n")[2:] {
			if line = strings.TrimSpace(line); line != "" {
				candidates = append(candidates, line)
			}
		}
		text = text[:i]
	}
	message, detail, _ = strings.Cut(strings.TrimSpace(text), "\n")
	return strings.TrimRight(message, "!. "), strings.TrimSpace(detail), candidates
}

// quotedNames finds the names in «"a", "b"». A doubled quote belongs to the name.
func quotedNames(s string) []string {
	var out []string
	for {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			return out
		}
		end := identEnd(s, i)
		out = append(out, unquoteIdent(s[i:end]))
		s = s[end:]
	}
}

// userNames leaves out DuckDB's own relations, which nobody means.
func userNames(list []string) []string {
	out := list[:0]
	for _, n := range list {
		bare := n[strings.LastIndexByte(n, '.')+1:]
		if !strings.HasPrefix(bare, "pg_") && !strings.HasPrefix(bare, "duckdb_") && !strings.HasPrefix(bare, "sqlite_") && !strings.HasPrefix(bare, "pragma_") {
			out = append(out, n)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// quotedWord is the name in quotes in messages that come without a name of their own:
// table "t" does not have a column named "x", syntax error at or near "x".
func quotedWord(message string) string {
	for _, mark := range []string{`at or near "`, `column named "`, `Referenced table "`, `Referenced column "`} {
		if i := strings.Index(message, mark); i >= 0 {
			start := i + len(mark) - 1
			return unquoteIdent(message[start:identEnd(message, start)])
		}
	}
	return ""
}
