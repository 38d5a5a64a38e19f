package lint_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/lint"
)

// open is a session with the tables of a shop.
func open(t testing.TB) *googlesql.Session {
	t.Helper()
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for name, columns := range map[string]string{
		"shop.orders":    "id INT64, customer_id INT64, day DATE, total NUMERIC, paid BOOL, items ARRAY<STRUCT<sku STRING, kind STRING>>, address STRUCT<city STRING>",
		"shop.customers": "customer_id INT64, name STRING, country STRING, active BOOL",
		"shop.days":      "day DATE, holiday BOOL",
		"other.orders":   "id INT64, note STRING",
	} {
		typ, _, err := googlesql.ParseType("STRUCT<" + columns + ">")
		if err != nil {
			t.Fatal(err)
		}
		table := googlesql.Table{Name: name}
		for _, f := range typ.Fields {
			table.Columns = append(table.Columns, googlesql.Column{Name: f.Name, Type: f.Type})
		}
		if err := s.Declare(table); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// found says what Of finds, one «rule: text» each.
func found(t testing.TB, s *googlesql.Session, text string) []string {
	t.Helper()
	a, err := s.Analyze(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	var out []string
	for _, f := range lint.Of(a.Stmt, text) {
		if f.Message == "" || strings.HasSuffix(f.Message, ".") || f.Help == "" {
			t.Errorf("badly worded: %+v", f)
		}
		out = append(out, f.Rule+": "+text[f.At.Start:f.At.End])
	}
	return out
}

func TestOf(t *testing.T) {
	s := open(t)
	for _, tt := range []struct{ name, text, want string }{
		// implicit-cross-join
		{"comma", "select o.id, d.holiday from shop.orders as o, shop.days as d", "implicit-cross-join: shop.days"},
		{"comma above a comment", "select o.id from shop.orders as o, -- why, and\n/* how */ # so\n shop.days", "implicit-cross-join: shop.days"},
		{"comma with a condition", "select o.id, d.holiday from shop.orders as o, shop.days as d where o.day = d.day", ""},
		{"comma with a condition that is no equality", "select o.id from shop.orders as o, shop.days as d where o.day between d.day and date_add(d.day, interval 1 day)", ""},
		{"condition by a third", "select o.id from shop.orders as o, shop.days as d, shop.customers as c where o.customer_id = c.customer_id and c.name = cast(d.day as string)", ""},
		{"one of three", "select o.id from shop.orders as o, shop.days as d, shop.customers as c where o.customer_id = c.customer_id", "implicit-cross-join: shop.days"},
		{"conditions on each side", "select o.id from shop.orders as o, shop.days as d where o.paid and d.holiday", "implicit-cross-join: shop.days"},
		{"cross join in words", "select o.id from shop.orders as o cross join shop.days as d", ""},
		{"one row", "select o.id, m.last from shop.orders as o, (select max(day) as last from shop.days) as m", ""},
		{"one row of a common table expression", "with m as (select max(day) as last from shop.days) select o.id from shop.orders as o, m where o.id > 1", ""},
		{"limit 1", "select o.id from shop.orders as o, (select day from shop.days order by day limit 1) as d", ""},
		{"array", "select o.id, i.sku from shop.orders as o, unnest(o.items) as i", ""},
		{"array without unnest", "select o.id, i.sku from shop.orders as o, o.items as i", ""},
		{"list of values", "select o.id, n from shop.orders as o, unnest([1, 2]) as n", ""},
		{"in the list of a later join", "select o.id from shop.orders as o, shop.days as d join shop.customers as c on c.customer_id = o.customer_id and d.day = o.day", ""},
		{"in a subquery", "select (select count(*) from shop.days as d, shop.customers as c) as n", "implicit-cross-join: shop.customers"},
		{"joined by the outer row", "select o.id, (select count(*) from shop.days as d, shop.customers as c where d.day = o.day and c.customer_id = o.customer_id) as n from shop.orders as o", ""},
		{"condition in exists", "select o.id from shop.orders as o, shop.days as d where exists (select 1 from shop.customers as c where c.customer_id = o.customer_id and cast(d.day as string) = c.name)", ""},
		// join-one-sided
		{"one side with itself", "select o.id from shop.orders as o join shop.customers as c on o.customer_id = o.customer_id", "join-one-sided: o.customer_id = o.customer_id"},
		{"both sides", "select o.id from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id and o.id = o.customer_id", ""},
		{"one row of settings", "select o.id from shop.orders as o left join shop.customers as c on c.active", ""},
		{"on true", "select o.id from shop.orders as o left join shop.days as d on true", ""},
		{"using", "select o.id, c.name from shop.orders as o join shop.customers as c using (customer_id)", ""},
		// left-join-undone
		{"filter behind a left join", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.country = 'DE'", "left-join-undone: c.country"},
		{"filter by a boolean", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where o.paid and c.active", "left-join-undone: c.active"},
		{"filter by not", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where not c.active", "left-join-undone: c.active"},
		{"filter by in", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.country not in ('DE', 'FR')", "left-join-undone: c.country"},
		{"filter through a subquery", "select o.id from shop.orders as o left join (select customer_id, country from shop.customers) as c on o.customer_id = c.customer_id where c.country = 'DE'", "left-join-undone: c.country"},
		{"right join", "select c.name from shop.orders as o right join shop.customers as c on o.customer_id = c.customer_id where o.total > 3", "left-join-undone: o.total"},
		{"rows without a match", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.customer_id is null", ""},
		{"or null", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.country = 'DE' or c.country is null", ""},
		{"coalesce", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where coalesce(c.country, 'DE') = 'DE'", ""},
		{"is not true", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.active is not true", ""},
		{"distinct from", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where c.country is distinct from 'DE'", ""},
		{"filter on the left", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where o.paid", ""},
		{"filter on having", "select o.id, count(c.name) as n from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id group by o.id having n > 1", ""},
		{"in the condition", "select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id and c.country = 'DE'", ""},
		// ambiguous-column
		{"bare columns", "select id, upper(name) as n from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id where country = 'DE'",
			"ambiguous-column: id\nambiguous-column: name\nambiguous-column: country"},
		{"bare in one with an alias", "select name as n, total t from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id", "ambiguous-column: name\nambiguous-column: total"},
		{"bare field", "select address.city from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id", "ambiguous-column: address.city"},
		{"qualified", "select o.id, c.name, o.address.city from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id where c.country = 'DE' order by name limit 9", ""},
		{"shared by using", "select customer_id, o.id from shop.orders as o join shop.customers as c using (customer_id) where customer_id > 3", ""},
		{"one table", "select id, upper(cast(id as string)) as u from shop.orders where paid", ""},
		{"table and array", "select id, sku from shop.orders, unnest(items)", ""},
		{"name of the result", "select o.id, count(*) as n, max(c.name) as country from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id group by o.id having country > 'a' order by n limit 9", ""},
		{"in a subquery of one table", "select o.id from shop.orders as o join (select customer_id from shop.customers where country = 'DE') as c on o.customer_id = c.customer_id", ""},
		{"common table expressions", "with o as (select id, customer_id from shop.orders), c as (select customer_id as cid, name from shop.customers) select id, c.name from o join c on o.customer_id = cid", "ambiguous-column: id\nambiguous-column: cid"},
		// outer-column
		{"column of the outer query", "select c.name from shop.customers as c where c.customer_id in (select customer_id from shop.days)", "outer-column: customer_id"},
		{"said to be of the outer query", "select c.name from shop.customers as c where exists (select 1 from shop.orders as o where o.customer_id = c.customer_id)", ""},
		{"array of the outer row", "select id, array(select sku from unnest(items) where kind = 'a' and paid) as skus from shop.orders", ""},
		{"in a lambda", "select array_filter(list, e -> e > least) as l from (select [1, 2] as list, 1 as least)", ""},
		// null-comparison
		{"null in a list", "select id from shop.orders where id not in (1, null)", "null-comparison: null"},
		{"null in a case", "select case day when null then 1 else 2 end as x from shop.orders", "null-comparison: null"},
		{"null as a result", "select case id when 1 then null end as x, if(paid, null, 2) as y from shop.orders where day is not null", ""},
		// non-deterministic
		{"now", "select id, current_timestamp() as ts from shop.orders where day < current_date", "non-deterministic: current_timestamp()\nnon-deterministic: current_date"},
		{"chance", "select id, rand() as r, generate_uuid() as u from shop.orders", "non-deterministic: rand()\nnon-deterministic: generate_uuid()"},
		// order-without-limit
		{"sorted result", "select id from shop.orders order by id", "order-without-limit: order by"},
		{"sorted behind with", "with o as (select id from shop.orders) select id from o order by id", "order-without-limit: order by"},
		{"sorted in with", "with o as (select id from shop.orders order by day) select id from o", "order-without-limit: order by"},
		{"sorted and cut", "select id from shop.orders order by id limit 3", ""},
		{"sorted array", "select array(select id from shop.orders order by id) as ids", ""},
		{"sorted windows and aggregates", "select row_number() over (order by day) as n, sum(id) over (partition by day order by id) as s from shop.orders", ""},
		// cte-unused
		{"unused", "with o as (select id from shop.orders), p as (select 1 as x) select id from o", "cte-unused: p"},
		{"used by another", "with o as (select id from shop.orders), p as (select id from o) select id from p", ""},
		{"recursive", "with recursive n as (select 1 as i union all select i + 1 from n where i < 9) select i from n", ""},
		// select-star
		{"star of a table", "select * from shop.orders", "select-star: *"},
		{"star of an alias", "select o.*, c.name from shop.orders as o join shop.customers as c using (customer_id)", "select-star: o.*"},
		{"star of what lists its columns", "with o as (select id, day from shop.orders) select * from o", ""},
		{"star of a star", "with o as (select * from shop.orders), p as (select * from o) select * from p", "select-star: *"},
		{"star inside", "with o as (select * from shop.orders) select id from o", ""},
		{"star of a subquery", "select * from (select * from shop.orders)", "select-star: *"},
		{"star in a union", "select id, day from shop.orders union all select id, day from (select * from shop.orders)", ""},
		{"star except", "select * except (items, address) from shop.orders", "select-star: *"},
		{"count of all", "select count(*) as n from shop.orders", ""},
		{"product", "select id * total as x from shop.orders", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, strings.Join(found(t, s, tt.text), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.text, diff)
			}
		})
	}
}

// TestEdits: what is edited means the same, and says nothing more of the rule.
func TestEdits(t *testing.T) {
	s := open(t)
	for _, tt := range []struct{ rule, text, want string }{
		{lint.AmbiguousColumn, "select name as n from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id where country = 'DE'",
			"select c.name as n from shop.orders as o join shop.customers as c on o.customer_id = c.customer_id where c.country = 'DE'"},
		{lint.AmbiguousColumn, "select total from shop.orders join (select customer_id as cid, name from shop.customers) as c on customer_id = cid",
			"select orders.total from shop.orders join (select customer_id as cid, name from shop.customers) as c on orders.customer_id = c.cid"},
		{lint.AmbiguousColumn, "select day from shop.orders as `o x` join other.orders using (id)", "select day from shop.orders as `o x` join other.orders using (id)"},
		{lint.OrderWithoutLimit, "select id\nfrom shop.orders\norder by id, day desc\n", "select id\nfrom shop.orders\n"},
		{lint.OrderWithoutLimit, "with o as (select id from shop.orders order by id) select id from o", "with o as (select id from shop.orders) select id from o"},
		{lint.OrderWithoutLimit, "select id\nfrom shop.orders -- all\norder by id\n", "select id\nfrom shop.orders -- all\n\n"},
		{lint.OrderWithoutLimit, "select id from shop.orders order by id, -- then\nday", "select id from shop.orders order by id, -- then\nday"},
		{lint.SelectStar, "select d.* except (/* no */ day) from shop.days as d", "select d.* except (/* no */ day) from shop.days as d"},
		{lint.SelectStar, "select *\nfrom shop.days", "select day, holiday\nfrom shop.days"},
		{lint.SelectStar, "select\n  *,\n  1 as x\nfrom shop.days", "select\n  day,\n  holiday,\n  1 as x\nfrom shop.days"},
		{lint.SelectStar, "select d.* except (day) from shop.days as d", "select d.holiday from shop.days as d"},
		{lint.SelectStar, "select * from shop.days as d join shop.orders as o using (day)", "select * from shop.days as d join shop.orders as o using (day)"},
	} {
		a, err := s.Analyze(tt.text)
		if err != nil {
			t.Fatal(err)
		}
		list := lint.Of(a.Stmt, tt.text)
		got := tt.text
		for i := len(list) - 1; i >= 0; i-- {
			if list[i].Rule != tt.rule {
				continue
			}
			for _, e := range list[i].Edits {
				got = got[:e.At.Start] + e.New + got[e.At.End:]
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
		if got == tt.text {
			continue
		}
		for _, f := range found(t, s, got) {
			if strings.HasPrefix(f, tt.rule+":") {
				t.Errorf("%s: still %s", got, f)
			}
		}
	}
}

// TestOther: statements that are no queries, and trees whose text is another one.
func TestOther(t *testing.T) {
	if got := lint.Of(nil, ""); got != nil {
		t.Errorf("nothing has %v", got)
	}
	if got := lint.Of(&ir.Drop{}, "drop table x"); got != nil {
		t.Errorf("drop has %v", got)
	}
	s := open(t)
	a, err := s.Analyze("select * from shop.orders as o, shop.days order by id")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "(", ")", "select", "select * from (", "select , from , ( select", strings.Repeat("(", 1000) + "select"} {
		for _, f := range lint.Of(a.Stmt, text) {
			if f.At.End > len(text) {
				t.Errorf("%q: %v", text, f)
			}
		}
	}
}

// TestLarge: chains of common table expressions that read others twice, and wide joins.
func TestLarge(t *testing.T) {
	s := open(t)
	var chain, wide, union strings.Builder
	chain.WriteString("with c0 as (select 1 as a0)")
	for i := 1; i < 40; i++ {
		fmt.Fprintf(&chain, ",\nc%d as (select * from (select x.a%d as a%d from c%d as x, c%d as y) as z)", i, i-1, i, i-1, i-1)
	}
	chain.WriteString("\nselect * from c39, c38")
	wide.WriteString("select ")
	for i := range 3000 {
		fmt.Fprintf(&wide, "name as n%d, ", i)
	}
	wide.WriteString("o.id from shop.orders as o")
	for i := range 100 {
		fmt.Fprintf(&wide, " join (select customer_id as c%d, day as d%d from shop.orders) as t%d on t%d.c%d = o.customer_id", i, i, i, i, i)
	}
	wide.WriteString(" join shop.customers as c on c.customer_id = o.customer_id")
	union.WriteString("select id from shop.orders")
	for range 300 {
		union.WriteString(" union all select o.id from shop.orders as o left join shop.customers as c on o.customer_id = c.customer_id where country = 'DE'")
	}
	for name, tt := range map[string]struct {
		text string
		want int
	}{"chain": {chain.String(), 0}, "wide": {wide.String(), 3000}, "union": {union.String(), 600}} {
		start := time.Now()
		if got := len(found(t, s, tt.text)); got != tt.want {
			t.Errorf("%s: %d findings, want %d", name, got, tt.want)
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s: took %v", name, d)
		}
	}
}

func BenchmarkOf(b *testing.B) {
	s := open(b)
	var text strings.Builder
	text.WriteString("with o as (select * from shop.orders),\nc as (select * from shop.customers)\nselect\n")
	for i := range 25 {
		fmt.Fprintf(&text, "  coalesce(o.total, %d) as c%d,\n", i, i)
	}
	text.WriteString("  name\nfrom o left join c on o.customer_id = c.customer_id\nwhere o.paid and c.country = 'DE'\n")
	a, err := s.Analyze(text.String())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		lint.Of(a.Stmt, text.String())
	}
}
