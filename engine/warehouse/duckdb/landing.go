package duckdb

import (
	"fmt"
	"strconv"
	"strings"
)

// landings are the types that hold every value of a PostgreSQL type, by its name without
// parameters. numeric is landingDecimal's.
var landings = map[string]string{
	"boolean": "BOOLEAN", "smallint": "SMALLINT", "integer": "INTEGER", "bigint": "BIGINT", "real": "FLOAT", "double precision": "DOUBLE",
	"text": "VARCHAR", "character varying": "VARCHAR", "character": "VARCHAR", "bytea": "BLOB", "json": "JSON", "jsonb": "JSON",
	"date": "DATE", "time without time zone": "TIME", "timestamp without time zone": "TIMESTAMP", "timestamp with time zone": "TIMESTAMP WITH TIME ZONE",
}

// Landing gives numeric without bounds the type that GoogleSQL's NUMERIC has; a value with
// more digits is refused when it comes.
func (Dialect) Landing(base string) (string, bool) {
	name := base
	if open, end := strings.IndexByte(base, '('), strings.IndexByte(base, ')'); open >= 0 && end > open {
		name = strings.TrimSpace(base[:open]) + base[end+1:]
		if name == "numeric" {
			return landingDecimal(base[open+1 : end])
		}
	}
	if name == "numeric" {
		return "DECIMAL(38,9)", true
	}
	typ, ok := landings[name]
	return typ, ok
}

// landingDecimal is the type for numeric(precision,scale); a negative scale makes whole numbers.
func landingDecimal(params string) (string, bool) {
	p, s, _ := strings.Cut(params, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil {
		return "", false
	}
	scale, err := strconv.Atoi(strings.TrimSpace(s))
	if err != nil {
		scale = 0
	}
	if scale < 0 {
		precision, scale = precision-scale, 0
	}
	if scale > precision {
		precision = scale // numeric(2,4) has values such as 0.0012
	}
	if precision < 1 || precision > 38 {
		return "", false
	}
	return fmt.Sprintf("DECIMAL(%d,%d)", precision, scale), true
}

// wholes are the types of whole numbers, smaller ones first.
var wholes = map[string]int{"SMALLINT": 1, "INTEGER": 2, "BIGINT": 3}

// usual are other names of types.
var usual = map[string]string{
	"TEXT": "VARCHAR", "STRING": "VARCHAR", "INT2": "SMALLINT", "INT": "INTEGER", "INT4": "INTEGER", "INT8": "BIGINT", "LONG": "BIGINT", "BOOL": "BOOLEAN",
	"FLOAT4": "FLOAT", "REAL": "FLOAT", "FLOAT8": "DOUBLE", "DOUBLE PRECISION": "DOUBLE", "TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE", "DATETIME": "TIMESTAMP",
	"BYTEA": "BLOB", "DECIMAL": "DECIMAL(18,3)", "NUMERIC": "DECIMAL(18,3)",
}

// Takes knows texts, the type of Landing, and types that hold more of the same, or refuse what
// they do not hold.
func (d Dialect) Takes(base, typ string) (string, bool) {
	typ = strings.ToUpper(strings.TrimSpace(typ))
	if other, ok := usual[typ]; ok {
		typ = other
	}
	if params, ok := strings.CutPrefix(typ, "NUMERIC("); ok {
		typ = "DECIMAL(" + params
	}
	width, scale, decimal := decimalOf(typ)
	if decimal {
		typ = fmt.Sprintf("DECIMAL(%d,%d)", width, scale)
	}
	own, ok := d.Landing(base)
	switch {
	case typ == "VARCHAR", ok && own == typ:
		return typ, true
	case wholes[own] > 0:
		return typ, decimal || wholes[typ] > 0
	case strings.HasPrefix(base, "numeric"):
		return typ, decimal
	}
	return typ, own == "FLOAT" && typ == "DOUBLE" || base == "text" && typ == "JSON"
}
