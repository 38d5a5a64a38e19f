package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	target "github.com/engine-build/engine/engine/transpile/postgres"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// queries are GoogleSQL with the rows of BigQuery, where PostgreSQL sees things otherwise:
// each row as text, the cells parted by bars.
var queries = []struct {
	name, sql string
	want      []string
}{
	{"strings sort by code points", "select s from unnest(['b', 'a', 'B', 'é', 'z', '_']) as s order by s", []string{"B", "_", "a", "b", "z", "é"}},
	{"NULL sorts first", "select s from unnest(['b', null, 'a']) as s order by s", []string{"NULL", "a", "b"}},
	{"collations of several functions do not meet", "select upper(max(s)) || min(lower(s)), max(upper(s)) < min(s), greatest(min(s), upper(min(s))) from unnest(['b', 'a', 'B']) as s", []string{"Ba|f|B"}},
	{"collations of subqueries do not meet", "select a.m from (select min(s) as m from unnest(['b', 'a']) as s) as a join (select lower(s) as l from unnest(['A', 'C']) as s) as b on a.m = b.l where a.m <= b.l", []string{"a"}},
	{"a distinct aggregate in order", "select string_agg(distinct s, '-' order by s) from unnest(['b', 'a', 'B', 'a']) as s", []string{"B-a-b"}},
	{"decimals keep their digits", "select coalesce(x, 0), sum(x) over (), -x from unnest([numeric '1.5', null]) as x order by x desc", []string{"1.500000000|1.500000000|-1.500000000", "0.000000000|1.500000000|NULL"}},
	{"the mean of integers", "select avg(x) from unnest([297, 0, 0]) as x", []string{"99"}},
	{"a quotient to the nearest double", "select avg(x) from (select 3 as x union all select 3 union all select 297 - 6) union all select 297 / 97", []string{"99", "3.0618556701030926"}},
	{"rounding as the product is rounded", "select round(2.675, 2), round(-2.5), round(1234.5, -2), trunc(1.29, 1), round(x, 1) from unnest([cast('nan' as float64)]) as x", []string{"2.68|-3|1200|1.2|NaN"}},
	{"windows pass NULLs over", "select k, last_value(v ignore nulls) over (order by k), first_value(v ignore nulls) over (order by k rows between 1 following and 2 following), nth_value(v, 2 ignore nulls) over (order by k rows between unbounded preceding and unbounded following) from unnest([struct(1 as k, 'a' as v), (2, null), (3, 'b'), (4, null)]) order by k",
		[]string{"1|a|b|b", "2|a|b|b", "3|b|NULL|b", "4|b|NULL|b"}},
	{"distinct over a window", "select k, count(distinct v) over (partition by k), sum(distinct v) over (partition by k), avg(distinct v) over (partition by k) from unnest([struct(1 as k, 2 as v), (1, 2), (1, 3), (2, null)]) order by k, v",
		[]string{"1|2|5|2.5", "1|2|5|2.5", "1|2|5|2.5", "2|0|NULL|NULL"}},
	{"the rows of an extreme", "select sum(v having max k), count(* having min k), any_value(v having max k) from unnest([struct(1 as k, 2 as v), (2, 3), (2, 4), (null, 9)])", []string{"7|1|3"}},
	{"the most frequent values", "select t.value, t.count from unnest((select approx_top_count(x, 2) from unnest(['a', 'b', 'b', 'c', 'c', 'c']) as x)) as t", []string{"c|3", "b|2"}},
	{"arrays one after the other", "select array_length(array_concat_agg(a order by k)), array_concat_agg(a order by k)[offset(2)] from unnest([struct(2 as k, [3, 4] as a), (1, [1, 2]), (3, null)])", []string{"4|3"}},
	{"arrays are read from 0 and 1", "select a[offset(0)], a[ordinal(1)], a[safe_offset(9)], array_length(a) from (select ['x', null] as a)", []string{"x|x|NULL|2"}},
	{"a value among those of a query", "select 3 in unnest((select array_agg(x) from unnest([1, 3]) as x)), 2 in unnest((select array_agg(x) from unnest([1, null]) as x))", []string{"t|NULL"}},
	{"structs in structs and arrays", "select s.a.b, s.l[offset(1)].n, s.a is null, s.a = struct(1 as b), s.a in (struct(2), struct(cast(null as int64))) from (select struct(struct(1 as b) as a, [struct(2 as n), struct(3)] as l) as s)", []string{"1|3|f|t|NULL"}},
	{"a struct of NULLs is not NULL", "select s is null, coalesce(s, struct(7 as x)).x, count(s) over () from (select struct(cast(null as int64) as x) as s)", []string{"f|NULL|1"}},
	{"rows of arrays of structs", "select n.a, n.b, off from unnest([struct(1 as a, 'x' as b), (2, null)]) as n with offset as off order by off", []string{"1|x|0", "2|NULL|1"}},
	{"JSON in any form", "select json_value(t, '$.a'), json_query(t, '$.c'), json_value(t, '$.x.y'), json_value('n/a', '$.a') from (select '''{ \"a\" : 1.50, \"c\": [1,  \"x\\\\u00e9\\\\n\"], \"x\": {\"y\": true} }''' as t)", []string{`1.50|[1,"xé\n"]|t|NULL`}},
	{"JSON values", "select to_json_string(parse_json('{\"b\":1.0,\"a\":[null,\"x\"]}')), int64(parse_json('7')), lax_int64(parse_json('\"7.5\"')), to_json_string(struct(1 as a, [true] as b))", []string{`{"a":[null,"x"],"b":1.0}|7|8|{"a":1,"b":[true]}`}},
	{"casts that may fail", "select safe_cast('x' as int64), safe_cast(' 7' as int64), safe_cast('2024-02-30' as date), safe_cast('1e3' as numeric), safe_cast('TRUE' as bool)", []string{"NULL|7|NULL|1000.000000000|t"}},
	{"formats of dates", "select format_date('%d.%m.%y %b', date '2024-02-09'), parse_date('%m/%d/%Y', '2/9/2024'), safe.parse_date('%m/%d/%Y', '2024-02-09'), cast(date '2024-02-09' as string format 'DD MON YYYY')", []string{"09.02.24 Feb|2024-02-09|NULL|09 FEB 2024"}},
	{"zones", "select date(t, z), datetime(t, z), timestamp(datetime '2024-06-30 22:30:00', z) = t from (select timestamp '2024-06-30 20:30:00+00' as t, z from unnest(['Europe/Zurich', '+02:00']) as z) order by 2", []string{"2024-06-30|2024-06-30 22:30:00|t", "2024-06-30|2024-06-30 22:30:00|t"}},
	{"regular expressions", `select regexp_contains('a-b', r'\bb\b'), regexp_extract('k=v; x=y', r'x=(\w+)'), regexp_replace('2024-02', r'(\d+)-(\d+)', r'\2/\1')`, []string{"t|y|02/2024"}},
	{"the place of the n-th text", "select instr('helloooo', 'oo', -1, 1), instr('helloooo', 'oo', 1, 2), instr('helloooo', 'oo', -6), instr('abc', 'x', 1)", []string{"7|6|0|0"}},
	{"texts of intervals and numbers", "select cast(interval '1-2 3 4:5:6.5' year to second as string), cast(1e20 as string), cast(0.1 as string), cast(numeric '1.50' as string)", []string{"1-2 3 4:5:6.500|1e+20|0.1|1.5"}},
	{"half to even", "select round(numeric '2.5', 0, 'ROUND_HALF_EVEN'), round(numeric '3.5', 0, 'ROUND_HALF_EVEN'), round(numeric '-2.45', 1, 'ROUND_HALF_EVEN'), round(numeric '2.51', 0, 'ROUND_HALF_EVEN')", []string{"2.000000000|4.000000000|-2.400000000|3.000000000"}},
	{"integers do not become small", "select 2147483647 + 1, 65536 * 65536, div(7, 2), mod(-7, 2), 7 / 2", []string{"2147483648|4294967296|3|-1|3.5"}},
	{"a recursive query over decimals", "with recursive r as (select numeric '1' as x union all select x * numeric '1.5' from r where x < 2) select x from r order by x", []string{"1.000000000", "1.500000000", "2.250000000"}},
	{"fingerprints", "select farm_fingerprint('foo'), to_hex(md5('a')), to_hex(sha256(''))", []string{"6150913649986995171|0cc175b9c0f1b6a831c399e269772661|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}},
	{"the newest row of each", "select array_agg(t order by t.ts desc limit 1)[offset(0)].* from (select 1 as id, 'a' as v, 1 as ts union all select 1, 'b', 2 union all select 2, 'c', 3) as t group by t.id order by id", []string{"1|b|2", "2|c|3"}},
	{"the newest row by a struct", "select r.v from (select array_agg(struct(v, ts) order by ts desc limit 1)[safe_offset(0)] as r from unnest([struct('a' as v, 1 as ts), ('b', 2)]))", []string{"b"}},
	{"arrays of rows", "select array_length(l), (select string_agg(x.v, ',' order by x.n) from unnest(l) as x), exists(select 1 from unnest(l) as x where x.n = 2) from (select array(select as struct n, concat('v', cast(n as string)) as v from unnest([2, 1]) as n) as l)", []string{"2|v1,v2|t"}},
	{"a row as JSON", "select to_json_string(t), farm_fingerprint(to_json_string(t)) = farm_fingerprint('{\"a\":1,\"b\":null,\"d\":\"2024-01-31\"}') from (select 1 as a, cast(null as string) as b, date '2024-01-31' as d) as t", []string{`{"a":1,"b":null,"d":"2024-01-31"}|t`}},
	{"pivot", "select * from (select 'x' as k, 1 as v union all select 'y', 2 union all select 'x', 3) pivot (sum(v) for k in ('x', 'y', 'z'))", []string{"4|2|NULL"}},
	{"unpivot", "select k, v from (select 1 as a, 2 as b) unpivot (v for k in (a, b)) order by k", []string{"a|1", "b|2"}},
	{"qualify", "select v from unnest([struct(1 as k, 'a' as v), (1, 'b'), (2, 'c')]) where true qualify row_number() over (partition by k order by v desc) = 1 order by v", []string{"b", "c"}},
	{"parts of a text", "select split('a,b', ',')[safe_offset(1)], split('a,b', ',')[safe_offset(5)], array_to_string(array(select distinct x from unnest(['b', 'a', 'b']) as x order by x), '+')", []string{"b|NULL|a+b"}},
	{"weeks and ends of months", "select date_trunc(date '2024-02-29', week(monday)), date_trunc(date '2024-02-29', isoweek), last_day(date '2024-02-10'), date_add(date '2024-01-31', interval 1 month), extract(dayofweek from date '2024-02-29'), date_diff(date '2024-03-01', date '2024-02-01', week)", []string{"2024-02-26|2024-02-26|2024-02-29|2024-02-29|5|4"}},
	{"rollup", "select k, sum(v), grouping(k) from unnest([struct('a' as k, 1 as v), ('b', 2)]) group by rollup(k) order by k", []string{"NULL|3|1", "a|1|0", "b|2|0"}},
	{"medians", "select distinct percentile_cont(x, 0.5) over (), percentile_disc(x, 0.5) over () from unnest([1, 2, 3, 4]) as x", []string{"2.5|2"}},
	{"outer rows of arrays", "select t.id, x, off from (select 1 as id, [7, 8] as l union all select 2, []) as t left join unnest(t.l) as x with offset as off order by 1, 3", []string{"1|7|0", "1|8|1", "2|NULL|NULL"}},
	{"sets without duplicates", "(select x from unnest([1, 1, null, null, 2]) as x except distinct select 2) union all (select y from unnest([5]) as y intersect distinct select 5) order by x", []string{"NULL", "1", "5"}},
	{"texts by a pattern", "select format('%05d|%s|%.2f|%t', 42, 'x', 2.5, date '2024-01-31'), lpad('7', 3, '0'), initcap('a-b c'), regexp_replace('(+41) 79', r'[^0-9]', '')", []string{"00042|x|2.50|2024-01-31|007|A-B C|4179"}},
	{"widths and signs of numbers", `select format('[%6.2f][%-6d][%+d][%\'d][%08.3f][%f][%.0f][%.1f]', 3.14159, 42, 7, 1234567, -2.5, 1e-7, 2.5, 0.25), format('[%5s][%-5s][%.2s]', 'ab', 'ab', 'abc'), format('%t', cast(null as int64)), format('%d', cast(null as int64)), format('%.2f', numeric '2.345'), format('%.1f', x) from unnest([cast('inf' as float64)]) as x`,
		[]string{"[  3.14][42    ][+7][1,234,567][-002.500][0.000000][2][0.2]|[   ab][ab   ][ab]|NULL|NULL|2.35|inf"}},
	{"elements of JSON arrays", "select json_value(e, '$.n'), off from unnest(json_query_array('{\"l\":[{\"n\":1},{\"n\":\"z\"}]}', '$.l')) as e with offset as off order by off", []string{"1|0", "z|1"}},
	{"times of a zone", "select timestamp_trunc(timestamp '2024-03-31 00:30:00+00', day, 'Europe/Zurich'), datetime(timestamp '2024-07-01 00:00:00+00', 'America/New_York'), unix_seconds(timestamp '2024-01-01 00:00:00+00'), timestamp_diff(timestamp '2024-01-02 00:00:00+00', timestamp '2024-01-01 12:00:00+00', hour)", []string{"2024-03-30 23:00:00+00|2024-06-30 20:00:00|1704067200|12"}},
	{"values that differ with NULL", "select null is distinct from 1, 1 is not distinct from 1, nullif('', ''), ifnull(null, 'x'), if(null, 1, 2), logical_or(x) from unnest([false, null]) as x", []string{"t|t|NULL|x|2|f"}},
}

// Databases sort text in their own way: nothing of it shows.
func TestQueries(t *testing.T) {
	s := pg.Shared(t)
	session, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	plain := s.Database(t)
	admin := openAs(t, s, "postgres", "")
	databases := map[string]string{"C": plain}
	if version, _ := one(t, admin, "SELECT current_setting('server_version_num')").(string); version >= "150000" {
		icu := plain + "_icu"
		execute(t, admin, "CREATE DATABASE "+Dialect{}.Ident(icu)+" TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LC_COLLATE 'C' LC_CTYPE 'C'")
		t.Cleanup(func() { execute(t, admin, "DROP DATABASE "+Dialect{}.Ident(icu)+" WITH (FORCE)") })
		databases["ICU"] = icu
	}
	for name, db := range databases {
		t.Run(name, func(t *testing.T) {
			c := openAs(t, s, db, "")
			for _, tt := range queries {
				a, err := session.Analyze(tt.sql)
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					continue
				}
				res, err := target.Statement(a.Stmt, transpile.Options{})
				if err != nil {
					t.Errorf("%s: %v", tt.name, err)
					continue
				}
				if err := c.Prepare(context.Background(), res.Needs); err != nil {
					t.Fatal(err)
				}
				got, err := texts(c, res.SQL, a.Stmt.(*ir.Query))
				if err != nil {
					t.Errorf("%s: %v\n%s", tt.name, err, res.SQL)
					continue
				}
				if d := cmp.Diff(tt.want, got); d != "" {
					t.Errorf("%s (-want +got):\n%s\n%s", tt.name, d, res.SQL)
				}
			}
		})
	}
}

// texts are the rows of a query, each cell as PostgreSQL writes it.
func texts(c *conn, sql string, q *ir.Query) ([]string, error) {
	cells := make([]string, len(q.Output))
	names := make([]string, len(q.Output))
	for i := range cells {
		names[i] = fmt.Sprintf("c%d", i)
		cells[i] = "coalesce(CASE WHEN " + names[i] + " IS NULL THEN NULL WHEN " + names[i] + "::text IN ('true', 'false') THEN left(" + names[i] + "::text, 1) ELSE " + names[i] + "::text END, 'NULL')"
	}
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: "SELECT " + strings.Join(cells, " || '|' || ") + " FROM (" + sql + ") AS q(" + strings.Join(names, ", ") + ")"})
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return nil, err
		}
		out = append(out, v[0].(string))
	}
	return out, rows.Err()
}
