// Package postgres is everything that the engine knows about PostgreSQL 13 and later: how
// operations are written (render.go), how a server is reached and what its errors mean
// (driver.go, errors.go), how statements, transactions and bulk loads run (conn.go, tx.go,
// load.go), how a relation is replaced while other people's views depend on it (swap.go,
// depends.go), and how a customer's schemas are (release.go).
//
// It knows the warehouse contract and PostgreSQL. It does not know models, plans or templates.
package postgres
