package duckdb

import "testing"

func TestGoogleType(t *testing.T) {
	for native, want := range map[string]string{
		"INTEGER":                  "INT64",
		"varchar":                  "STRING",
		"VARCHAR(10)":              "STRING",
		"DECIMAL(18,3)":            "NUMERIC",
		"DECIMAL(38, 9)":           "NUMERIC",
		"DECIMAL":                  "NUMERIC",
		"DECIMAL(38,0)":            "",
		"DECIMAL(38,12)":           "",
		"HUGEINT":                  "",
		"TIMESTAMP":                "DATETIME",
		"TIMESTAMP WITH TIME ZONE": "TIMESTAMP",
		"DOUBLE PRECISION":         "FLOAT64",
		"INTEGER[]":                "ARRAY<INT64>",
		"INTEGER[3]":               "ARRAY<INT64>",
		"INTEGER[][]":              "",
		`STRUCT(a INTEGER, "b ""c" VARCHAR[], d STRUCT(e DATE)[])`: `STRUCT<a INT64, b "c ARRAY<STRING>, d ARRAY<STRUCT<e DATE>>>`,
		`STRUCT("x, y" DECIMAL(4,2))`:                              "STRUCT<x, y NUMERIC>",
		"ENUM('a', 'b)')":                                          "STRING",
		"ENUM('a')[]":                                              "ARRAY<STRING>",
		"MAP(VARCHAR, INTEGER)":                                    "",
		"STRUCT(":                                                  "",
		"STRUCT()":                                                 "",
		"INTEGER x":                                                "",
		"":                                                         "",
		"[]":                                                       "",
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
