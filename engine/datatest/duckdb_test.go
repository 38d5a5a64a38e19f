package datatest_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/datatest"
	"github.com/engine-build/engine/engine/project"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
)

// open makes an empty database in a file of its own.
func open(t *testing.T) warehouse.Conn {
	t.Helper()
	dir := t.TempDir()
	conn, err := duckdb.Driver{}.Open(context.Background(), warehouse.Config{
		Type: "duckdb", Dir: dir, Fields: map[string]string{"path": ":memory:"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func exec(t *testing.T, conn warehouse.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := conn.Exec(context.Background(), warehouse.Statement{SQL: s}); err != nil {
			t.Fatalf("%v\n%s", err, s)
		}
	}
}

func query(t *testing.T, conn warehouse.Conn, sql string) ([]warehouse.Column, [][]any) {
	t.Helper()
	rows, err := conn.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	defer rows.Close()
	var out [][]any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	return rows.Columns(), out
}

func integer(t *testing.T, v any) int64 {
	t.Helper()
	var n int64
	if v == nil {
		return 0
	}
	if _, err := fmt.Sscan(fmt.Sprint(v), &n); err != nil {
		t.Fatalf("%v is not a number", v)
	}
	return n
}

const fixture = `
create schema s;
create table s.customers (id integer, name varchar);
insert into s.customers values (1, 'Ann'), (2, 'Bob'), (null, 'Nobody');
create table s.orders (id integer, customer_id integer, status varchar, amount double, note varchar, code varchar, "odd ""na'me" integer, "at" timestamp, day date, nothing integer);
insert into s.orders values
  (1, 1, 'open', 1.5, 'x', 'AB-1', 1, now()::timestamp, current_date, null),
  (2, 1, 'it''s', 0, ' ', 'AB-22', 1, now()::timestamp - interval 3 day, current_date - 3, null),
  (2, 9, 'open', -1, '', 'ab', null, null, null, null),
  (null, null, null, null, null, null, 2, null, null, null),
  (5, 2, 'lost', 2, 'y', '', 3, null, null, null),
  (5, 8, 'lost', 3, 'z', 'AB-3', 4, null, null, null),
  (5, 8, 'gone', 4, 'z', 'AB-4', 5, null, null, null);
create table s.empty (id integer, "at" timestamp);
`

type cfg = datatest.Config

func TestEveryKind(t *testing.T) {
	conn := open(t)
	exec(t, conn, strings.Split(strings.TrimSuffix(strings.TrimSpace(fixture), ";"), ";\n")...)
	type args = map[string]any
	cases := []struct {
		kind, node, column string
		args               args
		cfg                cfg
		want               int64 // failures
		sentence           string
	}{
		{"unique", "orders", "id", nil, cfg{}, 2, `"id" of orders is unique`}, // 2 and 5; NULL aside
		{"unique", "orders", "odd \"na'me", nil, cfg{}, 1, `"odd \"na'me" of orders is unique`},
		{"unique", "orders", "id", nil, cfg{Where: "status = 'lost' -- only those"}, 1, ""},
		{"unique", "orders", "", args{"column_name": "coalesce(id, 0) || status || amount"}, cfg{}, 0, ""},
		{"unique", "customers", "id", nil, cfg{}, 0, ""},
		{"unique", "orders", "id", nil, cfg{Limit: 1}, 1, ""},
		{"unique", "orders", "id", nil, cfg{FailCalc: "sum(n_records)"}, 5, ""},
		{"not_null", "orders", "id", nil, cfg{}, 1, `"id" of orders is never null`},
		{"not_null", "orders", "odd \"na'me", nil, cfg{}, 1, ""},
		{"not_null", "orders", "id", nil, cfg{Where: "status is not null"}, 0, `"id" of orders is never null where status is not null`},
		{"not_null", "orders", "nothing", nil, cfg{Limit: 3}, 3, ""},
		{"not_null", "empty", "id", nil, cfg{}, 0, ""},
		{"dbt_expectations.expect_column_values_to_not_be_null", "orders", "id", nil, cfg{}, 1, ""},
		{"accepted_values", "orders", "status", args{"values": []any{"open", "it's"}}, cfg{}, 2, `"status" of orders is one of "open", "it's"`}, // lost and gone
		{"accepted_values", "orders", "status", args{"values": []any{"open", "it's", "lost", "gone", nil}}, cfg{}, 0, ""},
		{"accepted_values", "orders", "id", args{"values": []any{int64(1), int64(2), int64(5)}}, cfg{}, 0, `"id" of orders is one of 1, 2, 5`},
		{"accepted_values", "orders", "id", args{"values": []any{int64(1)}, "quote": false}, cfg{}, 2, ""},
		{"relationships", "orders", "customer_id", args{"to": "ref('customers')", "field": "id"}, cfg{}, 3, `"customer_id" of orders occurs in "id" of customers`},
		{"relationships", "orders", "customer_id", args{"to": "ref('customers')", "field": "id"}, cfg{Where: "customer_id < 3"}, 0, ""},
		{"relationships", "orders", "id", args{"to": "ref('orders')", "field": "id"}, cfg{}, 0, ""},
		{"relationships", "orders", "odd \"na'me", args{"to": "ref('orders')", "field": "(id + 0)"}, cfg{}, 2, ""}, // 3 and 4
		{"expression", "orders", "", args{"expression": "amount >= 0"}, cfg{}, 1, "amount >= 0 in orders"},
		{"expression", "orders", "amount", args{"expression": ">= 0 -- not negative"}, cfg{}, 1, `"amount" of orders is >= 0 -- not negative`},
		{"dbt_utils.expression_is_true", "orders", "", args{"expression": "amount is null or id + 0 = id"}, cfg{}, 0, ""},
		{"range", "orders", "amount", args{"min_value": int64(0)}, cfg{}, 1, `"amount" of orders is greater than or equal to 0`},
		{"range", "orders", "amount", args{"min_value": int64(0), "max_value": 3.0, "inclusive": false}, cfg{}, 4, `"amount" of orders is greater than 0 and less than 3`},
		{"dbt_utils.accepted_range", "orders", "amount", args{"min_value": "id - 10", "max_value": "(4 + 0)"}, cfg{}, 0, ""},
		{"dbt_expectations.expect_column_values_to_be_between", "orders", "amount", args{"min_value": int64(-1), "strictly": true}, cfg{}, 1, ""},
		{"range", "orders", "day", args{"min_value": "2000-01-01", "max_value": "2999-12-31"}, cfg{}, 0, ""},
		{"range", "orders", "at", args{"min_value": "2999-01-01 00:00:00"}, cfg{}, 2, ""},
		{"regex", "orders", "code", args{"pattern": `^AB-\d+$`}, cfg{}, 2, `"code" of orders matches ^AB-\d+$`},
		{"regex", "orders", "code", args{"pattern": `\d`, "not": true}, cfg{}, 4, ""},
		{"regex", "orders", "status", args{"pattern": `'|^[a-z]+$`}, cfg{}, 0, ""},
		{"dbt_expectations.expect_column_values_to_not_match_regex", "orders", "code", args{"regex": "zz"}, cfg{}, 0, ""},
		{"row_count", "orders", "", args{"min": int64(1), "max": int64(7)}, cfg{}, 0, "orders has at least 1 and at most 7 rows"},
		{"row_count", "orders", "", args{"max": int64(6)}, cfg{}, 1, ""},
		{"row_count", "empty", "", args{"min": int64(1)}, cfg{}, 1, ""},
		{"row_count", "orders", "", args{"equals": int64(2)}, cfg{Where: "status = 'lost'"}, 0, ""},
		{"dbt_expectations.expect_table_row_count_to_equal", "orders", "", args{"value": int64(8)}, cfg{}, 1, ""},
		{"unique_combination", "orders", "", args{"combination_of_columns": []any{"id", "status"}}, cfg{}, 1, "(id, status) is unique in orders"},
		{"unique_combination", "orders", "", args{"combination_of_columns": []any{"id", "odd \"na'me"}, "quote_columns": true}, cfg{}, 0, ""},
		{"dbt_utils.unique_combination_of_columns", "orders", "", args{"combination_of_columns": []any{"nothing", "coalesce(status, 'x')"}}, cfg{}, 2, ""},
		{"recency", "orders", "", args{"field": "at", "datepart": "day", "interval": int64(1)}, cfg{}, 0, `the newest "at" of orders is at most 1 day old`},
		{"dbt_utils.recency", "orders", "", args{"field": "day", "datepart": "hour", "interval": int64(30)}, cfg{}, 0, ""},
		{"recency", "orders", "", args{"field": "at", "datepart": "hour", "interval": int64(5)}, cfg{Where: "id = 2"}, 1, ""},
		{"recency", "orders", "", args{"field": "at", "datepart": "week", "interval": int64(1)}, cfg{Where: "id = 2"}, 0, ""},
		{"recency", "empty", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 0, ""},
		{"freshness", "empty", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 1, ""},
		{"freshness", "orders", "", args{"field": "at", "datepart": "minutes", "interval": int64(5)}, cfg{}, 0, ""},
		{"not_empty_string", "orders", "note", nil, cfg{}, 2, `"note" of orders is never empty`},
		{"not_empty_string", "orders", "note", args{"trim_whitespace": false}, cfg{}, 1, ""},
		{"not_empty_string", "customers", "name", nil, cfg{}, 0, ""},
		{"at_least_one", "orders", "nothing", nil, cfg{}, 1, `"nothing" of orders has at least one value`},
		{"at_least_one", "orders", "id", nil, cfg{}, 0, ""},
		{"at_least_one", "empty", "id", nil, cfg{}, 1, ""},
		{"equal_rowcount", "orders", "", args{"compare_model": "ref('customers')"}, cfg{}, 4, "orders has as many rows as customers"},
		{"equal_rowcount", "orders", "", args{"compare_model": "ref('orders')"}, cfg{}, 0, ""},
	}
	passes, fails := map[string]bool{}, map[string]bool{}
	var counted []datatest.Query
	var counts []int64
	for _, c := range cases {
		t.Run(fmt.Sprintf("%s/%s/%d", c.kind, c.column, c.want), func(t *testing.T) {
			q := rendered(t, conn.Dialect(), c.kind, c.node, c.column, c.args, c.cfg)
			if c.sentence != "" && q.Sentence != c.sentence {
				t.Errorf("sentence %q, want %q", q.Sentence, c.sentence)
			}
			_, rows := query(t, conn, datatest.CountQuery(q))
			if got := integer(t, rows[0][0]); got != c.want {
				t.Errorf("%d failures, want %d\n%s", got, c.want, q.Rows)
			}
			if _, failing := query(t, conn, q.Rows); (len(failing) == 0) != (c.want == 0) {
				t.Errorf("%d failing rows for %d failures\n%s", len(failing), c.want, q.Rows)
			}
			if q.Count != "" {
				counted, counts = append(counted, q), append(counts, c.want)
			}
			if kind := datatest.Canonical(c.kind); c.want == 0 {
				passes[kind] = true
			} else {
				fails[kind] = true
			}
		})
	}
	for _, k := range datatest.Kinds {
		if !passes[k.Name] || !fails[k.Name] {
			t.Errorf("kind %s lacks a case that passes or one that fails", k.Name)
		}
	}
	checkBatches(t, conn, counted, counts)
}

// checkBatches runs all tests that can be counted together as few queries as possible.
func checkBatches(t *testing.T, conn warehouse.Conn, tests []datatest.Query, want []int64) {
	t.Helper()
	groups := datatest.Batch(tests)
	if len(groups) > len(tests)/2 {
		t.Errorf("%d tests are %d groups", len(tests), len(groups))
	}
	for _, g := range groups {
		var members []datatest.Query
		for _, i := range g {
			members = append(members, tests[i])
		}
		_, rows := query(t, conn, datatest.BatchQuery(members))
		for k, i := range g {
			if got := integer(t, rows[0][k]); got != want[i] {
				t.Errorf("%s of %q: counted %d together, want %d\n%s", tests[i].Kind, tests[i].Column, got, want[i], tests[i].Count)
			}
		}
	}
}

// rendered takes a test the way of the engine: Check, resolve references, Render.
func rendered(t *testing.T, d warehouse.Dialect, kind, node, column string, args map[string]any, c cfg) datatest.Query {
	t.Helper()
	w := &project.Test{Kind: project.Value[string]{V: kind}, Column: column, Args: map[string]project.Value[any]{}}
	for name, v := range args {
		w.Args[name] = project.Value[any]{V: v}
	}
	checked, ds := datatest.Check(w, nil)
	if len(ds) > 0 {
		t.Fatalf("check: %v", ds)
	}
	for name, v := range checked {
		if text, ok := v.(string); ok {
			if _, ref, err := datatest.ParseRef(text); err == nil {
				checked[name] = addr.Node{Kind: addr.Model, Name: ref[0]}
			}
		}
	}
	q, ds := datatest.Render(&datatest.Test{
		ID: addr.Node{Kind: addr.Test, Name: "t"}, Kind: kind, Node: addr.Node{Kind: addr.Model, Name: node}, Column: column, Args: checked, Config: c,
	}, datatest.In{Dialect: d, Read: func(n addr.Node) string { return d.Quote(addr.Relation{Schema: "s", Name: n.Name}) }})
	if len(ds) > 0 {
		t.Fatalf("render: %v", ds)
	}
	return q
}

func TestBoundTests(t *testing.T) {
	conn := open(t)
	in := datatest.In{Dialect: conn.Dialect(), Bound: "select * from range(5) as r(i) where i > 1 -- end"}
	for _, c := range []struct {
		test     datatest.Test
		want     int64
		sentence string
	}{
		{datatest.Test{ID: addr.Node{Kind: addr.Test, Name: "assert_x"}, Kind: "singular"}, 3, "assert_x finds no rows"},
		{datatest.Test{Kind: "singular", Description: "no i above 1 ", Config: cfg{Limit: 2}}, 2, "no i above 1"},
		{datatest.Test{Kind: "positive", Node: addr.Node{Kind: addr.Model, Name: "orders"}, Column: "i", Config: cfg{FailCalc: "max(i)"}}, 4, `"i" of orders passes positive`},
		{datatest.Test{Kind: "even", Node: addr.Node{Kind: addr.Model, Name: "orders"}}, 3, `orders passes even`},
	} {
		q, ds := datatest.Render(&c.test, in)
		if len(ds) > 0 {
			t.Fatal(ds)
		}
		if _, rows := query(t, conn, datatest.BatchQuery([]datatest.Query{q})); integer(t, rows[0][0]) != c.want {
			t.Errorf("%s: %v failures, want %d", c.sentence, rows[0][0], c.want)
		}
		if q.Sentence != c.sentence {
			t.Errorf("sentence %q, want %q", q.Sentence, c.sentence)
		}
	}
	if _, ds := datatest.Render(&datatest.Test{Kind: "nonsense"}, datatest.In{Dialect: conn.Dialect()}); !ds.HasErrors() {
		t.Error("an unknown kind gave no diagnostic")
	}
}

func TestRowsSQL(t *testing.T) {
	conn := open(t)
	cols := []warehouse.Column{
		{Name: "id", Type: "INTEGER"}, {Name: "Odd \"name", Type: "VARCHAR"}, {Name: "d", Type: "DATE"}, {Name: "x", Type: "DECIMAL(10,2)"},
		{Name: "tags", Type: "VARCHAR[]"}, {Name: "s", Type: "STRUCT(a INTEGER, b VARCHAR)"}, {Name: "free"},
	}
	row := func(cells ...any) project.Row {
		r := project.Row{Cells: map[string]project.Value[any]{}}
		for i := 0; i < len(cells); i += 2 {
			r.Order = append(r.Order, cells[i].(string))
			r.Cells[cells[i].(string)] = project.Value[any]{V: cells[i+1]}
		}
		return r
	}
	rows := []project.Row{
		row("ID", int64(1), "Odd \"name", "it's", "d", "2024-02-29", "x", 1.5, "tags", []any{"a", "b c"}, "s", map[string]any{"a": int64(7), "b": "z"}, "free", int64(3)),
		row("x", int64(2)),
		row(),
	}
	got, values := query(t, conn, "select id::varchar, \"Odd \"\"name\", d::varchar, x::varchar, tags[2], s.a::varchar || s.b, free::varchar from ("+datatest.RowsSQL(cols, rows, conn.Dialect())+") as r order by id nulls last, x nulls last")
	want := [][]any{{"1", "it's", "2024-02-29", "1.50", "b c", "7z", "3"}, {nil, nil, nil, "2.00", nil, nil, nil}, {nil, nil, nil, nil, nil, nil, nil}}
	if d := cmp.Diff(want, values); d != "" {
		t.Error(d)
	}
	_ = got
	empty, none := query(t, conn, datatest.RowsSQL(cols[:4], nil, conn.Dialect()))
	if len(none) != 0 {
		t.Errorf("no rows gave %v", none)
	}
	for i, c := range empty {
		if c.Name != cols[i].Name || c.Type != cols[i].Type {
			t.Errorf("column %d is %s %s, want %s %s", i, c.Name, c.Type, cols[i].Name, cols[i].Type)
		}
	}
	if _, none := query(t, conn, datatest.RowsSQL(nil, nil, conn.Dialect())); len(none) != 0 {
		t.Errorf("no columns gave %v", none)
	}
}
