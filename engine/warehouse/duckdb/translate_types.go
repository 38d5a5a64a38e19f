package duckdb

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// googleType is the GoogleSQL type that holds every value of a DuckDB type; false if there
// is none (HUGEINT, UNION, BIT), or none without loss.
func googleType(native string) (*ir.Type, bool) {
	p := typeText{rest: strings.TrimSpace(native)}
	t, ok := p.read()
	if !ok || p.rest != "" {
		return nil, false
	}
	return t, true
}

// scalars by DuckDB's names and their common aliases.
var scalars = map[string]ir.Kind{
	"BOOLEAN": ir.Bool, "BOOL": ir.Bool, "LOGICAL": ir.Bool,
	"TINYINT": ir.Int64, "SMALLINT": ir.Int64, "INTEGER": ir.Int64, "BIGINT": ir.Int64,
	"INT1": ir.Int64, "INT2": ir.Int64, "INT4": ir.Int64, "INT8": ir.Int64, "INT": ir.Int64, "SHORT": ir.Int64, "SIGNED": ir.Int64, "LONG": ir.Int64,
	"UTINYINT": ir.Int64, "USMALLINT": ir.Int64, "UINTEGER": ir.Int64,
	"DOUBLE": ir.Float64, "FLOAT": ir.Float64, "REAL": ir.Float64, "FLOAT4": ir.Float64, "FLOAT8": ir.Float64, "DOUBLE PRECISION": ir.Float64,
	"VARCHAR": ir.String, "TEXT": ir.String, "STRING": ir.String, "CHAR": ir.String, "BPCHAR": ir.String, "UUID": ir.String,
	"BLOB": ir.Bytes, "BYTEA": ir.Bytes, "BINARY": ir.Bytes, "VARBINARY": ir.Bytes,
	"DATE": ir.Date, "TIME": ir.Time, "TIMESTAMP": ir.Datetime, "DATETIME": ir.Datetime,
	"TIMESTAMP_S": ir.Datetime, "TIMESTAMP_MS": ir.Datetime, "TIMESTAMP_US": ir.Datetime,
	"TIMESTAMPTZ": ir.Timestamp, "TIMESTAMP WITH TIME ZONE": ir.Timestamp,
	"INTERVAL": ir.Interval, "JSON": ir.JSON,
}

// typeText is what is left of a type to read.
type typeText struct{ rest string }

func (p *typeText) read() (*ir.Type, bool) {
	t, ok := p.plain()
	for ok && strings.HasPrefix(p.rest, "[") {
		// T[] is a list and T[3] an array; a list in a list has no GoogleSQL type.
		end := strings.IndexByte(p.rest, ']')
		if end < 0 || t.Kind == ir.Array {
			return nil, false
		}
		p.rest = strings.TrimSpace(p.rest[end+1:])
		t = &ir.Type{Kind: ir.Array, Elem: t}
	}
	return t, ok
}

func (p *typeText) plain() (*ir.Type, bool) {
	end := strings.IndexFunc(p.rest, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_' && r != ' '
	})
	if end < 0 {
		end = len(p.rest)
	}
	name := strings.ToUpper(strings.TrimSpace(p.rest[:end]))
	p.rest = strings.TrimSpace(p.rest[end:])
	switch name {
	case "STRUCT", "ROW":
		return p.fields()
	case "DECIMAL", "NUMERIC":
		return p.decimal()
	case "ENUM":
		_, ok := p.group()
		return &ir.Type{Kind: ir.String}, ok
	}
	kind, ok := scalars[name]
	if kind == ir.String && strings.HasPrefix(p.rest, "(") {
		_, ok = p.group() // VARCHAR(10): DuckDB does not look at the length either
	}
	return &ir.Type{Kind: kind}, ok
}

// decimal reads (width, scale); without them DuckDB means (18, 3).
func (p *typeText) decimal() (*ir.Type, bool) {
	width, scale := 18, 3
	if strings.HasPrefix(p.rest, "(") {
		inner, ok := p.group()
		if !ok {
			return nil, false
		}
		w, s, two := strings.Cut(inner, ",")
		scale = 0
		var err error
		if width, err = strconv.Atoi(strings.TrimSpace(w)); err != nil {
			return nil, false
		}
		if two {
			if scale, err = strconv.Atoi(strings.TrimSpace(s)); err != nil {
				return nil, false
			}
		}
	}
	// NUMERIC has 29 digits before the point and 9 behind it.
	return &ir.Type{Kind: ir.Numeric}, scale <= 9 && width-scale <= 29
}

// group takes what stands between the parentheses that the text begins with.
func (p *typeText) group() (string, bool) {
	if !strings.HasPrefix(p.rest, "(") {
		return "", false
	}
	depth, quote := 0, byte(0)
	for i := range len(p.rest) {
		switch c := p.rest[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == '(':
			depth++
		case c == ')':
			if depth--; depth == 0 {
				inner := p.rest[1:i]
				p.rest = strings.TrimSpace(p.rest[i+1:])
				return inner, true
			}
		}
	}
	return "", false
}

func (p *typeText) fields() (*ir.Type, bool) {
	inner, ok := p.group()
	if !ok {
		return nil, false
	}
	t := &ir.Type{Kind: ir.Struct}
	in := typeText{rest: strings.TrimSpace(inner)}
	for in.rest != "" {
		name, ok := in.name()
		if !ok {
			return nil, false
		}
		field, ok := in.read()
		if !ok {
			return nil, false
		}
		t.Fields = append(t.Fields, ir.Field{Name: name, Type: field})
		if in.rest == "" {
			break
		}
		if in.rest[0] != ',' {
			return nil, false
		}
		in.rest = strings.TrimSpace(in.rest[1:])
	}
	return t, len(t.Fields) > 0
}

// name reads a field's name, quoted or not.
func (p *typeText) name() (string, bool) {
	if !strings.HasPrefix(p.rest, `"`) {
		name, rest, ok := strings.Cut(p.rest, " ")
		p.rest = strings.TrimSpace(rest)
		return name, ok
	}
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		if p.rest[i] != '"' {
			b.WriteByte(p.rest[i])
			continue
		}
		if i+1 < len(p.rest) && p.rest[i+1] == '"' {
			b.WriteByte('"')
			i++
			continue
		}
		p.rest = strings.TrimSpace(p.rest[i+1:])
		return b.String(), true
	}
	return "", false
}
