package postgres

import (
	"testing"

	"github.com/engine-build/engine/engine/ir"
	target "github.com/engine-build/engine/engine/transpile/postgres"
)

func TestGoogleType(t *testing.T) {
	for native, want := range map[string]string{
		"boolean":                     "BOOL",
		"smallint":                    "INT64",
		"INT4":                        "INT64",
		"bigint":                      "INT64",
		"real":                        "FLOAT64",
		"double  precision":           "FLOAT64",
		"numeric":                     "",
		"numeric(10)":                 "NUMERIC",
		"numeric(38,9)":               "NUMERIC",
		"decimal(38, 12)":             "BIGNUMERIC",
		"numeric(38,0)":               "BIGNUMERIC",
		"numeric(76,38)":              "BIGNUMERIC",
		"numeric(77,38)":              "BIGNUMERIC",
		"numeric(77,37)":              "",
		"numeric(50,0)":               "",
		"numeric(3,5)":                "NUMERIC",
		"numeric(29,-2)":              "BIGNUMERIC",
		"numeric(x)":                  "",
		"text":                        "STRING",
		"text(3)":                     "",
		"character varying":           "STRING",
		"character varying(20)":       "STRING",
		"varchar(20)":                 "STRING",
		"character(10)":               "STRING",
		"bpchar":                      "STRING",
		`"char"`:                      "STRING",
		"name":                        "STRING",
		"name(3)":                     "",
		"bytea":                       "BYTES",
		"uuid":                        "STRING",
		"date":                        "DATE",
		"time(3) without time zone":   "TIME",
		"time with time zone":         "",
		"timestamp":                   "DATETIME",
		"timestamp without time zone": "DATETIME",
		"timestamp(0) with time zone": "TIMESTAMP",
		"timestamptz(6)":              "TIMESTAMP",
		"interval":                    "INTERVAL",
		"interval year to month":      "",
		"interval(3)":                 "INTERVAL",
		"json":                        "JSON",
		"jsonb":                       "JSON",
		"tstzrange":                   "RANGE<TIMESTAMP>",
		"int4range":                   "",
		"integer[]":                   "ARRAY<INT64>",
		"character varying(5)[]":      "ARRAY<STRING>",
		"numeric(5,2)[3]":             "ARRAY<NUMERIC>",
		"integer[][]":                 "",
		"integer]":                    "",
		"integer[x]":                  "",
		"public.mood":                 "",
		"_engine.struct_00":           "",
		"numeric)(":                   "",
		"":                            "",
		"[]":                          "",
	} {
		got := ""
		typ, ok := googleType(native)
		if ok {
			got = typ.String()
		} else if typ != nil {
			t.Errorf("%s: no type, and yet %s", native, typ)
		}
		if got != want {
			t.Errorf("%s: %q, want %q", native, got, want)
		}
	}
}

// What a type is written as is read as that type again.
func TestTypesRoundTrip(t *testing.T) {
	kinds := []ir.Kind{ir.Bool, ir.Int64, ir.Float64, ir.Numeric, ir.BigNumeric, ir.String, ir.Bytes, ir.Date, ir.Time, ir.Datetime, ir.Timestamp, ir.Interval, ir.JSON}
	var types []*ir.Type
	for _, k := range kinds {
		types = append(types, ir.TypeOf(k), &ir.Type{Kind: ir.Array, Elem: ir.TypeOf(k)})
	}
	for _, typ := range types {
		native, err := target.Type(typ)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		back, ok := googleType(native)
		if !ok || back.String() != typ.String() {
			t.Errorf("%s is %q, which is %v", typ, native, back)
		}
	}
}
