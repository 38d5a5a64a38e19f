package origin_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/engine-build/engine/engine/googlesql"
	"github.com/engine-build/engine/engine/ir"
	"github.com/engine-build/engine/engine/origin"
	"github.com/google/go-cmp/cmp"
)

// shop are the tables of the cases.
var shop = []struct{ name, columns string }{
	{"orders", `id INT64, customer_id INT64, amount NUMERIC, status STRING, created TIMESTAMP,
		items ARRAY<STRUCT<sku STRING, qty INT64, price NUMERIC>>, address STRUCT<city STRING, geo STRUCT<lat FLOAT64, lon FLOAT64>>,
		tags ARRAY<STRING>, payload JSON`},
	{"customers", `id INT64, name STRING, country STRING, parent_id INT64`},
	{"days", `id INT64, day DATE, customer_id INT64, amount NUMERIC`},
}

// functions are those of the cases.
var functions = []string{
	`create temp function twice(x numeric) as (x * 2)`,
	`create temp function pick(a struct<city string, geo struct<lat float64, lon float64>>) as (a.city)`,
	`create temp function safe_ratio(a any type, b any type) as (if(b = 0, null, a / b))`,
}

func open(t testing.TB) *googlesql.Session {
	t.Helper()
	s, err := googlesql.Open(googlesql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	for _, x := range shop {
		if err := s.DeclareSQL("create table " + x.name + " (" + x.columns + ")"); err != nil {
			t.Fatal(err)
		}
	}
	for _, sql := range functions {
		if err := s.DeclareSQL(sql); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

type example struct {
	name, sql, want string
	via             bool
}

func examples(t testing.TB, file string) []example {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	var out []example
	for _, part := range strings.Split("\n"+string(data), "\n== ")[1:] {
		head, want, ok := strings.Cut(part, "\n--")
		name, sql, named := strings.Cut(head, "\n")
		if !ok || !named {
			t.Fatalf("%s: %q is no case", file, part)
		}
		x := example{name: name, want: strings.Trim(want, "\n")}
		x.sql, x.via = strings.CutPrefix(sql, "[via]\n")
		out = append(out, x)
	}
	return out
}

func show(l *origin.Lineage, sql string, via bool) string {
	var b strings.Builder
	at := func(spans ...ir.Span) string {
		out := ""
		for _, s := range spans {
			if via && s.End > s.Start {
				out += "{" + sql[s.Start:s.End] + "}"
			}
		}
		return out
	}
	path := func(table string, p []string) string { return strings.Join(append([]string{table}, p...), ".") }
	effects := func(list []origin.Effect) string {
		var out []string
		for _, e := range list {
			out = append(out, path(e.Table, e.Path)+"/"+e.Use.String()+at(e.At))
		}
		return strings.Join(out, ", ")
	}
	var column func(indent, prefix string, c origin.Column)
	column = func(indent, prefix string, c origin.Column) {
		b.WriteString(indent + prefix + c.Name + " =")
		for i, s := range c.Sources {
			sep := ", "
			if i == 0 {
				sep = " "
			}
			b.WriteString(sep + path(s.Table, s.Path) + "/" + s.Kind.String()[:1] + at(s.Via...))
		}
		if len(c.Indirect) > 0 {
			b.WriteString(" | " + effects(c.Indirect))
		}
		if len(c.Opaque) > 0 {
			b.WriteString(" ! " + strings.Join(c.Opaque, ", "))
		}
		b.WriteByte('\n')
		for _, f := range c.Fields {
			column(indent+"  ", prefix+c.Name+".", f)
		}
	}
	for _, c := range l.Columns {
		column("", "", c)
	}
	if len(l.Rows) > 0 {
		b.WriteString("rows: " + effects(l.Rows) + "\n")
	}
	if len(l.Opaque) > 0 {
		b.WriteString("opaque: " + strings.Join(l.Opaque, ", ") + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func TestCases(t *testing.T) {
	s := open(t)
	list := examples(t, "cases.txt")
	if len(list) < 60 {
		t.Errorf("only %d cases", len(list))
	}
	for _, x := range list {
		t.Run(x.name, func(t *testing.T) {
			a, err := s.Analyze(x.sql)
			if err != nil {
				t.Fatal(err)
			}
			l := origin.Of(a.Stmt)
			if d := cmp.Diff(x.want, show(l, x.sql, x.via)); d != "" {
				t.Error(d)
			}
			if len(l.Columns) == 0 || len(l.Tables) == 0 {
				t.Errorf("%d columns of %v", len(l.Columns), l.Tables)
			}
			var back origin.Lineage
			data, err := json.Marshal(l)
			if err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(l, &back); d != "" {
				t.Errorf("JSON does not keep it: %s", d)
			}
			if d := cmp.Diff(l, origin.Of(a.Stmt)); d != "" {
				t.Errorf("it differs from time to time: %s", d)
			}
		})
	}
}

func TestGrainCases(t *testing.T) {
	s := open(t)
	keys := func(table string) [][]string {
		return map[string][][]string{"orders": {{"id"}}, "customers": {{"ID"}}, "days": {{"id", "day"}}}[table]
	}
	for _, x := range examples(t, "grain.txt") {
		t.Run(x.name, func(t *testing.T) {
			a, err := s.Analyze(x.sql)
			if err != nil {
				t.Fatal(err)
			}
			q := a.Stmt.(*ir.Query)
			var got []string
			for _, set := range origin.Grain(q, keys) {
				var names []string
				for _, i := range set {
					names = append(names, q.Output[i].Name)
				}
				slices.Sort(names)
				if len(set) == 0 {
					names = []string{"(one row)"}
				}
				got = append(got, strings.Join(names, ", "))
			}
			slices.Sort(got)
			if d := cmp.Diff(x.want, strings.Join(got, "\n")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnique(t *testing.T) {
	s := open(t)
	for sql, want := range map[string][][]string{
		"select customer_id, count(*) as n from orders group by 1": {{"customer_id"}},
		"select count(*) as n from orders":                         {{}},
		"select id from orders":                                    nil,
		"select distinct status, id from orders":                   {{"status", "id"}},
		"select status, id from orders qualify row_number() over (partition by status order by id) = 1":                  {{"status"}},
		"create table x as select customer_id, status, sum(amount) as s from orders group by all having sum(amount) > 1": {{"customer_id", "status"}},
	} {
		a, err := s.Analyze(sql)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, origin.Of(a.Stmt).Unique); d != "" {
			t.Errorf("%s: %s", sql, d)
		}
	}
}

// TestOpaque: what the tree has no node for is named, and never passed over.
func TestOpaque(t *testing.T) {
	col := ir.Column{ID: 1, Name: "x"}
	for _, x := range []struct {
		name string
		stmt ir.Stmt
		want string
	}{
		{"expression", &ir.Query{
			Output: []ir.Output{{Name: "x", Column: col}},
			Scan:   &ir.Project{Input: &ir.SingleRow{}, Exprs: []ir.Computed{{Column: col, Expr: &ir.UnsupportedExpr{What: "GRAPH_TABLE"}}}},
		}, "x = ! GRAPH_TABLE\nopaque: GRAPH_TABLE"},
		{"condition", &ir.Query{
			Scan: &ir.Filter{Input: &ir.SingleRow{}, Where: &ir.UnsupportedExpr{What: "a proto"}},
		}, "opaque: a proto"},
		{"scan", &ir.Query{
			Output: []ir.Output{{Name: "x", Column: col}},
			Scan:   &ir.UnsupportedScan{Base: ir.Base{Columns: []ir.Column{col}}, What: "MatchRecognizeScan"},
		}, "x = ! MatchRecognizeScan\nopaque: MatchRecognizeScan"},
		{"table function", &ir.Query{
			Output: []ir.Output{{Name: "x", Column: col}},
			Scan:   &ir.TVF{Base: ir.Base{Columns: []ir.Column{col}}, Name: "f"},
		}, "x = ! table function f\nopaque: table function f"},
		{"column from nowhere", &ir.Query{
			Output: []ir.Output{{Name: "y", Column: ir.Column{ID: 2}}},
			Scan:   &ir.Project{Exprs: []ir.Computed{{Column: ir.Column{ID: 2}, Expr: &ir.ColumnRef{Column: col}}}},
		}, "y = ! column x\nopaque: column x"},
		{"lost expression", &ir.Query{Scan: &ir.WithRef{Name: "nobody"}}, "opaque: WITH nobody"},
		{"statement", &ir.Merge{Table: &ir.Table{Name: "t"}}, "opaque: MergeStmt"},
		{"nothing to say", &ir.Drop{}, ""},
		{"an empty query", &ir.Query{}, ""},
	} {
		t.Run(x.name, func(t *testing.T) {
			if d := cmp.Diff(x.want, show(origin.Of(x.stmt), "", false)); d != "" {
				t.Error(d)
			}
			origin.Grain(x.stmt, nil)
		})
	}
	if origin.Of(nil) != nil {
		t.Error("nothing has a lineage")
	}
}

// TestGrainUnderCollation: values that a collation makes equal are not one value, so an
// equality under it binds no column and matches no key.
func TestGrainUnderCollation(t *testing.T) {
	column := func(id int, name string) ir.Column {
		return ir.Column{ID: ir.ColumnID(id), Name: name, Type: &ir.Type{Kind: ir.String}}
	}
	table := func(name string, columns ...ir.Column) *ir.Table {
		s := &ir.Table{Name: name, Base: ir.Base{Columns: columns}}
		for _, c := range columns {
			s.Names = append(s.Names, c.Name)
		}
		return s
	}
	equal := func(collation string, a, b ir.Expr) *ir.Call {
		return &ir.Call{Name: "$equal", Group: "GoogleSQL", Args: []ir.Arg{{Expr: a}, {Expr: b}}, Collations: []string{collation}}
	}
	id, name, code, key := column(1, "id"), column(2, "name"), column(3, "code"), column(4, "key")
	keys := func(table string) [][]string {
		return map[string][][]string{"t": {{"id", "name"}}, "u": {{"key"}}}[table]
	}
	for _, x := range []struct {
		collation    string
		bound, match [][]int
	}{
		{"", [][]int{{0}}, [][]int{{0, 1}}},
		{"und:ci", [][]int{{0, 1}}, [][]int{{0, 1, 3}}},
	} {
		out := []ir.Output{{Name: "id", Column: id}, {Name: "name", Column: name}}
		bound := &ir.Query{Output: out, Scan: &ir.Filter{
			Input: table("t", id, name), Where: equal(x.collation, &ir.ColumnRef{Column: name}, &ir.Literal{}),
		}}
		if d := cmp.Diff(x.bound, origin.Grain(bound, keys)); d != "" {
			t.Errorf("filter under %q: %s", x.collation, d)
		}
		match := &ir.Query{Output: append(out, ir.Output{Column: code}, ir.Output{Column: key}), Scan: &ir.Join{
			Left: table("t", id, name, code), Right: table("u", key),
			On: equal(x.collation, &ir.ColumnRef{Column: code}, &ir.ColumnRef{Column: key}),
		}}
		if d := cmp.Diff(x.match, origin.Grain(match, keys)); d != "" {
			t.Errorf("join under %q: %s", x.collation, d)
		}
	}
}

// long is a statement of n chained expressions.
func long(n int) string {
	var b strings.Builder
	b.WriteString("with c0 as (select id, customer_id as a, amount as x, status as s from orders where id > 0)")
	for i := 1; i < n; i++ {
		fmt.Fprintf(&b, ",\nc%d as (select p.id, p.a + %d as a, p.x * 2 as x, coalesce(p.s, q.name) as s from c%d p left join customers q on p.id = q.id where p.a > %d)", i, i, i-1, i)
	}
	fmt.Fprintf(&b, "\nselect * from c%d", n-1)
	return b.String()
}

func BenchmarkOf(b *testing.B) {
	s := open(b)
	for _, n := range []int{2, 40, 200} {
		a, err := s.Analyze(long(n))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				origin.Of(a.Stmt)
			}
		})
	}
}
