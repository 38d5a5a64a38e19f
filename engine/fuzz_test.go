package engine_test

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"github.com/engine-build/engine/engine"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/state"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// FuzzProject puts arbitrary text where a user writes a model, properties and a seed of a
// project that is otherwise in order. Nothing panics, it ends soon, and every diagnostic
// has a code and a place inside of its file and can be shown. The plan of a project without
// errors is the same after being written and read.
func FuzzProject(f *testing.F) {
	const properties = "models:\n  - name: a\n    columns:\n      - {name: id, data_tests: [unique, {relationships: {to: ref('s'), field: id}}]}\n" +
		"unit_tests:\n  - {name: u, model: a, given: [{input: ref('s'), rows: [{id: 1}]}], expect: {rows: [{id: 1}]}}\n"
	for _, s := range [][3]string{
		{"select id, n from {{ ref \"s\" }}", properties, "id,n\n1,2\n"},
		{"{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id from {{ ref \"e\" }}\n{{ if isIncremental }}where id > (select max(id) from {{ this }}){{ end }}", "", "id\n"},
		{"{{ config \"materialized\" \"ephemeral\" }}with x as (select * from {{ ref \"b\" }}) select * from x;", "models: [{name: a, config: {tags: [x]}}]", "id,n\n\"1"},
		{"select {{ plus 1 }}, {{ var \"x\" }} from {{ source \"raw\" \"t\" }} -- \x00", "sources:\n  - {name: raw, tables: [{name: t, columns: [{name: id}]}]}\n", "a,a\nx\n"},
		{"pivot {{ ref \"s\" }} on n using sum(id)", "seeds: [{name: s, config: {column_types: {id: decimal(10, 2)}}}]", "id,n\nx,2024-01-01\n"},
		{"{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}", "exposures: [{name: e, type: ml, owner: {name: x}, depends_on: [ref('a')]}]", "\xef\xbb\xbfid\r\n1\r\n"},
		{"select 'é", "models: [{name: a, columns: [{name: id, data_tests: [{accepted_values: {values: [&x 1, *x]}}]}], config: {contract: {enforced: true}}}]", ""},
	} {
		f.Add(s[0], s[1], s[2])
	}
	rest := files{
		"engine.yml":         "name: shop\ndialect: duckdb\nvars: {x: 1}\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\n",
		"macros/m.tmpl":      "{{ define \"plus\" }}{{ . }} + 1{{ end }}",
		"models/b.sql":       "select id from {{ ref \"s\" }}",
		"models/e.sql":       "{{ config \"materialized\" \"ephemeral\" }}select id from {{ ref \"s\" }}",
		"models/reads_a.sql": "select id from {{ ref \"a\" }}",
	}
	dir := f.TempDir()
	o := engine.Options{Dir: dir, Env: func(string) (string, bool) { return "", false }, Drivers: []warehouse.Driver{duckdb.Driver{}}, Jobs: 1}
	rest.write(f, dir)
	f.Fuzz(func(t *testing.T, sql, properties, seed string) {
		files{"models/a.sql": sql, "models/x.yml": properties, "seeds/s.csv": seed}.write(t, dir)
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		p, list := engine.Load(o)
		program, more := engine.Compile(ctx, p, o)
		if ctx.Err() != nil {
			t.Fatal("compiling does not end")
		}
		if list.Add(more...); !list.HasErrors() {
			checkPlanJSON(t, program)
		}
		for _, d := range list {
			if d.Code == "" || d.Message == "" {
				t.Errorf("incomplete: %+v", d)
			}
			if d.At.File != nil && (d.At.Start < 0 || d.At.End < d.At.Start || d.At.End > len(d.At.File.Data)) {
				t.Errorf("the place is outside of the file: %+v", d)
			}
		}
		if err := diag.Render(io.Discard, list, diag.RenderOptions{Width: 80}); err != nil {
			t.Fatal(err)
		}
	})
}

// checkPlanJSON plans to build all of p from nothing and takes the plan through its text.
func checkPlanJSON(t *testing.T, p *compile.Program) {
	pl, _ := plan.Make(p, state.Snapshot{}, everything(p))
	text, err := pl.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := plan.Parse(text)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if got, err := again.JSON(); err != nil || !bytes.Equal(got, text) {
		t.Errorf("the plan\n%s\nis read as\n%s\n%v", text, got, err)
	}
}
