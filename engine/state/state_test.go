package state

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

var (
	ctx    = context.Background()
	mine   = Scope{Project: "shop", Schema: "dev_ada"}
	yours  = Scope{Project: "shop", Schema: "dev_bob"}
	orders = addr.Node{Kind: addr.Model, Name: "orders"}
	raw    = addr.Node{Kind: addr.Source, Name: "app.orders"}
	noon   = time.Date(2026, 11, 21, 12, 0, 0, 123456789, time.UTC)
)

func open(t *testing.T) warehouse.Conn {
	t.Helper()
	c, err := duckdb.Driver{}.Open(ctx, warehouse.Config{Type: "duckdb", Dir: t.TempDir(), Fields: map[string]string{"path": ":memory:"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func apply(t *testing.T, c warehouse.Conn, ops ...warehouse.Op) {
	t.Helper()
	for _, op := range ops {
		statements, err := c.Dialect().Render(op)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range statements {
			if _, err := c.Exec(ctx, s); err != nil {
				t.Fatalf("%v\n%s", err, s.SQL)
			}
		}
	}
}

func snapshot(t *testing.T, c warehouse.Conn, s Scope, relations ...addr.Relation) Snapshot {
	t.Helper()
	snap, err := Read(ctx, c, s, relations)
	if err != nil {
		t.Fatal(err)
	}
	return snap
}

func record(version string, at time.Time) Record {
	return Record{
		Node: orders, Relation: addr.Relation{Schema: "dev_ada", Name: "orders"}, Kind: warehouse.Table, Materialized: "table",
		Fingerprint: "f'1", Version: version, Inputs: map[addr.Node]string{raw: "v\"0"}, Rows: 3, At: at.Truncate(time.Microsecond), Millis: 17, Bytes: 4096, Billed: -1, SlotMillis: 5,
		Content: Content{Rows: "h1", Columns: map[string]string{"id": "h2", "a\"b": "h3"}, Shape: "h4"}, Checksum: "sum", Tests: 2,
	}
}

func TestReadOfAnEmptyWarehouse(t *testing.T) {
	got := snapshot(t, open(t), mine, addr.Relation{Schema: "dev_ada", Name: "orders"})
	want := Snapshot{
		Nodes: map[addr.Node]Record{}, Relations: map[addr.Relation]warehouse.Relation{}, Schemas: map[string]bool{}, Passed: map[addr.Node]TestRecord{},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReadGivesTheLastRecordOfTheScope(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	apply(t, c, Setup(d, "")...) // again: nothing happens
	test := TestRecord{Test: addr.Node{Kind: addr.Test, Name: "not_null_orders_id"}, Fingerprint: "t1", Inputs: map[addr.Node]string{orders: "r2"}, At: noon.Truncate(time.Microsecond)}
	older := test
	older.Fingerprint, older.At = "t0", noon.Add(-time.Hour)

	apply(t, c, BuiltOp(d, mine, "r2", record("r2", noon)), BuiltOp(d, mine, "r1", record("r1", noon.Add(-time.Hour))))
	apply(t, c, BuiltOp(d, yours, "r9", record("r9", noon.Add(time.Hour))))
	apply(t, c, PassedOps(d, mine, "r2", []TestRecord{test})...)
	apply(t, c, PassedOps(d, mine, "r1", []TestRecord{older})...)
	apply(t, c, RunOp(d, mine, Run{ID: "r2", Start: noon, End: noon.Add(time.Minute), Verdict: "done", Engine: "dev", Target: "dev"}))
	if ops := PassedOps(d, mine, "r3", nil); ops != nil {
		t.Errorf("no records gave %v", ops)
	}

	got := snapshot(t, c, mine)
	if diff := cmp.Diff(map[addr.Node]Record{orders: record("r2", noon)}, got.Nodes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[addr.Node]TestRecord{test.Test: test}, got.Passed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[addr.Node]Record{orders: record("r9", noon.Add(time.Hour))}, snapshot(t, c, yours).Nodes); diff != "" {
		t.Errorf("the other scope: %s", diff)
	}
}

func TestReadSeesRelationsAndLeftovers(t *testing.T) {
	c := open(t)
	for _, sql := range []string{
		`create schema "dev_ada"`, `create table dev_ada."Orders" (id integer, "Name" varchar)`, `create view dev_ada.v as select 1 as a`,
		`create table dev_ada."_engine_new__orders" (id integer)`, `create schema empty`,
	} {
		apply(t, c, warehouse.SQL{Text: sql})
	}
	rel := func(schema, name string) addr.Relation { return addr.Relation{Schema: schema, Name: name} }
	got := snapshot(t, c, mine, rel("dev_ada", "orders"), rel("dev_ada", "v"), rel("dev_ada", "none"), rel("empty", "x"), rel("nowhere", "x"))
	kinds := map[addr.Relation]warehouse.Kind{}
	for r, fact := range got.Relations {
		kinds[r] = fact.Kind
	}
	want := map[addr.Relation]warehouse.Kind{
		rel("dev_ada", "orders"): warehouse.Table, rel("dev_ada", "v"): warehouse.View, rel("dev_ada", "_engine_new__orders"): warehouse.Table,
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Error(diff)
	}
	var columns []string
	for _, col := range got.Relations[rel("dev_ada", "orders")].Columns {
		columns = append(columns, col.Name+" "+col.Type)
	}
	if diff := cmp.Diff([]string{"id INTEGER", "Name VARCHAR"}, columns); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]bool{"dev_ada": true}, got.Schemas); diff != "" {
		t.Error(diff)
	}
}

func TestUnknownKindsAndForeignTextAreSkipped(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	apply(t, c, BuiltOp(d, mine, "r1", record("r1", noon)))
	apply(t, c, warehouse.SQL{Text: `insert into "_engine".node_builds (scope, node, inputs, built_at, run_id) values ('shop/dev_ada', 'hologram.x', '{}', now(), 'r1')`})
	apply(t, c, warehouse.SQL{Text: `update "_engine".node_builds set inputs = 'not json' where node = 'model.orders'`})
	got := snapshot(t, c, mine)
	if len(got.Nodes) != 1 || len(got.Nodes[orders].Inputs) != 0 {
		t.Errorf("got %+v", got.Nodes)
	}
}

func TestCompactKeepsTheNewest(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	other := addr.Node{Kind: addr.Model, Name: "other"}
	for i := range 30 {
		at := noon.Add(time.Duration(i) * time.Minute)
		id := fmt.Sprintf("r%02d", i)
		r := record(id, at)
		lone := r
		lone.Node = other
		apply(t, c, BuiltOp(d, mine, id, r), BuiltOp(d, yours, id, r), RunOp(d, mine, Run{ID: id, Start: at, End: at, Verdict: "done"}))
		apply(t, c, PassedOps(d, mine, id, []TestRecord{{Test: addr.Node{Kind: addr.Test, Name: "t"}, Fingerprint: id, At: at}})...)
		if i == 0 {
			apply(t, c, BuiltOp(d, mine, id, lone))
		}
	}
	before := snapshot(t, c, mine)
	have, err := Look(ctx, c, "")
	if err != nil {
		t.Fatal(err)
	}
	if n, err := Compact(ctx, c, mine, Limits{Keep: 2, Runs: 5, Above: 1000}, have); err != nil || n != 0 {
		t.Errorf("below the limit: removed %d, %v", n, err)
	}
	n, err := Compact(ctx, c, mine, Limits{Keep: 2, Runs: 5, Above: 10}, have)
	if err != nil {
		t.Fatal(err)
	}
	if want := int64(28 + 28 + 25); n != want {
		t.Errorf("removed %d, want %d", n, want)
	}
	if diff := cmp.Diff(before, snapshot(t, c, mine)); diff != "" {
		t.Errorf("what Read gives changed: %s", diff)
	}
	left, err := builds.count(ctx, c, yours)
	if err != nil || left != 30 {
		t.Errorf("the other scope has %d records, %v; want its 30", left, err)
	}
	if _, err := Compact(ctx, open(t), mine, DefaultLimits, nil); err != nil {
		t.Errorf("compact of nothing: %v", err)
	}
}

func TestReadWrapsWhatGoesWrong(t *testing.T) {
	c := open(t)
	apply(t, c, warehouse.SQL{Text: `create schema "_engine"`}, warehouse.SQL{Text: `create table "_engine".node_builds (a integer)`})
	_, err := Read(ctx, c, mine, nil)
	if err == nil || !cmp.Equal(err.Error()[:len("read _engine.node_builds: ")], "read _engine.node_builds: ") {
		t.Errorf("got %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := Read(canceled, c, mine, []addr.Relation{{Schema: "x", Name: "y"}}); err == nil {
		t.Error("a canceled context gave no error")
	}
}

// TestTablesOfAnEarlierEngine: what it recorded is read, its columns are added once, and
// what is recorded then is read as well.
func TestTablesOfAnEarlierEngine(t *testing.T) {
	c := open(t)
	d := c.Dialect()
	apply(t, c, Setup(d, "")...)
	apply(t, c, BuiltOp(d, mine, "r1", record("r1", noon)))
	apply(t, c, warehouse.DropColumns{Target: builds.relation(""), Columns: builds.added})
	want := record("r1", noon)
	want.Bytes, want.Billed, want.SlotMillis = -1, -1, 0
	want.Content, want.Checksum, want.Tests = Content{Rows: "r1"}, "", 0 // its version names all it holds
	if diff := cmp.Diff(map[addr.Node]Record{orders: want}, snapshot(t, c, mine).Nodes); diff != "" {
		t.Error(diff)
	}
	missing := func() []warehouse.Op {
		t.Helper()
		have, err := Look(ctx, c, "")
		if err != nil {
			t.Fatal(err)
		}
		return have.Missing(d, "")
	}
	ops := missing()
	if len(ops) != 1 {
		t.Fatalf("want the columns added and nothing else, got %v", ops)
	}
	apply(t, c, ops...)
	if ops := missing(); len(ops) != 0 {
		t.Errorf("still missing: %v", ops)
	}
	apply(t, c, BuiltOp(d, mine, "r2", record("r2", noon.Add(time.Second))))
	if diff := cmp.Diff(map[addr.Node]Record{orders: record("r2", noon.Add(time.Second))}, snapshot(t, c, mine).Nodes); diff != "" {
		t.Error(diff)
	}
	apply(t, c, warehouse.Drop{Relation: runs.relation(""), Kind: warehouse.Table})
	if diff := cmp.Diff([]warehouse.Op{warehouse.CreateTable{Target: runs.relation(""), Columns: runs.typed(d), IfNotExists: true}}, missing()); diff != "" {
		t.Error(diff)
	}
}
