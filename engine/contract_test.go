package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// A contract holds on both warehouses, whoever enforces it: rows that break a constraint are
// not published, native SQL is held against the columns that it really has, and a change that
// breaks readers is refused.
func TestContracts(t *testing.T) {
	for _, name := range []string{"duckdb", "postgres"} {
		t.Run(name, func(t *testing.T) {
			dir, target := t.TempDir(), "targets: {dev: {type: duckdb, path: dev.duckdb, schema: main}}\n"
			if name == "postgres" {
				s := pg.Shared(t)
				fields := s.Fields(s.Database(t))
				target = "targets:\n  dev:\n    type: postgres\n    schema: dev\n"
				for _, k := range slices.Sorted(maps.Keys(fields)) {
					target += fmt.Sprintf("    %s: %q\n", k, fields[k])
				}
			}
			b := &bench{t: t, dir: dir}
			b.opts = engine.Options{Dir: dir, Target: "dev", Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}, postgres.Driver{}}}
			rows := func(tail string) string {
				return "id,parent,part\n1,1,a\n2,1,b\n" + tail
			}
			project := files{
				"engine.yml":    "name: shop\n" + target,
				"seeds/raw.csv": rows(""),
				"models/stored.sql": `{{ config "materialized" "table" }}
select id, parent, part from {{ ref "raw" }}`,
				"models/shown.sql": `select id, parent, part from {{ ref "raw" }}`,
				"models/native.sql": fmt.Sprintf(`{{ config "dialect" %q "materialized" "table" }}
select 1 as id, cast('x' as varchar(10)) as name, cast(1.5 as numeric(10, 2)) as amount, cast('2024-01-01' as timestamptz) as at from {{ ref "raw" }}`, name),
				"models/p.yml": `
models:
  - name: stored
    config: {contract: {enforced: true}}
    columns: &columns
      - {name: id, data_type: INT64, constraints: [{type: not_null}, {type: unique}]}
      - {name: parent, data_type: INT64}
      - {name: part, data_type: STRING}
    constraints: &constraints
      - {type: unique, columns: [parent, part]}
      - {type: check, expression: "parent < 10"}
  - name: shown
    config: {contract: {enforced: true}}
    columns: *columns
    constraints:
      - {type: unique, columns: [parent, part]}
      - {type: check, expression: "parent < 10"}
      - {type: foreign_key, columns: [parent], to: ref('stored'), to_columns: [id]}
  - name: native
    config: {contract: {enforced: true, ordered: true}}
    columns:
      - {name: id, data_type: int4}
      - {name: name, data_type: ` + map[string]string{"duckdb": "text", "postgres": "varchar(10)"}[name] + `}
      - {name: amount, data_type: "decimal(10, 2)"}
      - {name: at, data_type: timestamp with time zone}
`,
			}
			project.write(t, dir)
			b.build(2, nil)

			// build again, and what is said.
			again := func() (said string, r *run.Result) {
				t.Helper()
				p := b.compile()
				c := b.open(p)
				defer c.Close()
				pl, ds, err := engine.Plan(context.Background(), p, c, everything(p))
				if err != nil {
					t.Fatal(err)
				}
				if !ds.HasErrors() {
					r = b.apply(pl, c, 2)
					for _, n := range r.Nodes {
						ds = append(ds, n.Diags...)
						for _, test := range n.Tests {
							ds = append(ds, test.Diags...)
						}
					}
				}
				return messages(ds), r
			}
			for _, c := range []struct{ name, rows, want string }{
				{"check", "3,11,c\n", ""},
				{"null", ",1,c\n", ""},
				{"unique", "2,1,c\n", ""},
				{"pair", "3,1,b\n", ""},
				{"foreign", "3,7,c\n", `"parent" of shown occurs in "id" of stored`},
			} {
				files{"seeds/raw.csv": rows(c.rows)}.write(t, dir)
				said, r := again()
				failed := 0
				for _, n := range r.Nodes {
					if n.Status.Bad() && (n.Node.Name == "stored" || n.Node.Name == "shown") {
						failed++
					}
				}
				if want := map[bool]int{true: 1, false: 2}[c.name == "foreign"]; failed < 1 || failed > want || !strings.Contains(said, c.want) {
					t.Errorf("%s: %d nodes failed:\n%s", c.name, failed, said)
				}
			}
			// NULL is equal to nothing: no constraint is broken.
			files{"seeds/raw.csv": rows("3,1,\n4,1,\n")}.write(t, dir)
			if said, _ := again(); said != "" {
				t.Errorf("NULL in a unique constraint:\n%s", said)
			}
			files{"models/native.sql": strings.Replace(project["models/native.sql"], "numeric(10, 2)", "numeric(10, 3)", 1)}.write(t, dir)
			if name == "postgres" { // nobody analyzes its SQL before
				if said, _ := again(); !strings.Contains(said, "contract-broken") {
					t.Errorf("another type is published: %s", said)
				}
			}
			files{"models/native.sql": project["models/native.sql"], "models/shown.sql": `select cast(id as string) as id, parent, part from {{ ref "raw" }}`,
				"models/p.yml": strings.Replace(project["models/p.yml"], "columns: *columns", "columns: [{name: id, data_type: STRING}, {name: parent, data_type: INT64}, {name: part, data_type: STRING}]", 1)}.write(t, dir)
			if said, r := again(); r != nil || !strings.Contains(said, `"id" was INT64 and is STRING`) {
				t.Errorf("a broken promise is built: %s", said)
			}
		})
	}
}

func messages(ds diag.List) string {
	var out []string
	for _, d := range ds {
		out = append(out, strings.Join(append([]string{string(d.Code) + ": " + d.Message}, d.Notes...), "; "))
	}
	return strings.Join(out, "\n")
}
