package meaning_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/meaning"
)

// tables are those of the cases.
var tables = []struct{ name, columns string }{
	{"t", "id INT64, a INT64, b INT64, s STRING, f FLOAT64, d DATE, ts TIMESTAMP"},
	{"u", "id INT64, t_id INT64, b INT64, s STRING"},
	{"o", "id INT64, items ARRAY<STRUCT<sku STRING, qty INT64>>, tags ARRAY<STRING>, x STRUCT<p INT64, q STRUCT<r STRING>>, j JSON"},
}

func open(t testing.TB) *googlesql.Session {
	t.Helper()
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, x := range tables {
		if err := s.DeclareSQL("create table " + x.name + " (" + x.columns + ")"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func tree(t testing.TB, s *googlesql.Session, sql string) ir.Stmt {
	t.Helper()
	a, err := s.Analyze(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return a.Stmt
}

func of(t testing.TB, s *googlesql.Session, sql string) *meaning.Meaning {
	t.Helper()
	m, why := meaning.Of(tree(t, s, sql), meaning.Names{})
	if m == nil {
		t.Fatalf("%s has no meaning: %s", sql, why)
	}
	return m
}

// same are pairs of texts that mean the same.
var same = [][2]string{
	{"select a from t", "SELECT\n  a -- the a\nFROM /* here */ t"},
	{"select a from t", "select x.a from t as x"},
	{"select a from t where a > 1", "select y.a from (select a from t) as y where y.a > 1"},
	{"select a from t where a > 1", "select a from (select a from t where a > 1)"},
	{"with c as (select a, b from t) select a from c", "with other as (select a, b from t) select a from other"},
	{"with c as (select a, b from t) select a from c", "select a from (select a, b from t)"},
	{"with c as (select a + 1 as x from t) select x from c", "with c as (select a + 1 as y from t) select y as x from c"},
	{"with c as (select a, b from t where b = 1), e as (select a from c) select * from e", "select a from t where b = 1"},
	{"with c as (select id, a from t) select x.a, y.id from c as x join c as y on x.id = y.id", "select x.a, y.id from (select id, a from t) as x join (select id, a from t) as y on x.id = y.id"},
	{"with unused as (select b from t) select a from t", "select a from t"},
	{"select * from u", "select id, t_id, b, s from u"},
	{"select * except (s) from u", "select id, t_id, b from u"},
	{"select * replace (b + 1 as b) from u", "select id, t_id, b + 1 as b, s from u"},
	{"select a from t where a = 1 and b = 2", "select a from t where b = 2 and a = 1"},
	{"select a from t where a = 1 and b = 2 and s = 'x'", "select a from t where (s = 'x' and a = 1) and b = 2"},
	{"select a from t where a = 1 or b = 2 or s = 'x'", "select a from t where s = 'x' or (b = 2 or a = 1)"},
	{"select a from t where a = 1 and a = 1", "select a from t where a = 1"},
	{"select a from t where 1 = a", "select a from t where a = 1"},
	{"select a from t where a > b", "select a from t where b < a"},
	{"select a from t where a >= b", "select a from t where b <= a"},
	{"select a from t where a in (1, 2)", "select a from t where a in (2, 1)"},
	{"select a from (select a, b from t where a = 1) where b = 2", "select a from t where a = 1 and b = 2"},
	{"select t.a from t join u on t.id = u.t_id where u.b = 1", "select t.a from t join u on t.id = u.t_id and u.b = 1"},
	{"select t.a from t, u where t.id = u.t_id", "select t.a from t join u on u.t_id = t.id"},
	{"select t.a from t cross join u", "select t.a from t, u"},
	{"select t.a, u.b from u right join t on t.id = u.t_id", "select t.a, u.b from t left join u on t.id = u.t_id"},
	{"select distinct a from t", "select a from t group by a"},
	{"select a, b, count(*) as n from t group by a, b", "select a, b, count(*) as n from t group by b, a"},
	{"select a, count(*) as n from t group by 1", "select a, count(*) as n from t group by a"},
	{"select a from t order by b", "select a from t"},
	{"select a from t order by b limit 1", "select a from (select a from t order by b) limit 1"},
	{"select a from (select a from t order by b)", "select a from t"},
	{"select a from t order by a nulls first limit 1", "select a from t order by a limit 1"},
	{"select a from t order by a desc nulls last limit 1", "select a from t order by a desc limit 1"},
	{"select sum(a) over (partition by b, s) as x from t", "select sum(a) over (partition by s, b) as x from t"},
	{"select sum(a) over w as x from t window w as (partition by b)", "select sum(a) over (partition by b) as x from t"},
	{"select sum(a) over (order by b rows 1 preceding) as x from t", "select sum(a) over (order by b rows between 1 preceding and current row) as x from t"},
	{"select a from t where exists (select 1 from u where u.t_id = t.id)", "select a from t where exists (select u.b from u where t.id = u.t_id)"},
	{"select a from t where id in (select t_id from u)", "select a from t where id in (select x.t_id from u as x)"},
	{"select case when a = 1 then 2 end as x from t", "select CASE WHEN a=1 THEN 2 END AS x from t"},
	{"select a from t where d = date '2024-01-01'", "select a from t where d = DATE '2024-1-1'"},
	{"select 1e1 as x", "select 10.0 as x"},
	{"select 'x' as s", "select \"x\" as s"},
	{"select cast(a as string) as x from t", "select CAST(a AS STRING) as x from t"},
	{"select a from t union all select b from t", "select a as a from t union all select b as other from t"},
	{"select i.sku from o, unnest(items) as i", "select j.sku from o cross join unnest(o.items) as j"},
	{"select i.sku from o, o.items as i", "select i.sku from o, unnest(o.items) as i"},
	{"select * from (select s, a, b from t) pivot (sum(b) for a in (1 as one, 2 as two))", "select * from (select t.s, t.a, t.b from t) as p pivot (sum(b) for a in (1 as one, 2 as two))"},
	{"select array_agg(a order by a) as x from t", "select array_agg(z.a order by z.a asc) as x from t as z"},
	{"select x.q.r from o", "select o.x.q.r as r from o"},
	{"with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r", "with recursive z as (select 1 as k union all select z.k + 1 from z where 5 > z.k) select k as n from z"},
	{"from t |> where a = 1 |> select a", "select a from t where a = 1"},
}

// different are pairs of texts that do not mean the same.
var different = [][2]string{
	{"select a from t", "select b as a from t"},
	{"select a from t", "select a as b from t"},
	{"select a, b from t", "select b, a from t"},
	{"select a from t", "select distinct a from t"},
	{"select id from t", "select id from u"},
	{"select a from t where a = 1", "select a from t where a = 2"},
	{"select a from t where a = 1", "select a from t where a != 1"},
	{"select a from t where a > b", "select a from t where b > a"},
	{"select a from t where a = 1 and b = 2", "select a from t where a = 1 or b = 2"},
	{"select a from t where s = '1'", "select a from t where s = '1 '"},
	{"select 1 as x", "select 1.0 as x"},
	{"select 1 as x", "select '1' as x"},
	{"select null as x", "select cast(null as string) as x"},
	{"select a - b as x from t", "select b - a as x from t"},
	{"select t.a from t join u on t.id = u.t_id", "select t.a from t left join u on t.id = u.t_id"},
	{"select t.a from t left join u on t.id = u.t_id", "select t.a from t right join u on t.id = u.t_id"},
	{"select t.a from t left join u on t.id = u.t_id", "select t.a from t full join u on t.id = u.t_id"},
	{"select t.a from t left join u on t.id = u.t_id and u.b = 1", "select t.a from t left join u on t.id = u.t_id where u.b = 1"},
	{"select t.a from t join u on t.id = u.t_id", "select t.a from t join u on t.id = u.id"},
	{"select x.a from t as x join t as y on x.id = y.b", "select y.a from t as x join t as y on x.id = y.b"},
	{"select x.a from t as x join t as y on x.id = y.b", "select x.a from t as x join t as y on x.b = y.id"},
	{"select a from t order by b limit 1", "select a from t limit 1"},
	{"select a from t order by b limit 1", "select a from t order by b limit 2"},
	{"select a from t order by b limit 1", "select a from t order by b limit 1 offset 1"},
	{"select a from t order by b limit 1", "select a from t order by b desc limit 1"},
	{"select a from t order by b limit 1", "select a from t order by b nulls last limit 1"},
	{"select a from t order by b, id limit 1", "select a from t order by id, b limit 1"},
	{"select s from t order by s limit 1", "select s from t order by collate(s, 'und:ci') limit 1"},
	{"select a from t where s = 'x'", "select a from t where collate(s, 'und:ci') = 'x'"},
	{"select a from t limit 1", "select a from (select a from t order by b) limit 1"},
	{"select cast(a as string) as x from t", "select safe_cast(a as string) as x from t"},
	{"select cast(s as int64) as x from t", "select cast(s as numeric) as x from t"},
	{"select cast(s as numeric(10, 2)) as x from t", "select cast(s as numeric(10, 1)) as x from t"},
	{"select cast(ts as string format 'YYYY') as x from t", "select cast(ts as string format 'MM') as x from t"},
	{"select safe_divide(a, b) as x from t", "select ieee_divide(a, b) as x from t"},
	{"select substr(s, 1) as x from t", "select safe.substr(s, 1) as x from t"},
	{"select struct(a as x, b as y) as z from t", "select struct(a as y, b as x) as z from t"},
	{"select struct(a as x, b as y) as z from t", "select struct(b as x, a as y) as z from t"},
	{"select x.p from o", "select x.p + 0 as p from o"},
	{"select items[offset(0)].sku as x from o", "select items[ordinal(1)].sku as x from o"},
	{"select i.sku from o, unnest(items) as i", "select i.sku from o left join unnest(items) as i"},
	{"select i.qty, n from o, unnest(items) as i with offset as n", "select i.qty, i.qty as n from o, unnest(items) as i with offset as n"},
	{"select x from o, unnest(tags) as x, unnest(tags) as y", "select y as x from o, unnest(tags) as x, unnest(tags) as y"},
	{"select a from t where exists (select 1 from u where u.t_id = t.id)", "select a from t where not exists (select 1 from u where u.t_id = t.id)"},
	{"select a from t where exists (select 1 from u where u.t_id = t.id)", "select a from t where exists (select 1 from u where u.t_id = u.id)"},
	{"select a from t where exists (select 1 from t as z where z.b = t.id)", "select a from t where exists (select 1 from t as z where z.id = t.b)"},
	{"select a from t where id in (select t_id from u)", "select a from t where id in (select id from u)"},
	{"select (select max(b) from u) as x from t", "select (select min(b) from u) as x from t"},
	{"select sum(a) over (partition by b) as x from t", "select sum(a) over (order by b) as x from t"},
	{"select sum(a) over (order by b) as x from t", "select sum(a) over (order by b rows unbounded preceding) as x from t"},
	{"select sum(a) over (order by b rows 1 preceding) as x from t", "select sum(a) over (order by b rows 2 preceding) as x from t"},
	{"select sum(a) over (order by b rows between 1 preceding and current row) as x from t", "select sum(a) over (order by b rows between current row and 1 following) as x from t"},
	{"select first_value(a ignore nulls) over (order by id) as x from t", "select first_value(a) over (order by id) as x from t"},
	{"select rank() over (order by a) as x from t", "select dense_rank() over (order by a) as x from t"},
	{"select a, sum(b) over () as x from (select a, b from t where a = 1)", "select * from (select a, sum(b) over () as x from t) where a = 1"},
	{"select count(a) as n from t", "select count(distinct a) as n from t"},
	{"select count(a) as n from t", "select count(*) as n from t"},
	{"select count(*) as n from t", "select count(*) as n from t where a = 1"},
	{"select count(*) as n from t", "select count(*) as n from t group by a"},
	{"select a, sum(b) as x from t group by a having sum(b) > 1", "select a, sum(b) as x from t where b > 1 group by a"},
	{"select a, b, count(*) as n from t group by rollup(a, b)", "select a, b, count(*) as n from t group by cube(a, b)"},
	{"select a, b, count(*) as n from t group by a, b", "select a, b, count(*) as n from t group by grouping sets (a, b)"},
	{"select array_agg(a order by a) as x from t", "select array_agg(a order by a desc) as x from t"},
	{"select array_agg(a ignore nulls order by a) as x from t", "select array_agg(a order by a) as x from t"},
	{"select array_agg(a order by a limit 1) as x from t", "select array_agg(a order by a limit 2) as x from t"},
	{"select string_agg(s, ',' order by s) as x from t", "select string_agg(s, ';' order by s) as x from t"},
	{"select any_value(a having max b) as x from t", "select any_value(a having min b) as x from t"},
	{"select array(select b from u order by b) as x", "select array(select b from u order by b desc) as x"},
	{"select a from t union all select b from t", "select a from t union distinct select b from t"},
	{"select a from t union all select b from t", "select a from t union all select a from t"},
	{"select a, b from t union all select b, a from t", "select a, b from t union all select a, b from t"},
	{"select a from t intersect distinct select b from t", "select a from t except distinct select b from t"},
	{"select a from t except distinct select b from t", "select b as a from t except distinct select a from t"},
	{"select * from (select s, a, b from t) pivot (sum(b) for a in (1 as one, 2 as two))", "select * from (select s, a, b from t) pivot (sum(b) for a in (1 as one, 3 as two))"},
	{"select * from (select s, a, b from t) pivot (sum(b) for a in (1 as one, 2 as two))", "select * from (select s, a, b from t) pivot (max(b) for a in (1 as one, 2 as two))"},
	{"select * from (select id, a, b from t) unpivot (v for n in (a, b))", "select * from (select id, a, b from t) unpivot include nulls (v for n in (a, b))"},
	{"with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r", "with recursive r as (select 1 as n union all select n + 1 from r where n < 6) select n from r"},
	{"with recursive r as (select 1 as n union all select n + 1 from r where n < 5) select n from r", "with recursive r as (select 1 as n union distinct select n + 1 from r where n < 5) select n from r"},
	{"select a from t qualify row_number() over (partition by b order by id) = 1", "select a from t qualify row_number() over (partition by b order by id) = 2"},
	{"select a from t qualify row_number() over (partition by b order by id) = 1", "select a from t qualify row_number() over (partition by s order by id) = 1"},
	{"select array_filter(tags, x -> x = 'a') as y from o", "select array_filter(tags, x -> x = 'b') as y from o"},
	{"select j.a from o", "select j.b as a from o"},
	{"select a from t for system_time as of timestamp '2024-01-01'", "select a from t"},
	{"select a from t tablesample system (10 percent)", "select a from t tablesample system (20 percent)"},
	{"select if(a = 1, b, 0) as x from t", "select if(b = 1, a, 0) as x from t"},
	{"select a from t where b is null", "select a from t where b is not null"},
	{"select a between 1 and b as x from t", "select a between b and 1 as x from t"},
	{"select coalesce(a, b) as x from t", "select coalesce(b, a) as x from t"},
	{"select timestamp_trunc(ts, day) as x from t", "select timestamp_trunc(ts, day, 'Europe/Berlin') as x from t"},
	{"select rand() as a, rand() as b", "select r as a, r as b from (select rand() as r)"},
	{"select as struct a, b from t", "select a, b from t"},
}

func TestSame(t *testing.T) {
	s := open(t)
	for _, p := range same {
		a, b := of(t, s, p[0]), of(t, s, p[1])
		if a.Hash != b.Hash {
			t.Errorf("these mean the same:\n  %s\n  %s\n%s%s", p[0], p[1], ir.Print(tree(t, s, p[0])), ir.Print(tree(t, s, p[1])))
		}
		if a.Rows.Hash != b.Rows.Hash {
			t.Errorf("these have the same rows:\n  %s\n  %s", p[0], p[1])
		}
		for i, c := range a.Columns {
			if c.Hash != b.Columns[i].Hash {
				t.Errorf("%s is the same:\n  %s\n  %s", c.Name, p[0], p[1])
			}
		}
	}
}

func TestDifferent(t *testing.T) {
	s := open(t)
	for _, p := range different {
		if of(t, s, p[0]).Hash == of(t, s, p[1]).Hash {
			t.Errorf("these do not mean the same:\n  %s\n  %s\n%s%s", p[0], p[1], ir.Print(tree(t, s, p[0])), ir.Print(tree(t, s, p[1])))
		}
	}
}

// TestAllDiffer: of the queries that are in one pair or another, no two that are not said
// to be the same have one hash.
func TestAllDiffer(t *testing.T) {
	s := open(t)
	alike := map[string]string{} // a text to the first that means the same
	first := func(sql string) string {
		for alike[sql] != "" {
			sql = alike[sql]
		}
		return sql
	}
	seen := map[string]string{}
	for _, p := range append(slices.Clone(same), [][2]string{
		{"select a from t", "select a from (select a from t order by b)"},
		{"select a from t", "with c as (select a, b from t) select a from c"},
		{"select a from t", "with unused as (select b from t) select a from t"},
		{"select i.sku from o, unnest(items) as i", "select i.sku from o, o.items as i"},
		{"select t.a from t, u where t.id = u.t_id", "select t.a from t join u on t.id = u.t_id"},
	}...) {
		if a, b := first(p[0]), first(p[1]); a != b {
			alike[b] = a
		}
	}
	for _, p := range slices.Concat(same, different) {
		for _, sql := range p {
			h := of(t, s, sql).Hash
			if other, ok := seen[h]; ok && other != first(sql) {
				t.Errorf("one hash for\n  %s\n  %s", other, sql)
			}
			seen[h] = first(sql)
		}
	}
}

func facets(m *meaning.Meaning) map[string]string {
	out := map[string]string{"": m.Rows.Hash}
	for _, c := range m.Columns {
		out[c.Name] = c.Hash
	}
	return out
}

// TestFacets says which facets an edit changes; "rows" are the rows.
func TestFacets(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ before, after, changed string }{
		{"select a, b from t", "select a, b + 1 as b from t", "b"},
		{"select a, b from t", "select b, a from t", ""},
		{"select a, b from t", "select a, b, s from t", "s"},
		{"select a, b from t where s = 'x'", "select a, b from t where s = 'y'", "rows"},
		{"with c as (select id, a, b from t) select c.id, c.a, c.b, u.s from c join u on c.id = u.t_id", "with c as (select id, a * 2 as a, b from t) select c.id, c.a, c.b, u.s from c join u on c.id = u.t_id", "a"},
		{"with c as (select id, a, b from t) select c.id, c.a, c.b, u.s from c join u on c.id = u.t_id", "with c as (select id + 1 as id, a, b from t) select c.id, c.a, c.b, u.s from c join u on c.id = u.t_id", "id rows"},
		{"select a, sum(b) as x, count(*) as n from t group by a", "select a, sum(b + 1) as x, count(*) as n from t group by a", "x"},
		{"select a, sum(b) as x, count(*) as n from t group by a", "select a + 1 as a, sum(b) as x, count(*) as n from t group by 1", "a rows"},
		{"select a, sum(b) as x from t group by a", "select a, sum(b) as x from t where b > 0 group by a", "rows x"},
		{"select sum(b) as x, count(*) as n from t", "select sum(b) as x, count(*) as n from t where a = 1", "n x"},
		{"select distinct a, b from t", "select distinct a, b + 1 as b from t", "b rows"},
		{"select a, b from t union all select b, a from t", "select a, b from t union all select b, a + 1 from t", "b"},
		{"select a, b from t union distinct select b, a from t", "select a, b from t union distinct select b, a + 1 from t", "b rows"},
		{"select a, row_number() over (partition by b order by id) as n from t", "select a, row_number() over (partition by s order by id) as n from t", "n"},
		{"select a, s from t qualify row_number() over (partition by b order by id) = 1", "select a, s from t qualify row_number() over (partition by s order by id) = 1", "rows"},
		{"select a, (select max(b) from u) as m from t", "select a, (select max(b) from u where s = 'x') as m from t", "m"},
		{"select a, i.sku from o, unnest(items) as i cross join t", "select a, lower(i.sku) as sku from o, unnest(items) as i cross join t", "sku"},
		{"select a, b from t order by a, b limit 3", "select a, b from t order by b, a limit 3", "rows"},
		{"select a, b from t order by a", "select a, b from t order by b", ""},
		{"select a, b as x from t", "select a, b as y from t", "x y"},
	} {
		x, y := facets(of(t, s, c.before)), facets(of(t, s, c.after))
		var got []string
		for name := range x {
			if y[name] == "" {
				got = append(got, name)
			}
		}
		for name, h := range y {
			if x[name] != h {
				if name == "" {
					name = "rows"
				}
				got = append(got, name)
			}
		}
		slices.Sort(got)
		if d := cmp.Diff(c.changed, strings.Join(got, " ")); d != "" {
			t.Errorf("from %s\nto   %s: %s", c.before, c.after, d)
		}
	}
	// The facet of a column does not know its name.
	x, y := of(t, s, "select a, b as x from t"), of(t, s, "select a, b as y from t")
	if x.Columns[1].Hash != y.Columns[1].Hash || x.Hash == y.Hash {
		t.Error("a name is part of a facet, or no part of the whole")
	}
}

func show(r meaning.Reads) string {
	var out []string
	for name, x := range r {
		text := name + "(" + strings.Join(x.Columns, " ") + ")"
		if x.All {
			text = name + "(*)"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// TestReads says what is read: by the rows, by each column, at all.
func TestReads(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ sql, want string }{
		{"select a, b + id as x from t", "rows t() | a t(a) | x t(b id) | all t(a b id)"},
		{"select a from t where s = 'x'", "rows t(s) | a t(a) | all t(a s)"},
		{"select count(*) as n from t", "rows  | n t() | all t()"},
		{"select a, count(*) as n from t where b = 1 group by a", "rows t(a b) | a t(a) | n  | all t(a b)"},
		{"select t.a, u.b from t left join u on t.id = u.t_id", "rows t(id) u(t_id) | a t(a) | b u(b) | all t(a id) u(b t_id)"},
		{"with unread as (select s from t), c as (select a, b from t) select a from c, u", "rows t() u() | a t(a) | all t(a) u()"},
		{"select a, (select max(b) from u where u.t_id = t.id) as m from t", "rows t() | a t(a) | m t(id) u(b t_id) | all t(a id) u(b t_id)"},
		{"select a, sum(b) over (partition by s order by d) as x from t", "rows t() | a t(a) | x t(b d s) | all t(a b d s)"},
		{"select distinct a, b from t", "rows t(a b) | a t(a) | b t(b) | all t(a b)"},
		{"select a from t union all select b from u", "rows t() u() | a t(a) u(b) | all t(a) u(b)"},
		{"select a from t except distinct select b from u", "rows t(a) u(b) | a t(a) u(b) | all t(a) u(b)"},
		{"select i.sku, n from o, unnest(items) as i with offset as n", "rows o(items) | sku o(items) | n o(items) | all o(items)"},
		{"select x.q.r from o", "rows o() | r o(x) | all o(x)"},
		{"with recursive r as (select id, t_id from u union all select u.id, r.t_id from u join r on u.t_id = r.id) select t_id from r", "rows u(id t_id) | t_id u(id t_id) | all u(id t_id)"},
		{"select a from t order by b limit 1", "rows t(b) | a t(a) | all t(a b)"},
		{"select 1 as one", "rows  | one  | all "},
		{"select array_transform(tags, x -> concat(x, cast(id as string))) as y from o", "rows o() | y o(id tags) | all o(id tags)"},
	} {
		m := of(t, s, c.sql)
		got := "rows " + show(m.Rows.Reads)
		for _, x := range m.Columns {
			got += " | " + x.Name + " " + show(x.Reads)
		}
		got += " | all " + show(m.Reads)
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.sql, d)
		}
	}
}

// TestUnstable says what may come out differently from the same rows, and in which facets.
func TestUnstable(t *testing.T) {
	s := open(t)
	for _, c := range []struct{ sql, want string }{
		{"select a from t", ""},
		{"select a from t limit 1", "LIMIT without ORDER BY in rows"},
		{"select a from t order by b limit 1", "LIMIT in an order with ties in rows"},
		{"select a from t order by a limit 1", ""},
		{"select a from (select a from t order by a) limit 1", "LIMIT without ORDER BY in rows"},
		{"select a, b from (select a, max(b) as b from t group by a) order by a limit 1", ""},
		{"select a, b from (select a, s, max(b) as b from t group by a, s) order by a limit 1", "LIMIT in an order with ties in rows"},
		{"select count(*) as n from t limit 1", ""},
		{"select any_value(b) as x, a from t group by a", "ANY_VALUE in x"},
		{"select any_value(b) as x, a from (select a, max(b) as b from t group by a) group by a", ""},
		{"select array_agg(b) as x, count(*) as n from t", "ARRAY_AGG without ORDER BY in x"},
		{"select array_agg(b order by a) as x from t", "ARRAY_AGG in an order with ties in x"},
		{"select array_agg(b order by b) as x from t", ""},
		{"select string_agg(distinct s, ',' order by s) as x from t", ""},
		{"select string_agg(s) as x from t", "STRING_AGG without ORDER BY in x"},
		{"select array_agg(b order by a) as x from (select a, max(b) as b from t group by a)", ""},
		{"select a, row_number() over (partition by b order by s) as n from t", "ROW_NUMBER in an order with ties in n"},
		{"select a, row_number() over (partition by b) as n from t", "ROW_NUMBER without ORDER BY in n"},
		{"select a, row_number() over (order by a) as n from (select distinct a from t)", ""},
		{"select a, rank() over (order by b) as n from t", ""},
		{"select lag(a) over (order by b) as x, first_value(b) over (order by b) as y, last_value(a) over (order by b) as z from t", "LAG in an order with ties, LAST_VALUE in an order with ties in x z"},
		{"select a from t qualify row_number() over (partition by b order by s) = 1", "ROW_NUMBER in an order with ties in rows"},
		{"select sum(a) over (order by b) as x, sum(a) over (order by b rows 1 preceding) as y from t", "SUM in an order with ties in y"},
		{"select sum(f) as x, sum(a) as y, avg(a) as z, max(f) as m from t", "SUM of FLOAT64 in x"},
		{"select stddev(a) as x from t", "STDDEV_SAMP in x"},
		{"select approx_count_distinct(a) as x from t", "APPROX_COUNT_DISTINCT in x"},
		{"select approx_quantiles(a, 2) as x from t", "APPROX_QUANTILES in x"},
		{"select a from t tablesample system (10 percent)", "TABLESAMPLE in rows"},
		{"select array(select b from u) as x, a from t", "ARRAY of a subquery without ORDER BY in x"},
		{"select array(select b from u order by b) as x, a from t", ""},
		{"select array(select b from u order by id) as x, a from t", "ARRAY of a subquery in an order with ties in x"},
		{"select current_timestamp() as now, a from t", "current_timestamp in now"},
		{"select a from t where d = current_date()", "current_date in rows"},
		{"select a, generate_uuid() as x from t where rand() < 0.5", "generate_uuid, rand in rows x"},
		{"select a as current_date from t", ""},
		{"select @@time_zone as x, a from t", "@@time_zone in x"},
		{"select max_by(a, b) as x from t", "MAX_BY in x"},
		{"select a from t where b = (select any_value(b) from u)", "ANY_VALUE in rows"},
		{"select collate(s, 'und:ci') as x, count(*) as n from t group by 1", "GROUP BY under a collation in x"},
		{"select min(collate(s, 'und:ci')) as x from t", "MIN under a collation in x"},
	} {
		m := of(t, s, c.sql)
		var in []string
		if m.Rows.Unstable {
			in = append(in, "rows")
		}
		for _, x := range m.Columns {
			if x.Unstable {
				in = append(in, x.Name)
			}
		}
		got := strings.Join(slices.Concat(m.Volatile, m.Ambiguous), ", ")
		if len(in) > 0 {
			got += " in " + strings.Join(in, " ")
		}
		if d := cmp.Diff(c.want, got); d != "" {
			t.Errorf("%s: %s", c.sql, d)
		}
	}
}

// random writes a query in two ways that differ in formatting, comments, the case of
// keywords and names.
type writer struct {
	r     *rand.Rand
	names map[string]string
	loud  bool // with another formatting
}

func (w *writer) gap() string {
	if !w.loud {
		return " "
	}
	return []string{" ", "\n", "\t", " /* x */ ", " -- y\n", "\n\n  "}[w.r.IntN(6)]
}

func (w *writer) word(s string) string {
	if w.loud && w.r.IntN(2) == 0 {
		return strings.ToUpper(s)
	}
	return s
}

// write fills in a template: @name is a name of the query's own, other words are as they are.
func (w *writer) write(template string) string {
	var b strings.Builder
	for i, tok := range strings.Fields(template) {
		if i > 0 {
			b.WriteString(w.gap())
		}
		switch {
		case strings.HasPrefix(tok, "@"):
			parts := strings.SplitN(tok, ".", 2)
			name := parts[0][1:]
			if w.loud {
				if w.names[name] == "" {
					w.names[name] = fmt.Sprintf("n%d_%d", len(w.names), w.r.IntN(100))
				}
				name = w.names[name]
			}
			b.WriteString(strings.Join(append([]string{name}, parts[1:]...), "."))
		case strings.Contains(tok, "'") || tok == "one" || tok == "two" || tok == "n":
			b.WriteString(tok)
		case tok == "t" || tok == "u":
			b.WriteString(tok)
		default:
			b.WriteString(w.word(tok))
		}
	}
	return b.String()
}

// random is the template of a query.
func random(r *rand.Rand) string {
	expr := func() string {
		return []string{"@x.a", "@x.b", "( @x.a + @x.b )", "coalesce ( @x.a , 0 )", "if ( @x.a > @x.b , 1 , @x.id )", "( select max ( @v.b ) from u as @v where @v.t_id = @x.id )"}[r.IntN(6)]
	}
	cond := func() string {
		list := []string{"@x.a = " + fmt.Sprint(r.IntN(5)), "@x.s like 'p%'", "@x.id in ( select @v.t_id from u as @v )", "@x.b is not null", "@x.d < date '2024-01-01'"}
		r.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
		return strings.Join(list[:1+r.IntN(3)], " and ")
	}
	body := "select " + expr() + " as one , " + expr() + " as two , @x.s from t as @x where " + cond()
	switch r.IntN(5) {
	case 0:
		return "with @c as ( " + body + " ) select @z.one , count ( * ) as n from @c as @z group by @z.one"
	case 1:
		return "with @c as ( " + body + " ) select @z.two , @y.b , row_number ( ) over ( partition by @z.one order by @y.b , @y.id ) as n from @c as @z left join u as @y on @z.one = @y.id"
	case 2:
		return body + " union all select @y.id , @y.b , @y.s from u as @y"
	case 3:
		return body + " order by one , two limit 5"
	}
	return body
}

// TestFormatting: however a query is written, its meaning is one.
func TestFormatting(t *testing.T) {
	s := open(t)
	for seed := range 150 {
		r := rand.New(rand.NewPCG(uint64(seed), 5))
		template := random(r)
		plain := (&writer{r: r, names: map[string]string{}}).write(template)
		loud := (&writer{r: r, names: map[string]string{}, loud: true}).write(template)
		if d := cmp.Diff(of(t, s, plain), of(t, s, loud)); d != "" {
			t.Fatalf("these mean the same:\n%s\n\n%s\n%s", plain, loud, d)
		}
		if again := of(t, s, plain); cmp.Diff(of(t, s, plain), again) != "" {
			t.Fatalf("%s has two meanings", plain)
		}
	}
}

// TestNames: what the caller says of names is what counts.
func TestNames(t *testing.T) {
	s := open(t)
	named := func(name string) *meaning.Meaning {
		m, _ := meaning.Of(tree(t, s, "select a from t"), meaning.Names{Table: func(string) string { return name }})
		return m
	}
	if named("x").Hash == named("y").Hash || named("t").Hash != of(t, s, "select a from t").Hash {
		t.Error("the hash is not of the caller's name")
	}
	if _, ok := named("x").Reads["t"]; !ok {
		t.Error("reads are by the declared names")
	}
	if m, why := meaning.Of(&ir.Query{Scan: &ir.UnsupportedScan{What: "a thing"}}, meaning.Names{}); m != nil || why != "a thing" {
		t.Errorf("what is not known has a meaning: %q", why)
	}
	if m, why := meaning.Of(&ir.Drop{}, meaning.Names{}); m != nil || why == "" {
		t.Error("a statement that is no query has a meaning")
	}
}
