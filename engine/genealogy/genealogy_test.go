package genealogy_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/addr"
	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
	"github.com/engine-build/engine/engine/warehouse/bigquery"
	"github.com/engine-build/engine/engine/warehouse/duckdb"
	"github.com/engine-build/engine/engine/warehouse/postgres"
	"github.com/engine-build/engine/internal/testpeer/bqpeer"
	"github.com/engine-build/engine/internal/testpeer/pg"
)

// on runs a test on the warehouses that understand PostgreSQL's SQL, everywhere on all;
// cases is about how many cases it is worth there.
func on(t *testing.T, f func(t *testing.T, c warehouse.Conn, cases int)) { each(t, f, peers[:2]) }

func everywhere(t *testing.T, f func(t *testing.T, c warehouse.Conn, cases int)) { each(t, f, peers) }

type peer struct {
	name  string
	open  func(t *testing.T) (warehouse.Conn, error)
	cases int
}

var peers = []peer{
	{"duckdb", func(*testing.T) (warehouse.Conn, error) {
		return duckdb.Driver{}.Open(context.Background(), warehouse.Config{Fields: map[string]string{"path": ":memory:"}})
	}, 300},
	{"postgres", func(t *testing.T) (warehouse.Conn, error) {
		server := pg.Shared(t)
		return postgres.Driver{}.Open(context.Background(), warehouse.Config{Type: "postgres", Fields: server.Fields(server.Database(t))})
	}, 60},
	{"bigquery", func(t *testing.T) (warehouse.Conn, error) {
		p := bqpeer.Start(t)
		return bigquery.Driver{}.Open(context.Background(), warehouse.Config{Type: "bigquery", Fields: map[string]string{"project": p.Project, "api_endpoint": p.URL}})
	}, 10},
}

func each(t *testing.T, f func(t *testing.T, c warehouse.Conn, cases int), on []peer) {
	for _, w := range on {
		t.Run(w.name, func(t *testing.T) {
			c, err := w.open(t)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { c.Close() })
			exec(t, c, "create schema if not exists g")
			f(t, c, w.cases)
		})
	}
}

// typed spells a type for a warehouse.
func typed(c warehouse.Conn, name string) string {
	if c.Dialect().Name() != "bigquery" {
		return name
	}
	return map[string]string{"text": "STRING", "varchar": "STRING", "bigint": "INT64", "boolean": "BOOL", "double precision": "FLOAT64"}[name]
}

// tables are the relations of the schema.
func tables(t testing.TB, c warehouse.Conn) []string {
	t.Helper()
	found, err := c.List(context.Background(), "", "g")
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range found {
		out = append(out, r.Name.Name)
	}
	slices.Sort(out)
	return out
}

func exec(t testing.TB, c warehouse.Conn, sql string) {
	t.Helper()
	if _, err := c.Exec(context.Background(), warehouse.Statement{SQL: sql}); err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
}

func query(t testing.TB, c warehouse.Conn, sql string) []string {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: sql})
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		cells := make([]string, len(v))
		for i, x := range v {
			if f, ok := x.(float64); ok {
				x = math.Round(f*1e9) / 1e9
			}
			cells[i] = fmt.Sprint(x)
		}
		out = append(out, strings.Join(cells, "|"))
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return out
}

func rel(name string) addr.Relation { return addr.Relation{Schema: "g", Name: name} }

func scratch() []addr.Relation {
	var out []addr.Relation
	for i := range genealogy.Scratches {
		out = append(out, rel(fmt.Sprintf("_engine_step%c__x", 'a'+i)))
	}
	return out
}

func columns(c warehouse.Conn, cl warehouse.Closure, key string) []warehouse.Column {
	out := columnsIn(cl, key)
	for i := range out {
		out[i].Type = typed(c, out[i].Type)
	}
	return out
}

func columnsIn(cl warehouse.Closure, key string) []warehouse.Column {
	out := []warehouse.Column{{Name: "ancestor_id", Type: key}, {Name: "descendant_id", Type: key}}
	if cl.Partition != "" {
		out = append(out, warehouse.Column{Name: cl.Partition, Type: "text"})
	}
	out = append(out, warehouse.Column{Name: "min_depth", Type: "bigint"}, warehouse.Column{Name: "max_depth", Type: "bigint"}, warehouse.Column{Name: "in_cycle", Type: "boolean"})
	if cl.Paths {
		out = append(out, warehouse.Column{Name: "path_count", Type: "double precision"})
	}
	if cl.Shares() {
		out = append(out, warehouse.Column{Name: "share", Type: "double precision"}, warehouse.Column{Name: "direct_share", Type: "double precision"})
	}
	return out
}

// graph is random edges as rows of a table.
type graph struct {
	rows []string
	text bool
}

func random(r *rand.Rand, cyclic bool) graph {
	g := graph{text: r.IntN(2) == 0}
	n := 2 + r.IntN(10)
	key := func(v int) string {
		if g.text {
			return fmt.Sprintf("'L-%03d''%c'", v*7%100, 'a'+v%3)
		}
		return fmt.Sprint(int64(v) * 1_000_003)
	}
	for range r.IntN(2 * n) {
		a, b := r.IntN(n), r.IntN(n)
		if a > b && !cyclic {
			a, b = b, a
		}
		part, quantity := fmt.Sprintf("'t%d'", r.IntN(3)), fmt.Sprint(1+r.IntN(9))
		if r.IntN(15) == 0 {
			part = "null"
		}
		if r.IntN(25) == 0 {
			quantity = "null"
		}
		p, c := key(a), key(b)
		switch r.IntN(40) {
		case 0:
			p = "null"
		case 1:
			c = "null"
		}
		g.rows = append(g.rows, fmt.Sprintf("(%s, %s, %s, %s)", p, c, part, quantity))
	}
	return g
}

func (g graph) key() string {
	if g.text {
		return "text"
	}
	return "bigint"
}

func (g graph) table(t testing.TB, c warehouse.Conn, name string) {
	exec(t, c, "drop table if exists g."+name)
	exec(t, c, "create table g."+name+" (parent "+typed(c, g.key())+", child "+typed(c, g.key())+", tenant "+typed(c, "varchar")+", quantity "+typed(c, "bigint")+")")
	if len(g.rows) > 0 {
		rows := strings.Join(g.rows, ", ")
		if c.Dialect().Name() == "bigquery" {
			rows = strings.ReplaceAll(rows, "''", "\\'")
		}
		exec(t, c, "insert into g."+name+" values "+rows)
	}
}

func closure(r *rand.Rand) warehouse.Closure {
	cl := warehouse.Closure{Parent: "parent", Child: "child", Paths: r.IntN(2) == 0, Method: warehouse.InMemory}
	if r.IntN(2) == 0 {
		cl.Partition = "tenant"
	}
	if r.IntN(2) == 0 {
		cl.Quantity = "quantity"
	}
	return cl
}

// TestMethodsAgree compares the engine's closure with the one that the warehouse makes
// step by step, which shares nothing with it but the operation.
func TestMethodsAgree(t *testing.T) { everywhere(t, testMethodsAgree) }

func testMethodsAgree(t *testing.T, c warehouse.Conn, cases int) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := range cases {
		g, cl := random(r, false), closure(r)
		g.table(t, c, "edges")
		results := map[string][]string{}
		for _, method := range []string{warehouse.InMemory, warehouse.InSQL} {
			cl.Method = method
			exec(t, c, "drop table if exists g.pairs")
			op := warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, g.key()), Scratch: scratch()}
			if _, err := genealogy.Close(context.Background(), c, op); err != nil {
				t.Fatalf("case %d, %s: %v\n%s", i, method, err, strings.Join(g.rows, "\n"))
			}
			results[method] = query(t, c, "select * from g.pairs order by 1, 2")
		}
		if d := cmp.Diff(results[warehouse.InSQL], results[warehouse.InMemory]); d != "" {
			t.Fatalf("case %d: %+v\n%s\n%s", i, cl, strings.Join(g.rows, "\n"), d)
		}
		if left := tables(t, c); !slices.Equal(left, []string{"edges", "pairs"}) {
			t.Fatalf("tables are left behind: %v", left)
		}
	}
}

// TestCloseEqualsBruteForce compares the closure of graphs with cycles with one found by
// asking again and again who reaches whom.
func TestCloseEqualsBruteForce(t *testing.T) { everywhere(t, testCloseEqualsBruteForce) }

func testCloseEqualsBruteForce(t *testing.T, c warehouse.Conn, cases int) {
	r := rand.New(rand.NewPCG(3, 3))
	rounds := 0
	cases *= 4
	for i := range cases {
		g, cl := random(r, i%3 > 0), closure(r)
		g.table(t, c, "edges")
		exec(t, c, "drop table if exists g.pairs")
		report, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, g.key())})
		if err != nil {
			t.Fatalf("case %d: %v\n%s", i, err, strings.Join(g.rows, "\n"))
		}
		rounds += report.Rounds
		want := g.brute(query(t, c, "select parent, child from g.edges where parent is not null and child is not null and parent <> child"))
		got := query(t, c, "select ancestor_id, descendant_id, min_depth, max_depth, in_cycle from g.pairs")
		slices.Sort(want)
		slices.Sort(got)
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("case %d: %+v\n%s\n%s", i, cl, strings.Join(g.rows, "\n"), d)
		}
	}
	if rounds < cases/8 {
		t.Errorf("%d cycles in %d cases: too few to say anything", rounds, cases)
	}
}

// brute is the closure of edges «parent|child»: those that reach each other are one, and
// depths are counted between groups.
func (graph) brute(edges []string) []string {
	reach, next := map[[2]string]bool{}, map[[2]string]bool{}
	nodes := map[string]bool{}
	for _, e := range edges {
		p, c, _ := strings.Cut(e, "|")
		reach[[2]string{p, c}], next[[2]string{p, c}] = true, true
		nodes[p], nodes[c] = true, true
	}
	for k := range nodes {
		for i := range nodes {
			for j := range nodes {
				if reach[[2]string{i, k}] && reach[[2]string{k, j}] {
					reach[[2]string{i, j}] = true
				}
			}
		}
	}
	same := func(a, b string) bool { return a == b || reach[[2]string{a, b}] && reach[[2]string{b, a}] }
	var walk func(from, to string, longest bool) int
	walk = func(from, to string, longest bool) int {
		if same(from, to) {
			return 0
		}
		best := -1
		for e := range next {
			if !same(e[0], from) || same(e[1], from) || !same(e[1], to) && !reach[[2]string{e[1], to}] {
				continue
			}
			if d := 1 + walk(e[1], to, longest); best < 0 || longest == (d > best) {
				best = d
			}
		}
		return best
	}
	var out []string
	for p, ok := range reach {
		if !ok || p[0] == p[1] {
			continue
		}
		out = append(out, fmt.Sprintf("%s|%s|%d|%d|%t", p[0], p[1], walk(p[0], p[1], false), walk(p[0], p[1], true), same(p[0], p[1])))
	}
	return out
}

// TestUpdateEqualsClose edits genealogies at random: an updated closure has the rows of
// one made anew.
func TestUpdateEqualsClose(t *testing.T) { everywhere(t, testUpdateEqualsClose) }

func testUpdateEqualsClose(t *testing.T, c warehouse.Conn, cases int) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(2, 2))
	updates, rebuilt := 0, 0
	for i := range cases / 5 {
		cyclic := i%6 == 0
		g, cl := random(r, cyclic), closure(r)
		g.table(t, c, "edges")
		build := func(target string) {
			exec(t, c, "drop table if exists g."+target)
			if _, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel(target), From: rel("edges"), Closure: cl, Columns: columns(c, cl, g.key())}); err != nil {
				t.Fatal(err)
			}
		}
		build("pairs")
		for step := range 6 {
			more := random(r, cyclic)
			if more.text == g.text {
				g.rows = append(g.rows, more.rows[:min(len(more.rows), r.IntN(3))]...)
			}
			for range r.IntN(3) {
				if len(g.rows) > 0 {
					g.rows = slices.Delete(g.rows, len(g.rows)-1, len(g.rows))
					r.Shuffle(len(g.rows), func(i, j int) { g.rows[i], g.rows[j] = g.rows[j], g.rows[i] })
				}
			}
			g.table(t, c, "edges")
			before := query(t, c, "select * from g.pairs order by 1, 2")
			op := warehouse.UpdateClosure{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, g.key()), Scratch: rel("_engine_fresh__x")}
			_, err := genealogy.Update(ctx, c, op)
			if errors.Is(err, genealogy.ErrRebuild) {
				rebuilt++
				if d := cmp.Diff(before, query(t, c, "select * from g.pairs order by 1, 2")); d != "" {
					t.Fatalf("an update that was refused changed rows: %s", d)
				}
				build("pairs")
				continue
			}
			if err != nil {
				t.Fatalf("case %d.%d: %v", i, step, err)
			}
			updates++
			build("anew")
			if d := cmp.Diff(query(t, c, "select * from g.anew order by 1, 2"), query(t, c, "select * from g.pairs order by 1, 2")); d != "" {
				t.Fatalf("case %d.%d: %+v\n%s\n%s", i, step, cl, strings.Join(g.rows, "\n"), d)
			}
		}
	}
	if updates < cases/2 || rebuilt == 0 {
		t.Errorf("%d updates, %d made anew: too few to say anything", updates, rebuilt)
	}
}

func TestBadEdges(t *testing.T) { on(t, testBadEdges) }

func testBadEdges(t *testing.T, c warehouse.Conn, _ int) {
	ctx := context.Background()
	for _, test := range []struct {
		name, edges string
		cl          warehouse.Closure
		want        string
	}{
		{"types differ", "select 1::bigint as parent, 'a'::text as child", warehouse.Closure{}, "of one type"},
		{"no key", "select date '2024-01-01' as parent, date '2024-01-02' as child", warehouse.Closure{}, "a whole number or text"},
		{"cycle", "select * from (values (1::bigint, 2::bigint), (2, 1), (2, 3)) as e(parent, child)", warehouse.Closure{Cycles: warehouse.CyclesError}, "1 cycles, the first of them 1, 2"},
		{"cycle in sql", "select * from (values (1::bigint, 2::bigint), (2, 1), (2, 3)) as e(parent, child)", warehouse.Closure{Method: warehouse.InSQL}, "1 cycles, the first of them 1, 2"},
		{"too many", "select cast(i as bigint) as parent, cast(i + 1 as bigint) as child from generate_series(1, 2000) as r(i)", warehouse.Closure{MaxPairs: 1000}, "more than max_pairs allows (1000)"},
		{"a few too many", "select cast(i as bigint) as parent, cast(i + 1 as bigint) as child from generate_series(1, 100) as r(i)", warehouse.Closure{MaxPairs: 5000}, "more pairs than max_pairs allows (5000)"},
		{"too many in sql", "select cast(i as bigint) as parent, cast(i + 1 as bigint) as child from generate_series(1, 20) as r(i)", warehouse.Closure{MaxPairs: 100, Method: warehouse.InSQL}, "more pairs than max_pairs allows (100)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			exec(t, c, "drop table if exists g.edges")
			exec(t, c, "create table g.edges as "+test.edges)
			exec(t, c, "drop table if exists g.pairs")
			cl := test.cl
			cl.Parent, cl.Child = "parent", "child"
			if cl.Method == "" {
				cl.Method = warehouse.InMemory
			}
			_, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, "bigint"), Scratch: scratch()})
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
			if left := tables(t, c); !slices.Equal(left, []string{"edges"}) {
				t.Errorf("tables are left behind: %v", left)
			}
		})
	}
}

func TestCyclesAreReported(t *testing.T) { on(t, testCyclesAreReported) }

func testCyclesAreReported(t *testing.T, c warehouse.Conn, _ int) {
	exec(t, c, "create table g.edges as select * from (values (1::bigint, 2::bigint), (2, 3), (3, 2), (3, 4), (4, 4), (1, 2), (null, 5), (8, 9), (9, 8)) as e(parent, child)")
	cl := warehouse.Closure{Parent: "parent", Child: "child", Method: warehouse.InMemory}
	report, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, "bigint")})
	if err != nil {
		t.Fatal(err)
	}
	report.Stats = warehouse.JobStats{}
	want := genealogy.Report{Nodes: 6, Edges: 2, Loops: 1, Twice: 1, Nulls: 1, Rounds: 2, Affected: -1,
		Cycles: []genealogy.Cycle{{Members: []string{"2", "3"}, Size: 2}, {Members: []string{"8", "9"}, Size: 2}}}
	if d := cmp.Diff(want, report); d != "" {
		t.Error(d)
	}
	got := query(t, c, "select * from g.pairs order by 1, 2")
	rows := []string{"1|2|1|1|false", "1|3|1|1|false", "1|4|2|2|false", "2|3|0|0|true", "2|4|1|1|false", "3|2|0|0|true", "3|4|1|1|false", "8|9|0|0|true", "9|8|0|0|true"}
	if d := cmp.Diff(rows, got); d != "" {
		t.Error(d)
	}
}
