// Package shim is a TEST DOUBLE of BigQuery's REST API (v2): jobs, datasets, tables, rows.
//
// Every query runs in the real emulator (github.com/goccy/bigquery-emulator), which parses
// and analyzes with Google's own GoogleSQL and executes on SQLite. What the emulator lacks
// or does differently from the documented service is supplied here: metadata, etags, job
// states, replacing and altering tables, load and copy jobs, dispositions, error reasons,
// dry runs and INFORMATION_SCHEMA. README.md in the folder above lists each behaviour and
// the document that it stands for. What neither can do is refused with a message that
// starts with «test double:», never answered with a guess.
//
// The package must not know the engine that is tested with it.
package shim
