package duckdb

import "github.com/duckdb/duckdb-go/v2/mapping"

// Version is that of the DuckDB library that is linked in, as in «v1.5.5».
func (Driver) Version() string { return mapping.LibraryVersion() }
