package materialize

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

// opNames are the names of operations, with what publication adds to them.
func opNames(ops []warehouse.Op) []string {
	var out []string
	for _, op := range ops {
		name := warehouse.OpName(op)
		switch op := op.(type) {
		case warehouse.CloneTable:
			if op.Whole {
				name += " whole"
			}
		case warehouse.CreateViewAs:
			if op.Replace {
				name += " replace " + op.Query
			}
		case warehouse.Swap:
			if op.Copied {
				name += " copied"
			}
			if !op.Keep.IsZero() {
				name += " keep " + op.Keep.Name
			}
			if op.Query != "" {
				name += " " + op.Query
			}
		}
		out = append(out, name)
	}
	return out
}

// Aside nothing that exists is changed before the publication, and with Keep it stays after.
func TestAsideAndKept(t *testing.T) {
	rel := addr.Relation{Schema: "core", Name: "o"}
	keep := addr.Relation{Schema: "core", Name: "_engine_old__o"}
	node := func(kind, sql string) *compile.Node {
		return &compile.Node{ID: addr.Node{Kind: addr.Model, Name: "o"}, Relation: rel, SQL: sql, IncrementalSQL: sql, Config: compile.Config{Materialized: kind, OnSchemaChange: "ignore"}}
	}
	transactional, jobs := warehouse.Caps{TransactionalDDL: true, MaterializedViews: true}, warehouse.Caps{Clone: true, MaterializedViews: true}
	for _, c := range []struct {
		name           string
		kind           string
		existing       warehouse.Kind
		caps           warehouse.Caps
		aside          bool
		keep           addr.Relation
		build, publish []string
		tx             bool
	}{
		{"incremental in place", "incremental", warehouse.Table, transactional, false, addr.Relation{}, []string{"create_table_as", "insert_select", "drop"}, nil, true},
		{"incremental aside", "incremental", warehouse.Table, transactional, true, addr.Relation{}, []string{"clone_table whole", "create_table_as", "insert_select", "drop"}, []string{"swap copied"}, false},
		{"incremental kept", "incremental", warehouse.Table, transactional, false, keep, []string{"clone_table whole", "create_table_as", "insert_select", "drop"}, []string{"swap copied keep _engine_old__o"}, false},
		{"incremental on a clone", "incremental", warehouse.Table, jobs, true, keep, []string{"clone_table", "create_table_as", "insert_select", "drop"}, []string{"swap keep _engine_old__o"}, false},
		{"table", "table", warehouse.Table, transactional, true, keep, []string{"create_table_as"}, []string{"swap keep _engine_old__o"}, false},
		{"a new table keeps nothing", "table", warehouse.None, transactional, true, keep, []string{"create_table_as"}, []string{"swap"}, false},
		{"view", "view", warehouse.View, transactional, true, keep, []string{"create_view_as"}, []string{"swap final", "create_view_as replace final"}, false},
		{"view by a job", "view", warehouse.View, jobs, true, addr.Relation{}, []string{"create_view_as"}, []string{"swap final"}, false},
		{"a materialized view is not refreshed aside", "materialized_view", warehouse.MaterializedView, transactional, true, addr.Relation{}, []string{"create_materialized_view_as"}, []string{"swap final"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := In{Node: node(c.kind, "staged"), Published: node(c.kind, "final"), Existing: warehouse.Relation{Name: rel, Kind: c.existing}, Caps: c.caps, Aside: c.aside, Keep: c.keep}
			if !c.aside {
				in.Published = nil
			}
			out, ds := Plan(in)
			if ds.HasErrors() {
				t.Fatal(ds)
			}
			if diff := cmp.Diff(c.build, opNames(out.Build)); diff != "" {
				t.Errorf("build: %s", diff)
			}
			if diff := cmp.Diff(c.publish, opNames(out.Publish)); diff != "" {
				t.Errorf("publish: %s", diff)
			}
			if out.InTx != c.tx || c.aside && out.Tested == rel {
				t.Errorf("in one transaction: %v, tested as %s", out.InTx, out.Tested)
			}
		})
	}
}
