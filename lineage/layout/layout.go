package layout

import (
	"cmp"
	"slices"
)

// Size is the width and height of a box.
type Size struct{ W, H float64 }

// Point is a place in the drawing; y grows downwards.
type Point struct{ X, Y float64 }

// Box is a placed box: its upper left corner, its size, and its column.
type Box struct {
	X, Y, W, H float64
	Rank       int
}

// Input is a graph to draw. Edges are pairs of indices into Boxes; self-loops and edges
// out of range are not drawn.
type Input struct {
	Boxes []Size
	Edges [][2]int
	// Lanes, if there are any, hold a number for each box: boxes of a higher lane stand to
	// the right of those of lower ones, as far as edges let them.
	Lanes []int
	// RankGap is the space between columns, RowGap the space between boxes of one column.
	RankGap, RowGap float64
}

// Drawing is a placed graph. Boxes are as in the input, widened to their column's width.
// Routes are as the input's edges: points from the right side of the first box to the left
// side of the second; between, pairs of points mark where the edge crosses a column on a
// straight line. A route is nil for an edge that is not drawn.
type Drawing struct {
	Boxes  []Box
	Routes [][]Point
	W, H   float64
}

// Conversions of products to float64 before sums, here and in other files, keep processors
// from joining both: the browser's twin of this package must get the same numbers.

// Layered draws a graph in columns so that every edge leads to the right. Edges that close
// a cycle lead to the left. Connected parts are placed below each other, the largest
// first; boxes without edges follow in a grid.
func Layered(in Input) Drawing {
	d := Drawing{Boxes: make([]Box, len(in.Boxes)), Routes: make([][]Point, len(in.Edges))}
	if len(in.Boxes) == 0 {
		return d
	}
	edges := clean(in)
	ranks := assignRanks(len(in.Boxes), edges, in.Lanes)
	parts, loners := components(len(in.Boxes), edges)

	columns := columnWidths(in, ranks, parts)
	xs := make([]float64, len(columns))
	for r := 1; r < len(columns); r++ {
		xs[r] = xs[r-1] + columns[r-1] + in.RankGap
	}
	if n := len(columns); n > 0 {
		d.W = xs[n-1] + columns[n-1]
	}
	own := split(edges, parts, len(in.Boxes))
	for k, part := range parts {
		g := newGrid(in, part, ranks, own[k])
		g.order()
		g.place(in.RowGap)
		if d.H > 0 {
			d.H += 2 * in.RowGap
		}
		d.H += g.write(&d, xs, columns, d.H)
	}
	gridLoners(&d, in, loners)
	return d
}

// edge is a drawn edge, led along the topological order: flipped when it closes a cycle.
type edge struct {
	from, to int
	at       int // index in the input
	flipped  bool
}

// clean drops what cannot be drawn, turns edges that close cycles around, and sorts, so that
// the order of edges in the input does not matter.
func clean(in Input) []edge {
	n := len(in.Boxes)
	var out []edge
	for i, e := range in.Edges {
		if a, b := e[0], e[1]; a != b && a >= 0 && b >= 0 && a < n && b < n {
			out = append(out, edge{from: a, to: b, at: i})
		}
	}
	sorted := func(a, b edge) int {
		flips := 0
		if a.flipped != b.flipped {
			flips = -1
			if a.flipped {
				flips = 1
			}
		}
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), flips, cmp.Compare(a.at, b.at))
	}
	slices.SortFunc(out, sorted)
	pos := topological(n, out)
	turned := false
	for i, e := range out {
		if pos[e.from] > pos[e.to] {
			out[i], turned = edge{from: e.to, to: e.from, at: e.at, flipped: true}, true
		}
	}
	if turned {
		slices.SortFunc(out, sorted)
	}
	return out
}

// topological numbers the boxes so that edges lead upwards. In a cycle the first box by
// index is taken as the beginning.
func topological(n int, edges []edge) []int {
	down, waits := make([][]int, n), make([]int, n)
	for _, e := range edges {
		down[e.from] = append(down[e.from], e.to)
		waits[e.to]++
	}
	pos, done := make([]int, n), make([]bool, n)
	var ready []int
	for i := range n {
		if waits[i] == 0 {
			ready = append(ready, i)
		}
	}
	next, stuck := 0, 0
	for next < n {
		if len(ready) == 0 {
			for done[stuck] {
				stuck++
			}
			ready = append(ready, stuck)
		}
		i := ready[0]
		ready = ready[1:]
		if done[i] {
			continue
		}
		done[i], pos[i] = true, next
		next++
		for _, j := range down[i] {
			if waits[j]--; waits[j] == 0 && !done[j] {
				ready = append(ready, j)
			}
		}
	}
	return pos
}

// components splits the boxes into connected parts, largest first, and boxes without edges.
func components(n int, edges []edge) (parts [][]int, loners []int) {
	root := make([]int, n)
	for i := range root {
		root[i] = i
	}
	find := func(i int) int {
		for root[i] != i {
			root[i] = root[root[i]]
			i = root[i]
		}
		return i
	}
	linked := make([]bool, n)
	for _, e := range edges {
		linked[e.from], linked[e.to] = true, true
		if a, b := find(e.from), find(e.to); a != b {
			root[max(a, b)] = min(a, b)
		}
	}
	at := map[int]int{}
	for i := range n {
		if !linked[i] {
			loners = append(loners, i)
			continue
		}
		r := find(i)
		if _, ok := at[r]; !ok {
			at[r] = len(parts)
			parts = append(parts, nil)
		}
		parts[at[r]] = append(parts[at[r]], i)
	}
	slices.SortStableFunc(parts, func(a, b []int) int { return cmp.Compare(len(b), len(a)) })
	return parts, loners
}

// split gives every part its edges.
func split(edges []edge, parts [][]int, n int) [][]edge {
	of := make([]int, n)
	for k, part := range parts {
		for _, i := range part {
			of[i] = k
		}
	}
	out := make([][]edge, len(parts))
	for _, e := range edges {
		out[of[e.from]] = append(out[of[e.from]], e)
	}
	return out
}

func columnWidths(in Input, ranks []int, parts [][]int) []float64 {
	var out []float64
	for _, part := range parts {
		for _, i := range part {
			for len(out) <= ranks[i] {
				out = append(out, 0)
			}
			out[ranks[i]] = max(out[ranks[i]], in.Boxes[i].W)
		}
	}
	return out
}

// gridLoners fills rows as wide as the rest of the drawing.
func gridLoners(d *Drawing, in Input, loners []int) {
	if len(loners) == 0 {
		return
	}
	var w, h float64
	for _, i := range loners {
		w, h = max(w, in.Boxes[i].W), max(h, in.Boxes[i].H)
	}
	perRow := max(1, int((d.W+in.RowGap)/(w+in.RowGap)))
	if d.W == 0 {
		for perRow = 1; perRow*perRow*3 < len(loners); perRow++ {
		}
	}
	top := d.H
	if top > 0 {
		top += 2 * in.RowGap
	}
	for k, i := range loners {
		x, y := float64(k%perRow)*(w+in.RowGap), top+float64(float64(k/perRow)*(h+in.RowGap))
		d.Boxes[i] = Box{X: x, Y: y, W: w, H: in.Boxes[i].H}
		d.W, d.H = max(d.W, x+w), max(d.H, y+in.Boxes[i].H)
	}
}
