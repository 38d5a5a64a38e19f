package duckdb

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

// BenchmarkTables makes 1,000 trivial tables, through the connection and by hand.
func BenchmarkTables(b *testing.B) {
	const tables = 1000
	ctx := context.Background()
	b.Run("conn", func(b *testing.B) {
		for b.Loop() {
			c := open(b)
			mustExec(b, c, "create schema core")
			for i := range tables {
				stmts, err := Dialect{}.Render(warehouse.CreateTableAs{Target: addr.Relation{Schema: "core", Name: fmt.Sprintf("m%d", i)}, Query: "select 1 as id"})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := c.Exec(ctx, stmts[0]); err != nil {
					b.Fatal(err)
				}
			}
			c.Close()
		}
	})
	b.Run("bare", func(b *testing.B) {
		for b.Loop() {
			db, err := sql.Open("duckdb", filepath.Join(b.TempDir(), "x.db"))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := db.Exec("create schema core"); err != nil {
				b.Fatal(err)
			}
			for i := range tables {
				if _, err := db.Exec(fmt.Sprintf(`create table "core"."m%d" as select 1 as id`, i)); err != nil {
					b.Fatal(err)
				}
			}
			db.Close()
		}
	})
}

func BenchmarkInspect(b *testing.B) {
	ctx := context.Background()
	c := open(b)
	defer c.Close()
	mustExec(b, c, "create schema core")
	var all []addr.Relation
	for i := range 1000 {
		mustExec(b, c, fmt.Sprintf("create table core.m%d as select 1 as a, 2 as b, 3 as c, 4 as d, 5 as e", i))
		all = append(all, rel(fmt.Sprintf("m%d", i)))
	}
	for name, asked := range map[string][]addr.Relation{"one": all[500:501], "all": all} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if found, err := c.Inspect(ctx, asked); err != nil || len(found) != len(asked) {
					b.Fatal(len(found), err)
				}
			}
		})
	}
	b.Run("probe", func(b *testing.B) {
		for b.Loop() {
			if r, err := warehouse.Probe(ctx, c, all[500]); err != nil || r.Kind != warehouse.Table {
				b.Fatal(r, err)
			}
		}
	})
	b.Run("list", func(b *testing.B) {
		for b.Loop() {
			if found, err := c.List(ctx, "", "core"); err != nil || len(found) != 1000 {
				b.Fatal(len(found), err)
			}
		}
	})
}
