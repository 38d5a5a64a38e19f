package ancestry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
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

// TestKinOfALargeCycle has batches of about one size, however large a cycle is.
func TestKinOfALargeCycle(t *testing.T) {
	const n = 2000
	e := Edges{Nodes: n}
	for v := range int32(n) {
		e.Parent, e.Child = append(e.Parent, v), append(e.Child, (v+1)%n)
	}
	g, err := New(e, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	rows, pairs, most := 0, 0, 0
	if err := g.Kin(context.Background(), Options{}, func(b *Kin) error {
		rows += b.Len()
		pairs += len(b.Ancestors.Nodes)
		most = max(most, len(b.Ancestors.Nodes)+len(b.Descendants.Nodes))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if rows != n || pairs != n*(n-1) || most > kinElements+2*n {
		t.Errorf("%d rows, %d pairs, up to %d elements in a batch", rows, pairs, most)
	}
}

// TestKinIsLimited refuses more pairs than allowed, and only then.
func TestKinIsLimited(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	refused := 0
	for i := range 500 {
		e, p := random(r), Policy(i%2)
		g, err := New(e, p)
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Workers: 1 + i%3}
		if i%3 == 0 {
			o.MaxDepth = 1 + r.IntN(3)
		}
		pairs := int64(0)
		all, _ := kin(t, g, o)
		for _, one := range all {
			pairs += int64(len(one.Ancestors))
		}
		o.MaxPairs = pairs
		kin(t, g, o)
		if o.MaxPairs--; o.MaxPairs < 1 {
			continue
		}
		refused++
		var more *LimitError
		if err := g.Kin(context.Background(), o, func(*Kin) error { return nil }); !errors.As(err, &more) || more.Limit != o.MaxPairs || more.Pairs <= o.MaxPairs {
			t.Fatalf("case %d: %d pairs, limit %d: %v", i, pairs, o.MaxPairs, err)
		}
	}
	if refused < 250 {
		t.Errorf("%d refused: too few to say anything", refused)
	}
	// What is refused takes no room before.
	g, err := New(layered(5000, 1), Collapse)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{MaxDepth: 4000, MaxPairs: 1000, Kept: 1, Spill: func() (Spill, error) { return nil, errors.New("a list was written") }}
	var more *LimitError
	if err := g.Kin(context.Background(), o, func(*Kin) error { return errors.New("a row was emitted") }); !errors.As(err, &more) {
		t.Errorf("got %v", err)
	}
}

// TestAnyDepth: a limit beyond all paths is none.
func TestAnyDepth(t *testing.T) {
	g, err := New(layered(50, 2), Collapse)
	if err != nil {
		t.Fatal(err)
	}
	all, _ := kin(t, g, Options{})
	pairs := func(o Options) (n int) {
		if err := g.Walk(context.Background(), o, func(b *Batch) error { n += b.Len(); return nil }); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for _, depth := range []uint64{math.MaxInt32 - 1, math.MaxInt32, 1 << 31, 1<<32 + 1, math.MaxInt} {
		o := Options{MaxDepth: int(depth)}
		if got, _ := kin(t, g, o); !gocmp.Equal(all, got) {
			t.Errorf("%d: %s", depth, gocmp.Diff(all, got))
		}
		if got, want := pairs(o), pairs(Options{}); got != want {
			t.Errorf("%d: %d pairs, not %d", depth, got, want)
		}
	}
}

// looked counts how many times its error is asked for.
type looked struct {
	context.Context
	times int
}

func (l *looked) Err() error {
	l.times++
	return nil
}

// TestVisitLooksAtItsContext by the elements of lists, not by nodes alone.
func TestVisitLooksAtItsContext(t *testing.T) {
	e := Edges{Nodes: 1000}
	wanted := []int32{0}
	for v := range int32(999) {
		e.Parent, e.Child, wanted = append(e.Parent, v), append(e.Child, v+1), append(wanted, v+1)
	}
	g, err := New(e, Collapse)
	if err != nil {
		t.Fatal(err)
	}
	ctx := &looked{Context: context.Background()}
	if !newWalker(g, Options{}, nil).visit(ctx, wanted, func(int32, list) bool { return true }) || ctx.times < 10 {
		t.Errorf("%d times for half a million elements", ctx.times)
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
