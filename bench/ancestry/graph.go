package main

import (
	"fmt"
	"math/rand/v2"
)

// graph is a genealogy to measure with. Materials are numbered in the order in which they
// came to be, so that parents have smaller numbers, as keys that count up have.
type graph struct {
	parent, child []int64
	tenant        []int64 // of the child
	nodes         int
}

func (g *graph) add(parent, child, tenant int) {
	g.parent, g.child, g.tenant = append(g.parent, int64(parent)), append(g.child, int64(child)), append(g.tenant, int64(tenant))
}

// shape says how to make a graph.
type shape struct {
	name string
	make func() *graph
	// postgres: small enough for a recursive query there.
	postgres bool
	// update: worth measuring an update.
	update bool
	// alone: queries would not end, or not fit.
	alone bool
}

var shapes = []shape{
	{"d10k", func() *graph { return plant(10_000, 2, flat) }, true, false, false},
	{"d100k", func() *graph { return plant(100_000, 20, flat) }, true, true, false},
	{"d1m", func() *graph { return plant(1_000_000, 200, flat) }, false, true, false},
	{"d5m", func() *graph { return plant(5_000_000, 1000, flat) }, false, false, true},
	{"b10k", func() *graph { return plant(10_000, 2, deep) }, true, false, false},
	{"b100k", func() *graph { return plant(100_000, 20, deep) }, false, true, false},
	{"chain10k", chain, false, false, false},
	{"dense10k", dense, false, false, false},
}

func shapeOf(name string) (shape, error) {
	for _, s := range shapes {
		if s.name == name {
			return s, nil
		}
	}
	return shape{}, fmt.Errorf("there is no graph %q", name)
}

// process is how a plant works: layers of production that lots go through, how many of a
// layer are made at a time, and how often.
type process struct {
	layers, width int
	parents       []int // numbers of parents, each as likely
	reach         int   // how far to either side a parent stands in its layer
	rework        int   // one lot in so many goes through its layer again
	transfer      int   // one lot in so many has a parent at another tenant
}

var (
	// Twelve layers: splits and repackaging (one parent), merges of two to four.
	flat = process{layers: 12, width: 40, parents: []int{1, 1, 1, 1, 2, 2, 3, 4}, reach: 4, rework: 30, transfer: 2000}
	// 140 layers of lots that are blended again and again.
	deep = process{layers: 140, width: 7, parents: []int{1, 1, 2, 2, 3}, reach: 2, rework: 20, transfer: 5000}
)

// plant makes campaigns of lots, tenant after tenant in turns, until there are enough.
func plant(nodes, tenants int, p process) *graph {
	r := rand.New(rand.NewPCG(11, uint64(nodes)))
	g := &graph{nodes: nodes}
	var elsewhere int // a finished lot of the tenant before
	for next, campaign := 0, 0; next < nodes; campaign++ {
		tenant := campaign % tenants
		var before []int
		for layer := 0; layer < p.layers && next < nodes; layer++ {
			var now []int
			for i := 0; i < p.width && next < nodes; i++ {
				lot := next
				next++
				if layer > 0 {
					for range p.parents[r.IntN(len(p.parents))] {
						// Places of the layer before, or of this one when a lot is reworked.
						at := (i + r.IntN(2*p.reach+1) - p.reach + len(before)) % len(before)
						from := before[at]
						if len(now) > 0 && r.IntN(p.rework) == 0 {
							from = now[max(len(now)-1-r.IntN(p.reach), 0)]
						}
						g.add(from, lot, tenant)
					}
					if elsewhere > 0 && r.IntN(p.transfer) == 0 {
						g.add(elsewhere, lot, tenant)
					}
				}
				now = append(now, lot)
			}
			before = now
		}
		elsewhere = before[0]
	}
	return g
}

// chain is one line.
func chain() *graph {
	g := &graph{nodes: 10_000}
	for i := 1; i < g.nodes; i++ {
		g.add(i-1, i, 0)
	}
	return g
}

// dense is three lines of 60 layers, in which nearly everything comes from everything
// before: six lots go into one, of the layer before and, one in six, of the one before that.
func dense() *graph {
	const lines, layers, width, parents = 3, 60, 55, 6
	r := rand.New(rand.NewPCG(11, 12))
	g := &graph{nodes: lines * layers * width}
	for line := range lines {
		first := line * layers * width
		for layer := 1; layer < layers; layer++ {
			for i := range width {
				for range parents {
					from := layer - 1
					if from > 0 && r.IntN(parents) == 0 {
						from--
					}
					g.add(first+from*width+r.IntN(width), first+layer*width+i, line)
				}
			}
		}
	}
	return g
}
