package googlesql

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/ir"
)

var update = flag.Bool("update", false, "rewrite the expected trees of testdata/trees.txt")

// TestTrees analyzes the statements of testdata/trees.txt and compares the
// printed trees. A case is the statement, a line of dashes and the tree; lines
// of equal signs separate cases.
func TestTrees(t *testing.T) {
	const file = "testdata/trees.txt"
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, Options{})
	declareShop(t, s)
	var out []string
	for _, c := range strings.Split(string(b), "\n====\n") {
		sql, want, _ := strings.Cut(c, "\n----\n")
		sql = strings.TrimSpace(sql)
		if sql == "" {
			continue
		}
		got := ""
		if a, err := s.Analyze(sql); err != nil {
			got = "error: " + err.Error() + "\n"
		} else {
			got = ir.Print(a.Stmt) + "tables: " + strings.Join(a.Tables, " ") + "\n"
		}
		out = append(out, sql+"\n----\n"+got)
		if *update {
			continue
		}
		if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got)); diff != "" {
			t.Errorf("%s\n%s", sql, diff)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(out, "\n====\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, o Options) *Session {
	t.Helper()
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func declare(t testing.TB, s *Session, name, columns string) {
	t.Helper()
	typ, _, err := ParseType("STRUCT<" + columns + ">")
	if err != nil {
		t.Fatal(err)
	}
	table := Table{Name: name}
	for _, f := range typ.Fields {
		table.Columns = append(table.Columns, Column{Name: f.Name, Type: f.Type})
	}
	if err := s.Declare(table); err != nil {
		t.Fatal(err)
	}
}

func declareShop(t testing.TB, s *Session) {
	t.Helper()
	declare(t, s, "shop.orders", "id INT64, customer_id INT64, ordered_at TIMESTAMP, status STRING, amount NUMERIC, items ARRAY<STRUCT<sku STRING, price NUMERIC, qty INT64>>, extra JSON")
	declare(t, s, "shop.customers", "id INT64, name STRING, born DATE, tags ARRAY<STRING>, home STRUCT<street STRING, zip STRING>, score FLOAT64")
	declare(t, s, "t", "a INT64, b STRING, c FLOAT64, d DATE, dt DATETIME, ts TIMESTAMP, n NUMERIC, bin BYTES, ok BOOL")
	s.DeclareParameter("p", ir.TypeOf(ir.Int64))
	for _, sql := range []string{
		"create temp function twice(x any type) as (x * 2)",
		"create function shop.label(a int64, b string) returns string as (concat(b, cast(a as string)))",
		"create temp aggregate function total(x float64, k int64 not aggregate) as (sum(x) * k)",
		"create temp function js(a int64) returns float64 language js as 'return 1'",
		"create constant shop.one = 1",
		"create table function shop.recent(n int64) as (select id from shop.orders where id < n)",
	} {
		if err := s.DeclareSQL(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
}
