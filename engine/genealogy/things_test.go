package genealogy_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/genealogy"
	"github.com/engine-build/engine/engine/warehouse"
)

// thingColumns are the columns of a closure by things.
func thingColumns(c warehouse.Conn, cl warehouse.Closure, key string) []warehouse.Column {
	out := []warehouse.Column{{Name: "thing_id", Type: typed(c, key)}}
	if cl.Partition != "" {
		out = append(out, warehouse.Column{Name: cl.Partition, Type: typed(c, "text")})
	}
	list := typed(c, key) + "[]"
	if c.Dialect().Name() == "bigquery" {
		list = "ARRAY<" + typed(c, key) + ">"
	}
	for _, name := range []string{"ancestor_ids", "descendant_ids", "root_ids", "leaf_ids"} {
		out = append(out, warehouse.Column{Name: name, Type: list})
	}
	for _, name := range []string{"ancestor_count", "descendant_count", "root_count", "leaf_count", "depth", "height"} {
		out = append(out, warehouse.Column{Name: name, Type: typed(c, "bigint")})
	}
	for _, name := range []string{"is_root", "is_leaf", "in_cycle"} {
		out = append(out, warehouse.Column{Name: name, Type: typed(c, "boolean")})
	}
	return out
}

// things reads such a closure, lists as texts.
func things(t testing.TB, c warehouse.Conn, cl warehouse.Closure) []string {
	t.Helper()
	items := []string{"thing_id"}
	if cl.Partition != "" {
		items = append(items, cl.Partition)
	}
	for _, name := range []string{"ancestor_ids", "descendant_ids", "root_ids", "leaf_ids"} {
		if c.Dialect().Name() == "bigquery" {
			items = append(items, "array_to_string(array(select cast(x as string) from unnest("+name+") as x with offset as o order by o), ' ')")
		} else {
			items = append(items, "array_to_string(cast("+name+" as varchar[]), ' ')")
		}
	}
	items = append(items, "ancestor_count, descendant_count, root_count, leaf_count, depth, height, is_root, is_leaf, in_cycle")
	return query(t, c, "select "+strings.Join(items, ", ")+" from g.things order by thing_id")
}

// bruteThings is what an independent closure says of each thing, without its partition.
// rows are «parent|child», with those from a thing to itself; excluded drops the edges
// within cycles.
func (g graph) bruteThings(rows []string, cl warehouse.Closure) []string {
	type fact struct {
		key           string
		min, max      int
		above, behind bool
	}
	less := func(a, b string) int {
		if x, err := strconv.ParseInt(a, 10, 64); err == nil && !g.text {
			y, _ := strconv.ParseInt(b, 10, 64)
			return cmp.Compare(x, y)
		}
		return strings.Compare(a, b)
	}
	var real []string
	nodes := map[string]bool{}
	for _, row := range rows {
		p, c, _ := strings.Cut(row, "|")
		nodes[p], nodes[c] = true, true
		if p != c {
			real = append(real, row)
		}
	}
	pairs := g.brute(real)
	round := map[string]bool{}
	same := map[string]bool{}
	for _, line := range pairs {
		if f := strings.Split(line, "|"); f[4] == "true" {
			round[f[0]], same[f[0]+"|"+f[1]] = true, true
		}
	}
	if cl.Cycles == warehouse.CyclesExclude {
		pairs = g.brute(slices.DeleteFunc(real, func(row string) bool { return same[row] }))
	}
	above, below := map[string][]fact{}, map[string][]fact{}
	for _, line := range pairs {
		f := strings.Split(line, "|")
		least, _ := strconv.Atoi(f[2])
		most, _ := strconv.Atoi(f[3])
		above[f[1]] = append(above[f[1]], fact{key: f[0], min: least, max: most})
		below[f[0]] = append(below[f[0]], fact{key: f[1], min: least, max: most})
	}
	var out []string
	for _, v := range slices.SortedFunc(func(yield func(string) bool) {
		for v := range nodes {
			if !yield(v) {
				return
			}
		}
	}, less) {
		var ids, ends [2]string
		var counts, endCounts, longest [2]int
		for i, all := range []map[string][]fact{above, below} {
			list := slices.Clone(all[v])
			slices.SortFunc(list, func(a, b fact) int { return cmp.Or(cmp.Compare(a.min, b.min), less(a.key, b.key)) })
			for _, f := range list {
				longest[i] = max(longest[i], f.max)
				if cl.MaxDepth > 0 {
					longest[i] = min(longest[i], cl.MaxDepth)
					if f.min > cl.MaxDepth {
						continue
					}
				}
				ids[i] += " " + f.key
				counts[i]++
				if len(all[f.key]) == 0 {
					ends[i] += " " + f.key
					endCounts[i]++
				}
			}
			ids[i], ends[i] = strings.TrimPrefix(ids[i], " "), strings.TrimPrefix(ends[i], " ")
		}
		out = append(out, fmt.Sprintf("%s|%s|%s|%s|%s|%d|%d|%d|%d|%d|%d|%t|%t|%t", v, ids[0], ids[1], ends[0], ends[1], counts[0], counts[1], endCounts[0], endCounts[1],
			longest[0], longest[1], counts[0] == 0, counts[1] == 0, round[v]))
	}
	return out
}

// TestThingsEqualBruteForce compares the rows of things, by either method, with those that
// the pairs of an independent closure make.
func TestThingsEqualBruteForce(t *testing.T) { everywhere(t, testThingsEqualBruteForce) }

func testThingsEqualBruteForce(t *testing.T, c warehouse.Conn, cases int) {
	r := rand.New(rand.NewPCG(6, 6))
	rounds, inSQL, parted := 0, 0, 0
	for i := range cases {
		g := random(r, i%3 > 0)
		g.table(t, c, "edges")
		cl := warehouse.Closure{Parent: "parent", Child: "child", Result: warehouse.Things, Cycles: warehouse.CyclesWarn}
		if i%2 == 0 {
			cl.Partition = "tenant"
		}
		if i%5 == 0 {
			cl.Cycles = warehouse.CyclesExclude
		}
		if i%7 == 0 {
			cl.MaxDepth = 1 + r.IntN(3)
		}
		rows := query(t, c, "select parent, child from g.edges where parent is not null and child is not null")
		want := g.bruteThings(rows, cl)
		methods := []string{warehouse.InMemory}
		if i%3 == 0 {
			methods = append(methods, warehouse.InSQL)
		}
		partitions := map[string][]string{}
		for _, method := range methods {
			cl.Method = method
			exec(t, c, "drop table if exists g.things")
			report, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("things"), From: rel("edges"), Closure: cl, Columns: thingColumns(c, cl, g.key()), Scratch: scratch()})
			if err != nil {
				t.Fatalf("case %d, %s: %v\n%s", i, method, err, strings.Join(g.rows, "\n"))
			}
			rounds += report.Rounds
			got := things(t, c, cl)
			if cl.Partition != "" {
				for k, line := range got {
					f := strings.Split(line, "|")
					partitions[method] = append(partitions[method], f[0]+"|"+f[1])
					got[k] = strings.Join(slices.Delete(f, 1, 2), "|")
				}
			}
			if d := gocmp.Diff(want, got); d != "" {
				t.Fatalf("case %d, %s: %+v\n%s\n(-brute force +things)\n%s", i, method, cl, strings.Join(g.rows, "\n"), d)
			}
			if left := tables(t, c); !slices.Equal(left, []string{"edges", "things"}) {
				t.Fatalf("tables are left behind: %v", left)
			}
		}
		if len(methods) > 1 {
			inSQL++
			if d := gocmp.Diff(partitions[warehouse.InSQL], partitions[warehouse.InMemory]); d != "" {
				t.Fatalf("case %d, partitions: %s", i, d)
			}
			if len(partitions[warehouse.InSQL]) > 0 {
				parted++
			}
		}
	}
	if rounds < cases/12 || inSQL < cases/4 || parted == 0 {
		t.Errorf("%d cycles in %d cases, %d in SQL, %d with partitions: too few to say anything", rounds, cases, inSQL, parted)
	}
}

// TestThingsAreBounded refuses more pairs than allowed, before or while it writes.
func TestThingsAreBounded(t *testing.T) { on(t, testThingsAreBounded) }

func testThingsAreBounded(t *testing.T, c warehouse.Conn, _ int) {
	for _, test := range []struct {
		n     int
		cl    warehouse.Closure
		wants string
	}{
		{2000, warehouse.Closure{MaxPairs: 1000, Method: warehouse.InMemory}, "more than max_pairs allows (1000)"},
		{101, warehouse.Closure{MaxPairs: 5000, Method: warehouse.InMemory}, "more pairs than max_pairs allows (5000)"},
		{2000, warehouse.Closure{MaxPairs: 1000, MaxDepth: 100, Method: warehouse.InMemory}, "more pairs than max_pairs allows (1000)"},
		{20, warehouse.Closure{MaxPairs: 100, Method: warehouse.InSQL}, "more pairs than max_pairs allows (100)"},
	} {
		exec(t, c, "drop table if exists g.edges")
		exec(t, c, fmt.Sprintf("create table g.edges as select cast(i as bigint) as parent, cast(i + 1 as bigint) as child from generate_series(1, %d) as r(i)", test.n))
		cl := test.cl
		cl.Parent, cl.Child, cl.Result = "parent", "child", warehouse.Things
		_, err := genealogy.Close(context.Background(), c, warehouse.CloseEdges{Target: rel("things"), From: rel("edges"), Closure: cl, Columns: thingColumns(c, cl, "bigint"), Scratch: scratch()})
		if err == nil || !strings.Contains(err.Error(), test.wants) {
			t.Errorf("got %v, want %q", err, test.wants)
		}
		if left := tables(t, c); !slices.Equal(left, []string{"edges"}) {
			t.Errorf("tables are left behind: %v", left)
		}
	}
}
