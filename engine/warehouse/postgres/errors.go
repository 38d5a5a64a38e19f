package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
)

// Kind is the sort of an error, as far as it matters for what to do next.
type Kind string

const (
	Syntax      Kind = "syntax"      // the text is not SQL
	Binder      Kind = "binder"      // a column, function or type does not fit
	Catalog     Kind = "catalog"     // a relation, schema, function or type does not exist, or does already
	Dependency  Kind = "dependency"  // something else needs what was to be dropped or changed
	Conflict    Kind = "conflict"    // another transaction was in the way; try again
	Transaction Kind = "transaction" // the transaction is over or was aborted
	Constraint  Kind = "constraint"  // a constraint of a table is violated
	Conversion  Kind = "conversion"  // a value does not fit a type
	Data        Kind = "data"        // a value that an expression cannot take
	Disk        Kind = "disk"        // no room on the server's disk
	OOM         Kind = "oom"         // no memory at the server
	Crowded     Kind = "crowded"     // the server has no connection left
	Permission  Kind = "permission"  // the role lacks a right
	TimedOut    Kind = "timeout"     // statement_timeout or lock_timeout of the target was reached
	Interrupted Kind = "interrupted" // canceled by us
	Lost        Kind = "lost"        // the connection or the server is gone
	Fatal       Kind = "fatal"       // a bug in the server
	Other       Kind = "other"
)

// failure begins the messages of errors that the engine's own SQL raises by a cast.
const failure = target.Failure

// Error is an error of PostgreSQL taken apart. All methods of connections return errors of
// the server and of the connection to it as *Error.
type Error struct {
	Kind       Kind
	Class      string // the name of the SQLSTATE's class: «Syntax Error or Access Rule Violation»
	Code       string // SQLSTATE, empty where the server said nothing
	Message    string // one line
	Detail     string
	Hint       string
	Where      string // in which function, or at which line of a COPY
	Word       string // the name at fault, if given
	Candidates []string
	Offset     int // in bytes from the start of the statement, -1 if unknown
	Err        error
}

func (e *Error) Error() string {
	out := e.Message
	if e.Code != "" {
		out += " (SQLSTATE " + e.Code + ")"
	}
	if d := e.detail(); d != "" {
		out += "\n" + d
	}
	return out
}

// detail is what the server said besides the message.
func (e *Error) detail() string {
	var parts []string
	for _, s := range []string{e.Detail, e.Hint} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, "\n")
}

// Unwrap gives the context's error where a statement was canceled, otherwise the driver's.
func (e *Error) Unwrap() error { return e.Err }

// Conflict reports that the same statement or transaction may succeed when tried again.
func (e *Error) Conflict() bool { return e.Kind == Conflict }

// Classify gives the kind of an error, Other for one that is not PostgreSQL's.
func Classify(err error) Kind {
	if err == nil {
		return Other
	}
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Kind
	}
	return explain(err).Kind
}

// wrap makes an *Error of what the client library returned for a statement.
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
	e := explain(err)
	if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) && stmt.SQL != "" {
		e.Offset = byteOffset(stmt.SQL, int(pg.Position))
	}
	if stmt.BodyEnd > 0 && e.Offset > stmt.BodyEnd {
		e.beyond(stmt)
	}
	return e
}

// beyond words an error that was found behind the user's text. What stands there is right,
// so the user's text stops too early, or has another number of columns than it should.
func (e *Error) beyond(stmt warehouse.Statement) {
	after := stmt.SQL[stmt.BodyEnd:]
	switch {
	case e.Code == "42601" && strings.HasSuffix(after, columnCheckEnd), e.Code == "42P10" && strings.Contains(after, columnCheckEnd):
		if e.Code == "42601" && strings.HasPrefix(stmt.SQL[e.Offset:], ")") && e.Offset < stmt.BodyEnd+4 {
			e.Message, e.Word, e.Offset = "syntax error at end of input", "", stmt.BodyEnd
			return
		}
		e.Kind, e.Message, e.Word, e.Offset = Binder, "the query has another number of columns than are declared", "", -1
	case e.Kind == Syntax:
		e.Message, e.Word, e.Offset = "syntax error at end of input", "", stmt.BodyEnd
	}
}

// explain takes an error apart without its statement.
func explain(err error) *Error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return clientError(err)
	}
	e := &Error{Code: pg.Code, Class: className(pg.Code), Detail: pg.Detail, Hint: pg.Hint, Where: pg.Where, Offset: -1, Err: err}
	line, rest, _ := strings.Cut(strings.TrimSpace(ownMessage(pg.Message)), "\n")
	e.Message = strings.TrimRight(line, "!. ")
	if rest != "" {
		e.Detail = strings.TrimSpace(rest + "\n" + e.Detail)
	}
	e.Kind = kindOf(pg)
	e.Word = quotedWord(pg)
	e.Candidates = hinted(pg.Hint)
	switch {
	case pg.Code == "42601" && strings.Contains(pg.Message, "multiple commands"):
		e.Message = "the query is several statements"
	case pg.Code == "42P02":
		e.Kind, e.Message = Syntax, "the query has a parameter («$1»), which nothing fills"
	case pg.Code == "57014" && !strings.Contains(pg.Message, "user request"), pg.Code == "25P03":
		e.Kind = TimedOut
	}
	return e
}

// clientError words what happened on the way to the server.
func clientError(err error) *Error {
	e := &Error{Kind: Other, Offset: -1, Err: err}
	var netErr net.Error
	var connect *pgconn.ConnectError
	var open *warehouse.OpenError
	text := err.Error()
	switch {
	case errors.As(err, &open):
		e.Kind, e.Message = Lost, open.Reason
		return e
	case errors.As(err, &connect):
		// The error of a connection attempt shows settings; the cause is enough.
		e.Kind, e.Message = Lost, "the server cannot be reached"
		if last := lastCause(err); last != "" {
			e.Message += ": " + last
		}
		e.Err = hidden{err}
		return e
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed), errors.As(err, &netErr),
		strings.Contains(text, "conn closed"), strings.Contains(text, "connection reset"), strings.Contains(text, "broken pipe"), strings.Contains(text, "closed pool"):
		e.Kind, e.Message = Lost, "the connection to the server is lost"
		return e
	}
	line, rest, _ := strings.Cut(strings.TrimSpace(text), "\n")
	e.Message, e.Detail = strings.TrimRight(line, "!. "), strings.TrimSpace(rest)
	return e
}

// ownMessage is what the engine's own SQL says of a value it refuses. It says so by a cast
// that fails, whose error quotes the message, or by RAISE.
func ownMessage(message string) string {
	if own, ok := strings.CutPrefix(message, failure); ok {
		return own
	}
	_, own, ok := strings.Cut(message, `"`+failure)
	if !ok {
		return message
	}
	if end := strings.LastIndexByte(own, '"'); end >= 0 {
		own = own[:end]
	}
	return own
}

// kindOf sorts by the SQLSTATE (appendix A of PostgreSQL's manual).
func kindOf(pg *pgconn.PgError) Kind {
	switch pg.Code {
	case "40001", "40P01", "55P03":
		return Conflict
	case "23505":
		// Two sessions make the same schema, relation or type at the same time.
		if strings.HasPrefix(pg.ConstraintName, "pg_") {
			return Conflict
		}
	case "XX000":
		// «tuple concurrently updated»: two sessions change one entry of the catalog.
		if strings.HasPrefix(pg.Routine, "simple_heap_") {
			return Conflict
		}
	case "42601", "42602", "42622", "42939":
		return Syntax
	case "42P01", "3F000", "42704", "42710", "42P06", "42P07", "42723", "3D000", "42809", "42P16":
		return Catalog
	case "42501":
		return Permission
	case "2BP01", "2B000":
		return Dependency
	case "53100":
		return Disk
	case "53200":
		return OOM
	case "53300":
		return Crowded
	case "57014":
		return Interrupted
	case "57P01", "57P02", "57P03", "57P05":
		return Lost
	case "22P02", "22007", "22P03", "22P05", "22021", "22P04":
		return Conversion
	}
	switch pg.Code[:min(2, len(pg.Code))] {
	case "08":
		return Lost
	case "22", "21":
		return Data
	case "23":
		return Constraint
	case "25", "2D", "3B":
		return Transaction
	case "28":
		return Permission
	case "42", "0A":
		return Binder
	case "53":
		return OOM
	case "58":
		return Fatal
	case "XX":
		return Fatal
	}
	return Other
}

// className names the class of a SQLSTATE in the manual's words.
func className(code string) string {
	if len(code) != 5 {
		return ""
	}
	return map[string]string{
		"08": "Connection Exception", "0A": "Feature Not Supported", "21": "Cardinality Violation", "22": "Data Exception",
		"23": "Integrity Constraint Violation", "25": "Invalid Transaction State", "28": "Invalid Authorization", "2B": "Dependent Objects Still Exist",
		"3D": "Invalid Catalog Name", "3F": "Invalid Schema Name", "40": "Transaction Rollback", "42": "Syntax Error or Access Rule Violation",
		"53": "Insufficient Resources", "54": "Program Limit Exceeded", "55": "Object Not In Prerequisite State", "57": "Operator Intervention",
		"58": "System Error", "P0": "PL/pgSQL Error", "XX": "Internal Error",
	}[code[:2]]
}

// quotedWord is the name in quotes in the messages that have one. A qualified column comes
// without quotes: column t.x does not exist.
func quotedWord(pg *pgconn.PgError) string {
	switch pg.Code {
	case "42601", "42703", "42P01", "42704", "3F000":
	case "42883":
		if name, _, ok := strings.Cut(strings.TrimPrefix(pg.Message, "function "), "("); ok && strings.HasPrefix(pg.Message, "function ") {
			return name
		}
		return ""
	default:
		return ""
	}
	if i := strings.IndexByte(pg.Message, '"'); i >= 0 {
		return unquoteIdent(pg.Message[i:identEnd(pg.Message, i)])
	}
	if rest, ok := strings.CutPrefix(pg.Message, "column "); ok {
		name, _, _ := strings.Cut(rest, " ")
		return name[strings.LastIndexByte(name, '.')+1:]
	}
	return ""
}

// hinted are the names that a hint suggests: Perhaps you meant to reference the column
// "t.name" or the column "s.name".
func hinted(hint string) []string {
	if !strings.HasPrefix(hint, "Perhaps you meant to reference the ") {
		return nil
	}
	var out []string
	for {
		i := strings.IndexByte(hint, '"')
		if i < 0 {
			return out
		}
		end := identEnd(hint, i)
		name := unquoteIdent(hint[i:end])
		out = append(out, name[strings.LastIndexByte(name, '.')+1:])
		hint = hint[end:]
	}
}

var (
	errZeroByte = errors.New("zero byte")
	errLimit    = errors.New("time limit of the job")
)
