package layout

import "math"

// place gives every vertex a height: as close to its neighbours as the order within its
// column allows. Bends pull strongly at each other, so that long edges run straight.
func (g *grid) place(gap float64) {
	for _, column := range g.ranks {
		y := 0.0
		for k, i := range column {
			if k > 0 {
				y += g.apart(column[k-1], i, gap)
			}
			g.v[i].y = y
		}
		for _, i := range column {
			g.v[i].y -= y / 2
		}
	}
	const up, down = 1, 2
	for sweep := 0; sweep < 10; sweep++ {
		if sweep%2 == 0 {
			for r := 1; r < g.columns; r++ {
				g.settle(r, up, gap)
			}
		} else {
			for r := g.columns - 2; r >= 0; r-- {
				g.settle(r, down, gap)
			}
		}
	}
	for sweep := 0; sweep < 2; sweep++ {
		for r := range g.columns {
			g.settle(r, up|down, gap)
		}
	}
}

// apart is the least distance of the centres of two neighbours in a column.
func (g *grid) apart(a, b int32, gap float64) float64 {
	if g.v[a].box < 0 && g.v[b].box < 0 {
		gap *= 0.75
	}
	return (g.v[a].h+g.v[b].h)/2 + gap
}

// settle solves one column exactly: the least weighted squared distance from the wanted
// places under the least distances, by pooling neighbours that push each other.
func (g *grid) settle(r, sides int, gap float64) {
	column := g.ranks[r]
	type pool struct {
		want, weight float64
		n            int
	}
	offset := make([]float64, len(column))
	pools := make([]pool, 0, len(column))
	for k, i := range column {
		if k > 0 {
			offset[k] = offset[k-1] + g.apart(column[k-1], i, gap)
		}
		want, weight := g.wanted(i, sides)
		p := pool{want: want - offset[k], weight: weight, n: 1}
		for len(pools) > 0 && pools[len(pools)-1].want > p.want {
			q := pools[len(pools)-1]
			pools = pools[:len(pools)-1]
			sum := q.weight + p.weight
			p = pool{want: (float64(q.want*q.weight) + float64(p.want*p.weight)) / sum, weight: sum, n: q.n + p.n}
		}
		pools = append(pools, p)
	}
	k := 0
	for _, p := range pools {
		for range p.n {
			g.v[column[k]].y = p.want + offset[k]
			k++
		}
	}
}

// wanted is the mean height of the neighbours on the given sides, and how much it matters.
func (g *grid) wanted(i int32, sides int) (y, weight float64) {
	pull := func(near []int32) {
		for _, j := range near {
			w := 1.0
			switch bends := (g.v[i].box < 0) == (g.v[j].box < 0); {
			case bends && g.v[i].box < 0:
				w = 8
			case !bends:
				w = 2
			}
			y += float64(w * g.v[j].y)
			weight += w
		}
	}
	if sides&1 != 0 {
		pull(g.v[i].up)
	}
	if sides&2 != 0 {
		pull(g.v[i].down)
	}
	if weight == 0 {
		return g.v[i].y, 0.01
	}
	return y / weight, weight
}

// write copies the part into the drawing below top and says how high it is.
func (g *grid) write(d *Drawing, xs, widths []float64, top float64) float64 {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range g.v {
		low, high = min(low, v.y-v.h/2), max(high, v.y+v.h/2)
	}
	for i := range g.v {
		v := &g.v[i]
		v.y = round(v.y - low + top)
		if v.box >= 0 {
			r := v.rank + g.base
			d.Boxes[v.box] = Box{X: xs[r], Y: round(v.y - v.h/2), W: widths[r], H: v.h, Rank: r}
		}
	}
	for _, l := range g.lines {
		d.Routes[l.edge.at] = g.route(l, xs, widths)
	}
	return math.Ceil(high - low)
}

func (g *grid) route(l line, xs, widths []float64) []Point {
	last := len(l.path) - 1
	first, end := g.v[l.path[0]], g.v[l.path[last]]
	points := []Point{{xs[first.rank+g.base] + widths[first.rank+g.base], first.y}}
	for _, i := range l.path[1:last] {
		r := g.v[i].rank + g.base
		points = append(points, Point{xs[r], g.v[i].y}, Point{xs[r] + widths[r], g.v[i].y})
	}
	points = append(points, Point{xs[end.rank+g.base], end.y})
	if l.edge.flipped {
		for a, b := 0, len(points)-1; a < b; a, b = a+1, b-1 {
			points[a], points[b] = points[b], points[a]
		}
	}
	return points
}

// round keeps coordinates short in files; halves go up, also below zero.
func round(x float64) float64 { return math.Floor(x*2+0.5) / 2 }
