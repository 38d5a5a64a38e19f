package duckdb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/warehouse"
)

func newAnalyzer(t testing.TB) *Analyzer {
	t.Helper()
	a, err := Driver{}.Analyzer(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a.(*Analyzer)
}

func rel(name string) addr.Relation { return addr.Relation{Schema: "core", Name: name} }

func TestAnalyze(t *testing.T) {
	ctx := context.Background()
	a := newAnalyzer(t)
	if err := a.Declare(ctx, rel("orders"), []warehouse.Column{{Name: "id", Type: "BIGINT"}, {Name: "amount", Type: "DECIMAL(18,3)"}, {Name: "kind", Type: "ENUM('a', 'b')"}}); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		query   string
		columns string // name type, …
		unknown string
		err     string // message
		at      string // token
	}{
		{query: "select id, amount * 2 as twice, kind from core.orders -- all", columns: "id BIGINT, twice DECIMAL(18,3), kind ENUM('a', 'b')"},
		{query: `select * from "core"."orders"`, columns: "id BIGINT, amount DECIMAL(18,3), kind ENUM('a', 'b')"},
		{query: "with recursive t(n) as (select 1 union all select n + 1 from t) select n from t order by n limit 1", columns: "n INTEGER"},
		{query: "from core.orders select count(*) as n", columns: "n BIGINT"},
		{query: "values (1, 'x')", columns: "col0 INTEGER, col1 VARCHAR"},
		{query: "select 1 as a, 2 as a, 3 as A", columns: "a INTEGER, a_1 INTEGER, A_2 INTEGER"},
		{query: "select row(1, 2) as r", columns: "r STRUCT(INTEGER, INTEGER)"},
		{query: `select {'a b': 1, 'c': [date '2024-01-01']} as s, '{}'::json as j, null as n, [] as l, map {1: 'x'} as m`, columns: `s STRUCT("a b" INTEGER, c DATE[]), j JSON, n INTEGER, l INTEGER[], m MAP(INTEGER, VARCHAR)`},
		{query: "select error('boom') as e, 'abc'::int as b, 1 // 0 as c, nextval('s') as n from core.orders", err: "Sequence with name s does not exist"},
		{query: "select error('boom') as e, 'abc'::int as b, date 'x' as d", columns: "e INTEGER, b INTEGER, d DATE"},
		{query: "select 'it''s ;)' as a, \"id\" as \"b;)\", $$ ;) $$ as c /* ;) /* nested */ ) */ from core.orders -- ;)", columns: "a VARCHAR, b;) BIGINT, c VARCHAR"},

		{query: "select id, amuont from core.orders", err: `Referenced column "amuont" not found in FROM clause`, at: "amuont"},
		{query: "select 'ünï', o.amuont from core.orders as o", err: `Table "o" does not have a column named "amuont"`, at: "o.amuont"},
		{query: "select * from core.ordres", err: "Table with name ordres does not exist", at: "core.ordres"},
		{query: "select * from nowhere.orders", err: `Table with name "nowhere.orders" does not exist because schema "nowhere" does not exist`},
		{query: "select lowr(kind) from core.orders", err: "Scalar Function with name lowr does not exist", at: "lowr"},
		{query: "select sum(kind) from core.orders", err: "No function matches the given name and argument types 'sum(ENUM('a', 'b'))'. You might need to add explicit type casts", at: "sum"},
		{query: "select id from core.orders group by amount", err: `column "id" must appear in the GROUP BY clause or must be part of an aggregate function`, at: "id"},
		{query: "select id,, amount from core.orders", err: `syntax error at or near ","`, at: ","},
		{query: "select id from core.orders where", err: "syntax error at end of input"},
		{query: "", err: "syntax error at end of input"},
		{query: "-- nothing", err: "syntax error at end of input"},
		{query: "select 1); drop table core.orders; select (2", err: `syntax error at or near ")"`, at: ")"},
		{query: "select 1; select 2", err: `syntax error at or near ";"`, at: ";"},
		{query: "select 'open", err: `unterminated quoted string at or near "'open`},
		{query: "delete from core.orders", err: `syntax error at or near "delete"`, at: "delete"},
		{query: "select ? as x", err: "the query has a parameter («?» or «$1»), which nothing fills"},
		{query: "select 1 as a\x00, 2 as b", err: "the SQL contains a zero byte"},

		{query: "select * from read_csv('/etc/passwd')", unknown: "it reads files or the network"},
		{query: "select * from '/etc/passwd.parquet'", unknown: "it reads files or the network"},
		{query: "select * from read_parquet('https://example.com/x.parquet')", unknown: "it reads files or the network"},
		{query: "select st_point(1, 2) as p", unknown: "it needs an extension of DuckDB"},
		{query: "pivot core.orders on kind using sum(id)", unknown: "it pivots on values, which only the data know"},
		{query: "pivot core.orders on id using sum(amount)", unknown: "it pivots on values, which only the data know"},
		{query: "pivot core.orders on id in (1, 2) using sum(amount) group by kind", columns: "kind ENUM('a', 'b'), 1 DECIMAL(38,3), 2 DECIMAL(38,3)"},
		{query: "select 'pivot' as pivot from core.orders", columns: "pivot VARCHAR"},
	}
	for _, tt := range tests {
		t.Run(tt.query, func(t *testing.T) {
			for _, target := range []addr.Relation{{}, rel("model")} {
				if target.IsZero() && strings.Contains(tt.columns, "_1 ") {
					continue // names are made unique in tables only
				}
				got, err := a.Analyze(ctx, target, tt.query)
				message, at := "", ""
				if err != nil {
					message = Dialect{}.Explain(err).Message
					if offset, length, ok := (Dialect{}).ErrorAt(warehouse.Statement{SQL: tt.query}, err); ok {
						at = tt.query[offset : offset+length]
					}
				}
				var columns []string
				for _, c := range got.Columns {
					columns = append(columns, c.Name+" "+c.Type)
				}
				if tt.at == "" {
					at = ""
				}
				want := []string{tt.columns, tt.unknown, tt.err, tt.at}
				if tt.err == "unterminated quoted string at or near \"'open" {
					want[2] = message
					if !strings.Contains(message, "unterminated quoted string") {
						t.Errorf("message %q", message)
					}
				}
				if d := cmp.Diff(want, []string{strings.Join(columns, ", "), got.Unknown, message, at}); d != "" {
					t.Error(d)
				}
			}
		})
	}
	if _, err := a.Analyze(ctx, addr.Relation{}, "select * from core.orders"); err != nil {
		t.Errorf("the declared relation is lost: %v", err)
	}
}

func TestAnalyzeChain(t *testing.T) {
	ctx := context.Background()
	a := newAnalyzer(t)
	odd := addr.Relation{Database: `other "db"`, Schema: "odd schema", Name: "select * from"}
	if err := a.Declare(ctx, odd, []warehouse.Column{{Name: "first name", Type: "VARCHAR"}}); err != nil {
		t.Fatal(err)
	}
	var d Dialect
	last := odd
	for i := range 50 {
		next := rel(fmt.Sprintf("m%d", i))
		got, err := a.Analyze(ctx, next, "select *, "+fmt.Sprint(i)+" as "+d.Ident(fmt.Sprintf("c%d", i))+" from "+d.Quote(last))
		if err != nil || len(got.Columns) != i+2 {
			t.Fatalf("%d: %v, %v", i, got, err)
		}
		last = next
	}
	if _, err := a.Analyze(ctx, rel("m0"), "select 1 as changed"); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Analyze(ctx, addr.Relation{}, "select changed from core.m0"); err != nil || len(got.Columns) != 1 {
		t.Errorf("declared again: %v, %v", got, err)
	}
}

func TestDeclareRefuses(t *testing.T) {
	a := newAnalyzer(t)
	for name, columns := range map[string][]warehouse.Column{
		"none": nil, "untyped": {{Name: "a"}}, "unknown type": {{Name: "a", Type: "no_such_type"}}, "twice": {{Name: "a", Type: "INT"}, {Name: "A", Type: "INT"}},
	} {
		if err := a.Declare(context.Background(), rel(name), columns); err == nil {
			t.Errorf("%s was declared", name)
		}
	}
}

func TestAnalyzeAtOnce(t *testing.T) {
	ctx := context.Background()
	a := newAnalyzer(t)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 30 {
				src, model := addr.Relation{Schema: fmt.Sprintf("s%d", i), Name: fmt.Sprintf("src%d", w)}, addr.Relation{Schema: fmt.Sprintf("s%d", i), Name: fmt.Sprintf("m%d", w)}
				if err := a.Declare(ctx, src, []warehouse.Column{{Name: "a", Type: "INTEGER"}}); err != nil {
					t.Error(err)
				}
				got, err := a.Analyze(ctx, model, "select a, a + 1 as b from "+Dialect{}.Quote(src))
				if err != nil || len(got.Columns) != 2 {
					t.Errorf("%v, %v", got, err)
				}
				if _, err := a.Analyze(ctx, model, "select bad from "+Dialect{}.Quote(src)); err == nil {
					t.Error("a mistake went through")
				}
			}
		})
	}
	wg.Wait()
}

// TestAnalyzerReset: what was declared is there again in a new database.
func TestAnalyzerReset(t *testing.T) {
	ctx := context.Background()
	a := newAnalyzer(t)
	if err := a.Declare(ctx, rel("orders"), []warehouse.Column{{Name: "id", Type: "BIGINT"}}); err != nil {
		t.Fatal(err)
	}
	a.c.Close()
	if err := a.reset(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := a.Analyze(ctx, rel("m"), "select id from core.orders"); err != nil || len(got.Columns) != 1 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestAnalyzeCanceled(t *testing.T) {
	a := newAnalyzer(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := a.Analyze(ctx, rel("m"), "select 1 as a"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestAnalyzerSniff(t *testing.T) {
	dir := t.TempDir()
	c := open(t)
	defer c.Close()
	csv, parquet := filepath.Join(dir, "a.csv"), filepath.Join(dir, "a.parquet")
	if err := os.WriteFile(csv, []byte("id,at\n1,2024-01-01\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	mustExec(t, c, "copy (select 1::bigint as id, date '2024-01-01' as at, 1.5::decimal(9,2) as d) to '"+parquet+"' (format parquet)")
	a := newAnalyzer(t)
	file := func(path, format string) warehouse.File {
		return warehouse.File{Path: path, Format: format, Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	}
	want := []warehouse.Column{{Name: "id", Type: "BIGINT", Nullable: true}, {Name: "at", Type: "DATE", Nullable: true}}
	got, err := a.Sniff(context.Background(), file(csv, "csv"))
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	got, err = a.Sniff(context.Background(), file(parquet, "parquet"))
	if d := cmp.Diff(append(want, warehouse.Column{Name: "d", Type: "DECIMAL(9,2)", Nullable: true}), got); d != "" || err != nil {
		t.Errorf("%v\n%s", err, d)
	}
	typed := []warehouse.Column{{Name: "ID", Type: "VARCHAR"}}
	if _, err := c.(warehouse.Loader).Load(context.Background(), addr.Relation{Schema: "main", Name: "p"}, typed, file(parquet, "parquet")); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([][]any{{"1", "1.50"}}, query(t, c, "select id, d from p")); d != "" {
		t.Error(d)
	}
}

func BenchmarkAnalyze(b *testing.B) {
	ctx := context.Background()
	a := newAnalyzer(b)
	for i := range 1000 {
		columns := make([]warehouse.Column, 10)
		for j := range columns {
			columns[j] = warehouse.Column{Name: fmt.Sprintf("c%d", j), Type: "BIGINT"}
		}
		if err := a.Declare(ctx, rel(fmt.Sprintf("src%d", i)), columns); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("trivial", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := a.Analyze(ctx, rel(fmt.Sprintf("m%d", i)), "select 1 as id"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("join", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			q := fmt.Sprintf("select a.c0, a.c1, sum(b.c2) as total, max(b.c3) as top from core.src%d as a join core.src%d as b on a.c0 = b.c0 where a.c4 > 3 group by 1, 2", i%1000, i*7%1000)
			if _, err := a.Analyze(ctx, rel(fmt.Sprintf("j%d", i)), q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("declare", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if err := a.Declare(ctx, rel(fmt.Sprintf("d%d", i)), []warehouse.Column{{Name: "a", Type: "BIGINT"}, {Name: "b", Type: "VARCHAR"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
