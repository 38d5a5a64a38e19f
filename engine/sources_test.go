package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// A source that others leave alone keeps what reads it from being built, on every
// warehouse; a change of it builds its readers and nothing else. What the warehouse cannot
// tell of is built every time.
func TestSourcesOnAllWarehouses(t *testing.T) {
	server := pg.Shared(t)
	emulator := bqpeer.Start(t)
	fields := server.Fields(server.Database(t))
	targets := "targets:\n  duckdb: {type: duckdb, path: shop.duckdb, schema: core}\n" +
		"  bigquery: {type: bigquery, schema: core, project: " + emulator.Project + ", location: EU, api_endpoint: \"" + emulator.URL + "\"}\n  postgres:\n    type: postgres\n    schema: core\n"
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		targets += fmt.Sprintf("    %s: %q\n", k, fields[k])
	}
	dir := t.TempDir()
	files{
		"engine.yml":        "name: shop\nmodels:\n  shop: {materialized: table}\n" + targets,
		"models/totals.sql": `select sum(amount) as total from {{ source "app" "orders" }}`,
		"models/report.sql": `select total from {{ ref "totals" }}`,
		"models/items.sql":  `select id from {{ source "app" "items" }}`,
		"models/seen.sql":   `select id from {{ source "app" "seen" }}`,
		"models/sources.yml": `sources:
  - name: app
    tables:
      - {name: orders, columns: [{name: id, data_type: int64}, {name: amount, data_type: int64}]}
      - {name: items, columns: [{name: id, data_type: int64}]}
      - {name: seen, columns: [{name: id, data_type: int64}]}
`,
	}.write(t, dir)
	for _, target := range []string{"duckdb", "postgres", "bigquery"} {
		t.Run(target, func(t *testing.T) {
			b := &bench{t: t, dir: dir}
			b.opts = engine.Options{Dir: dir, Target: target, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}, bigquery.Driver{}}}
			p := b.compile()
			// Others have a connection of their own, which is closed when they are done.
			others := func(statements ...string) {
				t.Helper()
				c := b.open(p)
				defer c.Close()
				for _, s := range statements {
					if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
						t.Fatalf("%s: %v", s, err)
					}
				}
			}
			built := func() []string {
				t.Helper()
				var out []string
				for _, n := range b.build(2, nil).Nodes {
					if n.Status == run.Done {
						out = append(out, n.Node.Name)
					}
				}
				slices.Sort(out)
				return out
			}
			integer := map[string]string{"bigquery": "int64"}[target]
			if integer == "" {
				integer = "bigint"
			}
			others("create schema app", "create table app.orders (id "+integer+", amount "+integer+")", "create table app.items (id "+integer+")",
				"insert into app.orders (id, amount) values (1, 10), (2, 5)", "insert into app.items (id) values (1)", "create view app.seen as select id from app.items")
			for _, step := range []struct {
				sql  string
				want []string
			}{
				{"", []string{"items", "report", "seen", "totals"}},
				{"", []string{"seen"}},
				{"insert into app.orders (id, amount) values (3, 1)", []string{"report", "seen", "totals"}},
				{"insert into app.items (id) values (2)", []string{"items", "seen"}},
				{"", []string{"seen"}},
				{"delete from app.orders where id = 3", []string{"report", "seen", "totals"}},
				{"update app.orders set amount = 15 - amount where true", nil},
			} {
				if step.sql != "" {
					others(step.sql)
				}
				got := built()
				if step.want == nil {
					// The sum is the same: who compares what was built anew keeps the report.
					if !slices.Contains(got, "totals") || slices.Contains(got, "items") {
						t.Errorf("after %q: built %v", step.sql, got)
					}
					continue
				}
				if diff := cmp.Diff(step.want, got); diff != "" {
					t.Errorf("after %q: built (-want +got)\n%s", step.sql, diff)
				}
			}
		})
	}
}
