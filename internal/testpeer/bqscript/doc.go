// Package bqscript is a scripted fake of BigQuery's REST API for what no emulator can show:
// datasets of thousands of tables, and what a statement would cost. It keeps a catalogue in
// memory, counts every call by its API method, answers dry runs with bytes that the test set
// and queries with rows that the test scripted. It executes no SQL: a query without a script
// is refused.
//
// The package must not know the engine; only tests import it.
package bqscript
