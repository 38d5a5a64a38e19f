package duckdb

import (
	"context"
	"testing"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/warehousetest"
)

// open makes a database file in a directory of the test.
func open(t testing.TB) warehouse.Conn {
	t.Helper()
	c, err := Driver{}.Open(context.Background(), warehouse.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func suite(open func(t *testing.T) warehouse.Conn) warehousetest.Warehouse {
	return warehousetest.Warehouse{
		Open: open,
		Types: warehousetest.Types{Int: "BIGINT", Text: "VARCHAR", Bool: "BOOLEAN", Float: "DOUBLE", Numeric: "DECIMAL(18,3)",
			Date: "DATE", Timestamp: "TIMESTAMP", Bytes: "BLOB"},
		Slow: "select count(*) as n from range(1000000) as a, range(1000000) as b where a.range + b.range = 7",
	}
}

func TestConformance(t *testing.T) {
	warehousetest.Run(t, suite(func(t *testing.T) warehouse.Conn { return open(t) }))
}
