package googlesql

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql/raw"
	"github.com/engine-build/engine/engine/ir"
)

func analyze(t testing.TB, s *Session, sql string) *Analysis {
	t.Helper()
	a, err := s.Analyze(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return a
}

// firstExpr is the expression of the first output column of a SELECT.
func firstExpr(t testing.TB, a *Analysis) ir.Expr {
	t.Helper()
	q := a.Stmt.(*ir.Query)
	for _, c := range q.Scan.(*ir.Project).Exprs {
		if c.Column.ID == q.Output[0].Column.ID {
			return c.Expr
		}
	}
	t.Fatal("no such expression")
	return nil
}

// Trap: an options object that was given away is empty. Functions of features
// that are on by option only must be there.
func TestAllFunctions(t *testing.T) {
	s := open(t, Options{})
	for _, sql := range []string{
		"select row_number() over () from (select 1)", "select datetime '2024-01-01 00:00:00'", "select approx_quantiles(a, 2) from unnest([1]) a", "select st_geogpoint(1, 2)",
		"select json_value(json '1')", "select safe_divide(1, 2)", "select hll_count.init(a) from unnest([1]) a", "select net.host('x')", "select keys.new_keyset('AEAD_AES_GCM_256')",
		"select range(date '2024-01-01', null)", "select lax_int64(json '1')", "select max_by(a, a) from unnest([1]) a", "select cast(1 as integer), cast(1 as bigint)",
		"select search('a', 'b')", "select edit_distance('a', 'b')", "select array_first([1])", "select collate('a', 'und:ci')", "select @@time_zone",
	} {
		analyze(t, s, sql)
	}
}

// Trap: the default time zone is Los Angeles.
func TestZone(t *testing.T) {
	for zone, want := range map[string]int64{"": 1704067200, "UTC": 1704067200, "America/Los_Angeles": 1704067200 + 8*3600} {
		s := open(t, Options{Zone: zone})
		for _, sql := range []string{"select cast(date '2024-01-01' as timestamp)", "select timestamp '2024-01-01'"} {
			l, ok := firstExpr(t, analyze(t, s, sql)).(*ir.Literal)
			if !ok || l.Value.Int != want*1e6 {
				t.Errorf("%q %s: %v", zone, sql, l)
			}
		}
	}
	if _, err := Open(Options{Zone: "Mars/Olympus"}); err == nil {
		t.Error("a zone that does not exist was accepted")
	}
}

// Trap: the folding of a DATE to a DATETIME literal yields 1970-01-01.
func TestDateFolding(t *testing.T) {
	s := open(t, Options{})
	declare(t, s, "t", "dt DATETIME, d DATE")
	for _, sql := range []string{
		"select cast(date '2006-01-02' as datetime)",
		"select dt from t where dt = date '2006-01-02'",
		"select dt from t where dt in (date '2006-01-02', date '2007-01-02')",
		"select cast(cast(date '2006-01-02' as datetime) as string)",
		"select cast(cast(date '2006-01-02' as datetime) as timestamp)",
		"select cast(cast(date '2006-01-02' as datetime) as date)",
		"select [date '2006-01-02', datetime '2007-01-01 00:00:00']",
		"select cast((date '2006-01-02', 1) as struct<datetime, int64>)",
		"select coalesce(dt, date '2006-01-02') from t",
	} {
		text := ir.Print(analyze(t, s, sql).Stmt)
		if strings.Contains(text, "DATETIME") && strings.Contains(text, "value=0us") || strings.Contains(text, "1970") || strings.Contains(text, "[0us") {
			t.Errorf("%s\n%s", sql, text)
		}
		if !strings.Contains(text, "day 13150") { // 2006-01-02
			t.Errorf("%s: the date is gone\n%s", sql, text)
		}
	}
	for _, sql := range []string{"select datetime '1970-01-01 00:00:00'", "select cast(date '1970-01-01' as datetime)"} {
		if text := ir.Print(analyze(t, s, sql).Stmt); !strings.Contains(text, "value=0us") {
			t.Errorf("%s is no literal\n%s", sql, text)
		}
	}
	if err := s.DeclareSQL("create temp function f() as (cast(date '2006-01-02' as datetime))"); err != nil {
		t.Fatal(err)
	}
	if text := ir.Print(analyze(t, s, "select f()").Stmt); strings.Contains(text, "value=0us") {
		t.Errorf("in a function\n%s", text)
	}
}

// Trap: duplicate names abort the analyzer. Declaring again replaces.
func TestRedeclare(t *testing.T) {
	s := open(t, Options{})
	for i, typ := range []string{"INT64", "STRING", "FLOAT64"} {
		declare(t, s, "p.d.t", "x "+typ)
		for _, name := range []string{"`p.d.t`", "p.d.t", "`p.d`.t", "`p`.d.`t`"} {
			if got := analyze(t, s, "select x from "+name).Stmt.(*ir.Query).Output[0].Column.Type.String(); got != typ {
				t.Errorf("%d: %s: %s", i, name, got)
			}
		}
		if err := s.DeclareSQL(fmt.Sprintf("create or replace temp function f() as (cast(null as %s))", typ)); err != nil {
			t.Fatal(err)
		}
		if got := analyze(t, s, "select f()").Stmt.(*ir.Query).Output[0].Column.Type.String(); got != typ {
			t.Errorf("%d: f: %s", i, got)
		}
	}
	s.Forget("p.d.t")
	if _, err := s.Analyze("select x from p.d.t"); err == nil {
		t.Error("a forgotten table is still there")
	}
	if err := s.Declare(Table{Name: "t", Columns: []Column{{Name: "a", Type: ir.TypeOf(ir.Int64)}, {Name: "A", Type: ir.TypeOf(ir.Int64)}}}); err == nil {
		t.Error("two columns of one name were accepted")
	}
}

func TestNames(t *testing.T) {
	s := open(t, Options{Project: "my-project", Dataset: "ds"})
	declare(t, s, "my-project.ds.Orders", "id INT64, items ARRAY<STRUCT<sku STRING>>")
	declare(t, s, "other-1.ds.orders", "id STRING")
	declare(t, s, "p.d.ev_20240101", "a INT64")
	declare(t, s, "p.d.ev_20240102", "a INT64, b STRING")
	if err := s.Declare(Table{Name: "p.d.part", Columns: []Column{
		{Name: "x", Type: ir.TypeOf(ir.Int64)}, {Name: "_PARTITIONTIME", Type: ir.TypeOf(ir.Timestamp), Pseudo: true}}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		sql, tables string
		columns     int
	}{
		{"select * from `my-project.ds.Orders`", "my-project.ds.Orders", 2},
		{"select * from my-project.ds.Orders", "my-project.ds.Orders", 2},
		{"select * from ds.Orders", "my-project.ds.Orders", 2},
		{"select * from Orders", "my-project.ds.Orders", 2},
		{"select Orders.id from `my-project.ds.Orders`", "my-project.ds.Orders", 1},
		{"select sku from Orders o, o.items", "my-project.ds.Orders", 1},
		{"select sku from ds.Orders, Orders.items", "my-project.ds.Orders", 1},
		{"select * from other-1.ds.orders", "other-1.ds.orders", 1},
		{"select * from `p.d.ev_*` where _table_suffix > '2024'", "p.d.ev_20240101 p.d.ev_20240102", 2},
		{"select * from p.d.part where _partitiontime is not null", "p.d.part", 1},
		{"select table_name, _partitiontime from d.INFORMATION_SCHEMA.TABLES, p.d.part", "d.INFORMATION_SCHEMA.TABLES p.d.part", 2},
		{"with Orders as (select 1 as z) select * from Orders", "", 1},
	} {
		a := analyze(t, s, c.sql)
		if got := strings.Join(a.Tables, " "); got != c.tables || len(a.Stmt.(*ir.Query).Output) != c.columns {
			t.Errorf("%s: %s, %d columns", c.sql, got, len(a.Stmt.(*ir.Query).Output))
		}
	}
	for sql, want := range map[string]string{
		"select * from orders":                                "my-project.ds.Orders",
		"select * from p.d.prat":                              "p.d.part",
		"select * from Orders, `other-1`.ds.orders as orders": "",
	} {
		_, err := s.Analyze(sql)
		var list Errors
		if want == "" {
			if err != nil && errors.As(err, &list) && strings.Contains(err.Error(), "not found") {
				t.Errorf("%s: %v", sql, err)
			}
			continue
		}
		if !errors.As(err, &list) || list[0].Suggestion != want {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

func TestErrors(t *testing.T) {
	s := open(t, Options{})
	declare(t, s, "t", "name STRING, value INT64, größe INT64")
	type mistake struct {
		text       string // of the statement at the place
		likely     bool
		suggestion string
	}
	for _, c := range []struct {
		sql  string
		want []mistake
	}{
		{"select nam from t", []mistake{{"nam", false, "name"}}},
		{"select 'äöü€😀', nam from t", []mistake{{"nam", false, "name"}}},
		{"select\t1,\t\tnam\tfrom t", []mistake{{"nam", false, "name"}}},
		{"select 1,\n\t'€',\tnam\r\nfrom t", []mistake{{"nam", false, "name"}}},
		{"select 1\r\n, 2\r\n, nam from t", []mistake{{"nam", false, "name"}}},
		{"select x.nam from t as x", []mistake{{"nam", false, "name"}}},
		{"select `größ` from t", []mistake{{"`größ`", false, "größe"}}},
		{"select nam, valu, foo(1), upper(name) from t where nam = 1 and valu2 > 0", []mistake{{"valu", true, "value"}, {"foo", true, ""}, {"nam", false, "name"}, {"valu2", true, "value"}}},
		{"select upper(value), nam from t", []mistake{{"upper", false, ""}, {"nam", true, "name"}}},
		{"select 1 +", []mistake{{"", false, ""}}},
		{"select name from tt", []mistake{{"tt", false, "t"}}},
		{"select name, count(*) from t", []mistake{{"name", false, ""}}},
		{"select `nam` from t", []mistake{{"`nam`", false, "name"}}},
		{"selec 1", []mistake{{"selec", false, ""}}},
	} {
		_, err := s.Analyze(c.sql)
		var list Errors
		if !errors.As(err, &list) {
			t.Errorf("%q: %v", c.sql, err)
			continue
		}
		var got []mistake
		for _, e := range list {
			if strings.Contains(e.Message, "[at") || strings.Contains(e.Message, "Did you mean") {
				t.Errorf("%q: %q", c.sql, e.Message)
			}
			got = append(got, mistake{c.sql[e.Offset : e.Offset+e.Length], e.Likely, e.Suggestion})
		}
		if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(mistake{})); diff != "" {
			t.Errorf("%q: %v\n%s", c.sql, err, diff)
		}
	}
}

func TestUnknownTerritory(t *testing.T) {
	s := open(t, Options{})
	for _, sql := range []string{
		"select * from ml.predict(model m.x, (select 1 as a))", "select ai.generate('x')", "select * from external_query('c', 'select 1')",
		"call d.p(1)", "select d.remote(1)", "select * from vector_search(table t, 'x', (select 1))",
	} {
		_, err := s.Analyze(sql)
		var u *Unsupported
		if !errors.As(err, &u) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	for _, sql := range []string{"select nosuch(1)", "select safe.nosuch(1)"} {
		_, err := s.Analyze(sql)
		var list Errors
		if !errors.As(err, &list) {
			t.Errorf("%s: %v", sql, err)
		}
	}
}

// Trap: a body that uses its arguments inside a WITH cannot be inlined.
func TestNoInlining(t *testing.T) {
	s := open(t, Options{})
	if err := s.DeclareSQL("create temp function f(x int64) as ((with a as (select x as y) select max(y) from a))"); err != nil {
		t.Fatal(err)
	}
	a := analyze(t, s, "select f(3)")
	if c, ok := firstExpr(t, a).(*ir.Call); ok && (c.Name != "f" || c.Group != sqlGroup) {
		t.Errorf("%s", ir.Print(a.Stmt))
	}
}

func TestFeatures(t *testing.T) {
	if _, err := Open(Options{Enable: []string{"NO_SUCH_THING"}}); err == nil {
		t.Error("an unknown feature was accepted")
	}
	for _, n := range []string{"ANALYTIC_FUNCTIONS", "FEATURE_V_1_1_ORDER_BY_COLLATE", "V_1_4_WITH_EXPRESSION", "INTERVAL_TYPE", "JSON_TYPE", "PIPES"} {
		if _, ok := featureNamed(n); !ok {
			t.Error(n)
		}
	}
	s := open(t, Options{Disable: []string{"PIPES"}})
	if _, err := s.Analyze("from (select 1) |> limit 1"); err == nil {
		t.Error("pipes are still there")
	}
	in := open(t, Options{Internal: true, Zone: "America/Los_Angeles"})
	declare(t, in, "T", "x INT32, y FLOAT32, z UINT64")
	if got := analyze(t, in, "select x, y, z from t").Stmt.(*ir.Query).Output[1].Column.Type.Kind; got != ir.Float32 {
		t.Error(got)
	}
}

func TestParameters(t *testing.T) {
	s := open(t, Options{})
	s.DeclareParameter("X", ir.TypeOf(ir.String))
	if p := firstExpr(t, analyze(t, s, "select @x")).(*ir.Parameter); p.Name != "x" || p.Type.Kind != ir.String {
		t.Error(p)
	}
	if _, err := s.Analyze("select @y"); err == nil {
		t.Error("a parameter that nobody declared is there")
	}
	s = open(t, Options{})
	s.DeclareParameter("", ir.TypeOf(ir.Int64))
	if p := firstExpr(t, analyze(t, s, "select ?")).(*ir.Parameter); p.Position != 1 || p.Type.Kind != ir.Int64 {
		t.Error(p)
	}
}

func TestLayout(t *testing.T) {
	s := open(t, Options{})
	if !s.engine.direct {
		t.Fatal("the engine's objects have another layout than the decoder knows")
	}
	declareShop(t, s)
	const sql = "select o.id, sum(i.price * i.qty) as v, rank() over (order by o.id) r from shop.orders o, unnest(items) i where status in (select b from t where t.a = o.id) group by 1 order by v desc"
	want := ir.Print(analyze(t, s, sql).Stmt)
	s.engine.direct = false
	if diff := cmp.Diff(want, ir.Print(analyze(t, s, sql).Stmt)); diff != "" {
		t.Error(diff)
	}
}

func TestParallel(t *testing.T) {
	p := NewPool(3, func() (*Session, error) {
		s, err := Open(Options{})
		if err == nil {
			declareShop(t, s)
		}
		return s, err
	})
	defer p.Close()
	var wg sync.WaitGroup
	for g := range 6 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range 20 {
				sql := fmt.Sprintf("select id + %d as x, twice(id) y from shop.orders where id > %d", g, i)
				err := p.Do(func(s *Session) error {
					a, err := s.Analyze(sql)
					if err == nil && !strings.Contains(ir.Print(a.Stmt), fmt.Sprintf("value=%d\n", g)) {
						err = fmt.Errorf("another statement's tree")
					}
					return err
				})
				if err != nil {
					t.Errorf("%s: %v", sql, err)
				}
			}
		}()
	}
	wg.Wait()
}

// Memory stays bounded, with statements that leave types, catalogs and errors behind.
func TestMemory(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	s := open(t, Options{})
	declareShop(t, s)
	start := s.MemoryBytes()
	for i := range n {
		if _, err := s.Analyze(fmt.Sprintf("select struct(id as a%d, amount as b) s, count(*) over () from shop.orders where id > %d", i%50, i)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Analyze("select no_such from t"); err == nil {
			t.Fatal("no error")
		}
	}
	if grown := s.MemoryBytes() - start; grown > recycleBytes {
		t.Errorf("%d bytes more after %d analyses", grown, 2*n)
	}
	t.Logf("%d bytes at first, %d after %d analyses, %d instances", start, s.MemoryBytes(), 2*n, s.opened)
}

// Hostile input ends in a result or an error, soon, and the session lives on.
func TestHostile(t *testing.T) {
	s := open(t, Options{})
	declare(t, s, "t", "a INT64")
	many := func(n int, s string) string { return strings.Repeat(s, n) }
	for name, sql := range map[string]string{
		"empty":         "",
		"bytes":         "\x00\xff\xfe select",
		"bad utf-8":     "select '\xff'",
		"nul":           "select 1\x00",
		"open string":   "select 'abc",
		"open comment":  "select /* abc",
		"open quote":    "select `abc",
		"parens":        "select " + many(60000, "(") + "1" + many(60000, ")"),
		"arrays":        "select " + many(60000, "["),
		"subqueries":    many(900, "select * from (") + "select 1" + many(900, ")"),
		"not":           "select " + many(50000, "not ") + "true",
		"minus":         "select " + many(50000, "- ") + "1",
		"sum":           "select 1" + many(100000, "+1"),
		"and":           "select true" + many(50000, " and true"),
		"concat":        "select 'a'" + many(50000, "||'a'"),
		"cases":         "select " + many(20000, "case when true then "),
		"columns":       "select 1" + many(10000, ", a") + " from t",
		"joins":         "select 1 from t" + joins(200),
		"cross joins":   "select 1 from t" + crossJoins(500),
		"unions":        "select 1" + many(5000, " union all select 1"),
		"fields":        "select a" + many(50000, ".b") + " from t",
		"subscripts":    "select a" + many(50000, "[0]") + " from t",
		"pipes":         "from t" + many(10000, " |> where a > 1"),
		"in list":       "select 1 in (1" + many(100000, ",1") + ")",
		"ctes":          "with c0 as (select 1 x)" + ctes(1000) + " select * from c999",
		"too long":      "select '" + many(2<<20, "x") + "'",
		"types":         "select cast(null as " + many(50000, "struct<a ") + "int64" + many(50000, ">") + ")",
		"identifier":    "select " + many(300000, "x"),
		"big number":    "select " + many(100000, "9"),
		"format":        "select format('" + many(1000, "%s") + "'" + many(1000, ", 1") + ")",
		"unicode name":  "select `größe 😀` from t",
		"many mistakes": "select " + many(500, "nosuch1 + ") + "nosuch2 from t",
	} {
		start := time.Now()
		_, err := s.Analyze(sql)
		took := time.Since(start)
		if took > 6*time.Second { // 2 s on a machine with nothing else to do
			t.Errorf("%s: took %v", name, took)
		}
		t.Logf("%-14s %8v %s", name, took.Round(time.Millisecond), brief(err))
		analyze(t, s, "select a from t")
	}
}

func joins(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " join t t%d using (a)", i)
	}
	return b.String()
}

func crossJoins(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ", t t%d", i)
	}
	return b.String()
}

func ctes(n int) string {
	var b strings.Builder
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, ", c%d as (select x + 1 as x from c%d)", i, i-1)
	}
	return b.String()
}

func brief(err error) string {
	if err == nil {
		return "ok"
	}
	text := err.Error()
	return fmt.Sprintf("%T %.80q", err, text)
}

func TestParseType(t *testing.T) {
	for in, want := range map[string]string{
		"INT64": "INT64", "integer": "INT64", "struct<a int64, b array<string(5)>>": "STRUCT<a INT64, b ARRAY<STRING>>",
		"STRUCT<INT64, `x y` STRUCT<>>": "STRUCT<INT64, x y STRUCT<>>", "numeric(10, 2)": "NUMERIC", "RANGE<DATE>": "RANGE<DATE>", "array<bytes(3)>": "ARRAY<BYTES>",
	} {
		got, _, err := ParseType(in)
		if err != nil || got.String() != want {
			t.Errorf("%s: %v, %v", in, got, err)
		}
	}
	_, p, _ := ParseType("struct<a numeric(10,2), b array<string(5)>>")
	if diff := cmp.Diff(ir.Params{Children: []ir.Params{{Precision: 10, Scale: 2}, {Children: []ir.Params{{Length: 5}}}}}, p); diff != "" {
		t.Error(diff)
	}
	for _, in := range []string{"", "INT63", "ARRAY", "ARRAY<", "ARRAY<INT64", "ARRAY<ARRAY<INT64>>", "INT64 x", "INT64(3)", "STRUCT<a>", "RANGE<INT64>", strings.Repeat("STRUCT<", 1000)} {
		if got, _, err := ParseType(in); err == nil {
			t.Errorf("%q: %v", in, got)
		}
	}
}

const model = `with orders as (
    select
        o.id as order_id,
        o.customer_id,
        date(o.ordered_at) as day,
        o.status,
        o.amount,
        row_number() over (partition by o.customer_id order by o.ordered_at desc) as nth
    from shop.orders as o
    where o.status != 'cancelled'
        and o.ordered_at >= timestamp '2024-01-01'
),

items as (
    select o.id as order_id, i.sku, i.price * i.qty as revenue
    from shop.orders as o, unnest(o.items) as i
),

revenue as (
    select order_id, sum(revenue) as revenue, count(distinct sku) as skus
    from items
    group by order_id
)

select
    c.id as customer_id,
    c.name,
    coalesce(c.home.zip, 'none') as zip,
    count(*) as orders,
    sum(o.amount) as amount,
    max(if(o.nth = 1, o.day, null)) as last_day,
    safe_divide(sum(r.revenue), count(*)) as per_order,
    case when sum(o.amount) > 1000 then 'big' else 'small' end as segment
from shop.customers as c
join orders as o on o.customer_id = c.id
left join revenue as r using (order_id)
where c.score > 0.5
group by 1, 2, 3
order by amount desc
`

func BenchmarkModel(b *testing.B) {
	s := open(b, Options{})
	declareShop(b, s)
	for b.Loop() {
		if _, err := s.Analyze(model); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkModelParts(b *testing.B) {
	s := open(b, Options{})
	declareShop(b, s)
	analyze(b, s, model)
	in := s.engine
	po := in.m.NewParserOptions()
	in.m.ParserOptions_SetLanguageOptions(po, s.languageOptions(in.m))
	typical, err := os.ReadFile("testdata/typical.sql")
	if err != nil {
		b.Fatal(err)
	}
	for name, text := range map[string]string{"parse": model, "parse-typical": string(typical)} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				out, err := in.m.ParseStatement(text, po)
				if err != nil {
					b.Fatal(err)
				}
				in.m.ParserOutput_Free(out)
			}
		})
	}
	b.Run("analyze", func(b *testing.B) {
		for b.Loop() {
			out, err := in.m.AnalyzeStatement(model, in.options, in.catalog, in.factory)
			if err != nil {
				b.Fatal(err)
			}
			in.m.AnalyzerOutput_Free(out)
		}
	})
	b.Run("decode", func(b *testing.B) {
		out, err := in.m.AnalyzeStatement(model, in.options, in.catalog, in.factory)
		if err != nil {
			b.Fatal(err)
		}
		for b.Loop() {
			if err := in.m.Do(func() { newDecoder(s, in, model).stmt(in.m.AnalyzerOutput_ResolvedStatement(out)) }); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("scan", func(b *testing.B) {
		for b.Loop() {
			paths(model, scan(model))
		}
	})
}

func BenchmarkDeclare(b *testing.B) {
	s := open(b, Options{})
	typ, _, _ := ParseType("STRUCT<a INT64, b STRING, c FLOAT64, d DATE, e TIMESTAMP, f NUMERIC, g ARRAY<STRING>, h STRUCT<x INT64, y STRING>, i BOOL, j JSON>")
	i := 0
	for b.Loop() {
		t := Table{Name: fmt.Sprintf("d.t%d", i)}
		for _, f := range typ.Fields {
			t.Columns = append(t.Columns, Column{Name: f.Name, Type: f.Type})
		}
		if err := s.Declare(t); err != nil {
			b.Fatal(err)
		}
		h := s.lookup([]string{"d", fmt.Sprintf("t%d", i)})
		if err := s.engine.m.Do(func() {
			if _, err := s.place(s.engine, []string{"d", fmt.Sprintf("t%d", i)}, h); err != nil {
				b.Error(err)
			}
		}); err != nil {
			b.Fatal(err)
		}
		i++
	}
}

// A trap costs the instance, not the session: what was declared is still known.
func TestTrap(t *testing.T) {
	s := open(t, Options{})
	declareShop(t, s)
	analyze(t, s, "select id, twice(id), @p from shop.orders")
	m, in := s.engine.m, s.engine
	// Builtins added a second time fail a check of the engine.
	_ = m.Do(func() {
		_ = m.SimpleCatalog_AddBuiltinFunctionsAndTypes(in.builtin, &raw.BuiltinFunctionOptions{LanguageOptions: s.languageOptions(m)})
	})
	if !m.Broken() {
		t.Skip("the engine survived what should have stopped it")
	}
	analyze(t, s, "select id, twice(id), @p from shop.orders")
	if s.opened != 2 {
		t.Errorf("%d instances were opened", s.opened)
	}
}

// What one statement was given is not there for the next, whatever the analyzer holds.
func TestOnly(t *testing.T) {
	s := open(t, Options{})
	one := Table{Name: "d.one", Columns: []Column{{Name: "a", Type: ir.TypeOf(ir.Int64)}}}
	two := Table{Name: "d.two", Columns: []Column{{Name: "b", Type: ir.TypeOf(ir.String)}}}
	for range 2 {
		if err := s.Only([]Table{one, two}); err != nil {
			t.Fatal(err)
		}
		analyze(t, s, "select a, b from d.one cross join d.two")
		held := s.engine.root
		if err := s.Only([]Table{two}); err != nil {
			t.Fatal(err)
		}
		analyze(t, s, "select b from d.two")
		if s.engine.root != held {
			t.Error("a table that stays was placed anew")
		}
		if _, err := s.Analyze("select a from d.one"); err == nil || strings.Contains(err.Error(), "d.two") {
			t.Errorf("a table of the statement before: %v", err)
		}
		one.Columns = []Column{{Name: "c", Type: ir.TypeOf(ir.Bool)}}
		if err := s.Only([]Table{one}); err != nil {
			t.Fatal(err)
		}
		analyze(t, s, "select c from d.one")
		one.Columns = []Column{{Name: "a", Type: ir.TypeOf(ir.Int64)}}
	}
	if err := s.Only([]Table{{Name: "d.ev_1", Columns: one.Columns}}); err != nil {
		t.Fatal(err)
	}
	analyze(t, s, "select a from `d.ev_*`")
	if err := s.Only([]Table{two}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Analyze("select a from `d.ev_*`"); err == nil {
		t.Error("a wildcard matches a table of the statement before")
	}
}
