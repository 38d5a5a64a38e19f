package postgres

import (
	"strconv"
	"strings"

	"github.com/engine-build/engine/engine/ir"
)

// googleType is the GoogleSQL type that the values of a PostgreSQL type have once they are
// cast to the type that GoogleSQL's is written as; the name is in the spelling of
// format_type() or a short one (int8, varchar). It is false if there is none:
//
//   - numeric without a scale, or with more digits than BIGNUMERIC: nothing bounds it;
//   - money, xml, bit, inet, oid and the like, time with time zone, other ranges;
//   - enums and domains, as the name does not say what they are, and composite types, as
//     it does not say what they hold.
//
// Values that PostgreSQL can have and GoogleSQL cannot are not kept apart by their type:
// infinite dates and times, years before 1 and after 9999, the numeric NaN, arrays of more
// than one dimension. The blanks behind the value of a character(n) are none of its text.
func googleType(native string) (*ir.Type, bool) {
	text := strings.ToLower(strings.Join(strings.Fields(native), " "))
	dims := 0
	for strings.HasSuffix(text, "]") {
		open := strings.LastIndexByte(text, '[')
		if open < 0 || strings.Trim(text[open+1:len(text)-1], "0123456789") != "" {
			return nil, false
		}
		text = strings.TrimSpace(text[:open])
		dims++
	}
	// An array is written with one pair of brackets for each dimension in a declaration.
	if dims > 1 {
		return nil, false
	}
	t, ok := scalarType(text)
	if !ok {
		return nil, false
	}
	if dims == 1 {
		t = &ir.Type{Kind: ir.Array, Elem: t}
	}
	return t, true
}

// scalars by PostgreSQL's names and their aliases, without parameters.
var scalars = map[string]ir.Kind{
	"boolean": ir.Bool, "bool": ir.Bool,
	"smallint": ir.Int64, "integer": ir.Int64, "bigint": ir.Int64, "int": ir.Int64, "int2": ir.Int64, "int4": ir.Int64, "int8": ir.Int64,
	"double precision": ir.Float64, "real": ir.Float64, "float": ir.Float64, "float4": ir.Float64, "float8": ir.Float64,
	"text": ir.String, "character varying": ir.String, "varchar": ir.String,
	"character": ir.String, "char": ir.String, "bpchar": ir.String, `"char"`: ir.String, "name": ir.String, "citext": ir.String, "uuid": ir.String,
	"bytea": ir.Bytes, "date": ir.Date,
	"time": ir.Time, "time without time zone": ir.Time,
	"timestamp": ir.Datetime, "timestamp without time zone": ir.Datetime,
	"timestamptz": ir.Timestamp, "timestamp with time zone": ir.Timestamp,
	"interval": ir.Interval, "json": ir.JSON, "jsonb": ir.JSON,
}

// unlimited are the texts that take no length.
var unlimited = map[string]bool{"text": true, `"char"`: true, "name": true, "citext": true, "uuid": true}

// ranges are the range types by what they are of.
var ranges = map[string]ir.Kind{"daterange": ir.Date, "tsrange": ir.Datetime, "tstzrange": ir.Timestamp}

func scalarType(text string) (*ir.Type, bool) {
	name, params, limited := text, "", false
	if open := strings.IndexByte(text, '('); open >= 0 {
		shut := strings.IndexByte(text, ')')
		if shut < open {
			return nil, false
		}
		// timestamp(3) with time zone has them within its name.
		name = strings.TrimSpace(strings.TrimSpace(text[:open]) + " " + strings.TrimSpace(text[shut+1:]))
		params, limited = text[open+1:shut], true
	}
	switch name {
	case "numeric", "decimal":
		if !limited {
			return nil, false
		}
		return decimal(params)
	}
	if of, ok := ranges[name]; ok && !limited {
		return &ir.Type{Kind: ir.Range, Elem: ir.TypeOf(of)}, true
	}
	kind, ok := scalars[name]
	if !ok {
		return nil, false
	}
	if limited {
		// A limit makes no other type of these; what else has parameters is not known.
		switch kind {
		case ir.String, ir.Time, ir.Datetime, ir.Timestamp, ir.Interval:
		default:
			return nil, false
		}
		if n, err := strconv.Atoi(strings.TrimSpace(params)); err != nil || n < 0 || unlimited[name] {
			return nil, false
		}
	}
	return ir.TypeOf(kind), true
}

// decimal is the type for numeric(precision, scale): NUMERIC has 29 digits before the
// point and 9 behind it, BIGNUMERIC 39, of which the first is at most 5, and 38. A scale
// below zero rounds before the point (from version 15 on).
func decimal(params string) (*ir.Type, bool) {
	p, s, two := strings.Cut(params, ",")
	precision, err := strconv.Atoi(strings.TrimSpace(p))
	if err != nil || precision < 1 {
		return nil, false
	}
	scale := 0
	if two {
		if scale, err = strconv.Atoi(strings.TrimSpace(s)); err != nil {
			return nil, false
		}
	}
	switch whole := precision - scale; {
	case scale <= 9 && whole <= 29:
		return ir.TypeOf(ir.Numeric), true
	case scale <= 38 && whole <= 38, precision == 77 && scale == 38:
		return ir.TypeOf(ir.BigNumeric), true
	}
	return nil, false
}
