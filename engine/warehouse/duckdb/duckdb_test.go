package duckdb

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"path/filepath"
	"testing"

	driver "github.com/duckdb/duckdb-go/v2"

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
			Date: "DATE", Timestamp: "TIMESTAMP", Bytes: "BLOB", Ints: "BIGINT[]", Texts: "VARCHAR[]"},
		Customer: customer,
		Slow:     "select count(*) as n from range(1000000) as a, range(1000000) as b where a.range + b.range = 7",
	}
}

// customer opens a customer's file as a program of its own would: the driver gives one who
// opens a file that is open already in this process what is open.
func customer(t testing.TB, dir, name string, write bool) warehouse.Conn {
	t.Helper()
	attach := "attach if not exists " + Dialect{}.Literal(filepath.Join(dir, name+".duckdb")) + " as customer"
	if !write {
		attach += " (read_only)"
	}
	connector, err := driver.NewConnector(memory, func(e sqldriver.ExecerContext) error {
		return execAll(e, attach, "use customer", onConnectSQL)
	})
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	if err := db.Ping(); err != nil {
		t.Fatal(err)
	}
	return newConn(db)
}

func TestConformance(t *testing.T) {
	warehousetest.Run(t, suite(func(t *testing.T) warehouse.Conn { return open(t) }))
}
