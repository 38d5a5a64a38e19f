package engine_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// The reference project builds on PostgreSQL, with all tests, and every relation has the
// rows and types that it is said to have: those that DuckDB gives it.
func TestReferenceOnPostgres(t *testing.T) {
	s := pg.Shared(t)
	dir := t.TempDir()
	for _, name := range []string{"models", "macros", "seeds", "snapshots", "tests"} {
		if err := os.CopyFS(filepath.Join(dir, name), os.DirFS(filepath.Join("..", name))); err != nil {
			t.Fatal(err)
		}
	}
	settings, err := os.ReadFile(filepath.Join("..", "engine.yml"))
	if err != nil {
		t.Fatal(err)
	}
	fields := s.Fields(s.Database(t))
	target := "targets:\n  server:\n    type: postgres\n    schema: dev\n"
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		target += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	files{"engine.yml": strings.Replace(string(settings), "targets:\n", target, 1)}.write(t, dir)

	rows := func(name string) map[string][]string {
		b := &bench{t: t, dir: dir}
		b.opts = engine.Options{Dir: dir, Target: name, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}}}
		b.build(2, nil)
		p := b.compile()
		c := b.open(p)
		defer c.Close()
		found := map[string][]string{}
		for _, id := range p.Order {
			n := p.Nodes[id]
			if id.Kind == addr.Source || n.Config.Materialized == "ephemeral" {
				continue
			}
			found[id.String()] = relationRows(t, c, n.Relation, id.Kind == addr.Snapshot)
			if name != "server" {
				continue
			}
			here, err := c.Inspect(context.Background(), []addr.Relation{n.Relation})
			if err != nil || len(here) != 1 {
				t.Fatalf("inspect %s: %v, %v", id, here, err)
			}
			var said, is []string
			for i, col := range n.Columns {
				said, is = append(said, col.Name+" "+col.Type), append(is, here[0].Columns[i].Name+" "+here[0].Columns[i].Type)
			}
			if d := cmp.Diff(said, is); d != "" {
				t.Errorf("columns of %s (-said +there):\n%s", id, d)
			}
		}
		return found
	}
	want, got := rows("dev"), rows("server")
	for _, id := range slices.Sorted(maps.Keys(want)) {
		if !slices.Equal(want[id], got[id]) {
			t.Errorf("%s (-duckdb +postgres):\n%.2000s", id, cmp.Diff(want[id], got[id]))
		}
	}
}

// relationRows are the rows of a relation as text, sorted. The columns that snapshots add
// hold the time of the run, and are left out.
func relationRows(t *testing.T, c warehouse.Conn, rel addr.Relation, snapshot bool) []string {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: "select * from " + c.Dialect().Quote(rel)})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns := rows.Columns()
	var out []string
	for rows.Next() {
		values, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for i, v := range values {
			if snapshot && strings.HasPrefix(columns[i].Name, "dbt_") {
				continue
			}
			if at, ok := v.(time.Time); ok {
				v = at.UTC().Format(time.RFC3339Nano)
			}
			fmt.Fprintf(&b, "%s=%#v ", columns[i].Name, v)
		}
		out = append(out, b.String())
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	slices.Sort(out)
	return out
}
