package view

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/diag"
	"github.com/engine-build/engine/engine/plan"
	"github.com/engine-build/engine/engine/run"
	"github.com/engine-build/engine/engine/source"
	"github.com/engine-build/engine/engine/warehouse"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds float64) time.Time { return epoch.Add(time.Duration(seconds * float64(time.Second))) }

func model(name string) addr.Node { return addr.Node{Kind: addr.Model, Name: name} }
func check(name string) addr.Node { return addr.Node{Kind: addr.Test, Name: name} }
func rel(name string) addr.Relation {
	return addr.Relation{Schema: "core", Name: name}
}

// shop is a small plan and the run of it that meets everything a run can meet.
func shop() (*plan.Plan, []run.Event, *run.Result) {
	p := &plan.Plan{
		Project: "shop", Target: "dev",
		Schemas: []warehouse.CreateSchema{{Schema: "core"}},
		Orphans: []plan.Orphan{{Relation: rel("_engine_new__x")}},
		Kept:    map[addr.Kind]int{addr.Model: 3, addr.Seed: 1},
		Actions: []*plan.Action{
			{Node: model("stg_orders"), Verb: plan.Create, Materialized: "view", Relation: rel("stg_orders"), Reasons: []string{"it is new"}},
			{Node: model("orders"), Verb: plan.Replace, Materialized: "table", Relation: rel("orders"), Reasons: []string{"its SQL changed"}, Deps: []addr.Node{model("stg_orders")}, Tests: make([]plan.Test, 2)},
			{Node: model("größe"), Verb: plan.Update, Materialized: "incremental", Relation: rel("größe"), Reasons: []string{"stg_orders changes"}, Deps: []addr.Node{model("stg_orders")}, UnitTests: make([]plan.UnitTest, 1), Millis: 60000},
			{Node: model("report"), Verb: plan.Replace, Materialized: "table", Relation: rel("report"), Deps: []addr.Node{model("orders")}},
			{Node: model("customers"), Verb: plan.Check, Relation: rel("customers")},
		},
	}
	sql := source.NewFile("models/größe.sql", []byte("select amont from x\n"))
	nodes := []*run.NodeResult{
		{Node: model("stg_orders"), Verb: plan.Create, Materialized: "view", Relation: rel("stg_orders"), Status: run.Done, Start: at(0), End: at(0.21), Rows: -1},
		{Node: model("orders"), Verb: plan.Replace, Materialized: "table", Relation: rel("orders"), Status: run.Failed, Start: at(0.3), End: at(1.8), Rows: 12408, Tests: []run.TestResult{
			{ID: check("unique_orders_id"), Of: model("orders"), Kind: "unique", Status: run.Failed, Failures: 12, Severity: "error", Sentence: "id is unique", Start: at(1), End: at(1.1), Stored: addr.Relation{Schema: "core_test_failures", Name: "unique_orders_id"},
				Sample: &run.Sample{Columns: []string{"id", "name"}, Rows: [][]string{{"7", "Ann"}, {"1200", "NULL"}}}},
			{ID: check("not_null_orders_at"), Of: model("orders"), Kind: "not_null", Status: run.Warned, Failures: 1, Severity: "warn", Sentence: "at is never null", Start: at(1), End: at(1.1)},
		}},
		{Node: model("größe"), Verb: plan.Update, Materialized: "incremental", Relation: rel("größe"), Status: run.Errored, Start: at(0.3), End: at(75), Rows: -1,
			Diags: diag.List{{Code: "sql-refused", Message: `column "amont" not found`, At: sql.Span(7, 12)}}},
		{Node: model("report"), Verb: plan.Replace, Materialized: "table", Relation: rel("report"), Status: run.Skipped, Because: model("orders"), Rows: -1},
		{Node: model("customers"), Verb: plan.Check, Relation: rel("customers"), Status: run.Done, Start: at(2), End: at(2.5), Rows: -1, Tests: []run.TestResult{
			{ID: check("unique_customers_id"), Of: model("customers"), Kind: "unique", Status: run.Done, Start: at(2), End: at(2.5)},
		}},
	}
	r := &run.Result{RunID: "r1", Start: at(0), End: at(75.5), Plan: p, Nodes: nodes}
	events := []run.Event{{Kind: run.RunStarted, At: at(0), Total: 5}}
	started := func(i int, s float64) {
		events = append(events, run.Event{Kind: run.NodeStarted, At: at(s), Node: nodes[i].Node, Index: i + 1, Total: 5, Action: p.Actions[i]})
	}
	ended := func(i int, s float64) {
		for t := range nodes[i].Tests {
			events = append(events, run.Event{Kind: run.TestEnded, At: at(s), Node: nodes[i].Tests[t].ID, Of: nodes[i].Node, Test: &nodes[i].Tests[t]})
		}
		events = append(events, run.Event{Kind: run.NodeEnded, At: at(s), Node: nodes[i].Node, Index: i + 1, Total: 5, Action: p.Actions[i], Result: nodes[i]})
	}
	started(0, 0)
	ended(0, 0.21)
	started(1, 0.3)
	started(2, 0.3)
	ended(1, 1.8)
	ended(3, 1.8)
	started(4, 2)
	ended(4, 2.5)
	ended(2, 75)
	return p, append(events, run.Event{Kind: run.RunEnded, At: at(75.5)}), r
}

// show runs the example through a view.
func show(s Screen, make func(Screen, *plan.Plan) Run) string {
	var out bytes.Buffer
	clock := epoch
	s.Out, s.Now = &out, func() time.Time { return clock }
	p, events, r := shop()
	v := make(s, p)
	for _, e := range events {
		clock = e.At
		v.Event(e)
	}
	v.Note("stopping")
	v.Finish(r)
	return out.String()
}

func human(s Screen, p *plan.Plan) Run {
	return NewHuman(s, RunOptions{Jobs: 2}, p)
}

func lines(s Screen, _ *plan.Plan) Run { return NewLines(s, RunOptions{RunID: "r1"}) }

func TestGolden(t *testing.T) {
	p, _, r := shop()
	document := func() string {
		var b strings.Builder
		if err := JSON(&b, DocumentOf(r)); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	cases := map[string]string{
		"run_plain":   show(Screen{Unicode: true}, human),
		"run_ascii":   show(Screen{Verbose: true}, human),
		"run_colour":  show(Screen{Unicode: true, Color: true}, human),
		"run_live":    show(Screen{Unicode: true, Live: true, Width: 80}, human),
		"run_narrow":  show(Screen{Live: true, Width: 30}, human),
		"run_quiet":   show(Screen{Quiet: true, Unicode: true}, human),
		"run_lines":   show(Screen{}, lines),
		"run_json":    document(),
		"plan":        Screen{}.Plan(p, PlanOptions{}),
		"plan_deps":   Screen{Verbose: true, Color: true}.Plan(p, PlanOptions{}),
		"plan_empty":  Screen{}.Plan(&plan.Plan{Project: "shop", Target: "dev", Kept: map[addr.Kind]int{addr.Model: 7}}, PlanOptions{}),
		"plan_no_one": Screen{}.Plan(&plan.Plan{Project: "shop", Target: "dev"}, PlanOptions{}),
	}
	for name, got := range cases {
		t.Run(name, func(t *testing.T) { golden(t, name, visible(got)) })
	}
}

// visible makes escape sequences readable, so that a person can judge a golden's diff.
func visible(s string) string {
	return strings.NewReplacer("\x1b[0m", "⟨⟩", "\x1b[", "⟨", "A\r⟨J", " up, erase⟩").Replace(s)
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if os.Getenv("ENGINE_UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		t.Errorf("%s was written: run again without ENGINE_UPDATE", path)
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("-want +got, ENGINE_UPDATE=1 renews it:\n%s", d)
	}
}

func TestVerdict(t *testing.T) {
	ok := &run.Result{Start: at(0), End: at(4.2), Plan: &plan.Plan{Kept: map[addr.Kind]int{addr.Model: 3}}}
	for range 58 {
		ok.Nodes = append(ok.Nodes, &run.NodeResult{Status: run.Done, Verb: plan.Create, Tests: []run.TestResult{{Status: run.Done}, {Status: run.Done}}})
	}
	ok.Nodes[0].Tests[1].Status = run.Warned
	canceled := &run.Result{Start: at(0), End: at(1), Canceled: true, Nodes: []*run.NodeResult{{Status: run.Canceled}}}
	_, _, failed := shop()
	cases := []struct {
		name string
		r    *run.Result
		want string
	}{
		{"good", ok, "done: 58 built, 3 unchanged, 115 tests passed, 1 warned in 4.20s"},
		{"bad", failed, "failed: 2 failed, 1 test failed, 1 skipped, 1 built, 4 unchanged, 1 test passed, 1 warned in 1m16s"},
		{"stopped", canceled, "canceled: 1 not run in 1.00s"},
		{"empty", &run.Result{Start: at(0), End: at(0)}, "done: nothing to do in 0.00s"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, Screen{}.Verdict(c.r)); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestTable(t *testing.T) {
	table := Table{
		Columns: []string{"id", "名前", "note"}, Numeric: []bool{true},
		Rows: [][]Cell{
			{{Text: "7"}, {Text: "日本"}, {Text: "two\nlines"}},
			{{Text: "1200"}, {Null: true}, {Text: "\x1b[2Jx"}},
			{{Text: "3"}},
		},
	}
	cases := []struct {
		name  string
		s     Screen
		table Table
		want  string
	}{
		{"wide characters", Screen{Unicode: true}, table, "" +
			"   id │ 名前 │ note\n" +
			"──────┼──────┼────────────\n" +
			"    7 │ 日本 │ two\\nlines\n" +
			" 1200 │ NULL │ \uFFFD[2Jx\n" +
			"    3 │      │\n"},
		{"narrow", Screen{Width: 16}, table, "" +
			"   id | 名前\n" +
			"------+------\n" +
			"    7 | 日本\n" +
			" 1200 | NULL\n" +
			"    3 |\n" +
			" 1 more column not shown: the terminal is too narrow\n"},
		{"no rows", Screen{}, Table{Columns: []string{"a"}}, " a\n---\n"},
		{"no columns", Screen{}, Table{}, "\n\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if d := cmp.Diff(c.want, c.s.Table(c.table, "")); d != "" {
				t.Error(d)
			}
		})
	}
}

type named map[any]any

func TestRows(t *testing.T) {
	r := Rows{
		Columns: []warehouse.Column{{Name: "n", Type: "DECIMAL(38,2)"}, {Name: "n", Type: "VARCHAR"}, {Name: "d", Type: "DATE"}, {Name: "m", Type: "MAP(VARCHAR, INTEGER)"}, {Name: "b", Type: "BLOB"}},
		Values: [][]any{
			{"12345678901234567890.10", `a "b", c`, at(0), named{"k": int64(1), 2: nil}, []byte{1, 255}},
			{nil, nil, nil, nil, nil},
			{1.5, true, at(0.5), []any{1.0, "x"}, ""},
		},
		More: true,
	}
	var csvText, jsonText bytes.Buffer
	if err := r.CSV(&csvText); err != nil {
		t.Fatal(err)
	}
	if err := r.JSON(&jsonText); err != nil {
		t.Fatal(err)
	}
	golden(t, "rows", Screen{}.Result(r)+"\n"+csvText.String()+"\n"+jsonText.String())
}

func TestNumericType(t *testing.T) {
	for typ, want := range map[string]bool{
		"INTEGER": true, "BIGINT": true, "UBIGINT": true, "HUGEINT": true, "DOUBLE": true, "DECIMAL(18,3)": true, "int8": true,
		"FLOAT64": true, "BIGNUMERIC": true, "double precision": true,
		"VARCHAR": false, "INTERVAL": false, "INTEGER[]": false, "POINT": false, "": false, "STRUCT(a INTEGER)": false,
	} {
		if got := numericType(typ); got != want {
			t.Errorf("numericType(%q) = %v, want %v", typ, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	got := []string{
		Count(0), Count(999), Count(1000), Count(-1234567), plural(1, "row"), plural(2, "row"),
		Seconds(210 * time.Millisecond), Seconds(12400 * time.Millisecond), Seconds(185 * time.Second), Seconds(62 * time.Minute), Seconds(-1),
	}
	want := []string{"0", "999", "1,000", "-1,234,567", "1 row", "2 rows", "0.21s", "12.4s", "3m05s", "1h02m", "0.00s"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestClip(t *testing.T) {
	s := Screen{Unicode: true}
	for _, c := range []struct {
		text  string
		width int
		want  string
	}{{"abcdef", 6, "abcdef"}, {"abcdef", 4, "abc…"}, {"日本語", 4, "日…"}, {"e\u0301e\u0301e\u0301", 2, "e\u0301…"}, {"abc", 0, "abc"}} {
		if got := s.clip(c.text, c.width); got != c.want {
			t.Errorf("clip(%q, %d) = %q, want %q", c.text, c.width, got, c.want)
		}
	}
}

func TestLiveDrawsAtMostTenTimesASecond(t *testing.T) {
	clock := epoch
	var out bytes.Buffer
	p := &plan.Plan{}
	for range 1000 {
		p.Actions = append(p.Actions, &plan.Action{Node: model("m"), Verb: plan.Create, Relation: rel("m")})
	}
	h := NewHuman(Screen{Out: &out, Live: true, Width: 80, Now: func() time.Time { return clock }}, RunOptions{Jobs: 1}, p)
	for range 1000 {
		clock = clock.Add(time.Millisecond)
		h.Event(run.Event{Kind: run.NodeEnded, At: clock, Node: model("m"), Result: &run.NodeResult{Node: model("m"), Status: run.Done}})
	}
	h.Finish(&run.Result{Plan: p})
	if n := strings.Count(out.String(), "A\r"); n > 11 {
		t.Errorf("the area was drawn %d times in a second", n)
	}
	if n := strings.Count(out.String(), "core.m") + strings.Count(out.String(), "model m"); n != 1000 {
		t.Errorf("%d of 1000 finished lines were shown", n)
	}
}
