package duckdb_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	_ "github.com/duckdb/duckdb-go/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/transpile"
	"github.com/engine-build/engine/engine/transpile/duckdb"
)

// orders is declared to the analyzer and created in DuckDB.
const (
	ordersType = "STRUCT<id INT64, customer STRING, amount FLOAT64, price NUMERIC, day DATE, tags ARRAY<STRING>, part STRUCT<x INT64, y STRING>>"
	ordersRows = `INSERT INTO orders VALUES
		(1, 'ann', 1.5, 10.25, DATE '2024-01-05', ['a', 'b'], {'x': 1, 'y': 'p'}),
		(2, 'bob', 'nan', 2.5, DATE '2024-02-05', [], {'x': 2, 'y': NULL}),
		(3, 'ann', -2, 0.000000001, DATE '2024-02-06', NULL, NULL),
		(NULL, NULL, NULL, NULL, NULL, ['c'], {'x': NULL, 'y': 'q'})`
)

type bed struct {
	db      *sql.DB
	session *googlesql.Session
}

func newBed(t testing.TB) *bed {
	t.Helper()
	db, err := sql.Open("duckdb", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1)
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	b := &bed{db, s}
	b.exec(t, "SET TimeZone = 'UTC'")
	b.exec(t, "SET disabled_optimizers = 'common_subexpressions'")
	b.exec(t, "CREATE SCHEMA "+duckdb.Schema)
	typ, _, err := googlesql.ParseType(ordersType)
	if err != nil {
		t.Fatal(err)
	}
	table := googlesql.Table{Name: "orders"}
	var columns []string
	for _, f := range typ.Fields {
		table.Columns = append(table.Columns, googlesql.Column{Name: f.Name, Type: f.Type})
		x, err := duckdb.Type(f.Type)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, `"`+f.Name+`" `+x)
	}
	if err := s.Declare(table); err != nil {
		t.Fatal(err)
	}
	b.exec(t, "CREATE TABLE orders ("+strings.Join(columns, ", ")+")")
	b.exec(t, ordersRows)
	return b
}

func (b *bed) exec(t testing.TB, text string) {
	t.Helper()
	if _, err := b.db.Exec(text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func (b *bed) transpile(t testing.TB, text string) (transpile.Result, error) {
	t.Helper()
	a, err := b.session.Analyze(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return duckdb.Statement(a.Stmt, transpile.Options{Table: func(t *ir.Table) (string, error) { return t.Name, nil }})
}

// rows runs a GoogleSQL query and prints its rows.
func (b *bed) rows(t testing.TB, text string) ([]string, error) {
	t.Helper()
	r, err := b.transpile(t, text)
	if err != nil {
		return nil, err
	}
	for _, m := range duckdb.Close(r.Needs) {
		b.exec(t, m.SQL)
	}
	rows, err := b.db.Query(r.SQL)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	var out []string
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			return nil, err
		}
		parts := make([]string, len(values))
		for i, v := range values {
			parts[i] = fmt.Sprint(*v.(*any))
		}
		out = append(out, strings.Join(parts, " | "))
	}
	return out, rows.Err()
}

func TestRows(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct {
		name, sql string
		want      []string
	}{
		{"NULL and NaN sort first", "SELECT id FROM orders ORDER BY amount", []string{"<nil>", "2", "3", "1"}},
		{"and last descending", "SELECT id FROM orders ORDER BY amount DESC", []string{"1", "3", "2", "<nil>"}},
		{"NaN equals nothing", "SELECT COUNT(*), COUNTIF(amount = amount), COUNTIF(amount > 0) FROM orders", []string{"4 | 2 | 1"}},
		{"three-valued IN", "SELECT id IN (1, NULL) FROM orders WHERE id IS NOT NULL ORDER BY id", []string{"true", "<nil>", "<nil>"}},
		{"struct equality with NULL parts", "SELECT part = STRUCT(2 AS x, 'z' AS y), part = STRUCT(1 AS x, 'z' AS y) FROM orders WHERE id = 2", []string{"<nil> | false"}},
		{"unnest with offset", "SELECT id, t, o FROM orders, UNNEST(tags) AS t WITH OFFSET o WHERE id = 1 ORDER BY o", []string{"1 | a | 0", "1 | b | 1"}},
		{"outer unnest", "SELECT id, t FROM orders LEFT JOIN UNNEST(tags) AS t WHERE id > 1 ORDER BY id", []string{"2 | <nil>", "3 | <nil>"}},
		{"window, then filter", "SELECT customer, id FROM orders WHERE TRUE QUALIFY ROW_NUMBER() OVER (PARTITION BY customer ORDER BY id DESC) = 1 ORDER BY customer", []string{"<nil> | <nil>", "ann | 3", "bob | 2"}},
		{"group by expression", "SELECT DATE_TRUNC(day, MONTH) AS m, COUNT(*) AS n FROM orders WHERE day IS NOT NULL GROUP BY m ORDER BY n", []string{"2024-01-01 00:00:00 +0000 UTC | 1", "2024-02-01 00:00:00 +0000 UTC | 2"}},
		{"one row without aggregates", "SELECT 1 FROM (SELECT COUNT(*) AS n FROM orders)", []string{"1"}},
		{"rollup", "SELECT customer, COUNT(*) FROM orders WHERE id IS NOT NULL GROUP BY ROLLUP(customer) ORDER BY 1", []string{"<nil> | 3", "ann | 2", "bob | 1"}},
		{"average of NUMERIC is exact", "SELECT CAST(AVG(price) AS STRING) FROM orders", []string{"4.25"}},
		{"casts", "SELECT CAST(2.5 AS INT64), CAST(-2.5 AS INT64), CAST(1e20 AS STRING), CAST(0.1 AS STRING), SAFE_CAST('1.5' AS INT64)", []string{"3 | -3 | 1e+20 | 0.1 | <nil>"}},
		{"the rest of the least integer", "SELECT MOD(x, -1), MOD(x, y), SAFE.MOD(x, y), MOD(x, 2), SAFE.MOD(x, 0) FROM UNNEST([STRUCT(-9223372036854775808 AS x, -1 AS y), (-7, -1)])", []string{"0 | 0 | 0 | 0 | <nil>", "0 | 0 | 0 | -1 | <nil>"}},
		{"IFERROR", "SELECT IFERROR(1 / (id - 1), -1) FROM orders WHERE id < 3 ORDER BY id", []string{"-1", "1"}},
		{"IFERROR keeps NULL", "SELECT IFERROR(1 / id, -1) FROM orders WHERE id IS NULL", []string{"<nil>"}},
		{"array subquery in order", "SELECT ARRAY(SELECT id FROM orders WHERE id > 0 ORDER BY id DESC)", []string{"[3 2 1]"}},
		{"array of no rows", "SELECT ARRAY(SELECT id FROM orders WHERE FALSE), ARRAY_AGG(id) FROM orders WHERE FALSE", []string{"[] | <nil>"}},
		{"recursion", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT n FROM r ORDER BY n", []string{"1", "2", "3"}},
		{"GREATEST of NULL", "SELECT GREATEST(1, NULL), LEAST(2, 1)", []string{"<nil> | 1"}},
		{"a common table expression named as a table", "WITH orders AS (SELECT id FROM orders WHERE id = 1) SELECT * FROM orders", []string{"1"}},
		{"column of an outer join's other side", "SELECT o.id, q.one FROM orders o LEFT JOIN (SELECT id, 1 AS one FROM orders WHERE id = 1) q ON o.id = q.id WHERE o.id < 3 ORDER BY 1", []string{"1 | 1", "2 | <nil>"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := b.rows(t, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("%s\n%s", c.sql, d)
			}
		})
	}
}

// What GoogleSQL refuses at run time, DuckDB must refuse too.
func TestErrors(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct{ name, sql, want string }{
		{"division by zero", "SELECT 1 / (id - 1) FROM orders", "division by zero"},
		{"integer overflow", "SELECT 9223372036854775807 + id FROM orders", "Overflow"},
		{"division overflow", "SELECT DIV(x, -1) FROM UNNEST([-9223372036854775808]) AS x", "Overflow"},
		{"sum overflow", "SELECT SUM(x) FROM UNNEST([9223372036854775807, 1]) AS x", "out of range"},
		{"index out of bounds", "SELECT tags[OFFSET(5)] FROM orders WHERE id = 1", "out of bounds"},
		{"two rows of a scalar subquery", "SELECT (SELECT id FROM orders)", "More than one row"},
		{"not a number", "SELECT CAST(customer AS INT64) FROM orders", "Bad int64 value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := b.rows(t, c.sql)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: want an error with %q, got %v", c.sql, c.want, err)
			}
		})
	}
}

// A target row that two source rows would change is an error, as in GoogleSQL; DuckDB
// itself would take one of them.
func TestMerge(t *testing.T) {
	b := newBed(t)
	b.exec(t, "CREATE TABLE target (id BIGINT, v VARCHAR)")
	b.exec(t, "INSERT INTO target VALUES (1, 'old'), (9, 'gone')")
	if err := b.session.Declare(googlesql.Table{Name: "target", Columns: []googlesql.Column{
		{Name: "id", Type: &ir.Type{Kind: ir.Int64}}, {Name: "v", Type: &ir.Type{Kind: ir.String}},
	}}); err != nil {
		t.Fatal(err)
	}
	_, err := b.rows(t, `MERGE INTO target USING (SELECT id, customer FROM orders WHERE id < 3) s ON target.id = s.id
		WHEN MATCHED THEN UPDATE SET v = s.customer WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.customer) WHEN NOT MATCHED BY SOURCE THEN DELETE`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := b.rows(t, "SELECT id, v FROM target ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"1 | ann", "2 | bob"}, got); d != "" {
		t.Error(d)
	}
	for _, sql := range []string{
		"MERGE INTO target USING orders s ON target.id <= s.id WHEN MATCHED THEN UPDATE SET v = s.customer",
		"UPDATE target SET v = s.customer FROM orders s WHERE target.id <= s.id",
	} {
		if _, err := b.rows(t, sql); err == nil || !strings.Contains(err.Error(), "at most one source row") {
			t.Errorf("%s: want an error, got %v", sql, err)
		}
	}
}

// The generated text is one SELECT where the order of the clauses allows it.
func TestText(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct{ name, sql, want string }{
		{
			"one select", "SELECT customer, SUM(id) AS n FROM orders WHERE id > 1 GROUP BY customer HAVING SUM(id) > 2 ORDER BY n DESC LIMIT 5",
			"SELECT orders.customer, CAST(sum(orders.id) AS BIGINT) AS n\nFROM orders AS orders\nWHERE orders.id > 1\nGROUP BY orders.customer\nHAVING CAST(sum(orders.id) AS BIGINT) > 2\nORDER BY n DESC NULLS LAST\nLIMIT 5",
		},
		{
			"hash join stays one", "SELECT a.id FROM orders a JOIN orders b ON a.id = b.id AND a.customer = b.customer",
			"SELECT a.id\nFROM orders AS a\nJOIN orders AS b ON a.id = b.id AND a.customer = b.customer",
		},
		{
			"common table expressions stay", "WITH x AS (SELECT id + 1 AS k FROM orders) SELECT k FROM x WHERE k > 1",
			"WITH x AS (\n  SELECT orders.id + 1 AS k\n  FROM orders AS orders\n)\nSELECT x.k\nFROM x AS x\nWHERE x.k > 1",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := b.transpile(t, c.sql)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, r.SQL); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	b := newBed(t)
	for sql, want := range map[string]string{
		"SELECT SUM(1) OVER (ORDER BY BIGNUMERIC '1' RANGE 1 PRECEDING) FROM orders": "BIGNUMERIC",
		"SELECT ST_GEOGPOINT(1, 2)": "is not available on duckdb",
	} {
		_, err := b.transpile(t, sql)
		var refusals transpile.Refusals
		if !errors.As(err, &refusals) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: want a refusal of %s, got %v", sql, want, err)
		}
	}
}

// The map leads from an error's place in the generated text back to the source.
func TestMap(t *testing.T) {
	b := newBed(t)
	sql := "SELECT id, customer || 'x' AS y FROM orders"
	r, err := b.transpile(t, sql)
	if err != nil {
		t.Fatal(err)
	}
	span, ok := r.At(strings.Index(r.SQL, "||"))
	if !ok || sql[span.Start:span.End] != "customer || 'x'" {
		t.Errorf("got %v %v in %s", span, ok, r.SQL)
	}
}

// Every macro is accepted by DuckDB but those over Go functions, which the driver has.
func TestMacros(t *testing.T) {
	b := newBed(t)
	for _, m := range duckdb.Macros() {
		if strings.Contains(strings.Join(m.Needs, " "), "engine_") {
			continue
		}
		needs := false
		for _, n := range duckdb.Close([]string{duckdb.Schema + "." + m.Name}) {
			needs = needs || strings.Contains(strings.Join(n.Needs, " "), " engine_") || strings.HasPrefix(strings.Join(n.Needs, " "), "engine_")
		}
		if needs {
			continue
		}
		b.exec(t, m.SQL)
	}
}

// A constant NULL below an operator keeps the operator's type: a table made of the query
// has the columns that the analysis promises.
func TestTypesOfNull(t *testing.T) {
	b := newBed(t)
	for _, c := range []struct{ sql, want string }{
		{"'a' || CAST(NULL AS STRING)", "VARCHAR"},
		{"CONCAT(customer, NULL)", "VARCHAR"},
		{"'a' || NULLIF('b', 'b')", "VARCHAR"},
		{"IF(TRUE, NULL, 'x') || 'y'", "VARCHAR"},
		{"b'a' || CAST(NULL AS BYTES)", "BLOB"},
		{"ARRAY_CONCAT([1], CAST(NULL AS ARRAY<INT64>))", "BIGINT[]"},
		{"CAST(NULL AS ARRAY<DATE>)[SAFE_OFFSET(0)]", "DATE"},
		{"CAST(NULL AS STRUCT<a STRUCT<b TIME>>).a.b", "TIME"},
		{"CAST(NULL AS NUMERIC) * 2", "DECIMAL(38,9)"},
		{"id - CAST(NULL AS NUMERIC)", "DECIMAL(38,9)"},
		{"RANGE_START(CAST(NULL AS RANGE<DATE>))", "DATE"},
		{"STRUCT('a' || CAST(NULL AS STRING) AS x)", "STRUCT(x VARCHAR)"},
	} {
		r, err := b.transpile(t, "SELECT "+c.sql+" AS v FROM orders")
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range duckdb.Close(r.Needs) {
			b.exec(t, m.SQL)
		}
		b.exec(t, "CREATE OR REPLACE TABLE nulls AS "+r.SQL)
		var got string
		if err := b.db.QueryRow("SELECT data_type FROM duckdb_columns() WHERE table_name = 'nulls'").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != c.want {
			t.Errorf("%s has the type %s, want %s: %s", c.sql, got, c.want, r.SQL)
		}
	}
}
