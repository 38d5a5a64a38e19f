package duckdb

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	driver "github.com/duckdb/duckdb-go/v2"

	"github.com/engine-build/engine/engine/warehouse"
)

func memoryConn(t testing.TB) warehouse.Conn {
	t.Helper()
	c, err := openPath(t.TempDir(), map[string]string{"path": memory})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestValues(t *testing.T) {
	c := memoryConn(t)
	at := time.Date(2020, 1, 1, 10, 0, 0, 0, time.UTC)
	tests := []struct {
		expr string
		want any
	}{
		{"1::tinyint", int64(1)}, {"200::utinyint", int64(200)}, {"1::smallint", int64(1)}, {"1::usmallint", int64(1)},
		{"1::integer", int64(1)}, {"1::uinteger", int64(1)}, {"1::ubigint", int64(1)}, {"18446744073709551615::ubigint", "18446744073709551615"},
		{"170141183460469231731687303715884105727::hugeint", "170141183460469231731687303715884105727"}, {"1::uhugeint", "1"},
		{"123456789012345678901234567890::bignum", "123456789012345678901234567890"},
		{"0.1::float", 0.1}, {"0.1::double", 0.1}, {"'-inf'::float", math.Inf(-1)},
		{"1.5::decimal(10,2)", "1.50"}, {"-0.05::decimal(10,2)", "-0.05"}, {"1::decimal(38,0)", "1"}, {"-12345678901234567890.123456789::decimal(38,9)", "-12345678901234567890.123456789"},
		{"date '2020-01-01'", time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)}, {"date 'infinity'", "infinity"}, {"date '-infinity'", "-infinity"}, {"date '10000-01-01'", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)},
		{"timestamp '2020-01-01 10:00:00'", at}, {"timestamptz '2020-01-01 12:00:00+02'", at}, {"'2020-01-01 10:00:00'::timestamp_s", at}, {"'2020-01-01 10:00:00.000'::timestamp_ms", at},
		{"'2020-01-01 10:00:00.123456789'::timestamp_ns", at.Add(123456789)}, {"timestamp 'infinity'", "infinity"}, {"timestamptz '-infinity'", "-infinity"},
		{"time '10:11:12.5'", "10:11:12.5"}, {"'10:11:12+02'::timetz", "10:11:12+02:00"},
		{"interval '14 months 2 days 03:04:05.6'", "1 year 2 months 2 days 03:04:05.6"}, {"interval '0 days'", "00:00:00"}, {"interval '-1 month'", "-1 month"}, {"-interval '90 minutes'", "-01:30:00"},
		{"'59c8cd40-5e03-4755-99a3-22752acd3907'::uuid", "59c8cd40-5e03-4755-99a3-22752acd3907"},
		{"'a'::enum('a', 'b')", "a"}, {"'101'::bit", "101"}, {"'ab'::blob", []byte("ab")}, {"''::blob", []byte{}},
		{`'{"b": [1, 2.5], "a": "<&>"}'::json`, `{"a":"<&>","b":[1,2.5]}`}, {`'"x"'::json`, `"x"`}, {`'{"n": 9007199254740993, "d": 1.10, "e": 1e400}'::json`, `{"d":1.10,"e":1e400,"n":9007199254740993}`}, {"'12345678901234567890.5'::json", "12345678901234567890.5"}, {"null::json", nil}, {"null", nil},
		{"[1, null, 3]", []any{int64(1), nil, int64(3)}}, {"[1.5]::decimal(4,2)[1]", []any{"1.50"}}, {"[[1], []]", []any{[]any{int64(1)}, []any{}}},
		{`{'a b': 1::utinyint, 'u': '59c8cd40-5e03-4755-99a3-22752acd3907'::uuid, 't': time '01:02:03'}`, warehouse.Struct{Names: []string{"a b", "u", "t"}, Values: []any{int64(1), "59c8cd40-5e03-4755-99a3-22752acd3907", "01:02:03"}}},
		{"{'b': 1.5::decimal(38,9), 'a': [100::decimal(38,9), 0]}", warehouse.Struct{Names: []string{"b", "a"}, Values: []any{"1.5", []any{"100", "0"}}}},
		{"union_value(x := 1.5::decimal(4,2))", "1.50"},
	}
	for _, tt := range tests {
		got := query(t, c, "select "+tt.expr+" as v")
		if d := cmp.Diff(tt.want, got[0][0]); d != "" {
			t.Errorf("%s:\n%s", tt.expr, d)
		}
	}
	m := query(t, c, "select map {1::utinyint: [1.5]}")[0][0].(driver.OrderedMap)
	if d := cmp.Diff([]any{[]any{int64(1)}, []any{[]any{"1.5"}}}, []any{m.Keys(), m.Values()}); d != "" {
		t.Error(d)
	}
}

func TestParseType(t *testing.T) {
	got := parseType(`STRUCT("a, ""b" MAP(INTEGER, DECIMAL(10,2)[]), "c" UNION("x" UUID)[3])`)
	want := typ{name: "STRUCT", fields: []string{`a, "b`, "c"}, child: []typ{
		{name: "MAP", child: []typ{{name: "INTEGER"}, {name: "LIST", child: []typ{{name: "DECIMAL", child: []typ{{name: "10"}, {name: "2"}}}}}}},
		{name: "LIST", child: []typ{{name: "UNION", fields: []string{"x"}, child: []typ{{name: "UUID"}}}}},
	}}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(typ{})); d != "" {
		t.Error(d)
	}
}

func FuzzParseType(f *testing.F) {
	f.Add(`STRUCT("a" INTEGER, "b" X[3])`)
	f.Fuzz(func(t *testing.T, s string) { parseType(s) })
}

func TestExecTexts(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	tests := []struct {
		sql  string
		rows int64
		err  string
	}{
		{"create table t as select * from range(5)", 5, ""},
		{"insert into t values (9)", 1, ""},
		{"update t set range = 10 where range < 2", 2, ""},
		{"delete from t where false", 0, ""},
		{"create table u (a int)", -1, ""},
		{"drop table u", -1, ""},
		{"-- only a comment", -1, ""},
		{" ", -1, ""},
		{"create table v (a int); insert into v values (1), (2);", 2, ""},
		{"set memory_limit = '1GB'", -1, ""},
		{"select 1 as a\x00; drop table t", 0, "the SQL contains a zero byte"},
	}
	for _, tt := range tests {
		stats, err := c.Exec(ctx, warehouse.Statement{SQL: tt.sql})
		if (err == nil) != (tt.err == "") || err != nil && err.Error() != tt.err {
			t.Errorf("%q: %v", tt.sql, err)
		}
		if err == nil && stats.Rows != tt.rows {
			t.Errorf("%q: %d rows, want %d", tt.sql, stats.Rows, tt.rows)
		}
	}
	if got := query(t, c, "select count(*) from v"); got[0][0] != int64(2) {
		t.Errorf("second statement: %v", got)
	}
	if _, err := c.Query(ctx, warehouse.Statement{SQL: "-- nothing"}); err == nil || err.Error() != "the query is empty" {
		t.Errorf("%v", err)
	}
}

// TestConflict: a statement that meets an open transaction waits for its end; one in a
// transaction is told.
func TestConflict(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	mustExec(t, c, "create schema s", "create table s.t as select 1 as a")
	tx, err := warehouse.Begin(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, tx, "alter table s.t add column b int", "create schema s2")
	go func() {
		time.Sleep(20 * time.Millisecond)
		tx.Commit(ctx)
		tx.Close()
	}()
	mustExec(t, c, "create schema if not exists s2")

	one, _ := warehouse.Begin(ctx, c)
	two, _ := warehouse.Begin(ctx, c)
	defer one.Close()
	defer two.Close()
	mustExec(t, one, "alter table s.t add column c int")
	_, err = two.Exec(ctx, warehouse.Statement{SQL: "alter table s.t add column d int"})
	if !warehouse.Conflict(err) || Classify(err) != Conflict {
		t.Errorf("%v", err)
	}
	if err := two.Rollback(ctx); err != nil {
		t.Error(err)
	}
	if err := one.Commit(ctx); err != nil {
		t.Error(err)
	}
	if got := query(t, c, "select * from s.t"); len(got[0]) != 3 {
		t.Errorf("%v", got)
	}
}

func TestClassify(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	mustExec(t, c, "create table t (a int not null)", "set memory_limit = '50MB'", "set temp_directory = ''")
	for sql, want := range map[string]Kind{
		"selec 1": Syntax, "select a": Binder, "select * from nope": Catalog, "insert into t values (null)": Constraint,
		"select 'x'::int": Conversion, "select sqrt(-1)": Data, "select error('x')": Data, "select * from read_csv('nope.csv')": IO,
		"copy t to '/dev/full'": IO, "commit": Transaction, "drop table nope": Catalog, "create table t as select 1": Catalog,
		"create table big as select i, hash(i) as h, hash(i + 1) as g from range(20000000) as r(i)": OOM,
	} {
		_, err := c.Exec(ctx, warehouse.Statement{SQL: sql})
		if got := Classify(err); got != want && (sql != "copy t to '/dev/full'" || got != Disk) {
			t.Errorf("%s: %s, want %s: %v", sql, got, want, err)
		}
	}
	if got := Classify(errors.New("boom")); got != Other {
		t.Errorf("%s", got)
	}
	if got := Classify(errors.New("IO Error: Could not write file \"x\": No space left on device")); got != Disk {
		t.Errorf("%s", got)
	}
}

func TestExplain(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	mustExec(t, c, `create table orders as select 1 as "order id", 2 as amount`)
	tests := []struct {
		sql  string
		want warehouse.Explanation
	}{
		{"select ammount from orders", warehouse.Explanation{Class: "Binder Error", Message: `Referenced column "ammount" not found in FROM clause`, Word: "ammount", Candidates: []string{"amount"}}},
		{`select "order_id" from orders`, warehouse.Explanation{Class: "Binder Error", Message: `Referenced column "order_id" not found in FROM clause`, Word: "order_id", Candidates: []string{"order id"}}},
		{"select o.x from orders as o", warehouse.Explanation{Class: "Binder Error", Message: `Table "o" does not have a column named "x"`, Word: "x", Candidates: []string{"amount", "order id"}}},
		{"select p.x from orders as o", warehouse.Explanation{Class: "Binder Error", Message: `Referenced table "p" not found`, Word: "p", Candidates: []string{"o"}}},
		{"select * from ordrs", warehouse.Explanation{Class: "Catalog Error", Message: "Table with name ordrs does not exist", Word: "ordrs", Candidates: []string{"orders"}}},
		{"select * from zzzz", warehouse.Explanation{Class: "Catalog Error", Message: "Table with name zzzz does not exist", Word: "zzzz"}},
		{"select uper('x')", warehouse.Explanation{Class: "Catalog Error", Message: "Scalar Function with name uper does not exist", Word: "uper", Candidates: []string{"upper"}}},
		{"select 1 frm orders o", warehouse.Explanation{Class: "Parser Error", Message: `syntax error at or near "orders"`, Word: "orders"}},
		{"select amount, count(*) from orders", warehouse.Explanation{Class: "Binder Error", Message: `column "amount" must appear in the GROUP BY clause or must be part of an aggregate function`, Word: "",
			Detail: `Either add it to the GROUP BY list, or use "ANY_VALUE(amount)" if the exact value of "amount" is not important.`}},
		{"select (-9223372036854775808)::bigint // (amount - 3) from orders", warehouse.Explanation{Class: "Out of Range Error", Message: "Overflow in division of -9223372036854775808 / -1", Data: true}},
		{"select cast('x' || amount as integer) from orders", warehouse.Explanation{Class: "Conversion Error", Message: "Could not convert string 'x2' to INT32", Data: true}},
		{"select length(1, 2)", warehouse.Explanation{Class: "Binder Error", Message: "No function matches the given name and argument types 'length(INTEGER_LITERAL, INTEGER_LITERAL)'. You might need to add explicit type casts", Word: "length",
			Candidates: []string{"length(VARCHAR) -> BIGINT", "length(BIT) -> BIGINT", "length(ANY[]) -> BIGINT"}}},
	}
	for _, tt := range tests {
		_, err := c.Query(ctx, warehouse.Statement{SQL: tt.sql})
		if d := cmp.Diff(tt.want, warehouse.Explain(Dialect{}, err)); d != "" {
			t.Errorf("%s:\n%s", tt.sql, d)
		}
	}
}

// TestErrorInView: the place of a mistake in another view's text is no place here.
func TestErrorInView(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	mustExec(t, c, "create table t as select 1 as a, 2 as b", "create view v as select a, b from t", "alter table t drop b")
	stmt := warehouse.Statement{SQL: "select 'some text before' as x, v.* from v"}
	_, err := c.Query(ctx, stmt)
	if err == nil {
		t.Fatal("the view works")
	}
	if offset, length, ok := (Dialect{}).ErrorAt(stmt, err); ok {
		t.Errorf("place %q", stmt.SQL[offset:offset+length])
	}
	_, err = c.Query(ctx, warehouse.Statement{SQL: "select 1; select 'ü', nope from t"})
	if e := (*Error)(nil); !errors.As(err, &e) || e.Offset != 23 {
		t.Errorf("in the second statement: %#v", err)
	}
}

// TestErrorInMacro: the place of a cast that fails within a macro is one of the macro's text.
func TestErrorInMacro(t *testing.T) {
	ctx := context.Background()
	c := memoryConn(t)
	mustExec(t, c, "create table t as select 'x' as a, 1 as number_one, 2 as number_two",
		"create macro digits(v) as cast(v as integer)",
		"create macro refuse(v) as case when v = 'x' then cast('engine: Bad value: ' || v as integer) else 0 end",
		"create view v as select number_one, cast(a as integer) as n from t")
	for _, tt := range []struct{ sql, at string }{
		{"select number_one, number_two, digits(a) from t", ""},
		{"select number_one, number_two, upper(a), lower(a), number_one + number_two, refuse(a) from t", ""},
		{"select cast(number_two as bigint), cast(number_two as bigint), cast(number_two as bigint), refuse(a) from t", ""},
		{"select 'some text' as x, n from v", ""},
		{"select number_one, cast(a as integer) from t", "cast"},
		{"select number_one, a::integer from t", ":"},
		{"select number_one, CAST('engine: Bad value: ' || a as integer) from t", "CAST"},
	} {
		stmt, at := warehouse.Statement{SQL: tt.sql}, ""
		_, err := c.Query(ctx, stmt)
		if err == nil {
			t.Errorf("%s works", tt.sql)
		}
		if offset, length, ok := (Dialect{}).ErrorAt(stmt, err); ok {
			at = stmt.SQL[offset : offset+length]
		}
		if at != tt.at {
			t.Errorf("%s: place %q, want %q (%v)", tt.sql, at, tt.at, err)
		}
	}
}

func TestLiteral(t *testing.T) {
	c := memoryConn(t)
	var d Dialect
	for _, v := range []any{nil, true, int64(math.MinInt64), 1.0, 0.1, 1e100, math.Inf(-1), "a\x00b'c", "", []byte{0, 255}, []byte{},
		time.Date(2024, 2, 29, 1, 2, 3, 4000, time.UTC), time.Date(-43, 3, 15, 0, 0, 0, 0, time.UTC), time.Date(12024, 1, 1, 0, 0, 0, 0, time.UTC)} {
		got := query(t, c, "select "+d.Literal(v))[0][0]
		if diff := cmp.Diff(v, got); diff != "" {
			t.Errorf("%s:\n%s", d.Literal(v), diff)
		}
	}
	if got := query(t, c, "select typeof("+d.Literal(1.0)+")")[0][0]; got != "DOUBLE" {
		t.Errorf("type %v", got)
	}
}

func TestScan(t *testing.T) {
	for text, want := range map[string]int{
		"select 1": -1, "(a) (b)": -1, "a)": 1, "';)' -- ;)\n": -1, "$$ ;) $$ || $x$ ) $$ $x$": -1, `";)"`: -1, "e'\\') ;' )": 9,
		"/* ) /* ; */ ) */ ;": 18, "select $1 ; select $1": 10, "'a'';)'": -1, "x'": -1, "name'')": 6, "1;": 1,
	} {
		got, found := stray(text)
		if !found {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
	if saysPivot("'pivot' -- pivot\n \"pivot\" pivots") || !saysPivot("(PIVOT t") {
		t.Error("hasWord")
	}
	for text, want := range map[string]string{"a.b + c": "a.b", `"a b"."c""d".e x`: `"a b"."c""d".e`, "'it''s' x": "'it''s'", "+ 1": "+", "ünï(": "ünï", "": "", "a. b": "a", "1.5)": "1.5"} {
		if got := text[:tokenLength(text, 0)]; got != want {
			t.Errorf("token %q of %q, want %q", got, text, want)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, s := range []string{"select '(' /* ) */", "$a$ x", "e'\\", `"`, "--", "a.\"b", "$", "'"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stray(s)
		saysPivot(s)
		for i := range len(s) {
			if n := tokenLength(s, i); n < 0 || i+n > len(s) {
				t.Fatalf("token of %d bytes at %d in %q", n, i, s)
			}
		}
		explainText(s)
	})
}

func TestRender(t *testing.T) {
	odd := rel(`a "b"`)
	for _, tt := range []struct {
		op   warehouse.Op
		want string
	}{
		{warehouse.CreateTableAs{Target: odd, Query: "select 1 -- x"}, "create table \"core\".\"a \"\"b\"\"\" as (\nselect 1 -- x\n)"},
		{warehouse.Swap{New: rel("n"), NewKind: warehouse.View, Target: rel("t"), Old: warehouse.Table}, "drop table \"core\".\"t\"\nalter view \"core\".\"n\" rename to \"t\""},
		{warehouse.InsertSelect{Target: rel("t"), From: rel("s"), Columns: []string{"a", "b"}}, "insert into \"core\".\"t\" (\"a\", \"b\")\nselect \"a\", \"b\" from \"core\".\"s\""},
		{warehouse.Comment{Relation: rel("t"), Kind: warehouse.View, Text: "it's"}, `comment on view "core"."t" is 'it''s'`},
		{warehouse.Drop{Relation: rel("t")}, `drop table if exists "core"."t"`},
	} {
		stmts, err := Dialect{}.Render(tt.op)
		if err != nil {
			t.Errorf("%T: %v", tt.op, err)
		}
		var texts []string
		for _, s := range stmts {
			texts = append(texts, s.SQL)
		}
		if d := cmp.Diff(tt.want, strings.Join(texts, "\n")); d != "" {
			t.Errorf("%T:\n%s", tt.op, d)
		}
	}
	for _, op := range []warehouse.Op{
		warehouse.InsertSelect{}, warehouse.MergeInto{}, warehouse.SyncColumns{}, warehouse.StageSnapshot{}, warehouse.Load{},
		warehouse.MergeInto{Columns: []string{"a"}}, warehouse.DeleteMatching{}, warehouse.CloseRows{Missing: true, At: "x"},
		warehouse.Swap{New: rel("n"), Target: odd, Old: warehouse.None, NewKind: warehouse.Table},
		warehouse.InsertValues{Columns: []warehouse.Column{{Name: "a"}}, Rows: [][]any{{1, 2}}},
	} {
		if s, ok := op.(warehouse.Swap); ok {
			s.New.Schema = "elsewhere"
			op = s
		}
		if stmts, err := (Dialect{}).Render(op); err == nil {
			t.Errorf("%#v was rendered: %v", op, stmts)
		}
	}
}
