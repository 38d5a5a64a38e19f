package duckdb_test

import (
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/function"
	warehouse "github.com/engine-build/engine/engine/warehouse/duckdb"

	"github.com/google/go-cmp/cmp"
)

// Aggregates and windows from text to rows; a want of one text that begins with ERROR is a
// part of the error.
func TestAggregateRows(t *testing.T) {
	b := newBed(t)
	if err := warehouse.RegisterFunctions(t.Context(), b.db); err != nil {
		t.Fatal(err)
	}
	const rows = "(SELECT * FROM UNNEST([STRUCT('a' AS k, 1 AS x, 1.5 AS y), ('a', 2, CAST('nan' AS FLOAT64)), ('a', 2, -1), ('b', 5, CAST('inf' AS FLOAT64)), ('b', NULL, 3), ('b', 7, NULL)]))"
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"HAVING MAX keeps all rows of the extreme", "SELECT k, COUNT(* HAVING MAX x), SUM(x HAVING MIN x), ANY_VALUE(x HAVING MAX x) FROM " + rows + " GROUP BY k ORDER BY k", []string{"a | 2 | 1 | 2", "b | 1 | 5 | 7"}},
		{"NaN and NULL are no extreme", "SELECT COUNT(* HAVING MAX y), COUNT(* HAVING MIN IF(x IS NULL, 1, NULL)), COUNT(* HAVING MIN CAST(NULL AS INT64)) FROM " + rows, []string{"0 | 1 | 0"}},
		{"by an expression, beside plain aggregates", "SELECT CONCAT(k, '!') AS kk, ARRAY_TO_STRING(ARRAY_AGG(CAST(x AS STRING) HAVING MAX x ORDER BY x), ','), COUNT(*) FROM " + rows + " WHERE x > 0 GROUP BY kk ORDER BY kk", []string{"a! | 2,2 | 3", "b! | 7 | 2"}},
		{"top by weight", "SELECT TO_JSON_STRING(APPROX_TOP_SUM(k, x, 1)) FROM " + rows, []string{`[{"value":"b","sum":12}]`}},
		{"top by weight over a window", "SELECT DISTINCT TO_JSON_STRING(APPROX_TOP_SUM(x, x, 2) OVER ()) FROM " + rows, []string{`[{"value":7,"sum":7},{"value":5,"sum":5}]`}},
		{"no negative weights", "SELECT APPROX_TOP_SUM(k, -x, 1) FROM " + rows, []string{"ERROR does not support negative or NaN weights"}},
		{"top count of intervals and floats", "SELECT TO_JSON_STRING(APPROX_TOP_COUNT(IF(x > 2, MAKE_INTERVAL(0, 0, 30), MAKE_INTERVAL(0, 1)), 1)[OFFSET(0)].count), APPROX_TOP_COUNT(y * 0, 1)[OFFSET(0)].count FROM " + rows, []string{"6 | 3"}},
		{"quantiles of floats", "SELECT TO_JSON_STRING(APPROX_QUANTILES(y, 2)) FROM " + rows, []string{`["NaN",1.5,"Infinity"]`}},
		{"sums of intervals", "SELECT CAST(SUM(MAKE_INTERVAL(0, x, 0, 1)) AS STRING), CAST(AVG(MAKE_INTERVAL(0, x)) AS STRING) FROM " + rows, []string{"1-5 0 5:0:0 | 0-3 12 0:0:0"}},
		{"an overflow of doubles is an error", "SELECT SUM(IF(y IS NULL, 1e308, 1.5e308)) FROM " + rows, []string{"ERROR double overflow"}},
		{"that of an intermediate sum is none", "SELECT SUM(v) OVER () FROM UNNEST([1.5e308, 1.5e308, -1.5e308]) AS v", []string{"1.5e+308", "1.5e+308", "1.5e+308"}},
		{"SAFE of windows", "SELECT DISTINCT SAFE.SUM(IF(y IS NULL, 1e308, 1.5e308)) OVER (), SAFE.NTILE(1) OVER (ORDER BY x), SAFE.RANK() OVER (ORDER BY k) > 0 FROM " + rows, []string{"<nil> | 1 | true"}},
		{"infinite values are summed", "SELECT SUM(y), MAX(y) FROM " + rows + " WHERE x = 5", []string{"+Inf | +Inf"}},
		{"frames by distance around NaN", "SELECT x, COUNT(*) OVER (ORDER BY y RANGE BETWEEN 3 PRECEDING AND CURRENT ROW) AS n, COUNT(*) OVER (ORDER BY y RANGE BETWEEN UNBOUNDED PRECEDING AND 0 FOLLOWING) FROM " + rows + " ORDER BY n, x NULLS FIRST, 3", []string{"2 | 1 | 2", "2 | 1 | 3", "5 | 1 | 6", "7 | 1 | 1", "<nil> | 2 | 5", "1 | 2 | 4"}},
		{"percentiles of NaN", "SELECT DISTINCT PERCENTILE_CONT(y, 0) OVER (), PERCENTILE_CONT(y, 0.5) OVER (), PERCENTILE_DISC(y, 1) OVER () FROM " + rows, []string{"NaN | 1.5 | +Inf"}},
		{"percentiles that respect NULLs", "SELECT DISTINCT PERCENTILE_CONT(x, 0.1 RESPECT NULLS) OVER (), PERCENTILE_DISC(x, 0 RESPECT NULLS) OVER (), PERCENTILE_CONT(CAST(x AS NUMERIC), 0.3) OVER () FROM " + rows, []string{"1 | <nil> | 2"}},
		{"HLL sketches are exact", "SELECT HLL_COUNT.MERGE(s), HLL_COUNT.EXTRACT(HLL_COUNT.MERGE_PARTIAL(s)) FROM (SELECT HLL_COUNT.INIT(x) AS s FROM " + rows + " GROUP BY k UNION ALL SELECT HLL_COUNT.INIT(z) FROM UNNEST([2]) AS z)", []string{"4 | 4"}},
		{"of one type", "SELECT HLL_COUNT.MERGE(s) FROM (SELECT HLL_COUNT.INIT(x) AS s FROM " + rows + " UNION ALL SELECT HLL_COUNT.INIT(z) FROM UNNEST(['a']) AS z)", []string{"ERROR Invalid or incompatible sketch in HLL_COUNT.MERGE"}},
		{"and checked", "SELECT HLL_COUNT.EXTRACT(b'abc')", []string{"ERROR Invalid sketch in HLL_COUNT.EXTRACT"}},
		{"KLL sketches", "SELECT TO_JSON_STRING(KLL_QUANTILES.MERGE_INT64(s, 2)), KLL_QUANTILES.MERGE_POINT_INT64(s, 0.5) FROM (SELECT KLL_QUANTILES.INIT_INT64(x) AS s FROM " + rows + " GROUP BY k)", []string{"[1,2,7] | 2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.rows(t, c.sql)
			if err != nil {
				want, ok := strings.CutPrefix(c.want[0], "ERROR ")
				if !ok || !strings.Contains(err.Error(), want) {
					t.Fatal(err)
				}
				return
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What is no sketch is an error, never a panic or a wrong number.
func FuzzSketches(f *testing.F) {
	f.Add([]byte("\x00engine-set\x01"))
	f.Add([]byte("\x00engine-bag\x01\x03\xe8\x07\x01\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, x := range function.List() {
			switch {
			case x.Name == "set_count":
				_, _ = x.Fn([]any{b})
			case strings.HasPrefix(x.Name, "bag_quantiles"):
				_, _ = x.Fn([]any{b, int64(3), "f"})
			case strings.HasPrefix(x.Name, "bag_point"):
				_, _ = x.Fn([]any{b, 0.5, "f"})
			}
		}
	})
}
