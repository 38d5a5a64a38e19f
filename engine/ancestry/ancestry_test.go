package ancestry

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

type pair struct{ a, d int32 }

type fact struct {
	Min, Max             int32
	Paths, Share, Direct float64
}

// collect walks and checks that no pair comes twice and that partitions and parents come
// in order.
func collect(t testing.TB, g *Graph, o Options) (map[pair]fact, []pair) {
	t.Helper()
	out := map[pair]fact{}
	var order []pair
	err := g.Walk(context.Background(), o, func(b *Batch) error {
		for i := range b.Len() {
			k := pair{b.Ancestor[i], b.Descendant[i]}
			if _, twice := out[k]; twice {
				t.Fatalf("pair %v comes twice", k)
			}
			f := fact{Min: b.Min[i], Max: b.Max[i]}
			if o.Paths {
				f.Paths = b.Paths[i]
			}
			if g.share != nil {
				f.Share, f.Direct = b.Share[i], b.Direct[i]
			}
			out[k] = f
			order = append(order, k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, order
}

// brute closes a genealogy by following every path. It is independent of the package:
// cycles are found by reachability, depths by trying all paths of the contracted graph.
func brute(e Edges, p Policy, paths bool) map[pair]fact {
	n := e.Nodes
	share := map[pair]float64{}
	for i := range e.Parent {
		if e.Parent[i] != e.Child[i] {
			s := 1.0
			if e.Share != nil {
				s = e.Share[i]
			}
			share[pair{e.Parent[i], e.Child[i]}] += s
		}
	}
	reach := make([][]bool, n)
	for v := range reach {
		reach[v] = make([]bool, n)
		todo := []int32{int32(v)}
		for len(todo) > 0 {
			x := todo[0]
			todo = todo[1:]
			for k := range share {
				if k.a == x && !reach[v][k.d] {
					reach[v][k.d] = true
					todo = append(todo, k.d)
				}
			}
		}
	}
	same := func(a, b int32) bool { return a == b || reach[a][b] && reach[b][a] }
	unit := make([]int32, n)
	round := make([]bool, n)
	for v := range unit {
		unit[v] = int32(v)
		for u := range int32(n) {
			if same(u, int32(v)) {
				unit[v] = min(unit[v], u)
				round[v] = round[v] || u != int32(v)
			}
		}
	}
	arcs := map[pair]float64{}
	for k, s := range share {
		if unit[k.a] == unit[k.d] {
			continue
		}
		if p == Exclude {
			arcs[k] = s
			continue
		}
		if round[k.a] || round[k.d] {
			s = math.NaN()
		}
		arcs[pair{unit[k.a], unit[k.d]}] += s
	}
	if p == Exclude {
		for v := range unit {
			unit[v], round[v] = int32(v), false
		}
	}
	units := map[pair]fact{}
	var follow func(from, at, depth int32, s float64)
	follow = func(from, at, depth int32, s float64) {
		for k, arc := range arcs {
			if k.a != at {
				continue
			}
			key := pair{from, k.d}
			f, ok := units[key]
			if !ok {
				f = fact{Min: depth + 1, Max: depth + 1, Direct: math.NaN()}
			}
			f.Min, f.Max = min(f.Min, depth+1), max(f.Max, depth+1)
			f.Paths++
			f.Share += s * arc
			if depth == 0 {
				f.Direct = arc
			}
			units[key] = f
			follow(from, k.d, depth+1, s*arc)
		}
	}
	for v := range int32(n) {
		if unit[v] == v {
			follow(v, v, 0, 1)
		}
	}
	out := map[pair]fact{}
	for a := range int32(n) {
		for d := range int32(n) {
			if a == d {
				continue
			}
			if unit[a] == unit[d] {
				out[pair{a, d}] = fact{Paths: math.NaN(), Share: math.NaN(), Direct: math.NaN()}
				continue
			}
			f, ok := units[pair{unit[a], unit[d]}]
			if ok {
				out[pair{a, d}] = f
			}
		}
	}
	for k, f := range out {
		if !paths {
			f.Paths = 0
		}
		if e.Share == nil {
			f.Share, f.Direct = 0, 0
		}
		out[k] = f
	}
	return out
}

func random(r *rand.Rand) Edges {
	e := Edges{Nodes: 1 + r.IntN(9)}
	cyclic := r.IntN(3) == 0
	if r.IntN(2) == 0 {
		e.Share = []float64{}
	}
	shuffled := r.Perm(e.Nodes)
	ascending := r.IntN(2) == 0
	for range r.IntN(2 * e.Nodes) {
		a, b := r.IntN(e.Nodes), r.IntN(e.Nodes)
		if !cyclic && a > b {
			a, b = b, a
		}
		if !ascending {
			a, b = shuffled[a], shuffled[b]
		}
		e.Parent, e.Child = append(e.Parent, int32(a)), append(e.Child, int32(b))
		if e.Share != nil {
			s := float64(r.IntN(8)) / 8
			if r.IntN(20) == 0 {
				s = math.NaN()
			}
			e.Share = append(e.Share, s)
		}
	}
	if r.IntN(2) == 0 {
		e.Partition = make([]int32, e.Nodes)
		for v := range e.Partition {
			e.Partition[v] = int32(r.IntN(3))
		}
	}
	return e
}

var equal = cmp.Options{cmpopts.EquateNaNs(), cmpopts.EquateApprox(1e-12, 1e-12), cmp.AllowUnexported(pair{})}

func TestWalkAgainstEveryPath(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	for i := range 4000 {
		e, policy := random(r), Policy(r.IntN(2))
		o := Options{Paths: r.IntN(2) == 0, Workers: 1 + r.IntN(4)}
		g, err := New(e, policy)
		if err != nil {
			t.Fatalf("case %d: %v\n%+v", i, err, e)
		}
		got, order := collect(t, g, o)
		want := brute(e, policy, o.Paths)
		if d := cmp.Diff(want, got, equal); d != "" {
			t.Fatalf("case %d, policy %d: %+v\n%s", i, policy, e, d)
		}
		o.Workers = 5 - o.Workers
		if _, again := collect(t, g, o); !slices.Equal(order, again) {
			t.Fatalf("case %d: another order with %d workers", i, o.Workers)
		}
		only := []int32{int32(r.IntN(e.Nodes)), int32(r.IntN(e.Nodes))}
		o.Only = only
		part, _ := collect(t, g, o)
		for k := range want {
			if !slices.Contains(only, k.d) {
				delete(want, k)
			}
		}
		if d := cmp.Diff(want, part, equal); d != "" {
			t.Fatalf("case %d, only %v: %+v\n%s", i, only, e, d)
		}
	}
}

func TestMaxDepth(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	for range 1000 {
		e := random(r)
		g, err := New(e, Collapse)
		if err != nil {
			t.Fatal(err)
		}
		deepest := 1 + r.IntN(3)
		all, _ := collect(t, g, Options{})
		got, _ := collect(t, g, Options{MaxDepth: deepest})
		want := map[pair]int32{}
		for k, f := range all {
			if int(f.Min) <= deepest {
				want[k] = f.Min
			}
		}
		have := map[pair]int32{}
		for k, f := range got {
			have[k] = f.Min
		}
		if d := cmp.Diff(want, have, equal); d != "" {
			t.Fatalf("max depth %d: %+v\n%s", deepest, e, d)
		}
	}
}

func TestCycles(t *testing.T) {
	//  0 → 1 ⇄ 2 → 3, 3 → 3, 4 → 5 → 6 → 4
	g, err := New(Edges{Nodes: 7, Parent: []int32{0, 1, 2, 2, 3, 4, 5, 6}, Child: []int32{1, 2, 1, 3, 3, 5, 6, 4}}, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	want := []Cycle{
		{Members: []int32{1, 2}, Parent: []int32{2, 1}, Child: []int32{1, 2}},
		{Members: []int32{4, 5, 6}, Parent: []int32{6, 4, 5}, Child: []int32{4, 5, 6}},
	}
	if d := cmp.Diff(want, g.Cycles()); d != "" {
		t.Error(d)
	}
	if g.Loops != 1 || g.Twice != 0 {
		t.Errorf("loops %d, twice %d", g.Loops, g.Twice)
	}
}

func TestReached(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 500 {
		e := random(r)
		g, err := New(e, Collapse)
		if err != nil {
			t.Fatal(err)
		}
		all, _ := collect(t, g, Options{})
		from := int32(r.IntN(e.Nodes))
		want := []int32{from}
		for k := range all {
			if k.a == from {
				want = append(want, k.d)
			}
		}
		slices.Sort(want)
		if d := cmp.Diff(want, g.Reached([]int32{from})); d != "" {
			t.Fatalf("from %d: %+v\n%s", from, e, d)
		}
	}
}

func TestEstimate(t *testing.T) {
	for _, n := range []int{1, 100, 5000} {
		e := layered(n, 3)
		g, err := New(e, Collapse)
		if err != nil {
			t.Fatal(err)
		}
		pairs := int64(0)
		if err := g.Walk(context.Background(), Options{}, func(b *Batch) error { pairs += int64(b.Len()); return nil }); err != nil {
			t.Fatal(err)
		}
		if got := g.Estimate(); math.Abs(float64(got-pairs)) > 0.15*float64(pairs) {
			t.Errorf("%d nodes: estimated %d pairs, there are %d", n, got, pairs)
		}
		if most := g.AtMost(); most < float64(pairs) || most > float64(n)*float64(n-1)/2 {
			t.Errorf("%d nodes: at most %g pairs, there are %d", n, most, pairs)
		}
	}
	ring := Edges{Nodes: 1000}
	for v := range int32(1000) {
		ring.Parent, ring.Child = append(ring.Parent, v), append(ring.Child, (v+1)%1000)
	}
	g, err := New(ring, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Estimate(); got != 999000 {
		t.Errorf("a ring of 1000: estimated %d", got)
	}
	if most := g.AtMost(); most != 999000 {
		t.Errorf("a ring of 1000: at most %g", most)
	}
	line := Edges{Nodes: 100}
	for v := range int32(99) {
		line.Parent, line.Child = append(line.Parent, v), append(line.Child, v+1)
	}
	if g, err = New(line, Collapse); err != nil || g.AtMost() != 4950 {
		t.Errorf("a line of 100: at most %g pairs, error %v", g.AtMost(), err)
	}
}

func TestShapes(t *testing.T) {
	chain := Edges{Nodes: 10000}
	for v := range int32(9999) {
		chain.Parent, chain.Child = append(chain.Parent, v+1), append(chain.Child, v) // children first
	}
	g, err := New(chain, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	rows, deepest := 0, int32(0)
	if err := g.Walk(context.Background(), Options{}, func(b *Batch) error {
		rows += b.Len()
		deepest = max(deepest, slices.Max(b.Max))
		return nil
	}); err != nil || rows != 10000*9999/2 || deepest != 9999 {
		t.Errorf("chain: %d rows, depth %d, %v", rows, deepest, err)
	}
	if _, err := New(Edges{Nodes: 2, Parent: []int32{0}, Child: []int32{2}}, Collapse); err == nil {
		t.Error("an edge beyond the nodes is no error")
	}
	if _, err := New(Edges{Nodes: 2, Parent: []int32{0}}, Collapse); err == nil {
		t.Error("columns of different lengths are no error")
	}
	empty, err := New(Edges{}, Collapse)
	if err != nil || empty.Walk(context.Background(), Options{}, nil) != nil || empty.Estimate() != 0 {
		t.Error("no nodes are a mistake")
	}
}

func TestWalkStops(t *testing.T) {
	e := layered(20000, 10)
	g, err := New(e, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("the disk is full")
	if err := g.Walk(context.Background(), Options{Workers: 3}, func(*Batch) error { return full }); !errors.Is(err, full) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	calls := 0
	err = g.Walk(ctx, Options{Workers: 3}, func(*Batch) error { calls++; cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v after %d batches", err, calls)
	}
}

// layered is a manufacturing genealogy: materials are made of a few that came shortly
// before, mostly of the same tenant.
func layered(n, tenants int) Edges {
	r := rand.New(rand.NewPCG(uint64(n), 5))
	e := Edges{Nodes: n, Partition: make([]int32, n)}
	for v := range n {
		e.Partition[v] = int32(r.IntN(tenants))
		if v%4 == 0 {
			continue // bought
		}
		for range 1 + r.IntN(10)/7 {
			back := 1 + r.IntN(max(min(v, 400), 1))
			p := v - back
			for tries := 0; p > 0 && e.Partition[p] != e.Partition[v] && tries < 3*tenants && r.IntN(50) > 0; tries++ {
				p--
			}
			if p < 0 || p == v {
				continue
			}
			e.Parent, e.Child = append(e.Parent, int32(p)), append(e.Child, int32(v))
		}
	}
	return e
}

func BenchmarkWalk(b *testing.B) {
	for _, n := range []int{100_000, 1_000_000} {
		for _, paths := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/paths=%v", n, paths), func(b *testing.B) {
				e := layered(n, 20)
				pairs := 0
				for b.Loop() {
					g, err := New(e, Collapse)
					if err != nil {
						b.Fatal(err)
					}
					pairs = 0
					if err := g.Walk(context.Background(), Options{Paths: paths}, func(batch *Batch) error { pairs += batch.Len(); return nil }); err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(pairs), "pairs")
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(max(pairs, 1)), "ns/pair")
			})
		}
	}
}
