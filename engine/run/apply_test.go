package run_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/warehouse"
)

const uniqueID = "models:\n  - name: m\n    columns: [{name: id, data_tests: [unique]}]\n"

func want(t *testing.T, got *run.Result, lines ...string) {
	t.Helper()
	if diff := cmp.Diff(lines, outcome(got)); diff != "" {
		t.Errorf("outcome (-want +got):\n%s", diff)
	}
}

// TestFailingTestDoesNotPublish: yesterday's rows stay, what reads them is skipped because
// of the test's own node, however far away it is.
func TestFailingTestDoesNotPublish(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":       "{{ config \"materialized\" \"table\" }}select 1 as id",
		"models/child.sql":   "{{ config \"materialized\" \"table\" }}select id from {{ ref \"m\" }}",
		"models/grand.sql":   "{{ config \"materialized\" \"table\" }}select id from {{ ref \"child\" }}",
		"models/apart.sql":   "select 1 as id",
		"models/props.yml":   uniqueID,
		"tests/on_grand.sql": "select * from {{ ref \"grand\" }} where id < 0",
	})
	want(t, s.build(nil), "apart done", "m done", "  unique_m_id done", "child done", "grand done", "  on_grand done")
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 2 as id union all select 2"})
	r := s.build(nil)
	want(t, r, "m failed", "  unique_m_id failed 1", "child skipped because of m", "grand skipped because of m", "  on_grand skipped because of m")
	if r.OK() {
		t.Error("the run is called good")
	}
	test := r.Nodes[0].Tests[0]
	if test.Sample == nil || len(test.Sample.Rows) != 1 || len(test.Diags) != 1 || test.Diags[0].At.File.Path != "models/props.yml" {
		t.Errorf("the test says too little: %+v", test)
	}
	for _, name := range []string{"m", "child", "grand"} {
		if diff := cmp.Diff([]string{"1"}, s.rows("select id from dev."+name)); diff != "" {
			t.Errorf("%s was published:\n%s", name, diff)
		}
	}
	// Mended, the rest of the way is gone.
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 2 as id"})
	want(t, s.build(nil), "m done", "  unique_m_id done", "child done", "grand done", "  on_grand done")
	if got := s.rows("select id from dev.grand"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("grand has %v", got)
	}
	want(t, s.build(nil))
}

func TestFailingTestOfFirstBuildLeavesNothing(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 2 as id union all select 2",
		"models/props.yml": uniqueID,
	})
	want(t, s.build(nil), "m failed", "  unique_m_id failed 1")
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"missing"}) {
		t.Errorf("m has %v", got)
	}
}

func TestWarningPublishes(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 2 as id union all select 2",
		"models/child.sql": "select id from {{ ref \"m\" }}",
		"models/props.yml": "models:\n  - name: m\n    columns: [{name: id, data_tests: [{unique: {config: {severity: warn}}}]}]\n",
	})
	r := s.build(nil)
	want(t, r, "m done", "  unique_m_id warned 1", "child done")
	if !r.OK() {
		t.Error("a warning makes the run fail")
	}
	if got := s.rows("select id from dev.child"); !slices.Equal(got, []string{"2", "2"}) {
		t.Errorf("child has %v", got)
	}
	pl := s.plan(nil)
	if len(pl.Actions) > 0 || len(pl.Warnings) != 1 || pl.Warnings[0].Failures != 1 {
		t.Errorf("the next plan forgets the warning: %+v", pl)
	}
}

// TestRelationshipsGateTheLaterOne: the child's rows are tested before readers see them,
// whichever side the test is written at.
func TestRelationshipsGateTheLaterOne(t *testing.T) {
	for name, props := range map[string]string{
		"at the child":  "models:\n  - name: orders\n    columns: [{name: customer, data_tests: [{relationships: {to: ref('customers'), field: id}}]}]\n",
		"at the parent": "models:\n  - name: customers\n    columns: [{name: id, data_tests: [{relationships: {to: ref('orders'), field: customer}}]}]\n",
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t, map[string]string{
				"models/customers.sql": "{{ config \"materialized\" \"table\" }}select 1 as id",
				"models/orders.sql":    "{{ config \"materialized\" \"table\" }}select 7 as customer from {{ ref \"customers\" }}",
				"models/props.yml":     props,
			})
			test := "  relationships_orders_customer failed 1"
			if name == "at the parent" {
				test = "  relationships_customers_id failed 1"
			}
			want(t, s.build(nil), "customers done", "orders failed", test)
			if got := s.rows("select * from dev.orders"); !slices.Equal(got, []string{"missing"}) {
				t.Errorf("orders has %v", got)
			}
		})
	}
}

const grows = "{{ config \"materialized\" \"incremental\" \"incremental_strategy\" \"append\" }}\nselect id from {{ ref \"raw\" }}\n{{ if is_incremental }}where id >= (select max(id) from {{ this }}){{ end }}"

// TestUpdateInPlaceIsRolledBack: rows, added columns and the records are one transaction.
func TestUpdateInPlaceIsRolledBack(t *testing.T) {
	s := newShop(t, map[string]string{
		"seeds/raw.csv":    "id\n1\n2\n",
		"models/m.sql":     grows,
		"models/child.sql": "select id from {{ ref \"m\" }}",
		"models/props.yml": uniqueID,
	})
	want(t, s.build(nil), "raw done", "m done", "  unique_m_id done", "child done")
	s.write(map[string]string{"seeds/raw.csv": "id\n1\n2\n3\n"})
	want(t, s.build(nil), "raw done", "m failed", "  unique_m_id failed 1", "child skipped because of m")
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("m has %v", got)
	}
}

// TestRefusedTestInTransaction: what follows from an aborted transaction is not reported.
func TestRefusedTestInTransaction(t *testing.T) {
	s := newShop(t, map[string]string{
		"seeds/raw.csv":    "id,word\n1,1\n2,2\n",
		"models/m.sql":     "{{ config \"materialized\" \"incremental\" \"unique_key\" \"id\" }}\nselect id, cast(word as varchar) as word from {{ ref \"raw\" }}",
		"models/props.yml": "models:\n  - name: m\n    data_tests:\n      - expression: {name: first, expression: cast(word as integer) > 0}\n    columns: [{name: id, data_tests: [unique, not_null]}]\n",
	})
	r := s.build(nil)
	if !r.OK() {
		t.Fatal(outcome(r))
	}
	s.write(map[string]string{"seeds/raw.csv": "id,word\n1,1\n3,ten\n"})
	r = s.build(nil)
	m := r.Nodes[1]
	var said []string
	for _, test := range m.Tests {
		for _, d := range test.Diags {
			said = append(said, d.Message)
		}
	}
	if m.Status != run.Failed || len(said) != 1 || !strings.Contains(said[0], "ten") {
		t.Errorf("%s: %q\n%v", m.Status, said, outcome(r))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("m has %v", got)
	}
}

// TestRootCause: the cause is the node that went wrong, not the nearest one, and its error
// stands in the user's file.
func TestRootCause(t *testing.T) {
	s := newShop(t, map[string]string{
		"seeds/raw.csv":    "word\nten\n",
		"models/a.sql":     "{{ config \"materialized\" \"table\" }}\nselect word,\n  cast(word as integer) as n\nfrom {{ ref \"raw\" }}",
		"models/b.sql":     "{{ config \"materialized\" \"table\" }}select n from {{ ref \"a\" }}",
		"models/eph.sql":   "{{ config \"materialized\" \"ephemeral\" }}select n from {{ ref \"b\" }}",
		"models/c.sql":     "{{ config \"materialized\" \"table\" }}select n from {{ ref \"eph\" }}",
		"models/other.sql": "select word from {{ ref \"raw\" }}",
	})
	r := s.build(nil)
	want(t, r, "raw done", "a errored (sql-data)", "b skipped because of a", "c skipped because of a", "other done")
	d := r.Nodes[1].Diags[0]
	if d.At.IsZero() || d.At.File.Path != "models/a.sql" || d.Model.Name != "a" {
		t.Errorf("the error stands at %v", d)
	}
}

func TestFailFast(t *testing.T) {
	files := map[string]string{
		"engine.yml":    "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\non-run-end: [\"create or replace table ended as select 1 as a\"]\n",
		"seeds/raw.csv": "word\nten\n",
		"models/a.sql":  "{{ config \"materialized\" \"table\" }}\nselect cast(word as integer) as n from {{ ref \"raw\" }}",
		"models/b.sql":  "{{ config \"materialized\" \"table\" }}select word from {{ ref \"raw\" }}",
		"models/c.sql":  "{{ config \"materialized\" \"table\" }}select word from {{ ref \"b\" }}",
	}
	s := newShop(t, files)
	pl := s.plan(nil)
	for _, a := range pl.Actions {
		a.Millis = 1
		if a.Node.Name == "a" {
			a.Millis = 100 // goes first
		}
	}
	r, err := s.apply(context.Background(), pl, func(o *run.Options) { o.FailFast, o.Jobs = true, 1 })
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "raw done", "a errored (sql-data)", "b skipped: stopped after the first failure", "c skipped: stopped after the first failure")
	if len(r.Diags) > 0 || r.Canceled {
		t.Errorf("canceled %v, %v", r.Canceled, r.Diags)
	}
	if got := s.rows("select a from ended"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("the hook at the end did not run: %v", got)
	}
	if got := s.rows("select verdict from _engine.runs"); !slices.Equal(got, []string{"failed"}) {
		t.Errorf("the run is recorded as %v", got)
	}
}

// TestCancel: an interrupted build ends soon, leaves the old table and nothing aside.
func TestCancel(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select 1 as id",
		"models/child.sql": "{{ config \"materialized\" \"table\" }}select id from {{ ref \"m\" }}",
		"models/props.yml": uniqueID,
	})
	s.build(nil)
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select sum(a.range * b.range % 7) as id from range(1000000) as a, range(1000000) as b"})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	start := time.Now()
	r, err := s.apply(ctx, s.plan(nil), func(o *run.Options) {
		o.Sink = func(e run.Event) {
			if e.Kind == run.NodeStarted {
				time.AfterFunc(100*time.Millisecond, cancel)
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !r.Canceled || r.OK() {
		t.Error("the result does not say that it was canceled")
	}
	for _, n := range r.Nodes {
		if n.Status != run.Canceled && n.Status != run.Skipped || len(n.Diags) > 0 {
			t.Errorf("%s is %s %v", n.Node, n.Status, n.Diags)
		}
	}
	if took := time.Since(start); took > 15*time.Second {
		t.Errorf("it took %s to end", took)
	}
	s.noStaging()
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	if got := s.rows("select verdict from _engine.runs"); !slices.Equal(got, []string{"canceled", "done"}) {
		t.Errorf("runs are recorded as %v", got)
	}
}

// TestStoreFailures: the rows are kept, also those of a transaction that is rolled back;
// when the test passes nothing that looks like failures stays.
func TestStoreFailures(t *testing.T) {
	const stored = "models:\n  - name: m\n    columns: [{name: id, data_tests: [{unique: {config: {store_failures: true}}}]}]\n"
	s := newShop(t, map[string]string{
		"seeds/raw.csv":    "id\n1\n2\n2\n",
		"models/m.sql":     "{{ config \"materialized\" \"table\" }}select id from {{ ref \"raw\" }}",
		"models/props.yml": stored,
	})
	const kept = "select * from dev_test_failures.unique_m_id"
	r := s.build(nil)
	if got := s.rows(kept); len(got) != 1 || !strings.HasPrefix(got[0], "2 ") {
		t.Errorf("stored %v", got)
	}
	if stored := r.Nodes[1].Tests[0].Stored; stored.Name != "unique_m_id" {
		t.Errorf("the result says %s", stored)
	}
	s.write(map[string]string{"seeds/raw.csv": "id\n1\n2\n"})
	s.build(nil)
	if got := s.rows(kept); len(got) > 0 && got[0] != "missing" {
		t.Errorf("the test passes and %v stays", got)
	}
	s.write(map[string]string{"models/m.sql": grows})
	want(t, s.build(nil), "m failed", "  unique_m_id failed 1")
	if got := s.rows(kept); len(got) != 1 || !strings.HasPrefix(got[0], "2 ") {
		t.Errorf("of the transaction %v is stored", got)
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("m has %v", got)
	}
}

func TestHooks(t *testing.T) {
	s := newShop(t, map[string]string{
		"engine.yml": "name: shop\ndialect: duckdb\ntargets: {dev: {type: duckdb, schema: dev, path: shop.duckdb}}\n" +
			"on-run-start: [\"create table if not exists log (n integer, what varchar)\", \"insert into log select count(*), 'start' from log\"]\non-run-end: [\"insert into log select count(*), 'end' from log\"]\n",
		"models/m.sql": "{{ config \"materialized\" \"table\" \"pre_hook\" \"insert into log select count(*), 'before' from log\" \"post_hook\" \"insert into log select count(*), 'after ' || (select id from {{ this }}) from log\" }}\nselect 1 as id",
	})
	if r := s.build(nil); !r.OK() {
		t.Fatal(outcome(r), r.Diags)
	}
	if diff := cmp.Diff([]string{"0 start", "1 before", "2 after 1", "3 end"}, s.rows("select * from log")); diff != "" {
		t.Error(diff)
	}
	// A hook that the warehouse refuses does not let the model out.
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" \"post_hook\" \"select nothing from nowhere\" }}\nselect 2 as id"})
	r := s.build(nil)
	if r.Nodes[0].Status != run.Errored {
		t.Errorf("%v", outcome(r))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	s.write(map[string]string{"engine.yml": settings + "on-run-end: [select nothing from nowhere]\n", "models/m.sql": "select 1 as id"})
	r = s.build(nil)
	if len(r.Diags) != 1 || r.Diags[0].Code != "hook-failed" || r.OK() {
		t.Errorf("%v", r.Diags)
	}
	s.write(map[string]string{"engine.yml": settings + "on-run-start: [select nothing from nowhere]\n"})
	s.write(map[string]string{"models/m.sql": "select 3 as id"})
	r = s.build(nil)
	if r.OK() || r.Nodes[0].Status != run.Skipped || len(r.Diags) == 0 || r.Diags[0].Code != "hook-failed" {
		t.Errorf("after a hook at the start that is refused: %v %v", outcome(r), r.Diags)
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
}

// TestRecordAndSwapAreOne: when the record cannot be written the relation is not swapped.
func TestRecordAndSwapAreOne(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 1 as id"})
	s.build(nil)
	s.write(map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" \"post_hook\" \"drop table _engine.node_builds\" }}select 2 as id"})
	r := s.build(nil)
	if r.Nodes[0].Status != run.Errored {
		t.Fatal(outcome(r))
	}
	if got := s.rows("select id from dev.m"); !slices.Equal(got, []string{"1"}) {
		t.Errorf("m has %v", got)
	}
	if got := s.rows("select distinct run_id from _engine.node_builds"); !slices.Equal(got, []string{"run1"}) {
		t.Errorf("builds are recorded of %v", got)
	}
}

func TestUnitTestFailure(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/raw.sql": "select 1 as n",
		"models/m.sql":   "{{ config \"materialized\" \"table\" }}select sum(n) as total from {{ ref \"raw\" }}",
		"models/props.yml": "unit_tests:\n  - name: adds\n    model: m\n    given: [{input: ref('raw'), rows: [{n: 1}, {n: 2}]}]\n    expect: {rows: [{total: 4}]}\n" +
			"  - name: adds_right\n    model: m\n    given: [{input: ref('raw'), rows: [{n: 1}, {n: 2}]}]\n    expect: {rows: [{total: 3}]}\n",
	})
	r := s.build(nil)
	want(t, r, "raw done", "m failed", "  adds failed 2", "  adds_right done")
	sample := r.Nodes[1].Tests[0].Sample
	if diff := cmp.Diff(&run.Sample{Columns: []string{"", "total"}, Rows: [][]string{{"-", "4"}, {"+", "3"}}}, sample); diff != "" {
		t.Error(diff)
	}
	if got := s.rows("select * from dev.m"); !slices.Equal(got, []string{"missing"}) {
		t.Errorf("m has %v", got)
	}
}

// TestThresholds: tests of one scan run together and mean what each alone would mean.
func TestThresholds(t *testing.T) {
	var columns strings.Builder
	tests := []struct{ name, config, want string }{
		{"fails", "{}", "failed 3"},
		{"warns", "{severity: warn}", "warned 3"},
		{"under_both", "{error_if: '> 5', warn_if: '> 4'}", "done 3"},
		{"between", "{error_if: '> 5', warn_if: '> 2'}", "warned 3"},
		{"over", "{error_if: '>= 3'}", "failed 3"},
		{"warn_never_fails", "{severity: warn, error_if: '> 1', warn_if: '> 10'}", "done 3"},
		{"limited", "{limit: 2}", "failed 2"},
		{"none_wanted", "{where: \"id > 100\", error_if: '= 0'}", "failed"},
		{"filtered", "{where: \"id > 100\"}", "done"},
		{"calculated", "{fail_calc: 'coalesce(sum(id), 0)'}", "failed 9"},
	}
	var late strings.Builder // on a model of their own: those on m do not run, since it is not published
	for _, c := range tests {
		into := &columns
		if strings.Contains(c.config, "severity: warn") {
			into = &late
		}
		into.WriteString("          - not_null: {name: " + c.name + ", config: " + c.config + "}\n")
	}
	s := newShop(t, map[string]string{
		"seeds/raw.csv": "id,word\n1,a\n2,\n3,\n4,\n",
		"models/m.sql":  "{{ config \"materialized\" \"table\" }}select * from {{ ref \"raw\" }}",
		"models/w.sql":  "{{ config \"materialized\" \"table\" }}select * from {{ ref \"raw\" }}",
		"models/props.yml": "models:\n  - name: m\n    columns:\n      - name: word\n        data_tests:\n" + columns.String() +
			"  - name: w\n    columns:\n      - name: word\n        data_tests:\n" + late.String(),
	})
	r := s.build(nil)
	got := map[string]string{}
	for _, line := range outcome(r) {
		if name, status, ok := strings.Cut(strings.TrimPrefix(line, "  "), " "); ok && strings.HasPrefix(line, "  ") {
			got[name] = status
		}
	}
	for _, c := range tests {
		if got[c.name] != c.want {
			t.Errorf("%s %s: %q, want %q", c.name, c.config, got[c.name], c.want)
		}
	}
}

// TestEventOrder: a node starts, its tests end, it ends; every node has one end.
func TestEventOrder(t *testing.T) {
	files := map[string]string{}
	var props strings.Builder
	props.WriteString("models:\n")
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		files["models/"+name+".sql"] = "{{ config \"materialized\" \"table\" }}select 1 as id"
		props.WriteString("  - name: " + name + "\n    columns: [{name: id, data_tests: [unique, not_null]}]\n")
	}
	files["models/f.sql"] = "{{ config \"materialized\" \"table\" }}select 1 as id union all select 1"
	files["models/g.sql"] = "select id from {{ ref \"f\" }}"
	files["models/props.yml"] = props.String()
	s := newShop(t, files)
	var events []run.Event
	r := s.build(func(o *run.Options) { o.Jobs = 3; o.Sink = func(e run.Event) { events = append(events, e) } })
	if events[0].Kind != run.RunStarted || events[len(events)-1].Kind != run.RunEnded {
		t.Error("the run's own events are not first and last")
	}
	seen := map[addr.Node][]string{}
	index := map[int]bool{}
	for _, e := range events[1 : len(events)-1] {
		node := e.Node
		if e.Kind == run.TestEnded {
			node = e.Of
		}
		seen[node] = append(seen[node], string(e.Kind))
		if e.Total != 0 && e.Total != len(r.Nodes) {
			t.Errorf("total is %d", e.Total)
		}
		if e.Kind == run.NodeEnded {
			if e.Result == nil || index[e.Index] || e.Index < 1 || e.Index > len(r.Nodes) {
				t.Errorf("end of %s: index %d", e.Node, e.Index)
			}
			index[e.Index] = true
		}
	}
	for _, n := range r.Nodes {
		expect := []string{"node_started", "test_ended", "test_ended", "node_ended"}
		if n.Node.Name == "g" {
			expect = []string{"node_ended"}
		}
		if diff := cmp.Diff(expect, seen[n.Node]); diff != "" {
			t.Errorf("%s:\n%s", n.Node, diff)
		}
	}
}

// TestLongestWayFirst: the node with the most work behind it starts first, and never more
// than jobs run at once.
func TestLongestWayFirst(t *testing.T) {
	files := map[string]string{}
	for _, name := range []string{"a", "b", "c", "d"} {
		files["models/"+name+".sql"] = "select 1 as id"
	}
	files["models/d2.sql"] = "select id from {{ ref \"d\" }}"
	s := newShop(t, files)
	pl := s.plan(nil)
	for _, a := range pl.Actions {
		a.Millis = map[string]int64{"a": 10, "b": 40, "c": 20, "d": 5, "d2": 100}[a.Node.Name]
	}
	var started []string
	if _, err := s.apply(context.Background(), pl, func(o *run.Options) {
		o.Jobs = 1
		o.Sink = func(e run.Event) {
			if e.Kind == run.NodeStarted {
				started = append(started, e.Node.Name)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"d", "d2", "b", "c", "a"}, started); diff != "" {
		t.Error(diff)
	}
}

func TestJobsAreTheMost(t *testing.T) {
	files := map[string]string{}
	for i := range 12 {
		files["models/m"+string(rune('a'+i))+".sql"] = "{{ config \"materialized\" \"table\" }}select sum(range) as n from range(200000)"
	}
	for _, jobs := range []int{1, 3} {
		s := newShop(t, files)
		running, most := 0, 0
		r := s.build(func(o *run.Options) {
			o.Jobs = jobs
			o.Sink = func(e run.Event) {
				switch e.Kind {
				case run.NodeStarted:
					running++
					most = max(most, running)
				case run.NodeEnded:
					running--
				}
			}
		})
		if most > jobs || running != 0 {
			t.Errorf("%d ran at once with %d jobs, %d at the end", most, jobs, running)
		}
		for _, n := range r.Nodes {
			if n.Worker < 0 || n.Worker >= jobs {
				t.Errorf("worker %d of %d", n.Worker, jobs)
			}
		}
	}
}

// stumbling panics when it is sent a statement with the word.
type stumbling struct {
	warehouse.Conn
	word string
}

func (s stumbling) Exec(ctx context.Context, stmt warehouse.Statement) (warehouse.JobStats, error) {
	if strings.Contains(stmt.SQL, s.word) {
		panic("a mistake of the driver")
	}
	return s.Conn.Exec(ctx, stmt)
}

func (s stumbling) Begin(ctx context.Context) (warehouse.Tx, error) {
	return warehouse.Begin(ctx, s.Conn)
}

// TestPanicIsContained: one node stumbles, the others are built.
func TestPanicIsContained(t *testing.T) {
	s := newShop(t, map[string]string{
		"models/bad.sql":   "{{ config \"materialized\" \"table\" }}select 'stumble' as id",
		"models/child.sql": "select id from {{ ref \"bad\" }}",
		"models/good.sql":  "select 1 as id",
	})
	pl := s.plan(nil)
	conn := s.conn
	s.conn = stumbling{conn, "'stumble'"}
	r, err := s.apply(context.Background(), pl, nil)
	s.conn = conn
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "bad errored (run-stumbled)", "child skipped because of bad", "good done")
}

// TestOrphansAreRemoved: what a run that died left aside is gone after the next one.
func TestOrphansAreRemoved(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "{{ config \"materialized\" \"table\" }}select 1 as id"})
	s.build(nil)
	if _, err := s.conn.Exec(context.Background(), warehouse.Statement{SQL: "create table dev._engine_new__m as select 2 as id"}); err != nil {
		t.Fatal(err)
	}
	pl := s.plan(nil)
	if len(pl.Orphans) != 1 {
		t.Errorf("orphans: %v", pl.Orphans)
	}
	if _, err := s.apply(context.Background(), pl, nil); err != nil {
		t.Fatal(err)
	}
	s.noStaging()
}

// TestWhatOthersHaveAsideStays: only what was built aside for nodes of the project, or for
// nodes that it had, is an orphan, and only for who has the target for himself.
func TestWhatOthersHaveAsideStays(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "select 1 as id", "models/gone.sql": "select 1 as id"})
	s.build(nil)
	if err := os.Remove(filepath.Join(s.dir, "models/gone.sql")); err != nil {
		t.Fatal(err)
	}
	own := []string{"_engine_copy__m", "_engine_fresh__gone", "_engine_new__m", "_engine_old__m", "_engine_old__m__20260314t021500z-9c41d2aa"}
	others := []string{"_engine_new__theirs", "_engine_old__theirs__20260314t021500z-9c41d2aa", "_engine_old__m__x"}
	for _, name := range slices.Concat(own, others) {
		if _, err := s.conn.Exec(context.Background(), warehouse.Statement{SQL: "create table dev.\"" + name + "\" as select 2 as id"}); err != nil {
			t.Fatal(err)
		}
	}
	names := func(pl *plan.Plan) (out []string) {
		for _, o := range pl.Orphans {
			out = append(out, o.Relation.Name)
		}
		return out
	}
	if got := names(s.plan(func(sel *plan.Selection) { sel.TestsOnly = true })); len(got) > 0 {
		t.Errorf("tests would remove %v", got)
	}
	pl := s.plan(nil)
	if diff := cmp.Diff(own, names(pl)); diff != "" {
		t.Errorf("orphans (-want +got):\n%s", diff)
	}
	if _, err := s.apply(context.Background(), pl, nil); err != nil {
		t.Fatal(err)
	}
	slices.Sort(others)
	if diff := cmp.Diff(others, s.rows("select table_name from information_schema.tables where starts_with(table_name, '_engine_') and table_schema = 'dev'")); diff != "" {
		t.Errorf("left are (-want +got):\n%s", diff)
	}
}

// TestFrozenLeavesNoRecord: tests alone change nothing in the warehouse.
func TestFrozenLeavesNoRecord(t *testing.T) {
	s := newShop(t, map[string]string{"models/m.sql": "select 1 as id", "models/props.yml": uniqueID})
	s.build(nil)
	before := s.rows("select * from _engine.test_outcomes")
	r, err := s.apply(context.Background(), s.plan(func(sel *plan.Selection) { sel.TestsOnly = true }), func(o *run.Options) { o.Frozen = true })
	if err != nil {
		t.Fatal(err)
	}
	want(t, r, "m done", "  unique_m_id done")
	if diff := cmp.Diff(before, s.rows("select * from _engine.test_outcomes")); diff != "" {
		t.Error(diff)
	}
}
