package duckdb

import (
	"errors"
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// Type is a GoogleSQL type as DuckDB writes it. The error says which type has none.
func Type(t *ir.Type) (string, error) {
	g := &generator{needs: map[string]bool{}}
	text := g.typ(t, ir.Span{})
	if len(g.refusals) > 0 {
		return "", errors.New(g.refusals[0].Error())
	}
	return text, nil
}

func (g *generator) typ(t *ir.Type, at ir.Span) string {
	if t == nil {
		return g.refuse("a value without a type", "", at)
	}
	switch t.Kind {
	case ir.Bool:
		return "BOOLEAN"
	case ir.Int64:
		return "BIGINT"
	case ir.Int32:
		return "INTEGER"
	case ir.Uint32:
		return "UINTEGER"
	case ir.Uint64:
		return "UBIGINT"
	case ir.Float64:
		return "DOUBLE"
	case ir.Float32:
		return "FLOAT"
	case ir.Numeric:
		return "DECIMAL(38,9)"
	case ir.String:
		return "VARCHAR"
	case ir.Bytes:
		return "BLOB"
	case ir.Date:
		return "DATE"
	case ir.Datetime:
		return "TIMESTAMP"
	case ir.Time:
		return "TIME"
	case ir.Timestamp:
		return "TIMESTAMPTZ"
	case ir.Interval:
		return "INTERVAL"
	case ir.JSON:
		return "JSON"
	case ir.UUID:
		return "UUID"
	case ir.Range:
		e := g.typ(t.Elem, at)
		return `STRUCT("start" ` + e + `, "end" ` + e + ")"
	case ir.Array:
		return g.typ(t.Elem, at) + "[]"
	case ir.Struct:
		if len(t.Fields) == 0 {
			return g.refuse("a STRUCT without fields", "a struct has at least one field there", at)
		}
		names := fieldNames(t)
		parts := make([]string, len(names))
		for i, n := range names {
			parts[i] = ident(n) + " " + g.typ(t.Fields[i].Type, at)
		}
		return "STRUCT(" + strings.Join(parts, ", ") + ")"
	case ir.BigNumeric:
		return bigNumericType
	case ir.Geography:
		return g.refuse("GEOGRAPHY", "there is no geodesic type", at)
	}
	if enum(t) {
		return "VARCHAR"
	}
	return g.refuse(t.String(), "there is no such type", at)
}

// fieldNames are the names of a struct's fields in DuckDB: as written when all are
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

// sameShape reports whether two types are one type in DuckDB.
func sameShape(a, b *ir.Type) bool {
	if a.Kind != b.Kind {
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
			if !strings.EqualFold(x[i], y[i]) || !sameShape(a.Fields[i].Type, b.Fields[i].Type) {
				return false
			}
		}
	}
	return true
}

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

// reserved are the words DuckDB takes for keywords in some place where a name may
// stand (duckdb_keywords(): reserved, type_function and column_name), and those
// that read badly as names.
var reserved = words(`all analyse analyze and any array as asc asymmetric both case cast check collate column
constraint create default deferrable desc describe distinct do else end except false fetch for foreign from
group having in initially intersect into lambda lateral leading limit not null offset on only or order pivot
pivot_longer pivot_wider placing primary qualify references returning select show some summarize symmetric table
then to trailing true union unique unpivot using variadic when where window with anti asof at authorization
binary by collation concurrently cross freeze full generated glob ilike inner is isnull join left like map
natural notnull outer overlaps positional right semi similar struct tablesample try_cast unpack verbose between
bigint bit boolean char character coalesce columns dec decimal exists extract float grouping grouping_id inout
int integer interval national nchar none nullif numeric out overlay position precision real row setof smallint
substring time timestamp treat trim try values varchar xmlattributes xmlconcat xmlelement xmlexists xmlforest
xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable date year month day hour minute second week quarter
rows range groups over filter escape key value end start`)

func words(text string) map[string]bool {
	m := map[string]bool{}
	for _, w := range strings.Fields(text) {
		m[w] = true
	}
	return m
}
