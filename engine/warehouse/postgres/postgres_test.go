package postgres

import (
	"context"
	"testing"

	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/warehousetest"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// open connects to an empty database of the test.
func open(t testing.TB) *conn {
	t.Helper()
	s := pg.Shared(t)
	return connect(t, s.Fields(s.Database(t)))
}

func connect(t testing.TB, fields map[string]string) *conn {
	t.Helper()
	c, err := Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Dir: t.TempDir(), Fields: fields})
	if err != nil {
		t.Fatal(err)
	}
	return c.(*conn)
}

func suite(open func(t *testing.T) warehouse.Conn) warehousetest.Warehouse {
	return warehousetest.Warehouse{
		Open: open,
		Types: warehousetest.Types{Int: "bigint", Text: "text", Bool: "boolean", Float: "double precision", Numeric: "numeric(18,3)",
			Date: "date", Timestamp: "timestamp without time zone", Bytes: "bytea", Ints: "bigint[]", Texts: "text[]"},
		ExactColumns: true, StrictInsert: true, KeepsReaders: true, Enforces: true,
		Slow: "select count(*) as n from generate_series(1, 1000000) as a(x), generate_series(1, 1000000) as b(x) where a.x + b.x = 7",
	}
}

func TestConformance(t *testing.T) {
	warehousetest.Run(t, suite(func(t *testing.T) warehouse.Conn { return open(t) }))
}
