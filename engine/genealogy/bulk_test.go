package genealogy_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// byRows is a connection that cannot read by columns.
type byRows struct {
	warehouse.Conn
	warehouse.Filler
}

// Edges read by columns and row by row give the same, whatever their types.
func TestBulkEqualsRows(t *testing.T) {
	ctx := context.Background()
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, ok := c.(warehouse.ColumnReader); !ok {
		t.Fatal("DuckDB does not read by columns")
	}
	exec(t, c, "create schema g")
	for _, test := range []struct{ key, part, quantity, result, partition string }{
		{"bigint", "varchar", "double", "bigint", "varchar"},
		{"integer", "bigint", "decimal(12, 3)", "integer", "bigint"},
		{"smallint", "varchar", "bigint", "smallint", "varchar"},
		{"varchar", "integer", "decimal(30, 3)", "varchar", "integer"},
		{"uuid", "varchar", "float", "varchar", "varchar"},
		{"hugeint", "varchar", "varchar", "varchar", "varchar"},
		{"decimal(9, 2)", "decimal(9, 2)", "integer", "varchar", "varchar"},
	} {
		for _, nulls := range []string{"", "ends", "all"} {
			t.Run(test.key+" "+test.part+" "+test.quantity+" "+nulls, func(t *testing.T) {
				key := func(n string) string {
					switch test.key {
					case "uuid":
						return "(lpad(" + n + "::varchar, 8, '0') || '-0000-0000-0000-000000000000')::uuid"
					case "varchar":
						return "'a material with a long name ' || " + n
					}
					return n
				}
				part := "(i % 3)"
				parent, share := key("(i / 3)::bigint"), "(i % 7 + 1)"
				switch nulls {
				case "ends":
					parent, part, share = "case when i % 11 <> 0 then "+parent+" end", "case when i % 5 <> 0 then "+part+" end", "case when i % 13 <> 0 then "+share+" end"
				case "all":
					part, share = "null", "null"
				}
				exec(t, c, fmt.Sprintf("create or replace table g.edges as select (%s)::%s as parent, (%s)::%s as child, (%s)::%s as tenant, (%s)::%s as q from range(5000) as t(i) where i > 2",
					parent, test.key, key("i"), test.key, part, test.part, share, test.quantity))
				cl := warehouse.Closure{Parent: "parent", Child: "child", Partition: "tenant", Quantity: "q", Paths: true, Method: warehouse.InMemory}
				cols := columns(c, cl, test.result)
				cols[2].Type = test.partition
				var reports [2]genealogy.Report
				for i, conn := range []warehouse.Conn{c, byRows{c, c.(warehouse.Filler)}} {
					name := fmt.Sprint("p", i)
					exec(t, c, "drop table if exists g."+name)
					if reports[i], err = genealogy.Close(ctx, conn, warehouse.CloseEdges{Target: rel(name), From: rel("edges"), Closure: cl, Columns: cols}); err != nil {
						t.Fatal(err)
					}
					reports[i].Stats.Duration = 0
				}
				if d := cmp.Diff(reports[1], reports[0]); d != "" {
					t.Error(d)
				}
				rows := query(t, c, "select * from g.p1 order by 1, 2")
				if d := cmp.Diff(rows, query(t, c, "select * from g.p0 order by 1, 2")); d != "" || len(rows) < 5000 {
					t.Errorf("%d rows; %s", len(rows), d)
				}
				// Nothing changed, so nothing is written anew.
				for _, conn := range []warehouse.Conn{c, byRows{c, c.(warehouse.Filler)}} {
					report, err := genealogy.Update(ctx, conn, warehouse.UpdateClosure{Target: rel("p0"), From: rel("edges"), Closure: cl, Columns: cols, Scratch: rel("scratch")})
					if err != nil || test.key == test.result && test.part == test.partition && report.Affected != 0 {
						t.Errorf("%d are affected by no change, error %v", report.Affected, err)
					}
				}
			})
		}
	}
}
