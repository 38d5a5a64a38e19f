package layout

import (
	"fmt"
	"math/rand"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sizes(n int) []Size {
	out := make([]Size, n)
	for i := range out {
		out[i] = Size{W: float64(60 + i%7*10), H: 30}
	}
	return out
}

func draw(n int, edges ...[2]int) Drawing {
	return Layered(Input{Boxes: sizes(n), Edges: edges, RankGap: 60, RowGap: 14})
}

func TestChain(t *testing.T) {
	d := draw(3, [2]int{0, 1}, [2]int{1, 2})
	want := []Box{{0, 0, 60, 30, 0}, {120, 0, 70, 30, 1}, {250, 0, 80, 30, 2}}
	if diff := cmp.Diff(want, d.Boxes); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]Point{{60, 15}, {120, 15}}, d.Routes[0]); diff != "" {
		t.Error(diff)
	}
}

func TestLongEdgeBends(t *testing.T) {
	d := draw(3, [2]int{0, 1}, [2]int{1, 2}, [2]int{0, 2})
	if got := len(d.Routes[2]); got != 4 {
		t.Fatalf("route of the long edge has %d points: %v", got, d.Routes[2])
	}
	if y := d.Routes[2][1].Y; y > d.Boxes[1].Y && y < d.Boxes[1].Y+30 {
		t.Errorf("the long edge runs through box 1: %v %v", d.Routes[2], d.Boxes[1])
	}
}

func TestCrossingsAreRemoved(t *testing.T) {
	// Two ladders written down crosswise can be drawn without a crossing.
	in := Input{Boxes: sizes(8), Edges: [][2]int{{0, 5}, {1, 4}, {2, 7}, {3, 6}, {0, 4}, {2, 6}}, RankGap: 60, RowGap: 10}
	edges := clean(in)
	ranks := assignRanks(8, edges, nil)
	parts, _ := components(8, edges)
	own := split(edges, parts, 8)
	for k, part := range parts {
		g := newGrid(in, part, ranks, own[k])
		g.order()
		if c := g.crossings(); c != 0 {
			t.Errorf("%v: %d crossings left", part, c)
		}
	}
}

func TestOddInput(t *testing.T) {
	for name, in := range map[string]Input{
		"nothing":      {},
		"one":          {Boxes: sizes(1)},
		"loners":       {Boxes: sizes(40), RowGap: 10},
		"self":         {Boxes: sizes(2), Edges: [][2]int{{0, 0}, {0, 1}}},
		"out of range": {Boxes: sizes(2), Edges: [][2]int{{0, 9}, {-1, 1}}},
		"cycle":        {Boxes: sizes(3), Edges: [][2]int{{0, 1}, {1, 2}, {2, 0}}},
		"two cycles":   {Boxes: sizes(4), Edges: [][2]int{{0, 1}, {1, 0}, {2, 3}, {3, 2}, {1, 2}}},
		"parallel":     {Boxes: sizes(2), Edges: [][2]int{{0, 1}, {0, 1}}},
	} {
		t.Run(name, func(t *testing.T) { check(t, in, Layered(in)) })
	}
}

func TestRandomGraphs(t *testing.T) {
	for seed := range int64(60) {
		rnd := rand.New(rand.NewSource(seed))
		n := 1 + rnd.Intn(80)
		in := Input{Boxes: sizes(n), RankGap: 60, RowGap: 12}
		for range rnd.Intn(3 * n) {
			if a, b := rnd.Intn(n), rnd.Intn(n); a < b {
				in.Edges = append(in.Edges, [2]int{a, b})
			}
		}
		d := Layered(in)
		check(t, in, d)
		for _, e := range in.Edges {
			if d.Boxes[e[0]].Rank >= d.Boxes[e[1]].Rank {
				t.Fatalf("seed %d: edge %v does not lead to the right", seed, e)
			}
		}
		if !reflect.DeepEqual(d, Layered(in)) {
			t.Fatalf("seed %d: two drawings differ", seed)
		}
	}
}

// TestOrderOfEdgesDoesNotMatter draws the same graphs with their edges shuffled.
func TestOrderOfEdgesDoesNotMatter(t *testing.T) {
	for seed := range int64(40) {
		rnd := rand.New(rand.NewSource(seed))
		n := 2 + rnd.Intn(60)
		in := Input{Boxes: sizes(n), RankGap: 60, RowGap: 12}
		seen := map[[2]int]bool{}
		for range rnd.Intn(3 * n) {
			e := [2]int{rnd.Intn(n), rnd.Intn(n)} // with cycles, for those who have them
			if !seen[e] {
				seen[e] = true
				in.Edges = append(in.Edges, e)
			}
		}
		d := Layered(in)
		routes := map[[2]int][]Point{}
		for i, e := range in.Edges {
			routes[e] = d.Routes[i]
		}
		rnd.Shuffle(len(in.Edges), func(i, j int) { in.Edges[i], in.Edges[j] = in.Edges[j], in.Edges[i] })
		again := Layered(in)
		if diff := cmp.Diff(d.Boxes, again.Boxes); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		for i, e := range in.Edges {
			if diff := cmp.Diff(routes[e], again.Routes[i]); diff != "" {
				t.Fatalf("seed %d, edge %v: %s", seed, e, diff)
			}
		}
	}
}

// TestLanes holds boxes of higher lanes to the right of all lower ones, but for those that
// edges lead elsewhere.
func TestLanes(t *testing.T) {
	for seed := range int64(40) {
		rnd := rand.New(rand.NewSource(seed))
		n := 10 + rnd.Intn(50)
		in := Input{Boxes: sizes(n), RankGap: 60, RowGap: 12}
		for i := range n {
			in.Lanes = append(in.Lanes, i*4/n)
		}
		for range 2 * n {
			if a, b := rnd.Intn(n), rnd.Intn(n); a < b {
				in.Edges = append(in.Edges, [2]int{a, b})
			}
		}
		d := Layered(in)
		check(t, in, d)
		linked := map[int]bool{}
		for _, e := range in.Edges {
			linked[e[0]], linked[e[1]] = true, true
		}
		for a := range n {
			for b := range n {
				if linked[a] && linked[b] && in.Lanes[a] < in.Lanes[b] && d.Boxes[a].Rank >= d.Boxes[b].Rank {
					t.Fatalf("seed %d: %d in lane %d has rank %d, %d in lane %d has rank %d", seed, a, in.Lanes[a], d.Boxes[a].Rank, b, in.Lanes[b], d.Boxes[b].Rank)
				}
			}
		}
	}
}

// TestCrossingsStayFew keeps the quality: bounds are what was reached when it was written.
func TestCrossingsStayFew(t *testing.T) {
	for _, x := range []struct{ boxes, most int }{{30, 12}, {100, 275}, {1_000, 43_000}} {
		in := dbtLike(x.boxes)
		edges := clean(in)
		ranks := assignRanks(x.boxes, edges, nil)
		parts, _ := components(x.boxes, edges)
		own := split(edges, parts, x.boxes)
		total := 0
		for k, part := range parts {
			g := newGrid(in, part, ranks, own[k])
			g.order()
			total += g.crossings()
		}
		t.Logf("%d boxes: %d crossings", x.boxes, total)
		if total > x.most {
			t.Errorf("%d boxes: %d crossings, at most %d are expected", x.boxes, total, x.most)
		}
	}
}

// check holds the invariants of any drawing.
func check(t *testing.T, in Input, d Drawing) {
	t.Helper()
	for i, a := range d.Boxes {
		if a.X < 0 || a.Y < 0 || a.X+a.W > d.W+0.5 || a.Y+a.H > d.H+0.5 {
			t.Fatalf("box %d %v lies outside %v × %v", i, a, d.W, d.H)
		}
		if a.W < in.Boxes[i].W {
			t.Fatalf("box %d is narrower than asked", i)
		}
		for j, b := range d.Boxes[:i] {
			if a.X < b.X+b.W && b.X < a.X+a.W && a.Y < b.Y+b.H && b.Y < a.Y+a.H {
				t.Fatalf("boxes %d and %d overlap: %v %v", j, i, b, a)
			}
		}
	}
	for i, e := range in.Edges {
		drawn := e[0] != e[1] && min(e[0], e[1]) >= 0 && max(e[0], e[1]) < len(in.Boxes)
		if drawn != (d.Routes[i] != nil) {
			t.Fatalf("edge %d %v has route %v", i, e, d.Routes[i])
		}
	}
}

// dbtLike has the shape of a warehouse project.
func dbtLike(n int) Input {
	rnd := rand.New(rand.NewSource(42))
	in := Input{Boxes: sizes(n), RankGap: 60, RowGap: 12}
	for i := n / 5; i < n; i++ {
		low := max(0, i-n/4)
		for range 1 + rnd.Intn(3) {
			in.Edges = append(in.Edges, [2]int{low + rnd.Intn(i-low), i})
		}
	}
	return in
}

func TestTenThousandBoxes(t *testing.T) {
	in := dbtLike(10_000)
	start := time.Now()
	d := Layered(in)
	t.Logf("%v, %.0f × %.0f", time.Since(start), d.W, d.H)
	if took := time.Since(start); took > 10*time.Second { // the budget is 5 s on a quiet machine
		t.Errorf("took %v", took)
	}
}

func TestLongEdgesAreAffordable(t *testing.T) {
	// A chain whose every box reads the first one would have twelve million bends.
	in := Input{Boxes: sizes(5_000), RankGap: 10, RowGap: 10}
	for i := 1; i < 5_000; i++ {
		in.Edges = append(in.Edges, [2]int{i - 1, i}, [2]int{0, i})
	}
	start := time.Now()
	Layered(in)
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("took %v", took)
	}
}

func BenchmarkLayered(b *testing.B) {
	for _, n := range []int{30, 100, 1_000, 5_000, 10_000} {
		in := dbtLike(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				Layered(in)
			}
		})
	}
}
