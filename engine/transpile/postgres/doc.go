// Package postgres writes resolved GoogleSQL statements as PostgreSQL SQL, for
// PostgreSQL 13 and later.
//
// Types: INT64 is bigint, FLOAT64 double precision, NUMERIC numeric(38,9), STRING text,
// BYTES bytea, DATETIME timestamp, TIMESTAMP timestamptz, JSON the canonical text as json,
// RANGE a range type, ARRAY an array. A STRUCT is a composite type of the schema _engine,
// made when a statement first needs it; its name follows from its fields.
//
// Where PostgreSQL's semantics differ, the text says so: explicit NULL order, NaN apart,
// COLLATE "C" where strings are ordered. What plain SQL cannot say briefly is a function
// of the schema _engine (see Functions); Result.Needs names those and the types. Errors
// that must become NULL are caught in PL/pgSQL, one statement in a string each
// (_engine.try), which is slow.
//
// It is a subset: regular expressions only where PostgreSQL's mean what RE2's do, formats
// of dates only with the elements both have, no sketches, no geography. The rest is refused.
//
// The session is expected to run with TimeZone UTC, DateStyle ISO, IntervalStyle postgres
// and the defaults of extra_float_digits and standard_conforming_strings, in a UTF8 database.
//
// Functions are tables of rules by area, one file each: calls_*.go for scalar functions,
// aggregates.go, windows.go; rules.go lists the tables.
//
// The room opens no database; it only writes text.
package postgres
