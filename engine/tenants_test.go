package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/isolation"
	"github.com/engine-build/engine/engine/warehouse"
)

// tenantsRead are the relations of the law below, all with the columns id, o1, o2, k1 and k2:
// whose tenant is in o1, in o2, and one that belongs to nobody.
var tenantsRead = []string{"t", "u", "rates"}

// querier draws queries over relations with the columns id, o1, o2, k1 and k2, which have
// the same columns. Of most it compares tenants, so that many can be proved.
type querier struct {
	*rand.Rand
	models []string
}

func (q *querier) one(list ...string) string { return list[q.IntN(len(list))] }

// often is true in n of ten cases.
func (q *querier) often(n int) bool { return q.IntN(10) < n }

// rel is a relation and its column with the tenant, as far as one can guess.
func (q *querier) rel() (string, string) {
	switch n := q.IntN(10); {
	case n < 4:
		return `{{ ref "t" }}`, "o1"
	case n < 6:
		return `{{ ref "u" }}`, "o2"
	case n < 7 || len(q.models) == 0:
		return `{{ ref "c" }}`, "o1"
	}
	return fmt.Sprintf("{{ ref %q }}", q.models[q.IntN(len(q.models))]), q.one("o1", "o1", "o2")
}

// seed is rel without models, for what is nested deeply.
func (q *querier) seed() (string, string) {
	i := q.IntN(5)
	return fmt.Sprintf("{{ ref %q }}", []string{"t", "t", "u", "u", "c"}[i]), []string{"o1", "o1", "o2", "o2", "o1"}[i]
}

func (q *querier) query() string {
	if q.often(3) {
		s := q.pointed()
		if q.often(3) {
			s = q.wrap(s)
		}
		return s
	}
	xr, xo := q.rel()
	yr, yo := q.seed()
	zr, zo := q.seed()
	x, y, z := "x."+xo, "y."+yo, "z."+zo
	key := func() string { return q.one("id", "k1", "k2") }
	on := func(a, ao, b, bo string) string {
		list := []string{a + "." + key() + " = " + b + "." + key()}
		if q.often(8) {
			list = append(list, q.one(ao+" = "+bo, bo+" = "+ao, "cast("+ao+" as string) = cast("+bo+" as string)"))
		}
		if q.often(1) {
			list = append(list, q.one(ao, bo)+" = 1")
		}
		if q.often(1) {
			list[0] += " or " + a + ".k1 > 2"
			list[0] = "(" + list[0] + ")"
		}
		q.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return strings.Join(list, " and ")
	}
	join := func() string { return q.one("join", "join", "left join", "left join", "right join", "full join") }
	from, also := xr+" as x", "x"
	owners := []string{x, x, x}
	where := []string{}
	switch q.IntN(9) {
	case 0, 1:
	case 2, 3, 4:
		from += " " + join() + " " + yr + " as y on " + on("x", x, "y", y)
		also, owners = "xy", append(owners, y, "coalesce("+x+", "+y+")", "coalesce("+x+", "+y+")", q.one("ifnull("+y+", "+x+")", "if(x.k1 > 1, "+x+", "+y+")"))
	case 5, 6:
		from += " " + join() + " " + yr + " as y on " + on("x", x, "y", y) + " " + join() + " " + zr + " as z on " + q.one(on("y", y, "z", z), on("x", x, "z", z))
		also, owners = "xyz", append(owners, y, z, "coalesce("+x+", "+y+", "+z+")")
	case 7:
		from += ", " + yr + " as y"
		where = append(where, on("x", x, "y", y))
		also, owners = "xy", append(owners, y)
	case 8:
		from += " " + q.one("cross join (select max(k1) as k1, count(*) as k2, 1 as id from "+yr+q.one("", " where "+yo+" = 1", " where "+yo+" is null")+") as y", "cross join unnest([1, x.k1]) as e")
	}
	alias := func() string { return string(also[q.IntN(len(also))]) }
	inner := func(outer string) string { // what a subquery is limited to
		list := []string{"s." + key() + " = " + alias() + "." + key()}
		if q.often(8) {
			list = append(list, "s."+yo+" = "+outer)
		}
		return strings.Join(list, " and ")
	}
	value := func() string {
		return q.one("x.k1", "x.k2", "x.id", alias()+".k1", alias()+".k2", "coalesce("+alias()+".k1, x.k2)", "x.k1 + "+alias()+".k2", "if("+alias()+".k1 > 1, x.k2, 0)",
			"(select count(*) from "+yr+" as s where "+inner(x)+")", "(select max(s.k2) from "+yr+" as s where "+inner(x)+")",
			"array_length(array(select s.k1 from "+yr+" as s where "+inner(x)+"))", "if("+x+" in (select s."+yo+" from "+yr+" as s where s.k1 > 1), 1, 0)",
			"sum(x.k1) over (partition by "+q.one(owners...)+")", "count(*) over (partition by "+q.one(owners...)+", x.k2)", "dense_rank() over (partition by "+q.one(owners...)+" order by x.k1)",
			"max(x.k2) over (partition by x.k1)", "cast(length(cast("+x+" as string)) as int64)")
	}
	owner := func() string {
		if q.often(9) {
			return q.one(owners...)
		}
		return q.one("1", "null", "x.k1", "nullif("+x+", 2)", "cast(cast("+x+" as string) as int64)", "coalesce("+x+", 1)", "x.o1", "x.o2", "case when x.k1 = 1 then "+x+" when x.k2 = 2 then null else "+x+" end", "safe_cast(cast("+x+" as string) as int64)", x+" + 1")
	}
	cond := func() string {
		sub := "select s." + yo + " from " + yr + " as s where s.k1 > 0"
		return q.one("x.k1 > 1", x+" is not null", x+" = 1", x+" in (1, 2)", "x.k1 = x.k2 or x.id = 2", alias()+".k1 is null",
			"exists (select 1 from "+yr+" as s where "+inner(x)+")", "not exists (select 1 from "+yr+" as s where "+inner(x)+")",
			x+" in ("+sub+")", x+" in ("+sub+")", x+" not in ("+sub+q.one("", " and s."+yo+" is not null")+")", "not ("+x+" in ("+sub+"))",
			"x.k1 in (select s.k1 from "+yr+" as s where s."+yo+" = "+x+")", "("+x+", x.k1) in (select (s."+yo+", s.k1) from "+yr+" as s)",
			"x.k1 >= (select avg(s.k1) from "+yr+" as s where "+inner(x)+")", "x.k1 > (select avg(k1) from "+yr+")", q.one(owners...)+" = "+q.one(owners...), x+" is not distinct from "+q.one(owners...))
	}
	for q.often(4) {
		where = append(where, cond())
	}
	tail := ""
	if len(where) > 0 {
		tail = " where " + strings.Join(where, " and ")
	}
	if q.often(1) {
		tail += q.one(" qualify", " qualify") + " " + q.one("dense_rank() over (partition by "+x+" order by x.k1) = 1", "count(*) over (partition by "+q.one(owners...)+", x.k1) > 1", "max(x.k2) over (partition by x.k1) > 2")
		if !strings.Contains(tail, "where") {
			tail = " where true" + tail
		}
	}
	s := "select x.id as id, " + owner() + " as o1, " + owner() + " as o2, " + value() + " as k1, " + value() + " as k2 from " + from + tail
	return q.wrap(s)
}

// pointed are queries at the edge of what can be proved.
func (q *querier) pointed() string {
	from := `{{ ref "t" }} as x ` + q.one("left join", "full join", "join", "right join") + ` {{ ref "u" }} as y on y.` + q.one("id", "k1") + ` = x.id and ` +
		q.one("y.o2 = x.o1", "y.o2 = x.o1", "y.o2 = x.o1", "y.o2 is not distinct from x.o1", "x.o1 = 1 and y.o2 = 1", "x.o1 = 1", "y.o2 = 1", "y.o2 = 1 and y.o2 = x.o1")
	by := q.one("x.o1", "y.o2", "coalesce(y.o2, x.o1)", "x.o1, y.o2", "nullif(x.o1, 2)", "if(x.k1 > 1, x.o1, y.o2)")
	two := q.one("x.o1 as o1, y.o2 as o2", "y.o2 as o1, x.o1 as o2", "coalesce(x.o1, y.o2) as o1, y.o2 as o2", "coalesce(y.o2, x.o1) as o1, null as o2", "nullif(x.o1, 2) as o1, x.o1 as o2", "coalesce(x.o1, 1) as o1, x.o1 as o2")
	switch q.IntN(9) {
	case 0, 1:
		return "select x.id, " + two + ", count(*) over (partition by " + by + ") as k1, 0 as k2 from " + from
	case 2:
		one := q.one("x.o1", "y.o2", "coalesce(y.o2, x.o1)", "nullif(x.o1, 2)")
		return "select 0 as id, " + one + " as o1, " + q.one("null", "max("+one+")", "min(x.o1)", "max(y.o2)") + " as o2, count(*) as k1, sum(y.k1) as k2 from " + from + " group by " + one
	case 3, 8:
		return `select id, o1, o1 as o2, k1, k2 from {{ ref "t" }} where ` + q.one("o1", "o1", "o1", "nullif(o1, 2)") + q.one(" not in", " not in", " in") + ` (select ` + q.one("o2", "o2", "o2", "nullif(o2, 2)") +
			` from {{ ref "u" }}` + q.one(" where k1 = 3", " where k1 = 0", " where k1 = 3 and o2 is not null", "", " where o2 = 1") + ")"
	case 4:
		return `select a.id, a.o1, b.o1 as o2, a.k1, v.k2 from {{ ref "t" }} as a cross join {{ ref "t" }} as b ` + q.one("left join", "join", "full join") + ` {{ ref "u" }} as v on v.o2 = a.o1 and v.o2 = b.o1 and v.id = b.id`
	case 5:
		s := `select id, o1, o1 as o2, k1, k2 from {{ ref "t" }} union all select id, ` + q.one("o1, o2", "o1, o2", "o1, o1", "null, o2", "1, 2") + `, k1, k2 from {{ ref "c" }}`
		if q.often(6) {
			s = "select id, o1, o2, sum(k1) over (partition by " + q.one("o1", "o2") + ") as k1, k2 from (" + s + ")"
		}
		return s
	case 6:
		return "select o1 as id, o1, o2, count(*) over (partition by " + q.one("o1", "o2", "o1, o2") + ") as k1, k2 from (select " + two + ", y.k1 as k2 from " + from + ")"
	}
	s := "select max(x.id) as id, o1, o2, count(*) as k1, max(n) as k2 from (select x.id, " + two + ", x.k1, 1 as n from " + from + ") as x group by " + q.one("o1, o2", "rollup(o1, o2)", "grouping sets ((o1), (o2))", "rollup(o2, o1)", "grouping sets ((o1, o2), ())")
	if q.often(5) {
		s = "select id, o1, o2, sum(k1) over (partition by " + q.one("o1", "o2") + ") as k1, k2 from (" + s + ")"
	}
	return s
}

// wrap is something over a query.
func (q *querier) wrap(s string) string {
	yr, yo := q.seed()
	switch q.IntN(16) {
	case 0:
		return "select max(id) as id, o1, " + q.one("o2", "o2", "null as o2") + ", sum(k1) as k1, count(*) as k2 from (" + s + ") group by o1, o2"
	case 1:
		return "select 0 as id, o1, o1 as o2, sum(k1) as k1, max(k2) as k2 from (" + s + ") group by o1"
	case 2:
		return "select distinct o1, o2, k1, 1 as id, k2 from (" + s + ")"
	case 3:
		return "select id, o1, null as o2, k1, k2 from (" + s + ") union all select id, " + yo + ", " + q.one("o1", "null", yo) + ", k1, k2 from " + yr
	case 4:
		return "select id, o1, o2, k1, k2 from (" + s + ") union all select 0, " + q.one("1, 1", "null, 1", "1, 2", "null, null") + ", 3, 4"
	case 5:
		return "select o1, o2, k1, k2, id from (" + s + ") " + q.one("union distinct", "except distinct", "intersect distinct") + " select " + q.one(yo+", "+yo, "o1, o2", "o1, null", yo+", o2") + ", k1, k2, id from " + yr
	case 6:
		return "with w as (" + s + ") select a.id, a.o1, b.o1 as o2, a.k1, b.k2 from w as a join w as b on a.id = b.id" + q.one("", " and a.o1 = b.o1", " and a.o1 = b.o1 and a.k1 = b.k1")
	case 7:
		return "select * from (" + s + ") order by o1, o2, k1, k2, id limit 3"
	case 8:
		return "select max(id) as id, o1, o2, sum(k1) as k1, k2 from (" + s + ") group by " + q.one("rollup(o1, o2, k2)", "grouping sets ((o1, k2), (o1, o2))", "rollup(o1, k2, o2)")
	case 9:
		return "select count(*) as id, " + q.one("max(o1)", "1") + " as o1, 1 as o2, sum(k1) as k1, max(k2) as k2 from (" + s + ")" + q.one("", " where o1 = 1", " where o2 = 1")
	case 10:
		return "with recursive w as (select id, o1, o2, k1, 0 as k2 from (" + s + ") union all select y.id, " + q.one("y."+yo+", w.o1", "w.o1, w.o2", "w.o1, y."+yo) + ", y.k1, w.k2 + 1 from w join " + yr + " as y on y.k1 = w.id" + q.one("", " and y."+yo+" = w.o1", " and y."+yo+" = w.o1") + " where w.k2 < 3) select * from w"
	case 11:
		return "select id, " + q.one("o1", "o2", "1") + " as o1, o2, k1, k2 from (" + s + ") where " + q.one("o1 = 1", "o1 = o2", "o2 is not null and o1 = o2", "k1 > 1")
	case 12:
		return "select id, o1, o2, sum(k1) over (partition by " + q.one("o1", "o2", "o1, o2", "k2") + ") as k1, k2 from (" + s + ")"
	}
	return s
}

// TestTenantsKeepToThemselves builds random queries over the rows of three tenants and of nobody,
// and lets all rows change but those of one tenant, or of nobody: whatever is proved to be theirs does not.
func TestTenantsKeepToThemselves(t *testing.T) {
	const models = 110
	projects := 3
	if text := os.Getenv("ENGINE_LAWS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("ENGINE_LAWS: %v", err)
		}
		projects = n
	}
	proved, rows, columns, refused := 0, 0, 0, 0
	for seed := range projects {
		q := &querier{Rand: rand.New(rand.NewPCG(uint64(seed), 77))}
		f := files{"engine.yml": "name: laws\nmodels: {distribute: never}\ndistribution: {tenant_column: o1, customers: [{customer: acme}], customer_tenants: [{customer: acme, tenant: 1}]}\n",
			"seeds/seeds.yml": "seeds:\n- name: u\n  config: {tenant_column: o2}\n- name: rates\n  config: {across_tenants: nobody's}\n",
			"seeds/rates.csv": "id,p1,p2,k1,k2\n1,1,1,1,1\n", "models/c.sql": "select id, p1 as o1, p2 as o2, k1, k2 from {{ ref \"rates\" }}",
			"seeds/t.csv": "id,o1,o2,k1,k2\n1,1,1,1,1\n", "seeds/u.csv": "id,o1,o2,k1,k2\n1,1,1,1,1\n"}
		for i := range models {
			name := fmt.Sprintf("m%03d", i)
			f["models/"+name+".sql"] = "{{ config \"materialized\" \"view\" }}\n" + q.query()
			if i < 25 {
				q.models = append(q.models, name)
			}
		}
		b := newBench(t, f)
		b.build(2, nil)
		p := b.compile()
		c := b.open(p)
		relation := func(name string) string {
			return c.Dialect().Quote(p.Nodes[addr.Node{Kind: addr.Seed, Name: name}].Relation)
		}
		exec := func(sql string) {
			t.Helper()
			if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: sql}); err != nil {
				t.Fatal(err)
			}
		}
		row := func(name string, tenant int) string {
			owner := fmt.Sprint(tenant)
			if tenant == 0 {
				owner = "null"
			}
			other := q.one("1", "2", "null")
			o1, o2 := owner, other
			if name == "u" {
				o1, o2 = other, owner
			}
			return fmt.Sprintf("(%d, %s, %s, %d, %d)", q.IntN(4), o1, o2, q.IntN(4), q.IntN(4))
		}
		fill := func(name string, tenant, n int) {
			for range n {
				exec("insert into " + relation(name) + " values " + row(name, tenant))
			}
		}
		for _, name := range tenantsRead {
			exec("delete from " + relation(name))
			for tenant := range 4 {
				fill(name, tenant, 2+q.IntN(4))
			}
		}
		// seen are the rows of each model in a world that are given to the tenant.
		seen := func(n *compile.Node, where string, names []string) []string {
			t.Helper()
			items := []string{"'row'"}
			for _, name := range names {
				items = append(items, c.Dialect().Ident(name))
			}
			got, err := c.Query(context.Background(), warehouse.Statement{SQL: "select " + strings.Join(items, ", ") + " from " + c.Dialect().Quote(n.Relation) + where})
			if err != nil {
				t.Fatalf("%s: %v", n.Text, err)
			}
			defer got.Close()
			var out []string
			for got.Next() {
				v, err := got.Values()
				if err != nil {
					t.Fatal(err)
				}
				out = append(out, fmt.Sprint(v))
			}
			slices.Sort(out)
			return out
		}
		// kept is the tenant whose rows stay; 0 stands for nobody.
		equals := func(column string, kept int) string {
			if kept == 0 {
				return column + " is null"
			}
			return fmt.Sprintf("%s = %d", column, kept)
		}
		type look struct {
			n     *compile.Node
			where string
			names []string
			rows  []string
		}
		looksOf := func(kept int) (looks []look) {
			for _, id := range p.Order {
				n := p.Nodes[id]
				if id.Kind != addr.Model {
					continue
				}
				if n.Isolation == nil {
					t.Fatalf("%s has no verdict", id)
				}
				iso := n.Isolation
				var names []string
				for _, col := range n.Columns {
					if !slices.Contains(iso.Tainted, strings.ToLower(col.Name)) {
						names = append(names, col.Name)
					}
				}
				var wheres []string
				switch {
				case iso.State == isolation.Mixed:
					refused++
					continue
				case iso.State == isolation.Clean || kept == 1 && iso.Only == "1":
					wheres = []string{""}
				}
				for _, col := range iso.Columns {
					if kept > 0 || col.Exact && !iso.Blurred {
						wheres = append(wheres, " where "+equals(col.Name, kept))
						proved++
					}
				}
				for _, where := range wheres {
					l := look{n: n, where: where, names: names, rows: seen(n, where, names)}
					rows, columns = rows+len(l.rows), columns+len(names)
					looks = append(looks, l)
				}
			}
			return looks
		}
		for _, kept := range []int{1, 1, 0} {
			looks := looksOf(kept)
			for name, owner := range map[string]string{"t": "o1", "u": "o2"} {
				exec("delete from " + relation(name) + " where (" + equals(owner, kept) + ") is not true")
				for tenant := range 4 {
					if tenant != kept {
						fill(name, tenant, q.IntN(6))
					}
				}
			}
			for _, l := range looks {
				if got := seen(l.n, l.where, l.names); !slices.Equal(got, l.rows) {
					t.Errorf("seed %d, %s%s: %s\n%s\nreads of tenant %d\n%v\nand with others beside it\n%v", seed, l.n.ID.Name, l.where, l.n.Isolation.Text(), l.n.Text, kept, l.rows, got)
				}
			}
			if t.Failed() {
				break
			}
		}
		c.Close()
	}
	t.Logf("%d proofs and %d refusals, %d rows and %d columns compared", proved, refused, rows, columns)
	if projects > 2 && (proved < 300 || rows < 1500 || refused < 150) {
		t.Errorf("%d proofs, %d refusals and %d rows are too few to tell", proved, refused, rows)
	}
}
