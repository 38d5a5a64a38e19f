// Package duckdb is everything that the engine knows about DuckDB: how operations are
// written (render.go), how a database file is opened and what its errors mean (driver.go,
// errors.go), how statements, transactions and bulk loads run (conn.go, tx.go, load.go), how
// a Parquet file is made (parquet.go), how a customer gets a database file of its own
// (release.go, export.go) while other statements run (gate.go) and without trust in what is in
// the old one (isolated.go), and how queries are bound offline (analyzer.go).
//
// It knows the warehouse contract and DuckDB. It does not know models, plans or templates.
package duckdb
