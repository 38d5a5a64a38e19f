package isolation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/isolation"
)

// warehouse are the tables of the cases: t, u and v hold rows of tenants, c and d do not. Of n
// the tenant is a text, of w it may be missing where another column says it.
var warehouse = []struct {
	name, columns string
	facts         isolation.Facts
}{
	{"t", `id INT64, tenant_id INT64, x INT64, s STRING, list ARRAY<INT64>, day DATE`, isolation.By("tenant_id")},
	{"u", `id INT64, t_id INT64, tenant_id INT64, x INT64, day DATE`, isolation.By("tenant_id")},
	{"v", `id INT64, tenant_id INT64, parent_id INT64`, isolation.By("TENANT_ID")},
	{"n", `id INT64, org STRING, x INT64, f FLOAT64`, isolation.By("org")},
	{"c", `id INT64, name STRING, tenant INT64`, isolation.Facts{}},
	{"d", `day DATE, id INT64`, isolation.Facts{}},
	{"m", `id INT64, tenant_id INT64`, isolation.Facts{State: isolation.Mixed, Columns: []isolation.Column{{Name: "tenant_id", Exact: true}}}},
	{"r", `id INT64, tenant_id INT64, rank INT64`, isolation.Facts{State: isolation.Tenant, Columns: []isolation.Column{{Name: "tenant_id", Exact: true}}, Tainted: []string{"rank"}}},
	{"w", `id INT64, a INT64, b INT64`, isolation.Facts{State: isolation.Tenant, Columns: []isolation.Column{{Name: "a"}, {Name: "b", Exact: true}}}},
	{"five", `id INT64, tenant_id INT64`, isolation.Facts{State: isolation.Tenant, Only: "5", Columns: []isolation.Column{{Name: "tenant_id", Exact: true, Filled: true}}}},
	{"this", `id INT64, tenant_id INT64, x INT64, day DATE`, isolation.Facts{}},
}

func open(t testing.TB) *googlesql.Session {
	t.Helper()
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, x := range warehouse {
		if err := s.DeclareSQL("create table " + x.name + " (" + x.columns + ")"); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func tables(name string) isolation.Facts {
	for _, x := range warehouse {
		if x.name == name {
			return x.facts
		}
	}
	return isolation.Facts{State: isolation.Mixed}
}

// show is a verdict in a line: state and columns, and reasons with their places.
func show(v isolation.Verdict, sql string) string {
	reason := func(r isolation.Reason) string {
		out := r.Why.String()
		for _, s := range []string{r.Table, r.Column, r.What} {
			if s != "" {
				out += " " + s
			}
		}
		if r.Why == isolation.Join && r.What != "" {
			out = "join"
		}
		if r.At.End > r.At.Start {
			out += fmt.Sprintf(" {%s}", sql[r.At.Start:r.At.End])
		}
		return out
	}
	out := v.State.String()
	if v.Only != "" {
		out += " only " + v.Only
	}
	if v.Blurred {
		out += " blurred"
	}
	for _, c := range v.Columns {
		if v.State == isolation.Mixed {
			break // what they would be is seen in what is told of their readers
		}
		out += " " + c.Name
		if !c.Exact {
			out += "?"
		}
		if c.Filled {
			out += "!"
		}
	}
	for _, r := range v.Reasons {
		out += " | " + reason(r)
	}
	for _, name := range v.Tainted {
		out += " ~ " + name + ": " + reason(v.Taints[name])
	}
	return out
}

// TestLacking: a join without its tenants is told with the equality that it lacks.
func TestLacking(t *testing.T) {
	s := open(t)
	for _, c := range [][2]string{
		{"select t.tenant_id from t join u as x on t.id = x.t_id", "x.tenant_id = t.tenant_id"},
		{"select t.tenant_id from c join t on c.id = t.x join n on n.id = t.id", "n.org = t.tenant_id"},
		{"select a.tenant_id from t as a, (select * from u) as b where a.id = b.id", ""},
	} {
		a, err := s.Analyze(c[0])
		if err != nil {
			t.Fatal(err)
		}
		v := isolation.Of(a.Stmt, isolation.Options{Tables: tables})
		if len(v.Reasons) != 1 || v.Reasons[0].What != c[1] {
			t.Errorf("%s: %+v, want one reason with %q", c[0], v.Reasons, c[1])
		}
	}
}

// TestFacts: the text of facts says all of them, and facts join as rows do.
func TestFacts(t *testing.T) {
	col := func(name string, exact, filled bool) isolation.Column {
		return isolation.Column{Name: name, Exact: exact, Filled: filled}
	}
	tenant := func(list ...isolation.Column) isolation.Facts {
		return isolation.Facts{State: isolation.Tenant, Columns: list}
	}
	odd := isolation.Facts{State: isolation.Tenant, Only: `it's "5"`, Columns: []isolation.Column{col("a b", false, true), col("ü~!", true, true)}, Tainted: []string{"?", "x=y"}}
	for _, f := range []isolation.Facts{{}, {State: isolation.Tenant, Blurred: true, Tainted: []string{"x"}}, {State: isolation.Mixed}, isolation.By("Tenant_ID"), odd, tenant(), tenant(col("a", false, false), col("b", true, false))} {
		if got, ok := isolation.ParseFacts(f.Text()); !ok || !got.Equal(f) {
			t.Errorf("%q is read as %+v, want %+v", f.Text(), got, f)
		}
	}
	for _, bad := range []string{"", "x", "t!", `t!"a`, `t#"a"`, "t!a"} {
		if f, ok := isolation.ParseFacts(bad); ok {
			t.Errorf("%q is read as %+v", bad, f)
		}
	}
	for _, c := range []struct{ a, b, want isolation.Facts }{
		{isolation.Facts{}, isolation.Facts{}, isolation.Facts{}},
		{isolation.By("a"), isolation.Facts{}, isolation.By("a")},
		{tenant(col("a", true, true), col("b", true, true)), isolation.Facts{}, tenant(col("a", true, false))},
		{tenant(col("a", true, true), col("b", true, true)), tenant(col("b", false, true)), tenant(col("b", false, true))},
		{isolation.By("a"), isolation.By("b"), tenant()},
		{isolation.By("a"), isolation.Facts{State: isolation.Mixed}, isolation.Facts{State: isolation.Mixed}},
		{isolation.By("a"), isolation.Facts{Tainted: []string{"a"}}, isolation.Facts{State: isolation.Tenant, Tainted: []string{"a"}}},
		{isolation.Facts{State: isolation.Tenant, Only: "5"}, isolation.Facts{State: isolation.Tenant, Only: "6"}, tenant()},
		{isolation.Facts{State: isolation.Tenant, Only: "5"}, isolation.Facts{State: isolation.Tenant, Only: "5"}, isolation.Facts{State: isolation.Tenant, Only: "5"}},
	} {
		if got := c.a.Or(c.b); !got.Equal(c.want) {
			t.Errorf("%s or %s is %s, want %s", c.a.Text(), c.b.Text(), got.Text(), c.want.Text())
		}
		if got := c.b.Or(c.a); !got.Equal(c.want) {
			t.Errorf("%s or %s is %s, want %s", c.b.Text(), c.a.Text(), got.Text(), c.want.Text())
		}
	}
}

// TestAdding: what a relation holds already takes part in what is added to it.
func TestAdding(t *testing.T) {
	s := open(t)
	for _, c := range []struct {
		start isolation.Facts
		sql   string
		want  string
	}{
		{isolation.By("tenant_id"), "select id, tenant_id, x, day from t", "tenant tenant_id"},
		{isolation.By("tenant_id"), "select id, tenant_id, x, day from t where day > (select max(day) from this)", "tenant tenant_id"},
		{isolation.By("tenant_id"), "with m as (select max(day) as top from this) select t.id, tenant_id, x, t.day from t cross join m where t.day > m.top", "tenant tenant_id"},
		{isolation.By("tenant_id"), "select id, tenant_id, x, day from t where not exists (select 1 from this where this.id = t.id)", "tenant tenant_id"},
		{isolation.By("tenant_id"), "select id, tenant_id, x, day from t where day > (select max(day) from u)", "mixed | group {max(day)}"},
		{isolation.By("tenant_id"), "select id, tenant_id, x, day from t where day > (select max(day) from this) or x > (select avg(x) from u)", "mixed | group {avg(x)}"},
		{isolation.By("tenant_id"), "select id, tenant_id, (select max(x) from this) as x, day from t", "tenant tenant_id ~ x: group {max(x)}"},
		{isolation.By("tenant_id"), "select t.id, t.tenant_id, this.x, t.day from t left join this on this.id = t.id", "mixed | join {left join}"},
		{isolation.By("tenant_id"), "select t.id, t.tenant_id, this.x, t.day from t left join this on this.id = t.id and this.tenant_id = t.tenant_id", "tenant tenant_id"},
		{isolation.By("tenant_id"), "select id, x as tenant_id, x, day from t", "tenant"},
		{isolation.By("tenant_id"), "select t.id, t.x as tenant_id, this.x, t.day from t left join this on this.id = t.id and this.tenant_id = t.tenant_id", "mixed | join {left join}"},
		{isolation.Facts{}, "select id, tenant_id, x, day from t", "tenant tenant_id"},
		{isolation.Facts{State: isolation.Mixed}, "select id, tenant_id, x, day from t", "mixed"},
		{isolation.Facts{State: isolation.Mixed}, "select t.id, t.tenant_id, t.x, t.day from t join this using (id)", "mixed | table this {this}"},
	} {
		a, err := s.Analyze(c.sql)
		if err != nil {
			t.Errorf("%s\n%v", c.sql, err)
			continue
		}
		if got := show(isolation.Of(a.Stmt, isolation.Options{Tables: tables, Self: "this", Start: c.start}), c.sql); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}

func TestVerdicts(t *testing.T) {
	s := open(t)
	cases := 0
	for _, group := range []struct {
		name  string
		cases [][2]string // SQL, verdict
	}{
		{"scans", [][2]string{
			{"select * from t", "tenant tenant_id"},
			{"select id, x from t", "tenant"},
			{"select tenant_id as who, tenant_id + 1 as more from t", "tenant who"},
			{"select * from c", "clean"},
			{"select 1 as one", "clean"},
			{"select * from m", "mixed | table m {m}"},
			{"select id, tenant_id from r", "tenant tenant_id"},
			{"select * from r", "tenant tenant_id ~ rank: table r rank {r}"},
			{"select tenant_id from t where x > 3 and s like 'a%'", "tenant tenant_id"},
			{"select id, tenant_id from t where tenant_id = 5", "tenant only 5 tenant_id!"},
			{"select 5 as tenant_id, x from t where tenant_id = 5", "tenant only 5 tenant_id!"},
			{"select 7 as tenant_id, x from t where tenant_id = 5", "tenant only 5"},
			{"select tenant_id from t where tenant_id in (5, 6)", "tenant tenant_id"},
			{"select tenant_id from t where tenant_id is not null", "tenant tenant_id!"},
			{"select x, tenant_id from t tablesample system (10 percent)", "tenant tenant_id"},
			{"select x, tenant_id from t tablesample reservoir (10 rows)", "mixed | limit {10}"},
			{"select as struct tenant_id, x from t", "tenant tenant_id"},
			{"select r.rank + 1 as y, r.tenant_id from r where r.rank < 3", "mixed | table r rank {r}"},
		}},
		{"values", [][2]string{
			{"select cast(tenant_id as string) as tenant_id from t", "tenant tenant_id"},
			{"select cast(org as int64) as tenant_id from n", "tenant tenant_id"},
			{"select safe_cast(org as int64) as tenant_id, org from n", "tenant org tenant_id?"},
			{"select cast(tenant_id as float64) as tenant_id from t", "tenant"},
			{"select upper(org) as org from n", "tenant"},
			{"select coalesce(tenant_id, 0) as tenant_id from t", "tenant"},
			{"select nullif(tenant_id, 0) as tenant_id from t", "tenant blurred tenant_id"},
			{"select if(x > 3, tenant_id, null) as tenant_id from t", "tenant blurred tenant_id"},
			{"select case when x > 3 then tenant_id end as a, tenant_id as b from t", "tenant a? b"},
			{"select case x when 3 then tenant_id else 9 end as tenant_id from t", "tenant"},
			{"select struct(tenant_id as a, x as b).a as tenant_id from t", "tenant tenant_id"},
			{"select e, tenant_id from t, unnest(list) as e", "tenant tenant_id"},
			{"select e, o, tenant_id from t left join unnest(list) as e with offset as o on e > x", "tenant tenant_id"},
			{"select tenant_id, (select sum(e) from unnest(list) as e) as y from t", "tenant tenant_id"},
			{"select tenant_id, array(select e from unnest(list) as e order by e limit 2) as y from t", "tenant tenant_id"},
		}},
		{"joins", [][2]string{
			{"select t.tenant_id, t.x, u.x as y from t join u on u.t_id = t.id and u.tenant_id = t.tenant_id", "tenant tenant_id!"},
			{"select t.tenant_id, t.x, u.x as y from t join u on u.t_id = t.id", "mixed | join {join}"},
			{"select tenant_id, t.x from t join u using (tenant_id)", "tenant tenant_id!"},
			{"select t.tenant_id from t, u where t.id = u.t_id and t.tenant_id = u.tenant_id", "tenant tenant_id!"},
			{"select t.tenant_id from t, u where t.id = u.t_id", "mixed | join {,}"},
			{"select u.tenant_id from t cross join u", "mixed | join {cross join}"},
			{"select t.tenant_id, v.id from t join u on t.tenant_id = u.tenant_id join v on v.tenant_id = u.tenant_id and v.id = t.id", "tenant tenant_id!"},
			{"select t.tenant_id, v.id from t join u on t.tenant_id = u.tenant_id join v on v.id = t.id", "mixed | join {join}"},
			{"select t.tenant_id, v.id from t left join u on t.id = u.t_id join v on v.id = t.id", "mixed | join {left join} | join {join}"},
			{"select t.tenant_id, v.id from t left join u on t.id = u.t_id join v on v.tenant_id = t.tenant_id", "mixed | join {left join}"},
			{"select m.tenant_id, count(*) as n from m join t on t.tenant_id = m.tenant_id group by m.tenant_id", "mixed | table m {m}"},
			{"select m.tenant_id, t.x from m join t on t.id = m.id", "mixed | table m {m} | join {join}"},
			{"select t.tenant_id as a, u.tenant_id as b from t left join u on u.t_id = t.id and u.tenant_id = t.tenant_id", "tenant a b?"},
			{"select t.tenant_id as a, u.tenant_id as b from u right join t on u.t_id = t.id and u.tenant_id = t.tenant_id", "tenant a b?"},
			{"select t.tenant_id as a, u.tenant_id as b from t full join u on u.t_id = t.id and u.tenant_id = t.tenant_id", "tenant a? b?"},
			{"select tenant_id, t.x, u.x as y from t full join u using (tenant_id)", "tenant tenant_id"},
			{"select coalesce(t.tenant_id, u.tenant_id) as tenant_id, t.tenant_id as a from t full join u on u.t_id = t.id and u.tenant_id = t.tenant_id", "tenant a? tenant_id"},
			{"select a.tenant_id, b.tenant_id as other from t as a cross join u as b left join v on v.tenant_id = a.tenant_id and v.tenant_id = b.tenant_id", "mixed | join {cross join}"},
			{"select a.tenant_id, b.tenant_id as other from t as a cross join u as b join v on v.tenant_id = a.tenant_id and v.tenant_id = b.tenant_id", "tenant other! tenant_id!"},
			{"select t.tenant_id, five.id from t left join five on five.tenant_id = t.tenant_id", "tenant tenant_id"},
			{"select t.tenant_id, five.id from t join five on five.tenant_id = t.tenant_id", "tenant only 5 tenant_id!"},
			{"select t.tenant_id, five.tenant_id as five from five full join t on five.tenant_id = t.tenant_id", "tenant five? tenant_id?"},
			{"select t.tenant_id from t join u on t.tenant_id is not distinct from u.tenant_id", "tenant tenant_id"},
			{"select t.tenant_id from t join w on t.tenant_id is not distinct from w.a", "mixed | join {join}"},
			{"select t.tenant_id from t join n on t.tenant_id is not distinct from safe_cast(n.org as int64)", "mixed | join {join}"},
			{"select t.tenant_id from t left join u on u.t_id = t.id", "mixed | join {left join}"},
			{"select t.tenant_id from t left join u on u.t_id = t.id where u.tenant_id = t.tenant_id", "tenant tenant_id!"},
			{"select t.tenant_id from t left join u on u.t_id = t.id and u.tenant_id = t.tenant_id where u.id is null", "tenant tenant_id"},
			{"select t.tenant_id, v.id from t left join u on u.tenant_id = t.tenant_id and u.t_id = t.id left join v on v.tenant_id = u.tenant_id and v.id = u.x", "tenant tenant_id"},
			{"select a.tenant_id from t as a left join t as b on a.tenant_id = 5 and b.tenant_id = 5", "mixed | join {left join}"},
			{"select b.tenant_id from t as a join t as b on a.tenant_id = 5 and b.tenant_id = 5", "tenant only 5 tenant_id!"},
			{"select t.tenant_id, c.name from t join c on c.id = t.x", "tenant tenant_id"},
			{"select t.tenant_id, c.name from c left join t on c.id = t.x", "tenant blurred tenant_id"},
			{"select c.name, d.day from c cross join d", "clean"},
			{"select t.tenant_id, n.x from t join n on cast(t.tenant_id as string) = n.org", "tenant tenant_id!"},
			{"select t.tenant_id, n.x from t join n on t.tenant_id = cast(n.f as int64)", "mixed | join {join}"},
			{"select t.tenant_id from t join m on m.id = t.id and m.tenant_id = t.tenant_id", "mixed | table m {m}"},
			{"select t.tenant_id from t join u on (u.t_id = t.id and u.tenant_id = t.tenant_id) or (u.x = t.x and t.tenant_id = u.tenant_id)", "tenant tenant_id!"},
			{"select t.tenant_id from t join u on (u.t_id = t.id and u.tenant_id = t.tenant_id) or u.x = t.x", "mixed | join {join}"},
			{"select t.tenant_id from t join u on t.tenant_id <= u.tenant_id", "mixed | join {join}"},
			{"select t.tenant_id from t join c on c.tenant = t.tenant_id join u on c.tenant = u.tenant_id", "mixed | join {join}"},
			{"select t.tenant_id, x.n from t cross join lateral (select count(*) as n from u where u.tenant_id = t.tenant_id and u.t_id = t.id) as x", "tenant tenant_id"},
			{"select t.tenant_id, x.n from t cross join lateral (select count(*) as n from u where u.t_id = t.id) as x", "tenant tenant_id ~ n: group {count(*)}"},
			{"select w.b, t.x from w join t on t.tenant_id = w.a", "tenant b"},
		}},
		{"groups", [][2]string{
			{"select tenant_id, count(*) as n, max(x) as x from t group by tenant_id", "tenant tenant_id"},
			{"select s, tenant_id, count(*) as n from t group by 1, 2 having count(*) > 3", "tenant tenant_id"},
			{"select s, count(*) as n from t group by s", "mixed | group {count(*)}"},
			{"select count(*) as n, sum(x) as y from t", "clean ~ n: group {count(*)} ~ y: group {sum(x)}"},
			{"select count(*) as n from t where tenant_id = 5", "tenant only 5"},
			{"select s, count(*) as n from t where tenant_id = 5 group by s", "tenant only 5"},
			{"select distinct tenant_id, s from t", "tenant tenant_id"},
			{"select distinct s from t", "mixed | group {s}"},
			{"select name, count(*) as n from c group by name", "clean"},
			{"select tenant_id, s, count(*) as n from t group by rollup(tenant_id, s)", "tenant blurred tenant_id"},
			{"select s, tenant_id, count(*) as n from t group by grouping sets ((s), (s, tenant_id))", "tenant blurred tenant_id"},
			{"select t.tenant_id, count(*) as n from t join u on u.t_id = t.id group by t.tenant_id", "mixed | join {join}"},
			{"select tenant_id, rank, count(*) as n from r group by 1, 2", "mixed | table r rank {r}"},
			{"select tenant_id, max(rank) as top from r group by 1", "tenant tenant_id ~ top: table r rank {r}"},
			{"select tenant_id, string_agg(s, ',' order by x limit 3) as list from t group by 1", "tenant tenant_id"},
			{"select cast(tenant_id as string) as tenant_id, sum(x) as y from t group by 1", "tenant tenant_id"},
			{"select x from t group by x", "mixed | group {x}"},
			{"select tenant_id, a, b from (select tenant_id, s, x from t) pivot (sum(x) for s in ('a', 'b'))", "tenant tenant_id"},
			{"select a, count(*) as n from w group by a", "tenant blurred a"},
			{"select 3 * count(*) as n, c.name from t join c on c.id = t.x group by c.name", "mixed | group {count(*)}"},
		}},
		{"windows", [][2]string{
			{"select tenant_id, rank() over (partition by tenant_id order by x) as r from t", "tenant tenant_id"},
			{"select tenant_id, rank() over (order by x) as r from t", "tenant tenant_id ~ r: window {rank() over (order by x)}"},
			{"select tenant_id, x from t qualify row_number() over (partition by id order by x) = 1", "mixed | window {row_number() over (partition by id order by x)}"},
			{"select tenant_id, x from t qualify row_number() over (partition by id, tenant_id order by x) = 1", "tenant tenant_id"},
			{"select tenant_id, x / sum(x) over () as part from t", "tenant tenant_id ~ part: window {sum(x) over ()}"},
			{"select tenant_id, x / sum(x) over () as part from t where tenant_id = 3", "tenant only 3 tenant_id!"},
			{"select b, count(*) over (partition by a) as n from w", "tenant b ~ n: window {count(*) over (partition by a)}"},
			{"select a, count(*) over (partition by a) as n from w", "tenant blurred a"},
			{"select b, count(*) over (partition by b) as n from w", "tenant b"},
			{"select name, rank() over (order by id) as r from c", "clean"},
		}},
		{"limits", [][2]string{
			{"select tenant_id, x from t order by x limit 10", "mixed | limit {10}"},
			{"select tenant_id, x from t where tenant_id = 3 order by x limit 10", "tenant only 3 tenant_id!"},
			{"select * from c limit 10", "clean"},
		}},
		{"sets", [][2]string{
			{"select tenant_id, x from t union all select tenant_id, x from u", "tenant tenant_id"},
			{"select tenant_id, x from t union all select x, tenant_id from u", "tenant"},
			{"select tenant_id, x from t union all select 0, 0", "tenant tenant_id"},
			{"select tenant_id, x from t union all select null, 0", "tenant tenant_id"},
			{"select id, name from c union all select id, 'x' from d", "clean"},
			{"select a, b from w union all select 1, 2", "tenant blurred a"},
			{"select tenant_id, x from t union distinct select tenant_id, x from u", "tenant tenant_id"},
			{"select x from t union distinct select x from u", "mixed | group {select x from t union distinct select x from u}"},
			{"select tenant_id, x from t except distinct select tenant_id, x from u", "tenant tenant_id"},
			{"select tenant_id, x from t except distinct select x, tenant_id from u", "mixed | set operation {select tenant_id, x from t except distinct select x, tenant_id from u}"},
			{"select tenant_id, x from t intersect distinct select id, 1 from c", "tenant tenant_id"},
			{"select id from c intersect distinct select id from t", "mixed | set operation {select id from c intersect distinct select id from t}"},
			{"select 5 as tenant_id, x from t where tenant_id = 5 union all select tenant_id, x from t where tenant_id = 6", "tenant tenant_id!"},
			{"select tenant_id from t where tenant_id = 5 union all select 5", "tenant tenant_id!"},
			{"select tenant_id, id from t union all select tenant_id, id from m", "mixed | table m {m}"},
			{"select t.tenant_id, t.x from t join u on t.id = u.t_id union all select tenant_id, x from t", "mixed | join {join}"},
			{"select tenant_id, rank from r union all select tenant_id, x from t", "tenant tenant_id ~ rank: table r rank {r}"},
		}},
		{"subqueries", [][2]string{
			{"select tenant_id, (select max(u.x) from u where u.t_id = t.id) as y from t", "tenant tenant_id ~ y: group {max(u.x)}"},
			{"select tenant_id, (select max(u.x) from u where u.t_id = t.id and u.tenant_id = t.tenant_id) as y from t", "tenant tenant_id"},
			{"select tenant_id from t where x > (select avg(x) from u)", "mixed | group {avg(x)}"},
			{"select tenant_id from t where x > (select avg(x) from u where u.tenant_id = t.tenant_id)", "tenant tenant_id"},
			{"select tenant_id from t where id in (select t_id from u)", "mixed | subquery {id in (select t_id from u)}"},
			{"select tenant_id from t where id in (select t_id from u where u.tenant_id = t.tenant_id)", "tenant tenant_id"},
			{"select tenant_id from t where tenant_id in (select tenant_id from u where x > 3)", "tenant tenant_id"},
			{"select tenant_id from t where (id, tenant_id) in (select (t_id, tenant_id) from u)", "tenant tenant_id"},
			{"select tenant_id from t where tenant_id not in (select tenant_id from u)", "mixed | subquery {tenant_id not in (select tenant_id from u)}"},
			{"select tenant_id from t where tenant_id not in (select tenant_id from u where tenant_id is not null)", "tenant blurred tenant_id"},
			{"select tenant_id, tenant_id in (select tenant_id from u) as has from t", "tenant tenant_id ~ has: subquery {tenant_id in (select tenant_id from u)}"},
			{"select tenant_id from t where exists (select 1 from u where u.t_id = t.id)", "mixed | subquery {exists (select 1 from u where u.t_id = t.id)}"},
			{"select tenant_id from t where not exists (select 1 from u where u.t_id = t.id and u.tenant_id = t.tenant_id)", "tenant tenant_id"},
			{"select tenant_id, array(select as struct u.x from u where u.tenant_id = t.tenant_id order by u.x limit 3) as xs from t", "tenant tenant_id"},
			{"select tenant_id, (select count(*) from u where u.tenant_id = t.tenant_id and exists (select 1 from v where v.id = u.id and v.tenant_id = t.tenant_id)) as y from t", "tenant tenant_id"},
			{"select tenant_id, (select count(*) from u where u.tenant_id = t.tenant_id and exists (select 1 from v where v.id = u.id)) as y from t", "tenant tenant_id ~ y: subquery {exists (select 1 from v where v.id = u.id)}"},
			{"select tenant_id from t where x > (select avg(x) from u where u.tenant_id = 5) and tenant_id = 5", "tenant only 5 tenant_id!"},
			{"select tenant_id from t where x > (select avg(x) from u where u.tenant_id = 5)", "mixed | subquery {(select avg(x) from u where u.tenant_id = 5)}"},
			{"select tenant_id from t where x in (select id from c)", "tenant tenant_id"},
			{"select a.tenant_id from t as a join t as b on a.id = b.id where exists (select 1 from u where u.tenant_id = a.tenant_id and u.tenant_id = b.tenant_id)", "mixed | join {join}"},
			{"select name, (select count(*) from t where t.x = c.id) as n from c", "clean ~ n: group {count(*)}"},
		}},
		{"constructs", [][2]string{
			{"select tenant_id, grouping(s) as g, s, count(*) as n from t group by rollup(tenant_id, s)", "tenant blurred tenant_id"},
			{"select tenant_id, array_transform(list, e -> e + x) as l, array_filter(list, e -> e > x) as m from t", "tenant tenant_id"},
			{"select tenant_id, array_transform(list, e -> e + (select max(x) from u)) as l from t", "tenant tenant_id ~ l: group {max(x)}"},
			{"select tenant_id, any_value(s having max x) as s from t group by 1", "tenant tenant_id"},
			{"select tenant_id, s2, v from (select tenant_id, id, x from t) unpivot (v for s2 in (id, x))", "tenant tenant_id"},
			{"select * except (s, list), s as s2 from t", "tenant tenant_id"},
			{"select * replace (tenant_id + 1 as tenant_id) from t", "tenant"},
			{"select tenant_id, sum(x) over w as y, first_value(x) over (w order by id) as z from t window w as (partition by tenant_id)", "tenant tenant_id"},
			{"select tenant_id, struct(x, s) as st, [x, id] as arr, to_json(t) as j from t", "tenant tenant_id"},
			{"select t as whole, t.tenant_id from t", "tenant tenant_id"},
			{"select whole.tenant_id, whole.x from (select t as whole from t)", "tenant tenant_id"},
			{"select tenant_id, e.a from t cross join unnest([struct(x as a), struct(id)]) as e", "tenant tenant_id"},
			{"select o.tenant_id, e.x from (select tenant_id, array_agg(struct(x, s)) as items from t group by 1) as o, unnest(items) as e", "tenant tenant_id"},
			{"select e.tenant_id, e.x from (select array_agg(struct(tenant_id, x)) as items from t) as o, unnest(items) as e", "mixed | group {array_agg(struct(tenant_id, x))}"},
			{"with recursive w as (select id, tenant_id from v union all select v.id, v.tenant_id from v join w using (tenant_id)) select * from w", "tenant tenant_id"},
			{"select tenant_id, (select as struct max(x) as a, min(x) as b from u where u.tenant_id = t.tenant_id).a as m from t", "tenant tenant_id"},
			{"select tenant_id, x from t where exists (select 1 from unnest(list) as e where e in (select id from c))", "tenant tenant_id"},
			{"select tenant_id, case when exists (select 1 from u where u.tenant_id = t.tenant_id and u.t_id = t.id) then 1 else 0 end as has from t", "tenant tenant_id"},
			{"select t.tenant_id, count(distinct u.id) as n, sum(if(u.x > 3, 1, 0)) as m from t left join u using (tenant_id) group by all", "tenant tenant_id"},
			{"select tenant_id, percentile_cont(x, 0.5) over (partition by tenant_id) as m from t", "tenant tenant_id"},
			{"select tenant_id, x from t where (select count(*) from u where u.tenant_id = t.tenant_id) > 3", "tenant tenant_id"},
			{"select tenant_id, lag(x) over (partition by tenant_id order by day) as p from t where day between date '2024-01-01' and (select max(day) from d)", "tenant tenant_id"},
			{"select tenant_id, format('%t', t) as f from t", "tenant tenant_id"},
			{"from t |> join u using (tenant_id) |> extend t.x + u.x as y |> where y > 3 |> select tenant_id, y |> distinct", "tenant tenant_id!"},
			{"from t |> aggregate count(*) as n group by tenant_id |> as a |> left join u on u.tenant_id = a.tenant_id |> select a.tenant_id, n, u.x", "tenant tenant_id"},
			{"select 1 as one from t", "tenant"},
			{"select tenant_id, x from t full outer union all by name select tenant_id, name from c cross join u", "tenant tenant_id"},
			{"select with(a as tenant_id, b as x, if(b > 1, a, null)) as tenant_id from t", "tenant blurred tenant_id"},
			{"select t.tenant_id from t left join lateral (select * from u where u.tenant_id = t.tenant_id order by x limit 1) as l on true", "tenant tenant_id"},
			{"select session_user() as who, tenant_id from t where rand() > 0.5", "tenant tenant_id"},
			{"select a.tenant_id from t as a where not exists (select 1 from t as b where b.tenant_id = a.tenant_id and b.day > a.day)", "tenant tenant_id"},
			{"select tenant_id, n from (select tenant_id, count(*) as n from t group by 1) where n = (select max(n) from (select count(*) as n from t group by tenant_id))", "mixed | group {max(n)}"},
		}},
		{"expressions", [][2]string{
			{"with w as (select tenant_id, x from t) select a.tenant_id from w as a join w as b on a.x = b.x", "mixed | join {join}"},
			{"with w as (select tenant_id, x from t) select a.tenant_id from w as a join w as b on a.x = b.x and a.tenant_id = b.tenant_id", "tenant tenant_id!"},
			{"with w as (select t.tenant_id as a, u.tenant_id as b, t.x from t join u on t.id = u.t_id) select a, x from w where a = b", "tenant a!"},
			{"with w as (select tenant_id from t where tenant_id = 5) select * from w", "tenant only 5 tenant_id!"},
			{"with w as (select max(x) as top from t) select tenant_id, x from t where x > (select top from w)", "mixed | group {max(x)}"},
			{"with w as (select max(x) as top from t) select tenant_id, top from t cross join w", "tenant tenant_id ~ top: group {max(x)}"},
			{"with w as (select * from u) select tenant_id, (select count(*) from w where w.tenant_id = t.tenant_id) as n from t", "tenant tenant_id"},
			{"with w as (select * from u) select tenant_id, (select count(*) from w) as n from t", "tenant tenant_id ~ n: group {count(*)}"},
			{"with recursive w as (select id, tenant_id, 1 as n from v where parent_id is null union all select v.id, v.tenant_id, w.n + 1 from v join w on v.parent_id = w.id and v.tenant_id = w.tenant_id) select * from w", "tenant tenant_id"},
			{"with recursive w as (select id, tenant_id from v where parent_id is null union all select v.id, v.tenant_id from v join w on v.parent_id = w.id) select * from w", "mixed | join {join}"},
			{"with recursive w as (select id, tenant_id, id as top from v union all select v.id, v.tenant_id, w.tenant_id from v join w on v.parent_id = w.id and v.tenant_id = w.tenant_id) select * from w", "tenant tenant_id"},
			{"with recursive w as (select 1 as n, null as tenant_id union all select n + 1, t.tenant_id from w join t on t.x = n where n < 5) select * from w", "mixed | join {join}"},
			{"with recursive w as (select 1 as n union all select n + 1 from w where n < 5) select * from w", "clean"},
			{"with recursive w as (select id, tenant_id from v union distinct select v.id, v.tenant_id from v join w on v.parent_id = w.id and v.tenant_id = w.tenant_id) select id from w", "tenant"},
			{"from t |> where x > 3 |> aggregate sum(x) as y group by tenant_id", "tenant tenant_id"},
			{"select tenant_id, d.day, count(u.id) as n from (select distinct tenant_id from t) cross join d left join u using (tenant_id, day) group by 1, 2", "tenant tenant_id"},
		}},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.cases {
				cases++
				a, err := s.Analyze(c[0])
				if err != nil {
					t.Errorf("%s\n%v", c[0], err)
					continue
				}
				got := show(isolation.Of(a.Stmt, isolation.Options{Tables: tables}), c[0])
				if got != c[1] {
					t.Errorf("%s\n got %s\nwant %s", c[0], got, c[1])
				}
			}
		})
	}
	if cases < 60 {
		t.Errorf("%d cases are too few", cases)
	}
}

// BenchmarkOf compares the proof with the analysis of the same text.
func BenchmarkOf(b *testing.B) {
	s := open(b)
	const sql = `with w as (select t.*, row_number() over (partition by tenant_id, id order by day desc) as n from t)
select w.id, w.tenant_id, u.x, c.name, sum(w.x) as total, count(distinct u.id) as orders,
  case when w.x > 3 then 'a' when w.s like 'b%' then 'b' else coalesce(w.s, 'c') end as class
from w left join u on u.t_id = w.id and u.tenant_id = w.tenant_id left join c on c.id = u.x
where w.n = 1 and exists (select 1 from v where v.id = w.id and v.tenant_id = w.tenant_id)
group by 1, 2, 3, 4, 7`
	a, err := s.Analyze(sql)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("analyze", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.Analyze(sql); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("prove", func(b *testing.B) {
		for b.Loop() {
			if v := isolation.Of(a.Stmt, isolation.Options{Tables: tables}); v.State != isolation.Tenant {
				b.Fatalf("%+v", v)
			}
		}
	})
}

// TestWide: the cost of a proof does not double with every join or common table expression.
func TestWide(t *testing.T) {
	s := open(t)
	chain, ctes := "select t0.tenant_id from t as t0", "with w0 as (select tenant_id, x from t)"
	for i := 1; i < 150; i++ {
		chain += fmt.Sprintf(" join u as t%d on t%d.id = t%d.id and t%d.tenant_id = t%d.tenant_id", i, i, i-1, i, i-1)
	}
	for i := 1; i < 80; i++ {
		ctes += fmt.Sprintf(", w%d as (select a.tenant_id, a.x from w%d as a join w%d as b using (tenant_id))", i, i-1, i-1)
	}
	ctes += " select * from w79"
	for _, c := range []struct{ sql, want string }{
		{chain, "tenant tenant_id!"},
		{strings.ReplaceAll(chain, " and ", " or "), "mixed"},
		{ctes, "tenant tenant_id!"},
		{strings.ReplaceAll(ctes, "using (tenant_id)", "on a.x = b.x"), "mixed"},
		{strings.ReplaceAll(ctes, "join", "left join"), "tenant tenant_id"},
	} {
		a, err := s.Analyze(c.sql)
		if err != nil {
			t.Fatal(err)
		}
		v := isolation.Of(a.Stmt, isolation.Options{Tables: tables})
		if got := show(isolation.Verdict{Facts: v.Facts}, c.sql); got != c.want {
			t.Errorf("%.80s…\n got %s\nwant %s", c.sql, got, c.want)
		}
		if v.State == isolation.Mixed && len(v.Reasons) != 8 {
			t.Errorf("%d reasons, want the first 8", len(v.Reasons))
		}
	}
}
