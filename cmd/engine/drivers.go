package main

import (
	"context"

	"github.com/engine-build/engine/engine/example"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
)

// drivers are the warehouses of this binary.
var drivers = []warehouse.Driver{duckdb.Driver{}, bigquery.Driver{}, postgres.Driver{}}

// parquetFiles reads those that sources are ingested from.
type parquetFiles = duckdb.ParquetFiles

// duckFile and duckSQL open the files that imported projects are compared in.
type (
	duckFile = duckdb.Driver
	duckSQL  = duckdb.Dialect
)

// writeParquet makes the Parquet files of an example with DuckDB, whose types have the
// names that example gives them.
func writeParquet(ctx context.Context, from, to string, columns []example.Column) error {
	typed := make([]warehouse.Column, len(columns))
	for i, c := range columns {
		typed[i] = warehouse.Column{Name: c.Name, Type: c.Type, Nullable: true}
	}
	return duckdb.WriteParquet(ctx, from, to, typed)
}
