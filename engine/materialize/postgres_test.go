package materialize

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestStoredInPostgres: indexes, constraints, storage and rights are there after every way
// of building, and a promise that does not hold stops the build.
func TestStoredInPostgres(t *testing.T) {
	w := newWorldOn(t, peer{open: openPostgres})
	for _, role := range []string{"reader", "writer"} { // of the server, which databases share
		w.exec("do $$ begin create role " + role + "; exception when duplicate_object then null; end $$")
	}
	w.exec("create table src.a as select 1 as id, 'a' as v", "create table s.parent (id int primary key)", "insert into s.parent values (1), (2)")
	stored := func() string {
		return w.rows("select relpersistence, relkind from pg_class where oid = 's.x'::regclass") +
			w.rows("select indisunique, pg_get_indexdef(indexrelid, 1, true) from pg_index where indrelid = 's.x'::regclass order by 1, 2") +
			w.rows("select contype, pg_get_constraintdef(oid) from pg_constraint where conrelid = 's.x'::regclass and contype <> 'n' order by 1, 2") +
			w.rows("select attname from pg_attribute where attrelid = 's.x'::regclass and attnotnull and attnum > 0 order by 1") +
			w.rows("select grantee, privilege_type from information_schema.role_table_grants where table_schema = 's' and table_name = 'x' and grantee in ('reader', 'writer') order by 1, 2")
	}
	node := func(materialized string) *compile.Node {
		n := model(compile.Config{Materialized: materialized, UniqueKey: []string{"id"},
			Layout: warehouse.Layout{Indexes: []warehouse.Index{{Columns: []string{"v"}, Type: "hash"}}, Unlogged: true},
			Grants: map[string][]string{"select": {"reader"}}})
		n.Constraints = []warehouse.Constraint{
			{Type: "primary_key", Columns: []string{"id"}, Enforced: true}, {Type: "check", Expression: "id > 0", Enforced: true}, {Type: "not_null", Columns: []string{"v"}, Enforced: true},
			{Type: "foreign_key", Columns: []string{"id"}, To: addr.Relation{Schema: "s", Name: "parent"}, ToColumns: []string{"id"}, Enforced: true},
		}
		n.SQL, n.IncrementalSQL = "select id, v from src.a", "select 2 as id, 'b' as v"
		return n
	}
	want := "u r\nfalse v\ntrue id\nc CHECK ((id > 0))\nf FOREIGN KEY (id) REFERENCES s.parent(id)\np PRIMARY KEY (id)\nid\nv\nreader SELECT\n"
	for _, materialized := range []string{"table", "table", "incremental"} {
		w.must(w.build(node(materialized), false))
		if d := cmp.Diff(want, stored()); d != "" {
			t.Errorf("%s:\n%s", materialized, d)
		}
	}
	w.want("select id, v from s.x order by id", "1 a\n2 b\n")
	for name, query := range map[string]string{
		"primary key": "select 1 as id, 'a' as v union all select 1, 'b'", "check": "select -1 as id, 'a' as v", "not null": "select 1 as id, cast(null as text) as v", "foreign key": "select 9 as id, 'a' as v",
	} {
		n := node("table")
		n.SQL = query
		if _, err := w.build(n, false); err == nil {
			t.Errorf("%s: the rows were taken", name)
		}
		w.clean()
		w.want("select id, v from s.x order by id", "1 a\n2 b\n")
	}
	n := node("table")
	n.Config.Grants = map[string][]string{"select": {}, "insert": {"writer"}}
	n.Config.Layout, n.Constraints = warehouse.Layout{}, nil
	w.must(w.build(n, false))
	if d := cmp.Diff("p r\nwriter INSERT\n", stored()); d != "" {
		t.Error(d)
	}
}

// TestMaterializedViewInPostgres: it is made, refreshed, made anew, and gives way to others.
func TestMaterializedViewInPostgres(t *testing.T) {
	w := newWorldOn(t, peer{open: openPostgres})
	w.exec("create table src.a as select 1 as id")
	build := func(materialized, query, fingerprint string, failing ...func(Out) error) error {
		existing, err := w.inspect(w.conn, rel)
		if err != nil {
			t.Fatal(err)
		}
		n := model(compile.Config{Materialized: materialized, Layout: warehouse.Layout{Indexes: []warehouse.Index{{Columns: []string{"id"}, Unique: true}}}, OnConfigurationChange: "apply"})
		n.SQL, n.Fingerprint = query, fingerprint
		d := w.conn.Dialect()
		out, ds := Plan(In{Node: n, Existing: existing, Caps: w.caps, Words: d.Words(), Dialect: d, Recorded: "c"})
		if ds.HasErrors() {
			t.Fatal(ds)
		}
		defer w.clean()
		return w.apply(out, failing...)
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	kind := func(want string) {
		t.Helper()
		w.want("select relkind from pg_class where oid = 's.x'::regclass", want+"\n")
	}
	const query = "select id from src.a"
	must(build("materialized_view", query, "c"))
	kind("m")
	w.exec("insert into src.a values (2)")
	w.want("select id from s.x order by id", "1\n")
	if err := build("materialized_view", query, "c", func(Out) error {
		return fmt.Errorf("a test found rows")
	}); err == nil {
		t.Error("a test that fails was passed")
	}
	w.want("select id from s.x order by id", "1\n")
	must(build("materialized_view", query, "c"))
	w.want("select id from s.x order by id", "1\n2\n")
	must(build("materialized_view", "select id + 1 as id from src.a", "d"))
	w.want("select id from s.x order by id", "2\n3\n")
	w.want("select count(*) from pg_index where indrelid = 's.x'::regclass", "1\n")
	for _, step := range []struct{ materialized, kind string }{{"table", "r"}, {"materialized_view", "m"}, {"view", "v"}, {"materialized_view", "m"}} {
		must(build(step.materialized, query, "c"))
		kind(step.kind)
		w.want("select id from s.x order by id", "1\n2\n")
	}
}
