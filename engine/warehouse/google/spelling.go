package google

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// Spelling of GoogleSQL. The zero value is ready to use.
type Spelling struct{}

var _ warehouse.Speller = Spelling{}

// Name is «googlesql».
func (Spelling) Name() string { return "googlesql" }

// Ident quotes an identifier with backquotes; within them escapes are those of strings.
func (Spelling) Ident(name string) string { return "`" + escape(name, '`') + "`" }

// Quote writes a full name, each part quoted by itself.
func (d Spelling) Quote(r addr.Relation) string {
	name := d.Ident(r.Name)
	if r.Schema != "" {
		name = d.Ident(r.Schema) + "." + name
	}
	if r.Database != "" {
		name = d.Ident(r.Database) + "." + name
	}
	return name
}

// Literal writes a value so that GoogleSQL reads the same value of the same type. What is
// no contract type is written as its text.
func (d Spelling) Literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case int32:
		return strconv.FormatInt(int64(v), 10)
	case int64:
		return strconv.FormatInt(v, 10)
	case float32:
		return d.Literal(float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "CAST('" + strings.TrimPrefix(strings.ToLower(fmt.Sprint(v)), "+") + "' AS FLOAT64)"
		}
		return strconv.FormatFloat(v, 'e', -1, 64)
	case []byte:
		return "b" + text(string(v), true)
	case time.Time:
		return "TIMESTAMP '" + v.UTC().Format("2006-01-02 15:04:05.999999") + "+00'"
	case string:
		return text(v, false)
	}
	return text(fmt.Sprint(v), false)
}

// text quotes a string; of bytes, everything that is no printable ASCII is escaped.
func text(s string, bytes bool) string {
	if !bytes && utf8.ValidString(s) {
		return "'" + escape(s, '\'') + "'"
	}
	var b strings.Builder
	b.WriteByte('\'')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	b.WriteByte('\'')
	return b.String()
}

// escape writes s for use within a pair of quotes. Line breaks are escaped because a
// quoted text may not span lines.
func escape(s string, quote rune) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == quote || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == 0:
			b.WriteString(`\000`)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Words of GoogleSQL.
func (Spelling) Words() warehouse.Words { return words{} }

type words struct{}

func (words) CountIf(cond string) string { return "countif(" + cond + ")" }

func (words) Regexp(expr, pattern string) string {
	return "regexp_contains(" + expr + ", " + text(pattern, false) + ")"
}

// Hash separates the texts with a character that no text has and marks NULL with another.
func (words) Hash(exprs []string) string {
	parts := make([]string, len(exprs))
	for i, e := range exprs {
		parts[i] = "coalesce(cast(" + e + " as string), chr(30))"
	}
	return "to_hex(md5(array_to_string([" + strings.Join(parts, ", ") + "], chr(31))))"
}

func (words) Now() string { return "current_timestamp()" }

func (words) Cast(expr, typ string) string { return "cast(" + expr + " as " + typ + ")" }

func (w words) Ago(n int, unit string) string {
	switch strings.ToLower(unit) {
	case "month", "quarter", "year": // which a timestamp knows nothing of
		return w.Later(w.Now(), -n, unit)
	}
	return "timestamp_sub(current_timestamp(), interval " + strconv.Itoa(n) + " " + strings.ToLower(unit) + ")"
}

func (words) Later(expr string, n int, unit string) string {
	if strings.EqualFold(unit, "quarter") {
		n, unit = 3*n, "month"
	}
	return "timestamp(datetime_add(datetime(cast(" + expr + " as timestamp)), interval " + strconv.Itoa(n) + " " + strings.ToLower(unit) + "))"
}

func (words) Text() string { return "STRING" }

func (words) Timestamp() string { return "TIMESTAMP" }

func (words) Distinct(a, b string) string { return "(" + a + " is distinct from " + b + ")" }
