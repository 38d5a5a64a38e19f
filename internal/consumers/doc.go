// Package consumers shows dbt's artifacts, and what the command line prints, to programs that
// others wrote to read them: dbt's JSON schemas, dbt-artifacts-parser, dbt-metabase,
// OpenLineage's dbt processor, Astronomer Cosmos, and the page of dbt docs in a browser.
//
// It holds tests only. The programs are those of testdata/requirements.txt, unchanged; small
// Python scripts in testdata say what they have understood, and the tests say what that must be.
// It knows the engine as its users do, by the binary, and nothing of how artifacts are made.
package consumers
