// Package ingest brings rows of databases and files into the warehouse, to where sources
// are read.
//
// It decides what leaves a remote (Choose: nothing that is not named, nothing that is
// denied, and what has a transform only transformed), writes the queries that ask for it,
// and lands the rows so that readers see the old ones or the new ones. There is a file for
// each kind of ingestion; Kinds lists them.
//
// It knows sources as the project describes them, and connections. It does not know models,
// plans or commands. What is not in a file of I/O (copy.go and the like) is pure.
package ingest
