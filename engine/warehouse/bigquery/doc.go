// Package bigquery is everything that the engine knows about BigQuery: how operations are
// written (dialect.go, render.go, layout.go), how a project is reached and what its errors
// mean (driver.go, errors.go), how calls and jobs are sent so that nothing runs twice
// (call.go, client.go, limit.go, job.go, conn.go, rows.go), what is done by calls instead of
// statements (perform.go, swap.go, schema.go, partition.go, access.go), how datasets are
// read (inspect.go) and files loaded (load.go), and how a customer gets datasets of its own
// (release.go, record.go).
//
// Datasets are looked up and made, and relations removed, through Google's client library
// cloud.google.com/go/bigquery, kept from repeating calls by itself. Jobs go
// through the generated REST client under it, because the library repeats a call that failed
// until the context ends and hides the attempts, while every repetition here is bounded,
// counted and reported. So does what is read, changed and written back (tables, access
// entries, policies): the library would drop fields that it does not know.
//
// It knows the warehouse contract and BigQuery. It does not know models, plans or templates.
package bigquery
