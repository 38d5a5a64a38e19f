package sql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/source"
)

func TestColumns(t *testing.T) {
	for _, c := range []struct {
		text string
		want bool
	}{
		{"select struct(1 as x) as Orders", true},
		{"select 1 orders", true},
		{"select `orders` from t", true},
		{"select t.orders from t", true},
		{"select x from (select struct(1 as k) as orders) as p", true},
		{"select orders.x, 'orders' from my_orders -- orders", false},
		{"with orders as (select 1 as x) select x from orders", false},
		{"select x from a.orders", false},
		{"select o.x from t as orders join u orders2 on true", false},
	} {
		if got := GoogleSQL.Columns(c.text, "orders"); got != c.want {
			t.Errorf("%s: %v", c.text, got)
		}
	}
}

func TestAddAliases(t *testing.T) {
	for _, c := range []struct {
		name, text, want string // no want: nothing changes
		lexis            Lexis
	}{
		{"from", `select orders.id from "c"`, `select orders.id from "c" as "orders"`, Standard},
		{"backticks", "select Orders.id, `orders`.x from `c` where true", "select Orders.id, `orders`.x from `c` as `orders` where true", GoogleSQL},
		{"star", `select orders.* from "c" -- end`, `select orders.* from "c" as "orders" -- end`, Standard},
		{"join", `select 1 from a left join "c" using (id) where orders.x`, `select 1 from a left join "c" as "orders" using (id) where orders.x`, Standard},
		{"on", `select 1 from a join "c" on a.id = orders.id`, `select 1 from a join "c" as "orders" on a.id = orders.id`, Standard},
		{"comma join", `select orders.id from a, "c", b where true`, `select orders.id from a, "c" as "orders", b where true`, Standard},
		{"joined tables in parentheses", `select orders.id from ("c" join b on true)`, `select orders.id from ("c" as "orders" join b on true)`, Standard},
		{"subquery", `select (select max(orders.x) from "c") from t`, `select (select max(orders.x) from "c" as "orders") from t`, Standard},
		{"used inside", `select 1 from "c" where exists (select 1 from b where b.id = orders.id)`, `select 1 from "c" as "orders" where exists (select 1 from b where b.id = orders.id)`, Standard},
		{"both queries of a union", `select orders.id from "c" union all select orders.x from "c"`, `select orders.id from "c" as "orders" union all select orders.x from "c" as "orders"`, Standard},
		{"one query of a union", `select id from "c" union all select orders.x from "c" order by 1`, `select id from "c" union all select orders.x from "c" as "orders" order by 1`, Standard},
		{"column of the result", `select count(orders.id) as orders from "c"`, `select count(orders.id) as orders from "c" as "orders"`, Standard},
		{"columns left out", "select * except (a), orders.b from `c`", "select * except (a), orders.b from `c` as `orders`", GoogleSQL},
		{"pipe", "from `c` |> where orders.id > 0", "from `c` as `orders` |> where orders.id > 0", GoogleSQL},
		{"pipe join", "from t |> join `c` on t.id = orders.id", "from t |> join `c` as `orders` on t.id = orders.id", GoogleSQL},
		{"array", "select item from `c`, orders.items as item", "select item from `c` as `orders`, orders.items as item", GoogleSQL},
		{"two tables", `select orders.id, lots.id from "c" join "d" on true`, `select orders.id, lots.id from "c" as "orders" join "d" as "lots" on true`, Standard},
		{"of another expression", `with a as (select orders.id from "c"), b as (select orders.id from t as orders) select 1 from a, b`,
			`with a as (select orders.id from "c" as "orders"), b as (select orders.id from t as orders) select 1 from a, b`, Standard},
		{"qualify", `select orders.id from "c" qualify row_number() over () = 1`, `select orders.id from "c" as "orders" qualify row_number() over () = 1`, Standard},
		{"sample", `select orders.id from "c" tablesample system (10)`, `select orders.id from "c" as "orders" tablesample system (10)`, Standard},
		{"column of the result without as", `select count(orders.id) orders from "c"`, `select count(orders.id) orders from "c" as "orders"`, Standard},
		{"in an expression of the name", `with orders as (select orders.id from "c") select orders.id from orders`, `with orders as (select orders.id from "c" as "orders") select orders.id from orders`, Standard},
		{"in one that is called so", `with base as (select orders.id from "c") select orders.id from base as orders`, `with base as (select orders.id from "c" as "orders") select orders.id from base as orders`, Standard},
		{"beside one of the name", `with orders as (select 1 as x) select orders.id from "c"`, `with orders as (select 1 as x) select orders.id from "c" as "orders"`, Standard},
		{"in a table that is called so", "select * from (select orders.id from `c`) orders where orders.id > 1", "select * from (select orders.id from `c` as `orders`) orders where orders.id > 1", GoogleSQL},
		{"from first in parentheses", `select * from (from "c" where orders.id > 1)`, `select * from (from "c" as "orders" where orders.id > 1)`, Standard},

		{"lateral", `select 1 from t orders, (select orders.id from "c")`, "", Standard},
		{"column of another's", `select t.orders, orders.id from "c" cross join t`, "", Standard},
		{"column of a part", `select orders.k from (select struct(1 as k) as orders) p cross join "c"`, "", Standard},
		{"twice, one called so", `select orders.id from "c" as orders join "c" on true`, "", Standard},

		{"not used", `select id from "c"`, "", Standard},
		{"as", `select o.id from "c" as o join t as orders on orders.id = o.id`, "", Standard},
		{"without as", `select orders.id from "c" orders`, "", Standard},
		{"quoted alias", `select orders.id from "c" "orders"`, "", Standard},
		{"its own name", `select "c".id, orders.id from "c"`, "", Standard},
		{"name of another table", `select orders.id from "c" join t as orders on true`, "", Standard},
		{"last part of another table", `select orders.id from "c" join other.orders on true`, "", Standard},
		{"whole path in quotes", "select orders.id from `c` join `a.b.orders` on true", "", GoogleSQL},
		{"common table expression", `with orders as (select 1 as id) select orders.id from "c" join orders on true`, "", Standard},
		{"subquery of the name", `select orders.id from "c" join (select 1 as id) as orders on true`, "", Standard},
		{"outer table", `select 1 from t orders where exists (select 1 from "c" where x = orders.id)`, "", Standard},
		{"column of that name", `select orders, orders.id from "c"`, "", Standard},
		{"twice", `select orders.id from "c", "c"`, "", Standard},
		{"two of one name", `select orders.id from "c" join "e" on true`, "", Standard},
		{"pivot", "select orders.id from `c` pivot (sum(x) for y in ('a'))", "", GoogleSQL},
		{"unpivot", "select orders.id from `c` unpivot (x for y in (a, b))", "", GoogleSQL},
		{"time travel", "select orders.id from `c` for system_time as of t", "", GoogleSQL},
		{"unnest", "select orders.id from unnest(`c`.items)", "", GoogleSQL},
		{"path", "select orders.id from `c`.items", "", GoogleSQL},
		{"columns of an alias", `select orders.id from "c" (id)`, "", Standard},
		{"alias in front", `select orders.id from orders: "c"`, "", Standard},
		{"alone in parentheses", `select orders.id from ("c")`, "", Standard},
		{"table statement", `table "c"`, "", Standard},
		{"pivot statement", `pivot "c" on orders.id using sum(x)`, "", Standard},
		{"pipe alias", "from t |> as orders |> join `c` on orders.id = 1", "", GoogleSQL},
		{"schema", `select id from "c", orders.items`, "", Standard},
		{"in a text", `select 'orders.id' from "c" -- orders.id`, "", Standard},
	} {
		t.Run(c.name, func(t *testing.T) {
			quote := `"`
			if c.lexis == GoogleSQL {
				quote = "`"
			}
			quoted := func(s string) string { return quote + s + quote }
			var aliases []Alias
			for _, pair := range [][2]string{{"c", "orders"}, {"d", "lots"}, {"e", "orders"}} {
				aliases = append(aliases, Alias{Table: quoted(pair[0]), Name: pair[1], Spelled: quoted(pair[1])})
			}
			f := source.NewFile("m.sql", []byte(c.text))
			m := &source.Map{}
			m.Append(source.Segment{Start: 0, End: len(c.text), Src: f.Whole(), Verbatim: true})
			got, back := c.lexis.AddAliases(c.text, m, aliases, nil)
			want := c.want
			if want == "" {
				want = c.text
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			for end := range c.text { // half a query is none, and does no harm
				c.lexis.AddAliases(c.text[:end], nil, aliases, nil)
			}
			if span, ok := back.At(len(got)-1, len(got)); ok && span.Start != len(c.text)-1 {
				t.Errorf("the last byte leads to %d of %d", span.Start, len(c.text))
			}
		})
	}
}

func TestAddAliasesOfTables(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"outer table", `select 1 from t orders where exists (select 1 from "c" where x = orders.id)`, `select 1 from t orders where exists (select 1 from "c" as "orders" where x = orders.id)`},
		{"rows", `select count(orders) as n from "c" having count(orders) < 1`, `select count(orders) as n from "c" as "orders" having count(orders) < 1`},
		{"expression", `with orders as (select orders.id from "c") select orders.id from orders`, `with orders as (select orders.id from "c" as "orders") select orders.id from orders`},
		{"field", `select orders.k from (select {k: 1} as orders) p cross join "c"`, `select orders.k from (select {k: 1} as orders) p cross join "c" as "orders"`},

		{"not used", `select id from "c"`, ""},
		{"other table", `select orders.id from "c" join t as orders on true`, ""},
		{"own name", `select "c".id, orders.id from "c"`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, _ := Standard.AddAliases(c.text, nil, []Alias{{Table: `"c"`, Name: "orders", Spelled: `"orders"`, Real: true}}, func(string) bool { return false })
			want := c.want
			if want == "" {
				want = c.text
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// The name of a node in quotes has a dot in it, and ends with the name that the table has.
func TestAddAliasesOfPlaceholder(t *testing.T) {
	for _, text := range []string{"select orders.id from `model.orders`", "select orders.id from `model.orders` where orders.id > 0"} {
		got, _ := GoogleSQL.AddAliases(text, nil, []Alias{{Table: "`model.orders`", Name: "orders", Spelled: "`orders`"}}, nil)
		if want := strings.Replace(text, "`model.orders`", "`model.orders` as `orders`", 1); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
