package postgres

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
)

// Dialect writes SQL for PostgreSQL 13 and later. The zero value is ready to use.
type Dialect struct{}

// maxIdentifier is the longest name in bytes (NAMEDATALEN - 1). The server cuts longer ones
// off without an error, so they are refused here.
const maxIdentifier = 63

// Name is «postgres».
func (Dialect) Name() string { return "postgres" }

// Caps of PostgreSQL: everything is transactional, a merge is one statement, names that
// differ in case are different.
func (Dialect) Caps() warehouse.Caps {
	return warehouse.Caps{
		TransactionalDDL: true, Merge: true, Indexes: true, Constraints: true, Enforces: true, Unlogged: true,
		MaterializedViews: true, Grants: true, MaxIdentifier: maxIdentifier,
	}
}

// Ident quotes an identifier.
func (Dialect) Ident(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// Quote writes a full name; the database is left out where it is the connection's own.
func (d Dialect) Quote(r addr.Relation) string {
	name := d.Ident(r.Name)
	if r.Schema != "" {
		name = d.Ident(r.Schema) + "." + name
	}
	if r.Database != "" {
		name = d.Ident(r.Database) + "." + name
	}
	return name
}

// OrderedByBytes overrides the collation of the database.
func (Dialect) OrderedByBytes(expr string) string { return expr + ` collate pg_catalog."C"` }

// Literal writes a value so that PostgreSQL reads the same value of the same type: integers
// as they are, floats as double precision (a bare 1.5 would be numeric), times as timestamp
// in UTC, texts without a type of their own. It does not depend on settings of the session.
// What is no contract type is written as its text. A text with a zero byte, which
// PostgreSQL cannot hold, keeps it, and the connection refuses the statement.
func (d Dialect) Literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return strconv.FormatBool(v)
	case int:
		return d.Literal(int64(v))
	case int32:
		return d.Literal(int64(v))
	case int64:
		if v == math.MinInt64 {
			return "bigint '" + strconv.FormatInt(v, 10) + "'"
		}
		return strconv.FormatInt(v, 10)
	case float32:
		return d.Literal(float64(v))
	case float64:
		switch {
		case math.IsNaN(v):
			return "float8 'NaN'"
		case math.IsInf(v, 1):
			return "float8 'Infinity'"
		case math.IsInf(v, -1):
			return "float8 '-Infinity'"
		}
		return "float8 '" + strconv.FormatFloat(v, 'g', -1, 64) + "'"
	case []byte:
		return "decode('" + hex.EncodeToString(v) + "', 'hex')"
	case time.Time:
		return "timestamp '" + timestamp(v) + "'"
	case string:
		return text(v)
	}
	return text(fmt.Sprint(v))
}

// text writes a string. With a backslash it is an escape string, which reads the same
// whatever standard_conforming_strings says.
func text(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.IndexByte(s, '\\') >= 0 {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

func timestamp(t time.Time) string {
	t = t.UTC()
	if t.Year() <= 0 {
		return fmt.Sprintf("%04d", 1-t.Year()) + t.Format("-01-02 15:04:05.999999") + " BC"
	}
	return fmt.Sprintf("%04d", t.Year()) + t.Format("-01-02 15:04:05.999999")
}

// ErrorAt finds where PostgreSQL saw the mistake. Errors within a function or a view that
// the statement uses carry no position in the statement, and have no place here.
func (Dialect) ErrorAt(stmt warehouse.Statement, err error) (offset, length int, ok bool) {
	e, dependent := (*Error)(nil), (*warehouse.DependentError)(nil)
	if errors.As(err, &dependent) || !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(stmt.SQL) {
		return 0, 0, false
	}
	return e.Offset, tokenLength(stmt.SQL, e.Offset), true
}

// byteOffset turns a position as PostgreSQL counts, characters from 1, into bytes from 0;
// -1 where there is none.
func byteOffset(s string, position int) int {
	if position < 1 {
		return -1
	}
	offset := 0
	for range position - 1 {
		if offset >= len(s) {
			return len(s)
		}
		_, n := utf8.DecodeRuneInString(s[offset:])
		offset += n
	}
	return offset
}

// Explain takes an error apart.
func (Dialect) Explain(err error) warehouse.Explanation {
	if dependent := (*warehouse.DependentError)(nil); errors.As(err, &dependent) {
		return warehouse.Explanation{Class: className("2BP01"), Message: dependent.Error(), Help: dependent.Help}
	}
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		e = explain(err)
	}
	return warehouse.Explanation{Class: e.Class, Message: e.Message, Detail: e.detail(), Word: e.Word, Candidates: e.Candidates,
		// A literal that is wrong has a place in the statement, a value of a row has none.
		Data: e.Offset < 0 && (e.Kind == Data || e.Kind == Conversion), Help: help[e.Kind]}
}

// help is what to do about errors that are not the query's.
var help = map[Kind]string{
	Disk:       "make room on the disk of the server, then build again: what was published before is untouched",
	OOM:        "let the model read less at once, or have work_mem and the server's memory looked at",
	Lost:       "look at the server's log, then build again: what was published before is untouched",
	Crowded:    "lower the target's threads and connections, or have max_connections of the server raised",
	Permission: "have the right granted to the target's role",
	TimedOut:   "raise statement_timeout of the target, lock_timeout if it waited for a lock, or job_execution_timeout_seconds of the node",
}

// Words of PostgreSQL.
func (Dialect) Words() warehouse.Words { return words{} }

type words struct{}

func (words) CountIf(cond string) string { return "count(*) filter (where " + cond + ")" }

// Regexp writes the pattern anew, since PostgreSQL reads patterns otherwise than RE2. One
// without a sure counterpart becomes an expression that fails and says so.
func (words) Regexp(expr, pattern string) string {
	if p, ok := target.Regexp(pattern); ok {
		return "(" + expr + " ~ " + text(p) + ")"
	}
	return "cast(" + text(failure+"the pattern "+pattern+" has no sure counterpart in PostgreSQL") + " as boolean)"
}

// Hash separates the texts with a character that no text has and marks NULL with another.
// An array has room for more than the 100 arguments of a function.
func (words) Hash(exprs []string) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = "coalesce(cast(" + e + " as text), chr(30))"
	}
	return "md5(array_to_string(array[" + strings.Join(parts, ", ") + "]::text[], chr(31)))"
}

func (words) Now() string { return "(now() at time zone 'UTC')" }

func (words) Cast(expr, typ string) string { return "cast(" + expr + " as " + typ + ")" }

func (w words) Ago(n int, unit string) string {
	if strings.EqualFold(unit, "quarter") {
		n, unit = 3*n, "month"
	}
	return "(" + w.Now() + " - interval '" + strconv.Itoa(n) + " " + strings.ToLower(unit) + "')"
}

func (words) Later(expr string, n int, unit string) string {
	if strings.EqualFold(unit, "quarter") { // no word of an interval
		n, unit = 3*n, "month"
	}
	return "(cast(" + expr + " as timestamp without time zone) + interval '" + strconv.Itoa(n) + " " + strings.ToLower(unit) + "')"
}

func (words) RowText(alias string) string { return "cast(row_to_json(" + alias + ") as text)" }

func (words) TypeOf(expr string) string { return "cast(pg_typeof(" + expr + ") as text)" }

func (words) Text() string { return "text" }

func (words) Timestamp() string { return "timestamp without time zone" }

func (words) Distinct(a, b string) string { return "(" + a + " is distinct from " + b + ")" }
