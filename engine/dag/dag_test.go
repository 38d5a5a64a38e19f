package dag_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/engine-build/engine/engine/dag"
)

func graphOf(edges map[string][]string) *dag.Graph[string] {
	nodes := slices.Collect(maps.Keys(edges))
	return dag.New(cmp.Compare[string], nodes, func(k string) []string { return edges[k] })
}

func TestOrderIsTopologicalThenAlphabetical(t *testing.T) {
	g := graphOf(map[string][]string{"d": {"b", "c"}, "b": {"z"}, "c": {"z"}, "z": nil, "a": nil, "e": {"gone", "a", "a"}})
	order, ok := g.Order()
	if diff := gocmp.Diff([]string{"a", "e", "z", "b", "c", "d"}, order); diff != "" || !ok {
		t.Errorf("ok=%v, order (-want +got):\n%s", ok, diff)
	}
}

func TestCyclesAreShortestAndNamedFromTheSmallest(t *testing.T) {
	g := graphOf(map[string][]string{
		"a": {"c"}, "b": {"a"}, "c": {"b", "x"}, "x": {"c"}, // a→b→c→a and c→x→c share a component
		"self": {"self"}, "tail": {"a"}, "free": nil,
	})
	want := [][]string{{"a", "b", "c"}, {"self"}}
	if diff := gocmp.Diff(want, g.Cycles()); diff != "" {
		t.Errorf("cycles (-want +got):\n%s", diff)
	}
	if order, ok := g.Order(); ok || !slices.Equal(order, []string{"free"}) {
		t.Errorf("order = %v, %v; want only what no cycle reaches", order, ok)
	}
}

func TestRandomGraphsAreOrderedOrHaveCycles(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		n := 2 + r.IntN(12)
		edges := map[string][]string{}
		for i := range n {
			edges[fmt.Sprint(i)] = nil
			for range r.IntN(3) {
				edges[fmt.Sprint(i)] = append(edges[fmt.Sprint(i)], fmt.Sprint(r.IntN(n)))
			}
		}
		g := graphOf(edges)
		order, ok := g.Order()
		if ok == (len(g.Cycles()) > 0) {
			t.Fatalf("%v: ok=%v, cycles=%v", edges, ok, g.Cycles())
		}
		at := map[string]int{}
		for i, k := range order {
			at[k] = i + 1
		}
		for _, k := range order {
			for _, p := range g.Parents(k) {
				if at[p] == 0 || at[p] >= at[k] {
					t.Fatalf("%v: %s does not stand before %s in %v", edges, p, k, order)
				}
			}
		}
		if want := slowOrder(edges); !slices.Equal(want, order) {
			t.Fatalf("%v: order %v, want %v", edges, order, want)
		}
		for _, c := range g.Cycles() {
			for i, k := range c {
				if !slices.Contains(g.Children(k), c[(i+1)%len(c)]) {
					t.Fatalf("%v: %v is not a cycle", edges, c)
				}
			}
		}
	}
}

// slowOrder takes the smallest node whose parents have all been taken, as often as it can.
func slowOrder(edges map[string][]string) []string {
	var out []string
	left := slices.Sorted(maps.Keys(edges))
	for {
		i := slices.IndexFunc(left, func(k string) bool {
			return !slices.ContainsFunc(edges[k], func(p string) bool { return !slices.Contains(out, p) })
		})
		if i < 0 {
			return out
		}
		out = append(out, left[i])
		left = slices.Delete(left, i, i+1)
	}
}

func BenchmarkOrder10k(b *testing.B) {
	const n = 10_000
	for b.Loop() {
		nodes := make([]int, n)
		for i := range nodes {
			nodes[i] = i
		}
		g := dag.New(cmp.Compare[int], nodes, func(i int) []int { return []int{i / 2, i / 3, i - 1}[:min(i, 3)] })
		if _, ok := g.Order(); !ok {
			b.Fatal("cycle")
		}
	}
}
