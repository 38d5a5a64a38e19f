package duckdb

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/ir"
)

// quote is a string literal. Control characters are escaped, as the marks of the
// writer must not occur in a text, and a zero byte must not occur in any.
func quote(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' && s[i] != '\n' && s[i] != '\t' {
			plain = false
			break
		}
	}
	if plain {
		return "'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	if strings.IndexByte(s, 0) >= 0 {
		parts := strings.Split(s, "\x00")
		for i, p := range parts {
			parts[i] = quote(p)
		}
		return "(" + strings.Join(parts, " || chr(0) || ") + ")"
	}
	var b strings.Builder
	b.WriteString("E'")
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\'':
			b.WriteString("''")
		case c == '\\':
			b.WriteString(`\\`)
		case c < ' ' && c != '\n' && c != '\t':
			fmt.Fprintf(&b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteString("'")
	return b.String()
}

// literal writes a value. bare leaves an integer without its type, for a place
// where any integer type will do.
func (g *generator) literal(v ir.Value, bare bool, at ir.Span) string {
	t := v.Type
	if t == nil {
		return g.refuse("a literal without a type", "", at)
	}
	if v.Null {
		if t.Kind == ir.Other || t.Kind == ir.Unknown {
			return "NULL"
		}
		return "NULL::" + g.typ(t, at)
	}
	switch t.Kind {
	case ir.Other:
		// An enum value, such as a date part: only rules of functions read it.
		return quote(v.Text)
	case ir.Bool:
		if v.Int != 0 {
			return "TRUE"
		}
		return "FALSE"
	case ir.Int64, ir.Int32, ir.Uint32:
		text := strconv.FormatInt(v.Int, 10)
		if bare && v.Int != math.MinInt64 || v.Int > math.MaxInt32 && t.Kind == ir.Int64 {
			return text
		}
		if v.Int == math.MinInt64 {
			return "'" + text + "'::BIGINT"
		}
		if v.Int < 0 {
			return "(" + text + ")::" + g.typ(t, at)
		}
		return text + "::" + g.typ(t, at)
	case ir.Uint64:
		return strconv.FormatUint(uint64(v.Int), 10) + "::UBIGINT"
	case ir.Float64:
		return float(v.Float, 64, "DOUBLE")
	case ir.Float32:
		return float(v.Float, 32, "FLOAT")
	case ir.Numeric:
		return "'" + v.Text + "'::DECIMAL(38,9)"
	case ir.BigNumeric:
		return quote(v.Text)
	case ir.String:
		if !utf8.ValidString(v.Text) {
			return g.refuse("a STRING literal", "it is not valid UTF-8", at)
		}
		return quote(v.Text)
	case ir.JSON:
		return quote(v.Text) + "::JSON"
	case ir.Bytes:
		return blob(v.Text)
	case ir.Date:
		return "DATE '" + date(v.Int) + "'"
	case ir.Datetime:
		if v.Nanos != 0 {
			return g.refuse("a DATETIME literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "TIMESTAMP '" + dateTime(v.Int) + "'"
	case ir.Timestamp:
		if v.Nanos != 0 {
			return g.refuse("a TIMESTAMP literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "TIMESTAMPTZ '" + dateTime(v.Int) + "+00'"
	case ir.Time:
		if v.Nanos != 0 {
			return g.refuse("a TIME literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "TIME '" + clock(v.Int) + "'"
	case ir.Interval:
		if v.Nanos != 0 {
			return g.refuse("an INTERVAL literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return fmt.Sprintf("INTERVAL '%d months %d days %d microseconds'", v.Months, v.Days, v.Int)
	case ir.UUID:
		return quote(v.Text) + "::UUID"
	case ir.Range:
		parts := make([]string, 2)
		for i := range parts {
			parts[i] = "NULL::" + g.typ(t.Elem, at)
			if i < len(v.Elems) && !v.Elems[i].Null {
				parts[i] = g.literal(v.Elems[i], false, at)
			}
		}
		return `{'start': ` + parts[0] + `, 'end': ` + parts[1] + "}"
	case ir.Array:
		if len(v.Elems) == 0 {
			return "[]::" + g.typ(t, at)
		}
		items := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			items[i] = g.literal(e, i > 0 && scalar(e.Type), at)
		}
		// The first element gives the list its type.
		if v.Elems[0].Null || !scalar(v.Elems[0].Type) {
			return "[" + strings.Join(items, ", ") + "]::" + g.typ(t, at)
		}
		return "[" + strings.Join(items, ", ") + "]"
	case ir.Struct:
		if len(t.Fields) == 0 {
			return g.typ(t, at)
		}
		names := fieldNames(t)
		items := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			items[i] = quote(names[i]) + ": " + g.literal(e, false, at)
		}
		return "{" + strings.Join(items, ", ") + "}"
	}
	if enum(t) {
		return quote(v.Text)
	}
	return g.refuse("a literal of "+t.String(), "there is no such type", at)
}

// enum reports whether a type is one of the enums that options of functions have; its
// values are their names.
func enum(t *ir.Type) bool {
	return t.Kind == ir.Other && (strings.HasSuffix(t.Name, "_MODE") || strings.HasSuffix(t.Name, "Mode"))
}

func scalar(t *ir.Type) bool {
	return t != nil && t.Kind != ir.Array && t.Kind != ir.Struct && t.Kind != ir.Range
}

func float(f float64, bits int, typ string) string {
	switch {
	case math.IsNaN(f):
		return "'nan'::" + typ
	case math.IsInf(f, 1):
		return "'inf'::" + typ
	case math.IsInf(f, -1):
		return "'-inf'::" + typ
	}
	if bits == 64 {
		if f == 0 && math.Signbit(f) {
			return "'-0'::DOUBLE"
		}
		text := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsRune(text, 'e') {
			text += "e0"
		}
		if f < 0 {
			return "(" + text + ")"
		}
		return text
	}
	return "'" + strconv.FormatFloat(f, 'g', -1, bits) + "'::" + typ
}

func blob(s string) string {
	var b strings.Builder
	b.WriteString("'")
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= ' ' && c < 0x7f && c != '\'' && c != '\\' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\x%02X`, c)
		}
	}
	b.WriteString("'::BLOB")
	return b.String()
}

const perDay = 24 * 60 * 60 * 1_000_000

func date(days int64) string {
	return time.Unix(days*86400, 0).UTC().Format("2006-01-02")
}

func clock(us int64) string {
	text := time.UnixMicro(us).UTC().Format("15:04:05.000000")
	return strings.TrimSuffix(text, ".000000")
}

func dateTime(us int64) string {
	days := us / perDay
	rest := us % perDay
	if rest < 0 {
		days--
		rest += perDay
	}
	return date(days) + " " + clock(rest)
}
