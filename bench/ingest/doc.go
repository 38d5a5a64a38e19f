// Command ingest measures engine ingest of kind copy: a table of PostgreSQL into DuckDB,
// against what people do by hand, psql's COPY to a CSV file and DuckDB's read_csv.
package main
