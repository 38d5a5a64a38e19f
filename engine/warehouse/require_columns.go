package warehouse

import (
	"fmt"
	"strings"

	"github.com/engine-build/engine/engine/addr"
)

// RequireColumns ends with a *ContractError unless a relation has exactly these columns, with
// these types, in any order unless Ordered. It changes nothing. It is Late: it is over once
// it is expanded.
type RequireColumns struct {
	Relation addr.Relation
	// Columns have types in the warehouse's spelling; an alias of a type is as good.
	Columns []Column
	// Written are the types of columns as somebody wrote them, by the name in Columns: they
	// are as good as those in Columns.
	Written map[string]string
	Ordered bool
}

func (RequireColumns) op() {}

// ContractError says how a relation differs from what was promised of it.
type ContractError struct {
	Relation addr.Relation
	Missing  []Column
	Surplus  []Column
	// Retyped are the columns of another type: From what was promised, To what is there.
	Retyped []Retyped
	// Moved is the first column that stands elsewhere, where the order was promised.
	Moved string
}

func (e *ContractError) Error() string {
	return fmt.Sprintf("the columns of %s are not those of the contract: %s", e.Relation, strings.Join(e.Parts(), "; "))
}

// Parts says each difference in a few words.
func (e *ContractError) Parts() []string {
	var parts []string
	for _, c := range e.Missing {
		parts = append(parts, fmt.Sprintf("%q is missing", c.Name))
	}
	for _, c := range e.Surplus {
		parts = append(parts, fmt.Sprintf("%q is not declared", c.Name))
	}
	for _, r := range e.Retyped {
		parts = append(parts, fmt.Sprintf("%q is %s, not %s", r.Name, r.To, r.From))
	}
	if e.Moved != "" {
		parts = append(parts, fmt.Sprintf("%q stands elsewhere", e.Moved))
	}
	return parts
}

// Expand looks at the relation. There is nothing left to do where it is as it should be.
func (o RequireColumns) Expand(inspect func(addr.Relation) (Relation, error)) ([]Op, error) {
	found, err := inspect(o.Relation)
	if err != nil {
		return nil, err
	}
	e := &ContractError{Relation: o.Relation}
	pairs := pair(o.Columns, found.Columns)
	taken := make(map[int]bool, len(pairs))
	for i, want := range o.Columns {
		j, ok := pairs[i]
		if !ok {
			e.Missing = append(e.Missing, want)
			continue
		}
		taken[j] = true
		if have := found.Columns[j]; !SameType(want.Type, have.Type) && (o.Written[want.Name] == "" || !SameType(o.Written[want.Name], have.Type)) {
			e.Retyped = append(e.Retyped, Retyped{Name: have.Name, From: want.Type, To: have.Type})
		}
		if o.Ordered && i != j && e.Moved == "" {
			e.Moved = want.Name
		}
	}
	for j, have := range found.Columns {
		if !taken[j] {
			e.Surplus = append(e.Surplus, have)
		}
	}
	if len(e.Missing)+len(e.Surplus) > 0 {
		e.Moved = "" // a consequence
	}
	if len(e.Parts()) > 0 {
		return nil, e
	}
	return nil, nil
}

// typeAliases are words for types that mean the same in DuckDB and in PostgreSQL, as one
// of them:
// https://duckdb.org/docs/stable/sql/data_types/overview and
// https://www.postgresql.org/docs/current/datatype.html (BigQuery answers
// with names that have no aliases). DuckDB's word datetime for timestamp is left out: to
// BigQuery they are two types.
var typeAliases = map[string]string{
	"int": "integer", "int4": "integer", "signed": "integer", "int8": "bigint", "long": "bigint", "int2": "smallint", "short": "smallint", "int1": "tinyint",
	"float8": "double precision", "double": "double precision", "float4": "real", "float": "real", "decimal": "numeric", "dec": "numeric",
	"bool": "boolean", "logical": "boolean", "character varying": "varchar", "bpchar": "character", "char": "character", "bytea": "blob", "binary": "blob", "varbinary": "blob",
	"timestamptz": "timestamp with time zone", "timestamp without time zone": "timestamp",
	"text": "varchar", "string": "varchar", "timetz": "time with time zone", "time without time zone": "time",
}

// longTypes are the names of types that have several words, the longest first.
var longTypes = []string{"timestamp without time zone", "timestamp with time zone", "time without time zone", "time with time zone", "double precision", "character varying"}

// SameType reports whether two spellings mean the same type, as far as spelling tells:
// aliases are looked through, also inside of arrays and structs; parameters, «(10, 2)»,
// have to be the same.
func SameType(a, b string) bool { return sameType(a, b) || spelled(a) == spelled(b) }

// spelled is a type with every alias replaced, in small letters, its words one space apart.
func spelled(t string) string {
	var out []string
	for i := 0; i < len(t); {
		switch c := t[i]; {
		case c == '"' || c == '`' || c == '\'':
			end := strings.IndexByte(t[i+1:], c)
			if end < 0 {
				end = len(t) - i - 1
			}
			out = append(out, strings.ToLower(t[i+1:i+1+end]))
			i += end + 2
		case isTypeWord(c):
			j := i
			for j < len(t) && isTypeWord(t[j]) {
				j++
			}
			out = append(out, strings.ToLower(t[i:j]))
			i = j
		default:
			if c != ' ' && c != '\t' && c != '\n' && c != '\r' {
				out = append(out, string(c))
			}
			i++
		}
	}
	var b strings.Builder
	for i := 0; i < len(out); {
		word, n := out[i], 1
		for _, long := range longTypes {
			parts := strings.Fields(long)
			if len(out)-i >= len(parts) && strings.Join(out[i:i+len(parts)], " ") == long {
				word, n = long, len(parts)
				break
			}
		}
		if same, ok := typeAliases[word]; ok {
			word = same
		}
		b.WriteString(word)
		b.WriteByte(' ')
		i += n
	}
	return b.String()
}

func isTypeWord(c byte) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80
}
