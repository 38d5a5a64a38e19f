package duckdb

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/engine-build/engine/engine/addr"
	target "github.com/engine-build/engine/engine/transpile/duckdb"
	"github.com/engine-build/engine/engine/warehouse"
)

// Dialect writes SQL for DuckDB 1.5. The zero value is ready to use.
type Dialect struct{}

// Name is «duckdb».
func (Dialect) Name() string { return "duckdb" }

// Caps of DuckDB: everything is transactional, MERGE exists, tables are copied in full.
func (Dialect) Caps() warehouse.Caps {
	return warehouse.Caps{TransactionalDDL: true, Merge: true, FoldsCase: true}
}

// Ident quotes an identifier. DuckDB has no limit on its length.
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

// Literal writes a value so that DuckDB reads the same value of the same type: integers
// as they are, floats in exponent form (without an exponent they would be DECIMAL), times
// as TIMESTAMP in UTC. What is no contract type is written as its text.
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
			return "CAST('" + strconv.FormatInt(v, 10) + "' AS BIGINT)"
		}
		return strconv.FormatInt(v, 10)
	case float32:
		return d.Literal(float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "CAST('" + strings.TrimPrefix(strings.ToLower(fmt.Sprint(v)), "+") + "' AS DOUBLE)"
		}
		return strconv.FormatFloat(v, 'e', -1, 64)
	case []byte:
		return "from_hex('" + hex.EncodeToString(v) + "')"
	case time.Time:
		return "TIMESTAMP '" + timestamp(v) + "'"
	case string:
		return text(v)
	}
	return text(fmt.Sprint(v))
}

// text writes a string. DuckDB's parser stops at a zero byte, so that is spelled out.
func text(s string) string {
	quoted := "'" + strings.ReplaceAll(s, "'", "''") + "'"
	if strings.IndexByte(s, 0) < 0 {
		return quoted
	}
	return "(" + strings.ReplaceAll(quoted, "\x00", "' || chr(0) || '") + ")"
}

func timestamp(t time.Time) string {
	t = t.UTC()
	if t.Year() <= 0 {
		return fmt.Sprintf("%04d", 1-t.Year()) + t.Format("-01-02 (BC) 15:04:05.999999")
	}
	return t.Format("2006-01-02 15:04:05.999999")
}

// ErrorAt finds where DuckDB saw the mistake. Errors within the definition of a view that
// the statement reads carry an offset of that text: they are recognized by the name that
// does not stand there, and have no place here. What fails while rows are read (a cast) may
// stand in a macro or a view just as well, and then nothing but the token tells: only a cast
// is believed, and of a message that translated SQL raises only the cast that raises it.
func (Dialect) ErrorAt(stmt warehouse.Statement, err error) (offset, length int, ok bool) {
	e := (*Error)(nil)
	if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(stmt.SQL) {
		return 0, 0, false
	}
	length = tokenLength(stmt.SQL, e.Offset)
	token := stmt.SQL[e.Offset : e.Offset+length]
	if e.Word != "" && e.Kind != Syntax && !mentions(token, e.Word) {
		return 0, 0, false
	}
	if e.Kind == Conversion || e.Kind == Data {
		if e.raised && !strings.HasPrefix(stmt.SQL[e.Offset:], "CAST('"+target.Failure) {
			return 0, 0, false
		}
		if word := strings.ToLower(token); word != "cast" && word != ":" { // the first colon of ::
			return 0, 0, false
		}
	}
	return e.Offset, length, true
}

// Explain takes an error apart.
func (Dialect) Explain(err error) warehouse.Explanation {
	e := (*Error)(nil)
	if !errors.As(err, &e) {
		e = explainText(err.Error())
	}
	return warehouse.Explanation{Class: e.Class, Message: e.Message, Detail: e.Detail, Word: e.Word, Candidates: e.Candidates, Data: e.data(), Help: resourceHelp[Classify(err)]}
}

// resourceHelp is what to do about errors that are not the query's.
var resourceHelp = map[Kind]string{
	Disk: "make room on the disk of the database file and of its temp_directory, then build again: what was published before is untouched",
	OOM:  "raise memory_limit of the target, lower query_threads, or let the model read less at once",

	TimedOut: "raise job_execution_timeout_seconds of the node",
}

// Words of DuckDB.
func (Dialect) Words() warehouse.Words { return words{} }

type words struct{}

func (words) CountIf(cond string) string { return "count(*) filter (where " + cond + ")" }

func (words) Regexp(expr, pattern string) string {
	return "regexp_matches(" + expr + ", " + text(pattern) + ")"
}

// Hash separates the texts with a character that no text has and marks NULL with another.
func (words) Hash(exprs []string) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = "coalesce(cast(" + e + " as varchar), chr(30))"
	}
	return "md5(concat_ws(chr(31), " + strings.Join(parts, ", ") + "))"
}

func (words) Now() string { return "cast(now() at time zone 'UTC' as timestamp)" }

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
	return "(cast(" + expr + " as timestamp) + interval '" + strconv.Itoa(n) + " " + strings.ToLower(unit) + "')"
}

func (words) RowText(alias string) string { return "cast(to_json(" + alias + ") as varchar)" }

func (words) TypeOf(expr string) string { return "typeof(" + expr + ")" }

func (words) Text() string { return "VARCHAR" }

func (words) Timestamp() string { return "TIMESTAMP" }

func (words) Distinct(a, b string) string { return "(" + a + " is distinct from " + b + ")" }
