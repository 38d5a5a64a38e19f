package main

import (
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// drivers are the warehouses of this binary.
var drivers = []warehouse.Driver{duckdb.Driver{}}
