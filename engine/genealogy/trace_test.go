package genealogy_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
)

// TestAsk asks about every thing of random genealogies. The relatives are those of the
// pairs, and as of a time those of the closure of the edges up to then; the edges are those
// that a plain query finds between them.
func TestAsk(t *testing.T) { on(t, testAsk) }

func testAsk(t *testing.T, c warehouse.Conn, cases int) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(3, 3))
	asked, related, past, undated := 0, 0, 0, 0
	for i := range cases / 3 {
		g := random(r, i%2 == 0)
		cl := closure(r)
		if i%5 == 0 {
			cl.MaxDepth = 1 + r.IntN(3)
		}
		cl.Cycles = []string{warehouse.CyclesWarn, warehouse.CyclesExclude}[r.IntN(2)]
		g.table(t, c, "edges")
		exec(t, c, "drop table if exists g.timed")
		exec(t, c, "create table g.timed as select e.*, timestamp '2026-01-01 00:00:00' + quantity * interval '1 day' as made_at from g.edges as e")
		exec(t, c, "drop table if exists g.pairs")
		exec(t, c, "drop table if exists g.then")
		build := func(from, target string) {
			if _, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel(target), From: rel(from), Closure: cl, Columns: columns(c, cl, g.key())}); err != nil {
				t.Fatal(err)
			}
		}
		build("timed", "pairs")
		exec(t, c, "drop table if exists g.kin")
		byThings := cl
		byThings.Result, byThings.Paths, byThings.Quantity = warehouse.Things, false, ""
		if _, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel("kin"), From: rel("timed"), Closure: byThings, Columns: thingColumns(c, byThings, g.key())}); err != nil {
			t.Fatal(err)
		}
		day := r.IntN(11)
		asOf := time.Date(2026, 1, 1+day, 0, 0, 0, 0, time.UTC)
		exec(t, c, "drop table if exists g.early")
		exec(t, c, fmt.Sprintf("create table g.early as select * from g.timed where quantity <= %d", day))
		build("early", "then")
		for _, key := range keysOf(t, c) {
			depth := r.IntN(4)
			q := genealogy.Question{
				Pairs: rel("pairs"), Closure: cl, Edges: c.Dialect().Quote(rel("timed")), Parent: "parent", Child: "child", Extra: []string{"tenant", "quantity", "made_at"},
				Key: key, Up: true, Down: true, Depth: depth,
			}
			a, err := genealogy.Ask(ctx, c, q)
			if err != nil {
				t.Fatal(err)
			}
			asked++
			related += len(a.Up) + len(a.Down)
			where := fmt.Sprintf("case %d, key %v, depth %d, %+v\n%s", i, key, depth, cl, strings.Join(g.rows, "\n"))
			if !a.Known {
				t.Fatalf("%s\nis not known", where)
			}
			compareRelatives(t, c, "pairs", q, a, where, true)
			compareLinks(t, c, q, a, "timed", where)
			for _, still := range []bool{false, true} {
				quick := q
				quick.Things, quick.Alike = rel("kin"), func(context.Context) (string, bool) { return "1", still }
				if b, err := genealogy.Ask(ctx, c, quick); err != nil {
					t.Fatal(err)
				} else if d := cmp.Diff(a, b); d != "" {
					t.Fatalf("%s\n(-pairs only +with things, %t)\n%s", where, still, d)
				}
			}
			for _, up := range []bool{true, false} {
				one := q
				one.Up, one.Down = up, !up
				half, err := genealogy.Ask(ctx, c, one)
				if err != nil {
					t.Fatal(err)
				}
				want := genealogy.Answer{Up: a.Up, Down: a.Down}
				if up {
					want.Down = nil
				} else {
					want.Up = nil
				}
				if d := cmp.Diff(want, genealogy.Answer{Up: half.Up, Down: half.Down}); d != "" {
					t.Fatalf("%s\nup %v: %s", where, up, d)
				}
			}
			if cl.Cycles == warehouse.CyclesExclude {
				continue // the cycles of all times are left out, not those of then
			}
			q.AsOf, q.Time = asOf, "made_at"
			if a, err = genealogy.Ask(ctx, c, q); err != nil {
				t.Fatal(err)
			}
			quick := q
			quick.Things, quick.Alike = rel("kin"), func(context.Context) (string, bool) { return "1", true }
			if b, err := genealogy.Ask(ctx, c, quick); err != nil {
				t.Fatal(err)
			} else if d := cmp.Diff(a, b); d != "" {
				t.Fatalf("as of %d: %s\n(-pairs only +with things)\n%s", day, where, d)
			}
			past += len(a.Up) + len(a.Down)
			undated += a.Undated
			where = fmt.Sprintf("as of %d: %s", day, where)
			compareRelatives(t, c, "then", q, a, where, cl.MaxDepth == 0)
			compareLinks(t, c, q, a, "early", where)
		}
	}
	if asked < cases || related < cases || past < cases/2 || undated == 0 {
		t.Errorf("%d questions, %d relatives, %d of the past, %d edges without a time: too few to say anything", asked, related, past, undated)
	}
}

// keysOf are the keys of the table timed, in order.
func keysOf(t *testing.T, c warehouse.Conn) []any {
	t.Helper()
	rows, err := c.Query(context.Background(), warehouse.Statement{SQL: "select parent as k from g.timed where parent is not null union select child from g.timed where child is not null order by k"})
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []any
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v[0])
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return out
}

// compareRelatives holds an answer against the rows of a closure.
func compareRelatives(t *testing.T, c warehouse.Conn, pairs string, q genealogy.Question, a *genealogy.Answer, where string, max bool) {
	t.Helper()
	d := c.Dialect()
	limit := ""
	if q.Depth > 0 {
		limit = fmt.Sprintf(" and min_depth <= %d", q.Depth)
	}
	for _, side := range []struct {
		near, far string
		got       []genealogy.Relative
	}{{"descendant_id", "ancestor_id", a.Up}, {"ancestor_id", "descendant_id", a.Down}} {
		depths := "min_depth, in_cycle"
		if max {
			depths += ", max_depth"
		}
		want := query(t, c, "select "+side.far+", "+depths+" from g."+pairs+" where "+side.near+" = "+d.Literal(q.Key)+limit)
		var got []string
		for _, r := range side.got {
			line := fmt.Sprintf("%v|%d|%v", r.Key, r.Min, r.InCycle)
			if max {
				line += fmt.Sprintf("|%d", r.Max)
			}
			got = append(got, line)
		}
		if !slices.IsSortedFunc(side.got, func(x, y genealogy.Relative) int {
			if x.Min != y.Min {
				return int(x.Min - y.Min)
			}
			return genealogy.CompareKeys(x.Key, y.Key)
		}) {
			t.Fatalf("%s\nnot in order: %v", where, got)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s\n%s (-closure +answer):\n%s", where, side.far, diff)
		}
	}
}

// compareLinks holds an answer against all edges between the things of one direction.
func compareLinks(t *testing.T, c warehouse.Conn, q genealogy.Question, a *genealogy.Answer, edges, where string) {
	t.Helper()
	d := c.Dialect()
	list := func(of []genealogy.Relative) string {
		keys := d.Literal(q.Key)
		for _, r := range of {
			keys += ", " + d.Literal(r.Key)
		}
		return "(" + keys + ")"
	}
	between := func(of []genealogy.Relative) string { return "parent in " + list(of) + " and child in " + list(of) }
	sql := "select parent, child, tenant, quantity from g." + edges + " where parent <> child and (" + between(a.Up) + " or " + between(a.Down) + ")"
	if q.Closure.Cycles == warehouse.CyclesExclude {
		sql = "select e.parent, e.child, e.tenant, e.quantity from (" + sql + ") as e join g.pairs as p on p.ancestor_id = e.parent and p.descendant_id = e.child"
	}
	want := query(t, c, sql)
	var got []string
	for _, l := range a.Links {
		got = append(got, fmt.Sprintf("%v|%v|%v|%v", l.Parent, l.Child, l.Extra[0], l.Extra[1]))
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s\nedges (-query +answer):\n%s", where, diff)
	}
}

// TestAskMany asks about a thing with more relatives than are listed in a query.
func TestAskMany(t *testing.T) { on(t, testAskMany) }

func testAskMany(t *testing.T, c warehouse.Conn, _ int) {
	exec(t, c, "create table g.edges as select cast(1 as bigint) as parent, cast(i as bigint) as child from generate_series(2, 2501) as r(i) union all select cast(i as bigint), cast(3000 as bigint) from generate_series(2, 2501) as r(i)")
	cl := warehouse.Closure{Parent: "parent", Child: "child", Method: warehouse.InMemory}
	if _, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, "bigint")}); err != nil {
		t.Fatal(err)
	}
	byThings := cl
	byThings.Result = warehouse.Things
	if _, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("kin"), From: rel("edges"), Closure: byThings, Columns: thingColumns(c, byThings, "bigint")}); err != nil {
		t.Fatal(err)
	}
	ask := func(key int64, depth int) *genealogy.Answer {
		q := genealogy.Question{Pairs: rel("pairs"), Closure: cl, Edges: "(select * from g.edges)", Parent: "parent", Child: "child", Key: key, Up: true, Down: true, Depth: depth}
		a, err := genealogy.Ask(context.Background(), c, q)
		if err != nil {
			t.Fatal(err)
		}
		q.Things = rel("kin")
		b, err := genealogy.Ask(context.Background(), c, q)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%d (-pairs only +with things): %s", key, d)
		}
		// What was made of other edges is not believed, there or not.
		q.Things, q.Alike = rel("nowhere"), func(context.Context) (version string, still bool) { return "", false }
		if b, err = genealogy.Ask(context.Background(), c, q); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, b); d != "" {
			t.Errorf("%d (-pairs only +not alike): %s", key, d)
		}
		return a
	}
	for _, test := range []struct {
		key             int64
		depth           int
		up, down, links int
	}{{1, 0, 0, 2501, 5000}, {3000, 0, 2501, 0, 5000}, {1, 1, 0, 2500, 2500}, {3000, 1, 2500, 0, 2500}, {7, 0, 1, 1, 2}} {
		a := ask(test.key, test.depth)
		if got := [3]int{len(a.Up), len(a.Down), len(a.Links)}; got != [3]int{test.up, test.down, test.links} {
			t.Errorf("%+v: got %v", test, got)
		}
	}
	// Edges that are no longer those of the pairs lead elsewhere: then the pairs are read.
	exec(t, c, "delete from g.edges where parent = 7")
	exec(t, c, "insert into g.edges values (8, 9)")
	for _, key := range []int64{7, 8} {
		q := genealogy.Question{Pairs: rel("pairs"), Closure: cl, Edges: "g.edges", Parent: "parent", Child: "child", Key: key, Down: true}
		a, err := genealogy.Ask(context.Background(), c, q)
		if err != nil {
			t.Fatal(err)
		}
		q.Things, q.Alike = rel("kin"), func(context.Context) (version string, still bool) { return "1", true }
		b, err := genealogy.Ask(context.Background(), c, q)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(a, b); d != "" || len(a.Down) != 1 {
			t.Errorf("%d (-pairs only +with things): %s", key, d)
		}
	}
	if a := ask(77777, 0); a.Known || len(a.Links) > 0 {
		t.Errorf("a key that no edge has is known: %+v", a)
	}
}

// meanwhile does something after the first query of the things, when their rows are read.
type meanwhile struct {
	warehouse.Conn
	do   func()
	then bool // the things have been asked
}

func (m *meanwhile) Query(ctx context.Context, st warehouse.Statement) (warehouse.Rows, error) {
	if m.then && m.do != nil {
		m.do()
		m.do = nil
	}
	m.then = m.then || strings.Contains(st.SQL, warehouse.DescendantIDs)
	return m.Conn.Query(ctx, st)
}

// TestAskWithoutThings: what the things cannot tell, the pairs do.
func TestAskWithoutThings(t *testing.T) { on(t, testAskWithoutThings) }

func testAskWithoutThings(t *testing.T, c warehouse.Conn, _ int) {
	ctx := context.Background()
	build := func(edges string) {
		exec(t, c, "drop table if exists g.edges")
		exec(t, c, "drop table if exists g.pairs")
		exec(t, c, "drop table if exists g.kin")
		exec(t, c, "create table g.edges as select cast(p as bigint) as parent, cast(c as bigint) as child, 'x' as tenant from (values "+edges+") as e(p, c)")
		cl := warehouse.Closure{Parent: "parent", Child: "child", Partition: "tenant"}
		if _, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel("pairs"), From: rel("edges"), Closure: cl, Columns: columns(c, cl, "bigint")}); err != nil {
			t.Fatal(err)
		}
		// By these, partitions are not known.
		cl.Partition, cl.Result = "", warehouse.Things
		if _, err := genealogy.Close(ctx, c, warehouse.CloseEdges{Target: rel("kin"), From: rel("edges"), Closure: cl, Columns: thingColumns(c, cl, "bigint")}); err != nil {
			t.Fatal(err)
		}
	}
	q := genealogy.Question{Pairs: rel("pairs"), Closure: warehouse.Closure{Parent: "parent", Child: "child", Partition: "tenant"}, Edges: "g.edges", Parent: "parent", Child: "child", Key: int64(1), Up: true, Down: true}
	for _, still := range []bool{false, true} {
		for _, things := range []string{"kin", "nowhere", "edges"} {
			build("(1, 2), (2, 3)")
			want, err := genealogy.Ask(ctx, c, q)
			if err != nil || len(want.Down) != 2 {
				t.Fatalf("%+v, %v", want, err)
			}
			quick := q
			quick.Things, quick.Alike = rel(things), func(context.Context) (string, bool) { return "1", still }
			if got, err := genealogy.Ask(ctx, c, quick); err != nil {
				t.Errorf("%s, %t: %v", things, still, err)
			} else if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %t (-pairs only +with things): %s", things, still, d)
			}
		}
		// A build in between: the things are those of before, what is read then is not.
		build("(1, 2), (2, 3)")
		version := "1"
		m := &meanwhile{Conn: c, do: func() {
			build("(1, 2), (2, 9), (1, 3)")
			version = "2"
		}}
		quick := q
		quick.Things, quick.Alike = rel("kin"), func(context.Context) (string, bool) { return version, still }
		got, err := genealogy.Ask(ctx, m, quick)
		if err != nil || m.do != nil {
			t.Fatal(err)
		}
		want, err := genealogy.Ask(ctx, c, q)
		if err != nil || len(want.Down) != 3 {
			t.Fatalf("%+v, %v", want, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("built meanwhile, %t (-pairs only +with things): %s", still, d)
		}
		// Who ends it is told so.
		over, stop := context.WithCancel(ctx)
		stop()
		if _, err := genealogy.Ask(over, c, quick); err == nil {
			t.Error("a question that was ended has an answer")
		}
	}
	// What is not there at all is an error.
	q.Pairs = rel("nowhere")
	q.Things = rel("kin")
	if _, err := genealogy.Ask(ctx, c, q); err == nil {
		t.Error("an answer without pairs")
	}
}

// TestNear finds texts that were meant.
func TestNear(t *testing.T) { on(t, testNear) }

func testNear(t *testing.T, c warehouse.Conn, _ int) {
	exec(t, c, "create table g.edges as select * from (values ('LOT-0001', 'LOT-0002'), ('LOT-0002', 'BATCH-12'), (null, 'lot-9'), ('O''Neil', 'LOT-0001')) as e(parent, child)")
	for _, test := range []struct {
		key  any
		want []string
	}{
		{"LOT-0003", []string{"LOT-0001", "LOT-0002"}}, {"lot-0001", []string{"LOT-0001", "LOT-0002"}}, {"BTACH-12", []string{"BATCH-12"}},
		{"o'neil", []string{"O'Neil"}}, {"x", nil}, {int64(5), nil},
	} {
		got, err := genealogy.Near(context.Background(), c, genealogy.Question{Edges: "g.edges", Parent: "parent", Child: "child", Key: test.key})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		if d := cmp.Diff(test.want, got); d != "" {
			t.Errorf("%v: %s", test.key, d)
		}
	}
}
