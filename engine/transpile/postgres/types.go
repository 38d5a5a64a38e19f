package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Type is a GoogleSQL type as PostgreSQL itself writes it, format_type() that is. The
// error says which type has none. A STRUCT is named after its fields: a type of the schema
// _engine.
func Type(t *ir.Type) (string, error) {
	g := &generator{needs: map[string]bool{}}
	text := g.typ(t, ir.Span{})
	if len(g.refusals) > 0 {
		return "", errors.New(g.refusals[0].Error())
	}
	return formatted(t, text), nil
}

// formatted is format_type() of a type whose short name is text.
func formatted(t *ir.Type, text string) string {
	switch t.Kind {
	case ir.Array:
		return formatted(t.Elem, strings.TrimSuffix(text, "[]")) + "[]"
	case ir.Datetime:
		return "timestamp without time zone"
	case ir.Timestamp:
		return "timestamp with time zone"
	case ir.Time:
		return "time without time zone"
	}
	return text
}

func (g *generator) typ(t *ir.Type, at ir.Span) string {
	if t == nil {
		return g.refuse("a value without a type", "", at)
	}
	if enum(t) {
		return "text"
	}
	switch t.Kind {
	case ir.Bool:
		return "boolean"
	case ir.Int64:
		return "bigint"
	case ir.Int32:
		return "integer"
	case ir.Float64:
		return "double precision"
	case ir.Float32:
		return "real"
	case ir.Numeric:
		return "numeric(38,9)"
	case ir.String:
		return "text"
	case ir.Bytes:
		return "bytea"
	case ir.Date:
		return "date"
	case ir.Datetime:
		return "timestamp"
	case ir.Time:
		return "time"
	case ir.Timestamp:
		return "timestamptz"
	case ir.Interval:
		return "interval"
	case ir.JSON:
		return "json"
	case ir.UUID:
		return "uuid"
	case ir.Range:
		switch t.Elem.Kind {
		case ir.Date:
			return "daterange"
		case ir.Datetime:
			return "tsrange"
		case ir.Timestamp:
			return "tstzrange"
		}
	case ir.Array:
		if t.Elem.Kind == ir.Array {
			return g.refuse(t.String(), "the elements of an array are no arrays there", at)
		}
		return g.typ(t.Elem, at) + "[]"
	case ir.Struct:
		return g.structType(t, at)
	case ir.Uint32:
		return "bigint"
	case ir.Uint64:
		return "numeric(20,0)"
	case ir.BigNumeric:
		return "numeric(77,38)"
	case ir.Geography:
		return g.refuse("GEOGRAPHY", "there is no geodesic type", at)
	}
	return g.refuse(t.String(), "there is no such type", at)
}

// structType names the composite type of a struct and notes that it is needed. A need
// reads «_engine.struct_<hash> AS (a bigint, b text)», which is all that makes it.
func (g *generator) structType(t *ir.Type, at ir.Span) string {
	if len(t.Fields) == 0 {
		return g.refuse("a STRUCT without fields", "its values cannot be told from NULL there", at)
	}
	names := fieldNames(t)
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = ident(n) + " " + g.typ(t.Fields[i].Type, at)
		if len(n) > maxIdent {
			g.refuse("the field "+n, "names have at most 63 bytes there", at)
		}
	}
	body := " AS (" + strings.Join(parts, ", ") + ")"
	sum := sha256.Sum256([]byte(body))
	name := Schema + ".struct_" + hex.EncodeToString(sum[:8])
	g.needs[name+body] = true
	return name
}

// fieldNames are the names of a struct's fields in PostgreSQL: as written when all are
// given and differ without regard to case, else f1, f2, …
func fieldNames(t *ir.Type) []string {
	names := make([]string, len(t.Fields))
	seen := map[string]bool{}
	plain := true
	for i, f := range t.Fields {
		k := strings.ToLower(f.Name)
		if k == "" || seen[k] {
			plain = false
		}
		seen[k] = true
		names[i] = f.Name
	}
	if !plain {
		for i := range names {
			names[i] = "f" + strconv.Itoa(i+1)
		}
	}
	return names
}

// sameShape reports whether two types are one type in PostgreSQL.
func sameShape(a, b *ir.Type) bool {
	if a == nil || b == nil || a.Kind != b.Kind {
		return false
	}
	switch a.Kind {
	case ir.Array, ir.Range:
		return sameShape(a.Elem, b.Elem)
	case ir.Struct:
		if len(a.Fields) != len(b.Fields) {
			return false
		}
		x, y := fieldNames(a), fieldNames(b)
		for i := range x {
			if x[i] != y[i] || !sameShape(a.Fields[i].Type, b.Fields[i].Type) {
				return false
			}
		}
	}
	return true
}

// isInt leaves out the unsigned kinds: they can be kept and compared, and that is all.
func isInt(k ir.Kind) bool { return k == ir.Int64 || k == ir.Int32 }

func isUnsigned(k ir.Kind) bool { return k == ir.Uint32 || k == ir.Uint64 }

func isDecimal(k ir.Kind) bool { return k == ir.Numeric || k == ir.BigNumeric }

// decimal makes a numeric of any scale one of a decimal kind: rounded half away from
// zero, and in range. The bounds of BIGNUMERIC are no power of ten.
func (g *generator) decimal(text string, k ir.Kind) string {
	if k == ir.BigNumeric {
		return g.function("bignumeric", text)
	}
	return castTo(text, "numeric(38,9)")
}

// enum reports whether a type is one of the enums that options of functions have; its
// values are their names.
func enum(t *ir.Type) bool {
	return t.Kind == ir.Other && (strings.HasSuffix(t.Name, "_MODE") || strings.HasSuffix(t.Name, "Mode"))
}

func isFloat(k ir.Kind) bool { return k == ir.Float64 || k == ir.Float32 }

// maxIdent is the longest name in bytes (NAMEDATALEN - 1); a longer one is cut silently.
const maxIdent = 63

// ident quotes an identifier unless it is a plain word that no keyword equals.
func ident(name string) string {
	plain := name != ""
	for i := 0; i < len(name) && plain; i++ {
		c := name[i]
		plain = c == '_' || c >= 'a' && c <= 'z' || i > 0 && c >= '0' && c <= '9'
	}
	if plain && !reserved[name] {
		return name
	}
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// reserved are the words PostgreSQL takes for keywords in some place where a name may
// stand (pg_get_keywords(): all but unreserved ones), and those that read badly as names.
var reserved = words(`all analyse analyze and any array as asc asymmetric authorization between bigint binary bit
boolean both case cast char character check coalesce collate collation column concurrently constraint create cross
current_catalog current_date current_role current_schema current_time current_timestamp current_user dec decimal
default deferrable desc distinct do else end except exists extract false fetch float for foreign freeze from full
grant greatest group grouping having ilike in initially inner inout int integer intersect interval into is isnull
join json json_array json_arrayagg json_exists json_object json_objectagg json_query json_scalar json_serialize
json_table json_value lateral leading least left like limit localtime localtimestamp merge_action national natural
nchar none normalize not notnull null nullif numeric offset on only or order out outer over overlaps overlay
placing position precision primary real references returning right row select session_user setof similar smallint
some substring symmetric system_user table tablesample then time timestamp to trailing treat trim true union unique
user using values varchar variadic verbose when where window with within xmlattributes xmlconcat xmlelement
xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable filter ordinality rows range groups
year month day hour minute second date name value key type text start escape`)

func words(text string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(text) {
		m[w] = true
	}
	return m
}
