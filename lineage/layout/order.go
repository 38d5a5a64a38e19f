package layout

import (
	"cmp"
	"slices"
)

// vertex is a box or a bend: the place where a long edge passes a column.
type vertex struct {
	box      int // -1 for a bend
	rank     int
	up, down []int32
	h        float64
	y        float64 // centre
}

// grid is one connected part: its vertices by column, from top to bottom.
type grid struct {
	v       []vertex
	ranks   [][]int32
	pos     []int32 // place of each vertex in its column
	key     []float64
	lines   []line
	columns int
	// base is the number of the first column in use.
	base int
}

// line is a drawn edge with its bends, one vertex per column.
type line struct {
	edge edge
	path []int32
}

// maxBends limits what long edges may cost: beyond it the longest are drawn straight.
const maxBends = 200_000

// newGrid takes the boxes of one part and its edges.
func newGrid(in Input, part, ranks []int, edges []edge) *grid {
	g := &grid{}
	number := map[int]int32{}
	g.base = ranks[part[0]]
	top := 0
	for _, i := range part {
		g.base, top = min(g.base, ranks[i]), max(top, ranks[i])
	}
	g.columns = top - g.base + 1
	for _, i := range part {
		number[i] = int32(len(g.v))
		g.v = append(g.v, vertex{box: i, rank: ranks[i] - g.base, h: in.Boxes[i].H})
	}
	longest := affordable(edges, ranks)
	for _, e := range edges {
		g.addLine(e, number, ranks[e.to]-ranks[e.from] <= longest)
	}
	g.walk()
	return g
}

// affordable is the longest span whose edges may all have bends.
func affordable(edges []edge, ranks []int) int {
	spans := make([]int, 0, len(edges))
	for _, e := range edges {
		spans = append(spans, ranks[e.to]-ranks[e.from])
	}
	slices.Sort(spans)
	bends := 0
	for i, s := range spans {
		if bends += s - 1; bends > maxBends && i > 0 {
			return spans[i-1]
		}
	}
	if len(spans) == 0 {
		return 0
	}
	return spans[len(spans)-1]
}

func (g *grid) addLine(e edge, number map[int]int32, bent bool) {
	from, to := number[e.from], number[e.to]
	path := []int32{from}
	if bent {
		for r := g.v[from].rank + 1; r < g.v[to].rank; r++ {
			path = append(path, int32(len(g.v)))
			g.v = append(g.v, vertex{box: -1, rank: r})
		}
	}
	path = append(path, to)
	g.lines = append(g.lines, line{edge: e, path: path})
	if g.v[to].rank-g.v[from].rank != len(path)-1 {
		return // drawn straight: it does not take part in ordering
	}
	for i := 1; i < len(path); i++ {
		a, b := path[i-1], path[i]
		g.v[a].down = append(g.v[a].down, b)
		g.v[b].up = append(g.v[b].up, a)
	}
}

// walk orders each column by a depth-first walk, which keeps families together.
func (g *grid) walk() {
	g.ranks = make([][]int32, g.columns)
	g.pos = make([]int32, len(g.v))
	seen := make([]bool, len(g.v))
	var stack []int32
	visit := func(i int32) {
		stack = append(stack[:0], i)
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if seen[i] {
				continue
			}
			seen[i] = true
			r := g.v[i].rank
			g.ranks[r] = append(g.ranks[r], i)
			for k := len(g.v[i].up) - 1; k >= 0; k-- {
				stack = append(stack, g.v[i].up[k])
			}
			for k := len(g.v[i].down) - 1; k >= 0; k-- {
				stack = append(stack, g.v[i].down[k])
			}
		}
	}
	for i := range g.v {
		if !seen[i] {
			visit(int32(i))
		}
	}
	g.number()
}

func (g *grid) number() {
	for _, column := range g.ranks {
		for k, i := range column {
			g.pos[i] = int32(k)
		}
	}
}

// order reduces crossings: columns are sorted by the mean place of their neighbours, forth
// and back, neighbours change places where that helps, and the best state is kept. Small
// graphs are tried from two beginnings, since each ends in a hole of its own.
func (g *grid) order() {
	effort := g.effort()
	best, state := -1, [][]int32(nil)
	for start := 0; start < effort.starts && best != 0; start++ {
		if start == 1 { // as numbered
			for _, column := range g.ranks {
				slices.Sort(column)
			}
			g.number()
		}
		if c := g.crossings(); best < 0 || c < best {
			best, state = c, g.copyRanks()
		}
		stalled := 0
		for sweep := 0; sweep < effort.sweeps && best > 0 && stalled < effort.stalls; sweep++ {
			// Every other pair of sweeps lets equal ones pass each other.
			turned := sweep&2 != 0
			if sweep&1 == 0 {
				for r := 1; r < g.columns; r++ {
					g.sortColumn(r, true, turned)
				}
			} else {
				for r := g.columns - 2; r >= 0; r-- {
					g.sortColumn(r, false, turned)
				}
			}
			for pass := 0; pass < effort.swaps && g.transpose(); pass++ {
			}
			if c := g.crossings(); c < best {
				best, stalled, state = c, 0, g.copyRanks()
			} else {
				stalled++
			}
		}
	}
	g.ranks = state
	g.number()
}

// effort is what may be spent on fewer crossings: beginnings, sweeps of each, sweeps
// without a gain before it gives up, and rounds of swaps after a sweep.
type effort struct{ starts, sweeps, stalls, swaps int }

// effort grants large graphs less.
func (g *grid) effort() effort {
	switch n := len(g.v); {
	case n <= 600:
		return effort{2, 24, 6, 8}
	case n <= 5_000:
		return effort{1, 32, 8, 4}
	case n <= 30_000:
		return effort{1, 16, 4, 1}
	case n <= 100_000:
		return effort{1, 8, 3, 1}
	}
	return effort{1, 4, 2, 1}
}

func (g *grid) copyRanks() [][]int32 {
	out := make([][]int32, len(g.ranks))
	for i, column := range g.ranks {
		out[i] = slices.Clone(column)
	}
	return out
}

// sortColumn sorts by the mean place of neighbours on one side. Equal ones keep their order,
// or change it if turned.
func (g *grid) sortColumn(r int, byUp, turned bool) {
	column := g.ranks[r]
	if len(g.key) < len(g.v) {
		g.key = make([]float64, len(g.v))
	}
	key := g.key
	for k, i := range column {
		near := g.v[i].down
		if byUp {
			near = g.v[i].up
		}
		if len(near) == 0 {
			key[i] = float64(k)
			continue
		}
		sum := 0.0
		for _, j := range near {
			sum += float64(g.pos[j])
		}
		// Neighbouring columns differ in length: compare places as shares of theirs.
		other := r + 1
		if byUp {
			other = r - 1
		}
		scale := float64(len(column)) / float64(len(g.ranks[other]))
		key[i] = (sum/float64(len(near)) + 0.5) * scale
	}
	slices.SortFunc(column, func(a, b int32) int {
		if c := cmp.Compare(key[a], key[b]); c != 0 || !turned {
			return cmp.Or(c, cmp.Compare(g.pos[a], g.pos[b]))
		}
		return cmp.Compare(g.pos[b], g.pos[a])
	})
	for k, i := range column {
		g.pos[i] = int32(k)
	}
}

// transpose swaps neighbours where that removes crossings, in one pass over each column. It
// says whether it did.
func (g *grid) transpose() bool {
	gained := false
	for _, column := range g.ranks {
		for k := 0; k+1 < len(column); k++ {
			a, b := column[k], column[k+1]
			now := g.between(g.v[a].up, g.v[b].up) + g.between(g.v[a].down, g.v[b].down)
			if now == 0 {
				continue
			}
			swapped := g.between(g.v[b].up, g.v[a].up) + g.between(g.v[b].down, g.v[a].down)
			if swapped < now {
				column[k], column[k+1] = b, a
				g.pos[a], g.pos[b] = int32(k+1), int32(k)
				gained = true
			}
		}
	}
	return gained
}

// between counts crossings of the edges of two neighbours, the first above the second.
// Hubs are left to the sweeps: comparing all their edges would be quadratic.
func (g *grid) between(upper, lower []int32) int {
	if len(upper)*len(lower) > 4_096 {
		return 0
	}
	n := 0
	for _, a := range upper {
		for _, b := range lower {
			if g.pos[a] > g.pos[b] {
				n++
			}
		}
	}
	return n
}

// crossings counts all crossings between neighbouring columns with a Fenwick tree.
func (g *grid) crossings() int {
	total := 0
	var ends []int32
	for r := 0; r+1 < g.columns; r++ {
		tree := make([]int32, len(g.ranks[r+1])+1)
		seen := 0
		for _, i := range g.ranks[r] {
			ends = ends[:0]
			for _, j := range g.v[i].down {
				ends = append(ends, g.pos[j])
			}
			for _, p := range ends {
				below := 0
				for k := p + 1; k > 0; k -= k & -k {
					below += int(tree[k])
				}
				total += seen - below
			}
			for _, p := range ends {
				for k := p + 1; int(k) < len(tree); k += k & -k {
					tree[k]++
				}
				seen++
			}
		}
	}
	return total
}
