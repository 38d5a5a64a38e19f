package sql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTables(t *testing.T) {
	for _, c := range []struct {
		name, text string
		lexis      Lexis
		want       string
	}{
		{"plain", "select a from orders", Standard, "orders"},
		{"twice", "select * from orders a join orders b on a.id = b.id", Standard, "orders"},
		{"qualified and quoted", `select * from "Sales Data"."Order ""X""" o, public.customers`, Standard, `Sales Data.Order "X" public.customers`},
		{"joins", "select * from a left join b using (id, x) cross join c, d where a.x in (select y from e)", Standard, "a b c d e"},
		{"parentheses", "select * from (a join b on a.i = b.i) join (select * from c) x on true", Standard, "a b c"},
		{"expressions", "select extract(year from created), trim(both ' ' from name), substring(a from 2), a is distinct from b from t", Standard, "t"},
		{"functions", "select * from generate_series(1, 2) g, unnest(arr) u, orders", Standard, "orders"},
		{"file", "select * from 'data.csv' d join orders on true", Standard, "orders"},
		{"comment and text", "select 'from x' -- from y\nfrom /* from z */ t", Standard, "t"},
		{"cte", "with a as (select * from orders), b as (select * from a join items on true) select * from b, c", Standard, "orders items c"},
		{"cte of a table's own name", "with orders as (select * from orders) select * from orders", Standard, "orders"},
		{"cte hides in its own query only", "select * from (with a as (select 1) select * from a) x, a", Standard, "a"},
		{"recursive", "with recursive t(n, m) as (select 1, 2 from seed union all select n from t) select * from t", Standard, "seed"},
		{"cte with columns", "with x (a, b) as materialized (select 1 from r) select * from x", Standard, "r"},
		{"qualified is no cte", "with orders as (select 1) select * from main.orders", Standard, "main.orders"},
		{"nested", "select (select max(x) from u where u.a = t.a) from t where exists (select 1 from v)", Standard, "u t v"},
		{"array subquery", "select array(select x from t) from u", Standard, "t u"},
		{"select after from", "from a select x, y", Standard, "a"},
		{"union", "select 1 from a union all select 2 from b order by c, d", Standard, "a b"},
		{"commas of other clauses", "select a, b from t where x group by c, d having y order by e, f limit 1", Standard, "t"},
		{"table statement", "table orders", Standard, "orders"},
		{"half", "select * from ", Standard, ""},
		{"stray parentheses", "select * from a)) join b", Standard, "a b"},
		{"backticks", "select * from `my-project.dw.orders` o join `dw`.`items` on true join my-project.dw.lots l on true", GoogleSQL, "my-project.dw.orders dw.items my-project.dw.lots"},
		{"arrays of a table", "select * from dw.orders o, o.items i, unnest(o.tags) t with offset as n join dw.parts p on true", GoogleSQL, "dw.orders dw.parts"},
		{"a schema of a table's name", "select * from sales.sales join sales.customers c on true", Standard, "sales.sales sales.customers"},
		{"a schema of an alias's name", "select * from s.items s join s.orders o on true", Standard, "s.items s.orders"},
		{"strings with double quotes", `select "from x" from t`, GoogleSQL, "t"},
		{"pipes", "from dw.orders |> join dw.items using (id) |> where a > 1 |> extend a + 1 as b, 2 as c |> aggregate sum(x) group by y, z", GoogleSQL, "dw.orders dw.items"},
		{"qualify and window", "select a from t qualify row_number() over (partition by x, y order by z) = 1", GoogleSQL, "t"},
		{"with offset is no expression", "select * from unnest([1,2]) with offset, t", GoogleSQL, "t"},
		{"system time", "select * from dw.t for system_time as of timestamp_sub(current_timestamp(), interval 1 hour) a, dw.u", GoogleSQL, "dw.t dw.u"},
		{"two statements", "with a as (select 1) select * from a; select * from a", Standard, "a"},
		{"values", "select * from (values (1, 2), (3, 4)) v(a, b), t", Standard, "t"},
		{"timestamp with time zone", "select cast(x as timestamp with time zone) from t", Standard, "t"},
		{"lateral", "select * from a, lateral (select * from b where b.x = a.x) l", Standard, "a b"},
	} {
		var got []string
		for _, p := range c.lexis.Tables(c.text) {
			got = append(got, strings.Join(p, "."))
		}
		if d := cmp.Diff(c.want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, d)
		}
	}
}

func FuzzTables(f *testing.F) {
	f.Add("with a as (select * from b) select * from a, `c.d`.e")
	f.Add("from ((((")
	f.Add(`select * from "`)
	f.Fuzz(func(_ *testing.T, text string) {
		Standard.Tables(text)
		GoogleSQL.Tables(text)
	})
}
