package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/compile"
	"github.com/engine-build/engine/engine/warehouse"
)

// randomQuery is a query whose parts are drawn from short lists, so that many of a few
// hundred have parts in common. The second answer is one that filters earlier, or "".
func randomQuery(r *rand.Rand) (string, string) {
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	from := one(
		"T as x", "(select * from T where b > 2) as x", "T as x join U as y on y.t_id = x.id", "T as x left join U as y on y.t_id = x.id",
		"U as y right join T as x on x.id = y.t_id", "T as x left join U as y on y.t_id = x.id and y.b > 3", "T as x, unnest([1, x.a]) as e with offset as n",
		"T as x join T as z on z.a = x.b", "T as x join T as z on z.a = x.b", "T as x cross join (select max(b) as top, count(*) as n from U) as m",
	)
	cond := func() string {
		return one("x.a > 2", "2 < x.a", "x.b is not null", "x.s = 'p'", "x.s in ('p', 'q')", "x.s in ('q', 'p')", "x.id in (select t_id from U)",
			"exists (select 1 from U as v where v.t_id = x.id and v.b > x.a)", "x.a = x.b or x.s = 'q'", "x.s = 'q' or x.b = x.a",
			"x.b > (select avg(b) from U)", "not (x.a = 1)", "x.a between 1 and 4")
	}
	value := func() string {
		list := []string{"x.a", "x.b", "x.id", "x.a + x.b", "x.b + x.a", "coalesce(x.b, 0)", "if(x.a > x.b, x.a, x.b)", "length(x.s)",
			"(select max(v.b) from U as v where v.t_id = x.id)", "(select count(*) from U as v where v.b = x.a)",
			"sum(x.b) over (partition by x.a)", "count(*) over ()", "rank() over (order by x.b, x.s)", "max(x.b) over (order by x.a, x.id rows 1 preceding)",
			"row_number() over (partition by x.s order by x.id)", "sum(x.a) over (order by x.b desc)", "first_value(x.b) over (order by x.b)",
			"array_length(array(select v.b from U as v where v.t_id = x.id))", "any_value(x.a) over (partition by x.s)"}
		if strings.Contains(from, " as y") {
			list = append(list, "y.b", "y.id", "coalesce(y.b, x.b)", "x.b - y.b")
		}
		if strings.Contains(from, " as z") {
			list = append(list, "z.b", "z.b", "z.b", "z.b", "z.id", "z.a - x.a")
		}
		if strings.Contains(from, "unnest") {
			list = append(list, "e", "n", "e + n")
		}
		if strings.Contains(from, " as m") {
			list = append(list, "m.top", "m.n - x.a")
		}
		return list[r.IntN(len(list))]
	}
	where := ""
	switch r.IntN(3) {
	case 0:
		where = " where " + cond()
	case 1:
		where = " where " + cond() + " and " + cond()
	}
	body := func() string {
		return "select " + value() + " as k1, " + value() + " as k2, " + value() + " as k3, x.s as k4 from " + from + where
	}
	if r.IntN(4) == 0 {
		where += one(" qualify", " qualify") + one(" row_number() over (partition by x.a order by x.id) = 1", " count(*) over (partition by x.s) > 3", " rank() over (order by x.id) < 9")
	}
	q := body()
	if r.IntN(8) == 0 && where == "" {
		return "with w as (" + q + ") select * from w where k4 = 'p'", q + " where x.s = 'p'"
	}
	if r.IntN(3) == 0 {
		q = "select * from (" + q + ")"
	}
	return wrapped(r, one, body, q), ""
}

// wrapped is a query over another one, or with one more.
func wrapped(r *rand.Rand, one func(...string) string, body func() string, q string) string {
	switch r.IntN(9) {
	case 0:
		return "select k1, k4, sum(k2) as k2, max(k3) as k3 from (" + q + ") group by " + one("k1, k4", "k4, k1")
	case 1:
		return "select distinct * from (" + q + ")"
	case 2:
		return "select * from (" + q + ") order by " + one("k1, k2, k3, k4", "k4, k3 desc, k2, k1", "k2, k1") + " limit 5"
	case 3:
		return q + " union all " + body()
	case 4:
		return q + " " + one("union distinct", "except distinct", "intersect distinct") + " " + body()
	case 5:
		return "with w as (" + q + ") select k1, k3, k2, k4 from w where " + one("k1 > 2", "k2 is not null", "k4 = 'p'")
	case 6:
		return "select count(*) as k1, sum(k2) as k2, string_agg(k4, ',' order by k4) as k4, min(k3) as k3 from (" + q + ")"
	}
	return q
}

// TestEqualFacetsHoldEqualValues builds random queries and compares those that have parts
// in common: where the facets of the rows are equal, the columns with equal facets hold the
// same combinations of values.
func TestEqualFacetsHoldEqualValues(t *testing.T) {
	const models, projects = 150, 3
	rows, columns, whole := 0, 0, 0
	for seed := range projects {
		r := rand.New(rand.NewPCG(uint64(seed), 23))
		f := files{"engine.yml": "name: laws\n", "seeds/t.csv": "id,a,b,s\n", "seeds/u.csv": "id,t_id,b\n"}
		for i := range 24 {
			b := fmt.Sprint(r.IntN(6))
			if i%7 == 3 {
				b = ""
			}
			f["seeds/t.csv"] += fmt.Sprintf("%d,%d,%s,%c\n", i, r.IntN(6), b, 'p'+rune(r.IntN(3)))
			f["seeds/u.csv"] += fmt.Sprintf("%d,%d,%d\n", i, r.IntN(20), r.IntN(7))
		}
		var last, next string
		for i := range models {
			q, earlier := randomQuery(r)
			if next != "" {
				q, earlier = next, ""
			}
			next = earlier
			if i%3 > 0 && last != "" && next == "" && r.IntN(2) == 0 {
				// The query before, but for a word.
				old := []string{"x.a", "x.b", "z.b", "left join", "> 2", "'p'", "sum(", "k2", "max("}
				from := old[r.IntN(len(old))]
				q = strings.Replace(last, from, map[string]string{"z.b": "x.b", "x.a": "x.id", "x.b": "x.a", "left join": "join", "> 2": "> 3", "'p'": "'q'", "sum(": "max(", "k2": "k2", "max(": "min("}[from], 1)
			}
			last = q
			q = strings.NewReplacer("from T", `from {{ ref "t" }}`, "join T", `join {{ ref "t" }}`, "from U", `from {{ ref "u" }}`, "join U", `join {{ ref "u" }}`).Replace(q)
			f[fmt.Sprintf("models/m%03d.sql", i)] = "{{ config \"materialized\" \"table\" }}\n" + q
		}
		b := newBench(t, f)
		b.build(2, nil)
		p := b.compile()
		c := b.open(p)
		type built struct {
			n *compile.Node
			f *compile.Facets
		}
		byRows := map[string][]built{}
		for _, id := range p.Order {
			n := p.Nodes[id]
			if id.Kind != addr.Model {
				continue
			}
			f := n.Facets.Get()
			if f == nil {
				t.Fatalf("%s has no facets: %s", id, n.Text)
			}
			if !f.Rows.Unstable {
				byRows[f.Rows.Hash] = append(byRows[f.Rows.Hash], built{n, f})
			}
		}
		// values are those of a model's columns that have the facets, in the order of these.
		values := func(x built, facets []string) []string {
			items := []string{"'row'"}
			for _, h := range facets {
				for _, col := range x.n.Columns {
					if x.f.Columns[strings.ToLower(col.Name)].Hash == h {
						items = append(items, c.Dialect().Ident(col.Name))
						break
					}
				}
			}
			got, err := c.Query(context.Background(), warehouse.Statement{SQL: "select " + strings.Join(items, ", ") + " from " + c.Dialect().Quote(x.n.Relation)})
			if err != nil {
				t.Fatal(err)
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
		for _, group := range byRows {
			for i, x := range group {
				for _, y := range group[:i] {
					var common []string
					for _, fx := range x.f.Columns {
						for _, fy := range y.f.Columns {
							if fx.Hash == fy.Hash && !fx.Unstable && !slices.Contains(common, fx.Hash) {
								common = append(common, fx.Hash)
							}
						}
					}
					slices.Sort(common)
					rows++
					columns += len(common)
					if x.n.Meaning == y.n.Meaning {
						whole++
					}
					if a, b := values(x, common), values(y, common); !slices.Equal(a, b) {
						t.Errorf("seed %d: %d columns should hold the same in\n  %s\n  %s\n%v\n%v", seed, len(common), x.n.Text, y.n.Text, a, b)
					}
				}
			}
		}
		c.Close()
	}
	t.Logf("%d pairs with the same rows, %d with the same meaning, %d columns in common", rows, whole, columns)
	if rows < 200 || columns < 200 {
		t.Errorf("%d pairs and %d columns are too few to tell", rows, columns)
	}
}
