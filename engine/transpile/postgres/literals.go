package postgres

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/engine-build/engine/engine/ir"
)

// quote is a string literal. Control characters are escaped, as the marks of the writer
// must not occur in a text. A zero byte, which no text there may hold, is for the caller
// to refuse.
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

// literal writes a value. bare leaves integers and strings without their type, for a
// place where the other side gives it.
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
		// An enum value, such as a date part: mostly rules of functions read it.
		if enum(t) && !bare {
			return quote(v.Text) + "::text"
		}
		return quote(v.Text)
	case ir.Bool:
		if v.Int != 0 {
			return "TRUE"
		}
		return "FALSE"
	case ir.Uint64:
		return strconv.FormatUint(uint64(v.Int), 10) + "::numeric(20,0)"
	case ir.Int64, ir.Int32, ir.Uint32:
		text := strconv.FormatInt(v.Int, 10)
		if v.Int == math.MinInt64 {
			return "'" + text + "'::bigint"
		}
		if bare {
			return text
		}
		if v.Int < 0 {
			return "(" + text + ")::" + g.typ(t, at)
		}
		return text + "::" + g.typ(t, at)
	case ir.Float64:
		return float(v.Float, 64, "double precision")
	case ir.Float32:
		return float(v.Float, 32, "real")
	case ir.Numeric:
		return "'" + v.Text + "'::numeric(38,9)"
	case ir.BigNumeric:
		return "'" + v.Text + "'::numeric(77,38)"
	case ir.String:
		if !utf8.ValidString(v.Text) || strings.IndexByte(v.Text, 0) >= 0 {
			return g.refuse("a STRING literal", "it is not valid UTF-8, or holds a zero byte", at)
		}
		if bare {
			return quote(v.Text)
		}
		return quote(v.Text) + "::text"
	case ir.JSON:
		if strings.Contains(v.Text, `\u0000`) {
			return g.refuse("a JSON literal with a zero character", "no text holds one there", at)
		}
		return quote(v.Text) + "::json"
	case ir.Bytes:
		return `'\x` + hex.EncodeToString([]byte(v.Text)) + "'::bytea"
	case ir.Date:
		return "'" + date(v.Int) + "'::date"
	case ir.Datetime:
		if v.Nanos != 0 {
			return g.refuse("a DATETIME literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "'" + dateTime(v.Int) + "'::timestamp"
	case ir.Timestamp:
		if v.Nanos != 0 {
			return g.refuse("a TIMESTAMP literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "'" + dateTime(v.Int) + "+00'::timestamptz"
	case ir.Time:
		if v.Nanos != 0 {
			return g.refuse("a TIME literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return "'" + clock(v.Int) + "'::time"
	case ir.Interval:
		if v.Nanos != 0 {
			return g.refuse("an INTERVAL literal with nanoseconds", "microseconds are the finest unit there", at)
		}
		return fmt.Sprintf("'%d months %d days %d microseconds'::interval", v.Months, v.Days, v.Int)
	case ir.UUID:
		return quote(v.Text) + "::uuid"
	case ir.Range:
		parts := make([]string, 2)
		for i := range parts {
			parts[i] = "NULL"
			if i < len(v.Elems) && !v.Elems[i].Null {
				parts[i] = g.literal(v.Elems[i], false, at)
			}
		}
		return g.typ(t, at) + "(" + parts[0] + ", " + parts[1] + ")"
	case ir.Array:
		items := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			items[i] = g.literal(e, true, at)
		}
		return "ARRAY[" + strings.Join(items, ", ") + "]::" + g.typ(t, at)
	case ir.Struct:
		items := make([]string, len(v.Elems))
		for i, e := range v.Elems {
			items[i] = g.literal(e, true, at)
		}
		return "ROW(" + strings.Join(items, ", ") + ")::" + g.typ(t, at)
	}
	return g.refuse("a literal of "+t.String(), "there is no such type", at)
}

func float(f float64, bits int, typ string) string {
	switch {
	case math.IsNaN(f):
		return "'NaN'::" + typ
	case math.IsInf(f, 1):
		return "'Infinity'::" + typ
	case math.IsInf(f, -1):
		return "'-Infinity'::" + typ
	case f == 0 && math.Signbit(f):
		return "'-0'::" + typ
	}
	return "'" + strconv.FormatFloat(f, 'g', -1, bits) + "'::" + typ
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
