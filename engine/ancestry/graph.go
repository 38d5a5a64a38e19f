package ancestry

import (
	"errors"
	"fmt"
	"math"
	"slices"
)

// Edges are the arcs of a genealogy: Parent[i] went into Child[i]. Nodes are numbered from
// 0 to Nodes-1. The slices are read and kept; they must not change while a Graph made of
// them is in use.
type Edges struct {
	Nodes         int
	Parent, Child []int32
	// Share is the part of the parent's quantity that the edge took, NaN where it is not
	// known; nil: no shares are computed. Shares of edges between the same two nodes add up.
	Share []float64
	// Partition numbers the partition of every node, from 0; nil: all are in one.
	Partition []int32
}

// Policy says what becomes of cycles.
type Policy int

const (
	// Collapse treats the members of a cycle as one node: each is an ancestor of all
	// others, at depth 0, and all have the same relatives outside.
	Collapse Policy = iota
	// Exclude leaves out the edges between members of one cycle.
	Exclude
)

// Cycle is a strongly connected component of more than one node.
type Cycle struct {
	Members []int32 // ascending
	// Parent and Child are the edges between members, by parent and child.
	Parent, Child []int32
}

// Graph is a genealogy made ready to be walked. It is immutable and safe for concurrent use.
type Graph struct {
	nodes     int
	partition []int32
	// Parents of node v are parent[start[v]:start[v+1]], ascending; share goes along.
	start  []int32
	parent []int32
	share  []float64
	// place is the position of a node in topological order; nil: its number is, or, if falls,
	// the highest number comes first.
	place []int32
	falls bool
	// unit is the cycle that a node belongs to, by its smallest member, or the node itself;
	// nil: there are no cycles. Edges are between units then.
	unit    []int32
	members map[int32][]int32
	// direct are the edges between nodes, kept apart when there are cycles.
	cycles []Cycle
	// Loops counts the edges from a node to itself, Twice those that repeat another. Both
	// are left out (Twice: their shares added).
	Loops, Twice int
}

// errTooMany says that there are more edges or nodes than 32 bits number.
var errTooMany = errors.New("too many edges or nodes for one genealogy")

// New orders a genealogy. It takes time linear in nodes and edges when nodes are numbered
// parents first, as ids that count up usually are, and a factor log(nodes) more otherwise.
func New(e Edges, p Policy) (*Graph, error) {
	if len(e.Parent) != len(e.Child) || e.Share != nil && len(e.Share) != len(e.Parent) || e.Partition != nil && len(e.Partition) != e.Nodes {
		return nil, fmt.Errorf("ancestry: columns of different lengths: %d parents, %d children, %d shares, %d partitions of %d nodes", len(e.Parent), len(e.Child), len(e.Share), len(e.Partition), e.Nodes)
	}
	if e.Nodes > math.MaxInt32-1 || len(e.Parent) > math.MaxInt32-1 {
		return nil, errTooMany
	}
	for i := range e.Parent {
		if e.Parent[i] < 0 || int(e.Parent[i]) >= e.Nodes || e.Child[i] < 0 || int(e.Child[i]) >= e.Nodes {
			return nil, fmt.Errorf("ancestry: edge %d leads from %d to %d, beyond the %d nodes", i, e.Parent[i], e.Child[i], e.Nodes)
		}
	}
	g := &Graph{nodes: e.Nodes, partition: e.Partition}
	g.link(e)
	if g.ascending() {
		return g, nil
	}
	if left := g.order(); left != nil {
		g.cycles = g.components(left)
		g.contract(p)
		if rest := g.order(); rest != nil {
			return nil, fmt.Errorf("ancestry: %d nodes still form cycles after their cycles were contracted", len(rest))
		}
	}
	return g, nil
}

// Nodes is the number of nodes.
func (g *Graph) Nodes() int { return g.nodes }

// Edges is the number of distinct edges, those of cycles counted between units only.
func (g *Graph) Edges() int { return len(g.parent) }

// Cycles are the cycles found, by their smallest member.
func (g *Graph) Cycles() []Cycle { return g.cycles }

// link sorts the edges by child and parent, in two passes of counting, and joins those
// between the same nodes.
func (g *Graph) link(e Edges) {
	n := len(e.Parent)
	byParent := make([]int32, n)
	count := make([]int32, e.Nodes+1)
	for _, p := range e.Parent {
		count[p+1]++
	}
	sum(count)
	for i, p := range e.Parent {
		byParent[count[p]] = int32(i)
		count[p]++
	}
	start := make([]int32, e.Nodes+1)
	for _, c := range e.Child {
		start[c+1]++
	}
	sum(start)
	next := slices.Clone(start)
	sorted := make([]int32, n)
	for _, i := range byParent {
		c := e.Child[i]
		sorted[next[c]] = i
		next[c]++
	}
	g.parent = make([]int32, 0, n)
	if e.Share != nil {
		g.share = make([]float64, 0, n)
	}
	g.start = make([]int32, e.Nodes+1)
	for v := range e.Nodes {
		first := len(g.parent)
		for _, i := range sorted[start[v]:start[v+1]] {
			p := e.Parent[i]
			switch last := len(g.parent) - 1; {
			case int(p) == v:
				g.Loops++
			case last >= first && g.parent[last] == p:
				g.Twice++
				if g.share != nil {
					g.share[last] += e.Share[i]
				}
			default:
				g.parent = append(g.parent, p)
				if g.share != nil {
					g.share = append(g.share, e.Share[i])
				}
			}
		}
		g.start[v+1] = int32(len(g.parent))
	}
}

func sum(counts []int32) {
	for i := 1; i < len(counts); i++ {
		counts[i] += counts[i-1]
	}
}

func (g *Graph) parentsOf(v int32) []int32 { return g.parent[g.start[v]:g.start[v+1]] }

// ascending reports whether parents have smaller numbers than their children.
func (g *Graph) ascending() bool {
	for v := range int32(g.nodes) {
		if ps := g.parentsOf(v); len(ps) > 0 && ps[len(ps)-1] >= v {
			return false
		}
	}
	return true
}

// children turns the parents around.
func (g *Graph) children() (start, child []int32) {
	start = make([]int32, g.nodes+1)
	for _, p := range g.parent {
		start[p+1]++
	}
	sum(start)
	next := slices.Clone(start)
	child = make([]int32, len(g.parent))
	for v := range int32(g.nodes) {
		for _, p := range g.parentsOf(v) {
			child[next[p]] = v
			next[p]++
		}
	}
	return start, child
}

// reversed has children for parents, and the order turned round. What it shares with g must
// not be changed.
func (g *Graph) reversed() *Graph {
	start, child := g.children()
	r := &Graph{nodes: g.nodes, partition: g.partition, start: start, parent: child, unit: g.unit, members: g.members, cycles: g.cycles, falls: g.place == nil}
	if g.place != nil {
		r.place = make([]int32, g.nodes)
		for v, at := range g.place {
			r.place[v] = int32(g.nodes) - 1 - at
		}
	}
	return r
}

// order finds a topological order that takes the smallest ready node first, so that
// neighbours stay neighbours. It returns the nodes that are in cycles or below one, nil if
// there are none.
func (g *Graph) order() []int32 {
	start, child := g.children()
	open := make([]int32, g.nodes)
	ready := heap{}
	for v := range int32(g.nodes) {
		if open[v] = g.start[v+1] - g.start[v]; open[v] == 0 {
			ready.push(v)
		}
	}
	g.place = make([]int32, g.nodes)
	at := int32(0)
	for len(ready) > 0 {
		v := ready.pop()
		g.place[v] = at
		at++
		for _, c := range child[start[v]:start[v+1]] {
			if open[c]--; open[c] == 0 {
				ready.push(c)
			}
		}
	}
	if int(at) == g.nodes {
		return nil
	}
	var left []int32
	for v := range int32(g.nodes) {
		if open[v] > 0 {
			left = append(left, v)
		}
	}
	return left
}

// heap is a binary heap of numbers, the smallest first.
type heap []int32

func (h *heap) push(v int32) {
	*h = append(*h, v)
	for i := len(*h) - 1; i > 0; {
		up := (i - 1) / 2
		if (*h)[up] <= (*h)[i] {
			return
		}
		(*h)[up], (*h)[i] = (*h)[i], (*h)[up]
		i = up
	}
}

func (h *heap) pop() int32 {
	a := *h
	top, last := a[0], len(a)-1
	a[0] = a[last]
	a = a[:last]
	for i := 0; ; {
		least := i
		for c := 2*i + 1; c <= 2*i+2 && c < last; c++ {
			if a[c] < a[least] {
				least = c
			}
		}
		if least == i {
			break
		}
		a[i], a[least] = a[least], a[i]
		i = least
	}
	*h = a
	return top
}

// components finds the strongly connected components of more than one node among left
// (Tarjan 1972, without recursion).
func (g *Graph) components(left []int32) []Cycle {
	const unseen = -1
	index := make([]int32, g.nodes)
	low := make([]int32, g.nodes)
	onStack := make([]bool, g.nodes)
	among := make([]bool, g.nodes)
	for i := range index {
		index[i] = unseen
	}
	for _, v := range left {
		among[v] = true
	}
	type frame struct{ node, next int32 }
	var stack []int32
	var work []frame
	var out []Cycle
	counter := int32(0)
	enter := func(v int32) {
		index[v], low[v] = counter, counter
		counter++
		stack = append(stack, v)
		onStack[v] = true
		work = append(work, frame{v, g.start[v]})
	}
	for _, root := range left {
		if index[root] != unseen {
			continue
		}
		enter(root)
		for len(work) > 0 {
			f := &work[len(work)-1]
			if f.next < g.start[f.node+1] {
				p := g.parent[f.next]
				f.next++
				switch {
				case !among[p]:
				case index[p] == unseen:
					enter(p)
				case onStack[p]:
					low[f.node] = min(low[f.node], index[p])
				}
				continue
			}
			v := f.node
			work = work[:len(work)-1]
			if len(work) > 0 {
				up := work[len(work)-1].node
				low[up] = min(low[up], low[v])
			}
			if low[v] != index[v] {
				continue
			}
			at := slices.Index(stack, v)
			if n := len(stack); n-at > 1 {
				out = append(out, Cycle{Members: slices.Clone(stack[at:])})
			}
			for _, m := range stack[at:] {
				onStack[m] = false
			}
			stack = stack[:at]
		}
	}
	for i := range out {
		slices.Sort(out[i].Members)
	}
	slices.SortFunc(out, func(a, b Cycle) int { return int(a.Members[0]) - int(b.Members[0]) })
	return out
}

// contract makes one unit of the members of each cycle, or takes the edges between them
// away.
func (g *Graph) contract(p Policy) {
	unit := make([]int32, g.nodes)
	for v := range unit {
		unit[v] = int32(v)
	}
	members := map[int32][]int32{}
	for i := range g.cycles {
		c := &g.cycles[i]
		members[c.Members[0]] = c.Members
		for _, m := range c.Members {
			unit[m] = c.Members[0]
		}
	}
	e := Edges{Nodes: g.nodes, Partition: g.partition}
	at := map[int32]*Cycle{}
	for i := range g.cycles {
		at[g.cycles[i].Members[0]] = &g.cycles[i]
	}
	for v := range int32(g.nodes) {
		for k := g.start[v]; k < g.start[v+1]; k++ {
			from := g.parent[k]
			if unit[from] == unit[v] {
				c := at[unit[v]]
				c.Parent, c.Child = append(c.Parent, from), append(c.Child, v)
				continue
			}
			if p == Collapse {
				e.Parent, e.Child = append(e.Parent, unit[from]), append(e.Child, unit[v])
			} else {
				e.Parent, e.Child = append(e.Parent, from), append(e.Child, v)
			}
			if g.share != nil {
				share := g.share[k]
				if p == Collapse && (members[unit[from]] != nil || members[unit[v]] != nil) {
					share = math.NaN() // what goes round has no share
				}
				e.Share = append(e.Share, share)
			}
		}
	}
	if g.share != nil && e.Share == nil {
		e.Share = []float64{}
	}
	loops, twice := g.Loops, g.Twice
	g.link(e)
	g.Loops, g.Twice = loops, twice
	if p == Collapse {
		g.unit, g.members = unit, members
	}
}
