package ancestry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

// thing is a row of Kin.
type thing struct {
	Ancestors, Descendants, Roots, Leaves []int32
	Depth, Height                         int32
	InCycle                               bool
}

// kin collects the rows and checks that none comes twice and that partitions come in order.
func kin(t testing.TB, g *Graph, o Options) (map[int32]thing, []int32) {
	t.Helper()
	out := map[int32]thing{}
	var order []int32
	of := func(l Lists, i int) []int32 { return slices.Clone(l.Nodes[l.Offsets[i]:l.Offsets[i+1]]) }
	err := g.Kin(context.Background(), o, func(b *Kin) error {
		for i, v := range b.Thing {
			if _, twice := out[v]; twice {
				t.Fatalf("node %d comes twice", v)
			}
			out[v] = thing{of(b.Ancestors, i), of(b.Descendants, i), of(b.Roots, i), of(b.Leaves, i), b.Depth[i], b.Height[i], b.InCycle[i]}
			order = append(order, v)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out, order
}

// bruteKin is what the pairs that brute finds say of every node.
func bruteKin(e Edges, p Policy, most int32) map[int32]thing {
	pairs := brute(e, p, false)
	kept := map[pair]fact{}
	above, below := map[int32]int{}, map[int32]int{}
	depth, height := map[int32]int32{}, map[int32]int32{}
	for k, f := range pairs {
		above[k.d]++
		below[k.a]++
		depth[k.d], height[k.a] = max(depth[k.d], f.Max), max(height[k.a], f.Max)
		if most == 0 || f.Min <= most {
			kept[k] = f
		}
	}
	// Members of a cycle are found with the other policy, under which they are at depth 0.
	round := map[int32]bool{}
	for k, f := range brute(e, Collapse, false) {
		if f.Min == 0 {
			round[k.a] = true
		}
	}
	out := map[int32]thing{}
	for v := range int32(e.Nodes) {
		one := thing{InCycle: round[v], Depth: depth[v], Height: height[v]}
		if most > 0 {
			one.Depth, one.Height = min(one.Depth, most), min(one.Height, most)
		}
		for k := range kept {
			if k.d == v {
				one.Ancestors = append(one.Ancestors, k.a)
			}
			if k.a == v {
				one.Descendants = append(one.Descendants, k.d)
			}
		}
		slices.SortFunc(one.Ancestors, func(a, b int32) int {
			return cmp.Or(cmp.Compare(kept[pair{a, v}].Min, kept[pair{b, v}].Min), cmp.Compare(a, b))
		})
		slices.SortFunc(one.Descendants, func(a, b int32) int {
			return cmp.Or(cmp.Compare(kept[pair{v, a}].Min, kept[pair{v, b}].Min), cmp.Compare(a, b))
		})
		for _, a := range one.Ancestors {
			if above[a] == 0 {
				one.Roots = append(one.Roots, a)
			}
		}
		for _, d := range one.Descendants {
			if below[d] == 0 {
				one.Leaves = append(one.Leaves, d)
			}
		}
		out[v] = one
	}
	return out
}

// TestKinAgainstEveryPath compares the rows of things with those that the pairs of an
// independent closure make.
func TestKinAgainstEveryPath(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	rounds, limited := 0, 0
	for i := range 3000 {
		e, p := random(r), Policy(i%2)
		g, err := New(e, p)
		if err != nil {
			t.Fatal(err)
		}
		rounds += len(g.Cycles())
		o := Options{Workers: 1 + i%3}
		if i%4 == 0 {
			o.MaxDepth = 1 + r.IntN(4)
			limited++
		}
		got, order := kin(t, g, o)
		want := bruteKin(e, p, int32(o.MaxDepth))
		for v, one := range got {
			for _, l := range []*[]int32{&one.Ancestors, &one.Descendants, &one.Roots, &one.Leaves} {
				if len(*l) == 0 {
					*l = nil
				}
			}
			got[v] = one
		}
		if d := gocmp.Diff(want, got); d != "" {
			t.Fatalf("case %d: %+v, policy %d, %+v (-pairs +things):\n%s", i, e, p, o, d)
		}
		o.Workers = 7
		if _, again := kin(t, g, o); !slices.Equal(order, again) {
			t.Fatalf("case %d: the order depends on the number of workers", i)
		}
	}
	if rounds < 200 || limited < 300 {
		t.Errorf("%d cycles, %d limits: too few to say anything", rounds, limited)
	}
}

// spilled is a file that counts what becomes of it.
type spilled struct {
	*os.File
	open *int
}

func (s spilled) Close() error {
	*s.open--
	return s.File.Close()
}

// TestKinSpills walks a chain whose lists do not fit what is kept in memory.
func TestKinSpills(t *testing.T) {
	const n = 3000
	e := Edges{Nodes: n}
	for v := range int32(n - 1) {
		e.Parent, e.Child = append(e.Parent, v), append(e.Child, v+1)
	}
	g, err := New(e, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(o Options) string {
		h := fnv.New64a()
		rows := 0
		if err := g.Kin(context.Background(), o, func(b *Kin) error {
			rows += b.Len()
			for i, v := range b.Thing {
				fmt.Fprintln(h, v, b.Ancestors.Nodes[b.Ancestors.Offsets[i]:b.Ancestors.Offsets[i+1]], b.Descendants.Nodes[b.Descendants.Offsets[i]:b.Descendants.Offsets[i+1]])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %x", rows, h.Sum64())
	}
	made, open := 0, 0
	spill := func() (Spill, error) {
		f, err := os.CreateTemp(t.TempDir(), "")
		made++
		open++
		return spilled{f, &open}, err
	}
	if kept, out := sum(Options{}), sum(Options{Spill: spill, Kept: 1}); kept != out {
		t.Errorf("%s with room, %s without", kept, out)
	}
	if made != 1 || open != 0 {
		t.Errorf("%d files were made and %d are open, want 1 and 0", made, open)
	}
	full := errors.New("the disk is full")
	err = g.Kin(context.Background(), Options{Kept: 1, Spill: func() (Spill, error) { return nil, full }}, func(*Kin) error { return nil })
	if !errors.Is(err, full) {
		t.Errorf("without room: %v", err)
	}
}

// TestKinStops ends in the middle.
func TestKinStops(t *testing.T) {
	g, err := New(layered(20_000, 4), Collapse)
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	if err := g.Kin(context.Background(), Options{}, func(*Kin) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if err := g.Kin(ctx, Options{}, func(*Kin) error { cancel(); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func BenchmarkKin(b *testing.B) {
	g, err := New(layered(200_000, 8), Collapse)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		things := 0
		if err := g.Kin(context.Background(), Options{}, func(k *Kin) error { things += k.Len(); return nil }); err != nil {
			b.Fatal(err)
		}
		if things != g.Nodes() {
			b.Fatalf("%d things of %d", things, g.Nodes())
		}
	}
}
