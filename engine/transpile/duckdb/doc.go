// Package duckdb writes resolved GoogleSQL statements as DuckDB SQL.
//
// Types: INT64 is BIGINT, FLOAT64 DOUBLE, NUMERIC DECIMAL(38,9), BIGNUMERIC its
// canonical decimal text as VARCHAR (see bignumeric.go), STRING VARCHAR, BYTES BLOB,
// DATETIME TIMESTAMP, TIMESTAMP TIMESTAMPTZ, ARRAY a list, STRUCT a struct, RANGE a
// struct of "start" and "end", JSON the canonical text as JSON.
// Where DuckDB's semantics differ, the text says so: explicit NULL order, checked
// division, guarded comparisons of FLOAT64. What plain SQL cannot say briefly is
// a macro of the schema _engine (see Macros) or, where SQL cannot at all, a Go
// function the driver registers under the prefix engine_; Result.Needs names both.
//
// The session is expected to run with TimeZone UTC and
// disabled_optimizers='common_subexpressions' (TRY would not protect a
// sub-expression that is computed outside of it).
//
// Functions are tables of rules by area, one file each: calls_*.go for scalar
// functions, aggregates.go, windows.go; rules.go lists the tables.
//
// The room opens no database; it only writes text.
package duckdb
